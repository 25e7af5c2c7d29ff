"""Workers killed in the middle of offers: none is lost, and nobody is asked twice.

Each offer goes to a computer of its own, so that whatever starts Remote Assistance a second time
shows in what the computers wrote down.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import psycopg
import pytest

from assist.lifecycle import ENDS, State, may_follow
from lab.demo.product import CHECKOUT, Product
from tests.conftest import Lab
from tests.environment import ROOT, sample_size
from tests.services import wait_for

pytestmark = [pytest.mark.load, pytest.mark.services]

OFFERS = sample_size(20, soak=200)
KILLS = sample_size(4, soak=30)
SEED = int(os.environ.get("KILLS_SEED", "1"))
WORKERS = 2
SETTINGS = {
    "NOVICE_SUBNETS": "127.1.0.0/16",
    "OFFERS_PER_EXPERT_PER_HOUR": "100000",
    "OFFER_BURST_COUNT": "100000",
    "CONTACT_CONNECT_TIMEOUT_SECONDS": "1",
    "CONTACT_CALL_TIMEOUT_SECONDS": "2",
    "CONTACT_TOTAL_TIMEOUT_SECONDS": "3",
    "OPENING_TIMEOUT_SECONDS": "5",
    "OFFER_SWEEP_INTERVAL_SECONDS": "1",
    "AUDIT_SEAL_INTERVAL_SECONDS": "1",
}
PAUSE_SECONDS = 0.05  # before each of a computer's dozen answers: no moment is too short to meet
LONGEST_DELAY_SECONDS = 1.0  # more than an offer takes
AFTER_MARKER_SECONDS = 0.5  # about what that takes which starts Remote Assistance
Ask = Callable[..., list[Any]]
WAITING = [State.QUEUED.value, State.CONTACTING.value]
ENDED = [state.value for state in ENDS]
STEPS = {f"offer.{state}" for state in State}


@dataclass
class Workers:
    """Processes that take offers; each is a group with its children, and is killed as one."""

    product: Product
    groups: list[subprocess.Popen[bytes]] = field(default_factory=list)
    started: int = 0

    def add(self) -> None:
        self.started += 1
        name = f"worker-{self.started}"
        self.groups.append(
            self.product.start_process(
                name,
                *[sys.executable, "-m", "celery", "-A", "portal", "worker", "--queues", "offers"],
                *["--concurrency", "2", "--hostname", f"{name}@%h", "--loglevel", "INFO"],
            )
        )

    def are_ready(self) -> bool:
        return all(
            " ready." in (self.product.directory / f"log/{name}.log").read_text()
            for name in self.product.processes
            if name.startswith("worker-")
        )

    def kill(self, number: int) -> None:
        """So many of them, at once, without a last word."""
        killed, self.groups = self.groups[:number], self.groups[number:]
        for group in killed:
            os.killpg(group.pid, signal.SIGKILL)
        for group in killed:
            group.wait()

    def fill_up(self) -> None:
        while len(self.groups) < WORKERS:
            self.add()


@pytest.fixture(scope="module")
def computers(lab_domain: Lab) -> Iterator[Lab]:
    """As many computers as offers, all alike; nothing is written down of them yet."""

    def start(count: int) -> None:
        subprocess.run(
            [sys.executable, "-m", "lab", "computers", "--count", str(count), "--processes", "1"]
            + ["--pause-seconds", str(PAUSE_SECONDS)],
            cwd=ROOT,
            check=True,
        )

    for journal in (lab_domain.directory / "load").glob("calls-*.jsonl"):
        journal.unlink()
    start(OFFERS)
    yield lab_domain
    start(0)


@pytest.fixture(scope="module")
def installation(computers: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """All of the product but the workers for offers; those are killed here."""
    server, _, _ = os.environ["DATABASE_URL"].rpartition("/")
    subprocess.run(
        ["psql", "-q", f"{server}/postgres", "-c", "CREATE DATABASE killed_workers"], check=True
    )
    product = Product(
        tmp_path_factory.mktemp("killed"),
        computers.directory,
        settings=SETTINGS | {"DATABASE_URL": f"{server}/killed_workers"},
    )
    product.start_redis()
    try:
        product.prepare(lambda what: None)
        celery = [sys.executable, "-m", "celery", "-A", "portal"]
        queues = ["--queues", "events,timers,background", "--concurrency", "2"]
        product.start_process("background-worker", *celery, "worker", *queues)
        schedule = str(product.directory / "celerybeat-schedule")
        product.start_process("scheduler", *celery, "beat", "--schedule", schedule, "--pidfile", "")
        yield product
    finally:
        product.stop()


@pytest.fixture(scope="module")
def ask(installation: Product) -> Iterator[Ask]:
    """Rows of the installation's own database."""
    with psycopg.connect(installation.environment["DATABASE_URL"], autocommit=True) as database:
        yield lambda statement, *values: database.execute(statement, values or None).fetchall()


def count_in(ask: Ask, states: list[str]) -> int:
    ((count,),) = ask("SELECT count(*) FROM assist_offer WHERE state = ANY(%s)", states)
    return int(count)


def wait_for_marker(ask: Ask) -> None:
    """Until a worker may have started Remote Assistance and has not written so.

    That is a small part of an offer's time, and the one that matters most: not left to chance.
    """
    under_way = (
        "SELECT count(*) FROM assist_offer WHERE state = 'contacting' AND starting_at IS NOT NULL"
    )
    deadline = time.monotonic() + 60
    while ask(under_way) == [(0,)]:
        assert time.monotonic() < deadline, "no worker came to its marker"
        time.sleep(0.005)


@pytest.fixture(scope="module")
def story(installation: Product, ask: Ask) -> str:
    """Every offer asked for, every kill done, every offer at its end; and says how they ended."""
    chance = random.Random(SEED)
    workers = Workers(installation)
    mary = subprocess.Popen(
        [sys.executable, "-m", "tests.end_to_end.many_offers"],
        cwd=CHECKOUT,
        env=installation.environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert mary.stdin
    assert mary.stdout
    try:
        for kill in range(KILLS):
            workers.fill_up()
            wait_for(workers.are_ready, "the workers", 60)
            first, following = OFFERS * kill // KILLS, OFFERS * (kill + 1) // KILLS
            mary.stdin.write(f"LOAD-{first:05d} {following - first} queue\n")
            mary.stdin.flush()
            wait_for(lambda: count_in(ask, WAITING) > 0, "an offer on its way", 60)
            if kill % 2:
                wait_for_marker(ask)
                time.sleep(chance.uniform(0, AFTER_MARKER_SECONDS))
                workers.kill(WORKERS)
            else:
                time.sleep(chance.uniform(0, LONGEST_DELAY_SECONDS))
                workers.kill(1)
            assert mary.stdout.readline()
        workers.fill_up()
        wait_for(lambda: count_in(ask, ENDED) == OFFERS, "the end of every offer", 240)
    finally:
        mary.kill()
        workers.kill(WORKERS)
    ends = ask("SELECT state, end_code, losses, count(*) FROM assist_offer GROUP BY 1, 2, 3")
    told = f"seed {SEED}: {sorted(ends, key=str)}"
    print(told)
    return told


def test_every_offer_ends_and_the_killed_workers_left_their_mark(ask: Ask, story: str) -> None:
    ends = Counter(dict(ask("SELECT state, count(*) FROM assist_offer GROUP BY 1")))
    assert ends.total() == OFFERS, story
    assert set(ends) <= {"unopened", "interrupted", "failed"}, story
    assert ask("SELECT count(*) FROM assist_offer WHERE losses > 0") > [(0,)], story
    assert ends["interrupted"] > 0, f"no kill met an offer after its marker; {story}"
    assert ends["unopened"] > OFFERS / 2, story


def test_no_computer_was_started_twice(computers: Lab, ask: Ask, story: str) -> None:
    calls = [
        json.loads(line)
        for file in (computers.directory / "load").glob("calls-*.jsonl")
        for line in file.read_text().splitlines()
    ]
    started = Counter(
        call["computer"].partition(".")[0].upper()
        for call in calls
        if call["call"] == "GetNoviceUserInfo"
    )
    assert set(started.values()) == {1}, (started.most_common(3), story)
    marked = ask("SELECT computer_name FROM assist_offer WHERE starting_at IS NOT NULL")
    assert set(started) <= {str(name) for (name,) in marked}, story


def test_every_story_is_whole(ask: Ask, story: str) -> None:
    told = ask(
        "SELECT offer_id, from_state, to_state FROM assist_offertransition ORDER BY offer_id, id"
    )
    now = dict(ask("SELECT id, state FROM assist_offer"))
    steps: dict[object, list[tuple[str, str]]] = {}
    for offer, before, after in told:
        steps.setdefault(offer, []).append((str(before), str(after)))
    assert set(steps) == set(now), story
    for offer, taken in steps.items():
        assert taken[0] == ("", "requested"), (taken, story)
        assert taken[-1][1] == now[offer], (taken, story)
        for (_, left), (before, after) in pairwise(taken):
            assert before == left, (taken, story)
            assert may_follow(State(before), State(after)), (taken, story)
    kinds = ask(
        "SELECT offer_id, kind FROM assist_auditevent WHERE offer_id IS NOT NULL ORDER BY id"
    )
    for offer, taken in steps.items():
        events = [kind for its, kind in kinds if its == offer]
        assert [f"offer.{after}" for _, after in taken] == [
            kind for kind in events if kind in STEPS
        ], (taken, events, story)


def test_the_audit_trail_holds(installation: Product, ask: Ask, story: str) -> None:
    unsealed = (
        "SELECT count(*) FROM assist_auditevent e"
        " WHERE NOT EXISTS (SELECT FROM assist_auditseal s WHERE s.event_id = e.id)"
    )
    wait_for(lambda: ask(unsealed) == [(0,)], "the seals", 30)
    verified = installation.manage("audit_verify", "--json")
    assert verified.returncode == 0, (verified.stdout, story)
