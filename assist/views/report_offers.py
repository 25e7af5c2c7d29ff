"""The table of offers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, QueryDict
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from assist.errors import InvalidInput
from assist.offers.reading import offers_for
from assist.reports.columns import COLUMNS, Cell, Column
from assist.reports.export import FORMATS, format_named, note_export, offers_file
from assist.reports.filters import FILTERS, Chosen, Filter, filtered, read_filters
from assist.reports.finding import find_page
from assist.reports.periods import presets
from assist.reports.reading import note_reading
from assist.reports.saved_views import view_forget, view_save, views_of
from assist.views.access import actor_with_role
from assist.views.report_frame import frame
from assist.views.streaming import streamed
from directory.errors import PortalError

FIRST_FILTERS = ("text", "outcome", "mode", "expert", "computer", "novice", "ticket")


@dataclass(frozen=True)
class Field:
    """A filter as the form shows it.

    Attributes:
        filter: Which.
        typed: What was typed, as it was typed.
        chosen: What was chosen.
        problem: Why it cannot be used, or None.
    """

    filter: Filter
    typed: str
    chosen: frozenset[str]
    problem: InvalidInput | None

    @property
    def joined(self) -> str:
        """All that was chosen, as one value of an address."""
        return ",".join(value for value in self.filter.choices if value in self.chosen)


@require_safe
def report_offers(request: HttpRequest) -> HttpResponse:
    """The offers that the address asks for."""
    actor = actor_with_role(request)
    today = timezone.localdate()
    chosen, problems = read_filters(dict(request.GET.lists()), today)
    rows, cursor = [], ""
    if not problems:
        try:
            page = find_page(offers_for(actor), chosen)
        except InvalidInput as error:
            problems.append(error)
        else:
            rows = [(row["id"], _cells(row, chosen.columns)) for row in page.rows]
            cursor = page.next_cursor
    note_reading(actor, "report-offers", request.GET.urlencode())
    fields = _fields(request.GET, problems)
    query = chosen.query()
    context = {
        **frame(request, "report-offers", "Offers"),
        "problems": problems,
        "wrong": {problem.field for problem in problems},
        "first_fields": [fields[code] for code in FIRST_FILTERS],
        "more_fields": [field for code, field in fields.items() if code not in FIRST_FILTERS],
        "more_is_open": any(
            field.typed or field.chosen
            for code, field in fields.items()
            if code not in FIRST_FILTERS
        ),
        "typed_from": request.GET.get("from", ""),
        "typed_to": request.GET.get("to", ""),
        "presets": [(preset, _with_period(chosen, preset.period)) for preset in presets(today)],
        "columns": chosen.columns,
        "column_codes": ",".join(column.code for column in chosen.columns),
        "all_columns": [(column, column in chosen.columns) for column in COLUMNS.values()],
        "rows": rows,
        "query": query,
        "older": f"{query}&after={cursor}".lstrip("&") if cursor else "",
        "is_first": not chosen.after,
        "is_filtered": bool(query),
        "formats": FORMATS.values(),
        "views": views_of(actor),
    }
    return render(request, "assist/reports/offers.html", context, status=422 if problems else 200)


@require_safe
def report_offers_file(request: HttpRequest, kind: str) -> HttpResponseBase:
    """The same offers, all of them, as a file."""
    actor = actor_with_role(request)
    wanted = format_named(kind)
    chosen, problems = read_filters(dict(request.GET.lists()), timezone.localdate())
    if problems:
        return report_offers(request)  # says what is wrong beside what was typed
    note_export(actor, "report-offers", request.GET.urlencode(), kind)
    return streamed(
        request,
        offers_file(filtered(offers_for(actor), chosen), chosen.columns, wanted),
        content_type=wanted.content_type,
        file_name=f"offers.{kind}",
    )


@require_POST
def report_view_saved(request: HttpRequest) -> HttpResponse:
    """Keep the table's filters and columns under a name."""
    actor = actor_with_role(request)
    query = QueryDict(request.POST.get("query", "")[:8000])
    chosen, problems = read_filters(dict(query.lists()), timezone.localdate())
    try:
        if problems:
            raise problems[0]
        view_save(
            actor=actor,
            name=request.POST.get("name", ""),
            query=chosen.query(),
            now=timezone.now(),
        )
    except PortalError as error:
        messages.error(request, f"{error.sentence} {error.remedy}")
    else:
        messages.success(request, "The view is saved.")
    return redirect(f"{reverse('report-offers')}?{chosen.query()}")


@require_POST
def report_view_forgotten(request: HttpRequest, view_id: int) -> HttpResponse:
    """Forget a saved view."""
    view_forget(actor=actor_with_role(request), view_id=view_id)
    return redirect("report-offers")


def _cells(row: dict[str, Any], columns: tuple[Column, ...]) -> list[tuple[str, Cell]]:
    return [(column.kind, column.read(row)) for column in columns]


def _fields(query: QueryDict, problems: list[InvalidInput]) -> dict[str, Field]:
    wrong = {problem.field: problem for problem in problems}
    found = {}
    for code, wanted in FILTERS.items():
        texts = query.getlist(code)
        chosen = frozenset(part for text in texts for part in text.split(","))
        found[code] = Field(
            wanted,
            texts[-1] if texts and not wanted.choices else "",
            chosen if wanted.choices else frozenset(),
            wrong.get(code),
        )
    return found


def _with_period(chosen: Chosen, period: Any) -> str:
    return Chosen(period.first, period.last, chosen.values, chosen.columns).query()
