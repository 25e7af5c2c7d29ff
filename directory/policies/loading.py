"""Loads what the policy in force on one computer rests on."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence

from django.db import connection, models
from django.db.models import Prefetch, Q, QuerySet

from directory.models import (
    Computer,
    DnsAddress,
    Domain,
    GroupPolicy,
    GroupPolicyLink,
    HelperEntry,
    OrganizationalUnit,
    Subnet,
    WmiFilter,
)
from directory.models.domain import BLOCK_INHERITANCE
from directory.policies.building import Filters, filters_of, link_of, policy_of
from directory.policies.filtering import may_apply, named_sids
from directory.policies.resolution import resolve
from directory.policies.shapes import Container, Link, Policy, ResultantPolicy
from directory.policies.sites import Networks, networks, sites_of
from directory.policies.tokens import NOBODYS, Token, own_sids, token_of

CHAIN_OF_UNITS = """
WITH RECURSIVE chain(guid, parent_id, depth) AS (
    SELECT guid, parent_id, 0 FROM directory_organizationalunit WHERE guid = %s
    UNION ALL
    SELECT unit.guid, unit.parent_id, chain.depth + 1
      FROM directory_organizationalunit unit JOIN chain ON unit.guid = chain.parent_id
     WHERE chain.depth < 64
)
SELECT unit.* FROM directory_organizationalunit unit JOIN chain ON chain.guid = unit.guid
 ORDER BY chain.depth DESC
"""
Sites = frozenset[uuid.UUID] | None
LinksByPlace = Mapping[uuid.UUID, Sequence[Link]]


def resultant_policy(computer: Computer) -> ResultantPolicy:
    """The policy in force on a computer, in at most eight queries however many policies there are.

    Args:
        computer: Of the directory; its ``domain`` and ``ou`` are those of the last
            synchronisation.
    """
    units = _chain_of(computer)
    rows = list(
        links(
            Q(ou__in=[unit.guid for unit in units]) | Q(ou__isnull=True), domain=computer.domain_id
        )
    )
    policies = policies_of(rows)
    by_place = links_by_place(rows, policies)
    has_site_links = any(row.site_id for row in rows)
    containers = containers_of(
        [computer.domain, *units],
        _sites(computer) if has_site_links else frozenset(),
        by_place,
        {row.site_id: row.container_name for row in rows if row.site_id},
    )
    token = _token(computer, policies.values())
    return resolve(containers, token.sids, token.undetermined)


def links(where: Q | None = None, **conditions: object) -> QuerySet[GroupPolicyLink]:
    """Links with all that :func:`links_by_place` needs of them; two queries."""
    helpers = HelperEntry.objects.select_related("account__domain", "group__domain")
    return (
        GroupPolicyLink.objects.filter(where or Q(), **conditions)
        .select_related("policy", "ou", "site", "domain")
        .prefetch_related(Prefetch("policy__helpers", queryset=helpers))
        .order_by("pk")
    )


def policies_of(rows: Iterable[GroupPolicyLink]) -> Mapping[uuid.UUID, Policy]:
    """The policies that some links lead to, by GUID; one query where there are WMI filters."""
    present = {row.policy.guid: row.policy for row in rows if row.policy and row.policy.is_present}
    filters = wmi_filters(present.values())
    return {guid: policy_of(row, filters) for guid, row in present.items()}


def links_by_place(
    rows: Iterable[GroupPolicyLink], policies: Mapping[uuid.UUID, Policy]
) -> LinksByPlace:
    """Links by the GUID of the container they are in.

    Args:
        rows: Of one domain.
        policies: From :func:`policies_of`.
    """
    found = defaultdict[uuid.UUID, list[Link]](list)
    for row in rows:
        link = link_of(row, policies.get(row.policy_id) if row.policy_id else None)
        found[link.container_guid].append(link)
    return found


def wmi_filters(policies: Iterable[GroupPolicy]) -> Filters:
    """The WMI filters that some policies name."""
    domains = {policy.domain_id for policy in policies if policy.wmi_filter_id}
    if not domains:
        return {}
    return filters_of(list(WmiFilter.objects.filter(domain__in=domains, is_present=True)))


def containers_of(
    places: Sequence[Domain | OrganizationalUnit],
    sites: Sites,
    by_place: LinksByPlace,
    site_names: Mapping[uuid.UUID, str],
) -> list[Container]:
    """The containers above a computer, from the site down.

    Args:
        places: The domain, then the units downwards.
        sites: Those that the computer may be in; one: it is in that one; None: any or none.
        by_place: Links by the GUID of their container.
        site_names: Of the sites that have links, by GUID.
    """
    is_certain = sites is not None and len(sites) == 1
    above = [
        Container("site", guid, name, tuple(by_place[guid]), is_certain=is_certain)
        for guid, name in site_names.items()
        if sites is None or guid in sites
    ]
    return above + [
        Container(
            "unit" if isinstance(place, OrganizationalUnit) else "domain",
            place.guid,
            str(place),
            tuple(by_place.get(place.guid, ())),
            blocks_inheritance=bool(place.gp_options & BLOCK_INHERITANCE),
        )
        for place in places
    ]


def known_networks(forest_dns_name: str) -> Networks:
    """The subnets of a forest and the site of each; one query."""
    return networks(
        Subnet.objects.filter(forest_dns_name=forest_dns_name, is_present=True).values_list(
            "name", "site_guid"
        )
    )


def _chain_of(computer: Computer) -> list[OrganizationalUnit]:
    """The organizational units above a computer, the topmost first."""
    if computer.ou_id is None:
        return []
    guid = models.UUIDField().get_db_prep_value(computer.ou_id, connection)
    return list(OrganizationalUnit.objects.raw(CHAIN_OF_UNITS, [guid]))


def _sites(computer: Computer) -> Sites:
    # The site of a domain controller is where its server object is, which is not read.
    if computer.is_domain_controller or not computer.dns_name_folded:
        return None
    forest = computer.domain.forest_dns_name
    addresses = DnsAddress.objects.filter(
        node__is_present=True,
        node__domain__forest_dns_name=forest,
        node__name_folded=computer.dns_name_folded,
    ).values_list("address", flat=True)
    return sites_of(addresses, known_networks(forest))


def sids_asked_for(policies: Iterable[Policy]) -> frozenset[str]:
    """The SIDs on which it depends to whom some policies apply."""
    return frozenset(sid for policy in policies for sid in named_sids(policy.permissions.entries))


def _token(computer: Computer, policies: Collection[Policy]) -> Token:
    """The computer's token; its groups are looked up only where they make a difference."""
    own = own_sids(computer)
    named = sids_asked_for(policies) - own - NOBODYS
    permissions = [policy.permissions for policy in policies]
    if all(may_apply(item.entries, own, named).is_granted is not None for item in permissions):
        return Token(own)
    return token_of(computer, named)
