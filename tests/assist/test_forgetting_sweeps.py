"""What is kept of sweeps, how long, and that the report does not change by what is forgotten."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from assist.models import ComputerReadiness, ReadinessCause, ReadinessSweep
from assist.readiness.coverage import coverage
from assist.readiness.retention import forget_old
from assist.tasks import forget_old_readiness
from directory.models import Computer
from tests.assist.cast import NOW, Cast

pytestmark = pytest.mark.django_db
State = ReadinessSweep.State
DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def ninety_days(settings: Any) -> None:
    settings.READINESS_RETENTION_DAYS = 90


def ended(days: float, state: str = State.DONE, scope: str = "") -> ReadinessSweep:
    """A sweep that ended so many days ago."""
    at = NOW - days * DAY
    return ReadinessSweep.objects.create(
        scope_kind="unit" if scope else "all",
        scope_id=scope,
        scope_name=scope or "all computers",
        state=state,
        requested_by="test",
        started_at=at - timedelta(hours=1),
        finished_at=None if state == State.RUNNING else at,
    )


def found(computer: Computer, at: datetime, sweep: ReadinessSweep | None = None) -> None:
    """That the computer cannot be helped."""
    row = ComputerReadiness.objects.create(
        computer=computer, state="not_ready", cause="network.rpc", checked_at=at, sweep=sweep
    )
    ReadinessCause.objects.create(readiness=row, check_code="network.rpc", state="not_ready")


def kept() -> set[Any]:
    return set(ReadinessSweep.objects.values_list("pk", flat=True))


def test_sweeps_that_ended_long_ago_are_forgotten_and_others_stay() -> None:
    old = [ended(91), ended(200, State.CANCELLED), ended(91, State.FAILED)]
    recent = [ended(89), ended(1)]
    assert forget_old(NOW).sweeps == len(old)
    assert kept() == {sweep.pk for sweep in recent}
    assert forget_old(NOW).sweeps == 0


def test_the_newest_whole_sweep_of_each_scope_stays_however_old_it_is() -> None:
    older, whole, cancelled = ended(400), ended(300), ended(200, State.CANCELLED)
    other = ended(500, scope="Winnipeg")
    forget_old(NOW)
    assert kept() == {whole.pk, cancelled.pk, other.pk}
    ended(1, State.FAILED)
    forget_old(NOW)
    assert whole.pk in kept()
    assert cancelled.pk not in kept()
    ended(1)
    forget_old(NOW)
    assert not kept() & {older.pk, whole.pk}
    assert other.pk in kept()


def test_a_sweep_that_runs_stays() -> None:
    running = ended(400, State.RUNNING)
    ended(1)
    forget_old(NOW)
    assert running.pk in kept()


def test_results_of_computers_that_are_gone_are_forgotten(cast: Cast) -> None:
    gone, lately, back = (cast.add_computer(name) for name in ("GONE", "LATELY", "BACK"))
    found(gone, NOW - 91 * DAY)
    found(lately, NOW - 89 * DAY)
    found(back, NOW - 400 * DAY)
    ComputerReadiness.objects.create(
        computer=cast.add_computer("NEVER", is_present=False), requested_at=NOW - 91 * DAY
    )
    Computer.objects.filter(pk__in=[gone.pk, lately.pk]).update(is_present=False)
    assert forget_old(NOW).computers == 2
    assert set(ComputerReadiness.objects.values_list("computer__name", flat=True)) == {
        "LATELY",
        "BACK",
    }
    assert ReadinessCause.objects.count() == 2


def test_the_report_is_the_same_before_and_after(cast: Cast, settings: Any) -> None:
    settings.READINESS_MAXIMUM_AGE_SECONDS = 400 * 24 * 3600  # longer than sweeps are kept
    old = ended(200)
    ended(1)
    found(cast.xp191, NOW - 200 * DAY, old)
    found(cast.add_computer("FRESH"), NOW - DAY)
    found(cast.add_computer("GONE", is_present=False), NOW - 200 * DAY, old)
    before = coverage(NOW)
    assert before.counts.not_ready == 2
    forgotten = forget_old(NOW)
    assert (forgotten.sweeps, forgotten.computers) == (1, 1)
    assert coverage(NOW) == before


def test_the_scheduler_forgets_by_itself(settings: Any) -> None:
    named = {entry["task"] for entry in settings.CELERY_BEAT_SCHEDULE.values()}
    assert forget_old_readiness.name in named
    old, new = ended(100), ended(0)
    ReadinessSweep.objects.filter(pk=new.pk).update(started_at=timezone.now())
    ReadinessSweep.objects.filter(pk=old.pk).update(
        started_at=timezone.now() - 100 * DAY, finished_at=timezone.now() - 100 * DAY
    )
    forget_old_readiness.apply(throw=True)
    assert kept() == {new.pk}
