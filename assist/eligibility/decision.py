"""A decision on an offer and the findings it rests on. Values only: no Django, no database."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from assist.lifecycle import Mode

ALLOWED = "allowed"
REFUSED = "refused"
HELPER_LISTED = "helper.listed"


class Effect(StrEnum):
    """What a finding does to the decision. Only ``warn`` leaves it as it is."""

    ALLOW = "allow"
    DENY = "deny"
    WARN = "warn"
    UNKNOWN = "unknown"  # cannot be told from here, so nothing may rest on it


@dataclass(frozen=True)
class Reference:
    """An object that a finding speaks of.

    Attributes:
        kind: account, group, computer, domain, trust, policy, unit, offer, helper_entry, setting.
        id: Its SID or GUID, what stays when names change.
        name: Its name at the time.
    """

    kind: str
    id: str
    name: str


@dataclass(frozen=True)
class Finding:
    """One rule's answer.

    Attributes:
        rule: A stable code, for programs.
        effect: What it does to the decision.
        sentence: The answer, for a person.
        evidence: What it rests on.
        remedy: Who can change it and how; empty where nothing needs changing.
    """

    rule: str
    effect: Effect
    sentence: str
    evidence: tuple[Reference, ...] = ()
    remedy: str = ""

    def to_json(self) -> dict[str, Any]:
        return {
            "rule": self.rule,
            "effect": self.effect.value,
            "sentence": self.sentence,
            "evidence": [
                {"kind": item.kind, "id": item.id, "name": item.name} for item in self.evidence
            ],
            "remedy": self.remedy,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Finding:
        return cls(
            rule=data["rule"],
            effect=Effect(data["effect"]),
            sentence=data["sentence"],
            evidence=tuple(Reference(**item) for item in data["evidence"]),
            remedy=data["remedy"],
        )


@dataclass(frozen=True)
class Decision:
    """May this expert offer help on this computer in this mode?

    Attributes:
        verdict: ``allowed`` or ``refused``.
        sentence: The allowing chain, or the first reason why not.
        mode: What was asked.
        expert: The account.
        computer: The computer.
        findings: Every rule's answer, in the order in which they are asked.
        decided_at: An aware time.
    """

    verdict: str
    sentence: str
    mode: Mode
    expert: Reference
    computer: Reference
    findings: tuple[Finding, ...]
    decided_at: datetime

    @property
    def is_allowed(self) -> bool:
        return self.verdict == ALLOWED

    @property
    def decisive(self) -> Finding | None:
        """The finding that refuses: the first deny, else the first unknown."""
        return decisive_finding(self.findings)

    @property
    def team(self) -> Reference | None:
        """The expert's own group by which a helper list lets her in; None where none does."""
        for finding in self.findings:
            if finding.rule == HELPER_LISTED and finding.effect is Effect.ALLOW:
                return next((item for item in finding.evidence if item.kind == "group"), None)
        return None

    def to_json(self) -> dict[str, Any]:
        return {
            "version": 1,
            "verdict": self.verdict,
            "sentence": self.sentence,
            "mode": self.mode.value,
            "expert": vars(self.expert),
            "computer": vars(self.computer),
            "findings": [finding.to_json() for finding in self.findings],
            "decided_at": self.decided_at.isoformat(),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Decision:
        """The decision that ``to_json`` wrote."""
        return cls(
            verdict=data["verdict"],
            sentence=data["sentence"],
            mode=Mode(data["mode"]),
            expert=Reference(**data["expert"]),
            computer=Reference(**data["computer"]),
            findings=tuple(Finding.from_json(item) for item in data["findings"]),
            decided_at=datetime.fromisoformat(data["decided_at"]),
        )


def decisive_finding(findings: tuple[Finding, ...]) -> Finding | None:
    """The first deny, else the first unknown, else None."""
    for effect in (Effect.DENY, Effect.UNKNOWN):
        for finding in findings:
            if finding.effect is effect:
                return finding
    return None
