"""The history of one expert, and of one computer."""

from __future__ import annotations

import uuid
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from assist.errors import InvalidInput
from assist.models.offer import OfferQuerySet
from assist.offers.reading import offers_for
from assist.reports.columns import COLUMNS
from assist.reports.histories import (
    LIMITS_OF_COMPUTER,
    LIMITS_OF_EXPERT,
    computer_of,
    day_of_computer,
    expert_history,
    expert_offers,
    read_past_day,
)
from assist.reports.listing import Page, page_of
from assist.reports.reading import note_reading
from assist.views.access import actor_with_role
from assist.views.report_frame import frame

OF_EXPERT = ("requested_at", "computer", "novice", "team", "mode", "outcome", "ticket")
OF_COMPUTER = ("requested_at", "expert", "novice", "team", "mode", "outcome", "ticket")


@require_safe
def report_expert(request: HttpRequest, sid: str) -> HttpResponse:
    """What is known of an expert, and her offers."""
    actor = actor_with_role(request)
    history = expert_history(actor, sid)
    problems = _unknown(request, "after")
    context = {
        **frame(request, "report-expert", history.name),
        **_offers(request, expert_offers(actor, sid), OF_EXPERT, problems),
        "history": history,
        "limits": LIMITS_OF_EXPERT,
        "offers_query": f"expert={sid}",
    }
    note_reading(actor, "report-expert", f"{sid}?{request.GET.urlencode()}")
    status = 422 if problems else 200
    return render(request, "assist/reports/expert.html", context, status=status)


@require_safe
def report_computer(request: HttpRequest, guid: uuid.UUID) -> HttpResponse:
    """What is known of a computer: its offers, and who could help it on a day."""
    actor = actor_with_role(request)
    computer = computer_of(guid)
    problems = _unknown(request, "after", "day")
    now, today = timezone.now(), timezone.localdate()
    day = today
    try:
        day = read_past_day(request.GET.get("day", ""), today)
    except InvalidInput as error:
        problems.append(error)
    offers = offers_for(actor).filter(computer=computer)
    context = {
        **frame(request, "report-computer", computer.name),
        **_offers(request, offers, OF_COMPUTER, problems),
        "computer": computer,
        "found": day_of_computer(actor, computer, day, now, decide="day" in request.GET),
        "decides": "day" in request.GET,
        "shows_experts": actor.may_read_audit_trail,
        "typed_day": request.GET.get("day") or day.isoformat(),
        "today": today,
        "limits": LIMITS_OF_COMPUTER,
        "offers_query": f"computer={guid}",
    }
    note_reading(actor, "report-computer", f"{guid}?{request.GET.urlencode()}")
    status = 422 if problems else 200
    return render(request, "assist/reports/computer.html", context, status=status)


def _unknown(request: HttpRequest, *known: str) -> list[InvalidInput]:
    return [
        InvalidInput(
            f"This history has no “{name[:40]}”.",
            remedy=f"Leave it out, or use one of: {', '.join(known)}.",
            field=name[:40],
        )
        for name in request.GET
        if name not in known
    ]


def _offers(
    request: HttpRequest,
    offers: OfferQuerySet,
    codes: tuple[str, ...],
    problems: list[InvalidInput],
) -> dict[str, Any]:
    columns = tuple(COLUMNS[code] for code in codes)
    page = Page([], "")
    try:
        page = page_of(offers, columns, after=request.GET.get("after", ""))
    except InvalidInput as error:
        problems.append(error)
    kept = request.GET.copy()
    kept["after"] = page.next_cursor
    return {
        "columns": columns,
        "rows": [
            (row["id"], [(column.kind, column.read(row)) for column in columns])
            for row in page.rows
        ],
        "older": kept.urlencode() if page.next_cursor else "",
        "is_first": not request.GET.get("after"),
        "newest": request.path,
        "problems": problems,
        "wrong": {problem.field for problem in problems},
        "offers_url": reverse("report-offers"),
    }
