"""The policy in force on a computer as its page and commands show it: the whole chain."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from directory.models import Computer
from directory.policies import Link, PolicyUnknown, ResultantPolicy, resultant_policy
from directory.policies.effects import settings_in_force, shown_value

EFFECTS = {
    "applied": "applies",
    "disabled": "link disabled",
    "blocked": "blocked",
    "computer_half_disabled": "computer settings disabled",
    "skipped": "passed over",
    "filtered": "not for this computer",
    "unknown": "not known",
}


@dataclass(frozen=True)
class Open:
    """Something that cannot be told, and what would make it known."""

    sentence: str
    remedy: str


@dataclass(frozen=True)
class SettingRow:
    """One value by its name in the registry: what is in force, who says so, who in vain."""

    name: str
    policy_name: str
    value: str
    sentence: str
    source: str
    overridden: tuple[str, ...]
    open: tuple[Open, ...]


@dataclass(frozen=True)
class LineRow:
    """One line of the helper list; ``is_in_force`` is None where that is not known."""

    text: str
    names: str
    problem: str
    source: str
    is_in_force: bool | None
    overridden_by: str


@dataclass(frozen=True)
class LinkRow:
    """One link on the way to the computer, and what became of it."""

    policy: str
    container: str
    order: int
    is_enforced: bool
    effect: str
    reason: str


@dataclass(frozen=True)
class PolicyInForce:
    """All of it. ``links`` has the one with the last word first."""

    settings: tuple[SettingRow, ...]
    lines: tuple[LineRow, ...]
    further_lines: tuple[Open, ...]
    links: tuple[LinkRow, ...]

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def policy_in_force(computer: Computer) -> PolicyInForce:
    """The chain of policies on a computer, from the directory as it was last synchronised."""
    return describe(resultant_policy(computer))


def describe(policy: ResultantPolicy) -> PolicyInForce:
    """The chain of policies, for a person."""
    return PolicyInForce(
        settings=tuple(
            SettingRow(
                name=setting.registry_name,
                policy_name=setting.policy_name,
                value=setting.shown,
                sentence=setting.sentence,
                source=_place(setting.value.source),
                overridden=tuple(
                    f"{_place(item.link)}: {shown_value(item.value)}"
                    for item in setting.value.overridden
                ),
                open=_open(setting.value.unknowns),
            )
            for setting in settings_in_force(policy)
        ),
        lines=tuple(_lines(policy)),
        further_lines=_open(policy.further_helpers),
        links=tuple(
            LinkRow(
                policy=item.link.policy_name,
                container=item.link.container_name,
                order=item.link.order,
                is_enforced=item.link.is_enforced,
                effect=EFFECTS[item.effect],
                reason=item.reason,
            )
            for item in reversed(policy.considered)
        ),
    )


def _lines(policy: ResultantPolicy) -> Iterable[LineRow]:
    for helper in policy.helpers:
        line = helper.line
        names = [line.principal.name] if line.principal else [item.name for item in line.either]
        yield LineRow(
            line.text,
            " or ".join(names),
            line.problem,
            _place(helper.link),
            True if helper.is_certain else None,
            "",
        )
    for gone in policy.overridden_helpers:
        named = gone.line.principal.name if gone.line.principal else ""
        yield LineRow(
            gone.line.text, named, gone.line.problem, _place(gone.link), False, _place(gone.by)
        )


def _place(link: Link | None) -> str:
    return f"{link.policy_name} (linked to {link.container_name})" if link else ""


def _open(unknowns: Iterable[PolicyUnknown]) -> tuple[Open, ...]:
    return tuple(Open(unknown.sentence, unknown.remedy) for unknown in unknowns)
