"""The registry values that a choice comes to, in the order in which Windows carries them out.

Values of Remote Assistance: RemoteAssistance.admx, MicrosoftDocs policy-csp-remoteassistance.md.
The lists of Windows XP's firewall: TechNet bb490619. Rules of later ones: [MS-GPFAS] 2.2.2.19, by
the names and in the words of those that Windows brings along and keeps switched off.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from directory.grouppolicy.kit.choice import Generation, KitChoice, Profile
from directory.grouppolicy.registry_pol import REG_DWORD, REG_SZ, RegistryPolicyEntry

REMOTE_ASSISTANCE = r"Software\Policies\Microsoft\Windows NT\Terminal Services"
HELPERS = REMOTE_ASSISTANCE + r"\RAUnsolicit"
FIREWALL = r"SOFTWARE\Policies\Microsoft\WindowsFirewall"
RULES = FIREWALL + r"\FirewallRules"
# The version of Windows 7: what the rules say came with it, and later Windows reads it too.
RULE_VERSION = "v2.10"

PORT_135 = ("135:TCP", "135:TCP:*:Enabled:Offer Remote Assistance")
HELP_CENTRE = r"%WINDIR%\PCHealth\HelpCtr\Binaries"
HELPSVC = (rf"{HELP_CENTRE}\Helpsvc.exe", "Offer Remote Assistance")
# The title has a dash in it, as Microsoft wrote it.
HELPCTR = (
    rf"{HELP_CENTRE}\Helpctr.exe",
    "Remote Assistance \N{EN DASH} Windows Messenger and Voice",
)
SESSMGR = (r"%WINDIR%\SYSTEM32\Sessmgr.exe", "Remote Assistance")
PROGRAMS = {
    Generation.XP: (HELPSVC, HELPCTR, SESSMGR),
    Generation.SERVER_2003: (HELPSVC, HELPCTR),
}

Rules = tuple[tuple[str, str], ...]
REMOTE_ASSISTANCE_GROUP = "@FirewallAPI.dll,-33002"
EVENT_LOG_GROUP = "@FirewallAPI.dll,-29252"
SERVICE_HOST = r"App=%SystemRoot%\system32\svchost.exe"
OFFER_RULES: Rules = (
    (
        "RemoteAssistance-DCOM-In-TCP-NoScope-Active",
        rf"LPort=135|{SERVICE_HOST}|Svc=rpcss|Name=@FirewallAPI.dll,-33035|",
    ),
    (
        "RemoteAssistance-RAServer-In-TCP-NoScope-Active",
        r"App=%SystemRoot%\system32\raserver.exe|Name=@FirewallAPI.dll,-33011|",
    ),
    (
        "RemoteAssistance-In-TCP-EdgeScope-Active",
        r"App=%SystemRoot%\system32\msra.exe|Name=@FirewallAPI.dll,-33003|",
    ),
)
EVENT_LOG_RULES: Rules = (
    (
        "RemoteEventLogSvc-In-TCP-NoScope",
        rf"LPort=RPC|{SERVICE_HOST}|Svc=Eventlog|Name=@FirewallAPI.dll,-29253|",
    ),
    (
        "RemoteEventLogSvc-RPCSS-In-TCP-NoScope",
        rf"LPort=RPC-EPMap|{SERVICE_HOST}|Svc=RPCSS|Name=@FirewallAPI.dll,-29265|",
    ),
)


def kit_values(choice: KitChoice) -> tuple[RegistryPolicyEntry, ...]:
    """The entries of the policy's Registry.pol, in order."""
    return (*_remote_assistance(choice), *_firewall_lists(choice), *_firewall_rules(choice))


def _remote_assistance(choice: KitChoice) -> Iterator[RegistryPolicyEntry]:
    yield _number(REMOTE_ASSISTANCE, "fAllowUnsolicited", 1)
    yield _number(REMOTE_ASSISTANCE, "fAllowUnsolicitedFullControl", int(choice.control))
    yield _text(HELPERS, "**delvals.", " ")  # lists of earlier policies end here
    for helper in choice.helpers:
        yield _text(HELPERS, helper, helper)
    if choice.session_logging is not None:
        yield _number(REMOTE_ASSISTANCE, "LoggingEnabled", int(choice.session_logging))
    if choice.has_messages:
        yield _number(REMOTE_ASSISTANCE, "UseCustomMessages", 1)
    if choice.control_message:
        yield _text(REMOTE_ASSISTANCE, "ShareControlMessage", choice.control_message)
    if choice.view_message:
        yield _text(REMOTE_ASSISTANCE, "ViewMessage", choice.view_message)


def _firewall_lists(choice: KitChoice) -> Iterator[RegistryPolicyEntry]:
    programs = dict(
        program
        for generation in PROGRAMS
        if generation in choice.generations
        for program in PROGRAMS[generation]
    )
    if not programs:
        return
    for profile in sorted(choice.profiles):
        key = rf"{FIREWALL}\{'DomainProfile' if profile is Profile.DOMAIN else 'StandardProfile'}"
        yield _number(rf"{key}\GloballyOpenPorts", "Enabled", 1)
        yield _text(rf"{key}\GloballyOpenPorts\List", *PORT_135)
        yield _number(rf"{key}\AuthorizedApplications", "Enabled", 1)
        for path, title in programs.items():
            data = f"{path}:*:Enabled:{title}"
            yield _text(rf"{key}\AuthorizedApplications\List", path, data)
        if Generation.SERVER_2003 in choice.generations:
            yield _number(rf"{key}\Services\RemoteDesktop", "Enabled", 1)
            yield _text(rf"{key}\Services\RemoteDesktop", "RemoteAddresses", "*")


def _firewall_rules(choice: KitChoice) -> Iterator[RegistryPolicyEntry]:
    if Generation.VISTA not in choice.generations:
        return
    # What was the standard profile is the private one since Vista ([MS-FASP] 2.2.2); a public
    # network gets no exception.
    profiles = "".join(
        "Profile=Domain|" if profile is Profile.DOMAIN else "Profile=Private|"
        for profile in sorted(choice.profiles)
    )
    groups: list[tuple[Rules, str]] = [(OFFER_RULES, REMOTE_ASSISTANCE_GROUP)]
    if choice.event_log:
        groups.append((EVENT_LOG_RULES, EVENT_LOG_GROUP))
    for rules, group in groups:
        for name, match in rules:
            data = f"{RULE_VERSION}|Action=Allow|Active=TRUE|Dir=In|Protocol=6|{profiles}{match}"
            yield _text(RULES, name, f"{data}EmbedCtxt={group}|")


def _number(key: str, name: str, number: int) -> RegistryPolicyEntry:
    return RegistryPolicyEntry(key, name, REG_DWORD, struct.pack("<I", number))


def _text(key: str, name: str, text: str) -> RegistryPolicyEntry:
    return RegistryPolicyEntry(key, name, REG_SZ, f"{text}\0".encode("utf-16-le"))
