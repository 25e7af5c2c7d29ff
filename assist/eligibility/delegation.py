"""The rules about calling a computer as the expert, with a ticket that the domain gives. Pure.

What only the domain can tell, whether it gives the ticket, is asked when an offer is made.
"""

from __future__ import annotations

from collections.abc import Iterator

from assist.eligibility.decision import Effect, Finding, Reference
from assist.eligibility.facts import Facts
from assist.lifecycle import Authority

HAND_OFF = "Make the offer by hand-off instead: your own Windows calls the computer then."


def delegation_findings(facts: Facts) -> Iterator[Finding]:
    """What of the expert's account forbids that the portal calls as her."""
    expert = facts.expert
    if facts.authority is Authority.DELEGATED and expert.never_delegated:
        yield Finding(
            "authority.never_delegated",
            Effect.DENY,
            f"The portal cannot call as {expert.reference.name}: the account "
            f"{expert.never_delegated}.",
            (expert.reference,),
            HAND_OFF,
        )


def no_sign_in_ticket(expert: Reference) -> Finding:
    return Finding(
        "authority.no_sign_in_ticket",
        Effect.DENY,
        f"The portal calls as {expert.name}, and for that she has to be signed in with Windows.",
        (expert,),
        f"Sign in with Windows, then offer again. {HAND_OFF}",
    )


def other_domain(expert: Reference, computer: Reference, domain: str) -> Finding:
    return Finding(
        "authority.other_domain",
        Effect.DENY,
        f"The portal can call as an expert only computers of {domain}, where its web account is, "
        f"and {computer.name} is of another domain.",
        (expert, computer),
        HAND_OFF,
    )


def not_delegated(expert: Reference, computer: Reference, sentence: str, remedy: str) -> Finding:
    return Finding("authority.not_delegated", Effect.DENY, sentence, (expert, computer), remedy)


def delegated(expert: Reference, computer: Reference, service: str) -> Finding:
    return Finding(
        "authority.delegated",
        Effect.ALLOW,
        f"The domain gave a ticket as {expert.name} for {service}, and for nothing else.",
        (expert, computer),
    )
