"""The lab's domain is as ``lab/world`` describes it, seen as a plain account sees it."""

from __future__ import annotations

import socket
import ssl
import stat
from ipaddress import ip_address
from pathlib import Path

import dns.resolver
import dns.reversename
import pytest

from lab import world
from tests.conftest import Lab
from tests.lab.commands import HOST, Domain

pytestmark = pytest.mark.lab

DISABLED = 0x2  # userAccountControl, MS-ADTS 2.2.16
SECURITY_ENABLED = 0x80000000  # groupType, MS-ADTS 2.2.12
SCOPES = {"global": 2, "domain local": 4, "universal": 8}
NEVER = ("0", "9223372036854775807")


@pytest.fixture
def domain(lab_domain: Lab, tmp_path: Path) -> Domain:
    return Domain(lab_domain.directory, tmp_path)


@pytest.fixture
def resolver(lab_domain: Lab) -> dns.resolver.Resolver:
    resolver = dns.resolver.Resolver(configure=False)
    resolver.nameservers = [world.CONTROLLER_ADDRESS]
    resolver.lifetime = 5
    return resolver


def test_every_person_is_in_her_unit_and_enabled_or_not(domain: Domain) -> None:
    for person in world.PEOPLE:
        account = domain.one(f"(sAMAccountName={person.name})")
        assert account.distinguished_name.endswith(f",OU={person.unit},{world.BASE_DN}")
        assert account.text("userPrincipalName") == f"{person.name}@{world.DNS_NAME}"
        assert bool(int(account.text("userAccountControl")) & DISABLED) is person.disabled
        assert (account.text("accountExpires") not in NEVER) is person.expired


def test_people_sign_in_unless_disabled_or_expired(domain: Domain) -> None:
    for person in world.PEOPLE:
        if person.service:
            continue
        complaint = domain.sign_in(person.name, world.PERSON_PASSWORD)
        if person.disabled or person.expired:
            assert "revoked" in complaint or "expired" in complaint
        else:
            assert complaint == ""


def test_a_wrong_password_signs_nobody_in(domain: Domain) -> None:
    assert "Password incorrect" in domain.sign_in("mjones", "not her password")


def test_computers_say_what_they_run_and_offer_their_services(domain: Domain) -> None:
    for computer in world.COMPUTERS:
        found = domain.one(f"(sAMAccountName={computer.name}$)")
        assert found.distinguished_name == f"CN={computer.name},{world.R2.unit_dn(computer.unit)}"
        assert found.text("operatingSystem") == computer.operating_system
        assert found.text("operatingSystemVersion") == computer.operating_system_version
        assert found.text("dNSHostName") == computer.dns_name
        assert f"HOST/{computer.dns_name}" in found.texts("servicePrincipalName")
        assert bool(int(found.text("userAccountControl")) & DISABLED) is computer.disabled


def test_groups_hold_whom_the_world_says_even_in_a_loop(domain: Domain) -> None:
    names = {
        entry.distinguished_name: entry.text("sAMAccountName").rstrip("$")
        for entry in domain.search("(sAMAccountName=*)", "sAMAccountName")
    }
    for group in world.GROUPS:
        found = domain.one(f"(&(objectClass=group)(sAMAccountName={group.name}))")
        here, foreign = [], []
        for dn in found.texts("member"):
            (foreign if "CN=ForeignSecurityPrincipals" in dn else here).append(dn)
        assert {names[dn] for dn in here} - {"Administrator"} == set(group.members)
        assert len(foreign) == len(group.foreign_members)
        assert int(found.text("groupType")) & SCOPES[group.scope]
        is_security = bool(int(found.text("groupType")) & SECURITY_ENABLED)
        assert is_security is not group.distribution


def test_the_reading_account_may_read_and_nothing_else(domain: Domain) -> None:
    account = domain.one(
        f"(sAMAccountName={world.DIRECTORY_ACCOUNT})", "memberOf", "primaryGroupID"
    )
    assert account.texts("memberOf") == []
    assert account.text("primaryGroupID") == "513"  # Domain Users
    bob = domain.one("(sAMAccountName=bsmith)", "dn").distinguished_name
    done = domain.run(
        *["ldapmodify", "-x", "-H", f"ldaps://{world.CONTROLLER_ADDRESS}"],
        *["-D", f"{world.DIRECTORY_ACCOUNT}@{world.DNS_NAME}"],
        *["-w", world.DIRECTORY_ACCOUNT_PASSWORD],
        text=f"dn: {bob}\nchangetype: modify\nreplace: title\ntitle: Changed\n",
    )
    assert done.returncode == 50  # insufficientAccessRights


def test_no_password_is_taken_without_encryption(domain: Domain) -> None:
    done = domain.run(
        *["ldapwhoami", "-x", "-H", f"ldap://{world.CONTROLLER_ADDRESS}"],
        *["-D", f"mjones@{world.DNS_NAME}", "-w", world.PERSON_PASSWORD],
    )
    assert done.returncode == 8  # strongerAuthRequired


def test_names_and_addresses_lead_to_each_other(resolver: dns.resolver.Resolver) -> None:
    for computer in world.COMPUTERS:
        reverse = dns.reversename.from_address(computer.address)
        if computer.in_dns:
            assert [str(a) for a in resolver.resolve(computer.dns_name, "A")] == [computer.address]
            (pointer,) = resolver.resolve(reverse, "PTR")
            assert str(pointer) == f"{computer.dns_name}."
        else:
            for name, kind in ((computer.dns_name, "A"), (str(reverse), "PTR")):
                with pytest.raises((dns.resolver.NXDOMAIN, dns.resolver.NoAnswer)):
                    resolver.resolve(name, kind)


def test_the_name_server_asks_nobody_else(resolver: dns.resolver.Resolver) -> None:
    with pytest.raises((dns.resolver.NXDOMAIN, dns.resolver.NoNameservers)):
        resolver.resolve("example.org", "A")


def test_every_trust_can_be_read(domain: Domain) -> None:
    for trust in world.R2.trusts:
        found = domain.one(f"(&(objectClass=trustedDomain)(trustPartner={trust.partner}))")
        assert found.text("flatName") == trust.netbios_name
        assert found.text("trustDirection") == str(trust.direction)
        assert found.text("trustAttributes") == str(trust.attributes)
        assert len(found.values["securityidentifier"][0]) == 24  # a SID of four parts, binary


def test_every_subnet_belongs_to_its_site(domain: Domain) -> None:
    sites = f"CN=Sites,CN=Configuration,{world.BASE_DN}"
    found = {
        subnet.text("cn"): subnet.text("siteObject")
        for subnet in domain.search("(objectClass=subnet)", base=sites)
    }
    assert found == {
        subnet: world.R2.site_dn(site.name) for site in world.R2.sites for subnet in site.subnets
    }
    line = domain.one("(objectClass=siteLink)", base=sites)
    assert set(line.texts("siteList")) == {world.R2.site_dn(site.name) for site in world.R2.sites}


def test_the_certificate_is_the_controllers_and_nobody_elses(lab_domain: Lab) -> None:
    context = ssl.create_default_context(cafile=str(lab_domain.directory / "ca.pem"))
    address = (world.CONTROLLER_ADDRESS, 636)
    for name in (HOST, world.DNS_NAME):
        with (
            socket.create_connection(address, timeout=5) as connection,
            context.wrap_socket(connection, server_hostname=name) as secured,
        ):
            assert secured.version() == "TLSv1.3"
    with (
        socket.create_connection(address, timeout=5) as connection,
        pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"),
    ):
        context.wrap_socket(connection, server_hostname="dc2.r2.local")


def test_every_simulated_computers_keytab_opens_tickets_for_it(domain: Domain) -> None:
    keytabs = domain.directory / "keytabs"
    portal = keytabs / f"{world.PORTAL_ACCOUNT}.keytab"
    done = domain.run("kinit", "-k", "-t", str(portal), world.PORTAL_ACCOUNT)
    assert done.returncode == 0, done.stderr
    for computer in world.COMPUTERS:
        keytab = keytabs / f"{computer.name}.keytab"
        assert keytab.exists() is bool(computer.behaviour)
        if computer.behaviour:
            done = domain.run("kvno", "-k", str(keytab), f"host/{computer.dns_name}")
            assert "keytab entry valid" in done.stdout, done.stderr
    tickets = domain.run("klist", "-e").stdout
    assert tickets.count("aes256-cts-hmac-sha1-96, aes256-cts-hmac-sha1-96") == len(
        [computer for computer in world.COMPUTERS if computer.behaviour] + ["krbtgt"]
    )


def test_secrets_are_for_their_owner_alone(lab_domain: Lab) -> None:
    for name in ("keytabs", "passwords"):
        folder = lab_domain.directory / name
        for path in (folder, *folder.rglob("*")):
            assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path


def test_settings_for_the_portal_name_what_there_is(lab_domain: Lab) -> None:
    env = lab_domain.env
    assert env["DIRECTORY_DOMAIN"] == world.DNS_NAME
    assert env["DIRECTORY_SERVERS"] == HOST
    assert ip_address(env["DIRECTORY_DNS_SERVERS"]) == ip_address(world.CONTROLLER_ADDRESS)
    assert env["ROLE_EXPERT_GROUPS"] == r"R2\Remote Assistance Experts"
    for name in ("CA_FILE", "BIND_PASSWORD_FILE", "CONFIGURATION_FILE"):
        assert Path(env[f"DIRECTORY_{name}"]).read_text().strip()
    assert Path(env["SERVICE_KEYTAB_FILE"]).read_bytes()[:2] == b"\x05\x02"  # a keytab's magic
