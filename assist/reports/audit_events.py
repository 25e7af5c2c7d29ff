"""The audit trail as a table, the newest event first."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db.models import QuerySet

from assist.errors import InvalidInput
from assist.models import AuditEvent
from assist.reports.periods import Period, require_period


@dataclass(frozen=True)
class EventFilter:
    """Which events; what is empty or None narrows nothing.

    Attributes:
        kind: As ``offer.declined``; with a dot at its end all that begin so.
        actor: The SID of who did it.
        offer: The offer's id.
        subject: The SID or GUID of what it was done to.
        ticket: The ticket's reference.
        first: The first day.
        last: The last day.
    """

    kind: str = ""
    actor: str = ""
    offer: uuid.UUID | None = None
    subject: str = ""
    ticket: str = ""
    first: date | None = None
    last: date | None = None


def events_of(wanted: EventFilter, today: date) -> QuerySet[AuditEvent]:
    """These events.

    Args:
        wanted: Which.
        today: The day it is in the portal's time zone.

    Raises:
        InvalidInput: The days cannot be; names the field.
    """
    events = AuditEvent.objects.all()
    if wanted.kind.endswith("."):
        events = events.filter(kind__startswith=wanted.kind)
    elif wanted.kind:
        events = events.filter(kind=wanted.kind)
    exact: dict[str, Any] = {
        "actor_sid": wanted.actor,
        "offer_id": wanted.offer,
        "subject_id": wanted.subject,
        "ticket": wanted.ticket,
    }
    events = events.filter(**{name: value for name, value in exact.items() if value})
    if wanted.first or wanted.last:
        first = wanted.first or wanted.last or today
        last = wanted.last or max(today, first)
        require_period(Period(first, last), today)
        if wanted.first:
            events = events.filter(at__gte=Period(first, first).begins_at)
        if wanted.last:
            events = events.filter(at__lt=Period(last, last).ends_at)
    return events


def page_of_events(
    events: QuerySet[AuditEvent], *, limit: int, before: str = ""
) -> tuple[list[AuditEvent], str]:
    """One page, and the cursor of what follows (empty: nothing).

    Args:
        events: Which.
        limit: The most.
        before: The cursor of the page before.

    Raises:
        InvalidInput: The cursor is none of ours.
    """
    if before:
        if not (before.isascii() and before.isdigit() and len(before) < 19):
            raise InvalidInput(
                "The cursor is not one that this list gave out.",
                remedy="Send next_cursor of the page before as it is, or leave it out.",
                field="cursor",
            )
        events = events.filter(pk__lt=int(before))
    beside = events.select_related("seal").prefetch_related("personal")
    found = list(beside.order_by("-pk")[: limit + 1])
    page = found[:limit]
    return page, str(page[-1].pk) if len(found) > limit else ""
