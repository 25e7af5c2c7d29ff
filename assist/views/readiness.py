"""Readiness: of one computer on its page, of all computers for managers."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from assist.forms import SavedSearchForm, SweepForm, show_error
from assist.models import ComputerReadiness, ReadinessSweep, SavedSearch
from assist.readiness.catalogue import CHECKS_BY_CODE, UNSEEN, in_order
from assist.readiness.coverage import BUCKETS, computers_of, coverage
from assist.readiness.requesting import GIVE_UP, readiness_request
from assist.readiness.results import WORST_FIRST, Result
from assist.readiness.scopes import scope_of_choice, search_delete, search_save
from assist.readiness.sweeps import is_permitted, sweep_cancel, sweep_start
from assist.readiness.table import table
from assist.reports.export import note_export
from assist.reports.reading import note_reading
from assist.views.access import actor_for, actor_with_role, for_managers, require_manager
from assist.views.live import live_part
from assist.views.streaming import streamed
from directory.errors import PortalError
from directory.models import Computer, OrganizationalUnit

PER_PAGE = 100
SEARCH_IDS = "search_%s"  # both forms of the page have a unit
SWEEPS = 10
UNITS = 200
EFFECTS = {"not_ready": "deny", "unknown": "unknown", "warning": "warn", "ready": "allow"}
BUCKET_WORDS = {
    "ready": "ready",
    "not_ready": "not ready",
    "unknown": "not known",
    "unchecked": "not checked lately",
}


@require_POST
def readiness_asked(request: HttpRequest, guid: uuid.UUID) -> HttpResponse:
    """Have a computer checked; with ``sessions`` also look who is logged on."""
    actor = actor_with_role(request)
    computer = get_object_or_404(Computer.objects.select_related("domain", "ou"), pk=guid)
    with_sessions = request.POST.get("sessions") == "yes"
    readiness_request(actor=actor, computer=computer, with_sessions=with_sessions)
    if request.htmx:  # type: ignore[attr-defined]
        return render(request, "assist/_readiness.html", readiness_part(computer))
    return redirect(f"{reverse('computer', args=(guid,))}#readiness-title")


@require_safe
def readiness_live(request: HttpRequest, guid: uuid.UUID) -> HttpResponse:
    """The results on the computer's page, until the check that was asked for is over."""
    actor_with_role(request)
    computer = get_object_or_404(Computer, pk=guid)
    part = readiness_part(computer)
    return live_part(request, "assist/_readiness.html", part, is_final=not part["is_waiting"])


def readiness_part(computer: Computer) -> dict[str, Any]:
    """What the part of a computer's page shows."""
    found = ComputerReadiness.objects.filter(pk=computer.pk).first()
    results = in_order(Result.from_json(item) for item in found.results.values()) if found else []
    by_state = [
        (
            state.value,
            [(CHECKS_BY_CODE[item.check], item) for item in results if item.state is state],
        )
        for state in WORST_FIRST
    ]
    waiting = found is not None and found.is_waiting
    asked_at = found.requested_at if found else None
    return {
        "computer": computer,
        "readiness": found,
        "groups": [(state, EFFECTS[state], items) for state, items in by_state if items],
        "cause": CHECKS_BY_CODE.get(found.cause) if found else None,
        "unseen": UNSEEN,
        "is_waiting": waiting,
        "is_overdue": bool(waiting and asked_at and timezone.now() - asked_at > GIVE_UP),
        "version": f"{waiting}",
    }


@require_safe
@for_managers
def readiness(request: HttpRequest) -> HttpResponse:
    """How many computers could be helped now, what blocks the rest, and the sweeps."""
    note_reading(actor_for(request), "readiness", request.GET.urlencode())
    return _page(request, SweepForm(), SavedSearchForm(auto_id=SEARCH_IDS))


@require_safe
@for_managers
def readiness_sweeps(request: HttpRequest) -> HttpResponse:
    """The sweeps alone, for the page that is open."""
    context = _sweeps()
    return live_part(request, "assist/_readiness_sweeps.html", context)


@require_POST
@for_managers
def sweep_started(request: HttpRequest) -> HttpResponse:
    """Begin a sweep."""
    form = SweepForm(request.POST)
    if form.is_valid():
        try:
            sweep = sweep_start(
                actor=actor_for(request),
                scope=scope_of_choice(form.cleaned_data["unit"], form.cleaned_data["search"]),
                ignores_window=form.cleaned_data["at_once"],
            )
        except PortalError as error:
            show_error(form, error)
        else:
            messages.success(request, f"{sweep.total} computers will be checked.")
            return redirect("readiness")
    return _page(request, form, SavedSearchForm(auto_id=SEARCH_IDS), status=422)


@require_POST
@for_managers
def sweep_cancelled(request: HttpRequest, sweep_id: uuid.UUID) -> HttpResponse:
    """End a sweep."""
    sweep = get_object_or_404(ReadinessSweep, pk=sweep_id)
    sweep_cancel(actor=actor_for(request), sweep=sweep)
    return redirect("readiness")


@require_POST
@for_managers
def search_saved(request: HttpRequest) -> HttpResponse:
    """Save a search."""
    form = SavedSearchForm(request.POST, auto_id=SEARCH_IDS)
    if form.is_valid():
        try:
            saved = search_save(actor=actor_for(request), now=timezone.now(), **form.cleaned_data)
        except PortalError as error:
            show_error(form, error)
        else:
            messages.success(request, f"The search {saved.name} is saved.")
            return redirect("readiness")
    return _page(request, SweepForm(), form, status=422)


@require_POST
@for_managers
def search_deleted(request: HttpRequest, search_id: int) -> HttpResponse:
    """Forget a saved search; what it found stays."""
    search_delete(actor=actor_for(request), search=get_object_or_404(SavedSearch, pk=search_id))
    return redirect("readiness")


@require_safe
@for_managers
def readiness_computers(request: HttpRequest) -> HttpResponse:
    """The computers behind a number of the report."""
    note_reading(actor_for(request), "readiness-computers", request.GET.urlencode())
    chosen = _chosen(request)
    number = request.GET.get("page", "1")
    page = max(1, int(number[:6])) if number.isdecimal() else 1
    first = (page - 1) * PER_PAGE
    rows = list(computers_of(timezone.now(), **chosen)[first : first + PER_PAGE + 1])
    unit = OrganizationalUnit.objects.filter(pk=chosen["unit"]).first() if chosen["unit"] else None
    query = request.GET.copy()
    query.pop("page", None)
    context = {
        "rows": [(item, _cause_of(item)) for item in rows[:PER_PAGE]],
        "bucket": BUCKET_WORDS.get(chosen["bucket"], ""),
        "cause": CHECKS_BY_CODE.get(chosen["cause"]),
        "unit": unit,
        "query": query.urlencode(),
        "page": page,
        "has_more": len(rows) > PER_PAGE,
    }
    return render(request, "assist/readiness_computers.html", context)


@require_safe
def readiness_csv(request: HttpRequest) -> HttpResponseBase:
    """The same computers, all of them, as a table for a spreadsheet."""
    require_manager(request)
    note_export(actor_for(request), "readiness-csv", request.GET.urlencode(), "csv")
    blocks = table(computers_of(timezone.now(), **_chosen(request)))
    return streamed(
        request, blocks, content_type="text/csv; charset=utf-8", file_name="readiness.csv"
    )


def _page(
    request: HttpRequest, sweep_form: SweepForm, search_form: SavedSearchForm, status: int = 200
) -> HttpResponse:
    unit = _unit_of(request)
    report = coverage(timezone.now(), unit=unit.pk if unit else None)
    context = {
        "report": report,
        "units": report.units[:UNITS],
        "more_units": max(0, len(report.units) - UNITS),
        "unit": unit,
        "sweep_form": sweep_form,
        "search_form": search_form,
        "searches": SavedSearch.objects.select_related("unit"),
        "unseen": UNSEEN,
        **_sweeps(),
    }
    return render(request, "assist/readiness.html", context, status=status)


def _sweeps() -> dict[str, Any]:
    now = timezone.now()
    found = list(ReadinessSweep.objects.all()[:SWEEPS])
    sweeps = [(sweep, _doing(sweep, found, now)) for sweep in found]
    version = ",".join(
        f"{sweep.pk.hex[:8]}{doing.replace(' ', '-')}{sweep.done}" for sweep, doing in sweeps
    )
    return {
        "sweeps": sweeps,
        "has_running": any(sweep.is_running for sweep in found),
        "version": version or "none",
    }


def _doing(sweep: ReadinessSweep, among: list[ReadinessSweep], now: datetime) -> str:
    """What a sweep does, for a person."""
    if not sweep.is_running:
        return sweep.state
    if not is_permitted(sweep, now):
        return "waits for the permitted hours"
    is_anothers = not sweep.turn and any(other.turn for other in among)
    return "waits for its turn" if is_anothers else "running"


def _unit_of(request: HttpRequest) -> OrganizationalUnit | None:
    text = request.GET.get("unit", "")
    if not text:
        return None
    try:
        return get_object_or_404(OrganizationalUnit, pk=uuid.UUID(text))
    except ValueError as error:
        raise Http404 from error


def _chosen(request: HttpRequest) -> dict[str, Any]:
    unit = _unit_of(request)
    bucket, cause = request.GET.get("state", ""), request.GET.get("cause", "")
    if (bucket and bucket not in BUCKETS) or (cause and cause not in CHECKS_BY_CODE):
        raise Http404
    return {"bucket": bucket, "cause": cause, "unit": unit.pk if unit else None}


def _cause_of(computer: Computer) -> Result | None:
    """The result that says why a computer is not ready."""
    found = getattr(computer, "readiness", None)
    data = found.results.get(found.cause) if found else None
    return Result.from_json(data) if data else None
