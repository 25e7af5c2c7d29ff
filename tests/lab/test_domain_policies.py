"""The lab's Group Policy is real: objects, links, rights and files, read as a plain account."""

from __future__ import annotations

import re
import struct
from pathlib import Path

import pytest
from impacket.ldap.ldaptypes import (
    ACCESS_ALLOWED_OBJECT_ACE,
    ACCESS_DENIED_OBJECT_ACE,
    SR_SECURITY_DESCRIPTOR,
)

from lab import world
from tests.conftest import Lab
from tests.lab.commands import SECURITY_DESCRIPTOR_CONTROL, Domain, Entry

pytestmark = pytest.mark.lab

POLICIES_DN = f"CN=Policies,CN=System,{world.BASE_DN}"
TERMINAL_SERVICES = r"Software\policies\Microsoft\Windows NT\Terminal Services"
HELPERS = TERMINAL_SERVICES + r"\RAUnsolicit"
FIREWALL = r"SOFTWARE\Policies\Microsoft\WindowsFirewall"
APPLY_GROUP_POLICY = "edacfd8f-ffb3-11d1-b41d-00a0c968f939"
AUTHENTICATED_USERS = "S-1-5-11"
REG_SZ, REG_DWORD = 1, 4
BY_NTLM = ("-U", f"R2\\{world.DIRECTORY_ACCOUNT}%{world.DIRECTORY_ACCOUNT_PASSWORD}")


@pytest.fixture
def domain(lab_domain: Lab, tmp_path: Path) -> Domain:
    return Domain(lab_domain.directory, tmp_path)


def _object(domain: Domain, name: str) -> Entry:
    return domain.one(f"(&(objectClass=groupPolicyContainer)(displayName={name}))")


def _folder(policy: Entry) -> str:
    """The policy's folder below the share, from gPCFileSysPath ``\\\\domain\\sysvol\\...``."""
    return policy.text("gPCFileSysPath").split("\\", 4)[4].replace("\\", "/")


def _registry(domain: Domain, name: str) -> bytes:
    return domain.read_sysvol(f"{_folder(_object(domain, name))}/Machine/Registry.pol", *BY_NTLM)


def _instruction(key: str, value_name: str, data: int | str) -> bytes:
    """One ``[key;value;type;size;data]`` of a Registry.pol (MS-GPREG 2.2.1)."""
    if isinstance(data, int):
        kind, raw = REG_DWORD, struct.pack("<I", data)
    else:
        kind, raw = REG_SZ, f"{data}\0".encode("utf-16-le")

    def text(characters: str) -> bytes:
        return characters.encode("utf-16-le")

    parts = [text(f"{key}\0"), text(f"{value_name}\0")]
    parts += [struct.pack("<I", kind), struct.pack("<I", len(raw)), raw]
    return text("[") + text(";").join(parts) + text("]")


def _appliers(policy: Entry) -> set[str]:
    """The SIDs that hold the right Apply Group Policy."""
    descriptor = SR_SECURITY_DESCRIPTOR(policy.values["ntsecuritydescriptor"][0])
    found = set()
    for ace in descriptor["Dacl"].aces:
        if ace["AceType"] != ACCESS_ALLOWED_OBJECT_ACE.ACE_TYPE:
            continue
        first, second, third, *rest = struct.unpack("<IHH2s6s", ace["Ace"]["ObjectType"])
        tail = b"".join(rest).hex()
        if f"{first:08x}-{second:04x}-{third:04x}-{tail[:4]}-{tail[4:]}" == APPLY_GROUP_POLICY:
            found.add(ace["Ace"]["Sid"].formatCanonical())
    return found


def test_policies_are_linked_where_the_world_says(domain: Domain) -> None:
    units = [world.R2.unit_dn(unit.name) for unit in world.UNITS]
    sites = [world.R2.site_dn(site.name) for site in world.R2.sites]
    expected: dict[str, set[str]] = {dn: set() for dn in (*units, *sites)}
    for policy in world.POLICIES:
        dn = _object(domain, policy.name).distinguished_name
        for link in policy.links:
            options = (1 if link.disabled else 0) + (2 if link.enforced else 0)
            target = world.R2.site_dn(link.site) if link.site else world.R2.unit_dn(link.unit)
            expected[target].add(f"[LDAP://{dn};{options}]")
    for target, links in expected.items():
        found = domain.one(f"(distinguishedName={target})", "gPLink", base=target)
        assert set(re.findall(r"\[[^\]]+\]", "".join(found.texts("gPLink")))) == links


def test_a_unit_that_blocks_inheritance_says_so(domain: Domain) -> None:
    for unit in world.UNITS:
        found = domain.one(f"(&(objectClass=organizationalUnit)(ou={unit.name}))", "gPOptions")
        assert found.texts("gPOptions") == (["1"] if unit.blocks_inheritance else [])


def test_a_policys_files_are_of_its_objects_version_or_as_far_behind_as_described(
    domain: Domain,
) -> None:
    for policy in world.POLICIES:
        found = _object(domain, policy.name)
        version = int(found.text("versionNumber")) - policy.versions_behind
        ini = domain.read_sysvol(f"{_folder(found)}/GPT.INI", *BY_NTLM)
        assert f"Version={version}" in ini.decode().splitlines()
        # The registry extension, without which Windows would not read Registry.pol.
        assert "{35378EAC-683F-11D2-A89A-00C04FBBCFA2}" in found.text("gPCMachineExtensionNames")


def test_sysvol_opens_to_the_reading_account_by_kerberos_and_by_password(domain: Domain) -> None:
    path = f"{_folder(_object(domain, 'WinnipegGPO'))}/Machine/Registry.pol"
    assert domain.sign_in(world.DIRECTORY_ACCOUNT, world.DIRECTORY_ACCOUNT_PASSWORD) == ""
    by_kerberos = domain.read_sysvol(path, "--use-kerberos=required")
    assert by_kerberos.startswith(b"PReg\x01\x00\x00\x00")
    assert domain.read_sysvol(path, *BY_NTLM) == by_kerberos


def test_registry_settings_are_as_windows_writes_them(domain: Domain) -> None:
    for policy in world.POLICIES:
        content = _registry(domain, policy.name)
        if policy.offers is None:
            assert TERMINAL_SERVICES.encode("utf-16-le") not in content
            continue
        assert _instruction(TERMINAL_SERVICES, "fAllowUnsolicited", int(policy.offers)) in content
        if policy.control is not None:
            wanted = int(policy.control)
            name = "fAllowUnsolicitedFullControl"
            assert _instruction(TERMINAL_SERVICES, name, wanted) in content
        old_helpers_go = content.index(_instruction(HELPERS, "**delvals.", " "))
        for helper in policy.helpers:
            assert content.index(_instruction(HELPERS, helper, helper)) > old_helpers_go
        assert content.count(HELPERS.encode("utf-16-le")) == 1 + len(policy.helpers)


def test_a_disabled_policy_takes_control_back(domain: Domain) -> None:
    content = _registry(domain, "SelkirkGPO")
    assert _instruction(TERMINAL_SERVICES, "**del.fAllowUnsolicitedFullControl", " ") in content


def test_firewall_exceptions_come_in_both_forms(domain: Domain) -> None:
    for policy in world.POLICIES:
        content = _registry(domain, policy.name)
        port = _instruction(
            FIREWALL + r"\DomainProfile\GloballyOpenPorts\List",
            "135:TCP",
            "135:TCP:*:Enabled:Offer Remote Assistance",
        )
        assert (port in content) is policy.firewall
        for program in ("msra.exe", "raserver.exe"):
            listed = rf"%WINDIR%\System32\{program}:*:Enabled:".encode("utf-16-le")
            ruled = rf"|App=%SystemRoot%\system32\{program}|".encode("utf-16-le")
            assert (listed in content) is policy.firewall
            assert (ruled in content) is policy.firewall


def test_only_the_named_group_may_apply_a_filtered_policy(domain: Domain) -> None:
    for policy in world.POLICIES:
        (found,) = domain.search(
            f"(&(objectClass=groupPolicyContainer)(displayName={policy.name}))",
            "nTSecurityDescriptor",
            control=SECURITY_DESCRIPTOR_CONTROL,
        )
        if policy.applies_to_group:
            group = domain.one(f"(sAMAccountName={policy.applies_to_group})", "objectSid")
            authority, rest = group.values["objectsid"][0][7], group.values["objectsid"][0][8:]
            parts = struct.unpack(f"<{len(rest) // 4}I", rest)
            assert _appliers(found) == {"-".join(map(str, ("S-1", authority, *parts)))}
        else:
            assert _appliers(found) == {AUTHENTICATED_USERS}


def test_a_denied_group_is_denied_before_anybody_is_allowed(domain: Domain) -> None:
    (found,) = domain.search(
        "(&(objectClass=groupPolicyContainer)(displayName=DeniedGPO))",
        "nTSecurityDescriptor",
        control=SECURITY_DESCRIPTOR_CONTROL,
    )
    descriptor = SR_SECURITY_DESCRIPTOR(found.values["ntsecuritydescriptor"][0])
    first = descriptor["Dacl"].aces[0]
    assert first["AceType"] == ACCESS_DENIED_OBJECT_ACE.ACE_TYPE


def test_a_plain_account_must_ask_for_the_descriptor_without_its_audit_part(
    domain: Domain,
) -> None:
    found = domain.one(
        "(&(objectClass=groupPolicyContainer)(displayName=FlinFlonGPO))", "nTSecurityDescriptor"
    )
    assert found.texts("nTSecurityDescriptor") == []


def test_a_wmi_filter_that_a_policy_names_is_there(domain: Domain) -> None:
    for policy in world.POLICIES:
        named = _object(domain, policy.name).texts("gPCWQLFilter")
        assert len(named) == bool(policy.wmi_filter)
        for text in named:
            dns_name, key, _ = text.strip("[]").split(";")
            assert dns_name == world.DNS_NAME
            found = domain.one(f"(&(objectClass=msWMI-Som)(msWMI-ID={key}))")
            assert found.text("msWMI-Name") == policy.wmi_filter
