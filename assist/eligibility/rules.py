"""The rules of eligibility: facts in, findings out. Pure.

Every rule answers, also after a refusal: the expert sees all that stands in the way. An offer is
allowed only when every rule of ``REQUIRED`` and one of ``LETS_IN`` said so and none said otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Set
from datetime import datetime
from enum import StrEnum

from assist.eligibility.decision import (
    ALLOWED,
    REFUSED,
    Decision,
    Effect,
    Finding,
    Reference,
    decisive_finding,
)
from assist.eligibility.delegation import delegation_findings
from assist.eligibility.facts import Activity, Facts
from assist.eligibility.firewall import firewall_findings
from assist.eligibility.hardening import hardening_findings
from assist.eligibility.helper_list import authority_findings, helper_findings
from assist.eligibility.operating_systems import operating_system_finding
from assist.eligibility.policy_rules import (
    mode_findings,
    offers_findings,
    policy_freshness,
    policy_unknowns,
)
from assist.eligibility.protection import protection_findings
from assist.eligibility.spans import in_words
from assist.eligibility.trail_rule import trail_findings
from assist.eligibility.trust_rules import LETS_IN, caller_trust_findings, trust_findings
from assist.lifecycle import Authority, Mode

REQUIRED = frozenset(
    {
        "account.usable",
        "directory.fresh",
        "role.expert",
        "computer.usable",
        "computer.operating_system",
        "policy.offers",
        "helper.listed",
        "mode.permitted",
        "authority.helper",
        "portal.one_active_offer",
        "portal.rate_limit",
        "portal.computer_rate_limit",
    }
)


def decide(facts: Facts, mode: Mode, now: datetime) -> Decision:
    """The decision that the facts lead to.

    Args:
        facts: Gathered at ``now``.
        mode: What is asked.
        now: An aware time.
    """
    findings = tuple(_findings(facts, mode, now))
    said_yes = {finding.rule for finding in findings if finding.effect is Effect.ALLOW}
    against = decisive_finding(findings)
    if against is None and (rules := missing_rules(said_yes)):
        missing = ", ".join(rules)
        against = Finding(
            "decision.incomplete", Effect.UNKNOWN, f"Not every rule gave an answer: {missing}."
        )
        findings += (against,)
    return Decision(
        verdict=REFUSED if against else ALLOWED,
        sentence=against.sentence if against else _allowing_chain(facts, findings, mode),
        mode=mode,
        expert=facts.expert.reference,
        computer=facts.computer.reference,
        findings=findings,
        decided_at=now,
    )


def missing_rules(said_yes: Set[str]) -> list[str]:
    """The rules that should have said yes and did not; empty where none is missing."""
    if said_yes >= REQUIRED and said_yes & LETS_IN:
        return []
    return sorted(REQUIRED - said_yes) or sorted(LETS_IN)


def _findings(facts: Facts, mode: Mode, now: datetime) -> Iterator[Finding]:
    for _, part in PARTS:
        yield from part(facts, mode, now)


def _of_expert(facts: Facts, mode: Mode, now: datetime) -> Iterator[Finding]:
    yield _account(facts, now)
    yield _role(facts)
    yield from delegation_findings(facts)


def _of_computer(facts: Facts, mode: Mode, now: datetime) -> Iterator[Finding]:
    yield _computer(facts)
    yield operating_system_finding(facts.computer)


def _of_domains(facts: Facts, mode: Mode, now: datetime) -> Iterator[Finding]:
    yield from trust_findings(facts)


def _of_policy(facts: Facts, mode: Mode, now: datetime) -> Iterator[Finding]:
    yield from policy_unknowns(facts, mode)
    yield from offers_findings(facts)
    yield from helper_findings(facts)
    yield from mode_findings(facts, mode)
    if facts.authority is Authority.SERVICE:
        yield from caller_trust_findings(facts)
        yield from authority_findings(facts)
    else:
        expert = facts.expert.reference
        yield Finding(
            "authority.helper",
            Effect.ALLOW,
            f"{expert.name} makes the call herself: Windows asks the same of her.",
            (expert,),
        )


def _of_arrival(facts: Facts, mode: Mode, now: datetime) -> Iterator[Finding]:
    """Warnings alone: what keeps an offer from arriving does not say who may make it."""
    yield from firewall_findings(facts)
    yield from hardening_findings(facts)


def _allowing_chain(facts: Facts, findings: tuple[Finding, ...], mode: Mode) -> str:
    chain = next(finding for finding in findings if finding.rule == "helper.listed")
    expert, computer = facts.expert.reference.name, facts.computer.reference.name
    because = chain.sentence.removesuffix(".")
    return f"{expert} may offer help on {computer} in {mode.value} mode, because {because}."


def _account(facts: Facts, now: datetime) -> Finding:
    account = facts.expert
    name, evidence = account.reference.name, (account.reference,)
    administrator = f"An administrator of {account.domain.name} can change that."
    if not account.is_present:
        return Finding(
            "account.gone",
            Effect.DENY,
            f"The account {name} is not in the directory any more.",
            evidence,
            administrator,
        )
    if not account.is_enabled:
        return Finding(
            "account.disabled",
            Effect.DENY,
            f"The account {name} is disabled.",
            evidence,
            administrator,
        )
    if account.expires_at is not None and account.expires_at <= now:
        return Finding(
            "account.expired",
            Effect.DENY,
            f"The account {name} expired on {account.expires_at:%Y-%m-%d}.",
            evidence,
            administrator,
        )
    if account.is_locked:
        return Finding(
            "account.locked",
            Effect.DENY,
            f"The account {name} is locked after too many wrong passwords.",
            evidence,
            "It unlocks by itself after a while, or an administrator unlocks it.",
        )
    return Finding("account.usable", Effect.ALLOW, f"{name} is enabled.", evidence)


def _role(facts: Facts) -> Finding:
    name, evidence = facts.expert.reference.name, (facts.expert.reference,)
    if "expert" in facts.expert.roles:
        return Finding("role.expert", Effect.ALLOW, f"{name} is an expert of the portal.", evidence)
    return Finding(
        "role.missing",
        Effect.DENY,
        f"{name} does not have the portal's role expert.",
        evidence,
        "The portal's operator gives the role by membership in a group (ROLE_EXPERT_GROUPS).",
    )


def _computer(facts: Facts) -> Finding:
    computer = facts.computer
    name, evidence = computer.reference.name, (computer.reference,)
    administrator = f"An administrator of {computer.domain.name} can change that."
    if not computer.is_present:
        return Finding(
            "computer.gone",
            Effect.DENY,
            f"{name} is not in the directory any more.",
            evidence,
            administrator,
        )
    if not computer.is_enabled:
        return Finding(
            "computer.disabled",
            Effect.DENY,
            f"The computer account of {name} is disabled.",
            evidence,
            administrator,
        )
    return Finding(
        "computer.usable", Effect.ALLOW, f"{name} is a computer of the directory.", evidence
    )


def _active_offer(facts: Facts, mode: Mode, now: datetime) -> Iterator[Finding]:
    activity, computer = facts.activity, facts.computer.reference
    if activity.active_offer is None:
        yield Finding(
            "portal.one_active_offer",
            Effect.ALLOW,
            f"Nobody else is being offered help on {computer.name}.",
            (computer,),
        )
    else:
        yield _occupied(activity, computer)


def _occupied(activity: Activity, computer: Reference) -> Finding:
    offer, since = activity.active_offer, activity.active_since
    who = "you" if activity.is_own_active else offer.name if offer else "somebody"
    asked = f", asked for at {since:%Y-%m-%d %H:%M %Z}," if since else ""
    return Finding(
        "portal.active_offer",
        Effect.DENY,
        f"An offer to {computer.name} by {who}{asked} has not ended.",
        (computer, offer) if offer else (computer,),
        "Cancel it, or go on with it."
        if activity.is_own_active
        else f"Wait until it has ended, or ask {who} to cancel it.",
    )


def _held_offer(facts: Facts, mode: Mode, now: datetime) -> Iterator[Finding]:
    """Only of an offer that is being made: who merely asks may have one that waits."""
    held, computer = facts.activity.held_offer, facts.computer.reference
    if held is not None and facts.asked is not None:
        yield Finding(
            "portal.held_offer",
            Effect.DENY,
            f"{held.name} has an offer to {computer.name} that is held.",
            (computer, held),
            "Cancel it, or wait until it is released.",
        )


def _computer_rate(facts: Facts, mode: Mode, now: datetime) -> Iterator[Finding]:
    """Whoever asks: many prompts on one computer wear its user down until he says yes."""
    count, limit = facts.activity.offers_to_computer, facts.activity.limit_per_computer
    computer, effect = facts.computer.reference, Effect.ALLOW if count < limit else Effect.DENY
    yield Finding(
        "portal.computer_rate_limit",
        effect,
        f"{computer.name} was offered help {count} times of at most {limit} in the last hour.",
        (computer,),
        "" if effect is Effect.ALLOW else "Wait a while.",
    )


def _protection(facts: Facts, mode: Mode, now: datetime) -> Iterator[Finding]:
    yield from protection_findings(facts.computer.reference, facts.protections, facts.asked, now)


def _trail(facts: Facts, mode: Mode, now: datetime) -> Iterator[Finding]:
    yield from trail_findings(facts.trail, now)


def _rate(facts: Facts, mode: Mode, now: datetime) -> Iterator[Finding]:
    count, limit = facts.activity.offers_in_last_hour, facts.activity.limit_per_hour
    effect = Effect.ALLOW if count < limit else Effect.DENY
    yield Finding(
        "portal.rate_limit",
        effect,
        f"{facts.expert.reference.name} made {count} of at most {limit} offers in the last hour.",
        (facts.expert.reference,),
        "" if effect is Effect.ALLOW else "Wait a while.",
    )


def _freshness(facts: Facts, mode: Mode, now: datetime) -> Iterator[Finding]:
    """Warnings that what is said above may be older, or newer, than what Windows goes by."""
    yield from policy_freshness(facts, now)
    yield from _age(facts, now)


def _age(facts: Facts, now: datetime) -> Iterator[Finding]:
    """How old the picture of the expert's and the computer's domains is; too old refuses."""
    domain, synced_at = facts.oldest_domain, facts.synced_at
    operator = "The portal's operator can look at the directory page."
    if synced_at is None:
        yield Finding(
            "directory.stale",
            Effect.DENY,
            f"{domain.name} has never been read.",
            (domain,),
            operator,
        )
        return
    age = now - synced_at
    said = f"{domain.name} was last compared with the directory {in_words(age)} ago"
    if age > facts.maximum_age:
        yield Finding(
            "directory.stale",
            Effect.DENY,
            f"{said}; older than {in_words(facts.maximum_age)} is not gone by.",
            (domain,),
            operator,
        )
        return
    yield Finding("directory.fresh", Effect.ALLOW, f"{said}.", (domain,))
    if age > facts.maximum_age / 4:
        yield Finding(
            "directory.age",
            Effect.WARN,
            f"{said}: what has changed since is not known here.",
            (domain,),
            operator,
        )


class Side(StrEnum):
    """What a part of the decision rests on: pairs that are alike in it get the same answer."""

    EXPERT = "expert"
    COMPUTER = "computer"
    DOMAINS = "domains"
    POLICY = "policy"
    WARNINGS = "warnings"
    OFFER = "offer"  # what is there only once an offer is being made


Part = Callable[[Facts, Mode, datetime], Iterator[Finding]]

# In the order in which they are asked: the first that refuses is what decides.
PARTS: tuple[tuple[Side, Part], ...] = (
    (Side.EXPERT, _of_expert),
    (Side.COMPUTER, _of_computer),
    (Side.DOMAINS, _of_domains),
    (Side.POLICY, _of_policy),
    (Side.WARNINGS, _of_arrival),
    (Side.COMPUTER, _protection),
    (Side.COMPUTER, _active_offer),
    (Side.OFFER, _held_offer),
    (Side.OFFER, _trail),
    (Side.EXPERT, _rate),
    (Side.COMPUTER, _computer_rate),
    (Side.DOMAINS, _freshness),
)
