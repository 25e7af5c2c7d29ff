"""What the evidence adds up to, in any order."""

from __future__ import annotations

from datetime import timedelta
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assist.lifecycle import State
from assist.outcomes import (
    ASSUMED,
    GRADES,
    INFERRED,
    MEANING,
    SENTENCES,
    STATED,
    STRONG,
    Observation,
    is_better,
    outcome_of,
)
from tests.assist.cast import NOW


def windows(*event_ids: int) -> list[Observation]:
    """These events, a second apart."""
    return [
        Observation(MEANING[number], STRONG, NOW + timedelta(seconds=index), number)
        for index, number in enumerate(event_ids)
    ]


def said(kind: str, grade: str = STATED, seconds: int = 60) -> Observation:
    return Observation(kind, grade, NOW + timedelta(seconds=seconds))


@pytest.mark.parametrize(
    ("events", "state", "grade"),
    [
        ((), State.OFFERED, ""),
        ((31, 13), State.OFFERED, ""),
        ((31, 13, 15), State.ANSWERING, ""),
        ((31, 13, 16), State.ANSWERING, ""),
        ((31, 13, 15, 16, 22), State.ACCEPTED, STRONG),
        ((22,), State.ACCEPTED, STRONG),
        ((15, 22, 21), State.ACCEPTED, STRONG),
        ((15, 22, 18, 30), State.ENDED, STRONG),
        ((15, 22, 24), State.ACCEPTED, STRONG),
        ((31, 13, 15, 16, 19, 30), State.DECLINED, INFERRED),
        ((31, 13, 19, 30), State.DECLINED, INFERRED),
        ((31, 13, 15, 24, 30), State.UNANSWERED, STRONG),
        ((31, 13, 24, 30), State.UNOPENED, STRONG),
        ((31, 13, 30), State.UNOPENED, INFERRED),
    ],
)
def test_windows_own_record_decides(events: tuple[int, ...], state: State, grade: str) -> None:
    outcome = outcome_of(windows(*events))
    assert (outcome.state, outcome.grade) == (state, grade)


@pytest.mark.parametrize("events", [(31, 15, 22, 19, 30), (31, 15, 19, 30), (31, 15, 24, 30)])
def test_the_order_of_arrival_and_repetition_play_no_part(events: tuple[int, ...]) -> None:
    wanted = outcome_of(windows(*events))
    for order in permutations(windows(*events)):
        assert outcome_of([*order, order[0]]) == wanted


@pytest.mark.parametrize(
    ("kind", "state"),
    [
        ("viewed", State.ACCEPTED),
        ("controlled", State.ACCEPTED),
        ("declined", State.DECLINED),
        ("unanswered", State.UNANSWERED),
    ],
)
def test_the_experts_word_counts_where_windows_is_silent(kind: str, state: State) -> None:
    outcome = outcome_of([*windows(31, 13), said(kind)])
    assert (outcome.state, outcome.grade) == (state, STATED)


def test_windows_outranks_the_experts_word() -> None:
    assert outcome_of([*windows(15, 22), said("declined")]).state is State.ACCEPTED
    assert outcome_of([*windows(15, 24), said("viewed")]).state is State.UNANSWERED
    outcome = outcome_of([*windows(15, 19, 30), said("unanswered")])
    assert (outcome.state, outcome.grade) == (State.DECLINED, INFERRED)


def test_silence_does_not_outrank_the_experts_word_that_she_saw_the_screen() -> None:
    outcome = outcome_of([*windows(15, 19, 30), said("viewed")])
    assert (outcome.state, outcome.grade, outcome.answer) == (State.ENDED, STATED, State.ACCEPTED)


def test_the_clock_decides_last() -> None:
    late = said("unanswered", ASSUMED)
    assert outcome_of([*windows(15), late]).grade == ASSUMED
    assert outcome_of([*windows(15), late, said("declined")]).state is State.DECLINED
    assert outcome_of([*windows(15, 22), late]).grade == STRONG
    assert outcome_of([said("closed", ASSUMED)]).state is State.UNOPENED


def test_control_is_kept_with_its_time() -> None:
    outcome = outcome_of(windows(15, 22, 21))
    assert outcome.viewed_at == NOW + timedelta(seconds=1)
    assert outcome.controlled_at == NOW + timedelta(seconds=2)


def test_grades_rank() -> None:
    assert [grade for grade in GRADES if is_better(grade, INFERRED)] == [STRONG]
    assert is_better(ASSUMED, "")
    assert not is_better("", ASSUMED)
    assert not is_better(STRONG, STRONG)


def test_every_event_that_means_something_has_a_sentence() -> None:
    assert set(SENTENCES) == set(MEANING)


OBSERVATIONS = st.lists(
    st.one_of(
        st.builds(
            lambda number, seconds: Observation(
                MEANING[number], STRONG, NOW + timedelta(seconds=seconds), number
            ),
            st.sampled_from(sorted(MEANING)),
            st.integers(0, 600),
        ),
        st.builds(
            said,
            st.sampled_from(["viewed", "controlled", "declined", "unanswered", "ended"]),
            st.just(STATED),
            st.integers(0, 600),
        ),
    ),
    max_size=8,
)


@given(OBSERVATIONS, st.randoms())
def test_any_evidence_has_one_outcome_and_acceptance_by_windows_is_never_lost(
    evidence: list[Observation], random: object
) -> None:
    outcome = outcome_of(evidence)
    assert outcome == outcome_of(reversed(evidence))
    if any(item.event_id in (21, 22) for item in evidence):
        assert outcome.answer is State.ACCEPTED
        assert outcome.grade == STRONG
    if outcome.grade == STRONG:
        assert any(item.event_id in (21, 22, 24) for item in evidence)
