"""Two forests that trust each other, live, and domain controllers that die and come back."""

from __future__ import annotations

import os
import shutil
import ssl
import subprocess
import sys
import tomllib
from pathlib import Path

import ldap3
import pytest

from lab import world
from lab.paths import LabPaths
from tests.conftest import Lab
from tests.environment import ROOT
from tests.lab.commands import Domain

pytestmark = pytest.mark.lab

SHOW_DELETED = "1.2.840.113556.1.4.417"
BOTH = pytest.mark.parametrize("described", world.DOMAINS, ids=lambda one: one.dns_name)


@pytest.fixture
def forests(lab_domain: Lab, tmp_path: Path) -> dict[str, Domain]:
    """The domains by their names."""
    return {one.dns_name: Domain(lab_domain.directory, tmp_path, one) for one in world.DOMAINS}


def _other(described: world.Domain) -> world.Domain:
    return world.CONTOSO if described is world.R2 else world.R2


@BOTH
def test_the_trust_validates_at_both_ends(
    forests: dict[str, Domain], described: world.Domain
) -> None:
    other = _other(described)
    smb_conf = LabPaths(forests[described.dns_name].directory).of_controller(described.controller)
    done = forests[described.dns_name].in_controller(
        *["samba-tool", "domain", "trust", "validate", other.dns_name],
        *["--configfile", str(smb_conf.smb_conf)],
        f"--username=Administrator@{other.realm}%{world.ADMINISTRATOR_PASSWORD}",
    )
    assert done.returncode == 0, done.stdout + done.stderr
    for validation in ("LocalValidation", "RemoteValidation"):
        (line,) = [line for line in done.stdout.splitlines() if validation in line]
        assert line.startswith("OK: ")
        assert "TRUST[WERR_OK]" in line


@BOTH
def test_a_controller_checks_passwords_of_the_other_forest(
    forests: dict[str, Domain], described: world.Domain
) -> None:
    bob = rf"{_other(described).netbios_name}\bsmith"
    for password, is_right in ((world.PERSON_PASSWORD, True), ("not his password", False)):
        done = forests[described.dns_name].in_controller("wbinfo", "-a", f"{bob}%{password}")
        assert (done.returncode == 0) is is_right, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("expert", "home", "service"),
    [
        ("alee", world.CONTOSO, "host/bdn-w10-01.r2.local@R2.LOCAL"),
        ("alee", world.CONTOSO, "ldap/dc1.r2.local@R2.LOCAL"),
        ("mjones", world.R2, "cifs/contoso-dc1.contoso.test@CONTOSO.TEST"),
    ],
)
def test_tickets_lead_into_the_other_forest(
    forests: dict[str, Domain], expert: str, home: world.Domain, service: str
) -> None:
    domain = forests[home.dns_name]
    assert domain.sign_in(expert, world.PERSON_PASSWORD) == ""
    done = domain.run("kvno", service)
    assert done.returncode == 0, done.stderr
    tickets = domain.run("klist").stdout
    assert f"krbtgt/{_other(home).realm}@{home.realm}" in tickets
    assert service in tickets


def test_somebody_of_the_other_forest_opens_sysvol(forests: dict[str, Domain]) -> None:
    assert forests["r2.local"].sign_in("mjones", world.PERSON_PASSWORD) == ""
    contoso = forests["contoso.test"]
    policy = contoso.one("(displayName=SeattleGPO)", "gPCFileSysPath")
    folder = policy.text("gPCFileSysPath").split("\\", 4)[4].replace("\\", "/")
    assert b"GENERAL" in contoso.read_sysvol(f"{folder}/GPT.INI", "--use-kerberos=required").upper()


@BOTH
def test_people_groups_and_computers_are_as_described(
    forests: dict[str, Domain], described: world.Domain
) -> None:
    domain = forests[described.dns_name]
    for person in described.people:
        account = domain.one(f"(sAMAccountName={person.name})", "userPrincipalName")
        assert account.distinguished_name.endswith(f",{described.unit_dn(person.unit)}")
        assert account.text("userPrincipalName") == f"{person.name}@{described.dns_name}"
    for computer in described.computers:
        found = domain.one(f"(sAMAccountName={computer.name}$)", "dNSHostName")
        assert found.text("dNSHostName") == computer.dns_name


@BOTH
def test_foreign_members_are_the_other_forests_own_sids(
    forests: dict[str, Domain], described: world.Domain
) -> None:
    other = forests[_other(described).dns_name]
    for group in described.groups:
        found = forests[described.dns_name].one(f"(sAMAccountName={group.name})", "member")
        foreign = [dn for dn in found.texts("member") if "CN=ForeignSecurityPrincipals" in dn]
        names = [name.partition("\\")[2] for name in group.foreign_members]
        sids = {
            _sid(other.one(f"(sAMAccountName={name})", "objectSid").values["objectsid"][0])
            for name in names
        }
        assert {dn.partition(",")[0].removeprefix("CN=") for dn in foreign} == sids


def _sid(raw: bytes) -> str:
    parts = [int.from_bytes(raw[at : at + 4], "little") for at in range(8, len(raw), 4)]
    return "-".join(map(str, ("S", raw[0], int.from_bytes(raw[2:8], "big"), *parts)))


@BOTH
def test_the_reading_account_binds_with_its_keytab(
    forests: dict[str, Domain], described: world.Domain, monkeypatch: pytest.MonkeyPatch
) -> None:
    domain = forests[described.dns_name]
    handed_out = LabPaths(domain.directory).of_domain(described)
    keytab = handed_out.keytabs / f"{world.DIRECTORY_ACCOUNT}.keytab"
    reader = f"{world.DIRECTORY_ACCOUNT}@{described.realm}"
    done = domain.run("kinit", "-k", "-t", str(keytab), reader)
    assert done.returncode == 0, done.stderr
    monkeypatch.setenv("KRB5_CONFIG", str(domain.directory / "krb5.conf"))
    monkeypatch.setenv("KRB5CCNAME", f"FILE:{domain.scratch / 'credentials'}")
    tls = ldap3.Tls(ssl.CERT_REQUIRED, ca_certs_file=str(handed_out.authority_certificate))
    server = ldap3.Server(described.controller.address, use_ssl=True, tls=tls)
    connection = ldap3.Connection(
        server,
        authentication=ldap3.SASL,
        sasl_mechanism=ldap3.KERBEROS,
        sasl_credentials=(described.controller_host,),
    )
    assert connection.bind(), connection.result
    found = connection.search(described.base_dn, "(sAMAccountName=bsmith)", attributes=["cn"])
    assert found, connection.result  # which nobody may without a bind
    connection.unbind()


def test_one_reading_account_sees_what_was_deleted_and_the_other_does_not(
    forests: dict[str, Domain],
) -> None:
    seen = {}
    for name, domain in forests.items():
        smb_conf = LabPaths(domain.directory).of_controller(domain.described.controller).smb_conf
        for command in (("create", "gone", "Lab-Pass-2026!"), ("delete", "gone")):
            tool = ("samba-tool", "user", *command, "--configfile", str(smb_conf))
            done = domain.in_controller(*tool)
            assert done.returncode == 0, done.stderr
        found = domain.search("(isDeleted=TRUE)", "sAMAccountName", control=f"!{SHOW_DELETED}")
        seen[name] = any("gone" in entry.texts("sAMAccountName") for entry in found)
    assert seen == {"r2.local": True, "contoso.test": False}


def test_the_portal_is_told_of_both_domains(lab_domain: Lab) -> None:
    file = Path(lab_domain.env["DIRECTORY_CONFIGURATION_FILE"])
    domains = tomllib.loads(file.read_text())["domains"]
    assert list(domains) == ["r2.local", "contoso.test"]
    for described in world.DOMAINS:
        table = domains[described.dns_name]
        assert table["servers"] == [described.controller_host]
        assert table["dns_servers"] == [described.controller.address]
        assert Path(table["ca_file"]).exists()
        password = Path(table["bind_password_file"]).read_text()
        assert password == described.directory_account_password


@pytest.fixture
def copy(lab_domain: Lab, tmp_path: Path) -> LabPaths:
    """A lab of the test's own, unpacked from the same backup, for a network of its own."""
    shutil.copytree(os.environ["LAB_CACHE"], tmp_path / "cache")
    return LabPaths(tmp_path)


def _in_a_network_of_its_own(paths: LabPaths, *lines: str) -> str:
    """Runs lines of shell where the lab's addresses are free; the first that fails ends it."""
    down = "trap '\"$PYTHON\" -m lab down >/dev/null' EXIT"
    done = subprocess.run(
        ["unshare", "--net", "sh", "-ec", "\n".join([down, "ip link set lo up", *lines])],
        cwd=ROOT,
        env=os.environ
        | {
            "LAB_DIR": str(paths.root),
            "LAB_CACHE": str(paths.root / "cache"),
            "PYTHON": sys.executable,
            "LDAPTLS_CACERT": str(paths.of_domain(world.R2).authority_certificate),
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_controller_dies_and_comes_back_as_it_was_or_from_a_backup(copy: LabPaths) -> None:
    lab, tool = '"$PYTHON" -m lab', "samba-tool user"
    smb_conf = f"--configfile '{copy.smb_conf}'"
    ask = (
        f"ldapsearch -LLL -x -H ldaps://127.0.10.1 -D svc-ra-directory@r2.local "
        f"-w {world.DIRECTORY_ACCOUNT_PASSWORD} -b {{}} '{{}}' {{}} | grep {{}}"
    )
    invocation = ask.format(
        *["CN=Sites,CN=Configuration,DC=r2,DC=local", "(objectClass=nTDSDSA)"],
        *["invocationId", "^invocationId"],
    )
    later = ask.format("DC=r2,DC=local", "(sAMAccountName=later)", "objectSid", "^objectSid")
    said = _in_a_network_of_its_own(
        *[copy, f"{lab} up --domain-only"],
        *[f"{tool} create later Lab-Pass-2026! {smb_conf}", invocation, later],
        *[f"{lab} kill dc1", f"! {invocation}", f"{lab} status --domain-only || true"],
        *[f"{lab} start dc1", invocation, later],
        *[f"{lab} replace dc1", f"! {later}", invocation],
        *[f"{tool} create later Lab-Pass-2026! {smb_conf}", later, f"{lab} status --domain-only"],
    )
    ids = [line for line in said.splitlines() if line.startswith("invocationId")]
    assert len(ids) == 3
    assert ids[0] == ids[1] != ids[2]
    sids = [line for line in said.splitlines() if line.startswith("objectSid")]
    assert len(sids) == 3
    assert sids[0] == sids[1] != sids[2]  # what was given out after the backup is not again
    assert said.count("down  domain controller dc1") == 1
    assert said.count("up    domain controller contoso-dc1") == 2


def test_nothing_replaces_a_controller_without_a_backup(copy: LabPaths) -> None:
    said = _in_a_network_of_its_own(
        copy,
        '"$PYTHON" -m lab up --domain-only',
        f"rm '{copy.root}'/cache/*",
        '! "$PYTHON" -m lab replace dc1 2>&1',
        '"$PYTHON" -m lab status --domain-only',
    )
    assert "There is no backup" in said
    assert "up    domain controller dc1" in said
