"""The story of one offer: everything that is known of it, in the order of time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from assist.lifecycle import LABELS, State
from assist.models import AuditEvent, Evidence, EvidenceKind, EvidenceSource, Grade, Offer
from assist.reports.replay import Replay, replay

# What steps and evidence say already.
_SAID_ELSEWHERE = frozenset({f"offer.{state.value}" for state in State} | {"evidence.recorded"})


@dataclass(frozen=True)
class Moment:
    """Something that happened.

    Attributes:
        at: When.
        what: A state entered, evidence, or an audit event: state, evidence, event.
        title: What it was.
        sentence: More of it.
        grade: How sure, for evidence.
        source: Who says so, for evidence; who did it, for an event.
        state: The state entered, or empty.
    """

    at: datetime
    what: str
    title: str
    sentence: str = ""
    grade: str = ""
    source: str = ""
    state: str = ""


@dataclass(frozen=True)
class Taken:
    """A decision on the offer, and what it is when taken again."""

    label: str
    replay: Replay


def story_of(offer: Offer, *, with_events: bool) -> list[Moment]:
    """The moments of an offer, the first one first.

    Args:
        offer: Which.
        with_events: Also those that only the audit trail knows.
    """
    moments = [
        Moment(step.at, "state", LABELS[State(step.to_state)], step.sentence, state=step.to_state)
        for step in offer.transitions.all()
    ]
    moments += [_evidence(item) for item in offer.evidence.select_related("windows_event")]
    if with_events:
        events = AuditEvent.objects.filter(offer_id=offer.pk).exclude(kind__in=_SAID_ELSEWHERE)
        moments += [_event(event) for event in events.order_by("pk")]
    return sorted(moments, key=lambda moment: moment.at)


def decisions_of(offer: Offer) -> list[Taken]:
    """The decisions stored with an offer, each taken again."""
    stored = (
        ("At the request", offer.decision),
        ("When it was released", offer.release_decision),
        ("Just before the contact", offer.contact_decision),
    )
    return [Taken(label, replay(data)) for label, data in stored if data]


def _evidence(item: Evidence) -> Moment:
    event = item.windows_event
    said = f"Event {event.event_id}, record {event.record_id}. " if event else ""
    return Moment(
        item.at,
        "evidence",
        str(EvidenceKind(item.kind).label),
        f"{said}{item.sentence}".strip(),
        str(Grade(item.grade).label),
        str(EvidenceSource(item.source).label),
    )


def _event(event: AuditEvent) -> Moment:
    return Moment(event.at, "event", event.kind, source=event.actor_name)
