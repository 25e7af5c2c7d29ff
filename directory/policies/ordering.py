"""In which order links are processed, and which of them apply. Pure.

Order ([MS-GPOL] 3.2.5.1.5, 3.2.5.2): site, domain, organizational units downwards; in one
container the link with order 1 last. A container that blocks inheritance shuts out what is linked
above it, the site included, except enforced links. Enforced links are processed after all others,
those of the lowest container first: the highest has the last word. Whoever is processed later
overrides.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass

from directory.policies.filtering import may_apply
from directory.policies.shapes import Container, Effect, Link, Policy


@dataclass(frozen=True, slots=True)
class Doubt:
    """Why it cannot be told whether or how a link applies."""

    code: str
    sentence: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Step:
    """A link in its place in the order of processing.

    ``doubt`` is there when ``effect`` is *unknown*, and only then.
    """

    link: Link
    effect: Effect
    reason: str
    doubt: Doubt | None = None


def steps(
    containers: Sequence[Container], token: Set[str], undetermined: Set[str]
) -> tuple[Step, ...]:
    """Every link on the way to a computer, in the order of processing.

    Args:
        containers: From the site or sites and the domain down to the nearest unit.
        token: The SIDs that the computer holds.
        undetermined: SIDs that it may hold.
    """
    return tuple(
        _step(link, container, token, undetermined, blocked_by=blocker)
        for link, container, blocker in _in_order(containers)
    )


def _in_order(
    containers: Sequence[Container],
) -> Iterator[tuple[Link, Container, Container | None]]:
    enforced: list[list[tuple[Link, Container, Container | None]]] = []
    for depth, container in enumerate(containers):
        below = containers[depth + 1 :]
        blocker = next(
            (item for item in below if item.kind != "site" and item.blocks_inheritance), None
        )
        links = sorted(container.links, key=lambda link: link.order, reverse=True)
        yield from ((link, container, blocker) for link in links if not link.is_enforced)
        enforced.append([(link, container, None) for link in links if link.is_enforced])
    for group in reversed(enforced):
        yield from group


def _step(
    link: Link,
    container: Container,
    token: Set[str],
    undetermined: Set[str],
    *,
    blocked_by: Container | None,
) -> Step:
    kept_out = _kept_out(link, blocked_by)
    if kept_out:
        return Step(link, *kept_out)
    if link.policy is None:
        doubt = _unseen(link)
        return Step(link, "unknown", doubt.sentence, doubt)
    return _filtered(link, link.policy, container, token, undetermined)


def _kept_out(link: Link, blocked_by: Container | None) -> tuple[Effect, str] | None:
    """What keeps a link from applying whoever the computer is."""
    if link.is_disabled:
        return "disabled", "The link is disabled."
    if blocked_by is not None:
        return "blocked", f"{blocked_by.name} blocks inheritance."
    if link.policy is None:
        return None
    if link.policy.is_computer_half_disabled:
        return "computer_half_disabled", "Its settings for computers are disabled."
    if link.policy.skipped:
        return "skipped", link.policy.skipped
    return None


def _unseen(link: Link) -> Doubt:
    place = link.container_name
    if link.is_malformed:
        return Doubt(
            "link_malformed",
            f"What {place} says of its links (gPLink) is malformed, so what is linked there is not "
            "known.",
            f"Whoever administers Group Policy can link the policies of {place} anew.",
        )
    return Doubt(
        "policy_unreadable",
        f"A policy linked to {place} is not visible to the portal's account, or gone: "
        f"{link.policy_name}.",
        "Let the reading account read the policy, or remove the orphaned link.",
    )


def _filtered(
    link: Link, policy: Policy, container: Container, token: Set[str], undetermined: Set[str]
) -> Step:
    """A link that reaches the computer: do the policy's permissions and filters let it apply?"""
    permissions = policy.permissions
    access = may_apply(permissions.entries, token, undetermined)
    if not permissions.error and access.is_granted is False:
        return Step(link, "filtered", "Its permissions leave the computer out.")
    doubt = _doubt(link, policy, container)
    if doubt is None and access.is_granted is None:
        doubt = Doubt(
            "security_filter",
            f"{policy.name} applies to members of {', '.join(sorted(access.depends_on))} (security "
            "filtering), and whether the computer is one is not known here.",
            "Let the portal read the domain of that group, or ask who administers Group Policy.",
        )
    if doubt is not None:
        return Step(link, "unknown", doubt.sentence, doubt)
    return Step(link, "applied", "It applies.")


def _doubt(link: Link, policy: Policy, container: Container) -> Doubt | None:
    """Why it cannot be told whether a policy applies; from the most to the least final."""
    if policy.read_error:
        return Doubt(
            "policy_unreadable",
            f"The settings of {policy.name} could not be read: {policy.read_error}",
            "Let the reading account read the policy's folder in SYSVOL; synchronise again.",
        )
    if policy.permissions.error:
        return Doubt(
            "security_descriptor_unreadable",
            f"Whom {policy.name} applies to is not known: {policy.permissions.error}",
            "Let the reading account read the policy's permissions; synchronise again.",
        )
    if not container.is_certain:
        return Doubt(
            "site_unknown",
            f"{policy.name} is linked to {link.container_name}, and which site the computer is in "
            "is not known: it has no address in the directory's zones, or no subnet or several "
            "sites claim it.",
            "Have the computer registered in DNS and its network assigned to a site.",
        )
    if policy.wmi_filter is not None:
        return Doubt(
            "wmi_filter",
            f"{policy.name} has the WMI filter {policy.wmi_filter}; only the computer can tell "
            "whether it matches.",
            "Run gpresult on the computer, or ask who administers Group Policy.",
        )
    return None
