"""Sweeps: what they check, how gently, and what becomes of them when things go wrong."""

from __future__ import annotations

import io
import json
import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from assist.actors import Actor
from assist.enqueue import SWEEP_READINESS
from assist.errors import InvalidInput, NotAllowed, SweepRunning
from assist.models import AuditEvent, ComputerReadiness, ReadinessSweep, SavedSearch
from assist.readiness import sweeps
from assist.readiness.checking import Pace, check
from assist.readiness.coverage import computers_of, coverage
from assist.readiness.facts import ExporterFacts, NameFacts
from assist.readiness.gathering import background
from assist.readiness.judging import FUNCTIONS
from assist.readiness.scopes import (
    EVERYTHING,
    computers_in,
    scope_of_search,
    scope_of_unit,
    search_named,
    search_save,
    unit_named,
)
from assist.readiness.sweeps import sweep_cancel, sweep_start, sweep_to_continue, sweep_work
from directory.models import Computer, OrganizationalUnit
from tests.assist.cast import NOW, Cast

pytestmark = pytest.mark.django_db
State = ReadinessSweep.State
LATER = NOW + timedelta(minutes=1)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names that were looked up; the network itself is for the tests in the lab."""
    names: list[str] = []

    def look_up(domain: str, dns_name: str) -> NameFacts:
        names.append(dns_name)
        return NameFacts(dns_name, ())

    def call(found: NameFacts) -> ExporterFacts | None:
        return None

    monkeypatch.setattr("assist.readiness.checking.look_up", look_up)
    monkeypatch.setattr("assist.readiness.checking.call", call)
    return names


@pytest.fixture
def many(cast: Cast, settings: Any) -> Cast:
    """Twelve computers more, half of them in a unit below Winnipeg."""
    settings.READINESS_SWEEP_PER_SECOND = 1000
    below = OrganizationalUnit.objects.create(
        guid=uuid.uuid4(),
        distinguished_name="OU=Isolated,OU=Winnipeg,DC=r2,DC=local",
        domain=cast.domain,
        name="Isolated",
        parent=cast.unit,
    )
    elsewhere = OrganizationalUnit.objects.create(
        guid=uuid.uuid4(),
        distinguished_name="OU=Gimli,DC=r2,DC=local",
        domain=cast.domain,
        name="Gimli",
    )
    for number in range(12):
        cast.add_computer(f"PC-{number:02}", ou=(below, elsewhere)[number % 2])
    return cast


def run(*arguments: str) -> Any:
    """The object that the command ends with."""
    output = io.StringIO()
    call_command("sweep_readiness", *arguments, "--json", stdout=output)
    return json.loads(output.getvalue().splitlines()[-1])


def start(**arguments: Any) -> ReadinessSweep:
    defaults: dict[str, Any] = {"actor": Actor.portal(), "scope": EVERYTHING, "now": NOW}
    return sweep_start(**(defaults | arguments))


def test_a_sweep_checks_every_computer_once(many: Cast, asked: list[str]) -> None:
    sweep = start()
    assert sweep_work(sweep.pk, now=lambda: NOW) is False
    sweep.refresh_from_db()
    assert (sweep.state, sweep.done, sweep.total, sweep.not_ready) == (State.DONE, 13, 13, 13)
    assert len(asked) == len(set(asked)) == 13
    rows = ComputerReadiness.objects.all()
    assert {row.cause for row in rows} == {"name.forward", "policy.offers"}
    assert {row.sweep_id for row in rows} == {sweep.pk}
    assert AuditEvent.objects.get(kind="readiness.sweep_started").subject_name == "all computers"


def test_a_unit_is_swept_with_what_is_below_it(many: Cast, asked: list[str]) -> None:
    sweep = start(scope=scope_of_unit(many.unit))
    sweep_work(sweep.pk, now=lambda: NOW)
    assert len(asked) == 7
    assert not any("pc-01" in name for name in asked)


def test_a_saved_search_is_swept(many: Cast, asked: list[str]) -> None:
    search_save(
        actor=Actor.portal(), name="Tens", text="pc-1", unit="", operating_system="", now=NOW
    )
    sweep = start(scope=scope_of_search(search_named("tens")))
    sweep_work(sweep.pk, now=lambda: NOW)
    assert sorted(asked) == ["pc-10.r2.local", "pc-11.r2.local"]
    SavedSearch.objects.all().delete()
    with pytest.raises(InvalidInput, match="gone"):
        computers_in(scope_of_search(SavedSearch(pk=1, name="Tens")))


@pytest.mark.parametrize(
    ("conditions", "count"),
    [
        ({"text": "XP"}, 1),
        ({"text": "pc", "unit": "Gimli"}, 6),
        ({"unit": "OU=Winnipeg,DC=r2,DC=local"}, 7),
        ({"operating_system": "windows 11"}, 0),
        ({}, 13),
    ],
)
def test_a_saved_search_finds_what_meets_all_of_it(
    many: Cast, conditions: dict[str, str], count: int
) -> None:
    filled = {"text": "", "unit": "", "operating_system": ""} | conditions
    found = search_save(actor=Actor.portal(), name="It", now=NOW, **filled)
    assert computers_in(scope_of_search(found)).count() == count
    with pytest.raises(InvalidInput, match="already"):
        search_save(actor=Actor.portal(), name="it", now=NOW, **filled)


def test_units_and_searches_that_are_not_there_are_said(many: Cast) -> None:
    for name in ("Nowhere", ""):
        with pytest.raises(InvalidInput):
            unit_named(name)
    with pytest.raises(InvalidInput):
        search_named("Nothing")
    assert unit_named("gimli").name == unit_named("OU=Gimli").name == "Gimli"


def test_only_one_sweep_of_a_scope_runs(many: Cast) -> None:
    first = start()
    with pytest.raises(SweepRunning):
        start()
    start(scope=scope_of_unit(many.unit))
    sweep_cancel(actor=Actor.portal(), sweep=first)
    start()
    assert AuditEvent.objects.filter(kind="readiness.sweep_cancelled").count() == 1


@pytest.mark.parametrize("person", ["mjones", "aauditor"])
def test_sweeps_are_for_managers_and_operators(many: Cast, person: str) -> None:
    with pytest.raises(NotAllowed):
        start(actor=many.actor(person))
    sweep = start(actor=many.actor("tmanager"))
    with pytest.raises(NotAllowed):
        sweep_cancel(actor=many.actor(person), sweep=sweep)
    sweep_cancel(actor=many.actor("ooperator"), sweep=sweep)


def test_a_slice_ends_in_time_and_the_next_goes_on_behind_it(
    many: Cast, asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweeps, "BATCH", 5)
    sweep = start()
    done: list[int] = []
    assert sweep_work(sweep.pk, seconds=1e-9, now=lambda: NOW, progress=done.append) is True
    sweep.refresh_from_db()
    assert (sweep.is_running, sweep.worker, sweep.percent) == (True, None, 38)
    assert sweep_work(sweep.pk, now=lambda: NOW, progress=done.append) is False
    assert done == [5, 5, 3]
    assert len(set(asked)) == 13


def test_a_sweep_whose_worker_was_lost_goes_on_where_it_stood(
    many: Cast, asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweeps, "BATCH", 5)
    sweep = start()

    class Killed(BaseException):
        pass

    def killed(done: int) -> None:
        raise Killed

    with pytest.raises(Killed):
        sweep_work(sweep.pk, now=lambda: NOW, progress=killed)
    # A process that is killed lets nothing go: put its claim back.
    ReadinessSweep.objects.filter(pk=sweep.pk).update(
        worker=uuid.uuid4(), turn=sweeps.THE_TURN, heartbeat_at=NOW
    )
    assert sweep_to_continue(LATER) is None
    assert sweep_work(sweep.pk, now=lambda: LATER) is False
    assert len(asked) == 5
    much_later = NOW + sweeps.LOST + timedelta(seconds=1)
    assert sweep_to_continue(much_later) == sweep.pk
    sweep_work(sweep.pk, now=lambda: much_later)
    sweep.refresh_from_db()
    assert (sweep.state, sweep.done) == (State.DONE, 13)
    assert len(asked) == len(set(asked)) == 13


def test_a_worker_that_comes_back_late_stores_nothing(
    many: Cast, asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweeps, "BATCH", 5)
    sweep = start()

    def taken_over(done: int) -> None:
        ReadinessSweep.objects.filter(pk=sweep.pk).update(worker=uuid.uuid4())

    assert sweep_work(sweep.pk, now=lambda: NOW, progress=taken_over) is False
    sweep.refresh_from_db()
    assert (sweep.done, ComputerReadiness.objects.count()) == (5, 5)
    assert sweep.worker is not None


def test_a_cancelled_sweep_stops_and_keeps_what_was_found(
    many: Cast, asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweeps, "BATCH", 5)
    sweep = start()
    cancel: Callable[[int], None] = lambda done: sweep_cancel(  # noqa: E731
        actor=Actor.portal(), sweep=sweep
    )
    assert sweep_work(sweep.pk, now=lambda: NOW, progress=cancel) is False
    sweep.refresh_from_db()
    assert (sweep.state, ComputerReadiness.objects.count()) == (State.CANCELLED, 5)
    assert sweep_work(sweep.pk, now=lambda: NOW) is False
    assert sweep_to_continue(NOW + timedelta(days=1)) is None


def test_a_sweep_runs_in_the_permitted_hours_alone(
    many: Cast, asked: list[str], settings: Any
) -> None:
    settings.READINESS_SWEEP_HOURS = frozenset({20, 21})  # it is nine o'clock
    sweep = start()
    assert sweep_work(sweep.pk, now=lambda: NOW) is False
    assert asked == []
    assert sweep_to_continue(NOW) is None
    evening = NOW + timedelta(hours=11)
    assert sweep_to_continue(evening) == sweep.pk
    urgent = start(scope=scope_of_unit(many.unit), ignores_window=True)
    assert sweep_to_continue(NOW) == urgent.pk


def test_a_sweep_of_a_scope_that_is_gone_fails_with_the_reason(many: Cast) -> None:
    search = search_save(
        actor=Actor.portal(), name="It", text="", unit="", operating_system="", now=NOW
    )
    sweep = start(scope=scope_of_search(search))
    search.delete()
    sweep_work(sweep.pk, now=lambda: NOW)
    sweep.refresh_from_db()
    assert (sweep.state, "gone" in sweep.error) == (State.FAILED, True)


def test_a_sweep_of_everything_begins_by_itself_when_it_is_due(many: Cast, settings: Any) -> None:
    assert sweep_to_continue(NOW) is None
    settings.READINESS_SWEEP_EVERY_HOURS = 24
    first = sweep_to_continue(NOW)
    assert first is not None
    assert sweep_to_continue(NOW) == first
    ReadinessSweep.objects.update(state=State.DONE)
    assert sweep_to_continue(NOW + timedelta(hours=23)) is None
    second = sweep_to_continue(NOW + timedelta(hours=25))
    assert second not in (None, first)
    # One that takes longer than its interval is not overtaken.
    assert sweep_to_continue(NOW + timedelta(hours=60)) == second


def test_no_more_computers_are_begun_in_a_second_than_is_permitted(
    many: Cast, monkeypatch: pytest.MonkeyPatch, asked: list[str]
) -> None:
    clock = [100.0]
    begun: list[float] = []
    monkeypatch.setattr("assist.readiness.checking.time.monotonic", lambda: clock[0])

    def sleep(seconds: float) -> None:
        clock[0] += seconds
        begun.append(clock[0])

    monkeypatch.setattr("assist.readiness.checking.time.sleep", sleep)
    computers = list(Computer.objects.select_related("domain")[:8])
    check(computers, now=lambda: NOW, pace=Pace(per_second=4, at_once=2))
    assert begun == pytest.approx([100 + number / 4 for number in range(9)])


def test_computers_that_are_not_in_use_are_left_alone(many: Cast, asked: list[str]) -> None:
    Computer.objects.update(is_enabled=False)
    computers = list(Computer.objects.select_related("domain"))
    found = check(computers, now=lambda: NOW)
    assert asked == []
    assert {item.cause for item in found} == {"directory.known"}


def test_checking_more_computers_asks_no_more_of_the_database(
    many: Cast, asked: list[str], django_assert_num_queries: Any
) -> None:
    computers = list(Computer.objects.select_related("domain", "ou"))
    behind = background(with_picture=True)
    with django_assert_num_queries(3) as few:
        check(computers[:1], now=lambda: NOW, behind=behind)
    with django_assert_num_queries(len(few)):
        check(computers, now=lambda: NOW, behind=behind)


def sweep_all(now: Any = NOW) -> None:
    sweep = start(now=now)
    sweep_work(sweep.pk, now=lambda: now)


def test_the_report_counts_each_computer_once(many: Cast, asked: list[str]) -> None:
    assert coverage(NOW).counts.unchecked == 13
    Computer.objects.filter(name="PC-01").update(is_enabled=False)
    sweep_all()
    many.add_computer("PC-NEW")
    report = coverage(LATER)
    counts = report.counts
    assert (counts.ready, counts.not_ready, counts.unknown, counts.unchecked) == (0, 13, 0, 1)
    assert counts.total == 14
    first = {cause.code: cause.stopped for cause in report.causes if cause.stopped}
    assert first == {"directory.known": 1, "policy.offers": 5, "name.forward": 7}
    everywhere = {cause.code: cause.not_ready for cause in report.causes if cause.not_ready}
    assert everywhere["kerberos.spn"] == 13
    assert {unit.name: unit.counts.total for unit in report.units} == {
        "Winnipeg": 2,
        "Isolated": 6,
        "Gimli": 6,
    }
    assert (report.oldest, report.newest) == (NOW, NOW)


def test_the_report_of_a_unit_counts_what_is_below_it(many: Cast, asked: list[str]) -> None:
    sweep_all()
    assert coverage(LATER, unit=many.unit.pk).counts.total == 7
    gimli = OrganizationalUnit.objects.get(name="Gimli")
    assert coverage(LATER, unit=gimli.pk).causes[0].not_ready == 6


def test_old_results_do_not_count(many: Cast, asked: list[str], settings: Any) -> None:
    settings.READINESS_MAXIMUM_AGE_SECONDS = 3600
    sweep_all()
    later = NOW + timedelta(hours=2)
    assert coverage(later).counts.unchecked == 13
    assert coverage(later).causes == []
    assert computers_of(later, bucket="unchecked").count() == 13
    assert computers_of(later, cause="name.forward").count() == 0


def test_numbers_of_the_report_lead_to_their_computers(many: Cast, asked: list[str]) -> None:
    sweep_all()
    many.add_computer("PC-NEW")
    report = coverage(LATER)
    for bucket in ("ready", "not_ready", "unknown", "unchecked"):
        assert computers_of(LATER, bucket=bucket).count() == getattr(report.counts, bucket)
    for cause in report.causes:
        wanted = max(cause.stopped + cause.unclear, cause.not_ready + cause.warned)
        assert computers_of(LATER, cause=cause.code).count() == wanted, cause


def test_the_report_asks_the_database_the_same_however_many_computers(
    many: Cast, asked: list[str], django_assert_num_queries: Any
) -> None:
    with django_assert_num_queries(5):
        coverage(NOW)
    sweep_all()
    with django_assert_num_queries(5):
        coverage(LATER)


def test_the_command_sweeps_and_ends_with_json(many: Cast, asked: list[str]) -> None:
    told = run("--ou", "Gimli")
    assert (told["state"], told["done"], told["not_ready"]) == ("done", 6, 6)
    assert told["scope"] == "OU=Gimli,DC=r2,DC=local"


def test_the_command_leaves_a_sweep_to_the_workers_and_cancels_it(
    many: Cast, monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Any
) -> None:
    sent: list[tuple[Any, ...]] = []
    monkeypatch.setattr(
        "assist.enqueue.current_app.send_task",
        lambda name, args, **options: sent.append((name, *args)),
    )
    with django_capture_on_commit_callbacks(execute=True):
        told = run("--all", "--background")
    assert (told["state"], told["done"]) == ("running", 0)
    assert sent == [(SWEEP_READINESS, told["id"])]
    assert run("--all", "--cancel")["state"] == "cancelled"
    with pytest.raises(CommandError, match="No sweep"):
        run("--all", "--cancel")


@pytest.mark.parametrize("arguments", [("--ou", "Nowhere"), ("--search", "Nothing")])
def test_the_command_refuses_what_is_not_there(many: Cast, arguments: tuple[str, str]) -> None:
    with pytest.raises(CommandError) as error:
        run(*arguments)
    assert error.value.returncode == 2


def test_results_of_a_sweep_replace_those_of_a_look(many: Cast, asked: list[str]) -> None:
    """Whom a look found is not kept longer than until the next check."""
    now = timezone.now()
    ComputerReadiness.objects.create(
        computer=many.xp191,
        state="ready",
        results={"session.users": {"sentence": r"R2\bsmith"}},
        checked_at=now,
    )
    sweep_all(now)
    assert "bsmith" not in str(ComputerReadiness.objects.get(pk=many.xp191.pk).results)


@pytest.mark.parametrize(
    "place",
    ["judging.FUNCTIONS", "checking.facts_of", "checking.look_up"],
)
def test_a_computer_that_the_portal_cannot_cope_with_stops_no_sweep(
    many: Cast, asked: list[str], monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    def broken(*_: object) -> None:
        raise ValueError("as no test foresaw")

    new: object = dict.fromkeys(FUNCTIONS, broken) if place.endswith("FUNCTIONS") else broken
    monkeypatch.setattr(f"assist.readiness.{place}", new)
    sweep = start()
    sweep_work(sweep.pk, now=lambda: NOW)
    sweep.refresh_from_db()
    assert (sweep.state, sweep.done, sweep.ready) == (State.DONE, 13, 0)
    assert "made a mistake" in str(ComputerReadiness.objects.get(pk=many.xp191.pk).results)
