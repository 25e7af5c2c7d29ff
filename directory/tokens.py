"""What Windows would put into an account's token at a computer of a domain.

The account's domain adds the account's global groups and the universal groups of its forest; the
computer's domain adds its own domain local groups ([MS-PAC] 4.1.2.1, [MS-KILE] 3.3.5.7.3). On the
way between them each trust drops SIDs (:mod:`directory.trusts.filtering`). Only security groups
count, and past SIDs of accounts and groups count as SIDs of their own ([MS-PAC] 2.5, [MS-DRSR]
4.1.8). Authenticated Users and Everyone come last, from the computer itself: as members of a group
they put nobody into it.

The groups above an account are fetched by one walk, of whatever domain; what of them is in a token,
and why the rest is not, is then told without a further query.
"""

from __future__ import annotations

import heapq
import json
import uuid
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from django.db import connection

from directory.ldap.values import AUTHENTICATED_USERS, EVERYONE
from directory.models import Account, Group
from directory.statements import guid_of, marks, rows
from directory.trusts import Cause, TrustWay

NETWORK = "S-1-5-2"
THIS_ORGANIZATION = "S-1-5-15"
OTHER_ORGANIZATION = "S-1-5-1000"
WELL_KNOWN = (AUTHENTICATED_USERS, EVERYONE)
PRIMARY = ""  # stands for the primary group's own edge, which no SID has
ELSEWHERE = "a domain local group counts only on computers of its own domain"
PAST_SID_ROUNDS = 8  # of a group, whose past SID is in a group with a past SID, ...

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
_ENTERED = "target.is_present AND target.sid NOT LIKE 'S-1-5-32-%%'"
# As in directory.membership, which says why OFFSET 0. What is told of a group is carried along: to
# look the groups up afterwards takes PostgreSQL longer than the walk.
_ABOVE = """
WITH RECURSIVE held(sid, guid, member_sid, name, domain_id, scope, is_security, past) AS (
    {start}
    UNION
    SELECT {columns_of_primary}
      FROM directory_group target
     WHERE target.sid IN ({primary}) AND {entered}
    UNION
    SELECT {columns}
      FROM held {step}
     WHERE {entered}
)
SELECT member_sid, guid, sid, name, domain_id, scope, is_security, past
  FROM held WHERE guid IS NOT NULL
"""
_COLUMNS = (
    "target.sid, target.guid, {member_sid}, target.sam_account_name, target.domain_id, "
    "target.scope, target.is_security, CAST(target.sid_history AS text)"
)
_START = (
    "SELECT CAST(%s AS varchar(184)), CAST(NULL AS uuid), CAST('' AS varchar(184)), "
    "CAST('' AS varchar(256)), CAST(NULL AS uuid), CAST('' AS varchar(16)), "
    "CAST(NULL AS boolean), CAST('' AS text)"
)


@dataclass(frozen=True, slots=True)
class GroupNode:
    """A group on a way, as far as it matters here."""

    guid: uuid.UUID
    sid: str
    name: str
    domain_id: uuid.UUID
    scope: str
    is_security: bool
    past_sids: tuple[str, ...] = ()


Path = tuple[GroupNode, ...]


@dataclass(frozen=True)
class Loss:
    """A SID that is not in a token although groups lead to it.

    Attributes:
        cause: Why.
        path: The groups that lead there.
        reason: The end of a sentence, for a person.
        group: The group that stops it; None where it is a past SID of the account.
    """

    cause: Cause
    path: Path
    reason: str
    group: GroupNode | None = None


@dataclass(frozen=True)
class Token:
    """An account at computers of a domain.

    Attributes:
        sid: The account's.
        paths: Groups by SID, each with one shortest way: from the one that names the account.
        past: Past SIDs, each with the way to the group that had it; empty for the account's own.
        dropped: SIDs that a trust drops, and why.
        is_other_organization: It came over a trust with selective authentication.
    """

    sid: str
    paths: Mapping[str, Path]
    past: Mapping[str, Path] = field(default_factory=dict)
    dropped: Mapping[str, str] = field(default_factory=dict)
    is_other_organization: bool = False

    @property
    def sids(self) -> frozenset[str]:
        """All of them, with those that Windows adds to every account that comes by network."""
        organization = OTHER_ORGANIZATION if self.is_other_organization else THIS_ORGANIZATION
        own = () if self.sid in self.dropped else (self.sid,)
        return frozenset((*own, *self.paths, *self.past, *WELL_KNOWN, NETWORK, organization))

    def path_to(self, sid: str) -> Path | None:
        """The way to a group, or to what had a past SID; None for what is not in the token."""
        found = self.paths.get(sid)
        return self.past.get(sid) if found is None else found


class Walk:
    """The groups above some accounts, of every kind and in whatever domain; one query.

    Args:
        accounts: Where it begins.
    """

    def __init__(self, accounts: Collection[Account]) -> None:
        self.edges = defaultdict[str, list[GroupNode]](list)
        self.groups: dict[uuid.UUID, GroupNode] = {}
        primary = {account.primary_group_sid for account in accounts}
        waiting = {sid for account in accounts for sid in (account.sid, *account.sid_history)}
        waiting |= set(WELL_KNOWN)
        asked = set[str]()
        for _ in range(PAST_SID_ROUNDS):
            asked |= waiting
            self._fetch(sorted(waiting), sorted(primary))
            waiting = {sid for group in self.groups.values() for sid in group.past_sids} - asked
            if not waiting:
                break

    def primary_of(self, account: Account) -> list[GroupNode]:
        """The account's primary group, once for each domain that has one of its SID."""
        found = self.edges.get(PRIMARY, ())
        return [group for group in found if group.sid == account.primary_group_sid]

    def _fetch(self, start: Collection[str], primary: Collection[str]) -> None:
        statement = _ABOVE.format(
            start=" UNION ".join([_START] * len(start)),
            primary=marks(primary),
            columns_of_primary=_COLUMNS.format(member_sid="''"),
            columns=_COLUMNS.format(member_sid="edge.member_sid"),
            entered=_ENTERED,
            step=_STEP[connection.vendor],
        )
        for member_sid, guid, *columns in rows(statement, (*start, *primary)):
            key = guid_of(guid)
            if key not in self.groups:
                self.groups[key] = _group(key, *columns)
            group, edges = self.groups[key], self.edges[member_sid]
            if not any(group is each for each in edges):
                edges.append(group)


class Above:
    """An account and the groups above it, in whatever domain; one query.

    Args:
        account: The account.
        walk: From it and others; None: it is made from this one alone.
    """

    def __init__(self, account: Account, walk: Walk | None = None) -> None:
        self.account = account
        walk = walk or Walk([account])
        self._edges: Mapping[str, Sequence[GroupNode]] = walk.edges
        self._primary: Sequence[GroupNode] = walk.primary_of(account)

    def plain(self) -> dict[str, Path]:
        """Every security group that the account is in, as ``membership.group_paths`` tells."""
        own = (PRIMARY, self.account.sid, *self.account.sid_history, *WELL_KNOWN)
        return self._paths([(sid, ()) for sid in own], lambda group: group.is_security)

    def token(self, at: uuid.UUID, way: TrustWay, forest: Collection[uuid.UUID]) -> Token:
        """The account's token at computers of a domain.

        Args:
            at: GUID of the computers' domain.
            way: From there to the account's domain. What is dropped on a way that is not allowed
                is not asked.
            forest: The GUIDs of the domains of the account's forest.
        """
        account, home = self.account, self.account.domain_id

        def from_home(group: GroupNode) -> bool:
            if group.scope == Group.Scope.GLOBAL:
                return group.is_security and group.domain_id == home
            is_universal = group.scope == Group.Scope.UNIVERSAL
            return group.is_security and is_universal and group.domain_id in forest

        def local(group: GroupNode) -> bool:
            is_local = group.scope == Group.Scope.DOMAIN_LOCAL
            return group.is_security and is_local and group.domain_id == at

        carried = self._paths([(PRIMARY, ()), (account.sid, ())], from_home)
        past: dict[str, Path] = dict.fromkeys(account.sid_history, ())
        for path in carried.values():
            for sid in path[-1].past_sids:
                past.setdefault(sid, path)
        dropped = {
            sid: reason for sid in (account.sid, *carried, *past) if (reason := way.dropped_by(sid))
        }
        carried = {sid: path for sid, path in carried.items() if sid not in dropped}
        past = {sid: path for sid, path in past.items() if sid not in dropped}
        start: dict[str, Path] = {account.sid: (), **past, **carried}
        start = {sid: path for sid, path in start.items() if sid not in dropped}
        added = self._paths(start.items(), local)
        for path in added.values():
            for sid in path[-1].past_sids:
                past.setdefault(sid, path)
        return Token(account.sid, carried | added, past, dropped, way.is_selective)

    def why_not(self, sid: str, token: Token, at: uuid.UUID) -> Loss | None:
        """Why a SID is not in a token; None where no group leads to it at all.

        Args:
            sid: Of a group, or of somebody that the account or a group once was.
            token: The account's.
            at: GUID of the domain that it is for.
        """
        if sid in token.dropped:
            return Loss(Cause.FILTERED, self._reached[sid], token.dropped[sid])
        path = self._reached.get(sid)
        return self._stop(path, token, at) if path else None

    @cached_property
    def _reached(self) -> dict[str, Path]:
        """The shortest way to every SID above the account, whatever stands in it."""
        held: dict[str, Path] = {self.account.sid: ()} | dict.fromkeys(self.account.sid_history, ())
        start = [(sid, ()) for sid in (PRIMARY, *held, *WELL_KNOWN)]
        groups = self._paths(start, lambda group: True, by_past_sids=True)
        for path in groups.values():
            for sid in path[-1].past_sids:
                held.setdefault(sid, path)
        return held | groups

    def _stop(self, path: Path, token: Token, at: uuid.UUID) -> Loss | None:
        if not any(path[0] in self._naming(sid) for sid in (PRIMARY, *self._own())):
            return Loss(Cause.SCOPE, path, "everybody as a member puts nobody into it", path[0])
        for group in path:
            if group.scope == Group.Scope.DOMAIN_LOCAL and group.domain_id != at:
                return Loss(Cause.SCOPE, path, ELSEWHERE, group)
        for member, group in zip((None, *path), path, strict=False):
            sids = (member.sid, *member.past_sids) if member else self._own()
            lost = [sid for sid in sids if sid in token.dropped and group in self._naming(sid)]
            if lost:
                reason = token.dropped[lost[0]]
                if lost[0] not in (self.account.sid, member.sid if member else ""):
                    reason = f"{group.name} names a past SID, and {reason}"
                return Loss(Cause.FILTERED, path, reason, member)
            if group.sid in token.dropped:
                return Loss(Cause.FILTERED, path, token.dropped[group.sid], group)
            if not group.is_security:
                return Loss(Cause.DISTRIBUTION, path, "distribution groups grant nothing", group)
            if group.sid not in token.paths:
                return Loss(Cause.SCOPE, path, self._scope(group), group)
        return None

    def _naming(self, sid: str) -> Sequence[GroupNode]:
        """The groups that have a SID as a member."""
        return self._primary if sid == PRIMARY else self._edges.get(sid, ())

    def _own(self) -> tuple[str, ...]:
        return (self.account.sid, *self.account.sid_history)

    def _scope(self, group: GroupNode) -> str:
        if group.scope == Group.Scope.DOMAIN_LOCAL:
            return "what leads to it does not count there"
        if group.scope == Group.Scope.UNIVERSAL:
            return "a universal group counts for accounts and groups of its own forest only"
        return "a global group counts for accounts and groups of its own domain only"

    def _paths(
        self,
        start: Iterable[tuple[str, Path]],
        entered: Callable[[GroupNode], bool],
        *,
        by_past_sids: bool = False,
    ) -> dict[str, Path]:
        """One shortest way to each group that may be entered, the first by name of several."""
        waiting: list[tuple[int, tuple[str, ...], str, Path]] = [
            (len(path), tuple(group.name for group in path), sid, path) for sid, path in start
        ]
        heapq.heapify(waiting)
        paths: dict[str, Path] = {}
        done = set[str]()
        while waiting:
            length, names, sid, path = heapq.heappop(waiting)
            if sid in done:
                continue
            done.add(sid)
            for group in self._naming(sid):
                if group.sid in paths or not entered(group):
                    continue
                onwards = (*path, group)
                paths[group.sid] = onwards
                for own in (group.sid, *(group.past_sids if by_past_sids else ())):
                    heapq.heappush(waiting, (length + 1, (*names, group.name), own, onwards))
        return paths


def token(account: Account, at: uuid.UUID, way: TrustWay, forest: Collection[uuid.UUID]) -> Token:
    """An account's token at computers of a domain; see :meth:`Above.token`."""
    return Above(account).token(at, way, forest)


def _group(
    guid: uuid.UUID,
    sid: str,
    name: str,
    domain_id: Any,
    scope: str,
    is_security: Any,
    past: Any,
) -> GroupNode:
    past_sids = json.loads(past) if isinstance(past, str) else past
    return GroupNode(
        guid, sid, name, guid_of(domain_id), scope, bool(is_security), tuple(past_sids or ())
    )
