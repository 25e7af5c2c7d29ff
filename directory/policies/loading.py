"""Loads what the policy in force on one computer rests on."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence

from directory.models import Computer, DnsAddress, Domain, GroupPolicy, Subnet, WmiFilter
from directory.models.domain import BLOCK_INHERITANCE
from directory.policies import reading
from directory.policies.building import Filters, filters_of, link_of, policy_of
from directory.policies.filtering import may_apply, named_sids
from directory.policies.reading import (
    LinkRow,
    PlaceRow,
    helper_lines,
    links_towards,
    units_above,
)
from directory.policies.resolution import resolve
from directory.policies.shapes import Container, Link, Policy, ResultantPolicy
from directory.policies.sites import Networks, networks, sites_of
from directory.policies.tokens import NOBODYS, Token, own_sids, token_of

Sites = frozenset[uuid.UUID] | None
LinksByPlace = Mapping[uuid.UUID, Sequence[Link]]


def resultant_policy(computer: Computer) -> ResultantPolicy:
    """The policy in force on a computer, in at most eight queries however many policies there are.

    Args:
        computer: Of the directory; its ``domain`` and ``ou`` are those of the last
            synchronisation.
    """
    units = units_above(computer)
    rows = links_towards(computer, units)
    policies = policies_of(rows)
    site_names = {row.container_guid: row.container_name for row in rows if row.kind == "site"}
    containers = containers_of(
        [place_of_domain(computer.domain), *units],
        _sites(computer) if site_names else frozenset(),
        links_by_place(rows, policies),
        site_names,
    )
    token = _token(computer, policies.values())
    return resolve(containers, token.sids, token.undetermined)


def policies_of(rows: Iterable[LinkRow]) -> Mapping[uuid.UUID, Policy]:
    """The policies that some links lead to, by GUID; three queries, two without WMI filters."""
    found = reading.policies({row.policy_guid for row in rows if row.policy_guid})
    lines, filters = helper_lines(found), wmi_filters(found)
    return {row.guid: policy_of(row, lines.get(row.guid, ()), filters) for row in found}


def links_by_place(rows: Iterable[LinkRow], policies: Mapping[uuid.UUID, Policy]) -> LinksByPlace:
    """Links by the GUID of the container they are in.

    Args:
        rows: Of one domain.
        policies: From :func:`policies_of`.
    """
    found = defaultdict[uuid.UUID, list[Link]](list)
    for row in rows:
        policy = policies.get(row.policy_guid) if row.policy_guid else None
        found[row.container_guid].append(link_of(row, policy))
    return found


def wmi_filters(policies: Iterable[GroupPolicy]) -> Filters:
    """The WMI filters that some policies name."""
    domains = {policy.domain_id for policy in policies if policy.wmi_filter_id}
    if not domains:
        return {}
    return filters_of(list(WmiFilter.objects.filter(domain__in=domains, is_present=True)))


def containers_of(
    places: Sequence[PlaceRow],
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
            place.kind,
            place.guid,
            place.name,
            tuple(by_place.get(place.guid, ())),
            blocks_inheritance=bool(place.gp_options & BLOCK_INHERITANCE),
        )
        for place in places
    ]


def place_of_domain(domain: Domain) -> PlaceRow:
    return PlaceRow("domain", domain.guid, domain.dns_name, domain.gp_options)


def known_networks(forest_dns_name: str) -> Networks:
    """The subnets of a forest and the site of each; one query."""
    return networks(
        Subnet.objects.filter(forest_dns_name=forest_dns_name, is_present=True).values_list(
            "name", "site_guid"
        )
    )


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
