"""Whether an exception or a rule is about something that must be let in."""

from __future__ import annotations

import re

from directory.grouppolicy.firewall.legacy import PortException, ProgramException
from directory.grouppolicy.firewall.needs import SVCHOST, Kind, Need
from directory.grouppolicy.firewall.rules import (
    RPC_DYNAMIC,
    RPC_ENDPOINT_MAPPER,
    TCP,
    FirewallRule,
    Platform,
    Ports,
)
from directory.grouppolicy.firewall.scope import Match

# Where programs and RPC servers listen that ask for no port of their own, since Windows Vista
# (MicrosoftDocs, "The default dynamic port range for TCP/IP has changed").
DYNAMIC_PORTS = (49152, 65535)
WINDOWS_FOLDER = re.compile(r"^(%windir%|%systemroot%|\\?systemroot|[a-z]:\\(windows|winnt))\\")


def match_port_exception(entry: PortException, need: Need) -> Match:
    """Whether an entry of GloballyOpenPorts is about a need; one that cannot be read may be."""
    if need.kind is Kind.PROGRAM:
        return Match.NO
    if not entry.port or not entry.protocol:
        return Match.MAYBE
    return Match.YES if (entry.port, entry.protocol) == (need.port, "tcp") else Match.NO


def match_program_exception(entry: ProgramException, need: Need) -> Match:
    """Whether an entry of AuthorizedApplications is about a need."""
    if need.kind is not Kind.PROGRAM:
        return Match.NO
    if not entry.path.strip():
        return Match.MAYBE
    found = match_program(entry.path, need)
    # The host of services is shared: whether the entry reaches this one is not documented.
    return min(found, Match.MAYBE) if need.program == SVCHOST else found


def match_program(path: str, need: Need) -> Match:
    """Whether a path means a program of Windows; MAYBE: of that name in another folder."""
    folded = path.strip('"').replace("/", "\\").lower()
    wanted = need.program.rpartition("\\")[2]
    if folded.rpartition("\\")[2] != wanted:
        return Match.NO
    folder = WINDOWS_FOLDER.match(folded)
    if folder is not None and folded[folder.end() :] == need.program:
        return Match.YES
    return Match.MAYBE


def match_rule(rule: FirewallRule, need: Need, version: tuple[int, int] | None) -> Match:
    """Whether a rule is about a need on the domain profile, whoever connects.

    Args:
        rule: Active or not: that is for the caller to ask.
        need: What must be let in.
        version: The computer's Windows, if known.
    """
    if rule.direction == "out":
        return Match.NO
    return min(
        _match_profile(rule),
        Match.YES if rule.protocol in (None, TCP) else Match.NO,
        _match_ports(rule.ports, need),
        match_program(rule.program, need) if rule.program else Match.YES,
        _match_service(rule.service, need),
        _match_platforms(rule.platforms, version),
        Match.MAYBE
        if rule.conditions or rule.unknown or rule.has_remote_ports or rule.problems
        else Match.YES,
    )


def _match_profile(rule: FirewallRule) -> Match:
    return Match.YES if not rule.profiles or "domain" in rule.profiles else Match.NO


def _match_service(service: str, need: Need) -> Match:
    if not service:
        return Match.YES
    is_meant = bool(need.service) and service.lower() in ("*", need.service)
    return Match.YES if is_meant else Match.NO


def _match_platforms(platforms: tuple[Platform, ...], version: tuple[int, int] | None) -> Match:
    if not platforms:
        return Match.YES
    if version is None:
        return Match.MAYBE
    return Match.YES if any(item.matches(version) for item in platforms) else Match.NO


def _match_ports(ports: Ports | None, need: Need) -> Match:
    if ports is None:
        return Match.YES
    if need.port is not None:
        is_named = need.service == "rpcss" and RPC_ENDPOINT_MAPPER in ports.keywords
        is_held = any(first <= need.port <= last for first, last in ports.ranges)
        return Match.YES if is_named or is_held else Match.NO
    # A port from the dynamic range; RPC servers are also meant by the keyword.
    if RPC_DYNAMIC in ports.keywords:
        return Match.YES if need.is_rpc else Match.NO
    return _match_dynamic_ports(ports)


def _match_dynamic_ports(ports: Ports) -> Match:
    first, last = DYNAMIC_PORTS
    overlaps = False
    for low, high in sorted(ports.ranges):
        overlaps = overlaps or (low <= last and high >= DYNAMIC_PORTS[0])
        if low <= first <= high:
            first = high + 1
    if first > last:
        return Match.YES
    return Match.MAYBE if overlaps else Match.NO
