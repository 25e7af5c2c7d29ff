"""Several sweeps at once keep together to the pace that the settings give to one."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from assist import tasks
from assist.actors import Actor
from assist.models import ReadinessSweep
from assist.readiness import sweeps
from assist.readiness.facts import ExporterFacts, NameFacts
from assist.readiness.scopes import EVERYTHING, Scope, scope_of_unit
from assist.readiness.sweeps import sweep_cancel, sweep_in_turn, sweep_start, sweep_work
from directory.models import OrganizationalUnit
from tests.assist.cast import NOW, Cast

Row = ReadinessSweep


class Network:
    """What the computers see of the portal: when each is asked, and how many at once."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.begun: list[tuple[float, str]] = []
        self.now = self.most = 0
        self.seconds = 0.0

    def look_up(self, domain: str, dns_name: str) -> NameFacts:
        with self.lock:
            self.begun.append((time.monotonic(), dns_name))
            self.now += 1
            self.most = max(self.most, self.now)
        threading.Event().wait(self.seconds)
        with self.lock:
            self.now -= 1
        return NameFacts(dns_name, ())


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch) -> Network:
    found = Network()

    def call(names: NameFacts) -> ExporterFacts | None:
        return None

    monkeypatch.setattr("assist.readiness.checking.look_up", found.look_up)
    monkeypatch.setattr("assist.readiness.checking.call", call)
    monkeypatch.setattr(sweeps, "BATCH", 5)
    return found


def two_scopes(cast: Cast) -> tuple[Scope, Scope]:
    """All computers, and half of them."""
    unit = OrganizationalUnit.objects.create(
        guid=uuid.uuid4(),
        distinguished_name="OU=Gimli,DC=r2,DC=local",
        domain=cast.domain,
        name="Gimli",
    )
    for number in range(12):
        cast.add_computer(f"PC-{number:02}", ou=(cast.unit, unit)[number % 2])
    return EVERYTHING, scope_of_unit(unit)


def start(scope: Scope) -> ReadinessSweep:
    """A sweep begun now; one of a unit a second later."""
    at = NOW + timedelta(seconds=scope is not EVERYTHING)
    return sweep_start(actor=Actor.portal(), scope=scope, now=at, in_background=False)


@pytest.fixture
def scopes(cast: Cast, settings: Any) -> tuple[Scope, Scope]:
    settings.READINESS_SWEEP_PER_SECOND = 1000
    return two_scopes(cast)


@pytest.mark.django_db
def test_while_one_sweep_is_worked_at_another_asks_nothing(
    scopes: tuple[Scope, Scope], network: Network
) -> None:
    first, second = map(start, scopes)
    turns: list[tuple[bool, int]] = []

    def meanwhile(_: int) -> None:
        asked = len(network.begun)
        went_on = sweep_work(second.pk, now=lambda: NOW)
        turns.append((went_on, len(network.begun) - asked))
        assert sweep_in_turn(NOW) is None

    sweep_work(first.pk, now=lambda: NOW, progress=meanwhile)
    assert turns == [(False, 0)] * 3
    sweep_work(second.pk, now=lambda: NOW)
    second.refresh_from_db()
    assert (second.state, second.done) == (Row.State.DONE, 6)


@pytest.mark.django_db
def test_the_sweep_that_waited_longest_has_the_next_turn(
    scopes: tuple[Scope, Scope], network: Network
) -> None:
    first, second = map(start, scopes)
    minutes = iter(range(60))
    clock: Callable[[], Any] = lambda: NOW + timedelta(seconds=next(minutes))  # noqa: E731
    order = []
    while (turn := sweep_in_turn(NOW)) is not None:
        order.append("all" if turn == first.pk else "unit")
        sweep_work(turn, seconds=1e-9, now=clock)
    # 13 and 6 computers, five in a slice; the last slice of each finds nothing more.
    assert order == ["all", "unit", "all", "unit", "all", "unit", "all"]
    assert {row.state for row in Row.objects.all()} == {Row.State.DONE}
    assert second.pk != first.pk


@pytest.mark.django_db
def test_a_cancelled_sweep_keeps_the_turn_until_its_worker_is_through(
    scopes: tuple[Scope, Scope], network: Network
) -> None:
    first, second = map(start, scopes)
    seen: list[uuid.UUID | None] = []

    def cancel(_: int) -> None:
        sweep_cancel(actor=Actor.portal(), sweep=first)
        seen.append(sweep_in_turn(NOW))

    sweep_work(first.pk, now=lambda: NOW, progress=cancel)
    assert seen == [None]
    assert sweep_in_turn(NOW) == second.pk


@pytest.mark.django_db
def test_a_lost_worker_of_one_sweep_does_not_hold_the_others_for_ever(
    scopes: tuple[Scope, Scope], network: Network
) -> None:
    first, second = map(start, scopes)
    Row.objects.filter(pk=first.pk).update(
        worker=uuid.uuid4(), turn=sweeps.THE_TURN, heartbeat_at=NOW
    )
    soon, late = NOW + timedelta(minutes=1), NOW + sweeps.LOST + timedelta(seconds=1)
    assert sweep_in_turn(soon) is None
    assert not sweep_work(second.pk, now=lambda: soon)
    assert network.begun == []
    assert sweep_in_turn(late) == second.pk  # it has not had a turn yet
    sweep_work(second.pk, now=lambda: late)
    assert sweep_in_turn(late) == first.pk


@pytest.mark.django_db
def test_a_worker_that_ends_a_slice_sends_for_whichever_sweep_is_next(
    scopes: tuple[Scope, Scope], network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = map(start, scopes)
    sent: list[uuid.UUID] = []
    monkeypatch.setattr("assist.enqueue.sweep_readiness", sent.append)
    tasks.continue_readiness_sweeps()
    tasks.sweep_readiness(str(sent[-1]))  # the first is done in this slice
    tasks.sweep_readiness(str(sent[-1]))
    assert sent == [first.pk, second.pk]
    assert {row.state for row in Row.objects.all()} == {Row.State.DONE}


@pytest.mark.services
@pytest.mark.django_db(transaction=True)
def test_workers_that_begin_at_the_same_moment_keep_to_the_pace_together(
    network: Network, settings: Any, request: pytest.FixtureRequest
) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("needs a database that several threads can write to")
    cast: Cast = request.getfixturevalue("cast")
    settings.READINESS_SWEEP_PER_SECOND = 50
    settings.READINESS_SWEEP_AT_ONCE = 2
    network.seconds = 0.01
    both = [start(scope).pk for scope in two_scopes(cast)]
    together = threading.Barrier(6)
    problems: list[BaseException] = []

    def work(sweep_id: uuid.UUID) -> None:
        try:
            together.wait(30)
            while Row.objects.filter(state=Row.State.RUNNING).exists():
                sweep_work(sweep_in_turn(timezone.now()) or sweep_id, seconds=1e-9)
        except BaseException as error:  # a thread's failure is the test's
            problems.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=work, args=(both[number % 2],)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert problems == []
    assert len(network.begun) == 13 + 6  # each computer once in each sweep
    assert network.most <= 2
    begun = sorted(moment for moment, _ in network.begun)
    # Threads of the pool are late by chance, never early by more than that.
    assert begun[-1] - begun[0] >= (len(begun) - 1) / 50 - 0.05
