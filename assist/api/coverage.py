"""The endpoints of coverage and of histories: the queries of their pages."""

from __future__ import annotations

import uuid

from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from assist.api import schema
from assist.api.callers import actor_of
from assist.api.coverage_answers import (
    ComputerHistoryAnswer,
    CoverageAnswer,
    CoverageRowsAnswer,
    ExpertHistoryAnswer,
)
from assist.api.reports import ReportView, limit_of
from assist.models.offer import OfferQuerySet
from assist.offers.reading import offers_for
from assist.reports.columns import COLUMNS
from assist.reports.coverage import (
    PARAMETERS,
    TABLES,
    Asked,
    Findings,
    read_asked,
    read_number,
    require_coverage_reader,
    table_named,
)
from assist.reports.histories import (
    LIMITS_OF_COMPUTER,
    LIMITS_OF_EXPERT,
    Change,
    Told,
    computer_of,
    day_of_computer,
    expert_history,
    expert_offers,
    read_past_day,
)
from assist.reports.listing import page_of
from directory.names import UnknownName

MOST_ROWS = 10_000_000
_OFFER_COLUMNS = tuple(
    COLUMNS[code]
    for code in ("requested_at", "expert", "computer", "novice", "team", "mode", "outcome")
)
_ASKED = [
    OpenApiParameter("from", str, description="The first day; left out: 29 days before the last."),
    OpenApiParameter("to", str, description="The last day; left out: today."),
    OpenApiParameter("more_than", int, description="Groups of more people than this are told of."),
]
_PAGE = [
    OpenApiParameter("limit", int, description="1 to 500; left out: 50."),
    OpenApiParameter("cursor", str, description="`next_cursor` of the page before."),
]


class CoverageView(ReportView):
    @extend_schema(
        operation_id="reports_coverage",
        summary="Count what is amiss with helper lists",
        description="For managers and auditors. Decides on all computers: takes seconds for a "
        "large directory.",
        parameters=_ASKED,
        responses={200: CoverageAnswer, **schema.problems(400, 401, 403)},
        tags=["reports"],
    )
    def get(self, request: Request) -> Response:
        require_coverage_reader(actor_of(request))
        asked = _asked(self.query(request, "api-report-coverage", set(PARAMETERS)))
        found = Findings(asked)
        tables = [
            {"table": table.code, "title": table.label, "count": len(table.lines(found))}
            for table in TABLES.values()
        ]
        return Response(
            {
                "from": asked.period.first,
                "to": asked.period.last,
                "more_than": asked.more_than,
                "lines": len(found.lists.entries),
                "computers": found.reach.computers,
                "tables": tables,
            }
        )


class CoverageRowsView(ReportView):
    @extend_schema(
        operation_id="reports_coverage_rows",
        summary="Read the rows behind a number of the coverage",
        description=f"For managers and auditors. Tables: {', '.join(TABLES)}.",
        parameters=[*_ASKED, *_PAGE],
        responses={200: CoverageRowsAnswer, **schema.problems(400, 401, 403)},
        tags=["reports"],
    )
    def get(self, request: Request, table: str) -> Response:
        require_coverage_reader(actor_of(request))
        wanted = table_named(table)
        known = {*PARAMETERS, "limit", "cursor"}
        query = self.query(request, f"api-report-coverage-{table}", known)
        first = read_number(query.pop("cursor", "0"), "cursor", most=MOST_ROWS)
        limit = limit_of(query)
        query.pop("limit", None)
        lines = wanted.lines(Findings(_asked(query)))
        last = first + limit
        results = [
            dict(zip(wanted.heads, line.cells, strict=True)) | {"key": line.key}
            for line in lines[first:last]
        ]
        cursor = str(last) if len(lines) > last else None
        return Response({"results": results, "count": len(lines), "next_cursor": cursor})


class ExpertHistoryView(ReportView):
    @extend_schema(
        operation_id="reports_expert",
        summary="Read the history of an expert",
        description="An expert reads her own alone.",
        parameters=_PAGE,
        responses={200: ExpertHistoryAnswer, **schema.problems(400, 401, 403, 404)},
        tags=["reports"],
    )
    def get(self, request: Request, sid: str) -> Response:
        actor = actor_of(request)
        query = self.query(request, "api-report-expert", {"limit", "cursor"}, subject=sid)
        history = expert_history(actor, sid)
        return Response(
            {
                "sid": history.sid,
                "name": history.name,
                "is_known": history.is_known,
                "ways": [
                    {
                        "policy": way.policy,
                        "line": way.text,
                        "through": list(way.through),
                        "is_linked": way.is_linked,
                    }
                    for way in history.ways
                ],
                "changes": [_change(change) for change in history.changes],
                "offers": _offers(expert_offers(actor, sid), query),
                "limits": list(LIMITS_OF_EXPERT),
            }
        )


class ComputerHistoryView(ReportView):
    @extend_schema(
        operation_id="reports_computer",
        summary="Read the history of a computer, and who could help it on a day",
        description="Experts get their own offers and decisions. `allowed` is null where it "
        "cannot be known; `limits` says why.",
        parameters=[
            OpenApiParameter("day", str, description="As 2026-11-20; left out: today."),
            *_PAGE,
        ],
        responses={200: ComputerHistoryAnswer, **schema.problems(400, 401, 403, 404)},
        tags=["reports"],
    )
    def get(self, request: Request, guid: str) -> Response:
        actor, known = actor_of(request), {"day", "limit", "cursor"}
        query = self.query(request, "api-report-computer", known, subject=guid)
        computer = computer_of(_guid(guid))
        day = read_past_day(query.get("day", ""), timezone.localdate())
        found = day_of_computer(actor, computer, day, timezone.now())
        allowed = None if found.allowed is None else [each.to_json() for each in found.allowed]
        last_run = found.last_run.finished_at if found.last_run else None
        return Response(
            {
                "id": str(computer.pk),
                "name": computer.name,
                "day": found.day,
                "decisions": [_told(told) for told in found.decisions],
                "nearest": [_told(told) for told in found.nearest],
                "directory_read_at": last_run,
                "runs_with_changes_since": found.runs_since,
                "allowed": allowed,
                "changes": [_change(change) for change in found.changes],
                "offers": _offers(offers_for(actor).filter(computer=computer), query),
                "limits": list(LIMITS_OF_COMPUTER),
            }
        )


def _asked(query: dict[str, str]) -> Asked:
    asked, problems = read_asked(query, timezone.localdate(), timezone.now())
    if problems:
        raise problems[0]
    return asked


def _offers(offers: OfferQuerySet, query: dict[str, str]) -> dict[str, object]:
    page = page_of(offers, _OFFER_COLUMNS, limit=limit_of(query), after=query.get("cursor", ""))
    results = [
        {"id": str(row["id"]), **{column.code: column.value(row) for column in _OFFER_COLUMNS}}
        for row in page.rows
    ]
    return {"results": results, "next_cursor": page.next_cursor or None}


def _change(change: Change) -> dict[str, object]:
    return {"what": change.what, "name": change.name, "at": change.at, "run": change.run}


def _told(told: Told) -> dict[str, object]:
    return {
        "offer": str(told.offer.pk),
        "at": told.offer.requested_at,
        "expert_sid": told.offer.expert_sid,
        "expert_name": told.offer.expert_name,
        "is_allowed": told.is_allowed,
        "sentence": told.sentence,
        "team": told.team,
        "outcome": told.offer.outcome or told.offer.state,
    }


def _guid(text: str) -> uuid.UUID:
    try:
        return uuid.UUID(text)
    except ValueError:
        raise UnknownName(
            "There is no such computer.", remedy="Send its objectGUID.", field="guid"
        ) from None
