"""Each check of readiness: what it says of which facts. The facts are one computer's, changed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from assist.eligibility.decision import Reference
from assist.eligibility.facts import HardeningValue, Source
from assist.readiness.catalogue import CHECKS, in_order, overall
from assist.readiness.facts import (
    ExporterFacts,
    LiveFacts,
    NameFacts,
    ReadinessFacts,
    WindowsEventFacts,
)
from assist.readiness.gathering import background, facts_of, names_in_zones, surroundings
from assist.readiness.judging import FUNCTIONS, judge
from assist.readiness.results import Answer, Result, State
from directory.models import Computer
from tests.assist.cast import NOW, Cast

pytestmark = pytest.mark.django_db

ADDRESS = "192.0.2.191"
OTHER = "192.0.2.5"
NAME = "xp191.r2.local"
READY, NOT_READY, WARNING, UNKNOWN = State.READY, State.NOT_READY, State.WARNING, State.UNKNOWN
GOOD_NAMES = NameFacts(
    NAME, (ADDRESS,), "", {ADDRESS: (NAME,)}, (ADDRESS,), frozenset({ADDRESS}), {}
)
GOOD_EXPORTER = ExporterFacts(
    ADDRESS,
    is_connected=True,
    is_answering=True,
    host_names=("XP191", ADDRESS),
    clock_skew=timedelta(seconds=2),
)
SILENT = ExporterFacts(ADDRESS, sentence=f"Nothing answers at {ADDRESS}, TCP port 135.")
GPO = Source(Reference("policy", "1", "HardGPO"), Reference("unit", "2", "OU=Winnipeg"))

Facts = Callable[..., ReadinessFacts]


@pytest.fixture
def facts(cast: Cast) -> Facts:
    """The facts of XP191, in order in all that policy does not leave open."""
    cast.xp191.service_principal_names = [f"HOST/{NAME}", "HOST/XP191"]
    cast.xp191.last_logon_at = NOW - timedelta(days=3)
    cast.xp191.save()

    def make(**changes: Any) -> ReadinessFacts:
        computer = Computer.objects.select_related("domain", "ou").get(pk=cast.xp191.pk)
        found = facts_of(
            computer,
            surroundings([computer], NOW),
            background(with_picture=False),
            GOOD_NAMES,
            GOOD_EXPORTER,
            None,
            NOW,
        )
        return replace(found, **changes)

    return make


def say(code: str, facts: ReadinessFacts) -> Answer:
    return FUNCTIONS[code](facts)


def event(number: int, at: datetime) -> WindowsEventFacts:
    return WindowsEventFacts(number, at)


def hardening(name: str, value: int | str) -> tuple[HardeningValue, ...]:
    return (HardeningValue(name, value, GPO),)


def test_what_is_in_order_is_ready_with_evidence_and_no_remedy(facts: Facts) -> None:
    found = judge(facts())
    ready = {code for code, result in found.items() if result.state is READY}
    assert {check.code for check in CHECKS} - ready == {
        "firewall.offers",  # no policy speaks of it
        "session.users",
        "session.running",
        "events.trouble",
        "events.firewall",
        "events.reader",
    }
    assert not any(found[code].answer.remedy for code in ready)
    assert overall(found) == (UNKNOWN, "firewall.offers")
    for code in ready:
        assert found[code].answer.sentence.endswith(".")


def test_everything_that_is_not_ready_says_what_to_do(facts: Facts) -> None:
    nothing = replace(
        facts(),
        names=NameFacts(""),
        exporter=None,
        service_principal_names=frozenset(),
        live=LiveFacts((), "", ""),
    )
    for result in judge(nothing).values():
        assert result.answer.sentence
        if result.state in (NOT_READY, WARNING):
            assert result.answer.remedy, result


@pytest.mark.parametrize(
    ("names", "state", "words"),
    [
        (NameFacts(""), NOT_READY, "no DNS name"),
        (NameFacts(NAME, error="The servers are silent."), UNKNOWN, "silent"),
        (NameFacts(NAME, ()), NOT_READY, "no address"),
        (NameFacts(NAME, (OTHER,)), NOT_READY, "outside the networks"),
        (GOOD_NAMES, READY, ADDRESS),
    ],
)
def test_the_name_leads_to_an_address(
    facts: Facts, names: NameFacts, state: State, words: str
) -> None:
    answer = say("name.forward", facts(names=names))
    assert (answer.state, words in answer.sentence) == (state, True), answer


@pytest.mark.parametrize(
    ("names", "state", "words"),
    [
        ({ADDRESS: (NAME.upper(),)}, READY, "leads back"),
        ({ADDRESS: ("other.r2.local",)}, WARNING, "other.r2.local"),
        ({ADDRESS: ("other.r2.local", NAME)}, READY, "leads back"),
        ({ADDRESS: ()}, WARNING, "No reverse zone"),
        ({ADDRESS: None}, UNKNOWN, "No DNS server"),
        ({}, UNKNOWN, "No DNS server"),
    ],
)
def test_the_address_leads_back(
    facts: Facts, names: dict[str, tuple[str, ...] | None], state: State, words: str
) -> None:
    answer = say("name.reverse", facts(names=replace(GOOD_NAMES, reverse=names)))
    assert (answer.state, words in answer.sentence) == (state, True), answer
    nothing = replace(GOOD_NAMES, permitted=())
    assert say("name.reverse", facts(names=nothing)).state is UNKNOWN


def test_several_shared_and_stale_addresses_are_told(facts: Facts) -> None:
    names = replace(
        GOOD_NAMES,
        addresses=(ADDRESS, OTHER),
        zone_addresses=frozenset({"192.0.2.77"}),
        claimed_by={ADDRESS: ("old191.r2.local",)},
    )
    answer = say("name.addresses", facts(names=names))
    assert answer.state is WARNING
    for words in ("2 addresses", "old191.r2.local", "192.0.2.77"):
        assert words in answer.sentence


def test_zones_tell_who_else_has_an_address(facts: Facts, cast: Cast) -> None:
    computer = Computer.objects.select_related("domain").get(pk=cast.xp191.pk)
    for number, name in enumerate((NAME, "old191.r2.local")):
        node = cast.domain.dns_nodes.create(
            guid=f"00000000-0000-0000-0000-00000000000{number}",
            distinguished_name=name,
            name=name,
            name_folded=name,
        )
        node.addresses.create(address=ADDRESS)
    found = names_in_zones(computer, surroundings([computer], NOW), NameFacts(NAME, (ADDRESS,)))
    assert found.zone_addresses == {ADDRESS}
    assert found.claimed_by == {ADDRESS: ("old191.r2.local",)}


@pytest.mark.parametrize(
    ("exporter", "rpc", "alive", "identity"),
    [
        (None, UNKNOWN, UNKNOWN, UNKNOWN),
        (SILENT, NOT_READY, UNKNOWN, UNKNOWN),
        (replace(SILENT, is_connected=True), READY, NOT_READY, UNKNOWN),
        (replace(GOOD_EXPORTER, refusal=5, host_names=()), READY, WARNING, UNKNOWN),
        (replace(GOOD_EXPORTER, host_names=(ADDRESS, "fe80::1%4")), READY, READY, UNKNOWN),
        (replace(GOOD_EXPORTER, host_names=("OLD191", ADDRESS)), READY, READY, NOT_READY),
        (replace(GOOD_EXPORTER, host_names=(NAME.upper(),)), READY, READY, READY),
        (GOOD_EXPORTER, READY, READY, READY),
    ],
)
def test_what_port_135_answers(
    facts: Facts, exporter: ExporterFacts | None, rpc: State, alive: State, identity: State
) -> None:
    found = facts(exporter=exporter)
    codes = ("network.rpc", "network.exporter", "network.identity")
    assert tuple(say(code, found).state for code in codes) == (rpc, alive, identity)


@pytest.mark.parametrize(
    ("seconds", "state", "words"),
    [
        (None, UNKNOWN, "did not say"),
        (59, READY, "59 s ahead of"),
        (-61, WARNING, "61 s behind"),
        (300, WARNING, "300 s ahead of"),
        (-301, NOT_READY, "Kerberos tolerates five minutes"),
    ],
)
def test_how_far_the_clock_may_be_off(
    facts: Facts, seconds: int | None, state: State, words: str
) -> None:
    skew = None if seconds is None else timedelta(seconds=seconds)
    answer = say("clock.skew", facts(exporter=replace(GOOD_EXPORTER, clock_skew=skew)))
    assert (answer.state, words in answer.sentence) == (state, True), answer


def test_the_service_principal_name_is_there_once(facts: Facts, cast: Cast) -> None:
    assert say("kerberos.spn", facts()).state is READY
    assert say("kerberos.spn", facts(service_principal_names=frozenset())).state is NOT_READY
    service = cast.add_account("svc-web", service_principal_names=[f"host/{NAME.upper()}"])
    answer = say("kerberos.spn", facts())
    assert (answer.state, service.sam_account_name in answer.sentence) == (NOT_READY, True)
    assert "setspn -D" in answer.remedy
    service.is_present = False
    service.save()
    assert say("kerberos.spn", facts()).state is READY


@pytest.mark.parametrize(
    ("events", "state"),
    [
        ([], UNKNOWN),
        ([(31, 5), (13, 5)], NOT_READY),
        ([(31, 50), (30, 20), (32, 20)], READY),
        ([(31, 50), (30, 20), (31, 2)], NOT_READY),
        ([(31, 60 * 24)], UNKNOWN),
    ],
)
def test_whether_remote_assistance_runs_by_its_events(
    facts: Facts, events: list[tuple[int, int]], state: State
) -> None:
    """Numbers and minutes ago."""
    found = tuple(event(number, NOW - timedelta(minutes=ago)) for number, ago in events)
    assert say("session.running", facts(events=found)).state is state


def test_an_open_offer_of_the_portal_occupies_the_computer(facts: Facts, cast: Cast) -> None:
    cast.request()
    answer = say("session.running", facts())
    assert (answer.state, r"R2\mjones" in answer.sentence) == (NOT_READY, True)


@pytest.mark.parametrize(
    ("live", "state"),
    [
        (None, UNKNOWN),
        (LiveFacts(None, "access_denied", "No.", "Do."), NOT_READY),
        (LiveFacts(None, "disabled_by_policy", "No.", "Do."), NOT_READY),
        (LiveFacts(None, "timed_out", "Late.", "Do."), UNKNOWN),
        (LiveFacts(()), WARNING),
        (LiveFacts((r"R2\bsmith",)), READY),
    ],
)
def test_who_is_logged_on(facts: Facts, live: LiveFacts | None, state: State) -> None:
    assert say("session.users", facts(live=live)).state is state


@pytest.mark.parametrize(
    ("logs", "events", "state"),
    [(False, (), READY), (True, (), UNKNOWN), (True, (30,), READY), (True, (12,), WARNING)],
)
def test_the_session_log(facts: Facts, logs: bool, events: tuple[int, ...], state: State) -> None:
    found = tuple(event(number, NOW) for number in events)
    answer = say("policy.session_log", facts(logs_sessions=logs, events=found))
    assert answer.state is state


def test_trouble_that_windows_reported_is_told(facts: Facts) -> None:
    found = facts(events=(event(28, NOW), event(26, NOW), event(30, NOW)))
    answer = say("events.trouble", found)
    assert answer.state is WARNING
    assert "event 26" in answer.sentence
    assert "event 28" in answer.sentence
    assert say("events.trouble", facts(events=(event(30, NOW),))).state is READY


@pytest.mark.parametrize(
    ("check", "values", "state"),
    [
        ("policy.rpc", hardening("RestrictRemoteClients", 2), WARNING),
        ("policy.rpc", hardening("Ports", "5000-5100"), WARNING),
        ("policy.secure_desktop", hardening("PromptOnSecureDesktop", 1), WARNING),
        (
            "policy.dcom",
            hardening("MachineAccessRestriction", "O:BAG:BAD:(A;;CCDCLC;;;S-1-5-21-9-9-9-9)"),
            NOT_READY,
        ),
        ("policy.dcom", hardening("MachineAccessRestriction", "not SDDL"), UNKNOWN),
        ("policy.dcom", hardening("RestrictRemoteClients", 2), READY),
        ("policy.rpc", (), READY),
    ],
)
def test_hardening_that_stops_offers(
    facts: Facts, check: str, values: tuple[HardeningValue, ...], state: State
) -> None:
    answer = say(check, facts(hardening=values))
    assert answer.state is state, answer


def test_policy_that_forbids_or_is_silent_is_not_ready(facts: Facts, cast: Cast) -> None:
    cast.policy.offers_allowed = False
    cast.policy.save()
    assert say("policy.offers", facts()).state is NOT_READY
    cast.policy.offers_allowed = None
    cast.policy.save()
    answer = say("policy.offers", facts())
    assert (answer.state, "not configured" in answer.sentence) == (NOT_READY, True)


def test_what_policy_leaves_open_is_unknown(facts: Facts, cast: Cast) -> None:
    cast.policy.wmi_filter, cast.policy.wmi_filter_id = "Notebooks", "{1}"
    cast.policy.save()
    found = facts()
    assert say("policy.offers", found).state is UNKNOWN
    assert say("policy.portal_account", found).state is UNKNOWN
    assert say("policy.control", found).state is UNKNOWN


def test_the_portals_account_must_be_a_helper(facts: Facts, cast: Cast) -> None:
    assert say("policy.portal_account", facts()).state is READY
    cast.policy.helpers.filter(text__contains="Portal").delete()
    assert say("policy.portal_account", facts()).state is NOT_READY


def test_without_a_portals_account_nothing_is_ready(facts: Facts, settings: Any) -> None:
    settings.SERVICE_PRINCIPAL = "nobody@R2.LOCAL"
    found = facts()
    assert say("trust.portal_account", found).state is NOT_READY
    assert say("policy.portal_account", found).state is NOT_READY


def test_view_only_and_lines_that_name_nobody_are_warnings(facts: Facts, cast: Cast) -> None:
    cast.policy.control_allowed = False
    cast.policy.save()
    cast.add_helper(r"R2\Helpdesk Winipeg", None, "No account or group has this name.")
    found = facts()
    assert say("policy.control", found).state is WARNING
    answer = say("policy.helpers", found)
    assert (answer.state, "Winipeg" in answer.sentence) == (WARNING, True)


@pytest.mark.parametrize(
    ("system", "version", "state"),
    [
        ("Windows 11 Enterprise", "10.0 (22631)", READY),
        ("Windows Server 2022 Standard", "10.0 (20348)", WARNING),
        ("Windows 10 Home", "10.0 (19045)", NOT_READY),
        ("Windows XP Professional", "5.1 (2600)", READY),
        ("Windows 2000 Professional", "5.0 (2195)", NOT_READY),
        ("Ubuntu", "24.04", NOT_READY),
        ("", "", UNKNOWN),
    ],
)
def test_the_operating_system(facts: Facts, system: str, version: str, state: State) -> None:
    found = facts()
    computer = replace(found.computer, operating_system=system, operating_system_version=version)
    answer = say("system.windows", replace(found, computer=computer))
    assert answer.state is state


def test_a_computer_that_was_long_away_is_a_warning(facts: Facts) -> None:
    assert say("directory.last_logon", facts(last_logon_at=None)).state is WARNING
    late = facts(last_logon_at=NOW - timedelta(days=46))
    assert say("directory.last_logon", late).state is WARNING


def test_gone_and_disabled_computers_are_not_ready(facts: Facts) -> None:
    found = facts()
    for change in ({"is_present": False}, {"is_enabled": False}):
        computer = replace(found.computer, **change)
        assert say("directory.known", replace(found, computer=computer)).state is NOT_READY


def result(code: str, state: State) -> Result:
    return Result(code, Answer(state, "It is so."), NOW)


def test_the_first_cause_in_the_fixed_order_counts() -> None:
    good = {check.code: result(check.code, READY) for check in CHECKS}
    assert overall(good) == (READY, "")
    for code in ("clock.skew", "network.rpc", "policy.offers"):
        good[code] = result(code, NOT_READY)
        assert overall(good) == (NOT_READY, code)
    assert overall(good | {"directory.known": result("directory.known", UNKNOWN)}) == (
        NOT_READY,
        "policy.offers",
    )


def test_a_required_check_that_is_unknown_or_was_not_made_is_never_ready() -> None:
    good = {check.code: result(check.code, READY) for check in CHECKS}
    for check in CHECKS:
        unknown = overall(good | {check.code: result(check.code, UNKNOWN)})
        missing = overall({code: item for code, item in good.items() if code != check.code})
        expected = (UNKNOWN, check.code) if check.is_required else (READY, "")
        assert unknown == missing == expected


def test_results_are_kept_as_they_were() -> None:
    reference = Reference("policy", "1", "GPO")
    found = Result("policy.offers", Answer(NOT_READY, "No.", (reference,), "Do."), NOW)
    assert Result.from_json(found.to_json()) == found
    assert in_order([result("gone.check", READY), found]) == [found]
