"""Domains, trusts and the ways between domains, as values: no Django, no database."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from directory.ldap.forest_trust import ForestName
from directory.ldap.values import domain_of_sid

DOMAIN_SID_PREFIX = "S-1-5-21-"
FIRST_FREE_RID = 1000  # lower ones are handed out by Windows itself, [MS-DTYP] 2.4.2.4


class Effect(StrEnum):
    """What is known of a hop or a way."""

    ALLOW = "allow"
    DENY = "deny"
    UNKNOWN = "unknown"


class Cause(StrEnum):
    """Why a group that an account reaches is not in its token."""

    DISTRIBUTION = "distribution"
    SCOPE = "scope"
    FILTERED = "filtered"


class Kind(StrEnum):
    """What joins two domains."""

    PARENT_CHILD = "parent and child"
    TREE_ROOT = "tree root"
    SHORTCUT = "shortcut"
    FOREST = "forest trust"
    EXTERNAL = "external trust"
    OTHER = "other trust"


@dataclass(frozen=True, slots=True)
class DomainNode:
    """A domain.

    Attributes:
        dns_name: As it is written.
        sid: Empty where only a cross-reference speaks of it.
        forest: The folded name of its forest's root domain.
        guid: None for a domain that the portal does not read.
        synced_at: When it was last compared with the directory.
    """

    dns_name: str
    netbios_name: str
    sid: str
    forest: str
    guid: uuid.UUID | None = None
    synced_at: datetime | None = None

    @property
    def is_read(self) -> bool:
        return self.guid is not None


@dataclass(frozen=True, slots=True)
class TrustObject:
    """A trustedDomain object ([MS-ADTS] 6.1.6.7), as the domain that holds it has it.

    Attributes:
        names: msDS-TrustForestTrustInfo.
        names_error: Why those could not be read.
    """

    guid: uuid.UUID
    partner_dns_name: str
    partner_sid: str
    direction: int
    type: int
    attributes: int
    names: tuple[ForestName, ...] = ()
    names_error: str = ""


@dataclass(frozen=True)
class TrustMap:
    """All domains and trusts that the portal knows of.

    Attributes:
        names: The folded names of the domains that are read, by GUID.
        domains: Every domain that is read or that a cross-reference speaks of, by folded name.
        trusts: By the folded names of the holder and its partner. More than one is a fault.
        tree: Pairs of folded names, the lower domain first, of a domain and the one above it, or
            of another tree's root and the forest's ([MS-ADTS] 6.1.1.2.1.1).
    """

    names: Mapping[uuid.UUID, str]
    domains: Mapping[str, DomainNode]
    trusts: Mapping[str, Mapping[str, tuple[TrustObject, ...]]]
    tree: Mapping[tuple[str, str], Kind] = field(default_factory=dict)

    def domains_of_forest(self, forest: str) -> frozenset[uuid.UUID]:
        """The GUIDs of a forest's domains, as far as they are read."""
        return frozenset(
            node.guid
            for node in self.domains.values()
            if node.forest == forest and node.guid is not None
        )


@dataclass(frozen=True)
class Hop:
    """One domain trusts another.

    Attributes:
        trusting: The nearer to the computer.
        trusted: The nearer to the expert.
        kind: Of the trust.
        effect: Whether this hop holds.
        code: Of the rule that stops it, or that it cannot be told by.
        reason: A sentence; empty for one that holds.
        remedy: Who can change that.
        trust: The object that says so: of the trusting domain, where that is read.
        holder: Whose object it is.
        attributes: What the trusting domain says of the trust; 0 where that is not read.
    """

    trusting: DomainNode
    trusted: DomainNode
    kind: Kind
    effect: Effect = Effect.ALLOW
    code: str = ""
    reason: str = ""
    remedy: str = ""
    trust: TrustObject | None = None
    other_side: TrustObject | None = None
    holder: DomainNode | None = None
    attributes: int = 0

    def __str__(self) -> str:
        names = f"{self.trusting.dns_name} trusts {self.trusted.dns_name}"
        return f"{names} ({self.kind})"


@dataclass(frozen=True)
class SidFilter:
    """Which SIDs a hop lets through ([MS-PAC] 4.1.2.2).

    Attributes:
        hop: Where.
        rule: Its name, for a person.
        only: SIDs of these domains pass; None: of every domain.
        never: SIDs of these domains do not pass: the trusting forest's own.
        own: Where ``only`` is None, of these domains SIDs that Windows itself hands out pass too.
    """

    hop: Hop
    rule: str
    only: frozenset[str] | None
    never: frozenset[str] = frozenset()
    own: frozenset[str] = frozenset()

    def drops(self, sid: str) -> bool:
        domain, _, rid = sid.rpartition("-")
        if domain in self.never:
            return True
        if self.only is not None:
            return domain not in self.only
        return int(rid) < FIRST_FREE_RID and domain not in self.own


@dataclass(frozen=True)
class TrustWay:
    """Whether a computer's domain lets accounts of an expert's domain in, and how.

    Attributes:
        computer_domain: Whose computers.
        expert_domain: Whose accounts.
        effect: ``allow`` only where every hop is certain.
        code: A stable code for the kind of way, or for the rule that stops it.
        sentence: The answer, for a person.
        remedy: Who can change it; empty where it is allowed.
        hops: From the computer's domain to the expert's, as far as it goes.
        filters: What its hops drop, the expert's end first.
        is_selective: The computer's domain asks for Allowed to Authenticate.
    """

    computer_domain: DomainNode
    expert_domain: DomainNode
    effect: Effect
    code: str
    sentence: str
    remedy: str = ""
    hops: tuple[Hop, ...] = ()
    filters: tuple[SidFilter, ...] = ()
    is_selective: bool = False

    def dropped_by(self, sid: str) -> str:
        """Why a SID of the expert's does not reach the computer; empty when it does.

        Args:
            sid: Of the account, of a group of the account's forest, or a past one of either.
        """
        if not self.hops:
            return ""
        if not sid.startswith(DOMAIN_SID_PREFIX):
            return "it is of no domain, and such SIDs do not pass between domains"
        for each in self.filters:
            if each.drops(sid):
                return f"{each.rule} of the trust where {each.hop} drops SIDs of {self._home(sid)}"
        return ""

    def _home(self, sid: str) -> str:
        """The domain of a SID, by its name where the way knows it."""
        nodes = [self.computer_domain, self.expert_domain, *(hop.trusted for hop in self.hops)]
        domain = domain_of_sid(sid)
        known = (node.dns_name for node in nodes if node.sid == domain)
        return next(known, f"the domain {domain}")
