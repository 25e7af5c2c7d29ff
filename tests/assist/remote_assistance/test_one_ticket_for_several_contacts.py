"""An offer asks the domain once: its contacts with the computer share one ticket."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from assist.remote_assistance import errors, kerberos
from assist.remote_assistance.client import (
    CallLimits,
    KeytabCredential,
    NoviceTarget,
    list_logon_sessions,
    start_remote_assistance,
    with_ticket,
)
from assist.remote_assistance.kerberos import ServiceTicket
from tests.assist.remote_assistance.fuzzed_novices import BOB, FuzzedComputer, Mutation
from tests.assist.remote_assistance.scripted_computer import ADDRESS, SCM

CREDENTIAL = KeytabCredential("svc-ra-portal@R2.LOCAL", "none")
LIMITS = CallLimits(connect_seconds=1, call_seconds=2, total_seconds=4)


@pytest.fixture
def computer() -> Iterator[FuzzedComputer]:
    made = FuzzedComputer(Mutation(1, False, "none", (SCM, 99)))
    yield made
    made.close()


@pytest.fixture
def asked(computer: FuzzedComputer, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    services: list[str] = []

    def ask(_: KeytabCredential, service: str) -> ServiceTicket:
        services.append(service)
        return computer.ticket()

    monkeypatch.setattr(kerberos, "_ask", ask)
    return services


def test_the_domain_is_asked_once_for_both_contacts(
    computer: FuzzedComputer, asked: list[str]
) -> None:
    target = NoviceTarget("xp191.r2.local", ADDRESS, computer.port)
    ticket = with_ticket(target, CREDENTIAL, LIMITS)
    assert list_logon_sessions(target, ticket, LIMITS) == (BOB,)
    assert start_remote_assistance(target, ticket, BOB, LIMITS)
    assert asked == ["host/xp191.r2.local"]


def test_the_ticket_is_for_no_other_computer(computer: FuzzedComputer, asked: list[str]) -> None:
    ticket = with_ticket(NoviceTarget("xp191.r2.local", ADDRESS, computer.port), CREDENTIAL, LIMITS)
    with pytest.raises(errors.AuthenticationFailed, match="not for host/xp192"):
        list_logon_sessions(NoviceTarget("xp192.r2.local", ADDRESS, computer.port), ticket, LIMITS)


def test_where_the_domain_has_no_ticket_each_contact_decides(
    computer: FuzzedComputer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> ServiceTicket:
        raise errors.NoTicketForComputer

    monkeypatch.setattr(kerberos, "_ask", refuse)
    target = NoviceTarget("xp191.r2.local", ADDRESS, computer.port)
    assert with_ticket(target, CREDENTIAL, LIMITS) is CREDENTIAL
