"""Checks of readiness against the lab's domain, its DNS and its simulated computers."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.utils import timezone

from assist.actors import Actor
from assist.errors import NotAllowed
from assist.models import AuditEvent, ComputerReadiness
from assist.readiness.checking import Readiness, check, store
from assist.readiness.requesting import readiness_check, readiness_request
from assist.readiness.results import State
from directory.models import Account, Computer, DnsAddress, DnsNode, Domain
from tests.conftest import Lab

pytestmark = [pytest.mark.lab, pytest.mark.django_db]

Check = Callable[[str], Readiness]


def _computer(name: str) -> Computer:
    return Computer.objects.select_related("domain", "ou").get(name=name)


def _of(name: str) -> Readiness:
    return check([_computer(name)], now=timezone.now)[0]


def _states(found: Readiness) -> dict[str, State]:
    return {code: result.state for code, result in found.results.items()}


@pytest.fixture(autouse=True)
def quick(settings: Any) -> None:
    settings.CONTACT_CONNECT_TIMEOUT_SECONDS = 2.0


@pytest.fixture
def calls(lab: Lab) -> Callable[[], list[dict[str, Any]]]:
    journal = lab.directory / "calls.jsonl"

    def read() -> list[dict[str, Any]]:
        return [json.loads(line) for line in journal.read_text().splitlines()]

    return read


def test_a_computer_that_could_be_helped_is_ready(lab: Lab, synced_directory: Domain) -> None:
    found = _of("XP191")
    assert (found.state, found.cause) == (State.READY, ""), found.results[found.cause].answer
    states = _states(found)
    for code in ("network.rpc", "network.exporter", "network.identity", "clock.skew"):
        assert states[code] is State.READY, found.results[code].answer
    assert "xp191" in found.results["network.identity"].answer.sentence.lower()


@pytest.mark.parametrize(
    ("computer", "cause"),
    [
        ("WPG-OLD-08", "directory.known"),
        ("WPG-LINUX-16", "system.windows"),
        ("WPG-HOME-07", "system.windows"),
        ("SLK-W11-01", "policy.offers"),
        ("GIM-W11-01", "policy.offers"),
        ("WPG-NODNS-15", "name.forward"),
        ("WPG-OFF-09", "network.rpc"),
        ("WPG-MUTE-10", "network.exporter"),
        ("WPG-BAD-12", "network.exporter"),
    ],
)
def test_what_stops_an_offer_is_named_with_a_remedy(
    lab: Lab, synced_directory: Domain, computer: str, cause: str
) -> None:
    found = _of(computer)
    assert (found.state, found.cause) == (State.NOT_READY, cause)
    assert found.results[cause].answer.remedy
    assert found.results[cause].answer.evidence


def test_what_policy_leaves_open_is_unknown_and_never_ready(
    lab: Lab, synced_directory: Domain
) -> None:
    found = _of("CHU-W11-01")
    assert (found.state, found.cause) == (State.UNKNOWN, "policy.offers")
    assert "Only notebooks" in found.results["policy.offers"].answer.sentence


def test_a_misspelt_line_of_the_helper_list_is_a_warning(
    lab: Lab, synced_directory: Domain
) -> None:
    found = _of("TMP-W11-01").results["policy.helpers"]
    assert found.state is State.WARNING
    assert "Winipeg" in found.answer.sentence


def test_nothing_is_activated_and_nobody_is_signed_in(
    lab: Lab, synced_directory: Domain, calls: Callable[[], list[dict[str, Any]]]
) -> None:
    before = len(calls())
    _of("XP191")
    heard = [call for call in calls()[before:] if call["computer"] == "XP191"]
    assert {call["call"] for call in heard} == {"connect", "ServerAlive2"}
    assert not any(call.get("caller") for call in heard)


@pytest.fixture
def wrong_clock(lab: Lab) -> Iterator[Callable[[float], None]]:
    file = lab.directory / "answers" / "WPG-W11-13.json"
    yield lambda seconds: file.write_text(json.dumps({"clock_ahead_seconds": seconds})) and None
    file.unlink(missing_ok=True)


@pytest.mark.parametrize(
    ("seconds", "state"),
    [(0, State.READY), (-150, State.WARNING), (400, State.NOT_READY), (-4000, State.NOT_READY)],
)
def test_the_clock_is_compared_without_credentials(
    lab: Lab,
    synced_directory: Domain,
    wrong_clock: Callable[[float], None],
    seconds: float,
    state: State,
) -> None:
    wrong_clock(seconds)
    found = _of("WPG-W11-13").results["clock.skew"]
    assert found.state is state, found.answer
    if seconds:
        assert ("behind" if seconds < 0 else "ahead of") in found.answer.sentence


def test_an_address_that_two_computers_claim_is_a_warning(
    lab: Lab, synced_directory: Domain
) -> None:
    node = DnsNode.objects.get(name_folded="xp191.r2.local")
    address = DnsAddress.objects.get(node__name_folded="wpg-w11-11.r2.local").address
    DnsAddress.objects.create(node=node, address=address)
    shared = _of("WPG-W11-11").results["name.addresses"]
    assert shared.state is State.WARNING
    assert "xp191.r2.local" in shared.answer.sentence
    stale = _of("XP191").results["name.addresses"]
    assert f"the directory's zone still held {address}" in stale.answer.sentence


def test_two_holders_of_a_service_principal_name_are_named(
    lab: Lab, synced_directory: Domain
) -> None:
    other = _computer("WPG-W11-11")
    other.service_principal_names = [*other.service_principal_names, "HOST/XP191.r2.local"]
    other.save()
    found = _of("XP191")
    assert (found.state, found.cause) == (State.NOT_READY, "kerberos.spn")
    assert "WPG-W11-11" in found.results["kerberos.spn"].answer.sentence


def _actor(name: str) -> Actor:
    return Actor.of_account(Account.objects.select_related("domain").get(sam_account_name=name))


def test_who_is_logged_on_is_looked_up_only_for_who_may_help(
    lab: Lab, synced_directory: Domain, calls: Callable[[], list[dict[str, Any]]]
) -> None:
    computer = _computer("XP191")
    with pytest.raises(NotAllowed, match="may not offer help there"):
        readiness_request(actor=_actor("eadams"), computer=computer, with_sessions=True)
    assert not AuditEvent.objects.filter(kind__startswith="readiness.").exists()
    mary = _actor("mjones")
    readiness_request(actor=mary, computer=computer, with_sessions=True)
    before = len(calls())
    readiness_check(computer.pk, mary.sid)
    found = ComputerReadiness.objects.get(pk=computer.pk)
    assert found.results["session.users"]["state"] == "ready"
    assert "bsmith" in str(found.results["session.users"]["evidence"]).lower()
    names = {call["call"] for call in calls()[before:] if call["computer"] == "XP191"}
    assert "GetSessionInfo" in names
    assert "GetNoviceUserInfo" not in names
    assert AuditEvent.objects.get(kind="readiness.sessions_asked").subject_name == "XP191"


def test_a_look_that_is_refused_says_what_windows_said(lab: Lab, synced_directory: Domain) -> None:
    """The directory's picture is older than the computer's policy: it lets the look be tried."""
    computer = _computer("SLK-W11-01")
    winnipeg = _computer("XP191")
    computer.ou = winnipeg.ou
    computer.save()
    readiness_check(computer.pk, _actor("mjones").sid)
    found = ComputerReadiness.objects.get(pk=computer.pk)
    assert (found.state, found.cause) == ("not_ready", "session.users")
    assert "disabled there by policy" in found.results["session.users"]["sentence"]


def test_results_are_stored_once_and_replaced(lab: Lab, synced_directory: Domain) -> None:
    for _ in range(2):
        store([_of("WPG-OFF-09")], now=timezone.now())
    found = ComputerReadiness.objects.get(computer__name="WPG-OFF-09")
    assert found.cause == "network.rpc"
    assert found.causes.filter(check_code="network.rpc", state="not_ready").count() == 1
