"""One step of an offer: a compare-and-set, the history row and the audit event together."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction

from assist import audit, invitations
from assist.actors import Actor
from assist.authority import handing
from assist.errors import OfferConflict
from assist.lifecycle import ENDS, LABELS, State, may_follow
from assist.models import Offer, OfferTransition

INVITING = frozenset({State.OFFERED, State.ANSWERING})
# A worker may still call the computer, or call it again.
CALLING = frozenset({State.REQUESTED, State.HELD, State.QUEUED, State.CONTACTING, State.CHOOSING})


@transaction.atomic
def move(
    offer: Offer,
    following: State,
    *,
    actor: Actor,
    now: datetime,
    sentence: str = "",
    remedy: str = "",
    code: str = "",
    grade: str = "",
    data: Mapping[str, Any] | None = None,
    personal: Mapping[str, str] | None = None,
    **columns: Any,
) -> None:
    """Take an offer from the state it has in memory into the next one.

    Args:
        offer: As read; brought up to date when the step succeeds.
        following: The state to enter.
        actor: Who takes the step.
        now: When, an aware time.
        sentence: Why, for a person; kept with the step and, at an end, with the offer.
        remedy: At an end: what to do next.
        code: At an end: why, for programs.
        grade: How sure the outcome is, where the step rests on evidence.
        data: Details for the audit event.
        personal: What tells who is logged on there, for the audit event, by name.
        columns: Other columns of the offer that change with it.

    Raises:
        OfferConflict: The offer is not in that state any more, or the step is not one of the
            table's; nothing was written.
    """
    current = State(offer.state)
    if not may_follow(current, following):
        raise _conflict(current)
    columns |= {"state": following.value, "deadline_at": _deadline(following, now, columns)}
    if following in ENDS:
        columns |= {
            "ended_at": now,
            "end_code": code or following.value,
            "end_sentence": sentence[:500],
            "end_remedy": remedy[:500],
        }
    if following is State.ACCEPTED or (following in ENDS and following is not State.ENDED):
        columns |= {"outcome": following.value, "outcome_grade": grade}
    if following is State.ANSWERING:
        columns.setdefault("prompted_at", now)
    if following in (State.ACCEPTED, State.DECLINED):
        columns.setdefault("answered_at", now)
    # Another worker may have taken the offer over since (see deadlines): its number differs.
    won = Offer.objects.filter(pk=offer.pk, state=current.value, attempts=offer.attempts)
    # A claim raises the number; every other step writes under it.
    if won.update(**columns) != 1:
        raise _conflict(current)
    for name, value in columns.items():
        setattr(offer, name, value)
    note_step(
        offer,
        current.value,
        actor=actor,
        now=now,
        sentence=sentence,
        grade=grade,
        data=data,
        personal=personal,
    )
    if current in INVITING and following not in INVITING:
        invitations.wipe(offer, now=now)
    if current in CALLING and following not in CALLING:
        handing.wipe(offer, now=now)


def note_step(
    offer: Offer,
    from_state: str,
    *,
    actor: Actor,
    now: datetime,
    sentence: str = "",
    grade: str = "",
    data: Mapping[str, Any] | None = None,
    personal: Mapping[str, str] | None = None,
) -> None:
    """The history row and the audit event of a step just taken."""
    OfferTransition.objects.create(
        offer=offer, from_state=from_state, to_state=offer.state, sentence=sentence[:500], at=now
    )
    details: dict[str, Any] = {"from": from_state, "to": offer.state}
    if sentence and "sentence" not in (personal or {}):
        details["sentence"] = sentence
    if grade:
        details["grade"] = str(grade)
    audit.record(
        f"offer.{offer.state}",
        actor=actor,
        offer=offer,
        data=details | dict(data or {}),
        personal=personal,
        now=now,
    )


def contact_time() -> timedelta:
    """How long a worker may be at it before it counts as lost.

    Both calls within their limit, the DNS answer before them, and time to write.
    """
    return timedelta(seconds=settings.CONTACT_TOTAL_TIMEOUT_SECONDS * 2 + 15)


def waiting_time() -> timedelta:
    """How long an offer may wait for a worker to take it."""
    return timedelta(seconds=settings.QUEUE_TIMEOUT_SECONDS)


def _deadline(state: State, now: datetime, columns: Mapping[str, Any]) -> datetime | None:
    if state is State.CONTACTING:
        return now + (contact_time() if columns.get("claimed_at") else waiting_time())
    if state is State.QUEUED:
        return now + waiting_time()
    seconds = {
        State.CHOOSING: settings.CHOICE_TIMEOUT_SECONDS,
        State.OFFERED: settings.OPENING_TIMEOUT_SECONDS,
        State.ANSWERING: settings.ANSWER_TIMEOUT_SECONDS,
        State.ACCEPTED: settings.ACCEPTED_TIMEOUT_SECONDS,
    }.get(state)
    return None if seconds is None else now + timedelta(seconds=seconds)


def _conflict(current: State) -> OfferConflict:
    return OfferConflict(
        f"The offer does not permit this now: {LABELS[current].lower()}.",
        remedy="Look at the offer's present state.",
    )
