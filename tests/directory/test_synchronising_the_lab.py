"""The lab's domain, read over LDAPS and SMB into the database."""

from __future__ import annotations

import uuid

import pytest
from django.utils import timezone

from directory import synchronisation
from directory.browsing import ObjectNotThere, find_object, read_live
from directory.configuration import domain_configuration
from directory.membership import group_paths
from directory.models import (
    Account,
    Computer,
    DnsAddress,
    Domain,
    GroupPolicy,
    HelperEntry,
    SyncRun,
)
from directory.names import find_account, find_computer
from directory.policies import resultant_policy
from lab import world as lab_world
from tests.environment import DOMAIN

pytestmark = [pytest.mark.lab, pytest.mark.django_db]


def test_a_run_reads_the_whole_domain(lab_domain: object) -> None:
    stages: list[str] = []
    run = synchronisation.run(
        domain_configuration(DOMAIN), progress=lambda progress: stages.append(progress.stage)
    )
    assert run.state == SyncRun.State.SUCCEEDED
    assert run.counts["computers"]["read"] >= len(lab_world.COMPUTERS)
    assert Domain.objects.get().synced_at is not None
    assert Domain.objects.get().netbios_name == "R2"
    assert stages[0] == "connecting"
    assert stages[-1] == "done"


def test_every_person_and_computer_of_the_lab_is_there(synced_directory: Domain) -> None:
    for person in lab_world.PEOPLE:
        account = find_account(rf"R2\{person.name}")
        assert account.is_enabled is not person.disabled
        assert account.is_expired(timezone.now()) is person.expired
        assert account.display_name == person.display_name
    for machine in lab_world.COMPUTERS:
        computer = find_computer(machine.name)
        assert computer.operating_system == machine.operating_system
        assert computer.is_enabled is not machine.disabled
        assert str(computer.ou) == f"OU={machine.unit}"


def test_trust_accounts_are_nobodys_accounts(synced_directory: Domain) -> None:
    assert not Account.objects.filter(sam_account_name__endswith="$").exists()


def test_the_domain_controller_is_known_as_one(synced_directory: Domain) -> None:
    controllers = Computer.objects.filter(is_domain_controller=True)
    assert [controller.name for controller in controllers] == ["DC1"]


def test_groups_lead_to_mary_and_nadia_by_their_ways(synced_directory: Domain) -> None:
    mary = {str(found.group): found.is_direct for found in group_paths(find_account("mjones"))}
    assert mary[r"R2\Helpdesk Winnipeg"]
    assert mary[r"R2\Domain Users"]  # her primary group
    nadia = {str(found.group): found.path for found in group_paths(find_account("nkhan"))}
    assert [str(group) for group in nadia[r"R2\Helpdesk Winnipeg"]] == [
        r"R2\Helpdesk Night",
        r"R2\Helpdesk Winnipeg",
    ]
    paula = {str(found.group) for found in group_paths(find_account("pwright"))}
    assert r"R2\Helpdesk Winnipeg" not in paula
    assert r"R2\Helpdesk News" not in paula


def test_xp191_has_the_policy_of_winnipeg(synced_directory: Domain) -> None:
    result = resultant_policy(find_computer("XP191"))
    assert (result.offers_allowed, result.control_allowed) == (True, True)
    assert str(result.offers_source) == "WinnipegGPO linked to OU=Winnipeg"
    resolved = {
        helper.text: helper.line.principal.name
        for helper in result.helpers
        if helper.line.principal
    }
    assert resolved[r"R2\Helpdesk Winnipeg"] == r"R2\Helpdesk Winnipeg"
    assert resolved[r"r2.local\mjones"] == r"R2\mjones"
    assert result.unknowns == ()
    assert ["domainprofile\\globallyopenports", "Enabled", 1] in (
        GroupPolicy.objects.get(display_name="WinnipegGPO").firewall["values"]
    )


@pytest.mark.parametrize(
    ("computer", "offers", "control", "codes"),
    [
        ("BDN-W10-01", True, False, []),
        ("GIM-W11-01", None, None, []),
        ("SLK-W11-01", False, None, []),
        ("FLF-W11-01", True, True, []),
        ("CHU-W11-01", None, None, ["wmi_filter"]),
        ("ISO-W11-01", None, None, []),
    ],
)
def test_each_unit_has_its_own_answer(
    synced_directory: Domain,
    computer: str,
    offers: bool | None,
    control: bool | None,
    codes: list[str],
) -> None:
    result = resultant_policy(find_computer(computer))
    assert (result.offers_allowed, result.control_allowed) == (offers, control)
    assert [unknown.code for unknown in result.unknowns] == codes


def test_helpers_that_name_nobody_say_why(synced_directory: Domain) -> None:
    problems = dict(
        HelperEntry.objects.filter(policy__display_name="ThompsonGPO").values_list(
            "text", "problem"
        )
    )
    assert "No account or group" in problems[r"R2\Helpdesk Winipeg"]
    assert "OLDDOMAIN" in problems[r"OLDDOMAIN\Helpdesk"]
    assert problems[r"R2\Remote Assistance Portal"] == ""


def test_addresses_of_the_zones_lead_to_names(synced_directory: Domain) -> None:
    xp191 = find_computer("XP191")
    addresses = DnsAddress.objects.filter(node__name_folded=xp191.dns_name_folded)
    assert [str(address) for address in addresses] == [lab_world.computer("XP191").address]


def test_objects_are_known_by_their_guid(synced_directory: Domain) -> None:
    assert isinstance(find_account("mjones").guid, uuid.UUID)
    assert find_account("mjones").sid.startswith(synced_directory.sid)


def test_an_object_is_read_as_the_directory_has_it_now(synced_directory: Domain) -> None:
    found = find_object(find_computer("XP191").guid)
    assert found is not None
    live = {attribute.name: attribute for attribute in read_live(found)}
    assert live["objectsid"].values[0].decoded == found.item.sid
    assert live["objectguid"].values[0].decoded == str(found.item.guid)
    assert live["samaccountname"].values[0].raw == "XP191$"
    assert "workstation trust account" in live["useraccountcontrol"].values[0].decoded
    assert live["whenchanged"].values[0].decoded.endswith("UTC")
    found.item.guid = uuid.uuid4()
    with pytest.raises(ObjectNotThere):
        read_live(found)
