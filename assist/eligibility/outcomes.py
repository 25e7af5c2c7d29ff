"""The parts of a decision apart from each other, and put together again. Pure.

For many pairs of expert and computer most parts of the decision are the same: each is asked once
for all that are alike in what it rests on, with the rules of :mod:`assist.eligibility.rules`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

from assist.eligibility.decision import Effect, Finding
from assist.eligibility.facts import Facts
from assist.eligibility.rules import PARTS, Side, missing_rules
from assist.lifecycle import Mode

ALLOWED = ""  # where the code of the finding that refuses would stand


class Outcome(NamedTuple):
    """What one part of the decision comes to.

    Attributes:
        deny: The code of its first deny; empty where there is none.
        unknown: The same for unknowns.
        yes: The rules that said yes.
    """

    deny: str
    unknown: str
    yes: frozenset[str]


def outcome_of(findings: Iterable[Finding]) -> Outcome:
    """What some findings of a decision come to."""
    first: dict[Effect, str] = {}
    yes = set[str]()
    for finding in findings:
        if finding.effect is Effect.ALLOW:
            yes.add(finding.rule)
        else:
            first.setdefault(finding.effect, finding.rule)
    return Outcome(first.get(Effect.DENY, ""), first.get(Effect.UNKNOWN, ""), frozenset(yes))


def outcomes(facts: Facts, mode: Mode, now: datetime, side: Side) -> tuple[Outcome, ...]:
    """What the parts of one side come to, in the order of the rules.

    Args:
        facts: What the side rests on has to be true of them, nothing else.
        mode: What is asked.
        now: An aware time.
        side: Which parts.
    """
    return tuple(outcome_of(part(facts, mode, now)) for each, part in PARTS if each is side)


def code_of(of_side: dict[Side, tuple[Outcome, ...]]) -> str:
    """The code of the finding that decides, as ``decide`` would choose it; ``ALLOWED`` for none.

    Args:
        of_side: The outcomes of every side but the warnings and the offer's own.
    """
    left = {side: iter(found) for side, found in of_side.items()}
    return _decisive([next(left[side]) for side, _ in PARTS if side in left])


def _decisive(parts: Sequence[Outcome]) -> str:
    for part in parts:
        if part.deny:
            return part.deny
    for part in parts:
        if part.unknown:
            return part.unknown
    said_yes = frozenset[str]().union(*(part.yes for part in parts))
    return "decision.incomplete" if missing_rules(said_yes) else ALLOWED
