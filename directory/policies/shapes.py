"""What the policy in force is worked out from, and what comes out. Values only: no database."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from directory.ldap.security_descriptor import AccessControlEntry

OFFERS, CONTROL, HELPERS = "offers", "control", "helpers"
Value = bool | int | str | None  # None: not configured, or removed by a policy

ContainerKind = Literal["site", "domain", "unit"]
Effect = Literal[
    "applied",
    "disabled",
    "blocked",
    "computer_half_disabled",
    "skipped",
    "filtered",
    "unknown",
]


@dataclass(frozen=True, slots=True)
class Principal:
    """An account or a group that a line of a helper list names."""

    kind: Literal["account", "group"]
    guid: uuid.UUID
    sid: str
    name: str


@dataclass(frozen=True, slots=True)
class HelperLine:
    """One line of a policy's helper list.

    Attributes:
        key: The folded name of its registry value, by which a closer policy replaces or removes it.
        text: The line.
        principal: Whom it names, if anybody.
        problem: What is wrong with it, if anything.
        either: Whom it may name, where no document says how Windows reads it.
        is_bare: It is a name without a domain.
    """

    key: str
    text: str
    principal: Principal | None = None
    problem: str = ""
    either: tuple[Principal, ...] = ()
    is_bare: bool = False


@dataclass(frozen=True, slots=True)
class Filter:
    """A WMI filter; ``queries`` is empty where the portal's account cannot read it."""

    name: str
    queries: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.name} ({'; '.join(self.queries)})" if self.queries else self.name


@dataclass(frozen=True, slots=True)
class Permissions:
    """Who may read and apply a policy.

    Attributes:
        entries: The allowing and denying entries of its DACL, in their order; None when there is
            no DACL, which lets everyone in.
        error: Why they are not known; empty when they are.
    """

    entries: tuple[AccessControlEntry, ...] | None = ()
    error: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Policy:
    """A Group Policy object, as far as it can bear on offers.

    Attributes:
        values: What it sets, by ``offers``, ``control`` or the name of the registry value. None
            removes what a farther policy set.
        removed_helpers: Keys of single lines that it takes off farther policies' lists.
        replaces_helpers: It takes all of them off.
        has_soft_values: It sets something only where nothing is set.
        read_error: Why its settings are not known; empty when they are.
        is_computer_half_disabled: Its settings for computers are switched off.
        skipped: Why Windows passes it over whatever its permissions say; empty when it does not.
        version: Of its computer half, in the directory.
        file_version: The same in GPT.INI; None: not known.
        firewall: The firewall exceptions that it makes.
        domain_guid: The domain it is of.
    """

    guid: uuid.UUID
    name: str
    values: Mapping[str, Value]
    helpers: tuple[HelperLine, ...] = ()
    removed_helpers: frozenset[str] = frozenset()
    replaces_helpers: bool = False
    has_soft_values: bool = False
    read_error: str = ""
    is_computer_half_disabled: bool = False
    skipped: str = ""
    permissions: Permissions = Permissions(None)
    wmi_filter: Filter | None = None
    version: int = 0
    file_version: int | None = None
    changed_at: datetime | None = None
    firewall: Mapping[str, object] | None = None
    domain_guid: uuid.UUID | None = None

    @property
    def is_replicated(self) -> bool:
        """Whether the files in SYSVOL are of the version that the directory has."""
        return self.file_version is None or self.file_version == self.version

    @property
    def lists_helpers(self) -> bool:
        return bool(self.helpers or self.removed_helpers or self.replaces_helpers)


@dataclass(frozen=True, slots=True, eq=False)
class Link:
    """A policy linked to a container.

    Attributes:
        order: As administrators see it: 1 has the last word in its container.
        policy: None when it cannot be seen.
        policy_name: Its name, or what the link calls it.
        is_malformed: What the container says of its links cannot be read.
    """

    container_kind: ContainerKind
    container_guid: uuid.UUID
    container_name: str
    order: int
    policy: Policy | None
    policy_name: str
    is_enforced: bool = False
    is_disabled: bool = False
    is_malformed: bool = False

    def __str__(self) -> str:
        return f"{self.policy_name} linked to {self.container_name}"


@dataclass(frozen=True, slots=True, eq=False)
class Container:
    """A site, a domain or an organizational unit above a computer.

    Attributes:
        links: In any order; each knows its own.
        is_certain: False for a site that the computer may or may not be in.
    """

    kind: ContainerKind
    guid: uuid.UUID
    name: str
    links: tuple[Link, ...] = ()
    blocks_inheritance: bool = False
    is_certain: bool = True


@dataclass(frozen=True, slots=True)
class PolicyUnknown:
    """Something that could change the result and cannot be told from outside the computer.

    Attributes:
        code: ``wmi_filter``, ``security_filter``, ``security_descriptor_unreadable``,
            ``site_unknown``, ``policy_unreadable``, ``link_malformed``, ``soft_value``.
        sentence: For a person.
        remedy: What would make it known.
        link: Which policy, and where it is linked.
        affects: The names of the values that it could change, and ``helpers``.
    """

    code: str
    sentence: str
    remedy: str
    link: Link
    affects: frozenset[str]

    @property
    def policy(self) -> Policy | None:
        return self.link.policy


@dataclass(frozen=True, slots=True)
class ConsideredLink:
    """One link on the way to the computer, and what became of it.

    Attributes:
        effect: Whether it applies, or what keeps it from applying.
        reason: The same for a person.
    """

    link: Link
    effect: Effect
    reason: str


@dataclass(frozen=True, slots=True)
class Statement:
    """What one policy says of a value. ``is_certain``: it applies to the computer for certain."""

    link: Link
    value: Value
    is_certain: bool = True


@dataclass(frozen=True, slots=True)
class ResultantValue:
    """One value as it stands on the computer.

    Attributes:
        name: ``offers``, ``control`` or the name of the registry value.
        value: What the nearest policy that applies for certain says; None: not configured. It
            holds only where ``is_certain`` says so.
        source: The link that says so.
        overridden: What farther policies said in vain, the nearest first.
        unknowns: What could change it.
        may_be: Every value that it may have; None among them is *not configured*.
        may_be_anything: A policy that may apply and cannot be read could set it.
    """

    name: str
    value: Value
    source: Link | None
    overridden: tuple[Statement, ...] = ()
    unknowns: tuple[PolicyUnknown, ...] = ()
    may_be: frozenset[Value] = frozenset({None})
    may_be_anything: bool = False

    @property
    def is_certain(self) -> bool:
        return not self.unknowns


@dataclass(frozen=True, slots=True)
class ResultantHelper:
    """One line of the helper list as it stands on the computer.

    Attributes:
        line: The line.
        link: The policy that lists it, and where that is linked.
        unknowns: Why it may not be on the list after all; empty when it is for certain.
    """

    line: HelperLine
    link: Link
    unknowns: tuple[PolicyUnknown, ...] = ()

    @property
    def is_certain(self) -> bool:
        return not self.unknowns

    @property
    def text(self) -> str:
        return self.line.text


@dataclass(frozen=True, slots=True)
class OverriddenHelper:
    """A line that a farther policy lists in vain, and the link that took it off."""

    line: HelperLine
    link: Link
    by: Link


@dataclass(frozen=True, slots=True)
class ResultantPolicy:
    """What policy says about Remote Assistance on one computer.

    Attributes:
        values: Every value that some policy on the way speaks of, and always ``offers`` and
            ``control``.
        helpers: The lines that are on the list, or may be.
        helpers_source: The nearest link that for certain speaks of helpers.
        overridden_helpers: Lines that are not.
        further_helpers: Why lines that no readable policy holds may be on the list.
        unknowns: All of them, each with what it could change.
        considered: Every link on the way, in the order of processing.
    """

    values: Mapping[str, ResultantValue]
    helpers: tuple[ResultantHelper, ...]
    helpers_source: Link | None
    overridden_helpers: tuple[OverriddenHelper, ...]
    further_helpers: tuple[PolicyUnknown, ...]
    unknowns: tuple[PolicyUnknown, ...]
    considered: tuple[ConsideredLink, ...]

    @property
    def offers_allowed(self) -> bool | None:
        value = self.values[OFFERS].value
        return None if value is None else bool(value)

    @property
    def control_allowed(self) -> bool | None:
        value = self.values[CONTROL].value
        return None if value is None else bool(value)

    @property
    def offers_source(self) -> Link | None:
        return self.values[OFFERS].source

    @property
    def control_source(self) -> Link | None:
        return self.values[CONTROL].source

    @property
    def applied(self) -> tuple[Link, ...]:
        """The links that apply for certain, in the order of processing: the last one wins."""
        return tuple(item.link for item in self.considered if item.effect == "applied")

    def unknowns_about(self, subject: str) -> tuple[PolicyUnknown, ...]:
        """What could change one part of the result."""
        return tuple(unknown for unknown in self.unknowns if subject in unknown.affects)

    def is_certain(self, subject: str) -> bool:
        return not self.unknowns_about(subject)
