"""A stored decision taken once more, from what was stored with it.

A decision keeps every rule's answer and the objects that it rests on, by SID or GUID and name. It
does not keep the rows of the directory behind them. So the step from the answers to the verdict is
taken again here and compared; whether a rule would give its answer again, from the directory as it
was then, cannot be told.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from assist.eligibility.decision import ALLOWED, REFUSED, Decision, Effect, decisive_finding
from assist.eligibility.rules import missing_rules

KNOWN_VERSION = 1
LIMITS = (
    "The answers of the rules are stored, with the objects they rest on; the directory behind them "
    "is not. What is replayed is how the answers led to the verdict, not the answers themselves."
)


@dataclass(frozen=True)
class Replay:
    """What came of it.

    Attributes:
        decision: The stored one; None where it cannot be read.
        verdict: The verdict that the stored answers lead to; empty where they lead to none.
        agrees: It is the stored one.
        sentence: What that means, for a person.
    """

    decision: Decision | None
    verdict: str
    agrees: bool
    sentence: str


def replay(data: Mapping[str, Any]) -> Replay:
    """Take a stored decision once more.

    Args:
        data: As ``Decision.to_json`` wrote it.
    """
    if data.get("version") != KNOWN_VERSION:
        said = f"It is stored in version {data.get('version')!r}, which cannot be read any more."
        return Replay(None, "", False, f"The decision cannot be replayed. {said}")
    try:
        decision = Decision.from_json(data)
    except (KeyError, TypeError, ValueError) as error:
        said = f"What is stored is not whole: {type(error).__name__}."
        return Replay(None, "", False, f"The decision cannot be replayed. {said}")
    if not decision.findings:
        said = "No answers of rules were stored with it."
        return Replay(decision, "", False, f"The decision cannot be replayed. {said}")
    verdict, why = _verdict(decision)
    if verdict != decision.verdict:
        said = f"The stored answers lead to “{verdict}”, but “{decision.verdict}” was stored: {why}"
        return Replay(decision, verdict, False, said)
    said = f"The {len(decision.findings)} stored answers lead to the same verdict: {why}"
    return Replay(decision, verdict, True, said)


def _verdict(decision: Decision) -> tuple[str, str]:
    against = decisive_finding(decision.findings)
    if against is not None:
        return REFUSED, f"{against.rule} decides."
    said_yes = {item.rule for item in decision.findings if item.effect is Effect.ALLOW}
    if rules := missing_rules(said_yes):
        return REFUSED, f"no answer of {', '.join(rules)}."
    return ALLOWED, "every rule that must say yes does, and none says no."
