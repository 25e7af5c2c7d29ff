"""Which domains are due, and how long one that failed or stopped is left alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone
from pytest_django import Settings

from directory.configuration import DomainConfiguration, SyncSchedule, domain_configuration
from directory.models import Domain, SyncRun
from directory.synchronisation.schedule import due
from directory.tasks import forget_old_runs, sync_due_domains
from portal.celery import app
from tests.directory import world
from tests.environment import DOMAIN

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
Kind, State = SyncRun.Kind, SyncRun.State


@pytest.fixture
def configuration() -> DomainConfiguration:
    schedule = SyncSchedule(
        incremental_interval=timedelta(seconds=15), full_interval=timedelta(days=7), sweep_at=2
    )
    return replace(domain_configuration(DOMAIN), schedule=schedule)


@pytest.fixture
def r2() -> Domain:
    domain = world.domain()
    domain.synced_at = NOON - timedelta(seconds=10)
    domain.save()
    return domain


def ran(kind: str, state: str, ago: timedelta) -> SyncRun:
    moment = NOON - ago
    return SyncRun.objects.create(
        domain_dns_name=DOMAIN,
        kind=kind,
        state=state,
        started_at=moment,
        heartbeat_at=moment,
        finished_at=moment,
    )


def kinds(configuration: DomainConfiguration, now: datetime = NOON) -> list[str]:
    return [run.kind for run in due([configuration], now)]


def test_a_domain_never_read_is_read_in_full(configuration: DomainConfiguration) -> None:
    assert kinds(configuration) == [Kind.FULL]


def test_changes_are_looked_for_after_the_interval(
    configuration: DomainConfiguration, r2: Domain
) -> None:
    ran(Kind.FULL, State.SUCCEEDED, timedelta(hours=1))
    assert kinds(configuration) == []
    assert kinds(configuration, NOON + timedelta(seconds=5)) == [Kind.INCREMENTAL]


def test_everything_is_read_again_after_a_week(
    configuration: DomainConfiguration, r2: Domain
) -> None:
    ran(Kind.FULL, State.SUCCEEDED, timedelta(days=7))
    assert kinds(configuration) == [Kind.FULL]


def test_a_sweep_is_due_once_its_hour_has_come(
    configuration: DomainConfiguration, r2: Domain
) -> None:
    ran(Kind.FULL, State.SUCCEEDED, timedelta(days=2))
    assert kinds(configuration) == [Kind.SWEEP]
    ran(Kind.SWEEP, State.SUCCEEDED, timedelta(hours=9, minutes=59))
    assert kinds(configuration) == []
    tomorrow = NOON + timedelta(hours=14)
    assert kinds(configuration, tomorrow - timedelta(seconds=1)) == [Kind.INCREMENTAL]
    assert kinds(configuration, tomorrow) == [Kind.SWEEP]


@pytest.mark.parametrize(
    ("failures", "waits"),
    [(1, timedelta(seconds=30)), (3, timedelta(minutes=2)), (9, timedelta(minutes=15))],
)
def test_after_failures_the_next_try_waits_longer_each_time(
    configuration: DomainConfiguration, r2: Domain, failures: int, waits: timedelta
) -> None:
    ran(Kind.FULL, State.SUCCEEDED, timedelta(hours=1))
    for _ in range(failures):
        ran(Kind.INCREMENTAL, State.FAILED, timedelta(0))
    assert kinds(configuration, NOON + waits - timedelta(seconds=1)) == []
    assert kinds(configuration, NOON + waits) == [Kind.INCREMENTAL]


def test_a_sweep_that_stopped_lets_changes_be_followed(
    configuration: DomainConfiguration, r2: Domain
) -> None:
    ran(Kind.FULL, State.SUCCEEDED, timedelta(days=2))
    ran(Kind.SWEEP, State.STOPPED, timedelta(minutes=5))
    assert kinds(configuration, NOON + timedelta(seconds=5)) == [Kind.INCREMENTAL]
    assert kinds(configuration, NOON + timedelta(minutes=55)) == [Kind.SWEEP]


def test_a_stopped_run_is_not_repeated_every_few_seconds(
    configuration: DomainConfiguration, r2: Domain
) -> None:
    ran(Kind.FULL, State.SUCCEEDED, timedelta(hours=1))
    ran(Kind.INCREMENTAL, State.STOPPED, timedelta(minutes=5))
    assert kinds(configuration, NOON + timedelta(minutes=1)) == []
    assert kinds(configuration, NOON + timedelta(minutes=55)) == [Kind.INCREMENTAL]


@pytest.mark.parametrize("state", [State.RUNNING, State.ABANDONED])
def test_a_run_that_goes_on_is_not_asked_for_again(
    configuration: DomainConfiguration, r2: Domain, state: str
) -> None:
    ran(Kind.FULL, State.SUCCEEDED, timedelta(hours=1))
    ran(Kind.INCREMENTAL, state, timedelta(seconds=20))
    assert kinds(configuration, NOON + timedelta(seconds=5)) == []
    assert kinds(configuration, NOON + timedelta(seconds=10)) == [Kind.INCREMENTAL]


def test_old_runs_are_forgotten(settings: Settings) -> None:
    settings.DIRECTORY_RUN_RETENTION_DAYS = 90
    old = ran(Kind.FULL, State.SUCCEEDED, timedelta(days=0))
    recent = ran(Kind.FULL, State.SUCCEEDED, timedelta(days=0))
    SyncRun.objects.filter(pk=old.pk).update(started_at=timezone.now() - timedelta(days=91))
    SyncRun.objects.filter(pk=recent.pk).update(started_at=timezone.now() - timedelta(days=89))
    forget_old_runs.apply(throw=True)
    assert list(SyncRun.objects.all()) == [recent]


def test_what_is_due_is_asked_for_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[tuple[str, tuple[str, ...]]] = []
    monkeypatch.setattr(
        "directory.tasks.current_app.send_task",
        lambda name, arguments, **options: sent.append((name, arguments)),
    )
    sync_due_domains.apply(throw=True)
    assert sent == [("directory.sync_directory", (DOMAIN, Kind.FULL))]
    assert "directory.sync_directory" in app.tasks
