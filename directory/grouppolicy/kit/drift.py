"""How far a policy that exists is from what the kit would make of a choice."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from directory.comparison import fold_name
from directory.grouppolicy.firewall import FirewallPolicy, read_firewall
from directory.grouppolicy.kit.choice import KitChoice
from directory.grouppolicy.kit.extras import further_firewall, further_settings
from directory.grouppolicy.kit.values import kit_values
from directory.grouppolicy.remote_assistance import RemoteAssistancePolicy, read_remote_assistance


@dataclass(frozen=True)
class Difference:
    """One thing that is not as it shall be.

    Attributes:
        code: ``offers``, ``control``, ``helper_missing``, ``helper_added``, ``earlier_helpers``,
            ``helper_unclear``, ``setting``, ``setting_added``, ``soft``, ``firewall_missing``,
            ``firewall_other``, ``firewall_added``, ``firewall_blocks``, ``firewall_removed``,
            ``firewall_unreadable``, ``firewall_cut``.
        sentence: For a person.
    """

    code: str
    sentence: str


def differences(
    choice: KitChoice, remote_assistance: RemoteAssistancePolicy, firewall: FirewallPolicy
) -> tuple[Difference, ...]:
    """Where a policy departs from a choice; what it says beyond the kit's subjects is its own.

    Args:
        choice: What it shall say.
        remote_assistance: What it says of Remote Assistance.
        firewall: What it says of the firewall.
    """
    wanted = kit_values(choice)
    return (
        *_assistance(read_remote_assistance(wanted), remote_assistance),
        *_firewall(read_firewall(wanted), firewall),
    )


def _assistance(
    wanted: RemoteAssistancePolicy, found: RemoteAssistancePolicy
) -> Iterator[Difference]:
    if found.offers_allowed is not wanted.offers_allowed:
        state = "does not allow offers" if found.offers_allowed is None else "forbids offers"
        yield Difference("offers", f"It {state}.")
    if found.control_allowed is not wanted.control_allowed:
        said = {True: "allows control", False: "allows to view only", None: "says nothing of it"}
        yield Difference(
            "control",
            f"It {said[found.control_allowed]}; wanted is one that {said[wanted.control_allowed]}.",
        )
    yield from _helpers(
        [helper.data for helper in wanted.helpers], [helper.data for helper in found.helpers]
    )
    if wanted.replaces_helpers and not found.replaces_helpers:
        yield Difference("earlier_helpers", "It leaves the helpers of other policies on the list.")
    for helper in found.helpers:
        if not helper.is_consistent:
            yield Difference(
                "helper_unclear",
                f"A line of its helper list is named {helper.name} and says {helper.data}: "
                "which of them Windows takes is not documented.",
            )
    if found.has_soft_values:
        yield Difference("soft", "It sets values of Remote Assistance only where nothing is set.")
    yield from _settings(wanted.other, found.other)
    for sentence in further_settings(wanted.other, found.other):
        yield Difference("setting_added", sentence)


def _helpers(wanted: Iterable[str], found: Iterable[str]) -> Iterator[Difference]:
    there = {fold_name(name): name for name in found}
    meant = {fold_name(name): name for name in wanted}
    for key, name in meant.items():
        if key not in there:
            yield Difference("helper_missing", f"{name} is not on its helper list.")
    for key, name in there.items():
        if key not in meant:
            yield Difference("helper_added", f"{name} is on its helper list.")


def _settings(wanted: Mapping[str, object], found: Mapping[str, object]) -> Iterator[Difference]:
    for name, value in wanted.items():
        if found.get(name) != value:
            said = f"has {found[name]}" if name in found else "is not set"
            yield Difference("setting", f"{name} {said}; wanted is {value}.")


def _firewall(wanted: FirewallPolicy, found: FirewallPolicy) -> Iterator[Difference]:
    there = {value.place: value for value in found.values}
    for value in wanted.values:
        known = there.get(value.place)
        if known is None:
            yield Difference(
                "firewall_missing", f"The firewall's {value.name} ({value.key}) is missing."
            )
        elif known.data != value.data:
            yield Difference(
                "firewall_other",
                f"The firewall's {value.name} ({value.key}) is {known.data}; wanted is "
                f"{value.data}.",
            )
    for code, sentence in further_firewall(wanted, found):
        yield Difference(code, sentence)
