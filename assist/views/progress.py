"""How far an offer has come, in five stages, for a page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from assist.lifecycle import ENDS, LABELS, State
from assist.models import Offer, OfferTransition

STAGES = (
    ("Asked", frozenset({State.REQUESTED, State.HELD, State.QUEUED})),
    ("Computer contacted", frozenset({State.CONTACTING, State.CHOOSING})),
    ("Invitation", frozenset({State.OFFERED})),
    ("User's answer", frozenset({State.ANSWERING})),
    ("Session", frozenset({State.ACCEPTED})),
)


@dataclass(frozen=True)
class Stage:
    """One stage: ``done``, ``now``, ``stopped`` (it ended here) or ``ahead``."""

    label: str
    status: str
    note: str


def stages_of(offer: Offer, transitions: Sequence[OfferTransition]) -> list[Stage]:
    """The five stages of an offer as far as they were reached.

    Args:
        offer: The offer.
        transitions: Its history, oldest first.
    """
    state = State(offer.state)
    visited = {State(step.to_state) for step in transitions} | {state}
    reached = max(
        (number for number, (_, states) in enumerate(STAGES) if states & visited), default=0
    )
    found = []
    for number, (label, _) in enumerate(STAGES):
        if number < reached or state is State.ENDED:
            found.append(Stage(label, "done", "done"))
        elif number > reached:
            found.append(Stage(label, "ahead", "not reached" if state in ENDS else "ahead"))
        elif state in ENDS:
            found.append(Stage(label, "stopped", LABELS[state].lower()))
        else:
            found.append(Stage(label, "now", "now"))
    return found
