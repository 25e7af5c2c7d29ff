"""The firewall exceptions that Offer Remote Assistance needs, as a policy makes them.

Needed for the domain profile: TCP 135, msra.exe and raserver.exe (MicrosoftDocs
policy-csp-remoteassistance.md). Two forms: the lists of Windows XP's firewall (TechNet bb490619)
and the rules of Windows Vista's ([MS-GPFAS] 2.2.2.19).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from directory.grouppolicy.registry_pol import RegistryPolicyEntry

ROOT = r"software\policies\microsoft\windowsfirewall"
RULES_KEY = ROOT + r"\firewallrules"
PORTS_KEY = ROOT + r"\domainprofile\globallyopenports\list"
PROGRAMS_KEY = ROOT + r"\domainprofile\authorizedapplications\list"
TCP = "6"
PROGRAMS = ("msra", "raserver")


@dataclass(frozen=True)
class FirewallExceptions:
    """Which exceptions one policy makes on the domain profile, and what it blocks.

    Attributes:
        dcom: TCP 135.
        msra: msra.exe.
        raserver: raserver.exe.
        blocks: Rules that block one of them, which win over any exception.
        is_stated: The policy says anything about these at all.
    """

    dcom: bool = False
    msra: bool = False
    raserver: bool = False
    blocks: tuple[str, ...] = ()

    @property
    def is_complete(self) -> bool:
        return self.dcom and self.msra and self.raserver and not self.blocks

    @property
    def is_stated(self) -> bool:
        return self.dcom or self.msra or self.raserver or bool(self.blocks)


def read_firewall(entries: Iterable[RegistryPolicyEntry]) -> FirewallExceptions:
    """The exceptions and blocks for Offer Remote Assistance among one policy's entries."""
    allowed: set[str] = set()
    blocks: list[str] = []
    for entry in entries:
        key = entry.key.strip("\\").lower()
        text = entry.text
        if text is None or entry.name.startswith("**"):
            continue
        if key == PORTS_KEY:
            matched = _legacy_port(text)
            is_allow = matched[1]
        elif key == PROGRAMS_KEY:
            matched = _legacy_program(text)
            is_allow = matched[1]
        elif key == RULES_KEY:
            matched = _rule(text)
            is_allow = matched[1]
        else:
            continue
        if matched[0] and is_allow:
            allowed |= matched[0]
        elif matched[0]:
            blocks.append(entry.name)
    return FirewallExceptions(
        dcom="dcom" in allowed,
        msra="msra" in allowed,
        raserver="raserver" in allowed,
        blocks=tuple(blocks),
    )


def _legacy_port(text: str) -> tuple[set[str], bool]:
    # port:protocol:scope:status:name
    fields = text.split(":", 4)
    if len(fields) < 4 or fields[0].strip() != "135" or fields[1].strip().upper() != "TCP":
        return set(), False
    return {"dcom"}, fields[3].strip().lower() == "enabled"


def _legacy_program(text: str) -> tuple[set[str], bool]:
    # path:scope:status:name, where the path may hold a drive's colon and the name colons too
    drive, rest = (text[:2], text[2:]) if text[1:2] == ":" else ("", text)
    fields = rest.split(":", 3)
    program = _program_of(drive + fields[0])
    if len(fields) < 3 or not program:
        return set(), False
    return {program}, fields[2].strip().lower() == "enabled"


def _rule(text: str) -> tuple[set[str], bool]:
    values = _rule_values(text)
    if (
        values.get("ACTIVE", ["TRUE"])[0].upper() != "TRUE"
        or values.get("DIR", [""])[0].upper() != "IN"
        or not _is_for_domain_profile(values)
        or values.get("PROTOCOL", [TCP])[0] != TCP
    ):
        return set(), False
    action = values.get("ACTION", [""])[0].upper()
    if action not in ("ALLOW", "BLOCK"):
        return set(), False
    return _rule_targets(values), action == "ALLOW"


def _rule_targets(values: Mapping[str, list[str]]) -> set[str]:
    program = _program_of(values["APP"][0]) if "APP" in values else ""
    if program:
        return {program}
    ports = {port.upper() for port in values.get("LPORT", [])}
    if ports & {"135", "RPC-EPMAP"}:
        return {"dcom"}
    return set()


def _rule_values(text: str) -> dict[str, list[str]]:
    values: dict[str, list[str]] = {}
    for part in text.split("|")[1:]:
        name, separator, value = part.partition("=")
        if separator:
            values.setdefault(name.strip().upper(), []).append(value.strip())
    return values


def _is_for_domain_profile(values: Mapping[str, list[str]]) -> bool:
    profiles = values.get("PROFILE")
    return profiles is None or any(profile.upper() == "DOMAIN" for profile in profiles)


def _program_of(path: str) -> str:
    name = path.replace("/", "\\").rpartition("\\")[2].lower().removesuffix(".exe")
    return name if name in PROGRAMS else ""
