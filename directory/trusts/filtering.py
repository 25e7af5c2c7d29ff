"""SID filtering: which of an account's SIDs each hop lets through ([MS-PAC] 4.1.2.2). Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from directory.comparison import fold_name
from directory.ldap.values import TrustAttributes
from directory.trusts.names import domain_sids
from directory.trusts.shapes import Hop, Kind, SidFilter, TrustMap

QUARANTINED = int(TrustAttributes.QUARANTINED_DOMAIN)
TREAT_AS_EXTERNAL = int(TrustAttributes.TREAT_AS_EXTERNAL)
WITHIN_FOREST = int(TrustAttributes.WITHIN_FOREST)
QUARANTINE = "SID filter quarantining"
FILTERING = "SID filtering"


def sid_filters(trusts: TrustMap, hops: Sequence[Hop]) -> tuple[SidFilter, ...]:
    """What the hops of a way drop, the expert's end first.

    Args:
        trusts: Everything that is known: whose SIDs are those of the trusting forest.
        hops: From the computer's domain to the expert's.
    """
    return tuple(_filters(trusts, hops))


def _filters(trusts: TrustMap, hops: Sequence[Hop]) -> Iterator[SidFilter]:
    for hop in reversed(hops):
        partner = frozenset({hop.trusted.sid} - {""})
        local = _sids_of_forest(trusts, hop.trusting.forest)
        if hop.attributes & QUARANTINED:
            yield SidFilter(hop, QUARANTINE, only=partner, never=local - partner)
        elif hop.kind is Kind.FOREST:
            domains = domain_sids(hop.trust.names if hop.trust else ())
            if hop.attributes & TREAT_AS_EXTERNAL:
                yield SidFilter(hop, FILTERING, only=None, never=local, own=domains | partner)
            else:
                yield SidFilter(hop, FILTERING, only=domains, never=local)
        elif hop.kind is Kind.EXTERNAL:
            yield SidFilter(hop, FILTERING, only=None, never=local, own=partner)


def _sids_of_forest(trusts: TrustMap, forest: str) -> frozenset[str]:
    """The SIDs of a forest's domains: of those that are read, and as their trusts tell."""
    read = {node.sid for node in trusts.domains.values() if node.forest == forest}
    told = {
        trust.partner_sid
        for node in trusts.domains.values()
        if node.forest == forest
        for held in trusts.trusts.get(fold_name(node.dns_name), {}).values()
        for trust in held
        if trust.attributes & WITHIN_FOREST
    }
    return frozenset((read | told) - {""})
