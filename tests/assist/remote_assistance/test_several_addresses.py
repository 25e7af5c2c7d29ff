"""A computer with several addresses: the first that takes a connection, within the deadline."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator

import pytest

from assist.remote_assistance import contact, errors
from assist.remote_assistance.client import (
    CallLimits,
    KeytabCredential,
    Means,
    NoviceTarget,
    list_logon_sessions,
)
from tests.assist.remote_assistance.fuzzed_novices import BOB, FuzzedComputer, Mutation
from tests.assist.remote_assistance.scripted_computer import ADDRESS, SCM

CREDENTIAL = KeytabCredential("svc-ra-portal@R2.LOCAL", "none")
LIMITS = CallLimits(connect_seconds=0.3, call_seconds=1, total_seconds=2)
REFUSES, ALSO_REFUSES = "127.0.0.77", "127.0.0.78"


@pytest.fixture
def computer(monkeypatch: pytest.MonkeyPatch) -> Iterator[FuzzedComputer]:
    made = FuzzedComputer(Mutation(1, False, "none", (SCM, 99)))
    monkeypatch.setattr(contact, "service_ticket", lambda *_: made.ticket())
    yield made
    made.close()


def test_the_first_address_that_takes_a_connection_is_used_throughout(
    computer: FuzzedComputer,
) -> None:
    target = NoviceTarget(
        "xp191.r2.local", REFUSES, computer.port, (ALSO_REFUSES, ADDRESS, "127.0.0.79")
    )
    means = Means()
    assert list_logon_sessions(target, CREDENTIAL, LIMITS, means) == (BOB,)
    assert means.address == ADDRESS


def test_where_none_takes_a_connection_all_are_named(computer: FuzzedComputer) -> None:
    target = NoviceTarget("xp191.r2.local", REFUSES, computer.port, (ALSO_REFUSES,))
    with pytest.raises(errors.Unreachable) as unreachable:
        list_logon_sessions(target, CREDENTIAL, LIMITS)
    assert REFUSES in unreachable.value.sentence
    assert ALSO_REFUSES in unreachable.value.sentence


def test_silent_addresses_use_up_no_more_than_the_total(computer: FuzzedComputer) -> None:
    """A full queue of connections drops what comes, as a firewall does."""
    silent = socket.create_server((REFUSES, 0), backlog=0)
    port = silent.getsockname()[1]
    waiting = [socket.socket() for _ in range(4)]
    for one in waiting:
        one.setblocking(False)
        one.connect_ex((REFUSES, port))
    limits = CallLimits(connect_seconds=0.4, call_seconds=1, total_seconds=1)
    target = NoviceTarget("xp191.r2.local", REFUSES, port, (REFUSES,) * 9)
    began = time.monotonic()
    try:
        with pytest.raises((errors.Unreachable, errors.TimedOut)):
            list_logon_sessions(target, CREDENTIAL, limits)
        assert time.monotonic() - began < 2
    finally:
        for one in (silent, *waiting):
            one.close()


def test_an_address_that_is_none_of_the_computer_s_is_not_taken_from_an_earlier_contact(
    computer: FuzzedComputer,
) -> None:
    target = NoviceTarget("xp191.r2.local", ADDRESS, computer.port)
    means = Means(address="203.0.113.9")
    assert list_logon_sessions(target, CREDENTIAL, LIMITS, means) == (BOB,)
    assert means.address == ADDRESS
