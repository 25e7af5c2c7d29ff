"""Who is, through groups, a member of what.

One relation answers every question here: what Windows would put into a token. An account is in a
group when the group's ``member`` names the account, by its SID or one of its past, or a group that
the account is in; its primary group counts; Authenticated Users and Everyone hold every account.
Only security groups that are present are entered. Groups of a controller's BUILTIN domain are not:
they say nothing about other computers, and every domain has them under the same SIDs. The past
SIDs of groups are not looked at.

Edges are walked by recursive SQL at the moment of the question, so that an answer is never older
than the picture: docs/architecture.md has the figures of this and of the other ways.
"""

from __future__ import annotations

import uuid
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from django.db import connection
from django.db.models import Q, QuerySet
from django.db.models.expressions import RawSQL

from directory.ldap.values import AUTHENTICATED_USERS, EVERYONE
from directory.models import Account, Computer, Group, Membership
from directory.statements import guid_of, marks

WELL_KNOWN = (AUTHENTICATED_USERS, EVERYONE)

PRIMARY = ""  # stands for the primary group's own edge, which no SID has

_SECURITY = "target.is_present AND target.is_security"
_ENTERED = f"{_SECURITY} AND target.sid NOT LIKE 'S-1-5-32-%%'"  # BUILTIN_PREFIX

# UNION, not UNION ALL: a group is entered once, so groups that contain each other end the walk.
#
# Left alone PostgreSQL reads whole tables at each step while they are small, or while it has no
# statistics of them. OFFSET 0 makes it look up each row by its index: a barrier to its planner.
_STEPS = {
    "postgresql": {
        "edges": "CROSS JOIN LATERAL (SELECT * FROM directory_membership edge "
        "WHERE edge.{column} = {value} OFFSET 0) edge",
        "groups": "CROSS JOIN LATERAL (SELECT * FROM directory_group target "
        "WHERE target.{column} = {value} OFFSET 0) target",
    },
    "sqlite": {
        "edges": "CROSS JOIN directory_membership edge ON edge.{column} = {value}",
        "groups": "CROSS JOIN directory_group target ON target.{column} = {value}",
    },
}
_START = "CAST(%s AS varchar(184)), CAST(NULL AS uuid)"

_IS_MEMBER = """
WITH RECURSIVE held(sid, group_id) AS (
    {start}
    UNION
    SELECT target.sid, target.guid
      FROM directory_group target
     WHERE target.sid = %s AND {entered}
    UNION
    SELECT target.sid, target.guid
      FROM held {edges_of_member} {group_of_edge}
     WHERE {entered}
)
SELECT 1 FROM held WHERE sid = %s AND group_id IS NOT NULL LIMIT 1
"""

# The same walk keeping each edge, for paths. A BUILTIN group is an end: nothing is in it by SID.
_EDGES = """
WITH RECURSIVE held(sid, group_id, member_sid) AS (
    {start}
    UNION
    SELECT target.sid, target.guid, ''
      FROM directory_group target
     WHERE target.sid = %s AND {entered}
    UNION
    SELECT target.sid, target.guid, edge.member_sid
      FROM held {edges_of_member} {group_of_edge}
     WHERE held.sid NOT LIKE 'S-1-5-32-%%' AND {entered}
)
SELECT member_sid, group_id FROM held WHERE group_id IS NOT NULL
"""

# Downwards: the groups that are in some groups, and whether any of them holds everybody.
_GROUPS_BELOW = """
WITH RECURSIVE entered(guid, sid) AS (
    SELECT target.guid, target.sid
      FROM directory_group target
     WHERE target.sid IN ({groups}) AND {entered}
    UNION
    SELECT target.guid, target.sid
      FROM entered {edges_of_group} {member_of_edge}
     WHERE {entered}
)
SELECT guid, sid, EXISTS (
    SELECT 1 FROM entered below JOIN directory_membership edge ON edge.group_id = below.guid
     WHERE edge.member_sid IN (%s, %s)
) FROM entered
"""

# Walked and fetched by two statements: with the groups counted PostgreSQL picks the right joins.
_ACCOUNTS_IN = """
SELECT account.guid
  FROM directory_membership edge JOIN directory_account account ON account.sid = edge.member_sid
 WHERE edge.group_id IN ({guids})
UNION
SELECT account.guid FROM directory_account account WHERE account.primary_group_sid IN ({sids})
UNION
SELECT account.guid FROM directory_account account, {past_sids}
 WHERE account.sid_history <> '[]' AND past.value IN (
    SELECT edge.member_sid FROM directory_membership edge WHERE edge.group_id IN ({guids}))
"""
PAST_SIDS = {
    "postgresql": "LATERAL jsonb_array_elements_text(account.sid_history) AS past(value)",
    "sqlite": "json_each(account.sid_history) AS past",
}


@dataclass(frozen=True)
class GroupPath:
    """A group that an account is in, and one shortest way by which it is.

    Attributes:
        group: The group.
        path: From the group the account is a direct member of, to ``group`` itself.
    """

    group: Group
    path: tuple[Group, ...]

    @property
    def is_direct(self) -> bool:
        return len(self.path) == 1


def is_member(account: Account | Computer, group: Group) -> bool:
    """Whether an account is in a group, directly or through others; one query.

    Args:
        account: Of any domain, a computer's too; edges are walked by SID, across domains.
        group: False for a distribution group, one that is gone, and one of BUILTIN.
    """
    start = _own_sids(account)
    with connection.cursor() as cursor:
        cursor.execute(
            walked(_IS_MEMBER, start=_union(f"SELECT {_START}", start)),
            (*start, account.primary_group_sid, group.sid),
        )
        return cursor.fetchone() is not None


def group_paths(account: Account) -> list[GroupPath]:
    """Every security group that an account is in, directly or through others, in two queries.

    Args:
        account: Of any domain; edges are walked by SID, across domains.

    Returns:
        Nearest first, then by name. Groups have their ``domain`` loaded.
    """
    paths = _paths(_own_sids(account), account.primary_group_sid, _ENTERED)
    found = [GroupPath(path[-1], path) for path in paths]
    return sorted(found, key=lambda entry: (len(entry.path), str(entry.group).lower()))


def membership_path(
    member: Account | Computer | Group, group: Group, *, through_distribution: bool = False
) -> tuple[Group, ...] | None:
    """One shortest way by which an object is in a group, in two queries.

    Of ways of the same length, the first by name. Unlike ``is_member`` this also tells of groups
    of BUILTIN, which lead no further.

    Args:
        member: An object of any domain. A group is not in the groups that contain Authenticated
            Users or Everyone: its members are.
        group: Any group. A group that is gone has no members.
        through_distribution: Walk through distribution groups too. They are in no token, so this
            answers who gets its mail, not who has its rights.

    Returns:
        From the group that names the member to ``group`` itself; None when there is no way. For a
        group and itself, the shortest loop.
    """
    primary = "" if isinstance(member, Group) else member.primary_group_sid
    entered = "target.is_present" if through_distribution else _SECURITY
    for path in _paths(_own_sids(member), primary, entered):
        if path[-1].pk == group.pk:
            return path
    return None


def members_of(groups: Iterable[Group]) -> QuerySet[Account]:
    """Every account that is in one of these groups, directly or through others; one query.

    Those that are gone are left out. With Authenticated Users or Everyone below, that is everybody:
    take ``iterator()`` where the answer may be large.

    Args:
        groups: Distribution groups, those that are gone and those of BUILTIN add nobody.
    """
    start = sorted({group.sid for group in groups})
    with connection.cursor() as cursor:
        cursor.execute(
            walked(_GROUPS_BELOW, groups=marks(start) or "NULL"),
            (*start, *WELL_KNOWN),
        )
        rows = cursor.fetchall()
    accounts = Account.objects.filter(is_present=True)
    if not rows:
        return accounts.none()
    if rows[0][2]:
        return accounts
    guids, sids = [guid for guid, _, _ in rows], [sid for _, sid, _ in rows]
    within = _ACCOUNTS_IN.format(
        guids=marks(guids), sids=marks(sids), past_sids=PAST_SIDS[connection.vendor]
    )
    return accounts.filter(pk__in=RawSQL(within, (*guids, *sids, *guids)))  # noqa: S611 - own text


def computer_sids_in(group: Group) -> frozenset[str]:
    """The SIDs of all computers that are in a group, directly or through others; two queries.

    Args:
        group: A distribution group, one that is gone and one of BUILTIN holds none.
    """
    with connection.cursor() as cursor:
        cursor.execute(walked(_GROUPS_BELOW, groups="%s"), (group.sid, *WELL_KNOWN))
        rows = cursor.fetchall()
    computers = Computer.objects.filter(is_present=True)
    if not rows:
        return frozenset()
    if not rows[0][2]:
        edges = Membership.objects.filter(group_id__in=[guid_of(guid) for guid, _, _ in rows])
        computers = computers.filter(
            Q(sid__in=edges.values("member_sid"))
            | Q(primary_group_sid__in=[sid for _, sid, _ in rows])
        )
    return frozenset(computers.values_list("sid", flat=True))


def _own_sids(member: Account | Computer | Group) -> tuple[str, ...]:
    """The SIDs that an object holds without being in any group."""
    match member:
        case Group():
            return (member.sid, *member.sid_history)
        case Account():
            return (member.sid, *member.sid_history, *WELL_KNOWN)
        case Computer():
            return (member.sid, *WELL_KNOWN)


def walked(statement: str, *, entered: str = _ENTERED, **parts: str) -> str:
    """A statement with its parts and with the steps of its walk as this database wants them."""
    edges, groups = (_STEPS[connection.vendor][kind] for kind in ("edges", "groups"))
    return statement.format(
        entered=entered,
        edges_of_member=edges.format(column="member_sid", value="held.sid"),
        group_of_edge=groups.format(column="guid", value="edge.group_id"),
        edges_of_group=edges.format(column="group_id", value="entered.guid"),
        member_of_edge=groups.format(column="sid", value="edge.member_sid"),
        **parts,
    )


def _union(row: str, values: Sequence[object]) -> str:
    return " UNION ".join([row] * len(values))


def _paths(
    start: tuple[str, ...], primary_group_sid: str, entered: str
) -> Iterator[tuple[Group, ...]]:
    """One shortest way from some SIDs to each group above them, nearest first."""
    with connection.cursor() as cursor:
        cursor.execute(
            walked(_EDGES, start=_union(f"SELECT {_START}, ''", start), entered=entered),
            (*start, primary_group_sid),
        )
        edges = [(str(member_sid), guid_of(group)) for member_sid, group in cursor.fetchall()]
    groups = Group.objects.filter(pk__in={guid for _, guid in edges}).select_related("domain")
    group_of = {group.pk: group for group in groups}
    groups_of: defaultdict[str, list[Group]] = defaultdict(list)
    for member_sid, guid in edges:
        groups_of[member_sid].append(group_of[guid])
    reached = set[uuid.UUID]()
    waiting = deque[tuple[Iterable[str], tuple[Group, ...]]]([((PRIMARY, *start), ())])
    while waiting:
        sids, path = waiting.popleft()
        above = [group for sid in sids for group in groups_of[sid]]
        for group in sorted(above, key=_by_name):
            if group.pk not in reached:
                reached.add(group.pk)
                yield (*path, group)
                waiting.append(((group.sid,), (*path, group)))


def _by_name(group: Group) -> tuple[str, str]:
    return group.sam_account_name_folded, group.sid
