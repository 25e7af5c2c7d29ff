"""The tokens of many accounts from one picture of groups, without a query for each.

The same walk as :class:`directory.tokens.Above` makes in the database. It is also where a member
can be added that is not there yet.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from django.db.models import Subquery

from directory.ldap.values import BUILTIN_PREFIX
from directory.models import Account, Group, Membership
from directory.tokens import WELL_KNOWN, Above, GroupNode

AT_ONCE = 500  # SIDs in one statement


@dataclass(frozen=True)
class GroupGraph:
    """Every group that is present, and who of those that were asked for is in which.

    Attributes:
        groups: By SID.
        above: The groups that name a SID as their member.
    """

    groups: Mapping[str, Sequence[GroupNode]]
    above: Mapping[str, Sequence[GroupNode]]

    def with_member(self, group_sid: str, member_sid: str) -> GroupGraph:
        """The same with one member more in a group."""
        added = (*self.above.get(member_sid, ()), *self.groups.get(group_sid, ()))
        return replace(self, above={**self.above, member_sid: tuple(dict.fromkeys(added))})


def group_graph(accounts: Iterable[Account]) -> GroupGraph:
    """Loads all groups, and the edges from them and from some accounts upwards.

    Args:
        accounts: Whose tokens are to be told.
    """
    nodes = {node.guid: node for node in _nodes()}
    groups = defaultdict[str, list[GroupNode]](list)
    for node in nodes.values():
        groups[node.sid].append(node)
    others = set(WELL_KNOWN)
    others.update(sid for node in nodes.values() for sid in node.past_sids)
    for account in accounts:
        others.update((account.sid, *account.sid_history))
    edges = Membership.objects.order_by().values_list("member_sid", "group_id")
    above = defaultdict[str, dict[GroupNode, None]](dict)
    of_groups = edges.filter(member_sid__in=Subquery(Group.objects.order_by().values("sid")))
    for member, group in [*of_groups, *_edges_of(others - groups.keys())]:
        if group in nodes:
            above[member][nodes[group]] = None
    return GroupGraph(groups, {sid: tuple(found) for sid, found in above.items()})


def _edges_of(sids: Iterable[str]) -> Iterator[tuple[str, uuid.UUID]]:
    wanted = sorted(sids)
    for start in range(0, len(wanted), AT_ONCE):
        some = wanted[start : start + AT_ONCE]
        edges = Membership.objects.order_by().filter(member_sid__in=some)
        yield from edges.values_list("member_sid", "group_id")


def _nodes() -> Iterator[GroupNode]:
    rows = Group.objects.filter(is_present=True).exclude(sid__startswith=BUILTIN_PREFIX)
    for guid, sid, name, domain, scope, is_security, past in (
        rows.order_by()
        .values_list(
            *("guid", "sid", "sam_account_name", "domain_id", "scope", "is_security"), "sid_history"
        )
        .iterator()
    ):
        yield GroupNode(guid, sid, name, domain, scope, is_security, tuple(past or ()))


class AboveInGraph(Above):
    """An account and every group above it, from a picture of groups.

    Args:
        account: One of those that the picture was loaded for.
        graph: The picture.
    """

    def __init__(self, account: Account, graph: GroupGraph) -> None:
        self.account = account
        self._edges = graph.above
        self._primary = graph.groups.get(account.primary_group_sid, ())
