"""The launcher for handed-off offers, to install on experts' computers."""

from __future__ import annotations

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from assist import audit
from assist.launcher import FOLDER, SCRIPT_NAME, launcher_files
from assist.lifecycle import Authority
from assist.views.access import actor_with_role


@require_safe
def launcher(request: HttpRequest) -> HttpResponse:
    """What it is, and how it is installed."""
    _require_hand_off(request)
    context = {"files": list(launcher_files()), "folder": FOLDER, "script": SCRIPT_NAME}
    return render(request, "assist/launcher.html", context)


@require_safe
def launcher_file(request: HttpRequest, name: str) -> HttpResponse:
    """One of its files."""
    _require_hand_off(request)
    try:
        content = launcher_files()[name]
    except KeyError as error:
        raise Http404 from error
    audit.record(
        "launcher.taken", actor=actor_with_role(request), subject_kind="file", subject_name=name
    )
    answer = HttpResponse(content, content_type="application/octet-stream")
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer


def _require_hand_off(request: HttpRequest) -> None:
    """There is a launcher where offers may be handed off, for whoever has a role."""
    actor_with_role(request)
    if Authority.HANDOFF not in settings.OFFER_AUTHORITIES:
        raise Http404
