"""The cast, and a novice's computer that answers as a test says."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest
import time_machine

from assist.remote_assistance.client import LogonSession
from assist.remote_assistance.event_log import LogPosition, LogReading
from assist.remote_assistance.event_log_errors import EventLogDenied
from directory.addresses import ComputerAddress
from directory.models import Computer
from tests.assist.cast import NOW, Cast, make_cast

CONNECTION_STRING = (
    f'<E><A KH="{base64.b64encode(bytes(20)).decode()}" ID="authorization"/>'
    '<C><T ID="1" SID="0"><L P="49801" N="127.0.11.191"/></T></C></E>'
)
BOB = LogonSession("R2", "bsmith", 1)
CAROL = LogonSession("R2", "cwong", 2)


@pytest.fixture
def cast(db: None) -> Cast:
    return make_cast()


@pytest.fixture
def clock() -> Iterator[time_machine.Coordinates]:
    """Time stands still at NOW until the test moves it."""
    with time_machine.travel(NOW, tick=False) as coordinates:
        yield coordinates


@dataclass
class ScriptedNovice:
    """What the client is told instead of by a computer (the lab's computers do it for real)."""

    sessions: tuple[LogonSession, ...] = (BOB,)
    listing_error: Exception | None = None
    starting_error: Exception | None = None
    while_listing: Callable[[], object] = lambda: None
    before_start: Callable[[], object] = lambda: None
    while_reading_log: Callable[[], object] = lambda: None
    listed: int = 0
    log: LogPosition | Exception = field(default_factory=lambda: EventLogDenied())
    readings: list[LogReading | Exception] = field(default_factory=list)
    looked_from: list[LogPosition] = field(default_factory=list)
    started: list[LogonSession] = field(default_factory=list)

    def list_logon_sessions(self, *_: object) -> tuple[LogonSession, ...]:
        self.listed += 1
        self.while_listing()
        if self.listing_error:
            raise self.listing_error
        return self.sessions

    def last_position(self, *_: object) -> LogPosition:
        self.while_reading_log()
        if isinstance(self.log, Exception):
            raise self.log
        return self.log

    def read_from(
        self, target: object, credential: object, limits: object, position: LogPosition
    ) -> LogReading:
        self.looked_from.append(position)
        found = self.readings.pop(0) if self.readings else LogReading((), position)
        if isinstance(found, Exception):
            raise found
        return found

    def start_remote_assistance(
        self, target: object, credential: object, session: LogonSession, *_: object
    ) -> str:
        self.before_start()
        self.started.append(session)
        if self.starting_error:
            raise self.starting_error
        return CONNECTION_STRING


@pytest.fixture
def novice(monkeypatch: pytest.MonkeyPatch) -> ScriptedNovice:
    """Stands in for the wire, which tests/assist/remote_assistance and the lab's tests cover."""

    def address_of(computer: Computer) -> ComputerAddress:
        return ComputerAddress(computer.dns_name, "127.0.11.191")

    scripted = ScriptedNovice()
    module = "assist.offers.contact"
    monkeypatch.setattr(f"{module}.with_ticket", lambda target, credential, limits: credential)
    monkeypatch.setattr(f"{module}.list_logon_sessions", scripted.list_logon_sessions)
    monkeypatch.setattr(f"{module}.start_remote_assistance", scripted.start_remote_assistance)
    monkeypatch.setattr(f"{module}.address_of", address_of)
    monkeypatch.setattr("assist.offers.following.last_position", scripted.last_position)
    monkeypatch.setattr("assist.offers.following.read_from", scripted.read_from)
    return scripted
