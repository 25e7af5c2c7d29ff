"""Whether the Windows Firewall, as policy sets it, lets an offer through. Pure.

A warning at most: who may offer help is not the firewall's to say, and what it stops fails by
itself. What cannot be told of it must not refuse an offer either, since where policy is silent the
rules of the computer itself decide, which let offers in on a new Windows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from assist.eligibility.decision import Effect, Finding, Reference
from assist.eligibility.facts import ComputerFacts, Facts, FirewallFacts, FirewallWord
from directory.grouppolicy.firewall import (
    FirewallVerdict,
    MergedFirewall,
    Origins,
    PolicySource,
    State,
    Windows,
    event_log_verdict,
    merge_firewalls,
    offer_verdict,
    windows_of,
)

RULES = {
    State.BLOCKED: "firewall.blocked",
    State.INCOMPLETE: "firewall.incomplete",
    State.EXCLUDED: "firewall.scope",
    State.UNKNOWN: "firewall.unknown",
    State.OPEN: "firewall.off",
}
REMEDY = "Ask who administers Group Policy whether these policies apply to this computer."
Judge = Callable[[MergedFirewall, Windows, Origins], FirewallVerdict | None]


def firewall_findings(facts: Facts) -> Iterator[Finding]:
    """What stands in the firewall's way of an offer; nothing where all is let in."""
    if facts.firewall is None:
        return
    verdict = offer_firewall(facts.computer, facts.firewall)
    if verdict is None:
        return
    evidence = (facts.computer.reference, *map(_reference, verdict.sources))
    if verdict.state in RULES:
        yield Finding(RULES[verdict.state], Effect.WARN, verdict.sentence, evidence, verdict.remedy)
    for note in verdict.notes:
        yield Finding(
            "firewall.standard_profile",
            Effect.WARN,
            note,
            evidence,
            "Repeat the exceptions for the standard profile if the computer is used elsewhere.",
        )


def offer_firewall(computer: ComputerFacts, firewall: FirewallFacts) -> FirewallVerdict | None:
    """Whether policy lets an offer through the computer's firewall.

    Returns:
        None where the computer has no Windows Firewall, or none that is known.
    """
    return _judged(computer, firewall, offer_verdict)


def event_log_firewall(computer: ComputerFacts, firewall: FirewallFacts) -> FirewallVerdict | None:
    """Whether policy lets the portal read the computer's event log; None as above."""
    return _judged(computer, firewall, event_log_verdict)


def _judged(
    computer: ComputerFacts, firewall: FirewallFacts, judge: Judge
) -> FirewallVerdict | None:
    """The verdict, unless policies that may or may not apply could change it."""
    windows = windows_of(computer.operating_system, computer.operating_system_version)
    if windows is None:
        return None
    certain = [word for word in firewall.words if word.is_certain]
    verdict = judge(_merged(certain), windows, firewall.origins)
    if verdict is None or len(certain) == len(firewall.words):
        return verdict
    other = judge(_merged(firewall.words), windows, firewall.origins)
    unread = [word for word in firewall.words if word.said is None]
    doubtful = [word for word in firewall.words if not word.is_certain and word not in unread]
    if other is not None and other.state is not verdict.state:
        return _uncertain(verdict, doubtful)
    if unread and verdict.state in (State.COMPLETE, State.OPEN):
        return _uncertain(verdict, unread)
    return verdict


def _merged(words: Sequence[FirewallWord]) -> MergedFirewall:
    return merge_firewalls(
        (PolicySource(word.source.policy.id, word.source.policy.name), word.said)
        for word in words
        if word.said is not None
    )


def _uncertain(verdict: FirewallVerdict, words: Sequence[FirewallWord]) -> FirewallVerdict:
    names = ", ".join(dict.fromkeys(str(word.source) for word in words))
    sources = dict.fromkeys(
        PolicySource(word.source.policy.id, word.source.policy.name) for word in words
    )
    return replace(
        verdict,
        state=State.UNKNOWN,
        sentence=(
            "Whether the Windows Firewall lets an offer in cannot be told: what it rests on may be "
            f"changed by {names}, of which it is not known whether it applies or what it says."
        ),
        remedy=REMEDY,
        sources=(*verdict.sources, *sources),
    )


def _reference(source: PolicySource) -> Reference:
    return Reference("policy", source.id, source.name)
