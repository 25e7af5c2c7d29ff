"""The rules about trusts: does the computer's domain let the expert and the portal in. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from assist.eligibility.decision import Effect, Finding, Reference
from assist.eligibility.facts import ComputerSide, Facts, Memberships
from directory.trusts import Effect as TrustEffect
from directory.trusts import TrustWay
from directory.trusts.shapes import DomainNode

# One of these says that the computer's domain lets the expert in.
LETS_IN = frozenset({"domain.same", "trust.within_forest", "trust.forest", "trust.external"})
READ_PERMISSIONS = (
    "The permissions are read with the computers once a trust of their domain is selective; let "
    "the reading account read them, and synchronise that domain in full."
)


def trust_findings(facts: Facts) -> Iterator[Finding]:
    """Whether the computer's domain lets the expert's accounts in, and the computer herself."""
    way = facts.expert_memberships.way
    yield Finding(
        way.code,
        Effect(way.effect.value),
        way.sentence,
        way_evidence(way),
        way.remedy,
    )
    if way.effect is TrustEffect.ALLOW and way.is_selective:
        yield _authentication(facts)


def way_evidence(way: TrustWay) -> tuple[Reference, ...]:
    """The domains at both ends of a way, and the trust of every hop."""
    ends = dict.fromkeys((_domain(way.computer_domain), _domain(way.expert_domain)))
    trusts = (Reference("trust", str(hop.trust.guid), str(hop)) for hop in way.hops if hop.trust)
    return (*ends, *trusts)


def _domain(node: DomainNode) -> Reference:
    return Reference("domain", str(node.guid), node.dns_name)


def _authentication(facts: Facts) -> Finding:
    expert, computer = facts.expert.reference, facts.computer.reference
    found = facts.expert_memberships.authentication
    trust = way_evidence(facts.expert_memberships.way)
    if found.effect is TrustEffect.ALLOW:
        return Finding(
            "trust.selective_authentication",
            Effect.ALLOW,
            f"The trust asks for selective authentication, and {expert.name} is allowed to "
            f"authenticate to {computer.name}, by {name_of(facts.expert_memberships, found.sid)}.",
            (expert, computer, *trust),
        )
    if found.effect is TrustEffect.DENY:
        who = name_of(facts.expert_memberships, found.sid)
        denied = f" ({who} is denied it)" if found.sid else ""
        return Finding(
            "trust.selective_authentication_denied",
            Effect.DENY,
            f"The trust asks for selective authentication, and {expert.name} is not allowed to "
            f"authenticate to {computer.name}{denied}.",
            (expert, computer, *trust),
            "Whoever administers the computer's domain can give the account, or a group it is in, "
            "Allowed to Authenticate on the computer or on the unit that holds it.",
        )
    return Finding(
        "trust.selective_authentication_unknown",
        Effect.UNKNOWN,
        f"The trust asks for selective authentication, and whether {expert.name} is allowed to "
        f"authenticate to {computer.name} cannot be told from the computer's permissions: "
        f"{found.reason.removesuffix('.')}.",
        (expert, computer, *trust),
        READ_PERMISSIONS,
    )


def name_of(memberships: Memberships, sid: str) -> str:
    """A SID of a token as a person would name it."""
    path = memberships.way_to(sid)
    return path[-1].name if path else f"an entry for {sid}"


def caller_trust_findings(facts: ComputerSide) -> Iterator[Finding]:
    """What keeps the portal's own account out of the computer's domain, if anything does."""
    caller = facts.caller
    if caller.reference is None or caller.memberships is None:
        return
    way, found = caller.memberships.way, caller.memberships.authentication
    evidence = (caller.reference, *way_evidence(way))
    if way.effect is not TrustEffect.ALLOW:
        is_known = way.effect is TrustEffect.DENY
        yield Finding(
            "authority.not_trusted" if is_known else "authority.trust_unknown",
            Effect(way.effect.value),
            f"The portal's own account {caller.reference.name} makes the call: {way.sentence}",
            evidence,
            way.remedy,
        )
    elif way.is_selective and found.effect is not TrustEffect.ALLOW:
        is_known = found.effect is TrustEffect.DENY
        yield Finding(
            "authority.not_trusted" if is_known else "authority.trust_unknown",
            Effect(found.effect.value),
            "The trust asks for selective authentication, and the portal's own account "
            f"{caller.reference.name} "
            + (
                f"is not allowed to authenticate to {facts.computer.reference.name}."
                if is_known
                else f"may or may not be allowed to authenticate to "
                f"{facts.computer.reference.name}: {found.reason.removesuffix('.')}."
            ),
            evidence,
            "Give the portal's account Allowed to Authenticate on the computer."
            if is_known
            else READ_PERMISSIONS,
        )
