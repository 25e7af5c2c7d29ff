"""Loads what is known of domains and trusts."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from directory.comparison import fold_name
from directory.kept import Kept, Version, shared_version
from directory.ldap.forest_trust import ForestName
from directory.models import CrossRef, Domain, Trust
from directory.models.domain import DOMAIN_NAMING_CONTEXT
from directory.trusts.shapes import DomainNode, Kind, TrustMap, TrustObject


def trust_map() -> TrustMap:
    """All domains that are read or known by a cross-reference, and all trusts that are read."""
    return trust_map_of(Domain.objects.order_by("pk"), shared_version())


def trust_map_of(read: Iterable[Domain], version: Version) -> TrustMap:
    """The same where the domains that are read are at hand; no query while nothing changes.

    Args:
        read: All of them.
        version: From :func:`directory.kept.shared_version`.
    """
    held = _HELD.at(version)
    domains = {domain.dns_name_folded: node_of(domain) for domain in read}
    names = {node.guid: name for name, node in domains.items() if node.guid is not None}
    for name, node in held.others.items():
        domains.setdefault(name, node)
    trusts = {names[guid]: found for guid, found in held.trusts.items() if guid in names}
    return TrustMap(names=names, domains=domains, trusts=trusts, tree=held.tree)


@dataclass(frozen=True)
class _Held:
    """What a map holds beside the domains that are read.

    Attributes:
        others: Domains that a cross-reference speaks of, by folded name.
        trusts: By the GUID of the domain that holds them and the partner's folded name.
    """

    others: Mapping[str, DomainNode]
    trusts: Mapping[uuid.UUID, Mapping[str, tuple[TrustObject, ...]]]
    tree: Mapping[tuple[str, str], Kind]


def _load() -> _Held:
    refs = [ref for ref in CrossRef.objects.filter(is_present=True) if _is_of_the_forest(ref)]
    others = dict[str, DomainNode]()
    for ref in refs:
        others.setdefault(
            fold_name(ref.dns_root),
            DomainNode(ref.dns_root, ref.netbios_name, "", fold_name(ref.forest_dns_name)),
        )
    trusts = defaultdict[uuid.UUID, dict[str, tuple[TrustObject, ...]]](dict)
    for trust in Trust.objects.filter(is_present=True).order_by("pk"):
        of_domain = trusts[trust.domain_id]
        partner = fold_name(trust.partner_dns_name)
        of_domain[partner] = (*of_domain.get(partner, ()), _trust_object(trust))
    return _Held(others, dict(trusts), _tree(refs))


_HELD = Kept(_load)


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
