"""How an offer came out, from the evidence: pure rules.

Windows records no "declined" and never the expert's name (docs/accuracy.md), so an outcome is
put together from what its RemoteAssistance log does say, and carries a grade:

1. Event 22 or 21, or the expert's word, that the novice let the expert see: **accepted**. The
   best source gives the grade. What follows about an end makes it **ended**.
2. Event 24, the invitation's time limit, without 22: **unanswered** when a viewer had connected,
   else **unopened**. Windows says so itself: strong.
3. Remote Assistance ended there (18, 19, 30) without 22 and 24, after a viewer had connected:
   **declined**, inferred. 18 and 19 speak of a session that was disconnected, so they stand for
   a connection too. Without any connection: **unopened**, inferred.
4. The expert's word alone that the novice declined or did not answer: stated.
5. Else a connection means that the novice is being asked: **answering**.
6. The portal's clock decides last: assumed.

Grades rank strong, inferred, stated, assumed. Only an inference from silence does not outrank the
expert's word that the novice accepted: an event 22 may have been lost on its way. The order in
which evidence arrived plays no part; repeated evidence changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from assist.lifecycle import State

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

# What each event of Microsoft-Windows-RemoteAssistance stands for.
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
}
_DISCONNECTED = frozenset({18, 19})


@dataclass(frozen=True)
class Observation:
    """One piece of evidence.

    Attributes:
        kind: What happened.
        grade: How much it counts.
        at: When, as its source says.
        event_id: The Windows event's number; None for other sources.
    """

    kind: str
    grade: str
    at: datetime
    event_id: int | None = None


@dataclass(frozen=True)
class Outcome:
    """What the evidence says so far.

    Attributes:
        state: OFFERED (nothing yet), ANSWERING, ACCEPTED, ENDED, DECLINED, UNANSWERED, UNOPENED.
        grade: How sure; empty while nothing is decided.
        sentence: Why, for a person.
        viewed_at: When the novice let the expert see, if so.
        controlled_at: When the novice shared control, if so.
        ended_at: When it ended, if so.
    """

    state: State
    grade: str = ""
    sentence: str = ""
    viewed_at: datetime | None = None
    controlled_at: datetime | None = None
    ended_at: datetime | None = None

    @property
    def answer(self) -> State:
        """The outcome in the managers' sense: a session that ended had been accepted."""
        return State.ACCEPTED if self.state is State.ENDED else self.state


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
    windows = [item for item in evidence if item.event_id is not None]
    seen = [item for item in evidence if item.kind in (VIEWED, CONTROLLED)]
    timed_out = [item for item in windows if item.kind == UNANSWERED]
    ended = [item for item in evidence if item.kind == ENDED]
    seen_by_windows = [item for item in seen if item.event_id is not None]
    if seen and (seen_by_windows or not timed_out):
        return _accepted(seen, ended)
    connected = any(
        item.kind == CONNECTED or item.event_id in _DISCONNECTED for item in windows
    ) or any(item.grade == STATED and item.kind in (DECLINED, UNANSWERED) for item in evidence)
    if timed_out:
        return _timed_out(connected, timed_out[0].at)
    ended_by_windows = [item for item in windows if item.kind == ENDED]
    if ended_by_windows:
        return _closed(connected, ended_by_windows[-1].at)
    return _without_windows(evidence, connected)


def _accepted(seen: list[Observation], ended: list[Observation]) -> Outcome:
    best = min((item.grade for item in seen), key=GRADES.index)
    controlled = [item for item in seen if item.kind == CONTROLLED]
    if best == STRONG:
        sentence = "The user let the expert see the screen: Windows recorded it."
    else:
        sentence = "The user let the expert see the screen, says the expert."
    return Outcome(
        state=State.ENDED if ended else State.ACCEPTED,
        grade=best,
        sentence=sentence,
        viewed_at=_first([item for item in seen if item.grade == best]),
        controlled_at=_first(controlled),
        ended_at=ended[-1].at if ended else None,
    )


def _timed_out(connected: bool, at: datetime) -> Outcome:
    if connected:
        sentence = "The user did not answer in time: Windows recorded the time limit."
        return Outcome(State.UNANSWERED, STRONG, sentence, ended_at=at)
    sentence = "No viewer connected in time: Windows recorded the time limit."
    return Outcome(State.UNOPENED, STRONG, sentence, ended_at=at)


def _closed(connected: bool, at: datetime) -> Outcome:
    if connected:
        sentence = "Remote Assistance ended on the computer and the user had not let anyone see."
        return Outcome(State.DECLINED, INFERRED, sentence, ended_at=at)
    sentence = "Remote Assistance ended on the computer before a viewer connected."
    return Outcome(State.UNOPENED, INFERRED, sentence, ended_at=at)


def _without_windows(evidence: list[Observation], connected: bool) -> Outcome:
    """What is left: the expert's word, a connection, the portal's clock, in that order."""
    for grade, who in ((STATED, "says the expert"), (ASSUMED, "nothing said otherwise in time")):
        for item in reversed(evidence):
            if item.grade != grade:
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


def _first(items: list[Observation]) -> datetime | None:
    return items[0].at if items else None
