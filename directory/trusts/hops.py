"""One hop: does a domain trust another one directly? Pure.

The object that the trusting domain holds decides ([MS-KILE] 3.3.5.7.5); that of the trusted domain
has to agree, or the trust is broken or changing.
"""

from __future__ import annotations

from dataclasses import replace

from directory.comparison import fold_name
from directory.ldap.values import TrustAttributes
from directory.trusts.shapes import DomainNode, Effect, Hop, Kind, TrustMap, TrustObject

# trustDirection, [MS-ADTS] 6.1.6.7.12
DISABLED, INBOUND, OUTBOUND, BOTH = 0, 1, 2, 3
# trustType, 6.1.6.7.15
DOWNLEVEL, UPLEVEL = 1, 2
REALMS = {3: "a Kerberos realm", 4: "a DCE realm", 5: "Azure Active Directory"}
# 6.1.6.7.9: what is documented, and the eight bits that are free for others.
KNOWN_ATTRIBUTES = 0x1FFF | 0x00400000 | 0x00800000 | 0xFF000000
NON_TRANSITIVE = int(TrustAttributes.NON_TRANSITIVE)
FOREST_TRANSITIVE = int(TrustAttributes.FOREST_TRANSITIVE)
WITHIN_FOREST = int(TrustAttributes.WITHIN_FOREST)

REPAIR = "Somebody who administers both domains can validate the trust, or make it anew."


def hop(trusts: TrustMap, trusting: DomainNode, trusted: DomainNode) -> Hop | None:
    """What is known of the trust by which one domain lets the other's accounts in.

    Args:
        trusts: Everything that is known.
        trusting: The domain that would let in.
        trusted: The domain whose accounts would be let in.

    Returns:
        None where there is no trust between the two.
    """
    pair = fold_name(trusting.dns_name), fold_name(trusted.dns_name)
    own = trusts.trusts.get(pair[0], {}).get(pair[1], ())
    other = trusts.trusts.get(pair[1], {}).get(pair[0], ())
    in_tree = trusts.tree.get(pair) or trusts.tree.get((pair[1], pair[0]))
    if not own and (trusting.is_read or not (other or in_tree)):
        return None
    bare = Hop(trusting, trusted, _kind(trusting, trusted, in_tree, (*own, *other)))
    if not trusting.is_read:
        return _seen_from_the_other_side(bare, other)
    found = replace(
        bare,
        trust=own[0],
        other_side=other[0] if other else None,
        holder=trusting,
        attributes=own[0].attributes,
    )
    if len(own) > 1:
        return _unreadable(found, f"{trusting.dns_name} has several trusts of that name")
    return _own_word(found, own[0]) or _other_word(found, own[0], other) or found


def _kind(
    trusting: DomainNode,
    trusted: DomainNode,
    in_tree: Kind | None,
    objects: tuple[TrustObject, ...],
) -> Kind:
    if trusting.forest == trusted.forest:
        return in_tree or Kind.SHORTCUT
    if not objects or objects[0].type != UPLEVEL:
        return Kind.OTHER
    return Kind.FOREST if objects[0].attributes & FOREST_TRANSITIVE else Kind.EXTERNAL


def _seen_from_the_other_side(bare: Hop, other: tuple[TrustObject, ...]) -> Hop:
    """Inside a forest the other end is believed: Windows makes both ends of these trusts."""
    found = replace(bare, trust=other[0] if other else None, holder=bare.trusted if other else None)
    if bare.trusting.forest != bare.trusted.forest or not other:
        return _unread(found)
    if len(other) > 1:
        return _unreadable(found, f"{bare.trusted.dns_name} has several trusts of that name")
    trust = other[0]
    fault = _fault(found, trust)
    if fault or trust.type != UPLEVEL:
        return _unreadable(found, fault or "its type is that of no Active Directory domain")
    if trust.direction == DISABLED:
        return _disabled(found)
    return found if trust.direction & INBOUND else _wrong_direction(found)


def _unread(found: Hop) -> Hop:
    return replace(
        found,
        effect=Effect.UNKNOWN,
        code="trust.not_read",
        reason=f"Whether {found.trusting.dns_name} trusts {found.trusted.dns_name} is not known: "
        f"the portal does not read {found.trusting.dns_name}.",
        remedy=f"The portal's operator can add {found.trusting.dns_name} to the domains that are "
        "read.",
    )


def _own_word(found: Hop, trust: TrustObject) -> Hop | None:
    """What the trusting domain's object says against the hop."""
    names = f"{found.trusting.dns_name} and {found.trusted.dns_name}"
    if trust.type in REALMS:
        return replace(
            found,
            effect=Effect.DENY,
            code="trust.realm",
            reason=f"For {found.trusting.dns_name}, {found.trusted.dns_name} is "
            f"{REALMS[trust.type]}, whose accounts have no Windows groups.",
            remedy=f"Ask an expert of {found.trusting.dns_name}.",
        )
    if trust.type == DOWNLEVEL:
        return replace(
            found,
            effect=Effect.DENY,
            code="trust.downlevel",
            reason=f"The trust between {names} is one with a Windows NT domain, which has no "
            "Kerberos.",
            remedy=f"Ask an expert of {found.trusting.dns_name}.",
        )
    fault = _fault(found, trust)
    if fault:
        return _unreadable(found, fault)
    if trust.direction == DISABLED:
        return _disabled(found)
    return None if trust.direction & OUTBOUND else _wrong_direction(found)


def _fault(found: Hop, trust: TrustObject) -> str:
    """What is wrong with an object, whatever the other side says."""
    if not DISABLED <= trust.direction <= BOTH:
        return f"its direction ({trust.direction}) is none that a document describes"
    if trust.type != UPLEVEL and trust.type not in (DOWNLEVEL, *REALMS):
        return f"its type ({trust.type}) is none that a document describes"
    if trust.attributes & ~KNOWN_ATTRIBUTES:
        unknown = trust.attributes & ~KNOWN_ATTRIBUTES
        return f"it has attributes that no document describes (0x{unknown:X})"
    is_within = found.trusting.forest == found.trusted.forest
    if is_within and trust.attributes & FOREST_TRANSITIVE:
        return "it is a forest trust between two domains of one forest"
    if not is_within and trust.attributes & WITHIN_FOREST:
        return "it is one within a forest, but the two domains are of two forests"
    if found.kind is Kind.FOREST and not _between_roots(found):
        return "it is a forest trust, but not between the root domains of two forests"
    return ""


def _between_roots(found: Hop) -> bool:
    return all(fold_name(node.dns_name) == node.forest for node in (found.trusting, found.trusted))


def _other_word(found: Hop, trust: TrustObject, other: tuple[TrustObject, ...]) -> Hop | None:
    """What keeps the trusted domain's object from agreeing, where that domain is read."""
    trusted = found.trusted
    if not trusted.is_read:
        return None
    if trust.partner_sid != trusted.sid:
        if not trust.partner_sid.startswith("S-"):
            return _contradiction(found, f"has no SID for {trusted.dns_name} that can be read")
        return _contradiction(found, f"has another SID for {trusted.dns_name} than that domain has")
    if len(other) != 1:
        said = "several trusts" if other else "no trust"
        return _contradiction(found, f"trusts {trusted.dns_name}, which has {said} of that name")
    fault = _fault(found, other[0])
    if fault:
        return _contradiction(found, f"trusts {trusted.dns_name}, whose trust is broken: {fault}")
    if not other[0].direction & INBOUND:
        return _contradiction(found, f"trusts {trusted.dns_name}, which does not say so itself")
    kinds = FOREST_TRANSITIVE | WITHIN_FOREST
    if other[0].type != trust.type or (other[0].attributes ^ trust.attributes) & kinds:
        return _contradiction(
            found, f"has another kind of trust with {trusted.dns_name} than that has with it"
        )
    return None


def _contradiction(found: Hop, said: str) -> Hop:
    return replace(
        found,
        effect=Effect.UNKNOWN,
        code="trust.contradiction",
        reason=f"Both sides of a trust do not agree: {found.trusting.dns_name} {said}.",
        remedy=REPAIR,
    )


def _unreadable(found: Hop, fault: str) -> Hop:
    return replace(
        found,
        effect=Effect.UNKNOWN,
        code="trust.unreadable",
        reason=f"The trust of {found.trusting.dns_name} with {found.trusted.dns_name} cannot be "
        f"gone by: {fault}.",
        remedy=REPAIR,
    )


def _disabled(found: Hop) -> Hop:
    return replace(
        found,
        effect=Effect.DENY,
        code="trust.disabled",
        reason=f"The trust of {found.trusting.dns_name} with {found.trusted.dns_name} is disabled.",
        remedy=f"Whoever administers the trusts of {found.trusting.dns_name} can make it anew.",
    )


def _wrong_direction(found: Hop) -> Hop:
    trusting, trusted = found.trusting.dns_name, found.trusted.dns_name
    return replace(
        found,
        effect=Effect.DENY,
        code="trust.wrong_direction",
        reason=f"{trusted} trusts {trusting}, but {trusting} does not trust {trusted}.",
        remedy=f"Whoever administers the trusts of {trusting} can make it two-way, or one that "
        f"is outgoing for {trusting}.",
    )
