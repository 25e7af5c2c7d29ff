"""The endpoints of reports and of the audit trail: the queries of the pages."""

from __future__ import annotations

import uuid
from dataclasses import replace
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from assist.api import schema
from assist.api.callers import actor_of
from assist.api.permissions import ActsAsSomebody
from assist.api.report_answers import (
    AuditEventsAnswer,
    BreakdownAnswer,
    OverviewAnswer,
    ReportOffersAnswer,
)
from assist.errors import InvalidInput, NotAllowed
from assist.offers.reading import offers_for
from assist.reports.audit_events import EventFilter, events_of, page_of_events
from assist.reports.columns import COLUMNS
from assist.reports.figures import DIMENSIONS
from assist.reports.filters import FILTERS, first_problem, read_filters
from assist.reports.finding import find_page
from assist.reports.overview import breakdown, overview
from assist.reports.periods import Period, read_day, read_period
from assist.reports.reading import note_reading, require_reader, source_for

MOST = 500


def _parameter(name: str, description: str) -> OpenApiParameter:
    return OpenApiParameter(name, str, description=description)


_PERIOD = [
    _parameter("from", "The first day, as 2026-11-01; left out: 29 days before the last."),
    _parameter("to", "The last day; left out: today."),
]
_PAGE = [
    OpenApiParameter("limit", int, description=f"1 to {MOST}; left out: 50."),
    _parameter("cursor", "`next_cursor` of the page before."),
]
_FILTERS = [
    _parameter(item.code, ", ".join(item.choices) if item.choices else item.hint or item.label)
    for item in FILTERS.values()
]


class ReportView(APIView):
    """What everybody with a role may ask; experts get what is theirs."""

    permission_classes = (ActsAsSomebody,)
    metadata_class = None

    def query(
        self, request: Request, report: str, known: set[str], *, subject: str = ""
    ) -> dict[str, str]:
        """The parameters of a request, once its reader is known and noted.

        Args:
            request: Of the reader.
            report: Which, by the name of its address.
            known: The parameters that it has.
            subject: Whose history it is.

        Raises:
            InvalidInput: One is not known here, or came twice; names it.
            NotAllowed: The reader has no role.
        """
        require_reader(actor_of(request))
        for name, values in request.query_params.lists():
            if name not in known or len(values) > 1:
                said = "was given more than once" if name in known else "is not known here"
                raise InvalidInput(
                    f"The parameter “{name[:40]}” {said}.",
                    remedy=f"Use each once, of: {', '.join(sorted(known))}.",
                    field=name[:40],
                )
        asked = request.query_params.urlencode()
        note_reading(actor_of(request), report, f"{subject}?{asked}" if subject else asked)
        return {name: str(value) for name, value in request.query_params.items()}


class OverviewView(ReportView):
    @extend_schema(
        operation_id="reports_overview",
        summary="Read the overview of a period",
        description="Beside as many days before. Managers and auditors get all offers, experts "
        "their own.",
        parameters=_PERIOD,
        responses={200: OverviewAnswer, **schema.problems(400, 401, 403)},
        tags=["reports"],
    )
    def get(self, request: Request) -> Response:
        query = self.query(request, "api-report-overview", {"from", "to"})
        found = overview(source_for(actor_of(request)), _period(query))
        return Response(found.to_json())


class BreakdownView(ReportView):
    @extend_schema(
        operation_id="reports_breakdown",
        summary="Count offers by expert, team, unit or computer",
        parameters=[
            *_PERIOD,
            OpenApiParameter("by", str, required=True, enum=list(DIMENSIONS)),
            _PAGE[0],
        ],
        responses={200: BreakdownAnswer, **schema.problems(400, 401, 403)},
        tags=["reports"],
    )
    def get(self, request: Request) -> Response:
        query = self.query(request, "api-report-breakdown", {"from", "to", "by", "limit"})
        if query.get("by") not in DIMENSIONS:
            raise InvalidInput(
                f"Offers are not counted by “{query.get('by', '')[:40]}”.",
                remedy=f"Choose one of: {', '.join(DIMENSIONS)}.",
                field="by",
            )
        source, dimension = source_for(actor_of(request)), DIMENSIONS[query["by"]]
        lines, number = breakdown(source, _period(query), dimension, limit_of(query))
        results = [
            {
                "key": line.key,
                "name": line.name,
                "period": line.now.to_json(),
                "before": line.before.to_json(),
            }
            for line in lines
        ]
        return Response({"results": results, "count": number})


class ReportOffersView(ReportView):
    @extend_schema(
        operation_id="reports_offers",
        summary="Read the table of offers",
        description="The newest first, with every filter of the page. Choices take several "
        "values, separated by commas.",
        parameters=[
            _parameter("from", "The first day."),
            _parameter("to", "The last day."),
            *_FILTERS,
            _parameter("columns", f"Separated by commas, of: {', '.join(COLUMNS)}."),
            *_PAGE,
        ],
        responses={200: ReportOffersAnswer, **schema.problems(400, 401, 403)},
        tags=["reports"],
    )
    def get(self, request: Request) -> Response:
        known = {"from", "to", "columns", "limit", "cursor", *FILTERS}
        query = self.query(request, "api-report-offers", known)
        wanted = {name: [value] for name, value in query.items()}
        chosen, problems = read_filters(wanted, timezone.localdate(), also=("limit", "cursor"))
        first_problem(problems)
        chosen = replace(chosen, after=query.get("cursor", ""))
        page = find_page(offers_for(actor_of(request)), chosen, limit=limit_of(query))
        results = [
            {column.code: column.value(row) for column in chosen.columns} for row in page.rows
        ]
        return Response({"results": results, "next_cursor": page.next_cursor or None})


class AuditEventsView(ReportView):
    @extend_schema(
        operation_id="audit_events_list",
        summary="Read the audit trail",
        description="The newest event first. For managers and auditors.",
        parameters=[
            _parameter("kind", "As `offer.declined`; with a dot at its end all that begin so."),
            _parameter("actor", "The SID of who did it."),
            _parameter("offer", "An offer's id."),
            _parameter("subject", "The SID or GUID of what it was done to."),
            _parameter("ticket", "The ticket's reference."),
            _parameter("from", "The first day."),
            _parameter("to", "The last day."),
            *_PAGE,
        ],
        responses={200: AuditEventsAnswer, **schema.problems(400, 401, 403)},
        tags=["reports"],
    )
    def get(self, request: Request) -> Response:
        if not actor_of(request).may_read_audit_trail:
            raise NotAllowed(
                "The audit trail is for managers and auditors.",
                remedy="Use a token of somebody who is one of these.",
            )
        texts = {"kind", "actor", "subject", "ticket"}
        known = {*texts, "offer", "from", "to", "limit", "cursor"}
        query = self.query(request, "api-audit-events", known)
        wanted = EventFilter(
            **{name: _text(query, name) for name in texts},
            offer=_offer(query),
            first=read_day(query["from"], "from") if query.get("from") else None,
            last=read_day(query["to"], "to") if query.get("to") else None,
        )
        events, cursor = page_of_events(
            events_of(wanted, timezone.localdate()),
            limit=limit_of(query),
            before=query.get("cursor", ""),
        )
        answer = AuditEventsAnswer({"results": events, "next_cursor": cursor or None})
        return Response(answer.data)


def _period(query: dict[str, str]) -> Period:
    return read_period(query.get("from", ""), query.get("to", ""), timezone.localdate())


def limit_of(query: dict[str, str]) -> int:
    """How many results are asked for.

    Raises:
        InvalidInput: It is no number, or too large.
    """
    text = query.get("limit", "50")
    if not (text.isascii() and text.isdigit() and len(text) < 5 and 1 <= int(text) <= MOST):
        raise InvalidInput(
            f"“{text[:20]}” is no number of results.", remedy=f"Ask for 1 to {MOST}.", field="limit"
        )
    return int(text)


def _text(query: dict[str, str], name: str) -> str:
    text = query.get(name, "")
    if "\x00" in text or len(text) > 256:
        raise InvalidInput(
            "The text holds a NUL character or is too long.",
            remedy="Send 256 characters at most, without it.",
            field=name,
        )
    return text


def _offer(query: dict[str, Any]) -> uuid.UUID | None:
    if not query.get("offer"):
        return None
    try:
        return uuid.UUID(query["offer"])
    except ValueError as error:
        raise InvalidInput(
            "That is no offer's id.", remedy="Send it as offers have it.", field="offer"
        ) from error
