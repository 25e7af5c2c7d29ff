"""What a check of readiness finds, and what all of them come to. Values only: no Django."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from assist.eligibility.decision import Effect, Finding, Reference


class State(StrEnum):
    """What a check says of a computer; ``warning`` does not stop an offer."""

    READY = "ready"
    NOT_READY = "not_ready"
    WARNING = "warning"
    UNKNOWN = "unknown"  # cannot be told from here, so nothing may rest on it


STATE_OF_EFFECT = {
    Effect.ALLOW: State.READY,
    Effect.DENY: State.NOT_READY,
    Effect.WARN: State.WARNING,
    Effect.UNKNOWN: State.UNKNOWN,
}
WORST_FIRST = (State.NOT_READY, State.UNKNOWN, State.WARNING, State.READY)


@dataclass(frozen=True)
class Answer:
    """What the function of one check says, without the check's name and the time.

    Attributes:
        state: The verdict.
        sentence: For a person.
        evidence: What it rests on.
        remedy: Who can change it and how; empty where nothing needs changing.
    """

    state: State
    sentence: str
    evidence: tuple[Reference, ...] = ()
    remedy: str = ""


@dataclass(frozen=True)
class Result:
    """The latest answer of one check on one computer.

    Attributes:
        check: Its code, in :data:`assist.readiness.catalogue.CHECKS`.
        answer: What it says.
        found_at: When, an aware time.
    """

    check: str
    answer: Answer
    found_at: datetime

    @property
    def state(self) -> State:
        return self.answer.state

    def to_json(self) -> dict[str, Any]:
        answer = self.answer
        return {
            "check": self.check,
            "state": answer.state.value,
            "sentence": answer.sentence,
            "evidence": [
                {"kind": item.kind, "id": item.id, "name": item.name} for item in answer.evidence
            ],
            "remedy": answer.remedy,
            "found_at": self.found_at.isoformat(),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Result:
        """What :meth:`to_json` wrote."""
        answer = Answer(
            State(data["state"]),
            data["sentence"],
            tuple(Reference(**item) for item in data["evidence"]),
            data["remedy"],
        )
        return cls(data["check"], answer, datetime.fromisoformat(data["found_at"]))


def of_findings(findings: Iterable[Finding], otherwise: Answer) -> Answer:
    """The worst of some findings of eligibility, with the sentences of all that are as bad.

    Args:
        findings: In the order in which they are to be said.
        otherwise: Where there are none.
    """
    found = list(findings)
    for state in WORST_FIRST:
        alike = [finding for finding in found if STATE_OF_EFFECT[finding.effect] is state]
        if alike:
            return Answer(
                state,
                " ".join(finding.sentence for finding in alike),
                tuple(dict.fromkeys(item for finding in alike for item in finding.evidence)),
                " ".join(dict.fromkeys(finding.remedy for finding in alike if finding.remedy)),
            )
    return otherwise
