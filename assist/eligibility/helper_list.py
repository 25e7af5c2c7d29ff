"""The rules about the helper list: is the expert on it, and is the portal's own account. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from assist.eligibility.decision import Effect, Finding, Reference
from assist.eligibility.facts import Facts, HelperLine, Memberships, Unknown

LOCAL_GROUP = (
    "The computer's own group Offer Remote Assistance Helpers, which Configuration Manager or an "
    "administrator of the computer can fill too, cannot be seen from here."
)
LINE_UNCERTAIN = "helper.line_uncertain"


def helper_findings(facts: Facts) -> Iterator[Finding]:
    """Whether the helper list lets the expert in, by each line that does, or why not."""
    expert, lines = facts.expert.reference, facts.policy.helpers
    found = list(_listed(expert, facts.expert_memberships, _certain(lines)))
    yield from found
    if facts.administrators_sid in facts.expert_memberships.paths:
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
    if facts.administrators_sid not in facts.expert_memberships.paths:
        yield from undecided(facts, expert.reference, facts.expert_memberships)
    if caller.reference is not None and caller.memberships is not None:
        yield from undecided(facts, caller.reference, caller.memberships)


def undecided(facts: Facts, who: Reference, memberships: Memberships) -> tuple[Unknown, ...]:
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
        elif path := memberships.paths.get(line.principal.id):
            way = ", itself a member of ".join(group.name for group in path)
            yield Finding(
                "helper.listed",
                Effect.ALLOW,
                f"{who.name} is a member of {way}, which {listing}.",
                (who, *path, *place),
            )


def _administrator(facts: Facts) -> Iterator[Finding]:
    path = facts.expert_memberships.paths[facts.administrators_sid]
    expert, computer = facts.expert.reference, facts.computer.reference
    way = ", itself a member of ".join(group.name for group in path)
    yield Finding(
        "helper.listed",
        Effect.ALLOW,
        f"{expert.name} is a member of {way}, by default administrators of {computer.name}.",
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
    for line in facts.policy.helpers:
        barred = line.principal and facts.expert_memberships.barred.get(line.principal.id)
        if line.principal and barred:
            way = ", a member of ".join(group.name for group in barred)
            return Finding(
                "helper.distribution_group",
                Effect.DENY,
                f"{expert.name} reaches the helper {line.principal.name} only through a "
                f"distribution group ({way}), and distribution groups grant nothing.",
                (expert, *barred, line.source.policy, line.source.container),
                "Whoever administers the groups can add the account to a security group, or make "
                "the distribution group one.",
            )
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


def _broken_lines(facts: Facts) -> str:
    """Lines that were meant for somebody: a misspelt name is the likeliest reason to be missing."""
    broken = [line.text for line in facts.policy.helpers if line.problem]
    return f", and names nobody with {', '.join(broken)}" if broken else ""


def authority_findings(facts: Facts) -> Iterator[Finding]:
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
