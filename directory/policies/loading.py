"""Loads what the policy in force on computers rests on."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from directory.models import Domain, GroupPolicy, Subnet, WmiFilter
from directory.models.domain import BLOCK_INHERITANCE
from directory.policies import reading
from directory.policies.building import Filters, filters_of, link_of, policy_of
from directory.policies.filtering import named_sids
from directory.policies.reading import LinkRow, PlaceRow, helper_lines
from directory.policies.shapes import Container, Link, Policy
from directory.policies.sites import Networks, networks

Sites = frozenset[uuid.UUID] | None
LinksByPlace = Mapping[uuid.UUID, Sequence[Link]]


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


def sids_asked_for(policies: Iterable[Policy]) -> frozenset[str]:
    """The SIDs on which it depends to whom some policies apply."""
    return frozenset(sid for policy in policies for sid in named_sids(policy.permissions.entries))
