"""The lab's domain, read over LDAPS and SMB into the database."""

from __future__ import annotations

import json
import uuid
from dataclasses import replace
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone
from pytest_django import Settings

from directory import synchronisation
from directory.configuration import connection_settings
from directory.errors import PortalError
from directory.ldap.errors import CredentialsRefused
from directory.membership import group_paths
from directory.models import Account, Computer, Domain, Group, GroupPolicy, HelperEntry, SyncRun
from directory.names import find_account, find_computer
from directory.policies import resultant_policy
from directory.synchronisation import SynchronisationRunning, TooManyRemovals, applying
from directory.synchronisation.reading import DomainContent
from directory.tasks import sync_directory
from lab import world as lab_world
from portal.celery import app
from tests.directory import world

pytestmark = [pytest.mark.lab, pytest.mark.django_db]


def test_a_run_reads_the_whole_domain(lab_domain: object) -> None:
    stages: list[str] = []
    run = synchronisation.run(
        connection_settings(), progress=lambda progress: stages.append(progress.stage)
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
    resolved = {entry.text: str(entry.account or entry.group) for entry in result.helpers}
    assert resolved[r"R2\Helpdesk Winnipeg"] == r"R2\Helpdesk Winnipeg"
    assert resolved[r"r2.local\mjones"] == r"R2\mjones"
    assert result.unknowns == ()
    assert GroupPolicy.objects.get(display_name="WinnipegGPO").firewall["dcom"] is True


@pytest.mark.parametrize(
    ("computer", "offers", "control", "codes"),
    [
        ("BDN-W10-01", True, False, []),
        ("GIM-W11-01", None, None, []),
        ("SLK-W11-01", False, None, []),
        ("FLF-W11-01", None, None, ["security_filter"]),
        ("CHU-W11-01", None, None, ["wmi_filter"]),
        ("ISO-W11-01", None, None, ["blocked_inheritance"]),
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


def test_a_second_run_changes_nothing(
    synced_directory: Domain, domain_content: DomainContent
) -> None:
    _, counts = applying.apply_content(
        domain_content, generation=2, removal_limit_percent=0, report=lambda stored: None
    )
    for kind, numbers in counts.items():
        assert numbers.get("added", 0) == 0, kind
        assert numbers.get("removed", 0) == 0, kind


def test_what_is_gone_is_kept_but_no_longer_present(
    synced_directory: Domain, domain_content: DomainContent
) -> None:
    gone = world.account(synced_directory, "leaver")
    applying.apply_content(
        domain_content, generation=2, removal_limit_percent=20, report=lambda stored: None
    )
    gone.refresh_from_db()
    assert not gone.is_present


def test_someone_who_comes_back_is_present_again(
    synced_directory: Domain, domain_content: DomainContent
) -> None:
    Account.objects.update(is_present=False)
    applying.apply_content(
        domain_content, generation=2, removal_limit_percent=20, report=lambda stored: None
    )
    assert find_account("mjones").is_present


def test_a_run_that_would_remove_too_much_stops_and_changes_nothing(
    synced_directory: Domain,
) -> None:
    for number in range(20):
        world.account(synced_directory, f"extra{number}")
    Group.objects.filter(sam_account_name="Helpdesk Winnipeg").update(description="before")
    with pytest.raises(TooManyRemovals) as refusal:
        synchronisation.run(connection_settings())
    assert "accounts" in refusal.value.sentence
    assert "--accept-removals" in refusal.value.remedy
    assert SyncRun.objects.latest().state == SyncRun.State.STOPPED
    assert Account.objects.get(sam_account_name="extra1").is_present
    assert Group.objects.get(sam_account_name="Helpdesk Winnipeg").description == "before"
    run = synchronisation.run(connection_settings(), accept_removals=True)
    assert run.counts["accounts"]["removed"] == 20
    assert not Account.objects.get(sam_account_name="extra1").is_present


def test_a_run_that_breaks_half_way_leaves_the_old_state(
    synced_directory: Domain, domain_content: DomainContent
) -> None:
    Computer.objects.filter(name="XP191").update(operating_system="before")
    broken = replace(
        domain_content,
        policies=[
            replace(policy, entry=replace(policy.entry, values={"cn": (b"no guid",)}))
            for policy in domain_content.policies
        ],
    )
    with pytest.raises(PortalError):
        applying.apply_content(
            broken, generation=2, removal_limit_percent=None, report=lambda stored: None
        )
    assert Computer.objects.get(name="XP191").operating_system == "before"


def test_two_runs_at_once_are_refused(lab_domain: object) -> None:
    now = timezone.now()
    other = SyncRun.objects.create(domain_dns_name="r2.local", started_at=now, heartbeat_at=now)
    with pytest.raises(SynchronisationRunning):
        synchronisation.run(connection_settings())
    other.heartbeat_at = now - timedelta(minutes=16)
    other.save()
    assert synchronisation.run(connection_settings()).state == SyncRun.State.SUCCEEDED
    other.refresh_from_db()
    assert other.state == SyncRun.State.ABANDONED


def test_a_wrong_password_of_the_reading_account_is_recorded(lab_domain: object) -> None:
    wrong = replace(connection_settings(), bind_password="wrong")
    with pytest.raises(CredentialsRefused):
        synchronisation.run(wrong)
    run = SyncRun.objects.latest()
    assert (run.state, run.error_code) == (SyncRun.State.FAILED, "credentials_refused")
    assert run.remedy
    assert "wrong" not in f"{run.error}{run.remedy}"


def test_the_command_ends_with_counts_and_one_line_of_json(lab_domain: object) -> None:
    out = StringIO()
    call_command("sync_directory", "--full", "--json", stdout=out)
    lines = out.getvalue().strip().splitlines()
    result = json.loads(lines[-1])
    assert result["state"] == "succeeded"
    assert result["counts"]["accounts"]["read"] >= len(lab_world.PEOPLE)
    assert any(line.startswith("computers") for line in lines)


def test_the_command_draws_a_bar_on_a_terminal(lab_domain: object) -> None:
    class Terminal(StringIO):
        def isatty(self) -> bool:
            return True

    out = Terminal()
    call_command("sync_directory", stdout=out)
    assert "100 % done" in out.getvalue()
    assert "\r[" in out.getvalue()


def test_the_command_tells_a_failure_in_json_and_fails(
    lab_domain: object, settings: Settings
) -> None:
    settings.DIRECTORY_BIND_PASSWORD = "wrong"
    out = StringIO()
    with pytest.raises(CommandError):
        call_command("sync_directory", "--json", stdout=out)
    result = json.loads(out.getvalue().strip().splitlines()[-1])
    assert (result["state"], result["code"]) == ("failed", "credentials_refused")


def test_the_command_knows_only_configured_domains() -> None:
    with pytest.raises(CommandError):
        call_command("sync_directory", "--domain", "elsewhere.test")


def test_the_task_does_the_same(lab_domain: object) -> None:
    assert app.tasks["directory.sync_directory"].name == sync_directory.name
    sync_directory.apply(throw=True)
    assert SyncRun.objects.latest().state == SyncRun.State.SUCCEEDED


def test_objects_are_known_by_their_guid(synced_directory: Domain) -> None:
    assert isinstance(find_account("mjones").guid, uuid.UUID)
    assert find_account("mjones").sid.startswith(synced_directory.sid)
