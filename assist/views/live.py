"""Parts of pages that htmx asks for again and again."""

from __future__ import annotations

from collections.abc import Mapping

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

NOTHING_NEW = 204
STOP = 286  # htmx: put it in place and ask no more


def live_part(
    request: HttpRequest, template: str, context: Mapping[str, object], *, is_final: bool = False
) -> HttpResponse:
    """A part of a page, unless the page shows it already.

    What has not changed is not put in place again: it would take the focus from whoever works
    with the keyboard, and the place from whoever listens.

    Args:
        request: Its parameter ``seen`` is the version the page shows.
        template: Of the part alone.
        context: For the template; ``version`` names what is shown.
        is_final: Nothing will follow.
    """
    if is_final:
        return render(request, template, dict(context), status=STOP)
    if request.GET.get("seen") == context["version"]:
        return HttpResponse(status=NOTHING_NEW)
    return render(request, template, dict(context))
