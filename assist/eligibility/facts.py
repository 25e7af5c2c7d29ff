"""What a decision rests on, as values: no Django, no database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from assist.eligibility.decision import Reference
from assist.eligibility.protection import Asked, Protection
from assist.eligibility.trail_rule import TrailFacts
from assist.lifecycle import Authority
from directory.grouppolicy.firewall import Address, FirewallPolicy, Origin
from directory.trusts import Cause, TrustWay
from directory.trusts.selective import Authentication


@dataclass(frozen=True)
class AccountFacts:
    """An account as the directory has it.

    Attributes:
        reference: The account.
        domain: Its domain.
        is_present: The directory still has it.
        is_enabled: Not disabled.
        is_locked: Locked after wrong passwords.
        expires_at: When it expires, an aware time, or never.
        roles: What it is in the portal.
        never_delegated: Why no service may act for it, as the end of a sentence; empty where some
            may.
    """

    reference: Reference
    domain: Reference
    is_present: bool
    is_enabled: bool
    is_locked: bool
    expires_at: datetime | None
    roles: frozenset[str] = frozenset()
    never_delegated: str = ""


@dataclass(frozen=True)
class ComputerFacts:
    """A computer as the directory has it."""

    reference: Reference
    domain: Reference
    is_present: bool
    is_enabled: bool
    operating_system: str
    operating_system_version: str
    is_domain_controller: bool


@dataclass(frozen=True)
class Source:
    """The policy that says something, and where it is linked."""

    policy: Reference
    container: Reference
    changed_at: datetime | None = None

    def __str__(self) -> str:
        return f"{self.policy.name} (linked to {self.container.name})"


@dataclass(frozen=True)
class Unknown:
    """Something about policy that cannot be told from here."""

    code: str
    sentence: str
    remedy: str
    source: Source
    affects: frozenset[str]


@dataclass(frozen=True)
class HelperLine:
    """One line of the resultant helper list.

    Attributes:
        text: The line.
        source: The policy that lists it.
        principal: The account or group it names, if any.
        problem: What is wrong with it, if anything.
        unknowns: Why it may not be on the list after all; empty when it is for certain.
        either: Whom it may name, where no document says how Windows reads it.
    """

    text: str
    source: Source
    principal: Reference | None
    problem: str = ""
    unknowns: tuple[Unknown, ...] = ()
    either: tuple[Reference, ...] = ()

    @property
    def is_certain(self) -> bool:
        return not self.unknowns


@dataclass(frozen=True)
class PolicyFacts:
    """The resultant policy of the computer; None where nothing is set.

    Attributes:
        helpers: The lines that are on the helper list, or may be.
        unknowns: What could change offers, control or helpers.
        offers_overridden: Policies that speak of offers in vain, the nearest first.
        control_overridden: The same for control.
        further_helpers: Why lines that no readable policy holds may be on the list.
        unreplicated: Policies whose files in SYSVOL are not of the version in the directory.
        asking_allowed: Whether users may ask for help themselves (Solicited Remote Assistance).
        asking_source: Which policy says so.
        kept_out: Policies that would allow offers and do not apply, each with the reason.
    """

    offers_allowed: bool | None
    offers_source: Source | None
    control_allowed: bool | None
    control_source: Source | None
    helpers: tuple[HelperLine, ...]
    unknowns: tuple[Unknown, ...]
    offers_overridden: tuple[Source, ...] = ()
    control_overridden: tuple[Source, ...] = ()
    further_helpers: tuple[Unknown, ...] = ()
    unreplicated: tuple[Source, ...] = ()
    asking_allowed: bool | None = None
    asking_source: Source | None = None
    kept_out: tuple[tuple[Source, str], ...] = ()

    def is_certain(self, subject: str) -> bool:
        return not any(subject in unknown.affects for unknown in self.unknowns)


@dataclass(frozen=True)
class FirewallWord:
    """What one policy says of the firewall.

    Attributes:
        source: The policy.
        said: None where it cannot be read.
        is_certain: It applies to the computer for certain.
    """

    source: Source
    said: FirewallPolicy | None
    is_certain: bool = True


@dataclass(frozen=True)
class FirewallFacts:
    """What the verdict on the computer's firewall rests on.

    Attributes:
        words: Of every policy that does or may apply, in the order of processing.
        origins: The addresses that the portal's workers and the expert connect from, as far as
            they are known.
    """

    words: tuple[FirewallWord, ...]
    origins: Mapping[Origin, Sequence[Address]] = field(default_factory=dict)


@dataclass(frozen=True)
class HardeningValue:
    """A setting beside the firewall that bears on offers; ``?``: it cannot be read."""

    name: str
    value: int | str
    source: Source


@dataclass(frozen=True)
class LostHelper:
    """A helper of the list that somebody reaches through groups, but not at this computer.

    Attributes:
        cause: Why.
        path: The groups that lead there.
        reason: Why, as the end of a sentence.
    """

    cause: Cause
    path: tuple[Reference, ...]
    reason: str


@dataclass(frozen=True)
class Memberships:
    """What somebody is at the computer, by the token that Windows would make there.

    Attributes:
        paths: For each group by its SID, the way from the direct group to it.
        past: For each past SID, the way to the group that had it; empty for the account's own.
        lost: Of the helpers that policy names, by SID, those that are not in the token although
            groups lead there; these grant nothing and are here to say so.
        way: How the computer's domain lets the account in.
        authentication: Whether the computer does, where the way asks for that.
    """

    paths: dict[str, tuple[Reference, ...]]
    past: dict[str, tuple[Reference, ...]]
    lost: dict[str, LostHelper]
    way: TrustWay
    authentication: Authentication

    def way_to(self, sid: str) -> tuple[Reference, ...] | None:
        """The groups that lead to a SID of the token; None where it is not in it."""
        found = self.paths.get(sid)
        return self.past.get(sid) if found is None else found


@dataclass(frozen=True)
class Caller:
    """The account that calls the novice's computer under the authority *service*."""

    reference: Reference | None
    configured_name: str
    memberships: Memberships | None


@dataclass(frozen=True)
class Activity:
    """What the portal itself knows of the expert and the computer.

    Attributes:
        active_offer: An offer to this computer that has not ended, by its expert's name.
        offers_in_last_hour: Offers by this expert that were let through.
        limit_per_hour: The most there may be.
        active_since: When that offer was asked for, an aware time in the portal's time zone.
        is_own_active: It is the expert's own.
        held_offer: An offer of this expert to this computer that is held.
        offers_to_computer: Offers by anybody to this computer that were let through in an hour.
        limit_per_computer: The most there may be.
    """

    active_offer: Reference | None
    offers_in_last_hour: int
    limit_per_hour: int
    active_since: datetime | None = None
    is_own_active: bool = False
    held_offer: Reference | None = None
    offers_to_computer: int = 0
    limit_per_computer: int = 1


@dataclass(frozen=True)
class Facts:
    """All of it."""

    expert: AccountFacts
    expert_memberships: Memberships
    computer: ComputerFacts
    administrators_sid: str
    policy: PolicyFacts
    caller: Caller
    activity: Activity
    oldest_domain: Reference
    synced_at: datetime | None
    maximum_age: timedelta
    firewall: FirewallFacts | None = None
    hardening: tuple[HardeningValue, ...] = ()
    authority: Authority = Authority.SERVICE
    protections: tuple[Protection, ...] = ()
    asked: Asked | None = None
    trail: TrailFacts | None = None


class ComputerSide(Protocol):
    """What those rules ask that concern the computer alone, whoever the expert is."""

    @property
    def computer(self) -> ComputerFacts: ...

    @property
    def administrators_sid(self) -> str: ...

    @property
    def policy(self) -> PolicyFacts: ...

    @property
    def caller(self) -> Caller: ...

    @property
    def hardening(self) -> tuple[HardeningValue, ...]: ...
