"""The firewall values in force where several policies apply."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from directory.grouppolicy.firewall.legacy import (
    PortException,
    ProgramException,
    parse_port_exception,
    parse_program_exception,
)
from directory.grouppolicy.firewall.rules import FirewallRule, parse_rule
from directory.grouppolicy.firewall.values import (
    ENABLED,
    PORTS,
    PROGRAMS,
    RULES,
    USER_MERGE,
    Data,
    FirewallPolicy,
    Place,
    PolicyValue,
)
from directory.grouppolicy.firewall.wording import shortened


@dataclass(frozen=True)
class PolicySource:
    """A policy that a value comes from.

    Attributes:
        id: Its GUID.
        name: For people, with the place of its link if wanted.
    """

    id: str
    name: str


@dataclass(frozen=True)
class Sourced:
    """A value and the policy that wrote it."""

    value: PolicyValue
    source: PolicySource

    def __str__(self) -> str:
        return f"{shortened(self.value.name)} of {self.source.name}"


@dataclass(frozen=True)
class MergedFirewall:
    """The values in force, by key and name in small letters.

    Attributes:
        values: With the policy that wrote each last.
        cut: Policies of which not everything was kept.
    """

    values: dict[Place, Sourced] = field(default_factory=dict)
    cut: tuple[PolicySource, ...] = ()

    def setting(self, key: str, name: str) -> Sourced | None:
        return self.values.get((key, name))

    def number(self, key: str, name: str) -> int | None:
        """A setting's number; None where it is not set or is no number."""
        data = self.data(key, name)
        return data if isinstance(data, int) else None

    def data(self, key: str, name: str) -> Data:
        found = self.setting(key, name)
        return found.value.data if found else None

    def rules(self) -> list[tuple[Sourced, FirewallRule]]:
        """The rules; one that is no text is as malformed as an empty text."""
        return [(item, parse_rule(_text(item))) for item in self._below(RULES)]

    def ports(self, profile: str) -> list[tuple[Sourced, PortException]]:
        """The port exceptions of a profile; none where their list is switched off."""
        if self.number(rf"{profile}\{PORTS}", ENABLED) == 0:
            return []
        items = self._below(rf"{profile}\{PORTS}\list")
        return [(item, parse_port_exception(_text(item))) for item in items]

    def programs(self, profile: str) -> list[tuple[Sourced, ProgramException]]:
        """The program exceptions of a profile; none where their list is switched off."""
        if self.number(rf"{profile}\{PROGRAMS}", ENABLED) == 0:
            return []
        items = self._below(rf"{profile}\{PROGRAMS}\list")
        return [(item, parse_program_exception(_text(item))) for item in items]

    def ignores_local_list(self, profile: str, kind: str) -> bool:
        """Whether the computer's own list does not count beside the policies'.

        Args:
            profile: ``domainprofile`` or ``standardprofile``.
            kind: ``globallyopenports`` or ``authorizedapplications``.
        """
        key = rf"{profile}\{kind}"
        merges = self.number(key, USER_MERGE)
        if merges is not None:
            return merges == 0
        # Defined by policy, enabled or disabled, a list replaces the computer's own.
        return self.setting(key, ENABLED) is not None or bool(self._below(rf"{key}\list"))

    def sources(self) -> tuple[PolicySource, ...]:
        """The policies that still have a value in it."""
        return tuple(dict.fromkeys(item.source for item in self.values.values()))

    def _below(self, key: str) -> list[Sourced]:
        return [item for place, item in self.values.items() if place[0] == key]


def merge_firewalls(
    policies: Iterable[tuple[PolicySource, FirewallPolicy]],
) -> MergedFirewall:
    """The values in force where policies apply one after the other.

    Args:
        policies: In the order in which Windows applies them: the last has the last word.
    """
    values: dict[Place, Sourced] = {}
    cut: dict[PolicySource, None] = {}
    for source, policy in policies:
        for removal in policy.removals:
            for place in [place for place in values if removal.removes(place)]:
                del values[place]
        for place in policy.others:
            values.pop(place, None)
        for value in policy.values:
            values[value.place] = Sourced(value, source)
        for value in policy.soft:
            values.setdefault(value.place, Sourced(value, source))
        if policy.is_cut:
            cut[source] = None
    return MergedFirewall(values, tuple(cut))


def _text(item: Sourced) -> str:
    return item.value.data if isinstance(item.value.data, str) else ""
