"""Entries of a Registry.pol about the firewall, and the documented sets of them."""

from __future__ import annotations

import struct

from directory.grouppolicy.firewall import (
    FirewallPolicy,
    MergedFirewall,
    PolicySource,
    System,
    Windows,
    merge_firewalls,
    read_firewall,
)
from directory.grouppolicy.registry_pol import REG_DWORD, REG_SZ, RegistryPolicyEntry

ROOT = r"SOFTWARE\Policies\Microsoft\WindowsFirewall"
WINNIPEG = PolicySource("winnipeg", "WinnipegGPO")
DOMAIN_GPO = PolicySource("domain", "DomainGPO")

XP = Windows(System.XP, (5, 1))
SERVER_2003 = Windows(System.SERVER_2003, (5, 2))
WINDOWS_10 = Windows(System.VISTA, (10, 0))

# TechNet bb490619, as the article writes them.
PORT_135 = "135:TCP:*:Enabled:Offer Remote Assistance"
HELPSVC = r"%WINDIR%\PCHealth\HelpCtr\Binaries\Helpsvc.exe:*:Enabled:Offer Remote Assistance"
HELPCTR = (
    r"%WINDIR%\PCHealth\HelpCtr\Binaries\Helpctr.exe:*:Enabled:"
    "Remote Assistance – Windows Messenger and Voice"  # noqa: RUF001
)
SESSMGR = r"%WINDIR%\SYSTEM32\Sessmgr.exe:*:Enabled:Remote Assistance"
# MicrosoftDocs policy-csp-remoteassistance.md.
MSRA = r"%WINDIR%\System32\msra.exe:*:Enabled:Remote Assistance"
RASERVER = r"%WINDIR%\System32\raserver.exe:*:Enabled:Remote Assistance"

# Windows' own rules of the group Remote Assistance, made active.
GROUP = "EmbedCtxt=@FirewallAPI.dll,-33002|"
DCOM_RULE = (
    "v2.30|Action=Allow|Active=TRUE|Dir=In|Protocol=6|Profile=Domain|LPort=135|"
    r"App=%SystemRoot%\system32\svchost.exe|Svc=rpcss|Name=@FirewallAPI.dll,-33035|" + GROUP
)
RASERVER_RULE = (
    "v2.30|Action=Allow|Active=TRUE|Dir=In|Protocol=6|Profile=Domain|"
    r"App=%SystemRoot%\system32\raserver.exe|Name=@FirewallAPI.dll,-33011|" + GROUP
)
MSRA_RULE = (
    "v2.30|Action=Allow|Active=TRUE|Dir=In|Protocol=6|Profile=Domain|Profile=Private|"
    r"App=%SystemRoot%\system32\msra.exe|Name=@FirewallAPI.dll,-33003|" + GROUP + "Edge=TRUE|"
    "Defer=App|"
)
OFFER_RULES = {
    "RemoteAssistance-DCOM-In-TCP-NoScope-Active": DCOM_RULE,
    "RemoteAssistance-RAServer-In-TCP-NoScope-Active": RASERVER_RULE,
    "RemoteAssistance-In-TCP-EdgeScope-Active": MSRA_RULE,
}
# And of the group Remote Event Log Management.
EVENT_LOG_RULES = {
    "RemoteEventLogSvc-In-TCP-NoScope": (
        "v2.30|Action=Allow|Active=TRUE|Dir=In|Protocol=6|Profile=Domain|LPort=RPC|"
        r"App=%SystemRoot%\system32\svchost.exe|Svc=Eventlog|Name=@FirewallAPI.dll,-29253|"
        "EmbedCtxt=@FirewallAPI.dll,-29252|"
    ),
    "RemoteEventLogSvc-RPCSS-In-TCP-NoScope": (
        "v2.30|Action=Allow|Active=TRUE|Dir=In|Protocol=6|Profile=Domain|LPort=RPC-EPMap|"
        r"App=%SystemRoot%\system32\svchost.exe|Svc=RPCSS|Name=@FirewallAPI.dll,-29265|"
        "EmbedCtxt=@FirewallAPI.dll,-29252|"
    ),
}


def text(key: str, name: str, data: str) -> RegistryPolicyEntry:
    raw = (data + "\x00").encode("utf-16-le")
    return RegistryPolicyEntry(f"{ROOT}\\{key}".rstrip("\\"), name, REG_SZ, raw)


def number(key: str, name: str, data: int) -> RegistryPolicyEntry:
    return RegistryPolicyEntry(f"{ROOT}\\{key}", name, REG_DWORD, struct.pack("<I", data))


def rule(data: str, name: str = "rule") -> RegistryPolicyEntry:
    return text("FirewallRules", name, data)


def rules(named: dict[str, str]) -> list[RegistryPolicyEntry]:
    return [rule(data, name) for name, data in named.items()]


def port(data: str, profile: str = "DomainProfile") -> RegistryPolicyEntry:
    name = ":".join(data.split(":")[:2])
    return text(rf"{profile}\GloballyOpenPorts\List", name, data)


def program(data: str, profile: str = "DomainProfile") -> RegistryPolicyEntry:
    return text(rf"{profile}\AuthorizedApplications\List", data.rsplit(":", 3)[0], data)


def lists_of_xp(profile: str = "DomainProfile") -> list[RegistryPolicyEntry]:
    """The article's exceptions, as its editor writes them."""
    return [
        number(rf"{profile}\GloballyOpenPorts", "Enabled", 1),
        port(PORT_135, profile),
        number(rf"{profile}\AuthorizedApplications", "Enabled", 1),
        *(program(data, profile) for data in (HELPSVC, HELPCTR, SESSMGR)),
    ]


def lists_of_vista() -> list[RegistryPolicyEntry]:
    return [port(PORT_135), program(MSRA), program(RASERVER)]


def merged(*entries: RegistryPolicyEntry) -> MergedFirewall:
    """One policy in force."""
    return merge_firewalls([(WINNIPEG, read_firewall(entries))])


def stored(policy: FirewallPolicy) -> FirewallPolicy:
    """A policy after it has been in the database."""
    return FirewallPolicy.from_json(policy.to_json())
