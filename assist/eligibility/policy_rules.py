"""The rules about Group Policy: are offers allowed, in which mode, and how sure is that. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from assist.eligibility.decision import Effect, Finding, Reference
from assist.eligibility.facts import ComputerSide, Facts, Source, Unknown
from assist.eligibility.helper_list import LINE_UNCERTAIN, helper_unknowns
from assist.eligibility.operating_systems import is_older_interface
from assist.lifecycle import Mode

POLICY_REFRESH = timedelta(minutes=120)  # every 90 minutes and a random 0 to 30


def policy_unknowns(facts: Facts, mode: Mode) -> Iterator[Finding]:
    """What cannot be told about policy and could change this decision; each said once."""
    wanted = {"offers"} | ({"control"} if mode is Mode.CONTROL else set())
    undecided = [unknown for unknown in facts.policy.unknowns if unknown.affects & wanted]
    undecided += helper_unknowns(facts)
    said: set[tuple[str, Source]] = set()
    for unknown in undecided:
        if (unknown.code, unknown.source) not in said:
            said.add((unknown.code, unknown.source))
            yield _unknown(unknown)


def _unknown(unknown: Unknown) -> Finding:
    return Finding(
        unknown.code if unknown.code == LINE_UNCERTAIN else f"policy.{unknown.code}",
        Effect.UNKNOWN,
        unknown.sentence,
        (unknown.source.policy, unknown.source.container),
        unknown.remedy,
    )


def offers_findings(facts: ComputerSide) -> Iterator[Finding]:
    """Whether policy allows offers on the computer."""
    policy, name = facts.policy, facts.computer.reference.name
    if policy.is_certain("offers"):
        source, overridden = policy.offers_source, policy.offers_overridden
        evidence = _evidence(facts, source, overridden)
        if policy.offers_allowed:
            yield Finding(
                "policy.offers",
                Effect.ALLOW,
                f"{source} allows offers on {name}{_over(overridden)}.",
                evidence,
            )
        elif policy.offers_allowed is False:
            yield Finding(
                "policy.offers_disabled",
                Effect.DENY,
                f"{source} forbids offers of Remote Assistance on {name}{_over(overridden)}.",
                evidence,
                "Whoever administers Group Policy can enable Configure Offer Remote Assistance.",
            )
        else:
            yield Finding(
                "policy.offers_not_configured",
                Effect.DENY,
                f"No policy allows offers on {name}: Configure Offer Remote Assistance is not "
                f"configured, and then Windows refuses them.{_kept_out(facts)}",
                evidence + tuple(source.policy for source, _ in policy.kept_out),
                "Whoever administers Group Policy can enable it for the computer's unit.",
            )
    yield from _asking(facts)


def _asking(facts: ComputerSide) -> Iterator[Finding]:
    """On the oldest systems, offers fail where users may not ask for help (KB826088, KB301527)."""
    policy, computer = facts.policy, facts.computer
    if is_older_interface(computer) and policy.asking_allowed is False:
        yield Finding(
            "policy.solicited_disabled",
            Effect.WARN,
            f"{policy.asking_source} forbids users of {computer.reference.name} to ask for help; "
            "on Windows XP before Service Pack 2 and on Windows Server 2003 before Service Pack 1 "
            "offers then fail too.",
            _evidence(facts, policy.asking_source, ()),
            "Enable Configure Solicited Remote Assistance, or install the service pack.",
        )


def mode_findings(facts: Facts, mode: Mode) -> Iterator[Finding]:
    """Whether policy allows the mode that was asked for."""
    policy, name = facts.policy, facts.computer.reference.name
    source, overridden = policy.control_source, policy.control_overridden
    evidence = _evidence(facts, source, overridden)
    if mode is Mode.VIEW:
        yield Finding("mode.permitted", Effect.ALLOW, "View needs no more than an offer.", evidence)
        if policy.control_allowed or not policy.is_certain("control"):
            yield Finding(
                "mode.view_not_enforced",
                Effect.WARN,
                "View is recorded and watched, not enforced: inside the session the user could "
                "still be asked to share control.",
                evidence,
            )
    elif not policy.is_certain("control"):
        return
    elif policy.control_allowed:
        yield Finding(
            "mode.permitted",
            Effect.ALLOW,
            f"{source} allows control on {name}{_over(overridden)}.",
            evidence,
        )
    else:
        yield Finding(
            "mode.view_only",
            Effect.DENY,
            f"{source} allows to view {name}, not to control it{_over(overridden)}."
            if source
            else f"No policy allows control of {name}.",
            evidence,
            "Ask for view.",
        )


def _evidence(
    facts: ComputerSide, source: Source | None, overridden: tuple[Source, ...]
) -> tuple[Reference, ...]:
    if source is None:
        return (facts.computer.reference,)
    return (source.policy, source.container, *(item.policy for item in overridden))


def _over(overridden: tuple[Source, ...]) -> str:
    return f", over {', '.join(map(str, overridden))}" if overridden else ""


def _kept_out(facts: ComputerSide) -> str:
    return "".join(
        f" {source} would allow them and does not apply: {reason}"
        for source, reason in facts.policy.kept_out
    )


def policy_freshness(facts: Facts, now: datetime) -> Iterator[Finding]:
    """Warnings that the computer may go by another version of a policy than the portal."""
    policy = facts.policy
    used = {policy.offers_source, policy.control_source}
    used |= {line.source for line in policy.helpers}
    for source in sorted((item for item in used if item), key=str):
        if source.changed_at is not None and now - source.changed_at < POLICY_REFRESH:
            yield Finding(
                "policy.recent",
                Effect.WARN,
                f"{source} was changed less than two hours ago and may not have reached the "
                "computer yet.",
                (source.policy, source.container),
                "Wait, or run gpupdate on the computer.",
            )
    for source in policy.unreplicated:
        yield Finding(
            "policy.version_mismatch",
            Effect.WARN,
            f"{source} has another version in the directory than in SYSVOL (GPT.INI), so the "
            "computer may go by its old or its new settings.",
            (source.policy, source.container),
            "Wait until the domain controllers have replicated, or check their replication.",
        )
