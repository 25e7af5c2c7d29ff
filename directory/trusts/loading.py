"""Loads what is known of domains and trusts, in three queries however many there are."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from directory.comparison import fold_name
from directory.ldap.forest_trust import ForestName
from directory.models import CrossRef, Domain, Trust
from directory.models.domain import DOMAIN_NAMING_CONTEXT
from directory.trusts.shapes import DomainNode, Kind, TrustMap, TrustObject


def trust_map() -> TrustMap:
    """All domains that are read or known by a cross-reference, and all trusts that are read."""
    domains = {domain.dns_name_folded: node_of(domain) for domain in _read_domains()}
    names = _names_of(domains)
    refs = [ref for ref in CrossRef.objects.filter(is_present=True) if _is_of_the_forest(ref)]
    for ref in refs:
        domains.setdefault(
            fold_name(ref.dns_root),
            DomainNode(ref.dns_root, ref.netbios_name, "", fold_name(ref.forest_dns_name)),
        )
    trusts = defaultdict[str, dict[str, tuple[TrustObject, ...]]](dict)
    for trust in Trust.objects.filter(is_present=True).order_by("pk"):
        held = trusts[names[trust.domain_id]] if trust.domain_id in names else {}
        partner = fold_name(trust.partner_dns_name)
        held[partner] = (*held.get(partner, ()), _trust_object(trust))
    return TrustMap(names=names, domains=domains, trusts=dict(trusts), tree=_tree(refs))


def domain_map() -> TrustMap:
    """The domains that are read, without their trusts; one query."""
    domains = {domain.dns_name_folded: node_of(domain) for domain in _read_domains()}
    return TrustMap(_names_of(domains), domains, {})


def _names_of(domains: Mapping[str, DomainNode]) -> dict[uuid.UUID, str]:
    return {node.guid: name for name, node in domains.items() if node.guid is not None}


def node_of(domain: Domain) -> DomainNode:
    """A domain that is read, as a value."""
    return DomainNode(
        dns_name=domain.dns_name,
        netbios_name=domain.netbios_name,
        sid=domain.sid,
        forest=fold_name(domain.forest_dns_name),
        guid=domain.guid,
        synced_at=domain.synced_at,
    )


def _read_domains() -> Iterable[Domain]:
    return Domain.objects.order_by("pk")


def _is_of_the_forest(ref: CrossRef) -> bool:
    return bool(ref.system_flags & DOMAIN_NAMING_CONTEXT and ref.dns_root)


def _tree(refs: Iterable[CrossRef]) -> dict[tuple[str, str], Kind]:
    by_guid = {ref.guid: ref for ref in refs}
    tree: dict[tuple[str, str], Kind] = {}
    for ref in by_guid.values():
        for above, kind in (
            (ref.trust_parent_guid, Kind.PARENT_CHILD),
            (ref.root_trust_guid, Kind.TREE_ROOT),
        ):
            if above is not None and above in by_guid:
                tree[fold_name(ref.dns_root), fold_name(by_guid[above].dns_root)] = kind
    return tree


def _trust_object(trust: Trust) -> TrustObject:
    names, problem = _names(trust.forest_names)
    return TrustObject(
        guid=trust.guid,
        partner_dns_name=trust.partner_dns_name,
        partner_sid=trust.partner_sid,
        direction=trust.direction,
        type=trust.type,
        attributes=trust.attributes,
        names=names,
        names_error=trust.forest_names_error or problem,
    )


def _names(stored: Iterable[Mapping[str, Any]]) -> tuple[tuple[ForestName, ...], str]:
    try:
        return tuple(ForestName(**record) for record in stored), ""
    except TypeError:
        return (), "They are not stored as they should be."
