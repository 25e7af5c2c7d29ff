"""Evidence of what happened on the novice's computer, and the outcome that follows from it."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from assist import audit
from assist.actors import Actor
from assist.errors import InvalidInput, OfferConflict
from assist.lifecycle import ENDS, State
from assist.models import (
    Evidence,
    EvidenceKind,
    EvidenceSource,
    Grade,
    LogFollowing,
    Offer,
    WindowsEvent,
)
from assist.offers.reading import require_own
from assist.offers.transitions import move
from assist.outcomes import MEANING, SENTENCES, Observation, Outcome, outcome_of

REPORTABLE = frozenset(
    {
        EvidenceKind.VIEWED,
        EvidenceKind.CONTROLLED,
        EvidenceKind.DECLINED,
        EvidenceKind.UNANSWERED,
        EvidenceKind.ENDED,
    }
)
# Where the expert's word has something to say.
_AFTER_INVITATION = frozenset(
    {
        State.OFFERED,
        State.ANSWERING,
        State.ACCEPTED,
        State.ENDED,
        State.DECLINED,
        State.UNANSWERED,
        State.UNOPENED,
    }
)
# Ends that evidence about the novice may correct; others only by proof that she was let in.
_CORRECTABLE = frozenset(
    {State.ENDED, State.DECLINED, State.UNANSWERED, State.UNOPENED, State.BLOCKED}
)
_UNDECIDED = frozenset({State.OFFERED, State.ANSWERING})


def offer_report(
    *, actor: Actor, offer: Offer, kind: EvidenceKind, now: datetime | None = None
) -> Offer:
    """The expert says what she saw happen. Graded as her word; Windows' own record outranks it.

    Args:
        actor: The expert whom the offer belongs to.
        offer: The offer, once it has an invitation.
        kind: viewed, controlled, declined, unanswered or ended.
        now: An aware time; the present if None.

    Raises:
        OfferNotFound: The offer is not the actor's own.
        InvalidInput: Nothing that an expert can say.
        OfferConflict: Too early, or an end of what never began.
    """
    require_own(actor, offer)
    now = now or timezone.now()
    if kind not in REPORTABLE:
        raise InvalidInput(
            "That is nothing an expert can report.",
            remedy=f"Report one of {', '.join(sorted(REPORTABLE))}.",
            field="kind",
        )
    offer.refresh_from_db()
    if State(offer.state) not in _AFTER_INVITATION:
        raise OfferConflict(
            "Nobody has been asked yet.", remedy="Wait until the invitation is ready."
        )
    if kind == EvidenceKind.ENDED and offer.viewed_at is None:
        raise OfferConflict(
            "No session has begun that could end.",
            remedy="Report first that the user let you see the screen, or that he declined.",
        )
    with transaction.atomic():
        known = Evidence.objects.filter(offer=offer, source=EvidenceSource.EXPERT, kind=kind)
        if not known.exists():
            add(
                offer,
                kind,
                source=EvidenceSource.EXPERT,
                grade=Grade.STATED,
                sentence=f"{actor.name}: {EvidenceKind(kind).label.lower()}.",
                at=now,
                actor=actor,
                now=now,
            )
    settle(offer.pk, now=now)
    offer.refresh_from_db()
    return offer


def evidence_from_windows(event: WindowsEvent, now: datetime) -> Evidence | None:
    """What an event that belongs to an offer stands for, recorded; None if nothing.

    The caller settles the offer once all events that came together are recorded.
    """
    kind = MEANING.get(event.event_id)
    if kind is None or event.offer is None:
        return None
    return add(
        event.offer,
        EvidenceKind(kind),
        source=EvidenceSource.WINDOWS_EVENT,
        grade=Grade.STRONG,
        sentence=SENTENCES[event.event_id],
        at=event.at,
        actor=Actor.portal(),
        now=now,
        windows_event=event,
    )


def add(
    offer: Offer,
    kind: EvidenceKind,
    *,
    source: EvidenceSource,
    grade: Grade,
    sentence: str,
    at: datetime,
    actor: Actor,
    now: datetime,
    windows_event: WindowsEvent | None = None,
) -> Evidence:
    """Record one piece of evidence with its audit event, within the caller's transaction."""
    evidence = Evidence.objects.create(
        offer=offer,
        kind=kind,
        source=source,
        grade=grade,
        sentence=sentence,
        at=at,
        recorded_at=now,
        windows_event=windows_event,
    )
    data = {"kind": str(kind), "source": str(source), "grade": str(grade), "at": at.isoformat()}
    if windows_event is not None:
        data |= {"event_id": str(windows_event.event_id), "record": str(windows_event.record_id)}
    audit.record("evidence.recorded", actor=actor, offer=offer, data=data, now=now)
    return evidence


def settle(offer_id: uuid.UUID, *, now: datetime) -> None:
    """Bring an offer to where its evidence says it is.

    Safe to call at any time and from anywhere: each step is a compare-and-set, and the evidence
    is looked at anew after a lost one.
    """
    for _ in range(5):
        offer = Offer.objects.get(pk=offer_id)
        try:
            _settle(offer, outcome_of(observations(offer)), now)
        except OfferConflict:
            continue
        return


def observations(offer: Offer) -> list[Observation]:
    """An offer's evidence as the rules of outcomes read it."""
    rows = Evidence.objects.filter(offer=offer).select_related("windows_event")
    return observations_of(rows, _clock_ahead(offer.pk))


def observations_of(evidence: Iterable[Evidence], clock_ahead: timedelta) -> list[Observation]:
    """The same for rows at hand, all by the portal's clock.

    Args:
        evidence: With their Windows events.
        clock_ahead: How far the computer's clock was ahead when Remote Assistance started.
    """
    items = list(evidence)
    times = _times_in_order(items)
    return [
        Observation(
            str(item.kind),
            str(item.grade),
            times[item.pk] if item.windows_event is None else times[item.pk] - clock_ahead,
            None if item.windows_event is None else item.windows_event.event_id,
        )
        for item in items
    ]


def _times_in_order(evidence: list[Evidence]) -> dict[int, datetime]:
    """When each happened by its source's clock, but no record before the one that it follows.

    A clock that is set back during a session would else put its end before its beginning. A number
    below one that came earlier tells nothing: the record was late, or the log was cleared.
    """
    times = {item.pk: item.at for item in evidence}
    last: dict[str, tuple[int, datetime]] = {}
    records = [
        (item.recorded_at, event.record_id, event.channel.lower(), item.pk)
        for item in evidence
        if (event := item.windows_event) is not None
    ]
    for _, number, channel, key in sorted(records):
        before = last.get(channel)
        if before is not None and number > before[0]:
            times[key] = max(times[key], before[1])
        if before is None or number > before[0]:
            last[channel] = (number, times[key])
    return times


def _clock_ahead(offer_id: uuid.UUID) -> timedelta:
    seconds = LogFollowing.objects.filter(pk=offer_id).values_list("clock_ahead_seconds", flat=True)
    return timedelta(seconds=seconds.first() or 0)


@transaction.atomic
def _settle(offer: Offer, outcome: Outcome, now: datetime) -> None:
    state = State(offer.state)
    if state in ENDS:
        _correct(offer, outcome, now)
        if outcome.answer is State.ACCEPTED:
            _note_acts(offer, outcome, now)
    elif state in (State.OFFERED, State.ANSWERING, State.ACCEPTED):
        for following in _steps(state, outcome.state):
            move(
                offer,
                following,
                actor=Actor.portal(),
                now=now,
                sentence=_sentence(following, outcome),
                grade="" if following is State.ANSWERING else outcome.grade,
                **_times(following, outcome),
            )
        if State(offer.state) is State.ACCEPTED or State(offer.state) in ENDS:
            _correct(offer, outcome, now)
        _note_acts(offer, outcome, now)


def _times(following: State, outcome: Outcome) -> dict[str, Any]:
    """When a step came about, where evidence says it better than the clock at its writing."""
    if following is State.ANSWERING and outcome.asked_at is not None:
        return {"prompted_at": outcome.asked_at}
    if following is State.ACCEPTED and outcome.viewed_at is not None:
        return {"answered_at": outcome.viewed_at}
    return {}


def _steps(state: State, goal: State) -> list[State]:
    """The states from here to the goal, in order; none if the goal is here or behind."""
    if state is State.ACCEPTED and goal in (State.DECLINED, State.UNANSWERED, State.UNOPENED):
        return [State.ENDED]  # begun by the expert's word alone, and Windows knows better
    if goal is State.UNOPENED:
        return [goal] if state is State.OFFERED else []
    if goal is State.BLOCKED:
        return [goal] if state in (State.OFFERED, State.ANSWERING) else []
    order = [State.OFFERED, State.ANSWERING]
    if goal in (State.ACCEPTED, State.ENDED):
        order += [State.ACCEPTED, State.ENDED]
    elif goal in (State.DECLINED, State.UNANSWERED):
        order += [goal]
    if state not in order or goal not in order:
        return []
    return order[order.index(state) + 1 : order.index(goal) + 1]


def _sentence(following: State, outcome: Outcome) -> str:
    if following is State.ANSWERING and outcome.grade == Grade.STATED:
        return "The expert says that the user was asked."
    if following is State.ANSWERING:
        return "A viewer connected: the user is being asked."
    if following is State.ENDED:
        return "Remote Assistance ended."
    return outcome.sentence


def _note_acts(offer: Offer, outcome: Outcome, now: datetime) -> None:
    """Keep when the novice let the expert see and control; watch the mode."""
    if outcome.viewed_at and offer.viewed_at != outcome.viewed_at:
        offer.viewed_at = outcome.viewed_at
        Offer.objects.filter(pk=offer.pk).update(viewed_at=outcome.viewed_at)
    if outcome.controlled_at and offer.controlled_at is None:
        offer.controlled_at = outcome.controlled_at
        Offer.objects.filter(pk=offer.pk).update(controlled_at=outcome.controlled_at)
        audit.record(
            "offer.controlled",
            actor=Actor.portal(),
            offer=offer,
            data={
                "at": outcome.controlled_at.isoformat(),
                "is_control_violation": offer.is_control_violation,
            },
            now=now,
        )


def _correct(offer: Offer, outcome: Outcome, now: datetime) -> None:
    """Later evidence changes the outcome by a new event; the state stays."""
    answer = outcome.answer
    if answer in _UNDECIDED:
        return
    if State(offer.state) not in _CORRECTABLE | {State.ACCEPTED} and answer is not State.ACCEPTED:
        return
    if (answer.value, outcome.grade) == (offer.outcome, offer.outcome_grade):
        return
    before = {"outcome": offer.outcome, "grade": offer.outcome_grade}
    Offer.objects.filter(pk=offer.pk).update(outcome=answer.value, outcome_grade=outcome.grade)
    offer.outcome, offer.outcome_grade = answer.value, outcome.grade
    audit.record(
        "outcome.corrected",
        actor=Actor.portal(),
        offer=offer,
        data={
            "from": before,
            "to": {"outcome": answer.value, "grade": outcome.grade},
            "sentence": outcome.sentence,
        },
        now=now,
    )
