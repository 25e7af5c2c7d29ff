"""From the policy in force on a computer to its firewall and hardening. No queries."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from ipaddress import ip_address

from assist.eligibility.facts import FirewallFacts, FirewallWord, HardeningValue
from assist.eligibility.policy_facts import source_of
from directory.grouppolicy.firewall import Address, FirewallPolicy, Origin
from directory.grouppolicy.hardening import NAMES
from directory.policies import Link, ResultantPolicy


def firewall_facts(
    policy: ResultantPolicy, workers: Sequence[Address], expert_address: str | None
) -> FirewallFacts:
    """What every policy that does or may apply says of the firewall.

    Args:
        policy: The policy in force, with the links in the order of processing.
        workers: The addresses from which workers call computers.
        expert_address: Where the expert is, if known.
    """
    words = [
        FirewallWord(source_of(item.link), said, is_certain=item.effect == "applied")
        for item in policy.considered
        if item.effect in ("applied", "unknown")
        and ((said := _said(item.link)) is None or said.says_anything)
    ]
    experts: list[Address] = []
    with suppress(ValueError):
        experts += [ip_address(expert_address)] if expert_address else []
    return FirewallFacts(tuple(words), {Origin.WORKER: tuple(workers), Origin.EXPERT: experts})


def hardening_facts(policy: ResultantPolicy) -> tuple[HardeningValue, ...]:
    """The settings in force that bear on offers beside the firewall, as far as they are certain."""
    found = ((name, policy.values.get(name)) for name in NAMES)
    return tuple(
        HardeningValue(name, value.value, source_of(value.source))
        for name, value in found
        if value is not None and value.value is not None and value.source is not None
    )


def _said(link: Link) -> FirewallPolicy | None:
    if link.policy is None or link.policy.read_error or link.policy.firewall is None:
        return None
    return FirewallPolicy.from_json(link.policy.firewall)
