"""What-ifs: name changes, watch the answer come, look at it again."""

from __future__ import annotations

import json
import uuid
from datetime import timedelta
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from assist.errors import InvalidInput
from assist.forms import WhatIfForm, show_error
from assist.models import WhatIf
from assist.views.access import actor_for, for_managers
from assist.views.live import live_part
from assist.what_ifs import MOST_CHANGES, NamedChange, what_if_ask, what_if_cancel
from directory.errors import PortalError
from directory.models import Domain, GroupPolicy

SHOWN = 20
OFFERED_NAMES = 500
WAITS_LONG = timedelta(minutes=1)


@for_managers
@require_http_methods(["GET", "HEAD", "POST"])
def what_ifs(request: HttpRequest) -> HttpResponse:
    """The form and the last what-ifs.

    ``add`` puts the change beside those named before it, ``remove`` takes one of these away,
    anything else asks. Changes named before travel with the form.
    """
    if request.method != "POST":
        return _page(request, WhatIfForm(), [])
    form = WhatIfForm(request.POST)
    try:
        before = _named_before(request)
    except InvalidInput as error:
        show_error(form, error)
        return _page(request, form, [], status=422)
    if "remove" in request.POST:
        kept = [item for number, item in enumerate(before) if request.POST["remove"] != str(number)]
        return _page(request, WhatIfForm(initial=request.POST.dict()), kept)
    is_adding = "add" in request.POST
    try:
        if form.is_blank and before and not is_adding:
            changes = before
        elif form.is_valid():
            changes = [*before, NamedChange(form.cleaned_data["kind"], form.names)]
            changes[-1].understood()
        else:
            return _page(request, form, before, status=422)
        if is_adding and len(changes) <= MOST_CHANGES:
            return _page(request, WhatIfForm(initial={"kind": changes[-1].kind}), changes)
        return redirect("what-if", what_if_ask(actor=actor_for(request), changes=changes).pk)
    except PortalError as error:
        show_error(form, error)
    return _page(request, form, before, status=422)


@for_managers
@require_safe
def what_if(request: HttpRequest, what_if_id: uuid.UUID) -> HttpResponse:
    """One what-if: how far it is, or its answer."""
    asked = get_object_or_404(WhatIf, pk=what_if_id)
    return render(request, "assist/what_if.html", _part(asked))


@for_managers
@require_safe
def what_if_live(request: HttpRequest, what_if_id: uuid.UUID) -> HttpResponse:
    """The part of the page that changes by itself."""
    asked = get_object_or_404(WhatIf, pk=what_if_id)
    part = _part(asked) | {"is_part": True}
    return live_part(request, "assist/_what_if.html", part, is_final=not asked.is_running)


@for_managers
@require_POST
def what_if_cancelled(request: HttpRequest, what_if_id: uuid.UUID) -> HttpResponse:
    """Give up the answer."""
    asked = get_object_or_404(WhatIf, pk=what_if_id)
    what_if_cancel(actor=actor_for(request), asked=asked)
    return redirect("what-if", asked.pk)


def _named_before(request: HttpRequest) -> list[NamedChange]:
    """The changes that travel with the form.

    Raises:
        InvalidInput: They are not what the form was given.
    """
    try:
        found = [json.loads(text) for text in request.POST.getlist("change")[: MOST_CHANGES + 1]]
    except (ValueError, RecursionError):
        found = [None]
    return [NamedChange.from_json(item) for item in found]


def _page(
    request: HttpRequest, form: WhatIfForm, changes: list[NamedChange], status: int = 200
) -> HttpResponse:
    context = {
        "form": form,
        "changes": [(_sentence(change), json.dumps(change.to_json())) for change in changes],
        "asked": WhatIf.objects.defer("result", "changes")[:SHOWN],
        "policies": _some_names(GroupPolicy, "display_name"),
        "domains": _some_names(Domain, "dns_name"),
    }
    return render(request, "assist/what_ifs.html", context, status=status)


def _sentence(change: NamedChange) -> str:
    try:
        return str(change.understood())
    except PortalError as error:
        return error.sentence


def _some_names(model: type[GroupPolicy] | type[Domain], column: str) -> list[str]:
    """What the browser may propose."""
    rows = model._default_manager.filter(is_present=True).order_by(column)
    return list(rows.values_list(column, flat=True).distinct()[:OFFERED_NAMES])


def _part(asked: WhatIf) -> dict[str, Any]:
    is_waiting = asked.is_running and asked.worker is None
    return {
        "asked": asked,
        "is_waiting": is_waiting,
        "is_overdue": is_waiting and timezone.now() - asked.requested_at > WAITS_LONG,
        "version": f"{asked.state},{is_waiting},{asked.done}",
        **(_answer(asked) if asked.result else {}),
    }


def _answer(asked: WhatIf) -> dict[str, Any]:
    """The stored answer in the order in which a person reads it."""
    result: dict[str, Any] = asked.result or {}
    sides = [
        (word, mode, result[word][mode]) for word in ("gained", "lost") for mode in result[word]
    ]
    units = [
        {"name": unit["unit"], "cells": [unit[word][mode] for word, mode, _ in sides]}
        for unit in result["units"]
    ]
    return {
        "result": result,
        "seconds": asked.seconds,
        "sides": sides,
        "units": units,
        "is_nothing": not any(side["pairs"] for _, _, side in sides),
    }
