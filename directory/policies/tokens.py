"""The SIDs that a computer holds when Windows asks whether a policy applies to it.

Its own, its primary group's, those of its security groups however deep, and those that every
account of the forest holds. Those last lead into no group: a domain controller expands the groups
of the account alone, and the computer adds Authenticated Users and Everyone afterwards ([MS-KILE]
3.3.5.7.3). Of some SIDs it cannot be told: groups of domains that are not read,
groups of a computer's own BUILTIN domain, domain local groups of another domain than its own.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

from django.db import connection

from directory.ldap.values import AUTHENTICATED_USERS, EVERYONE
from directory.models import Computer, Domain, Group, Membership
from directory.statements import guid_of, marks, rows

NETWORK = "S-1-5-2"
THIS_ORGANIZATION = "S-1-5-15"
ENTERPRISE_DOMAIN_CONTROLLERS = "S-1-5-9"
EVERY_COMPUTER = frozenset({AUTHENTICATED_USERS, EVERYONE, NETWORK, THIS_ORGANIZATION})
# Held by no computer that reads a policy over the network ([MS-DTYP] 2.4.2.4): Null, Creator Owner
# and Group, Dialup, Interactive, Anonymous, Self, Local System, Local Service, Network Service.
NOBODYS = frozenset(
    ("S-1-0-0", "S-1-3-0", "S-1-3-1", "S-1-5-1", "S-1-5-4", "S-1-5-7", "S-1-5-10")
    + ("S-1-5-18", "S-1-5-19", "S-1-5-20")
)
DOMAIN_SID_PREFIX = "S-1-5-21-"

# As in directory.membership: OFFSET 0 makes PostgreSQL look up each step by its index.
_STEP = {
    "postgresql": """
     CROSS JOIN LATERAL (SELECT * FROM directory_membership edge
                          WHERE edge.member_sid = held.sid OFFSET 0) edge
     CROSS JOIN LATERAL (SELECT * FROM directory_group target
                          WHERE target.guid = edge.group_id OFFSET 0) target""",
    "sqlite": """
     CROSS JOIN directory_membership edge ON edge.member_sid = held.sid
     CROSS JOIN directory_group target ON target.guid = edge.group_id""",
}
_STEP_DOWN = {
    "postgresql": """
     CROSS JOIN LATERAL (SELECT * FROM directory_membership edge
                          WHERE edge.group_id = below.guid OFFSET 0) edge
     CROSS JOIN LATERAL (SELECT * FROM directory_group target
                          WHERE target.sid = edge.member_sid OFFSET 0) target""",
    "sqlite": """
     CROSS JOIN directory_membership edge ON edge.group_id = below.guid
     CROSS JOIN directory_group target ON target.sid = edge.member_sid""",
}
_ENTERED = "target.is_present AND target.is_security AND target.sid NOT LIKE 'S-1-5-32-%%'"
_OWN = "CAST(%s AS varchar(184)), CAST('' AS varchar(16)), CAST(NULL AS uuid)"
_GROUPS_ABOVE = """
WITH RECURSIVE held(sid, scope, domain_id) AS (
    SELECT {own}
    UNION
    SELECT target.sid, target.scope, target.domain_id FROM directory_group target
     WHERE target.sid = %s AND {entered}
    UNION
    SELECT target.sid, target.scope, target.domain_id FROM held {step} WHERE {entered}
)
SELECT sid, scope, domain_id FROM held WHERE scope <> ''
"""
_GROUPS_BELOW = """
WITH RECURSIVE below(root, guid, sid) AS (
    SELECT target.sid, target.guid, target.sid FROM directory_group target
     WHERE target.sid IN ({named}) AND {entered}
    UNION
    SELECT below.root, target.guid, target.sid FROM below {step} WHERE {entered}
)
SELECT root, guid, sid FROM below
"""


class TokenHolder(Protocol):
    """A computer, as far as its token rests on it: a row of the directory, or part of one."""

    @property
    def sid(self) -> str: ...
    @property
    def domain_id(self) -> uuid.UUID: ...
    @property
    def primary_group_sid(self) -> str: ...
    @property
    def is_domain_controller(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class Token:
    """SIDs that a computer holds, and SIDs of which it cannot be told."""

    sids: frozenset[str]
    undetermined: frozenset[str] = frozenset()


def own_sids(computer: TokenHolder) -> frozenset[str]:
    """What a computer holds without a look at any group's members."""
    sids = EVERY_COMPUTER | {computer.sid}
    if computer.primary_group_sid:
        sids |= {computer.primary_group_sid}
    if computer.is_domain_controller:
        sids |= {ENTERPRISE_DOMAIN_CONTROLLERS}
    return sids


def doubtful(named: Iterable[str], domain_sids: Set[str]) -> frozenset[str]:
    """Those of some SIDs of which it can be told of no computer whether it holds them.

    Args:
        named: By the permissions of policies.
        domain_sids: Of the domains that are read: who is in their groups is known.
    """
    return frozenset(
        sid
        for sid in named
        if sid not in EVERY_COMPUTER | NOBODYS | {ENTERPRISE_DOMAIN_CONTROLLERS}
        and not (sid.startswith(DOMAIN_SID_PREFIX) and sid.rpartition("-")[0] in domain_sids)
    )


def domain_sids() -> frozenset[str]:
    """The SIDs of the domains that are read."""
    return frozenset(Domain.objects.filter(is_present=True).values_list("sid", flat=True))


def token_of(computer: Computer, named: Set[str], domains: Set[str]) -> Token:
    """A computer's token as far as some policies' permissions ask for it; one query.

    Args:
        computer: Of the directory.
        named: The SIDs that those permissions name.
        domains: The SIDs of the domains that are read.
    """
    sids = own_sids(computer)
    statement = _GROUPS_ABOVE.format(own=_OWN, entered=_ENTERED, step=_STEP[connection.vendor])
    found = rows(statement, (computer.sid, computer.primary_group_sid))
    groups = [(str(sid), str(scope), guid_of(home)) for sid, scope, home in found]
    away = {
        sid
        for sid, scope, home in groups
        if scope == Group.Scope.DOMAIN_LOCAL and home != computer.domain_id
    }
    held = sids | {sid for sid, _, _ in groups} - away
    strange = doubtful(named, domains) - held
    return Token(sids=held, undetermined=frozenset((away & named) | strange))


@dataclass(frozen=True)
class TokenIndex:
    """The tokens of all computers, as far as some permissions ask for them.

    Attributes:
        named: The SIDs that those permissions name.
        undetermined: Those of them that can be told of no computer.
        groups_below: For each group named, the SIDs of the groups in it and its own.
        direct_groups: For each SID, the SIDs of those groups that name it as a member.
        away: For each domain local group named, the domain in whose tokens alone it is.
    """

    named: frozenset[str]
    undetermined: frozenset[str]
    groups_below: Mapping[str, frozenset[str]]
    direct_groups: Mapping[str, frozenset[str]]
    away: Mapping[str, uuid.UUID]

    @cached_property
    def _roots(self) -> Mapping[str, frozenset[str]]:
        """For each SID, the groups named that it is one of or is in."""
        found = defaultdict[str, set[str]](set)
        for root, below in self.groups_below.items():
            for sid in below:
                found[sid].add(root)
        return {sid: frozenset(roots) for sid, roots in found.items()}

    def token_of(self, computer: TokenHolder) -> Token:
        """As :func:`token_of`, without a query and without the SIDs that nobody asks for."""
        own = own_sids(computer)
        direct = set(own)
        direct |= self.direct_groups.get(computer.sid, frozenset())
        groups = {root for sid in direct for root in self._roots.get(sid, ())}
        away = {
            sid for sid in groups if self.away.get(sid, computer.domain_id) != computer.domain_id
        }
        held = frozenset((own & self.named) | (groups - away))
        return Token(held, frozenset(away) | (self.undetermined - held))


def token_index(named: Set[str], added: tuple[str, str] | None = None) -> TokenIndex:
    """Loads what the tokens of all computers rest on, in four queries.

    Args:
        named: The SIDs that the permissions of policies name.
        added: The SIDs of a group and of a member that is to count as if it were in it.
    """
    below = defaultdict[str, set[str]](set)
    guids = set[uuid.UUID]()
    for root, guid, sid in _groups_below(named):
        below[root].add(sid)
        guids.add(guid)
    direct = dict[str, frozenset[str]]()
    if added is not None:
        group, member = added
        holding = [sids for sids in below.values() if group in sids]
        for _, guid, sid in _groups_below({member}) if holding else ():
            guids.add(guid)
            for sids in holding:
                sids.add(sid)
        direct[member] = frozenset({group})
    for sid, groups in _direct_groups(guids).items():
        direct[sid] = direct.get(sid, frozenset()) | groups
    return TokenIndex(
        named=frozenset(named),
        undetermined=doubtful(named, domain_sids()),
        groups_below={root: frozenset(sids) for root, sids in below.items()},
        direct_groups=direct,
        away=dict(
            Group.objects.filter(sid__in=below, scope=Group.Scope.DOMAIN_LOCAL).values_list(
                "sid", "domain_id"
            )
        ),
    )


def _groups_below(named: Set[str]) -> list[tuple[str, uuid.UUID, str]]:
    if not named:
        return []
    sids = sorted(named)
    statement = _GROUPS_BELOW.format(
        entered=_ENTERED, step=_STEP_DOWN[connection.vendor], named=marks(sids)
    )
    found = rows(statement, sids)
    return [(str(root), guid_of(guid), str(sid)) for root, guid, sid in found]


def _direct_groups(groups: Iterable[uuid.UUID]) -> Mapping[str, frozenset[str]]:
    """Of computers, the groups among some that name them."""
    found = defaultdict[str, set[str]](set)
    edges = Membership.objects.filter(
        group__in=groups, member_sid__in=Computer.objects.filter(is_present=True).values("sid")
    )
    for member, group in edges.values_list("member_sid", "group__sid").iterator():
        found[member].add(group)
    return {member: frozenset(sids) for member, sids in found.items()}
