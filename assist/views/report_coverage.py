"""Helper lists against reality."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, QueryDict
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from assist.actors import Actor
from assist.errors import InvalidInput
from assist.reports.coverage import (
    PAGE,
    TABLES,
    Asked,
    Findings,
    Line,
    read_asked,
    read_number,
    require_coverage_reader,
    table_named,
)
from assist.reports.export import FORMATS, format_named, note_export, rows_file
from assist.reports.periods import presets
from assist.reports.reading import note_reading
from assist.views.access import actor_for
from assist.views.report_frame import frame
from assist.views.streaming import streamed

MOST_PAGES = 100_000


@require_safe
def report_coverage(request: HttpRequest) -> HttpResponse:
    """The numbers; those that take long are fetched by the page once it is there."""
    actor = _reader(request)
    asked, problems = _asked(request.GET)
    found = Findings(asked)
    note_reading(actor, "report-coverage", request.GET.urlencode())
    context = {
        **frame(request, "report-coverage", "Coverage"),
        **_typed(request.GET, asked, problems),
        "numbers": [
            (table, None if table.is_slow else len(table.lines(found))) for table in TABLES.values()
        ],
        "lines": len(found.lists.entries),
    }
    return render(request, "assist/reports/coverage.html", context, status=_status(problems))


@require_safe
def report_coverage_number(request: HttpRequest, code: str) -> HttpResponse:
    """One number that takes long."""
    _reader(request)
    asked, problems = _asked(request.GET)
    if problems:
        raise problems[0]
    table = table_named(code)
    context = {"table": table, "number": len(table.lines(Findings(asked))), "query": asked.query}
    return render(request, "assist/reports/_coverage_number.html", context)


@require_safe
def report_coverage_rows(request: HttpRequest, code: str) -> HttpResponse:
    """The rows behind a number."""
    actor, table = _reader(request), table_named(code)
    asked, problems = _asked(request.GET, "page")
    page = 1
    try:
        page = read_number(request.GET.get("page") or "1", "page", least=1, most=MOST_PAGES)
    except InvalidInput as error:
        problems.append(error)
    lines = [] if problems else table.lines(Findings(asked))
    note_reading(actor, f"report-coverage-{code}", request.GET.urlencode())
    context = {
        **frame(request, "report-coverage", table.label),
        **_typed(request.GET, asked, problems),
        "table": table,
        "heads": table.heads.values(),
        "rows": [(line.cells, _url(line)) for line in lines[(page - 1) * PAGE : page * PAGE]],
        "number": len(lines),
        "page": page,
        "has_more": len(lines) > page * PAGE,
        "formats": FORMATS.values(),
    }
    return render(request, "assist/reports/coverage_rows.html", context, status=_status(problems))


@require_safe
def report_coverage_file(request: HttpRequest, code: str, kind: str) -> HttpResponseBase:
    """The same rows, all of them, as a file."""
    actor, table, wanted = _reader(request), table_named(code), format_named(kind)
    asked, problems = _asked(request.GET, "page")
    if problems:
        return report_coverage_rows(request, code)  # says what is wrong beside what was typed
    note_export(actor, f"report-coverage-{code}", request.GET.urlencode(), kind)
    rows = [line.cells for line in table.lines(Findings(asked))]
    return streamed(
        request,
        rows_file(table.label, list(table.heads), rows, wanted),
        content_type=wanted.content_type,
        file_name=f"{code}.{kind}",
    )


def _reader(request: HttpRequest) -> Actor:
    actor = actor_for(request)
    require_coverage_reader(actor)
    return actor


def _asked(query: QueryDict, *beside: str) -> tuple[Asked, list[InvalidInput]]:
    values = {name: str(value) for name, value in query.items() if name not in beside}
    return read_asked(values, timezone.localdate(), timezone.now())


def _typed(query: QueryDict, asked: Asked, problems: list[InvalidInput]) -> dict[str, object]:
    """What the form shows: what was typed, where that cannot be used."""
    return {
        "problems": problems,
        "wrong": {problem.field for problem in problems},
        "asked": asked,
        "query": asked.query,
        "period": asked.period,
        "presets": presets(timezone.localdate()),
        "typed_from": query.get("from", "") if problems else asked.period.first.isoformat(),
        "typed_to": query.get("to", "") if problems else asked.period.last.isoformat(),
        "typed_more_than": query.get("more_than") or asked.more_than,
    }


def _url(line: Line) -> str:
    match line.kind:
        case "expert":
            return reverse("report-expert", args=[line.key])
        case "computer":
            return reverse("report-computer", args=[line.key])
        case _:
            return ""


def _status(problems: list[InvalidInput]) -> int:
    return 422 if problems else 200
