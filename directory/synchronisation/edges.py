"""Storing what joins objects: memberships and policy links. Only differences are written."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from directory.comparison import fold_name
from directory.grouppolicy.links import parse_links
from directory.ldap.entries import Entry
from directory.models import Domain, GroupPolicyLink, Membership
from directory.synchronisation.reading import DomainContent

BATCH = 1000


class Edge(NamedTuple):
    """One row of Membership, comparable."""

    group_id: uuid.UUID
    member_sid: str
    member_account_id: uuid.UUID | None = None
    member_group_id: uuid.UUID | None = None
    member_computer_id: uuid.UUID | None = None
    is_primary: bool = False


class LinkRow(NamedTuple):
    """One row of GroupPolicyLink, comparable."""

    ou_id: uuid.UUID | None
    site_name: str
    order: int
    policy_id: uuid.UUID | None
    policy_distinguished_name: str
    is_enforced: bool
    is_disabled: bool


@dataclass(frozen=True)
class _Member:
    sid: str
    account_id: uuid.UUID | None = None
    group_id: uuid.UUID | None = None
    computer_id: uuid.UUID | None = None

    def edge(self, group_id: uuid.UUID, *, is_primary: bool = False) -> Edge:
        return Edge(
            group_id, self.sid, self.account_id, self.group_id, self.computer_id, is_primary
        )


def store_memberships(content: DomainContent, domain: Domain) -> dict[str, int]:
    """Make the memberships of a domain's groups those that were read.

    Returns:
        Counts: all, added, removed, and members that are neither account, group, computer nor
        foreign security principal (contacts, or objects closed to the reading account).
    """
    edges, skipped = _edges(content)
    wanted = set(edges.values())
    existing: dict[Edge, int] = {}
    rows = Membership.objects.filter(group__domain=domain).values_list(
        "pk",
        "group_id",
        "member_sid",
        "member_account_id",
        "member_group_id",
        "member_computer_id",
        "is_primary",
    )
    for pk, *fields in rows.iterator(chunk_size=BATCH):
        existing[Edge._make(fields)] = pk
    obsolete = [pk for edge, pk in existing.items() if edge not in wanted]
    for start in range(0, len(obsolete), BATCH):
        Membership.objects.filter(pk__in=obsolete[start : start + BATCH]).delete()
    new = [edge for edge in edges.values() if edge not in existing]
    Membership.objects.bulk_create((Membership(**edge._asdict()) for edge in new), batch_size=BATCH)
    return {
        "read": len(edges),
        "added": len(new),
        "removed": len(obsolete),
        "skipped": skipped,
    }


def _edges(content: DomainContent) -> tuple[dict[tuple[uuid.UUID, str], Edge], int]:
    members = _members_by_dn(content)
    groups_by_sid = {entry.sid(): entry.guid for entry in content.groups}
    edges: dict[tuple[uuid.UUID, str], Edge] = {}
    skipped = 0
    for entry in content.groups:
        guid = entry.guid
        for name in entry.texts("member"):
            member = members.get(fold_name(name))
            if member is None:
                skipped += 1
            else:
                edges[guid, member.sid] = member.edge(guid)
    # The primary group is not in member; it is a RID of the own domain.
    domain_sid = content.head.sid()
    for entry in (*content.accounts, *content.computers):
        group_id = groups_by_sid.get(f"{domain_sid}-{entry.integer('primaryGroupID')}")
        member = members[fold_name(entry.distinguished_name)]
        if group_id is not None:
            edges[group_id, member.sid] = member.edge(group_id, is_primary=True)
    return edges, skipped


def _members_by_dn(content: DomainContent) -> dict[str, _Member]:
    members: dict[str, _Member] = {}
    for entry in content.foreign_principals:
        members[_key(entry)] = _Member(entry.sid())
    for entry in content.accounts:
        members[_key(entry)] = _Member(entry.sid(), account_id=entry.guid)
    for entry in content.groups:
        members[_key(entry)] = _Member(entry.sid(), group_id=entry.guid)
    for entry in content.computers:
        members[_key(entry)] = _Member(entry.sid(), computer_id=entry.guid)
    return members


def _key(entry: Entry) -> str:
    return fold_name(entry.distinguished_name)


def store_links(content: DomainContent, domain: Domain) -> dict[str, int]:
    """Make a domain's policy links those that were read.

    Raises:
        MalformedLinks: A gPLink cannot be understood; what it links is then unknown.
    """
    wanted = list(_links(content))
    fields = LinkRow._fields
    existing: dict[LinkRow, int] = {}
    obsolete: list[int] = []
    for pk, *values in GroupPolicyLink.objects.filter(domain=domain).values_list("pk", *fields):
        row = LinkRow._make(values)
        if row in existing or row not in wanted:
            obsolete.append(pk)
        else:
            existing[row] = pk
    GroupPolicyLink.objects.filter(pk__in=obsolete).delete()
    new = [row for row in wanted if row not in existing]
    GroupPolicyLink.objects.bulk_create(
        GroupPolicyLink(domain=domain, **row._asdict()) for row in new
    )
    return {"read": len(wanted), "added": len(new), "removed": len(obsolete)}


def _links(content: DomainContent) -> Iterator[LinkRow]:
    policies = {
        fold_name(policy.entry.distinguished_name): policy.entry.guid for policy in content.policies
    }
    yield from _links_of(content.head, policies)
    for entry in content.units:
        yield from _links_of(entry, policies, ou_id=entry.guid)
    for entry in content.sites:
        yield from _links_of(entry, policies, site_name=entry.text("name"))


def _links_of(
    entry: Entry,
    policies: dict[str, uuid.UUID],
    *,
    ou_id: uuid.UUID | None = None,
    site_name: str = "",
) -> Iterator[LinkRow]:
    for link in parse_links(entry.text("gPLink")):
        yield LinkRow(
            ou_id=ou_id,
            site_name=site_name,
            order=link.order,
            policy_id=policies.get(fold_name(link.distinguished_name)),
            policy_distinguished_name=link.distinguished_name,
            is_enforced=link.is_enforced,
            is_disabled=link.is_disabled,
        )
