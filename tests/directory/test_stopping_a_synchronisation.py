"""Runs that must not be carried out, or break: the old picture stays."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
from django.db import connection
from django.utils import timezone

from directory import synchronisation
from directory.configuration import domain_configuration
from directory.ldap.errors import CredentialsRefused
from directory.models import Account, Computer, Domain, Group, SyncRun
from directory.names import find_account
from directory.synchronisation import SynchronisationRunning, TooManyRemovals
from directory.synchronisation.locks import alone
from tests.directory import world
from tests.environment import DOMAIN

pytestmark = [pytest.mark.lab, pytest.mark.django_db]


def read(kind: str = SyncRun.Kind.FULL, *, accept_removals: bool = False) -> SyncRun:
    return synchronisation.run(
        domain_configuration(DOMAIN), kind=kind, accept_removals=accept_removals
    )


def test_a_second_run_changes_nothing(synced_directory: Domain) -> None:
    read()  # what tests before this one did in the lab, such as signing in
    for kind, numbers in read().counts.items():
        assert (numbers["added"], numbers["changed"], numbers["removed"]) == (0, 0, 0), kind


def test_what_is_gone_is_kept_but_no_longer_present(synced_directory: Domain) -> None:
    gone = world.account(synced_directory, "leaver")
    read()
    gone.refresh_from_db()
    assert not gone.is_present


def test_someone_who_comes_back_is_present_again(synced_directory: Domain) -> None:
    Account.objects.update(is_present=False)
    assert read().counts["accounts"]["added"] > 10
    assert find_account("mjones").is_present


def test_a_changed_value_is_mended_and_noted(synced_directory: Domain) -> None:
    Computer.objects.filter(name="XP191").update(operating_system="wrong")
    run = read()
    assert run.counts["computers"]["changed"] == 1
    xp191 = Computer.objects.get(name="XP191")
    assert xp191.operating_system != "wrong"
    assert (xp191.recorded_run, xp191.recorded_at is not None) == (run.pk, True)


@pytest.mark.parametrize("kind", [SyncRun.Kind.FULL, SyncRun.Kind.SWEEP])
def test_a_run_that_would_remove_too_much_stops_and_changes_nothing(
    synced_directory: Domain, kind: str
) -> None:
    for number in range(20):
        world.account(synced_directory, f"extra{number}")
    with pytest.raises(TooManyRemovals) as refusal:
        read(kind)
    assert "accounts" in refusal.value.sentence
    assert "--accept-removals" in refusal.value.remedy
    assert SyncRun.objects.latest().state == SyncRun.State.STOPPED
    assert Account.objects.get(sam_account_name="extra1").is_present
    run = read(kind, accept_removals=True)
    assert run.counts["accounts"]["removed"] == 20
    assert not Account.objects.get(sam_account_name="extra1").is_present


def test_of_few_objects_one_may_go_but_not_all(synced_directory: Domain) -> None:
    world.site(synced_directory, "Closed office")
    assert read().counts["sites"]["removed"] == 1


def test_a_run_that_breaks_while_it_stores_leaves_the_old_picture(
    synced_directory: Domain, monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_off() -> None:
        raise OSError("the disk is full")

    Computer.objects.filter(name="XP191").update(operating_system="before")
    Group.objects.filter(sam_account_name="Helpdesk Winnipeg").update(description="before")
    monkeypatch.setattr("directory.synchronisation.storing.store_helper_entries", break_off)
    with pytest.raises(OSError, match="disk"):
        read()
    assert Computer.objects.get(name="XP191").operating_system == "before"
    assert SyncRun.objects.latest().state == SyncRun.State.FAILED


@contextmanager
def _held_elsewhere() -> Iterator[None]:
    """Another process's lock, held by a thread with a database session of its own."""
    held, release = threading.Event(), threading.Event()

    def hold() -> None:
        try:
            with alone(DOMAIN):
                held.set()
                release.wait(30)
        finally:
            connection.close()

    thread = threading.Thread(target=hold)
    thread.start()
    try:
        assert held.wait(10)
        yield
    finally:
        release.set()
        thread.join()


def test_two_runs_at_once_are_refused(lab_domain: object) -> None:
    with _held_elsewhere(), pytest.raises(SynchronisationRunning):
        read()
    assert read().state == SyncRun.State.SUCCEEDED


def test_a_run_whose_process_was_lost_does_not_stand_in_the_way(lab_domain: object) -> None:
    now = timezone.now()
    lost = SyncRun.objects.create(domain_dns_name=DOMAIN, started_at=now, heartbeat_at=now)
    assert read().state == SyncRun.State.SUCCEEDED
    lost.refresh_from_db()
    assert lost.state == SyncRun.State.ABANDONED


def test_a_wrong_password_of_the_reading_account_is_recorded(lab_domain: object) -> None:
    right = domain_configuration(DOMAIN)
    wrong = replace(right, connection=replace(right.connection, bind_password="wrong"))
    with pytest.raises(CredentialsRefused):
        synchronisation.run(wrong)
    run = SyncRun.objects.latest()
    assert (run.state, run.error_code) == (SyncRun.State.FAILED, "credentials_refused")
    assert run.remedy
    assert "wrong" not in f"{run.error}{run.remedy}"
