"""What one Group Policy object says of the firewall, kept so that several can be merged.

Rules and exceptions of several policies add up; of two values of one name the last written wins
([MS-GPREG] 3.2.5.1.2), and a policy can remove what others wrote. So the values themselves are
kept, of those that concern offers and the event log; of the others the names alone, because such a
value replaces one that another policy wrote under its name.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from directory.grouppolicy.firewall.legacy import parse_port_exception, parse_program_exception
from directory.grouppolicy.firewall.matching import (
    match_port_exception,
    match_program_exception,
    match_rule,
)
from directory.grouppolicy.firewall.needs import NEEDS
from directory.grouppolicy.firewall.rules import parse_rule
from directory.grouppolicy.firewall.scope import Match
from directory.grouppolicy.instructions import (
    DELETE_ALL_VALUES,
    DELETE_KEYS,
    DELETE_VALUE,
    DELETE_VALUES,
    SOFT,
)
from directory.grouppolicy.registry_pol import RegistryPolicyEntry

ROOT = r"software\policies\microsoft\windowsfirewall"
RULES = "firewallrules"
DOMAIN = "domainprofile"
STANDARD = "standardprofile"
PORTS = "globallyopenports"
PROGRAMS = "authorizedapplications"
REMOTE_DESKTOP = r"services\remotedesktop"
REMOTE_ADMINISTRATION = "remoteadminsettings"

ENABLED = "enabled"
USER_MERGE = "allowuserprefmerge"
REMOTE_ADDRESSES = "remoteaddresses"
ENABLE_FIREWALL = "enablefirewall"
NO_EXCEPTIONS = "donotallowexceptions"
DEFAULT_INBOUND = "defaultinboundaction"
LOCAL_MERGE = "allowlocalpolicymerge"

SETTINGS = {
    "": frozenset({ENABLE_FIREWALL, NO_EXCEPTIONS, DEFAULT_INBOUND, LOCAL_MERGE}),
    PORTS: frozenset({ENABLED, USER_MERGE}),
    PROGRAMS: frozenset({ENABLED, USER_MERGE}),
    REMOTE_DESKTOP: frozenset({ENABLED, REMOTE_ADDRESSES}),
    REMOTE_ADMINISTRATION: frozenset({ENABLED, REMOTE_ADDRESSES}),
}
# A policy of a well-kept domain has some dozens of rules, and the rules of every group of Windows
# are some hundreds. A hostile one may have any number.
MAXIMUM_VALUES = 200
MAXIMUM_OTHERS = 2000
MAXIMUM_CHARACTERS = 4096
MAXIMUM_PROBLEMS = 20

Data = int | str | None
Place = tuple[str, str]


@dataclass(frozen=True)
class PolicyValue:
    """One value.

    Attributes:
        key: Below WindowsFirewall, in small letters.
        name: In the policy's spelling; compared without case.
        data: None where it is of no usable type or too long, which counts as unreadable.
    """

    key: str
    name: str
    data: Data

    @property
    def place(self) -> Place:
        return self.key, self.name.lower()


@dataclass(frozen=True)
class Removal:
    """What a policy removes of earlier ones.

    Attributes:
        key: As in :class:`PolicyValue`.
        name: In small letters; None: every value of the key.
        is_tree: The key itself and all below it.
    """

    key: str
    name: str | None = None
    is_tree: bool = False

    def removes(self, place: Place) -> bool:
        key, name = place
        if self.is_tree:
            return not self.key or f"{key}\\".startswith(f"{self.key}\\")
        return key == self.key and self.name in (None, name)


@dataclass(frozen=True)
class FirewallPolicy:
    """One policy's word on the firewall, removals first, then values.

    Attributes:
        removals: What it takes from earlier policies.
        values: What it sets.
        soft: What it sets only where nothing is set.
        others: Names of rules and exceptions that do not concern us.
        problems: What cannot be read or is too much, for people.
        is_cut: There was more than is kept.
    """

    removals: tuple[Removal, ...] = ()
    values: tuple[PolicyValue, ...] = ()
    soft: tuple[PolicyValue, ...] = ()
    others: tuple[Place, ...] = ()
    problems: tuple[str, ...] = ()
    is_cut: bool = False

    @property
    def says_anything(self) -> bool:
        return bool(self.removals or self.values or self.soft or self.is_cut)

    def to_json(self) -> dict[str, Any]:
        """Empty where the policy says nothing of the firewall."""
        stored: dict[str, Any] = {
            "removals": [[item.key, item.name, item.is_tree] for item in self.removals],
            "values": [[item.key, item.name, item.data] for item in self.values],
            "soft": [[item.key, item.name, item.data] for item in self.soft],
            "others": [list(item) for item in self.others],
            "problems": list(self.problems),
            "is_cut": self.is_cut,
        }
        return {name: value for name, value in stored.items() if value}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> FirewallPolicy:
        """What :meth:`to_json` wrote."""
        return cls(
            removals=tuple(Removal(*item) for item in data.get("removals", ())),
            values=tuple(PolicyValue(*item) for item in data.get("values", ())),
            soft=tuple(PolicyValue(*item) for item in data.get("soft", ())),
            others=tuple((key, name) for key, name in data.get("others", ())),
            problems=tuple(data.get("problems", ())),
            is_cut=bool(data.get("is_cut", False)),
        )


def read_firewall(entries: Iterable[RegistryPolicyEntry]) -> FirewallPolicy:
    """What the entries of one Registry.pol say of the firewall.

    Args:
        entries: In the order of the file.
    """
    collector = _Collector()
    for entry in entries:
        key = entry.key.strip("\\").lower()
        if key == ROOT or key.startswith(f"{ROOT}\\"):
            collector.carry_out(key[len(ROOT) + 1 :], entry)
        elif entry.name.lower() == DELETE_KEYS and ROOT.startswith(f"{key}\\"):
            collector.delete_keys(key, entry.text or "")
    return collector.policy()


class _Collector:
    """Carries the instructions out in order, as Windows does with the registry."""

    def __init__(self) -> None:
        self._removals: dict[Removal, None] = {}
        self._values: dict[Place, PolicyValue] = {}
        self._soft: dict[Place, PolicyValue] = {}

    def carry_out(self, key: str, entry: RegistryPolicyEntry) -> None:
        name = entry.name.lower()
        if name.startswith(DELETE_ALL_VALUES):
            self._remove(Removal(key))
        elif name == DELETE_VALUES:
            for listed in (entry.text or "").split(";"):
                self._remove(Removal(key, listed.strip().lower()))
        elif name == DELETE_KEYS:
            self.delete_keys(rf"{ROOT}\{key}".rstrip("\\"), entry.text or "")
        elif name.startswith(DELETE_VALUE):
            self._remove(Removal(key, name.removeprefix(DELETE_VALUE)))
        elif name.startswith(SOFT):
            value = PolicyValue(key, entry.name[len(SOFT) :], _data(entry))
            if value.place not in self._values:
                self._soft[value.place] = value
        elif not name.startswith("**"):
            value = PolicyValue(key, entry.name, _data(entry))
            self._soft.pop(value.place, None)
            self._values[value.place] = value

    def delete_keys(self, key: str, children: str) -> None:
        for child in children.split(";"):
            target = rf"{key}\{child.strip().lower()}".rstrip("\\")
            if f"{ROOT}\\".startswith(f"{target}\\"):
                self._remove(Removal("", is_tree=True))
            elif target.startswith(f"{ROOT}\\"):
                self._remove(Removal(target[len(ROOT) + 1 :], is_tree=True))

    def _remove(self, removal: Removal) -> None:
        if not _may_concern(removal):
            return
        self._removals[removal] = None
        for values in (self._values, self._soft):
            for place in [place for place in values if removal.removes(place)]:
                del values[place]

    def policy(self) -> FirewallPolicy:
        kept = [value for value in self._values.values() if _concerns(value)]
        others = [
            place
            for place, value in self._values.items()
            if _is_list(value.key) and not _concerns(value)
        ]
        soft = [value for value in self._soft.values() if _concerns(value)]
        removals = tuple(self._removals)
        cut = [
            f"It has {len(items)} {what}; the first {limit} are kept."
            for items, limit, what in (
                (kept, MAXIMUM_VALUES, "firewall values that concern Remote Assistance"),
                (soft, MAXIMUM_VALUES, "firewall values that are set where nothing is set"),
                (others, MAXIMUM_OTHERS, "other firewall rules and exceptions"),
                (removals, MAXIMUM_OTHERS, "firewall values that it removes"),
            )
            if len(items) > limit
        ]
        return FirewallPolicy(
            removals=removals[:MAXIMUM_OTHERS],
            values=tuple(kept[:MAXIMUM_VALUES]),
            soft=tuple(soft[:MAXIMUM_VALUES]),
            others=tuple(others[:MAXIMUM_OTHERS]),
            problems=(*cut, *_problems(kept))[:MAXIMUM_PROBLEMS],
            is_cut=bool(cut),
        )


def _data(entry: RegistryPolicyEntry) -> Data:
    if entry.dword is not None:
        return entry.dword
    text = entry.text
    return None if text is None or len(text) > MAXIMUM_CHARACTERS else text


def _profile_and_key(key: str) -> tuple[str, str]:
    profile, _, below = key.partition("\\")
    return profile, below


def _is_list(key: str) -> bool:
    profile, below = _profile_and_key(key)
    if profile in (DOMAIN, STANDARD):
        return below in (rf"{PORTS}\list", rf"{PROGRAMS}\list")
    return key == RULES


def _may_concern(removal: Removal) -> bool:
    profile, below = _profile_and_key(removal.key)
    if removal.is_tree or _is_list(removal.key):
        return profile in ("", RULES, DOMAIN, STANDARD)
    if profile not in (DOMAIN, STANDARD) or below not in SETTINGS:
        return False
    return removal.name is None or removal.name in SETTINGS[below]


def _concerns(value: PolicyValue) -> bool:
    profile, below = _profile_and_key(value.key)
    if not _is_list(value.key):
        is_profile = profile in (DOMAIN, STANDARD)
        return is_profile and value.name.lower() in SETTINGS.get(below, ())
    if not isinstance(value.data, str):
        return True
    if value.key == RULES:
        rule = parse_rule(value.data)
        return any(match_rule(rule, need, None) is not Match.NO for need in NEEDS)
    if below.startswith(PORTS):
        port = parse_port_exception(value.data)
        return any(match_port_exception(port, need) is not Match.NO for need in NEEDS)
    program = parse_program_exception(value.data)
    return any(match_program_exception(program, need) is not Match.NO for need in NEEDS)


def _problems(values: Iterable[PolicyValue]) -> list[str]:
    """What cannot be read among the values that are kept."""
    found = []
    for value in values:
        problem = problem_of(value)
        if problem:
            found.append(f"{value.name[:100]} below {value.key} cannot be read: {problem[:200]}.")
    return found


def problem_of(value: PolicyValue) -> str:
    """Why a value cannot be read; empty where it can."""
    _, below = _profile_and_key(value.key)
    if value.data is None:
        return "its data is of another type, or too long"
    if not _is_list(value.key):
        is_text = value.name.lower() == REMOTE_ADDRESSES
        return "" if isinstance(value.data, str if is_text else int) else "its type is another"
    if not isinstance(value.data, str):
        return "it is not text"
    if value.key == RULES:
        return "; ".join(parse_rule(value.data).problems)
    if below.startswith(PORTS):
        return parse_port_exception(value.data).problem
    return parse_program_exception(value.data).problem
