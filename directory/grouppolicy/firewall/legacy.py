"""The lists of Windows XP's firewall, which later Windows obeys as well.

``port:protocol:scope:status:name`` and ``path:scope:status:name`` (TechNet bb490619; Group Policy,
*Windows Firewall: Define port exceptions* and *Define program exceptions*). An entry that is set
to Disabled takes back every other entry for the same port or program, and so does one that cannot
be read: Windows treats it as disabled.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from directory.grouppolicy.firewall.scope import ANYWHERE, Scope, parse_scope

PORT = re.compile(r"[0-9]{1,5}")
PROTOCOLS = frozenset({"tcp", "udp"})
DRIVE = re.compile(r"^[A-Za-z]:(?=[\\/])")


@dataclass(frozen=True)
class PortException:
    """One entry of GloballyOpenPorts.

    Attributes:
        port: 0 where it cannot be read.
        protocol: ``tcp`` or ``udp``; empty where it cannot be read.
        scope: For whom.
        is_enabled: False also where the entry cannot be read.
        problem: Why it cannot be read, if so.
    """

    port: int
    protocol: str
    scope: Scope
    is_enabled: bool
    problem: str = ""


@dataclass(frozen=True)
class ProgramException:
    """One entry of AuthorizedApplications; as :class:`PortException`."""

    path: str
    scope: Scope
    is_enabled: bool
    problem: str = ""


def parse_port_exception(text: str) -> PortException:
    """Reads ``135:TCP:*:Enabled:Offer Remote Assistance``; never raises."""
    number, protocol, rest = _split(text, 2)
    port = int(number) if PORT.fullmatch(number) and int(number) <= 65535 else 0
    protocol = protocol.lower() if protocol.lower() in PROTOCOLS else ""
    scope, is_enabled, problem = _scope_and_status(rest)
    if not port or not protocol:
        problem = "its port or protocol cannot be read"
    return PortException(port, protocol, scope, is_enabled and not problem, problem)


def parse_program_exception(text: str) -> ProgramException:
    r"""Reads ``%WINDIR%\System32\msra.exe:*:Enabled:Remote Assistance``; never raises."""
    drive = DRIVE.match(text)
    start = drive.end() if drive else 0
    path, rest = _split(text[start:], 1)
    path = text[:start] + path
    scope, is_enabled, problem = _scope_and_status(rest)
    if not path.strip():
        problem = "it names no program"
    return ProgramException(path, scope, is_enabled and not problem, problem)


def _split(text: str, count: int) -> list[str]:
    fields = text.split(":", count)
    return fields + [""] * (count + 1 - len(fields))


def _scope_and_status(text: str) -> tuple[Scope, bool, str]:
    """The scope, which may hold the colons of IPv6, then the status, then a name."""
    fields = text.split(":")
    for position, field in enumerate(fields):
        if position and field.lower() in ("enabled", "disabled"):
            scope = parse_scope(":".join(fields[:position]))
            if scope.unreadable:
                unread = ", ".join(repr(part) for part in scope.unreadable)
                return scope, False, f"its scope {unread} cannot be read"
            return scope, field.lower() == "enabled", ""
    return ANYWHERE, False, "its status is neither Enabled nor Disabled"
