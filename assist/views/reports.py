"""The overview of offers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from django.http import HttpRequest, HttpResponse, QueryDict
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString
from django.views.decorators.http import require_safe

from assist.errors import InvalidInput
from assist.lifecycle import LABELS, State
from assist.reports.charts import WIDE, WIDTH, Bar, bar_chart, busiest, stretches
from assist.reports.counts import MEASURES, OTHER_ENDS, RATES, Counts
from assist.reports.delays import Delay
from assist.reports.export import FORMATS, format_named, note_export, rows_file
from assist.reports.figures import DIMENSIONS, Dimension
from assist.reports.filters import NONE, WEEKDAYS
from assist.reports.overview import Line, Obstacle, Overview, breakdown, overview
from assist.reports.periods import DEFAULT_DAYS, Period, last_days, presets, read_period
from assist.reports.reading import note_reading, source_for
from assist.views.access import actor_with_role
from assist.views.report_frame import frame
from assist.views.streaming import streamed

MOST_LINES = 25
MOST_REMEDIES = 5
LINE_MEASURES = (*RATES, "refused", "blocked", "control", "violations")
PARAMETERS = ("from", "to", "by")


@dataclass(frozen=True)
class Row:
    """A measure of the overview: its figures, and where the offers behind them are."""

    code: str
    label: str
    hint: str
    now: int
    before: int
    view: int
    control: int
    share: float | None
    share_before: float | None
    link: str
    link_before: str
    link_view: str
    link_control: str


@dataclass(frozen=True)
class Wait:
    """One of the two waits."""

    code: str
    label: str
    now: Delay
    before: Delay
    view: Delay
    control: Delay


@dataclass(frozen=True)
class Chart:
    """A chart and the table beside it."""

    title: str
    what: str
    svg: SafeString
    bars: list[Bar]


@require_safe
def reports(request: HttpRequest) -> HttpResponse:
    """The overview of a period."""
    actor = actor_with_role(request)
    today = timezone.localdate()
    period, by, problems = _asked_for(request.GET, today)
    source = source_for(actor)
    found = overview(source, period)
    dimension = DIMENSIONS[by]
    lines, number = breakdown(source, period, dimension, MOST_LINES)
    note_reading(actor, "reports", request.GET.urlencode())
    context = {
        **frame(request, "reports", "Reports"),
        "problems": problems,
        "wrong": {problem.field for problem in problems},
        "overview_url": reverse("reports"),
        "period": period,
        "period_query": period_query(period),
        "typed_from": request.GET.get("from", "") if problems else period.first.isoformat(),
        "typed_to": request.GET.get("to", "") if problems else period.last.isoformat(),
        "presets": presets(today),
        "by": by,
        "dimension": dimension,
        "dimensions": DIMENSIONS.values(),
        "rows": _rows(found),
        "waits": _waits(found),
        "charts": _charts(found),
        "lines": [_line(line, dimension, period) for line in lines],
        "more_lines": number - len(lines),
        "line_measures": LINE_MEASURES,
        "formats": FORMATS.values(),
        "obstacles": [_obstacle(item, period) for item in found.obstacles],
    }
    return render(request, "assist/reports/overview.html", context, status=422 if problems else 200)


@require_safe
def report_breakdown_file(request: HttpRequest, kind: str) -> HttpResponseBase:
    """Everybody of the breakdown, as a file."""
    actor = actor_with_role(request)
    wanted = format_named(kind)
    period, by, problems = _asked_for(request.GET, timezone.localdate())
    if problems:
        return reports(request)  # says what is wrong beside what was typed
    note_export(actor, "reports", request.GET.urlencode(), kind)
    lines, _ = breakdown(source_for(actor), period, DIMENSIONS[by])
    codes = ("key", "name", *MEASURES, *(f"{name}_before" for name in MEASURES))
    rows = [
        (
            line.key,
            line.name,
            *(getattr(line.now, name) for name in MEASURES),
            *(getattr(line.before, name) for name in MEASURES),
        )
        for line in lines
    ]
    return streamed(
        request,
        rows_file(f"By {by}", codes, rows, wanted),
        content_type=wanted.content_type,
        file_name=f"offers-by-{by}.{kind}",
    )


def period_query(period: Period) -> str:
    """A period as addresses have it."""
    return f"from={period.first.isoformat()}&to={period.last.isoformat()}"


def _asked_for(query: QueryDict, today: Any) -> tuple[Period, str, list[InvalidInput]]:
    problems = [
        InvalidInput(
            f"The overview has no “{name[:40]}”.",
            remedy=f"Leave it out, or use one of: {', '.join(PARAMETERS)}.",
            field=name[:40],
        )
        for name in query
        if name not in PARAMETERS
    ]
    period, by = last_days(DEFAULT_DAYS, today), query.get("by") or "expert"
    try:
        period = read_period(query.get("from", ""), query.get("to", ""), today)
    except InvalidInput as error:
        problems.append(error)
    if by not in DIMENSIONS:
        problems.append(
            InvalidInput(
                f"Offers are not counted by “{by[:40]}”.",
                remedy=f"Choose one of: {', '.join(DIMENSIONS)}.",
                field="by",
            )
        )
        by = "expert"
    return period, by, problems


def _rows(found: Overview) -> list[Row]:
    others = ",".join(state.value for state in OTHER_ENDS)
    wanted = (
        ("offers", "Offers", "", "", ""),
        *((name, LABELS[State(name)], "", f"outcome={name}", "rate") for name in RATES),
        ("refused", "Refused", "", "outcome=refused", "share"),
        ("blocked", "Blocked by Windows", "", "outcome=blocked", "share"),
        (
            "other",
            "Other ends",
            "nobody there, not reached, busy, cancelled, failed",
            f"outcome={others}",
            "share",
        ),
        ("going_on", "Still going on", "", "outcome=going_on", "share"),
        ("prompted", "The user was asked", "", "prompted=yes", "share"),
        ("violations", "Control on a view-only offer", "a violation", "violation=yes", "share"),
    )
    return [_row(found, *item) for item in wanted]


def _row(found: Overview, code: str, label: str, hint: str, query: str, how: str) -> Row:
    def share(counts: Counts) -> float | None:
        return getattr(counts, how)(code) if how else None

    def link(period: Period, more: str = "") -> str:
        return "&".join(filter(None, (period_query(period), query, more)))

    now, before = found.all.now, found.all.before
    return Row(
        code,
        label,
        hint,
        getattr(now, code),
        getattr(before, code),
        getattr(found.view.now, code),
        getattr(found.control.now, code),
        share(now),
        share(before),
        link(found.period),
        link(found.period.before),
        link(found.period, "mode=view"),
        link(found.period, "mode=control"),
    )


def _waits(found: Overview) -> list[Wait]:
    times = found.times
    return [
        Wait(code, label, now[""], before, now["view"], now["control"])
        for code, label, now, before in (
            ("prompt", "From the request until the user was asked", *_of(times, "prompt")),
            ("answer", "From then until the answer", *_of(times, "answer")),
        )
    ]


def _of(times: Any, name: str) -> tuple[Any, Delay]:
    return getattr(times, name), getattr(times, f"{name}_before")


def _charts(found: Overview) -> list[Chart]:
    period = found.period
    within = period_query(period)
    days = [
        Bar(item.label, item.offers, period_query(Period(item.first, item.last)))
        for item in stretches(found.days, period.first, period.last)
    ]
    hours = [
        Bar(f"{hour:02}", counts.offers, f"{within}&hour={hour}")
        for hour, counts in enumerate(found.hours)
    ]
    weekdays = [
        Bar(WEEKDAYS[str(number)][:3], counts.offers, f"{within}&weekday={number}")
        for number, counts in enumerate(found.weekdays, start=1)
    ]
    return [
        _chart("days", "Offers over time", "From", days, "from", WIDE),
        _chart("hours", "Offers by hour of the day", "Hour", hours, "in the hour from"),
        _chart("weekdays", "Offers by day of the week", "Day", weekdays, "on"),
    ]


def _chart(
    identity: str, title: str, what: str, bars: list[Bar], where: str, width: int = WIDTH
) -> Chart:
    svg = bar_chart(identity, title, busiest(bars, where), bars, width=width)
    return Chart(title, what, svg, bars)


def _line(line: Line, dimension: Dimension, period: Period) -> tuple[Line, str, str]:
    key = f"{dimension.filter}={quote(line.key or NONE)}"
    return line, f"{period_query(period)}&{key}", f"{period_query(period.before)}&{key}"


def _obstacle(
    item: Obstacle, period: Period
) -> tuple[Obstacle, str, str, tuple[tuple[str, int], ...], int]:
    query = f"outcome={item.outcome}&rule={quote(item.rule)}"
    return (
        item,
        f"{period_query(period)}&{query}",
        f"{period_query(period.before)}&{query}",
        item.remedies[:MOST_REMEDIES],
        max(0, len(item.remedies) - MOST_REMEDIES),
    )
