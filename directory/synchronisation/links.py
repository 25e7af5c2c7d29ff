"""Where policies are linked, worked out from the gPLink of domains, units and sites."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import NamedTuple

from directory.comparison import fold_name
from directory.grouppolicy.links import MalformedLinks, parse_links
from directory.models import Domain, GroupPolicy, GroupPolicyLink, OrganizationalUnit, Site


class LinkRow(NamedTuple):
    """One row of GroupPolicyLink, comparable."""

    ou_id: uuid.UUID | None
    site_id: uuid.UUID | None
    order: int
    policy_id: uuid.UUID | None
    policy_distinguished_name: str
    is_enforced: bool
    is_disabled: bool


def store_links(domain: Domain) -> None:
    """Make the links of a domain what its head, its units and its forest's sites say."""
    wanted = set(_links(domain))
    existing: dict[LinkRow, int] = {}
    obsolete: list[int] = []
    fields = LinkRow._fields
    for pk, *values in GroupPolicyLink.objects.filter(domain=domain).values_list("pk", *fields):
        row = LinkRow._make(values)
        if row in existing or row not in wanted:
            obsolete.append(pk)
        else:
            existing[row] = pk
    GroupPolicyLink.objects.filter(pk__in=obsolete).delete()
    GroupPolicyLink.objects.bulk_create(
        GroupPolicyLink(domain=domain, **row._asdict()) for row in wanted if row not in existing
    )


def _links(domain: Domain) -> Iterator[LinkRow]:
    # Those that are there alone: what is gone nobody knows who reads the directory anew.
    policies = {
        fold_name(name): guid
        for guid, name in GroupPolicy.objects.filter(is_present=True).values_list(
            "guid", "distinguished_name"
        )
    }
    yield from _links_of(domain.gp_link, policies)
    units = OrganizationalUnit.objects.filter(domain=domain, is_present=True)
    for guid, text in units.exclude(gp_link="").values_list("guid", "gp_link"):
        yield from _links_of(text, policies, ou_id=guid)
    sites = Site.objects.filter(forest_dns_name=domain.forest_dns_name, is_present=True)
    for guid, text in sites.exclude(gp_link="").values_list("guid", "gp_link"):
        yield from _links_of(text, policies, site_id=guid)


def _links_of(
    text: str,
    policies: dict[str, uuid.UUID],
    *,
    ou_id: uuid.UUID | None = None,
    site_id: uuid.UUID | None = None,
) -> Iterator[LinkRow]:
    try:
        links = parse_links(text)
    except MalformedLinks:
        # A link to a policy that nobody can see: what is in force below it is then unknown.
        yield LinkRow(ou_id, site_id, 1, None, text, is_enforced=True, is_disabled=False)
        return
    for link in links:
        yield LinkRow(
            ou_id=ou_id,
            site_id=site_id,
            order=link.order,
            policy_id=policies.get(fold_name(link.distinguished_name)),
            policy_distinguished_name=link.distinguished_name,
            is_enforced=link.is_enforced,
            is_disabled=link.is_disabled,
        )
