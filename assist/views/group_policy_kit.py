"""The Group Policy kit: choose, look, take along."""

from __future__ import annotations

import uuid
from typing import Any

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.text import slugify
from django.views.decorators.http import require_http_methods

from assist.forms import GroupPolicyKitForm, show_error
from assist.group_policy_kit import drift, find_policy, kit_archive, known_helpers, record_kit
from assist.views.access import for_managers, require_manager
from directory.errors import PortalError
from directory.grouppolicy.kit import Generation, KitChoice, Profile, kit_files
from directory.grouppolicy.kit.instructions import instructions


@for_managers
@require_http_methods(["GET", "HEAD", "POST"])
def group_policy_kit(request: HttpRequest) -> HttpResponse:
    """The form; with ``take`` the archive, else what it would hold."""
    form = GroupPolicyKitForm(request.POST or None)
    context: dict[str, Any] = {"form": form}
    if request.method == "POST" and form.is_valid():
        try:
            helpers = known_helpers(form.cleaned_data["helpers"].splitlines())
            choice = _choice(form.cleaned_data, helpers.names)
            if "take" in request.POST:
                return _archive(request, choice)
            context |= {"choice": choice, "remarks": helpers.remarks}
            context["instructions"] = instructions(choice)
            if name := form.cleaned_data["compare_with"]:
                policy = find_policy(name)
                context |= {"policy": policy, "differences": drift(choice, policy)}
        except PortalError as error:
            show_error(form, error)
    status = 422 if form.is_bound and form.errors else 200
    return render(request, "assist/group_policy_kit.html", context, status=status)


def _choice(data: dict[str, Any], helpers: tuple[str, ...]) -> KitChoice:
    logging = data["session_logging"]
    return KitChoice(
        name=data["name"],
        control=data["mode"] == "control",
        helpers=helpers,
        profiles=frozenset(map(Profile, data["profiles"])),
        generations=frozenset(map(Generation, data["generations"])),
        session_logging=None if not logging else logging == "on",
        view_message=data["view_message"],
        control_message=data["control_message"],
        event_log=data["event_log"],
    )


def _archive(request: HttpRequest, choice: KitChoice) -> HttpResponse:
    now = timezone.now()
    files = kit_files(choice, backup_id=uuid.uuid4(), now=now)
    with transaction.atomic():
        record_kit(require_manager(request), choice, form="zip")
    name = slugify(choice.name) or "group-policy-kit"
    return HttpResponse(
        kit_archive(files, now),
        content_type="application/zip",
        headers={"Content-Disposition": f'attachment; filename="{name}.zip"'},
    )
