"""The states of an offer.

The rules:

1. An offer begins ``requested``. The decision refuses it, queues it or has it ``held``: for a later
   time, for a second person's approval, or for both. A held offer does not occupy its computer; it
   is decided anew when it is released.
2. A worker takes a queued offer into ``contacting``. With several logged-on users the expert is
   asked (``choosing``) and the worker contacts the computer again with her choice. Under the
   authority *handoff* no worker does: the signed launch link takes the offer from ``queued`` to
   ``offered``, and the expert's own Windows makes the call.
3. ``offered``: Remote Assistance runs on the novice's computer and the invitation waits for the
   expert. The novice has not been asked yet: Windows asks when a viewer connects ([MS-RA] 3.4.5).
   Handed off, the launch link waits for her; ``failed`` from here says that her launcher could not
   start Remote Assistance.
4. ``answering``: there is evidence of a connected viewer, so the novice is being asked.
   ``unopened`` means that no viewer ever came; it says nothing of the novice.
5. ``accepted`` is not an end: the session goes on until ``ended``.
6. Before acceptance the expert may cancel. An end is never left; better evidence that comes later
   corrects the outcome by a new event and does not touch the state.
7. ``interrupted``: a worker was lost after it may have started Remote Assistance. It is never
   tried again by itself, because that could ask the novice twice.
"""

from __future__ import annotations

from enum import StrEnum


class State(StrEnum):
    REQUESTED = "requested"
    REFUSED = "refused"
    HELD = "held"
    QUEUED = "queued"
    CONTACTING = "contacting"
    CHOOSING = "choosing"
    OFFERED = "offered"
    ANSWERING = "answering"
    ACCEPTED = "accepted"
    ENDED = "ended"
    DECLINED = "declined"
    UNANSWERED = "unanswered"
    UNOPENED = "unopened"
    NOBODY = "nobody"
    UNREACHABLE = "unreachable"
    BLOCKED = "blocked"
    BUSY = "busy"
    FAILED = "failed"
    CANCELLED = "cancelled"
    INTERRUPTED = "interrupted"


class Mode(StrEnum):
    VIEW = "view"
    CONTROL = "control"


class Authority(StrEnum):
    """Whose account calls the novice's computer."""

    SERVICE = "service"
    DELEGATED = "delegated"
    HANDOFF = "handoff"


TRANSITIONS: dict[State, frozenset[State]] = {
    State.REQUESTED: frozenset({State.REFUSED, State.HELD, State.QUEUED, State.CANCELLED}),
    State.HELD: frozenset({State.QUEUED, State.REFUSED, State.CANCELLED}),
    # Refused here: the decision is taken again just before contact.
    State.QUEUED: frozenset(
        {State.CONTACTING, State.OFFERED, State.REFUSED, State.CANCELLED, State.FAILED}
    ),
    State.CONTACTING: frozenset(
        {
            State.CHOOSING,
            State.OFFERED,
            State.NOBODY,
            State.UNREACHABLE,
            State.BLOCKED,
            State.BUSY,
            State.FAILED,
            State.REFUSED,
            State.CANCELLED,
            State.INTERRUPTED,
        }
    ),
    State.CHOOSING: frozenset({State.CONTACTING, State.CANCELLED, State.FAILED}),
    # Blocked here: Windows recorded settings or a firewall in the way.
    State.OFFERED: frozenset(
        {State.ANSWERING, State.UNOPENED, State.BLOCKED, State.CANCELLED, State.FAILED}
    ),
    State.ANSWERING: frozenset(
        {State.ACCEPTED, State.DECLINED, State.UNANSWERED, State.BLOCKED, State.CANCELLED}
    ),
    State.ACCEPTED: frozenset({State.ENDED}),
}
for _state in State:
    TRANSITIONS.setdefault(_state, frozenset())

ENDS = frozenset(state for state, following in TRANSITIONS.items() if not following)
OPEN = frozenset(State) - ENDS
ACTIVE = OPEN - {State.REQUESTED}
OCCUPYING = ACTIVE - {State.HELD}
CANCELLABLE = frozenset(
    state for state, following in TRANSITIONS.items() if State.CANCELLED in following
)

LABELS: dict[State, str] = {
    State.REQUESTED: "Requested",
    State.REFUSED: "Refused",
    State.HELD: "Held",
    State.QUEUED: "Queued",
    State.CONTACTING: "Contacting the computer",
    State.CHOOSING: "Choose who to help",
    State.OFFERED: "Invitation ready",
    State.ANSWERING: "The user is being asked",
    State.ACCEPTED: "Accepted",
    State.ENDED: "Ended",
    State.DECLINED: "Declined",
    State.UNANSWERED: "No answer",
    State.UNOPENED: "Invitation not opened",
    State.NOBODY: "Nobody logged on",
    State.UNREACHABLE: "Unreachable",
    State.BLOCKED: "Blocked by Windows",
    State.BUSY: "Already being helped",
    State.FAILED: "Failed",
    State.CANCELLED: "Cancelled",
    State.INTERRUPTED: "Interrupted",
}


def may_follow(current: State, following: State) -> bool:
    """Whether an offer in ``current`` may enter ``following``."""
    return following in TRANSITIONS[current]
