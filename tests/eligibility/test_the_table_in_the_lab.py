"""The rows of the table on the lab's live forests: read from Samba, then decided.

What the rows go by is checked against Samba itself as well: the groups in the ticket that its KDC
issues for the computer, and the policies that its own client of Group Policy would apply.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import gssapi
import pytest
from django.utils import timezone
from gssapi import raw
from pytest_django import Settings

from assist.eligibility import explain
from assist.lifecycle import Mode
from directory.models import Group
from directory.names import find_account, find_computer
from directory.policies import resultant_policy
from directory.tokens import token
from directory.trusts import way
from directory.trusts.loading import trust_map
from lab import world
from lab.paths import LabPaths
from lab.windows.caller import Caller, parse_logon_information
from lab.windows.security import LOGON_INFORMATION
from tests.eligibility.forests import Forests
from tests.eligibility.judging import parameters, require
from tests.eligibility.vocabulary import LabCase, lab_cases
from tests.lab.commands import Domain

pytestmark = pytest.mark.lab

EXPERTS = [r"R2\Remote Assistance Experts", r"CONTOSO\Contoso Experts"]
LISTED = ("helper.listed",)
NOT_LISTED = ("helper.not_listed", "helper.distribution_group", "trust.sid_filtered")
# Samba's client overlooks that a unit blocks inheritance when nothing is linked to it; [MS-GPOL]
# 3.2.5.1.5 reads gPOptions of every container.
BLOCKED_WITHOUT_LINKS = ("ISO-W11-01",)
SIDS_AS_NUMBERS = range(3_000_000, 3_001_000)
TicketOf = Callable[[str, str], Caller]


@pytest.mark.django_db
@pytest.mark.parametrize("case", parameters(lab_cases()))
def test_the_decision_on_the_forests_is_that_of_the_documents(
    case: LabCase, forests: Forests, settings: Settings
) -> None:
    settings.ROLE_GROUPS = {"expert": EXPERTS}
    forests.store(case.state)
    expert, computer = find_account(case.expert), find_computer(case.computer)
    decision = explain(expert, computer, Mode(case.mode), now=timezone.now())
    require(decision, case)


@pytest.fixture
def ticket_of(forests: Forests, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TicketOf:
    """Who somebody is at a computer: the PAC of the ticket that the computer's KDC issues."""
    monkeypatch.setenv("KRB5_CONFIG", str(forests.lab.directory / "krb5.conf"))
    monkeypatch.setenv("KRB5CCNAME", f"FILE:{tmp_path / 'credentials'}")

    def ask(expert: str, computer: str) -> Caller:
        netbios_name, _, name = expert.partition("\\")
        home = next(one for one in world.DOMAINS if one.netbios_name == netbios_name)
        there = world.domain(world.computer(computer).domain)
        problem = Domain(forests.lab.directory, tmp_path, home).sign_in(name, world.PERSON_PASSWORD)
        assert problem == ""
        service = gssapi.Name(
            f"host/{world.computer(computer).dns_name}@{there.realm}",
            gssapi.NameType.kerberos_principal,
        )
        token = gssapi.SecurityContext(name=service, usage="initiate").step()
        keytab = _keytab(Domain(forests.lab.directory, tmp_path, there), computer)
        store = {b"keytab": f"FILE:{keytab}".encode()}
        accepted = raw.accept_sec_context(token, raw.acquire_cred_from(store, usage="accept").creds)
        attribute = raw.get_name_attribute(accepted.initiator_name, LOGON_INFORMATION)
        return parse_logon_information(attribute.values[0])

    return ask


def _keytab(domain: Domain, computer: str) -> Path:
    keytab = domain.scratch / f"{computer}.keytab"
    smb_conf = LabPaths(domain.directory).of_controller(domain.described.controller).smb_conf
    done = domain.in_controller(
        *["samba-tool", "domain", "exportkeytab", str(keytab), f"--principal={computer}$"],
        *["--configfile", str(smb_conf)],
    )
    assert done.returncode == 0, done.stderr
    return keytab


def _about_groups() -> list[LabCase]:
    """Rows that the list of helpers decides, each expert and computer once."""
    rows = [case for case in lab_cases() if not case.state and case.rule in LISTED + NOT_LISTED]
    return list({(case.expert, case.computer): case for case in rows}.values())


@pytest.mark.django_db
@pytest.mark.parametrize("case", _about_groups(), ids=str)
def test_sambas_ticket_for_the_computer_says_the_same_of_the_list(
    case: LabCase, forests: Forests, ticket_of: TicketOf
) -> None:
    forests.store()
    computer = find_computer(case.computer)
    lines = resultant_policy(computer).helpers
    listed = {line.line.principal.sid for line in lines if line.line.principal}
    listed.add(f"{computer.domain.sid}-512")  # Domain Admins, who need not be listed
    is_listed = bool(ticket_of(case.expert, case.computer).sids & listed)
    # Where the row says that Samba does otherwise than the document, it has to.
    assert is_listed is ((case.rule in LISTED) is not bool(case.samba))


@pytest.mark.django_db
@pytest.mark.parametrize("case", _about_groups(), ids=str)
def test_sambas_ticket_for_the_computer_holds_the_groups_of_our_token(
    case: LabCase, forests: Forests, ticket_of: TicketOf
) -> None:
    forests.store()
    expert, computer = find_account(case.expert), find_computer(case.computer)
    trusts = trust_map()
    way_there = way(trusts, computer.domain_id, expert.domain_id)
    forest = trusts.domains_of_forest(way_there.expert_domain.forest)
    ours = token(expert, computer.domain_id, way_there, forest)
    groups = {group.sid: group for group in Group.objects.select_related("domain")}
    in_ticket = {groups[sid] for sid in ticket_of(case.expert, case.computer).sids & groups.keys()}
    # Microsoft's controllers leave these at home ([MS-KILE] 3.3.5.7.3), Samba's do not.
    not_from_here = {
        group
        for group in in_ticket
        if group.scope == Group.Scope.DOMAIN_LOCAL and group.domain_id != computer.domain_id
    }
    assert {str(groups[sid]) for sid in ours.paths if sid in groups} == {
        str(group) for group in in_ticket - not_from_here
    }


@pytest.mark.django_db
def test_sambas_own_client_applies_the_same_policies(forests: Forests, tmp_path: Path) -> None:
    forests.store()
    names = [one.name for one in world.COMPUTERS if one.name not in BLOCKED_WITHOUT_LINKS]
    # Not told by Samba's client: sites, WMI filters and disabled halves.
    judged = {
        policy.name
        for policy in world.POLICIES
        if not (policy.wmi_filter or policy.computer_half_disabled or policy.links[0].site)
    }
    by_samba = _policies_by_samba(Domain(forests.lab.directory, tmp_path), names)
    for name in names:
        applied = [link.policy_name for link in resultant_policy(find_computer(name)).applied]
        assert [policy for policy in applied if policy in judged] == [
            policy for policy in by_samba[name] if policy in judged
        ], name


def _policies_by_samba(domain: Domain, computers: list[str]) -> dict[str, list[str]]:
    """Names of policies in the order of processing, by computer."""
    passwd = domain.scratch / "passwd"
    # Samba makes the computer's token only where the numbers that it has for SIDs are accounts.
    accounts = [f"sid{number}:x:{number}:100::/:/bin/false\n" for number in SIDS_AS_NUMBERS]
    passwd.write_text(Path("/etc/passwd").read_text() + "".join(accounts))
    script = Path(__file__).with_name("samba_policies.py")
    smb_conf = LabPaths(domain.directory).of_controller(world.R2.controller).smb_conf
    command = ["/usr/bin/python3", str(script), str(smb_conf), world.R2.controller_host]
    command += ["Administrator", world.ADMINISTRATOR_PASSWORD, *computers]
    done = domain.in_controller(
        *["unshare", "--mount", "sh", "-c", f"mount --bind '{passwd}' /etc/passwd && exec \"$@\""],
        *["sh", *command],
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, list[str]] = json.loads(done.stdout.splitlines()[-1])
    return found
