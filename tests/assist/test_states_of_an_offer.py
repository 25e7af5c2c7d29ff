"""The table of states, walked pair by pair."""

from __future__ import annotations

from itertools import product

import pytest

from assist.lifecycle import (
    ACTIVE,
    CANCELLABLE,
    ENDS,
    LABELS,
    OCCUPYING,
    OPEN,
    TRANSITIONS,
    State,
    may_follow,
)

# Written apart from the table, as the design draws it.
DRAWN = """
requested -> refused held queued cancelled
held -> queued refused cancelled
queued -> contacting offered refused cancelled failed
contacting -> choosing offered nobody unreachable blocked busy failed refused cancelled interrupted
choosing -> contacting cancelled failed
offered -> answering unopened blocked cancelled failed
answering -> accepted declined unanswered cancelled blocked
accepted -> ended
"""
PAIRS = {
    (State(before), State(after))
    for before, _, following in (line.partition(" -> ") for line in DRAWN.strip().splitlines())
    for after in following.split()
}


@pytest.mark.parametrize(("before", "after"), list(product(State, State)))
def test_a_state_follows_exactly_where_the_design_draws_it(before: State, after: State) -> None:
    assert may_follow(before, after) == ((before, after) in PAIRS)


def test_every_state_is_reached_from_the_request_and_has_a_label() -> None:
    reached, waiting = {State.REQUESTED}, [State.REQUESTED]
    while waiting:
        for following in TRANSITIONS[waiting.pop()]:
            if following not in reached:
                reached.add(following)
                waiting.append(following)
    assert reached == set(State) == set(LABELS)


def test_ends_are_final_and_acceptance_is_no_end() -> None:
    assert all(not TRANSITIONS[state] for state in ENDS)
    assert State.ACCEPTED in OPEN
    assert not CANCELLABLE & (ENDS | {State.ACCEPTED})
    assert ACTIVE | {State.REQUESTED} == OPEN
    assert OCCUPYING | {State.HELD} == ACTIVE
