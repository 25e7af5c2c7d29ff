"""Who is, through groups, a member of what."""

from __future__ import annotations

from collections import defaultdict, deque
from dataclasses import dataclass

from directory.ldap.values import AUTHENTICATED_USERS, BUILTIN_PREFIX, EVERYONE
from directory.models import Account, Group, Membership

# UNION, not UNION ALL: an edge is visited once, so groups that contain each other end the walk.
# Only security groups are entered: a distribution group is in no token and passes nothing on.
REACHABLE_EDGES = """
WITH RECURSIVE reached(id, group_sid) AS (
    SELECT edge.id, target.sid
      FROM directory_membership edge
      JOIN directory_group target ON target.guid = edge.group_id
     WHERE edge.member_sid IN ({start}) AND target.is_security AND target.is_present
    UNION
    SELECT edge.id, target.sid
      FROM reached
      JOIN directory_membership edge ON edge.member_sid = reached.group_sid
      JOIN directory_group target ON target.guid = edge.group_id
     WHERE target.is_security AND target.is_present
)
SELECT edge.* FROM directory_membership edge JOIN reached ON reached.id = edge.id ORDER BY edge.id
"""


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


def group_paths(account: Account) -> list[GroupPath]:
    """Every security group that an account is in, directly or through others, in three queries.

    The primary group counts, groups that contain Authenticated Users or Everyone, and those that
    the account is in by a SID of its past. Groups of a controller's BUILTIN domain are left out:
    they say nothing about other computers.

    Args:
        account: Of any domain; edges are walked by SID, across domains.

    Returns:
        Nearest first, then by name.
    """
    primary = Group.objects.filter(
        sid=account.primary_group_sid, is_security=True, is_present=True
    ).select_related("domain")
    paths: dict[str, tuple[Group, ...]] = {group.sid: (group,) for group in primary}
    start = (account.sid, *account.sid_history, AUTHENTICATED_USERS, EVERYONE)
    groups_of = _groups_by_member((*start, *paths))
    waiting: deque[tuple[str, tuple[Group, ...]]] = deque((sid, ()) for sid in start)
    waiting.extend(paths.items())
    while waiting:
        sid, path = waiting.popleft()
        for group in groups_of[sid]:
            if group.sid not in paths:
                paths[group.sid] = (*path, group)
                waiting.append((group.sid, paths[group.sid]))
    found = [
        GroupPath(path[-1], path)
        for sid, path in paths.items()
        if not sid.startswith(BUILTIN_PREFIX)
    ]
    return sorted(found, key=lambda entry: (len(entry.path), str(entry.group).lower()))


def _groups_by_member(start: tuple[str, ...]) -> dict[str, list[Group]]:
    """The edges that can be reached from some SIDs: the groups of each member."""
    marks = ", ".join(["%s"] * len(start))
    edges = list(Membership.objects.raw(REACHABLE_EDGES.format(start=marks), start))
    groups = Group.objects.select_related("domain").in_bulk({edge.group_id for edge in edges})
    groups_of: defaultdict[str, list[Group]] = defaultdict(list)
    for edge in edges:
        groups_of[edge.member_sid].append(groups[edge.group_id])
    return groups_of
