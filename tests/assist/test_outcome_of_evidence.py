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
    """These events, a second apart; those without a meaning never become evidence."""
    return [
        Observation(MEANING[number], STRONG, NOW + timedelta(seconds=index), number)
        for index, number in enumerate(event_ids)
        if number in MEANING
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
        # The expert's side was the last to disconnect: the novice did not decline.
        ((31, 13, 15, 16, 18, 30), State.UNANSWERED, INFERRED),
        ((31, 13, 15, 18, 15, 19, 30), State.DECLINED, INFERRED),
        # A viewer that drops and comes again has decided nothing yet.
        ((31, 13, 15, 16, 18), State.ANSWERING, ""),
        ((31, 13, 15, 16, 18, 15, 16, 22), State.ACCEPTED, STRONG),
        ((31, 13, 15, 16, 22, 18, 15, 16), State.ACCEPTED, STRONG),
        ((31, 13, 15, 16, 22, 18, 15, 16, 18, 30), State.ENDED, STRONG),
        ((31, 13, 15, 16, 30), State.DECLINED, INFERRED),
        # The COM server may end while the session goes on.
        ((31, 13, 32, 15, 22), State.ACCEPTED, STRONG),
        ((26, 30), State.BLOCKED, STRONG),
        ((31, 13, 28), State.OFFERED, ""),
        ((31, 13, 28, 24, 30), State.BLOCKED, INFERRED),
        ((31, 13, 28, 30), State.BLOCKED, INFERRED),
        ((31, 13, 28, 15, 24, 30), State.UNANSWERED, STRONG),
        ((31, 13, 28, 15, 22), State.ACCEPTED, STRONG),
        ((31, 13, 20, 30), State.UNOPENED, INFERRED),
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


def test_a_session_has_its_times_its_end_and_whose_end_it_was() -> None:
    outcome = outcome_of(windows(15, 22, 21, 21, 18, 30))
    assert outcome.duration == timedelta(seconds=4)
    assert outcome.ended_by == "expert"
    assert [
        (span.began_at - NOW, span.ended_at and span.ended_at - NOW) for span in outcome.control
    ] == [
        (timedelta(seconds=2), timedelta(seconds=3)),
        (timedelta(seconds=3), timedelta(seconds=5)),
    ]
    assert outcome_of(windows(15, 22, 19, 30)).ended_by == "novice"
    assert outcome_of(windows(15, 22, 30)).ended_by == ""


def test_a_session_that_goes_on_has_no_duration_yet() -> None:
    outcome = outcome_of(windows(15, 22, 21))
    assert (outcome.duration, outcome.ended_at) == (None, None)
    assert [span.ended_at for span in outcome.control] == [None]


def test_windows_times_are_taken_before_the_experts() -> None:
    outcome = outcome_of([*windows(15, 22, 18, 30), said("ended", seconds=600)])
    assert outcome.ended_at == NOW + timedelta(seconds=3)


def test_control_that_settings_kept_from_being_shared_is_told() -> None:
    outcome = outcome_of(windows(15, 22, 27))
    assert (outcome.state, outcome.is_control_blocked) == (State.ACCEPTED, True)
    assert outcome.controlled_at is None


def test_silence_of_a_log_that_was_read_outranks_word_and_clock() -> None:
    silence = said("unanswered", INFERRED)
    outcome = outcome_of([*windows(31, 13, 15), silence, said("declined")])
    assert (outcome.state, outcome.grade) == (State.UNANSWERED, INFERRED)
    assert outcome.contradictions == ("Against “no answer” speaks the expert: declined.",)
    assert outcome_of([*windows(31, 13), said("closed", INFERRED)]).state is State.UNOPENED


def test_silence_does_not_outrank_what_windows_recorded_or_that_she_saw_the_screen() -> None:
    silence = said("unanswered", INFERRED)
    assert outcome_of([*windows(15, 22), silence]).state is State.ACCEPTED
    assert outcome_of([*windows(15, 19, 30), silence]).state is State.DECLINED
    assert outcome_of([*windows(15), silence, said("viewed")]).state is State.ACCEPTED


@pytest.mark.parametrize(
    ("evidence", "against"),
    [
        ([*windows(15, 22), said("declined")], "Against “accepted” speaks the expert: declined."),
        (
            [*windows(15, 24, 30), said("viewed")],
            "Against “no answer” speaks the expert: accepted.",
        ),
        (
            [*windows(22, 26)],
            f"Against “accepted” speaks: {SENTENCES[26]}",
        ),
    ],
)
def test_what_speaks_against_the_outcome_is_named(
    evidence: list[Observation], against: str
) -> None:
    assert outcome_of(evidence).contradictions == (against,)


@pytest.mark.parametrize(
    "evidence",
    [
        windows(15, 22, 21, 18, 30),
        windows(31, 13, 24, 30),
        windows(15, 22, 24, 18, 30),
        [*windows(15, 22), said("viewed"), said("unanswered", ASSUMED)],
    ],
)
def test_what_agrees_is_no_contradiction(evidence: list[Observation]) -> None:
    assert outcome_of(evidence).contradictions == ()


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
        assert any(item.event_id in (21, 22, 24, 26) for item in evidence)
    if outcome.duration is not None:
        assert outcome.duration >= timedelta(0)
    assert all(span.began_at >= NOW for span in outcome.control)
