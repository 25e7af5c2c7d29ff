"""The rules about the helper list: is the expert on it, and is the portal's own account. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from assist.eligibility.decision import Effect, Finding, Reference
from assist.eligibility.facts import (
    ComputerSide,
    Facts,
    HelperLine,
    LostHelper,
    Memberships,
    Unknown,
)
from directory.trusts import Cause

LOCAL_GROUP = (
    "The computer's own group Offer Remote Assistance Helpers, which Configuration Manager or an "
    "administrator of the computer can fill too, cannot be seen from here."
)
LINE_UNCERTAIN = "helper.line_uncertain"
LOST = {
    Cause.DISTRIBUTION: (
        "helper.distribution_group",
        (
            "Whoever administers the groups can add the account to a security group, or make the "
            "distribution group one."
        ),
    ),
    Cause.SCOPE: (
        "helper.not_listed",
        (
            "Whoever administers the groups can list a universal or global group instead, or add "
            "the account to a domain local group of the computer's domain."
        ),
    ),
    Cause.FILTERED: (
        "trust.sid_filtered",
        (
            "Whoever administers the computer's domain can add the account, or a group of its own "
            "domain, to the list instead; SID filtering is what keeps the trust safe."
        ),
    ),
}


def helper_findings(facts: Facts) -> Iterator[Finding]:
    """Whether the helper list lets the expert in, by each line that does, or why not."""
    expert, lines = facts.expert.reference, facts.policy.helpers
    found = list(_listed(expert, facts.expert_memberships, _certain(lines)))
    yield from found
    if facts.expert_memberships.way_to(facts.administrators_sid) is not None:
        yield from _administrator(facts)
    elif not found and not undecided(facts, expert, facts.expert_memberships):
        yield _not_listed(facts)
    for line in lines:
        if line.problem:
            yield Finding(
                "helper.flagged" if line.principal else "helper.unresolved",
                Effect.WARN,
                f"The line {line.text} in the helper list of {line.source} "
                f"{_trouble(line)}: {line.problem.removesuffix('.')}.",
                (line.source.policy, line.source.container),
                "Whoever administers the policy can correct the line.",
            )


def helper_unknowns(facts: Facts) -> Iterator[Unknown]:
    """What could put the expert, or the portal's own account, on the list or take it off."""
    expert, caller = facts.expert, facts.caller
    if facts.expert_memberships.way_to(facts.administrators_sid) is None:
        yield from undecided(facts, expert.reference, facts.expert_memberships)
    if caller.reference is not None and caller.memberships is not None:
        yield from undecided(facts, caller.reference, caller.memberships)


def undecided(facts: ComputerSide, who: Reference, memberships: Memberships) -> tuple[Unknown, ...]:
    """What could change whether somebody is on the helper list; empty when nothing can."""
    lines = facts.policy.helpers
    if any(_listed(who, memberships, _certain(lines))):
        return ()
    possible = [
        unknown
        for line in lines
        if not line.is_certain and any(_listed(who, memberships, (line,)))
        for unknown in line.unknowns
    ]
    uncertain = [
        _line_uncertain(line)
        for line in lines
        if any(_listed(who, memberships, tuple(replace(line, principal=it) for it in line.either)))
    ]
    return (*possible, *uncertain, *facts.policy.further_helpers)


def _line_uncertain(line: HelperLine) -> Unknown:
    return Unknown(
        LINE_UNCERTAIN,
        f"The line {line.text} in the helper list of {line.source} may or may not mean "
        f"{' or '.join(item.name for item in line.either)}: {line.problem}",
        r"Whoever administers the policy can write the line as DOMAIN\name.",
        line.source,
        frozenset({"helpers"}),
    )


def _certain(lines: tuple[HelperLine, ...]) -> tuple[HelperLine, ...]:
    return tuple(line for line in lines if line.is_certain)


def _trouble(line: HelperLine) -> str:
    if line.principal is not None:
        return f"names {line.principal.name}, but"
    return "names nobody for certain" if line.either else "names nobody"


def _listed(
    who: Reference, memberships: Memberships, lines: tuple[HelperLine, ...]
) -> Iterator[Finding]:
    """One finding for each line of the helper list that lets somebody in, in the list's order."""
    for line in lines:
        if line.principal is None:
            continue
        place = (line.source.policy, line.source.container)
        listing = f"{line.source} lists as helper (line {line.text})"
        if line.principal.id == who.id:
            yield Finding(
                "helper.listed",
                Effect.ALLOW,
                f"{line.source} lists {who.name} itself as helper (line {line.text}).",
                (who, *place),
            )
            continue
        path = memberships.way_to(line.principal.id)
        if path is None:
            continue
        if line.principal.id in memberships.paths:
            sentence = f"{_member(who, path)}, which {listing}."
        else:
            sentence = f"{_had_sid(who, path, line.principal.name)}, which {listing}."
        yield Finding("helper.listed", Effect.ALLOW, sentence, (who, *path, *place))


def _member(who: Reference, path: tuple[Reference, ...]) -> str:
    way = ", itself a member of ".join(group.name for group in path)
    return f"{who.name} is a member of {way}"


def _had_sid(who: Reference, path: tuple[Reference, ...], name: str) -> str:
    """By a past SID, its own or that of a group it is in."""
    if not path:
        return f"{who.name} has in its SID history the SID of {name}"
    return f"{_member(who, path)}, with the SID history of {name}"


def _administrator(facts: Facts) -> Iterator[Finding]:
    held, expert = facts.expert_memberships, facts.expert.reference
    computer = facts.computer.reference
    path = held.way_to(facts.administrators_sid) or ()
    is_member = facts.administrators_sid in held.paths
    said = _member(expert, path) if is_member else _had_sid(expert, path, "Domain Admins")
    yield Finding(
        "helper.listed",
        Effect.ALLOW,
        f"{said}, by default administrators of {computer.name}.",
        (expert, *path),
    )
    yield Finding(
        "helper.administrator",
        Effect.WARN,
        "That administrators may offer help without being listed is documented for Windows XP "
        "and inferred for later Windows.",
        (expert, *path),
        "Being on the helper list makes it certain.",
    )


def _not_listed(facts: Facts) -> Finding:
    expert, computer = facts.expert.reference, facts.computer.reference
    sources = sorted({str(line.source) for line in facts.policy.helpers})
    evidence: tuple[Reference, ...] = (expert, computer)
    for cause in (Cause.FILTERED, Cause.DISTRIBUTION, Cause.SCOPE):
        for line in facts.policy.helpers:
            found = facts.expert_memberships.lost.get(line.principal.id) if line.principal else None
            if line.principal and found and found.cause is cause:
                return _lost(expert, line, line.principal, found)
    if not sources:
        return Finding(
            "helper.no_list",
            Effect.DENY,
            f"No policy lists helpers for {computer.name}.",
            evidence,
            "Whoever administers Group Policy can list helpers in Configure Offer Remote "
            f"Assistance. {LOCAL_GROUP}",
        )
    return Finding(
        "helper.not_listed",
        Effect.DENY,
        f"{expert.name} is not on the helper list of {computer.name}, neither directly nor "
        f"through a group: {', '.join(sources)} lists others{_broken_lines(facts)}.",
        (*evidence, *(line.source.policy for line in facts.policy.helpers[:1])),
        f"Whoever administers the listed groups or the policy can add the account. {LOCAL_GROUP}",
    )


def _lost(who: Reference, line: HelperLine, helper: Reference, lost: LostHelper) -> Finding:
    """Groups lead to a line of the list, but not into the token at this computer."""
    way = ", a member of ".join(group.name for group in lost.path)
    code, remedy = LOST[lost.cause]
    if lost.cause is Cause.DISTRIBUTION:
        sentence = (
            f"{who.name} reaches the helper {helper.name} only through a distribution group "
            f"({way}), and {lost.reason}."
        )
    else:
        through = f" through {way}" if way else " by its SID history"
        sentence = (
            f"{who.name} would be the helper {helper.name}{through}, but not on this computer: "
            f"{lost.reason}."
        )
    place = (line.source.policy, line.source.container)
    return Finding(code, Effect.DENY, sentence, (who, *lost.path, *place), remedy)


def _broken_lines(facts: Facts) -> str:
    """Lines that were meant for somebody: a misspelt name is the likeliest reason to be missing."""
    broken = [line.text for line in facts.policy.helpers if line.problem]
    return f", and names nobody with {', '.join(broken)}" if broken else ""


def authority_findings(facts: ComputerSide) -> Iterator[Finding]:
    """The portal's own account makes the call, so Windows must let it in as well."""
    caller = facts.caller
    if caller.reference is None or caller.memberships is None:
        name = caller.configured_name or "no account"
        yield Finding(
            "authority.unknown_account",
            Effect.DENY,
            f"The account with which the portal calls computers ({name}) is not in the directory.",
            (Reference("setting", "SERVICE_PRINCIPAL", caller.configured_name),),
            "The portal's operator sets SERVICE_PRINCIPAL.",
        )
        return
    found = list(_listed(caller.reference, caller.memberships, _certain(facts.policy.helpers)))
    if not found and undecided(facts, caller.reference, caller.memberships):
        return
    if found:
        yield Finding(
            "authority.helper",
            Effect.ALLOW,
            f"The portal's own account makes the call: {found[0].sentence}",
            found[0].evidence,
        )
    else:
        yield Finding(
            "authority.not_listed",
            Effect.DENY,
            f"The portal's own account {caller.reference.name} is not on the helper list of "
            f"{facts.computer.reference.name}.",
            (caller.reference, facts.computer.reference),
            "Whoever administers Group Policy can add it, or a group it is in, to the list.",
        )
