"""Compares a decision with what a row of the table expects."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pytest

from assist.eligibility import Decision, Effect
from tests.eligibility.vocabulary import Case, LabCase

EFFECTS = {"refused": Effect.DENY, "unknown": Effect.UNKNOWN}


def parameters(rows: Iterable[Case | LabCase]) -> Iterator[object]:
    """The rows; those whose rule is still to be built must fail until then."""
    for row in rows:
        marks = []
        if row.awaits:
            reason = f"awaits {row.awaits}"
            marks.append(pytest.mark.xfail(strict=True, raises=AssertionError, reason=reason))
        yield pytest.param(row, marks=marks, id=str(row))


def require(decision: Decision, row: Case | LabCase) -> None:
    """The verdict, what decides it, and the other findings that the row names."""
    said = _in_words(decision)
    if row.expected == "allowed":
        assert decision.is_allowed, said
        granted = {item.rule for item in decision.findings if item.effect is Effect.ALLOW}
        assert row.rule in granted, said
    else:
        decisive = decision.decisive
        assert decisive is not None, said
        assert not decision.is_allowed, said
        assert (decisive.rule, decisive.effect) == (row.rule, EFFECTS[row.expected]), said
        assert decisive.remedy, "who can change it is said"
        assert decisive.evidence, "what it rests on is named"
    assert {finding.rule for finding in decision.findings} >= set(row.also), said


def _in_words(decision: Decision) -> str:
    lines = [decision.sentence]
    lines += [f"{item.effect.value:8} {item.rule}: {item.sentence}" for item in decision.findings]
    return "\n".join(lines)
