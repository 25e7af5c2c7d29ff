"""How an offer came out, from the evidence: pure rules.

Windows records no "declined" and never the expert's name (docs/accuracy.md), so an outcome is
put together from what its RemoteAssistance log does say, and carries a grade:

1. Event 22 or 21, or the expert's word, that the novice let the expert see: **accepted**. The
   best source gives the grade. What follows about an end makes it **ended**, unless a viewer
   connected again behind it.
2. Event 26, settings that allow no invitation: **blocked**, strong.
3. Event 28, a firewall in the way, and then the time limit (24) or the end (30) without any
   connection: **blocked**, inferred.
4. Event 24, the invitation's time limit: **unanswered** when a viewer had connected, else
   **unopened**. Windows says so itself: strong.
5. Remote Assistance ended there (19 or 30) after a viewer had connected: **declined**, inferred;
   but **unanswered**, inferred, when the last to disconnect was the expert's side (18). 18 and 19
   speak of a session that was disconnected, so they stand for a connection too. 18 alone decides
   nothing: viewers connect again. Without any connection: **unopened**, inferred.
6. The portal's clock, when the log had been read until then and held nothing of an answer:
   **unanswered** or **unopened**, inferred.
7. The expert's word alone that the novice declined or did not answer: stated.
8. Else a connection means that the novice is being asked: **answering**.
9. The portal's clock decides last: assumed.

Grades rank strong, inferred, stated, assumed. Only an inference from silence does not outrank the
expert's word that the novice accepted: an event 22 may have been lost on its way. The order in
which evidence arrived plays no part; repeated evidence changes nothing. What speaks against the
outcome is named with it, not dropped.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from assist.lifecycle import LABELS, State

STRONG = "strong"
INFERRED = "inferred"
STATED = "stated"
ASSUMED = "assumed"
GRADES = (STRONG, INFERRED, STATED, ASSUMED)  # best first

STARTED = "started"
CONNECTED = "connected"
VIEWED = "viewed"
CONTROLLED = "controlled"
DECLINED = "declined"
UNANSWERED = "unanswered"
CLOSED = "closed"
ENDED = "ended"
BLOCKED = "blocked"
CONTROL_BLOCKED = "control_blocked"
FIREWALLED = "firewalled"

# What each event of Microsoft-Windows-RemoteAssistance stands for. 32, the end of the COM server,
# is left out: the server may end once its object is released, long before the session does.
MEANING = {
    13: STARTED,
    31: STARTED,
    15: CONNECTED,
    16: CONNECTED,
    22: VIEWED,
    21: CONTROLLED,
    24: UNANSWERED,
    20: CLOSED,
    18: ENDED,
    19: ENDED,
    30: ENDED,
    26: BLOCKED,
    27: CONTROL_BLOCKED,
    28: FIREWALLED,
}
SENTENCES = {
    13: "Remote Assistance was started (event 13).",
    31: "The Remote Assistance COM server was started (event 31).",
    15: "A viewer connected (event 15).",
    16: "The session began (event 16).",
    22: "The user let the expert see the screen (event 22).",
    21: "The user shared control (event 21).",
    24: "The time limit of the invitation was reached (event 24).",
    20: "The invitation was closed (event 20).",
    18: "The session was disconnected from the expert's side (event 18).",
    19: "The session was disconnected on the user's computer (event 19).",
    30: "Remote Assistance ended (event 30).",
    26: "Settings of the computer do not allow an invitation (event 26).",
    27: "Settings of the computer do not allow control (event 27).",
    28: "The computer's firewall appears to stop Remote Assistance (event 28).",
}
REMOTELY, LOCALLY, TIME_LIMIT, OVER = 18, 19, 24, 30
EXPERT, NOVICE = "expert", "novice"


@dataclass(frozen=True)
class Observation:
    """One piece of evidence.

    Attributes:
        kind: What happened.
        grade: How much it counts.
        at: When, by the portal's clock as far as that is known.
        event_id: The Windows event's number; None for other sources.
    """

    kind: str
    grade: str
    at: datetime
    event_id: int | None = None


@dataclass(frozen=True)
class ControlSpan:
    """A time in which the expert could control.

    Windows records when control begins, never when it is given back, so the end is the latest
    possible one: the next beginning, or the session's end.
    """

    began_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True)
class Outcome:
    """What the evidence says so far.

    Attributes:
        state: OFFERED (nothing yet), ANSWERING, ACCEPTED, ENDED, DECLINED, UNANSWERED, UNOPENED,
            BLOCKED.
        grade: How sure; empty while nothing is decided.
        sentence: Why, for a person.
        asked_at: When a viewer first connected, so that the novice was asked; None if not known.
        viewed_at: When the novice let the expert see, if so.
        controlled_at: When the novice shared control, if so.
        ended_at: When it ended, if so.
        ended_by: ``expert`` or ``novice``: whose side disconnected first; empty if not known.
        control: When the expert could control.
        is_control_blocked: Settings of the computer kept control from being shared.
        contradictions: What other evidence says against it, a sentence each.
    """

    state: State
    grade: str = ""
    sentence: str = ""
    asked_at: datetime | None = None
    viewed_at: datetime | None = None
    controlled_at: datetime | None = None
    ended_at: datetime | None = None
    ended_by: str = ""
    control: tuple[ControlSpan, ...] = ()
    is_control_blocked: bool = False
    contradictions: tuple[str, ...] = ()

    @property
    def answer(self) -> State:
        """The outcome in the managers' sense: a session that ended had been accepted."""
        return State.ACCEPTED if self.state is State.ENDED else self.state

    @property
    def duration(self) -> timedelta | None:
        """How long the expert could see; None while it goes on, or if it never began."""
        if self.viewed_at is None or self.ended_at is None:
            return None
        return max(self.ended_at - self.viewed_at, timedelta(0))


def is_better(grade: str, than: str) -> bool:
    """Whether one grade outranks another; every grade outranks none at all."""
    return bool(grade) and (not than or GRADES.index(grade) < GRADES.index(than))


def outcome_of(observations: Iterable[Observation]) -> Outcome:
    """The outcome that all evidence together supports.

    Args:
        observations: In any order, repeated or not.
    """
    evidence = sorted(
        set(observations), key=lambda item: (item.at, item.kind, item.grade, item.event_id or 0)
    )
    outcome = _decided(evidence)
    return replace(
        outcome,
        asked_at=_first([item for item in evidence if item.kind == CONNECTED]),
        is_control_blocked=any(item.kind == CONTROL_BLOCKED for item in evidence),
        contradictions=_contradictions(outcome, evidence),
    )


def _decided(evidence: list[Observation]) -> Outcome:
    windows = [item for item in evidence if item.event_id is not None]
    seen = [item for item in evidence if item.kind in (VIEWED, CONTROLLED)]
    stopped = [item for item in windows if item.kind in (UNANSWERED, BLOCKED)]
    seen_by_windows = [item for item in seen if item.event_id is not None]
    if seen and (seen_by_windows or not stopped):
        return _accepted(seen, _ends(evidence))
    connected = any(
        item.kind == CONNECTED or item.event_id in (REMOTELY, LOCALLY) for item in windows
    )
    for item in windows:
        if item.kind == BLOCKED:
            sentence = "The computer's settings do not allow an invitation: Windows recorded it."
            return Outcome(State.BLOCKED, STRONG, sentence, ended_at=item.at)
    over = [item for item in windows if item.event_id in (TIME_LIMIT, LOCALLY, OVER)]
    if over and not connected and any(item.kind == FIREWALLED for item in windows):
        sentence = "No viewer connected, and Windows found its firewall in the way."
        return Outcome(State.BLOCKED, INFERRED, sentence, ended_at=over[-1].at)
    if timed_out := [item for item in over if item.kind == UNANSWERED]:
        return _timed_out(connected or _was_asked(evidence), timed_out[0].at)
    if over:
        return _closed(connected or _was_asked(evidence), windows, over[-1].at)
    return _without_windows(evidence, connected)


def _ends(evidence: list[Observation]) -> list[Observation]:
    """What tells of the session's end. A viewer that came again after a break has not ended it."""
    last = max(
        (
            item.at
            for item in evidence
            if item.event_id is not None and item.kind in (CONNECTED, VIEWED, CONTROLLED)
        ),
        default=None,
    )
    return [
        item
        for item in evidence
        if item.kind == ENDED and (item.event_id is None or last is None or item.at >= last)
    ]


def _was_asked(evidence: list[Observation]) -> bool:
    """Whether the expert says what can only be said of somebody who was asked."""
    return any(item.grade == STATED and item.kind in (DECLINED, UNANSWERED) for item in evidence)


def _accepted(seen: list[Observation], ended: list[Observation]) -> Outcome:
    best = min((item.grade for item in seen), key=GRADES.index)
    starts = sorted({item.at for item in seen if item.kind == CONTROLLED})
    if best == STRONG:
        sentence = "The user let the expert see the screen: Windows recorded it."
    else:
        sentence = "The user let the expert see the screen, says the expert."
    # Windows' times are better than the moment at which the expert told of it.
    ends = [item for item in ended if item.event_id is not None] or ended
    ended_at = ends[-1].at if ends else None
    return Outcome(
        state=State.ENDED if ended else State.ACCEPTED,
        grade=best,
        sentence=sentence,
        viewed_at=_first([item for item in seen if item.grade == best]),
        controlled_at=starts[0] if starts else None,
        ended_at=ended_at,
        ended_by=_ended_by(ends),
        control=tuple(
            ControlSpan(start, following)
            for start, following in zip(starts, [*starts, ended_at][1:], strict=True)
        ),
    )


def _ended_by(ended: list[Observation]) -> str:
    """Whose side disconnected last: one that comes again has not ended it."""
    sides = {REMOTELY: EXPERT, LOCALLY: NOVICE}
    known = [sides[item.event_id] for item in ended if item.event_id in (REMOTELY, LOCALLY)]
    return known[-1] if known else ""


def _timed_out(connected: bool, at: datetime) -> Outcome:
    if connected:
        sentence = "The user did not answer in time: Windows recorded the time limit."
        return Outcome(State.UNANSWERED, STRONG, sentence, ended_at=at)
    sentence = "No viewer connected in time: Windows recorded the time limit."
    return Outcome(State.UNOPENED, STRONG, sentence, ended_at=at)


def _closed(connected: bool, windows: list[Observation], at: datetime) -> Outcome:
    ended = [item for item in windows if item.kind == ENDED]
    by = _ended_by(ended)
    if by == EXPERT:
        sentence = "The viewer was closed before the user had let anyone see."
        return Outcome(State.UNANSWERED, INFERRED, sentence, ended_at=at, ended_by=by)
    if connected:
        sentence = "Remote Assistance ended on the computer and the user had not let anyone see."
        return Outcome(State.DECLINED, INFERRED, sentence, ended_at=at, ended_by=by)
    sentence = "Remote Assistance ended on the computer before a viewer connected."
    return Outcome(State.UNOPENED, INFERRED, sentence, ended_at=at)


def _without_windows(evidence: list[Observation], connected: bool) -> Outcome:
    """What is left: silence of a log that was read, the expert's word, the portal's clock."""
    for grade, who in (
        (INFERRED, "the computer's log was read until then and holds no answer"),
        (STATED, "says the expert"),
        (ASSUMED, "nothing said otherwise in time"),
    ):
        for item in reversed(evidence):
            if item.grade != grade or item.event_id is not None:
                continue
            if item.kind == DECLINED:
                return Outcome(
                    State.DECLINED, grade, f"The user declined, {who}.", ended_at=item.at
                )
            if item.kind == UNANSWERED:
                return Outcome(
                    State.UNANSWERED, grade, f"The user did not answer, {who}.", ended_at=item.at
                )
            if item.kind == CLOSED and not connected:
                return Outcome(
                    State.UNOPENED, grade, f"No viewer connected: {who}.", ended_at=item.at
                )
    if connected:
        return Outcome(State.ANSWERING)
    return Outcome(State.OFFERED)


def _contradictions(outcome: Outcome, evidence: list[Observation]) -> tuple[str, ...]:
    """What other evidence says against the outcome, best evidence first."""
    answer = outcome.answer
    if answer in (State.OFFERED, State.ANSWERING):
        return ()
    label = LABELS[answer].lower()
    said: dict[str, None] = {}
    for item in sorted(evidence, key=lambda item: GRADES.index(item.grade)):
        meant = _answer_meant(item)
        if meant is None or meant is answer or item.grade == ASSUMED:
            continue
        if item.event_id == TIME_LIMIT and answer in (State.UNOPENED, State.ACCEPTED):
            continue  # what the outcome itself rests on, or the limit for others to connect
        if item.event_id is not None:
            said[f"Against “{label}” speaks: {SENTENCES[item.event_id]}"] = None
        elif item.grade == STATED:
            said[f"Against “{label}” speaks the expert: {LABELS[meant].lower()}."] = None
    return tuple(said)


def _answer_meant(item: Observation) -> State | None:
    """The answer that one piece of evidence means by itself."""
    return {
        VIEWED: State.ACCEPTED,
        CONTROLLED: State.ACCEPTED,
        DECLINED: State.DECLINED,
        UNANSWERED: State.UNANSWERED,
        BLOCKED: State.BLOCKED,
    }.get(item.kind)


def _first(items: list[Observation]) -> datetime | None:
    return items[0].at if items else None
