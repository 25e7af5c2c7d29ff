"""Every story, by every authority, with one user and with three: the matrix of stories.py.

The stories are played at once, each at a computer of its own, by Celery's workers over the real
protocols; what came of each is one test.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest

from lab.demo.product import Product
from tests.conftest import Lab
from tests.end_to_end.curl import Curl
from tests.end_to_end.novice import Novice, wait
from tests.end_to_end.secure_portal import SecurePortal, secure_portal
from tests.end_to_end.stories import (
    DELEGATED,
    NTLM,
    PORTAL,
    Case,
    every_cell,
    numbered,
    some_cells,
)
from tests.environment import ROOT, sample_size

pytestmark = [pytest.mark.load, pytest.mark.services]

CASES = numbered(every_cell() if sample_size(0, soak=1) else some_cells())
AT_ONCE = 12
SECONDS = 90  # for a step of an offer, among so many others
SETTINGS = {
    "NOVICE_SUBNETS": "127.1.0.0/16",
    "OFFER_AUTHORITIES": "delegated,service",
    "SERVICE_NTLM_ALLOWED": "true",
    "OFFERS_PER_EXPERT_PER_HOUR": "100000",
    "OFFER_BURST_COUNT": "100000",
    "EVENT_LOG_INTERVAL_SECONDS": "1",
    "EVENT_LOG_LONGEST_INTERVAL_SECONDS": "2",
    "EVENT_LOG_START_WAIT_SECONDS": "10",
    "OFFER_SWEEP_INTERVAL_SECONDS": "1",
    "AUDIT_SEAL_INTERVAL_SECONDS": "1",
}
CONTACTING = {"RemoteCreateInstance", "GetSessionInfo", "GetNoviceUserInfo"}
READING = {"EvtRpcRegisterLogQuery", "EvtRpcQueryNext"}
Ask = Callable[..., list[Any]]


def ntlm_computers() -> int:
    """Those of the cases, and one more."""
    return 1 + sum(case.authority is NTLM for case in CASES)


@pytest.fixture(scope="module")
def computers(lab_domain: Lab) -> Iterator[Lab]:
    """A computer for each story."""

    def start(count: int, ntlm: int) -> None:
        subprocess.run(
            [sys.executable, "-m", "lab", "computers", "--processes", "1", "--delegated"]
            + ["--count", str(count), "--ntlm", str(ntlm)],
            cwd=ROOT,
            check=True,
        )

    for journal in (lab_domain.directory / "load").glob("calls-*.jsonl"):
        journal.unlink()
    start(sum(case.authority is not NTLM for case in CASES), ntlm_computers())
    yield lab_domain
    start(0, 0)


def start_workers(product: Product) -> None:
    celery = [sys.executable, "-m", "celery", "-A", "portal"]
    queues = ["--queues", "offers,events,timers,background", "--concurrency", "3"]
    product.start_process("worker", *celery, "worker", *queues, "--loglevel", "INFO")
    schedule = str(product.directory / "celerybeat-schedule")
    product.start_process("scheduler", *celery, "beat", "--schedule", schedule, "--pidfile", "")


@pytest.fixture(scope="module")
def portal(computers: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecurePortal]:
    server, _, _ = os.environ["DATABASE_URL"].rpartition("/")
    subprocess.run(
        ["psql", "-q", f"{server}/postgres", "-c", "CREATE DATABASE story_matrix"], check=True
    )
    with secure_portal(
        tmp_path_factory.mktemp("stories"),
        computers.directory,
        settings=SETTINGS | {"DATABASE_URL": f"{server}/story_matrix"},
        start_workers=start_workers,
    ) as running:
        yield running


@pytest.fixture(scope="module")
def ask(portal: SecurePortal) -> Iterator[Ask]:
    """Rows of the portal's own database."""
    url = portal.product.environment["DATABASE_URL"]
    with psycopg.connect(url, autocommit=True) as database:
        yield lambda statement, *values: database.execute(statement, values).fetchall()


@pytest.fixture(scope="module")
def mary(portal: SecurePortal, tmp_path_factory: pytest.TempPathFactory) -> Curl:
    browser = Curl(portal, tmp_path_factory.mktemp("mary"), "mjones")
    browser.sign_in()
    return browser


@dataclass(frozen=True)
class Played:
    """What is known of an offer once its story is over.

    Attributes:
        audit: The audit events without those of evidence, in order.
        evidence: The Windows events of those.
        data: What the audit events say, by kind.
        named: Whom the audit trail names as the novice; it keeps that beside the events.
    """

    state: str
    outcome: str
    grade: str
    novice: tuple[str, int] | None
    audit: tuple[str, ...]
    evidence: tuple[int, ...]
    data: dict[str, dict[str, Any]]
    named: set[str]


@dataclass(frozen=True)
class Stage:
    """Where a story is played."""

    mary: Curl
    ask: Ask
    lab: Lab

    def play(self, case: Case) -> Played:
        novice = Novice(self.lab.directory, case.computer)
        novice.does(**case.script)
        try:
            page = self.mary.offer(
                case.computer, case.story.mode, authority=case.authority.authority
            )
            offer = page.rpartition("/")[2]
            self._tell(case, novice, page, offer)
            self._comes_to(offer, case.story.state)
            if case.story.is_violation is not None:
                noted = "SELECT controlled_at IS NOT NULL FROM assist_offer WHERE id = %s"
                wait(lambda: self.ask(noted, offer) == [(True,)], "control is noted", SECONDS)
            if case.story.state != "accepted":
                reads = "SELECT 1 FROM assist_logfollowing WHERE offer_id = %s"
                left = f"{reads} AND look_at IS NOT NULL"
                wait(lambda: self.ask(left, offer) == [], "the log is left alone", SECONDS)
            return self._found(offer)
        finally:
            for viewer in novice.viewers:
                viewer.close()
            novice.script.unlink()

    def _tell(self, case: Case, novice: Novice, page: str, offer: str) -> None:
        if case.users == "three":
            self._comes_to(offer, "choosing")
            self.mary.send(f"{page}/choose", logon_session_id="3")
        if not case.story.opens:
            return
        self._comes_to(offer, "offered")
        invitation = self.mary.send(f"{page}/invitation")[2]
        place = re.search(r"127\.1\.\d+\.\d+:\d+", invitation)
        assert place, invitation
        viewer = novice.view(place[0])
        if case.story.then:
            self._comes_to(offer, "accepted")
        if case.story.then == "novice ends":
            novice.does(**case.script, end=True)
        elif case.story.then == "expert ends":
            viewer.close()

    def _comes_to(self, offer: str, state: str) -> None:
        query = "SELECT state, end_sentence FROM assist_offer WHERE id = %s"

        def is_there() -> bool:
            ((now, why),) = self.ask(query, offer)
            known[:] = [now, why]
            return bool(now == state)

        known: list[str] = []
        try:
            wait(is_there, state, SECONDS)
        except AssertionError as error:
            raise AssertionError(f"{state}; it is {known}") from error

    def _found(self, offer: str) -> Played:
        (row,) = self.ask(
            "SELECT state, outcome, outcome_grade, novice_name, logon_session_id"
            " FROM assist_offer WHERE id = %s",
            offer,
        )
        told = self.ask(
            "SELECT kind, data FROM assist_auditevent WHERE offer_id = %s ORDER BY id", offer
        )
        named = self.ask(
            "SELECT DISTINCT p.value FROM assist_auditpersonal p JOIN assist_auditevent e"
            " ON e.id = p.event_id WHERE p.name = 'novice' AND e.offer_id = %s",
            offer,
        )
        evidence = [data for kind, data in told if kind == "evidence.recorded"]
        state, outcome, grade, *novice = row
        return Played(
            state,
            outcome,
            grade,
            novice=(novice[0], novice[1]) if novice[0] else None,
            audit=tuple(kind for kind, _ in told if kind != "evidence.recorded"),
            evidence=tuple(int(data["event_id"]) for data in evidence),
            data=dict(told),
            named={name for (name,) in named},
        )


@pytest.fixture(scope="module")
def played(mary: Curl, ask: Ask, computers: Lab) -> Iterator[dict[str, Future[Played]]]:
    """Every story, played to its end."""
    stage = Stage(mary, ask, computers)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        yield {case.name: pool.submit(stage.play, case) for case in CASES}


def calls_at(lab: Lab, computer: str) -> list[dict[str, Any]]:
    lines = (lab.directory / "load" / "calls-0.jsonl").read_text().splitlines()
    calls = map(json.loads, lines)
    return [one for one in calls if one["computer"].partition(".")[0].upper() == computer]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_story_and_all_that_is_known_of_it(
    played: dict[str, Future[Played]], computers: Lab, case: Case
) -> None:
    found, story = played[case.name].result(), case.story
    assert (found.state, found.outcome, found.grade) == (story.state, story.outcome, story.grade)
    assert found.audit == case.audit
    assert found.evidence == story.evidence
    assert found.novice == case.session
    if story.is_violation is not None:
        assert found.data["offer.controlled"]["is_control_violation"] is story.is_violation
    if case.session is not None:
        starting = found.data["offer.starting"]
        assert starting["authority"] == case.authority.authority
        assert starting["principal"] == case.authority.principal
        assert starting["authentication"] == case.authority.authentication
        assert starting["logon_session_id"] == case.session[1]
        assert found.named == {case.session[0]}

    calls = calls_at(computers, case.computer)
    contacting = [call for call in calls if call["call"] in CONTACTING]
    assert {call["caller"] for call in contacting} == {case.authority.caller}
    assert {call["authentication"] for call in contacting} == {case.authority.authentication}
    started = [call["session_id"] for call in contacting if call["call"] == "GetNoviceUserInfo"]
    assert len(started) == (case.session is not None)  # once, or not at all
    if case.session is not None:
        reading = [call for call in calls if call["call"] in READING]
        assert {call["caller"] for call in reading} == {PORTAL}
        assert {call["authentication"] for call in reading} == {case.authority.authentication}


def test_delegated_never_falls_back_to_ntlm_or_to_the_portal_s_account(
    mary: Curl, ask: Ask, computers: Lab
) -> None:
    computer = f"NTLM-{ntlm_computers() - 1:05d}"
    page = mary.offer(computer, authority=DELEGATED.authority)
    query = "SELECT state, end_code FROM assist_offer WHERE id = %s"
    assert ask(query, page.rpartition("/")[2]) == [("refused", "authority.not_delegated")]
    assert calls_at(computers, computer) == []
