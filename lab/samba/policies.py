"""Writes the lab's Group Policy Objects: their directory objects, links and files in SYSVOL."""

from __future__ import annotations

import os
import uuid
from pathlib import Path

import ldb
from samba.dcerpc import misc, preg, security
from samba.ndr import ndr_pack, ndr_unpack
from samba.samdb import SamDB

from lab import world

TERMINAL_SERVICES = r"Software\policies\Microsoft\Windows NT\Terminal Services"
HELPERS = TERMINAL_SERVICES + r"\RAUnsolicit"
FIREWALL = r"SOFTWARE\Policies\Microsoft\WindowsFirewall"
# Client-side extension of registry settings, and the snap-in that edits them.
REGISTRY_EXTENSION = (
    "[{35378EAC-683F-11D2-A89A-00C04FBBCFA2}{0F6B957D-509E-11D1-A7CC-0000F87571E3}]"
)
APPLY_GROUP_POLICY = "edacfd8f-ffb3-11d1-b41d-00a0c968f939"
AUTHENTICATED_USERS = "S-1-5-11"


def _entry(key: str, value_name: str, kind: int, data: int | str) -> preg.entry:
    entry = preg.entry()
    entry.keyname, entry.valuename, entry.type, entry.data = key, value_name, kind, data
    return entry


def _number(key: str, value_name: str, number: int) -> preg.entry:
    return _entry(key, value_name, misc.REG_DWORD, number)


def _text(key: str, value_name: str, text: str) -> preg.entry:
    return _entry(key, value_name, misc.REG_SZ, text)


def _firewall_entries() -> list[preg.entry]:
    """The exceptions that offers need, in the old lists and as rules of the newer firewall."""
    ports = FIREWALL + r"\DomainProfile\GloballyOpenPorts"
    programs = FIREWALL + r"\DomainProfile\AuthorizedApplications"
    entries = [
        _number(ports, "Enabled", 1),
        _text(ports + r"\List", "135:TCP", "135:TCP:*:Enabled:Offer Remote Assistance"),
        _number(programs, "Enabled", 1),
    ]
    for program in ("msra.exe", "raserver.exe"):
        path = rf"%WINDIR%\System32\{program}"
        entries.append(_text(programs + r"\List", path, f"{path}:*:Enabled:Remote Assistance"))
    rule = "v2.30|Action=Allow|Active=TRUE|Dir=In|Protocol=6|Profile=Domain|{}|"
    rule += "EmbedCtxt=@FirewallAPI.dll,-33002|"
    for name, match in (
        (
            "RemoteAssistance-DCOM-In-TCP-NoScope-Active",
            r"LPort=135|App=%SystemRoot%\system32\svchost.exe|Svc=rpcss",
        ),
        (
            "RemoteAssistance-RAServer-In-TCP-NoScope-Active",
            r"App=%SystemRoot%\system32\raserver.exe",
        ),
        (
            "RemoteAssistance-In-TCP-EdgeScope-Active",
            r"App=%SystemRoot%\system32\msra.exe|Edge=TRUE|Defer=App",
        ),
    ):
        entries.append(_text(FIREWALL + r"\FirewallRules", name, rule.format(match)))
    return entries


def _entries(policy: world.Policy) -> list[preg.entry]:
    entries = []
    if policy.offers is not None:
        entries.append(_number(TERMINAL_SERVICES, "fAllowUnsolicited", int(policy.offers)))
    if policy.control is not None:
        entries.append(
            _number(TERMINAL_SERVICES, "fAllowUnsolicitedFullControl", int(policy.control))
        )
    elif policy.offers is False:
        entries.append(_text(TERMINAL_SERVICES, "**del.fAllowUnsolicitedFullControl", " "))
    if policy.offers is not None:
        entries.append(_text(HELPERS, "**delvals.", " "))
    entries += [_text(HELPERS, helper, helper) for helper in policy.helpers]
    return entries + (_firewall_entries() if policy.firewall else [])


def write_files(policy: world.Policy, folder: Path, version: int) -> None:
    """Writes Registry.pol and GPT.INI, over those that are there."""
    (folder / "Machine").mkdir(parents=True, exist_ok=True)
    (folder / "User").mkdir(exist_ok=True)
    file = preg.file()
    file.header.signature, file.header.version = "PReg", 1
    entries = _entries(policy)
    file.num_entries = len(entries)  # before the entries: their getter goes by it
    file.entries = entries
    (folder / "Machine" / "Registry.pol").write_bytes(ndr_pack(file))
    (folder / "GPT.INI").write_text(f"[General]\r\nVersion={version}\r\n", newline="")
    # Readable for every account that SMB lets in; Samba maps these modes to an access list.
    for path in (folder, *folder.rglob("*")):
        os.chmod(path, 0o755 if path.is_dir() else 0o644)


def filter_by_group(samdb: SamDB, dn: ldb.Dn, domain_sid: security.dom_sid, group: str) -> None:
    """Takes Apply Group Policy from Authenticated Users and gives it to the group alone."""
    found = samdb.search(dn, scope=ldb.SCOPE_BASE, attrs=["nTSecurityDescriptor"])
    descriptor = ndr_unpack(security.descriptor, found[0]["nTSecurityDescriptor"][0])
    everybody = security.dom_sid(AUTHENTICATED_USERS)
    # Samba's dacl_del steps over the entry after one that it takes out.
    while any(ace.trustee == everybody for ace in descriptor.dacl.aces):
        descriptor.dacl_del(everybody)
    group_sid = _sid_of(samdb, group)
    # Into the DACL: what is appended at the end lands in the SACL after it.
    dacl, sacl_mark, sacl = descriptor.as_sddl(domain_sid).partition("S:")
    dacl += f"(A;CI;RPLCRC;;;AU)(A;CI;RPLCRC;;;{group_sid})"
    dacl += f"(OA;CI;CR;{APPLY_GROUP_POLICY};;{group_sid})"
    _write_descriptor(samdb, dn, domain_sid, dacl + sacl_mark + sacl)


def deny_group(samdb: SamDB, dn: ldb.Dn, domain_sid: security.dom_sid, group: str) -> None:
    """Denies the group Apply Group Policy, before everything that is allowed."""
    found = samdb.search(dn, scope=ldb.SCOPE_BASE, attrs=["nTSecurityDescriptor"])
    descriptor = ndr_unpack(security.descriptor, found[0]["nTSecurityDescriptor"][0])
    head, opening, entries = descriptor.as_sddl(domain_sid).partition("(")
    denied = f"(OD;CI;CR;{APPLY_GROUP_POLICY};;{_sid_of(samdb, group)})"
    _write_descriptor(samdb, dn, domain_sid, head + denied + opening + entries)


def _sid_of(samdb: SamDB, name: str) -> security.dom_sid:
    found = samdb.search(
        samdb.domain_dn(), expression=f"(sAMAccountName={name})", attrs=["objectSid"]
    )
    return ndr_unpack(security.dom_sid, found[0]["objectSid"][0])


def _write_descriptor(samdb: SamDB, dn: ldb.Dn, domain_sid: security.dom_sid, sddl: str) -> None:
    change = ldb.Message(dn)
    change["nTSecurityDescriptor"] = ldb.MessageElement(
        ndr_pack(security.descriptor.from_sddl(sddl, domain_sid)),
        ldb.FLAG_MOD_REPLACE,
        "nTSecurityDescriptor",
    )
    samdb.modify(change)


def add_wmi_filter(samdb: SamDB, name: str) -> str:
    """A WMI filter object; returns what gPCWQLFilter says of it."""
    key = f"{{{str(uuid.uuid4()).upper()}}}"
    head, dns_name = samdb.domain_dn(), samdb.domain_dns_name()
    parent = f"CN=SOM,CN=WMIPolicy,CN=System,{head}"
    if not samdb.search(head, expression="(cn=SOM)", attrs=["cn"]):
        for dn in (f"CN=WMIPolicy,CN=System,{head}", parent):
            if not samdb.search(head, expression=f"(distinguishedName={dn})", attrs=["cn"]):
                samdb.add({"dn": dn, "objectClass": "container"})
    samdb.add(
        {
            "dn": f"CN={key},{parent}",
            "objectClass": "msWMI-Som",
            "msWMI-ID": key,
            "msWMI-Name": name,
            "msWMI-Author": f"administrator@{dns_name}",
            "msWMI-ChangeDate": "20240101000000.000000-000",
            "msWMI-CreationDate": "20240101000000.000000-000",
            "msWMI-Parm1": "Computers with a battery",
            "msWMI-Parm2": r"1;3;10;28;WQL;root\CIMv2;SELECT * FROM Win32_Battery;",
        }
    )
    return f"[{dns_name};{key};0]"


def _link(samdb: SamDB, domain: world.Domain, policy_dn: str, link: world.PolicyLink) -> None:
    target = domain.unit_dn(link.unit) if link.unit else domain.base_dn
    if link.site:
        target = domain.site_dn(link.site)
    options = (1 if link.disabled else 0) | (2 if link.enforced else 0)
    found = samdb.search(target, scope=ldb.SCOPE_BASE, attrs=["gPLink"])[0]
    present = str(found["gPLink"]) if "gPLink" in found else ""
    change = ldb.Message(ldb.Dn(samdb, target))
    change["gPLink"] = ldb.MessageElement(
        f"{present}[LDAP://{policy_dn};{options}]", ldb.FLAG_MOD_REPLACE, "gPLink"
    )
    samdb.modify(change)


def add_policy(
    samdb: SamDB, sysvol: Path, domain_sid: security.dom_sid, policy: world.Policy
) -> str:
    """Adds a policy with its files and its security filter, linked nowhere.

    Returns:
        Its distinguished name. The GUID in it comes from the policy's name.
    """
    version, dns_name = 1 + policy.versions_behind, samdb.domain_dns_name()
    key = f"{{{str(uuid.uuid5(uuid.NAMESPACE_DNS, policy.name)).upper()}}}"
    dn = f"CN={key},CN=Policies,CN=System,{samdb.domain_dn()}"
    record = {
        "dn": dn,
        "objectClass": "groupPolicyContainer",
        "displayName": policy.name,
        "gPCFileSysPath": rf"\\{dns_name}\sysvol\{dns_name}\Policies\{key}",
        "versionNumber": str(version),
        "gPCFunctionalityVersion": "2",
        "flags": "2" if policy.computer_half_disabled else "0",
        "gPCMachineExtensionNames": REGISTRY_EXTENSION,
    }
    if policy.wmi_filter:
        record["gPCWQLFilter"] = add_wmi_filter(samdb, policy.wmi_filter)
    samdb.add(record)
    for half in ("User", "Machine"):
        samdb.add({"dn": f"CN={half},{dn}", "objectClass": "container"})
    if policy.applies_to_group:
        filter_by_group(samdb, ldb.Dn(samdb, dn), domain_sid, policy.applies_to_group)
    if policy.denied_to_group:
        deny_group(samdb, ldb.Dn(samdb, dn), domain_sid, policy.denied_to_group)
    folder = sysvol / dns_name / "Policies" / key
    write_files(policy, folder, version - policy.versions_behind)
    return dn


def add_policies(
    samdb: SamDB, domain: world.Domain, sysvol: Path, domain_sid: security.dom_sid
) -> None:
    """Adds every policy of the domain.

    Args:
        samdb: The directory, within a transaction; units, groups and sites are there.
        domain: What the world says of it.
        sysvol: The folder that the share *sysvol* shows.
        domain_sid: The domain's SID.
    """
    for policy in domain.policies:
        dn = add_policy(samdb, sysvol, domain_sid, policy)
        for link in policy.links:
            _link(samdb, domain, dn, link)
