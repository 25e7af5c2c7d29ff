"""May accounts of one domain reach computers of another? By every hop, or the rule that stops it.

Inside a forest trust is passed on from hop to hop. A forest trust joins the root domains of two
forests, and with them all their domains, but is not passed on to a third forest. An external trust
is for the two domains that made it ([MS-ADTS] 6.1.6.7.9; Windows Server, "How trust relationships
work"). Pure: what is known comes as a :class:`TrustMap`.
"""

from __future__ import annotations

import uuid
from collections import deque
from collections.abc import Callable, Iterator

from directory.ldap.values import TrustAttributes
from directory.trusts.filtering import sid_filters
from directory.trusts.hops import NON_TRANSITIVE, hop
from directory.trusts.names import why_domain_not_routed, why_name_not_routed
from directory.trusts.shapes import DomainNode, Effect, Hop, Kind, TrustMap, TrustWay

SELECTIVE = int(TrustAttributes.CROSS_ORGANIZATION)
VALIDATE = (
    "Whoever administers the trust can enable the name on the page Name Suffix Routing, or "
    "validate the trust to read the names anew."
)
_ORDER = {Effect.ALLOW: 0, Effect.UNKNOWN: 1, Effect.DENY: 2}
Passable = Callable[[Hop], bool]


def way(trusts: TrustMap, from_: uuid.UUID, to: uuid.UUID) -> TrustWay:
    """Whether computers of a domain let accounts of another one in, and by which hops.

    Args:
        trusts: Everything that is known of domains and trusts.
        from_: GUID of the computer's domain.
        to: GUID of the expert's.

    Raises:
        KeyError: One of them is not read.
    """
    here, there = trusts.domains[trusts.names[from_]], trusts.domains[trusts.names[to]]
    if from_ == to:
        sentence = f"Both are of the domain {here.dns_name}."
        return TrustWay(here, there, Effect.ALLOW, "domain.same", sentence)
    if here.forest == there.forest:
        routes = [_inside(trusts, here, there)]
    else:
        routes = [_direct(trusts, here, there), _across(trusts, here, there)]
    found = [_judged(trusts, here, there, route) for route in routes if route]
    best = min(found, key=lambda each: _ORDER[each.effect], default=None)
    return best or _none(trusts, here, there)


def _inside(trusts: TrustMap, start: DomainNode, end: DomainNode) -> tuple[Hop, ...]:
    """The shortest way through a forest that is certain; else one that may be; else any."""

    def found(passable: Passable) -> tuple[Hop, ...]:
        return _shortest(trusts, start, end, passable, forest=start.forest)

    return (
        found(lambda each: each.effect is Effect.ALLOW)
        or found(lambda each: each.effect is not Effect.DENY)
        or found(lambda each: True)
    )


def _direct(trusts: TrustMap, here: DomainNode, there: DomainNode) -> tuple[Hop, ...]:
    """A trust between the two domains themselves, if it is none between their forests."""
    found = hop(trusts, here, there)
    return (found,) if found and found.kind is not Kind.FOREST else ()


def _across(trusts: TrustMap, here: DomainNode, there: DomainNode) -> tuple[Hop, ...]:
    """Up to the root of the computer's forest, over the forest trust, down to the expert's.

    A trust of no use at all between the roots is taken too: it says what stops the way.
    """
    ours, theirs = trusts.domains.get(here.forest), trusts.domains.get(there.forest)
    if ours is None or theirs is None:
        return ()
    between = hop(trusts, ours, theirs)
    if between is None or between.kind is Kind.EXTERNAL:
        return ()
    up = () if here == ours else _inside(trusts, here, ours)
    down = () if there == theirs else _inside(trusts, theirs, there)
    if (here != ours and not up) or (there != theirs and not down):
        return ()
    return (*up, between, *down)


def _shortest(
    trusts: TrustMap,
    start: DomainNode,
    end: DomainNode,
    passable: Passable,
    *,
    forest: str = "",
    transitive_only: bool = True,
) -> tuple[Hop, ...]:
    """The shortest way by hops of one sort, the first by name of those as short.

    Args:
        trusts: Everything that is known.
        start: The computer's end.
        end: The expert's end.
        passable: Which hops may be taken.
        forest: Stay in this forest.
        transitive_only: Take trusts that are not transitive only where they are all of the way.
    """
    waiting = deque[tuple[DomainNode, tuple[Hop, ...]]]([(start, ())])
    seen = {start}
    while waiting:
        node, hops = waiting.popleft()
        for each in _hops_from(trusts, node, forest):
            is_whole = not hops and each.trusted == end
            if not passable(each):
                continue
            if transitive_only and each.attributes & NON_TRANSITIVE and not is_whole:
                continue
            if each.trusted == end:
                return (*hops, each)
            if each.trusted not in seen:
                seen.add(each.trusted)
                waiting.append((each.trusted, (*hops, each)))
    return ()


def _hops_from(trusts: TrustMap, node: DomainNode, forest: str) -> Iterator[Hop]:
    for name in sorted(trusts.domains):
        other = trusts.domains[name]
        if other != node and forest in ("", other.forest):
            found = hop(trusts, node, other)
            if found is not None:
                yield found


def _judged(
    trusts: TrustMap, here: DomainNode, there: DomainNode, hops: tuple[Hop, ...]
) -> TrustWay:
    """A route with the verdict on its hops taken together."""

    def stopped(effect: Effect, code: str, sentence: str, remedy: str) -> TrustWay:
        return TrustWay(here, there, effect, code, sentence, remedy, hops)

    for effect in (Effect.DENY, Effect.UNKNOWN):
        for each in hops:
            if each.effect is effect:
                return stopped(effect, each.code, each.reason, each.remedy)
    for each in hops:
        if each.attributes & NON_TRANSITIVE and len(hops) > 1:
            return stopped(
                Effect.DENY,
                "trust.not_transitive",
                f"The way from {here.dns_name} to {there.dns_name} leads over a trust that is not "
                f"transitive: {each}.",
                f"Ask an expert of {here.dns_name} or of {each.trusted.dns_name}.",
            )
    for each in hops:
        if each.kind is Kind.FOREST:
            unnamed = _unnamed(each, here, there)
            if unnamed:
                return stopped(*unnamed)
    filters = sid_filters(trusts, hops)
    sid = f"{there.sid}-1000"  # of any account
    for sieve in filters:
        if sieve.drops(sid):
            return stopped(
                Effect.DENY,
                "trust.sid_filtered",
                f"{sieve.rule} of the trust where {sieve.hop} drops every SID of {there.dns_name}.",
                "Whoever administers that trust can take SID filter quarantining away from it.",
            )
    kind = next((each.kind for each in hops if each.kind in (Kind.FOREST, Kind.EXTERNAL)), None)
    code = {Kind.FOREST: "trust.forest", Kind.EXTERNAL: "trust.external"}.get(
        kind or Kind.SHORTCUT, "trust.within_forest"
    )
    return TrustWay(
        here,
        there,
        Effect.ALLOW,
        code,
        f"{here.dns_name} lets accounts of {there.dns_name} in: {', '.join(map(str, hops))}.",
        hops=hops,
        filters=filters,
        is_selective=any(
            each.attributes & SELECTIVE
            for each in hops
            if each.kind in (Kind.FOREST, Kind.EXTERNAL)
        ),
    )


def _unnamed(
    between: Hop, here: DomainNode, there: DomainNode
) -> tuple[Effect, str, str, str] | None:
    """What the names of a forest trust say against the way.

    The trusting forest has to let the expert's domain in; the trusted forest has to know that
    tickets for the computer's domain come from the trusting one ([MS-KILE] 3.3.5.7.5).
    """
    for trust, holder in ((between.trust, between.trusting), (between.other_side, between.trusted)):
        if trust is None:
            continue
        trusting = holder == between.trusting
        if trust.names_error or not (trust.names or trusting):
            why = trust.names_error.removesuffix(".") or "there are none"
            return (
                Effect.UNKNOWN,
                "trust.names_unreadable",
                (
                    f"The names that {holder.dns_name} has of the trust where {between} cannot be "
                    f"read: {why}."
                ),
                "Let the reading account read msDS-TrustForestTrustInfo, or validate the trust.",
            )
        named = there if trusting else here
        why = (
            why_domain_not_routed(trust.names, there.dns_name, there.sid)
            if trusting
            else why_name_not_routed(trust.names, here.dns_name)
        )
        if why:
            return (
                Effect.DENY,
                "trust.name_not_routed",
                (
                    f"The trust where {between} does not lead to {named.dns_name}, by what "
                    f"{holder.dns_name} has of it: {why}."
                ),
                VALIDATE,
            )
    return None


def _none(trusts: TrustMap, here: DomainNode, there: DomainNode) -> TrustWay:
    """Nothing leads there; something may, if trusts were passed on."""
    ask = f"Ask an expert of {here.dns_name}."
    root = trusts.domains.get(here.forest)
    if here.forest != there.forest and (root is None or not root.is_read):
        name = root.dns_name if root else here.forest
        return TrustWay(
            here,
            there,
            Effect.UNKNOWN,
            "trust.not_read",
            f"Whether {here.dns_name} trusts {there.dns_name} is not known: {name}, which holds "
            "the trusts of its forest, is not read.",
            f"The portal's operator can add {name} to the domains that are read.",
        )
    chain = _shortest(
        trusts, here, there, lambda each: each.effect is Effect.ALLOW, transitive_only=False
    )
    if chain:
        return TrustWay(
            here,
            there,
            Effect.DENY,
            "trust.not_transitive",
            f"{here.dns_name} does not trust {there.dns_name}: these trusts are not passed on "
            f"from one to the next: {', '.join(map(str, chain))}.",
            f"{ask} Or whoever administers both can make a trust between them.",
            chain,
        )
    return TrustWay(
        here,
        there,
        Effect.DENY,
        "trust.none",
        f"No trust lets accounts of {there.dns_name} in at {here.dns_name}.",
        f"{ask} Or whoever administers both can make a trust between them.",
    )
