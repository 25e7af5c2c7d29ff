"""What each value in force says about one need: lets it in, or keeps it out, and for whom."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from directory.grouppolicy.firewall.matching import (
    match_port_exception,
    match_program_exception,
    match_rule,
)
from directory.grouppolicy.firewall.merging import MergedFirewall, Sourced
from directory.grouppolicy.firewall.needs import RPC_PORT, Kind, Need, Windows
from directory.grouppolicy.firewall.rules import FirewallRule
from directory.grouppolicy.firewall.scope import ANYWHERE, Address, Match, Scope, parse_scope
from directory.grouppolicy.firewall.values import (
    ENABLED,
    REMOTE_ADDRESSES,
    REMOTE_ADMINISTRATION,
    REMOTE_DESKTOP,
)
from directory.grouppolicy.firewall.wording import shortened


@dataclass(frozen=True)
class Voice:
    """What one value says about one need.

    Attributes:
        source: The value.
        lets_in: Or keeps out.
        match: Whether it is about the need at all.
        scope: For which addresses.
        why: Why it may or may not be, for people; empty where it is certain.
    """

    source: Sourced
    lets_in: bool
    match: Match
    scope: Scope = ANYWHERE
    why: str = ""

    def match_for(self, address: Address | None) -> Match:
        return min(self.match, self.scope.match(address))


def voices_about(need: Need, merged: MergedFirewall, windows: Windows, profile: str) -> list[Voice]:
    """Every value in force that is or may be about a need.

    Args:
        need: What must be let in.
        merged: The values in force.
        windows: Which of them the computer's firewall obeys.
        profile: ``domainprofile`` or ``standardprofile``; rules are asked for the domain profile.
    """
    voices = [
        *_port_exceptions(need, merged, windows, profile),
        *_program_exceptions(need, merged, windows, profile),
        *_switches(need, merged, profile),
    ]
    if windows.system.has_rules:
        voices += _rules(need, merged, windows)
    return [voice for voice in voices if voice.match is not Match.NO]


def _port_exceptions(
    need: Need, merged: MergedFirewall, windows: Windows, profile: str
) -> Iterator[Voice]:
    for source, entry in merged.ports(profile):
        match = match_port_exception(entry, need)
        yield _exception(source, match, entry.scope, entry.is_enabled, entry.problem, windows)


def _program_exceptions(
    need: Need, merged: MergedFirewall, windows: Windows, profile: str
) -> Iterator[Voice]:
    for source, entry in merged.programs(profile):
        match = match_program_exception(entry, need)
        why = "it names a program in another folder" if match is Match.MAYBE else ""
        yield _exception(
            source, match, entry.scope, entry.is_enabled, entry.problem or why, windows
        )


def _exception(
    source: Sourced, match: Match, scope: Scope, is_enabled: bool, why: str, windows: Windows
) -> Voice:
    if is_enabled:
        return Voice(source, True, match, scope, why)
    if why:
        return Voice(source, False, min(match, Match.MAYBE), why=why)
    if windows.system.has_rules:
        # What a disabled entry does to a rule that lets the same in is not documented.
        return Voice(source, False, min(match, Match.MAYBE), why="it is set to Disabled")
    return Voice(source, False, match)


def _switches(need: Need, merged: MergedFirewall, profile: str) -> Iterator[Voice]:
    """The settings that open ports by themselves."""
    key = rf"{profile}\{REMOTE_DESKTOP}"
    desktop = merged.setting(key, ENABLED)
    if need.kind is Kind.REMOTE_DESKTOP and desktop is not None:
        if desktop.value.data == 1:
            yield _opened(desktop, merged, key)
        else:
            yield Voice(desktop, False, Match.YES)
    key = rf"{profile}\{REMOTE_ADMINISTRATION}"
    administration = merged.setting(key, ENABLED)
    if need.port == RPC_PORT and administration is not None and administration.value.data == 1:
        yield _opened(administration, merged, key)


def _opened(source: Sourced, merged: MergedFirewall, key: str) -> Voice:
    addresses = merged.data(key, REMOTE_ADDRESSES)
    scope = parse_scope(addresses) if isinstance(addresses, str) else Scope()
    if scope.unreadable or scope == Scope():
        return Voice(source, True, Match.MAYBE, why="its addresses cannot be read")
    return Voice(source, True, Match.YES, scope)


def _rules(need: Need, merged: MergedFirewall, windows: Windows) -> Iterator[Voice]:
    for source, rule in merged.rules():
        if not rule.is_active:
            continue
        match = match_rule(rule, need, windows.version)
        if rule.is_malformed:
            why = f"it cannot be read ({shortened('; '.join(rule.problems))})"
            yield Voice(source, False, match, rule.remote, why)
        elif rule.action == "block":
            yield Voice(source, False, match, rule.remote, _conditions(rule, match))
        else:
            if rule.action == "bypass":  # for computers that IPsec has authenticated
                match = min(match, Match.MAYBE)
            yield Voice(source, True, match, rule.remote, _conditions(rule, match))


def _conditions(rule: FirewallRule, match: Match) -> str:
    if match is not Match.MAYBE:
        return ""
    if rule.unknown:
        return f"it has a field that is not known: {shortened(', '.join(rule.unknown))}"
    if rule.conditions:
        return f"it has a condition: {shortened(', '.join(rule.conditions))}"
    if rule.action == "bypass":
        return "it is for connections that IPsec protects"
    return "it is for some ports, programs or versions of Windows only"
