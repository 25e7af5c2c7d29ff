"""Constrained delegation in the lab: who the computer sees, and whom the domain never delegates."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from assist.remote_assistance.client import (
    CallLimits,
    KeytabCredential,
    LogonSession,
    NoviceTarget,
    list_logon_sessions,
    start_remote_assistance,
)
from assist.remote_assistance.delegation import (
    SignInTicket,
    delegated_ticket,
    read_sign_in_ticket,
)
from assist.remote_assistance.errors import (
    AccessDenied,
    AuthenticationFailed,
    DelegationRefused,
)
from assist.remote_assistance.kerberos import ObtainedTicket, service_ticket
from lab import world
from portal.signin.kerberos import accept
from tests.conftest import Lab
from tests.tickets import Person

pytestmark = pytest.mark.lab

LIMITS = CallLimits(connect_seconds=3, call_seconds=5, total_seconds=15)
HOST = "host/{}.r2.local"
BOB = LogonSession("R2", "bsmith", 1)


@pytest.fixture
def web(lab: Lab) -> KeytabCredential:
    return KeytabCredential("svc-ra-web@R2.LOCAL", str(lab.directory / "keytabs/svc-ra-web.keytab"))


def signed_in(web: KeytabCredential, person: Person) -> SignInTicket:
    accepted = accept(person.token(), web.keytab_path)
    return read_sign_in_ticket(accepted.request, web)


def ticket_as(
    web: KeytabCredential, name: str, computer: str = "XP191", *, forwardable: bool = True
) -> ObtainedTicket:
    sign_in = signed_in(web, Person(name, forwardable=forwardable))
    return delegated_ticket(web, sign_in, HOST.format(computer.lower()), 5)


def target(name: str) -> NoviceTarget:
    computer = world.computer(name)
    return NoviceTarget(computer.dns_name, computer.address)


def calls_seen_by(lab: Lab, computer: str) -> list[dict[str, object]]:
    lines = (lab.directory / "calls.jsonl").read_text().splitlines()
    return [call for call in map(json.loads, lines) if call.get("computer") == computer]


def test_the_sign_in_ticket_says_whose_it_is_and_until_when(web: KeytabCredential) -> None:
    ticket = signed_in(web, Person("mjones"))
    assert ticket.client == "mjones@R2.LOCAL"
    assert ticket.is_forwardable
    hours = (ticket.ends_at - datetime.now(UTC)).total_seconds() / 3600
    assert 9 < hours <= 10.1
    assert ticket.ticket.hex() not in repr(ticket)


def test_the_computer_sees_the_expert_herself_and_not_the_portal(
    lab: Lab, web: KeytabCredential
) -> None:
    ticket = ticket_as(web, "mjones")
    seen = len(calls_seen_by(lab, "XP191"))
    assert [str(found) for found in list_logon_sessions(target("XP191"), ticket, LIMITS)] == [
        r"R2\bsmith:1"
    ]
    callers = {call.get("caller") for call in calls_seen_by(lab, "XP191")[seen:]}
    assert r"R2\mjones" in callers
    assert not any("svc-ra" in str(caller) for caller in callers)


def test_her_groups_let_her_in_where_the_portals_account_is_not_asked(
    web: KeytabCredential,
) -> None:
    """Nadia is a helper by a nested group alone, which the ticket's PAC carries."""
    ticket = ticket_as(web, "nkhan", "WPG-W11-13")
    assert list_logon_sessions(target("WPG-W11-13"), ticket, LIMITS)


def test_the_computer_refuses_who_is_no_helper_although_she_has_a_ticket(
    web: KeytabCredential,
) -> None:
    ticket = ticket_as(web, "eadams")
    with pytest.raises(AccessDenied):
        start_remote_assistance(target("XP191"), ticket, BOB, LIMITS)


@pytest.mark.parametrize(
    ("name", "forwardable"),
    [("swhite", True), ("pnovak", True), ("mjones", False)],
    ids=["sensitive", "protected user", "kept back"],
)
def test_who_may_not_be_delegated_is_refused_before_the_domain_is_asked(
    web: KeytabCredential, name: str, forwardable: bool
) -> None:
    with pytest.raises(DelegationRefused, match="nobody else may act on") as refused:
        ticket_as(web, name, forwardable=forwardable)
    assert "hand-off" in refused.value.remedy


@pytest.mark.parametrize("name", ["swhite", "pnovak"])
def test_a_false_word_about_the_ticket_does_not_help(web: KeytabCredential, name: str) -> None:
    """The domain decides by the ticket, whatever the portal takes it for."""
    honest = signed_in(web, Person(name))
    forged = SignInTicket(honest.client, honest.ticket, honest.ends_at, is_forwardable=True)
    with pytest.raises(DelegationRefused, match=f"does not let svc-ra-web act for {name}"):
        delegated_ticket(web, forged, HOST.format("xp191"), 5)


def test_a_ticket_of_one_person_makes_none_of_another(web: KeytabCredential) -> None:
    """What the portal says of the client is not what the domain goes by."""
    honest = signed_in(web, Person("eadams"))
    forged = SignInTicket("mjones@R2.LOCAL", honest.ticket, honest.ends_at, is_forwardable=True)
    with pytest.raises((DelegationRefused, AuthenticationFailed)):
        delegated_ticket(web, forged, HOST.format("xp191"), 5)


@pytest.mark.parametrize("service", ["host/dc1.r2.local", "host/wpg-off-09.r2.local"])
def test_the_web_account_is_delegated_to_listed_computers_alone(
    web: KeytabCredential, service: str
) -> None:
    with pytest.raises(DelegationRefused, match="does not let"):
        delegated_ticket(web, signed_in(web, Person("mjones")), service, 5)


def test_a_service_that_nobody_has_is_said_to_be_unknown(web: KeytabCredential) -> None:
    with pytest.raises(AuthenticationFailed, match="no service"):
        delegated_ticket(web, signed_in(web, Person("mjones")), "host/nothing.r2.local", 5)


def test_an_account_without_delegation_gets_none(lab: Lab, web: KeytabCredential) -> None:
    """The evidence is for the web account: the workers' account can do nothing with it."""
    portal = KeytabCredential(
        "svc-ra-portal@R2.LOCAL", str(lab.directory / "keytabs/svc-ra-portal.keytab")
    )
    with pytest.raises((DelegationRefused, AuthenticationFailed)):
        delegated_ticket(portal, signed_in(web, Person("mjones")), HOST.format("xp191"), 5)


def test_a_ticket_is_used_for_its_own_computer_alone(web: KeytabCredential) -> None:
    ticket = ticket_as(web, "mjones")
    with pytest.raises(AuthenticationFailed, match="not for"):
        service_ticket(ticket, HOST.format("wpg-w11-02"), 5)


def test_a_ticket_renamed_for_another_computer_is_refused_there(web: KeytabCredential) -> None:
    ticket = ticket_as(web, "mjones")
    renamed = ObtainedTicket(HOST.format("wpg-w11-02"), ticket.ends_at, ticket.marshalled)
    with pytest.raises(AuthenticationFailed):
        list_logon_sessions(target("WPG-W11-02"), renamed, LIMITS)


def test_a_request_that_was_not_for_the_web_account_cannot_be_kept(
    lab: Lab, web: KeytabCredential
) -> None:
    keytab = lab.directory / "keytabs/XP191.keytab"
    accepted = accept(Person("mjones").token("host/xp191.r2.local"), str(keytab))
    with pytest.raises(ValueError, match="keytab opens"):
        read_sign_in_ticket(accepted.request, web)
    with pytest.raises(ValueError, match="keytab opens"):
        read_sign_in_ticket(os.urandom(64), web)


def test_no_code_asks_for_a_ticket_without_the_persons_own() -> None:
    """S4U2self would let a stolen keytab act for anybody: nothing here may use it."""
    root = Path(__file__).resolve().parents[3]
    words = ("impersonate", "acquire_cred_impersonate", "s4u2self(", "for_user", "PA_FOR_USER")
    for package in ("portal", "assist", "directory"):
        for path in (root / package).rglob("*.py"):
            text = path.read_text(encoding="utf-8").lower()
            assert not [word for word in words if word.lower() in text], path
