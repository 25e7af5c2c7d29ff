"""Does policy let an offer, or the reading of the event log, through the Windows Firewall?"""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address

import pytest

from directory.grouppolicy.firewall import (
    Origin,
    State,
    System,
    Windows,
    event_log_verdict,
    merge_firewalls,
    offer_verdict,
    read_firewall,
    windows_of,
)
from directory.grouppolicy.registry_pol import RegistryPolicyEntry
from tests.directory.firewall_entries import (
    DCOM_RULE,
    DOMAIN_GPO,
    EVENT_LOG_RULES,
    HELPCTR,
    HELPSVC,
    MSRA,
    MSRA_RULE,
    OFFER_RULES,
    PORT_135,
    RASERVER,
    RASERVER_RULE,
    ROOT,
    SERVER_2003,
    SESSMGR,
    WINDOWS_10,
    WINNIPEG,
    XP,
    lists_of_vista,
    lists_of_xp,
    merged,
    number,
    port,
    program,
    rule,
    rules,
    text,
)

MSRA_PATH = r"%WINDIR%\System32\msra.exe"
RASERVER_PATH = r"%WINDIR%\System32\raserver.exe"
BLOCK_135 = "v2.30|Action=Block|Active=TRUE|Dir=In|Protocol=6|LPort=135|"
NO_LOCAL_RULES = number("DomainProfile", "AllowLocalPolicyMerge", 0)
WORKER = ip_address("192.0.2.10")
EXPERT = ip_address("198.51.100.7")
ORIGINS = {Origin.WORKER: (WORKER,), Origin.EXPERT: (EXPERT,)}


def scoped(data: str, scope: str) -> str:
    return data.replace(":*:", f":{scope}:")


@pytest.mark.parametrize(
    ("system", "version", "windows"),
    [
        ("Windows XP Professional", "5.1 (2600)", Windows(System.XP, (5, 1))),
        ("Windows XP Professional x64 Edition", "5.2 (3790)", Windows(System.XP, (5, 2))),
        ("Windows Server 2003", "5.2 (3790)", Windows(System.SERVER_2003, (5, 2))),
        ("Windows Vista™ Enterprise", "6.0 (6002)", Windows(System.VISTA, (6, 0))),
        ("Windows 11 Enterprise", "10.0 (22631)", Windows(System.VISTA, (10, 0))),
        ("Windows Server 2022 Standard", "", Windows(System.VISTA, None)),
        ("Windows 2000 Professional", "5.0 (2195)", None),
        ("Samba", "4.17", None),
        ("", "", None),
    ],
)
def test_the_firewall_goes_by_the_operating_system(
    system: str, version: str, windows: Windows | None
) -> None:
    assert windows_of(system, version) == windows


def test_the_articles_lists_are_all_that_windows_xp_needs() -> None:
    verdict = offer_verdict(merged(*lists_of_xp(), *lists_of_xp("StandardProfile")), XP)
    assert verdict.state is State.COMPLETE
    assert verdict.sources == (WINNIPEG,)
    assert verdict.notes == ()


def test_windows_xp_without_the_standard_profile_is_complete_with_a_note() -> None:
    verdict = offer_verdict(merged(*lists_of_xp()), XP)
    assert verdict.state is State.COMPLETE
    (note,) = verdict.notes
    assert "standard profile" in note
    assert "135:TCP" in note


def test_windows_xp_names_what_is_missing() -> None:
    verdict = offer_verdict(merged(port(PORT_135), program(HELPSVC), program(HELPCTR)), XP)
    assert verdict.state is State.INCOMPLETE
    assert verdict.missing == (r"%WINDIR%\System32\Sessmgr.exe",)


def test_server_2003_needs_remote_desktop_instead_of_sessmgr() -> None:
    lists = [port(PORT_135), program(HELPSVC), program(HELPCTR)]
    verdict = offer_verdict(merged(*lists, program(SESSMGR)), SERVER_2003)
    assert verdict.state is State.INCOMPLETE
    assert verdict.missing == ("Allow Remote Desktop Exception",)
    key = r"DomainProfile\Services\RemoteDesktop"
    allowed = [number(key, "Enabled", 1), text(key, "RemoteAddresses", "*")]
    assert offer_verdict(merged(*lists, *allowed), SERVER_2003).state is State.COMPLETE
    forbidden = number(key, "Enabled", 0)
    assert offer_verdict(merged(*lists, forbidden), SERVER_2003).state is State.BLOCKED


def test_windows_xp_knows_no_rules() -> None:
    verdict = offer_verdict(merged(*lists_of_xp(), rule(BLOCK_135)), XP)
    assert verdict.state is State.COMPLETE


@pytest.mark.parametrize("entries", [rules(OFFER_RULES), lists_of_vista()])
def test_later_windows_takes_rules_and_lists(entries: list[RegistryPolicyEntry]) -> None:
    verdict = offer_verdict(merged(*entries), WINDOWS_10)
    assert verdict.state is State.COMPLETE
    assert verdict.sentence == (
        rf"WinnipegGPO lets in all that an offer needs: 135:TCP, {RASERVER_PATH} and {MSRA_PATH}."
    )
    assert verdict.remedy == ""


def test_rules_and_lists_of_several_policies_add_up() -> None:
    picture = merge_firewalls(
        [
            (DOMAIN_GPO, read_firewall([port(PORT_135), rule(RASERVER_RULE, "ra")])),
            (WINNIPEG, read_firewall([program(MSRA)])),
        ]
    )
    verdict = offer_verdict(picture, WINDOWS_10)
    assert verdict.state is State.COMPLETE
    assert set(verdict.sources) == {DOMAIN_GPO, WINNIPEG}


@pytest.mark.parametrize(
    ("left_out", "missing"),
    [(PORT_135, "135:TCP"), (MSRA, MSRA_PATH), (RASERVER, RASERVER_PATH)],
)
def test_each_missing_exception_is_named(left_out: str, missing: str) -> None:
    entries = [port(PORT_135), program(MSRA), program(RASERVER)]
    kept = [entry for entry in entries if entry.text != left_out]
    verdict = offer_verdict(merged(*kept), WINDOWS_10)
    assert verdict.state is State.INCOMPLETE
    assert verdict.missing == (missing,)
    assert missing in verdict.sentence
    assert missing in verdict.remedy


def test_the_exception_for_remote_administration_opens_port_135() -> None:
    key = r"DomainProfile\RemoteAdminSettings"
    opened = [number(key, "Enabled", 1), text(key, "RemoteAddresses", "*")]
    verdict = offer_verdict(merged(*opened, program(MSRA), program(RASERVER)), WINDOWS_10)
    assert verdict.state is State.COMPLETE


def test_a_silent_policy_leaves_it_to_the_computer() -> None:
    verdict = offer_verdict(merged(), WINDOWS_10)
    assert verdict.state is State.UNKNOWN
    assert "computer itself" in verdict.sentence
    assert offer_verdict(merged(), XP).state is State.UNKNOWN


def test_a_silent_policy_that_shuts_local_rules_out_lacks_everything() -> None:
    verdict = offer_verdict(merged(NO_LOCAL_RULES), WINDOWS_10)
    assert verdict.state is State.INCOMPLETE
    assert verdict.missing == ("135:TCP", RASERVER_PATH, MSRA_PATH)
    assert "do not count" in verdict.sentence


def test_on_windows_xp_policy_can_shut_the_computers_own_lists_out() -> None:
    shut = [
        number(rf"DomainProfile\{kind}", "AllowUserPrefMerge", 0)
        for kind in ("GloballyOpenPorts", "AuthorizedApplications")
    ]
    verdict = offer_verdict(merged(*shut), XP)
    assert verdict.state is State.INCOMPLETE
    assert "do not count" in verdict.sentence


def test_on_windows_xp_a_list_of_the_policy_replaces_the_computers_own() -> None:
    own = [
        number(rf"DomainProfile\{kind}", "Enabled", 1)
        for kind in ("GloballyOpenPorts", "AuthorizedApplications")
    ]
    assert offer_verdict(merged(*own), XP).state is State.INCOMPLETE
    kept = [
        number(rf"DomainProfile\{kind}", "AllowUserPrefMerge", 1)
        for kind in ("GloballyOpenPorts", "AuthorizedApplications")
    ]
    assert offer_verdict(merged(*own, *kept), XP).state is State.UNKNOWN


def test_a_block_outweighs_every_exception_and_is_named() -> None:
    picture = merge_firewalls(
        [
            (WINNIPEG, read_firewall(rules(OFFER_RULES))),
            (DOMAIN_GPO, read_firewall([rule(BLOCK_135, "{31}")])),
        ]
    )
    verdict = offer_verdict(picture, WINDOWS_10)
    assert verdict.state is State.BLOCKED
    assert verdict.blocking == ("{31} of DomainGPO",)
    assert verdict.sources == (DOMAIN_GPO,)
    assert "135:TCP" in verdict.sentence


@pytest.mark.parametrize(
    "block",
    [
        "v2.30|Action=Block|Active=TRUE|Dir=In|",
        r"v2.30|Action=Block|Active=TRUE|Dir=In|App=%SystemRoot%\system32\msra.exe|",
        "v2.30|Action=Block|Active=TRUE|Dir=In|Protocol=6|LPort2_10=1024-65535|",
        "v2.30|Action=Block|Active=TRUE|Dir=In|Protocol=6|Profile=Domain|LPort=RPC|",
    ],
)
def test_wide_blocks_count(block: str) -> None:
    verdict = offer_verdict(merged(*rules(OFFER_RULES), rule(block)), WINDOWS_10)
    assert verdict.state is State.BLOCKED


@pytest.mark.parametrize(
    "harmless",
    [
        BLOCK_135.replace("TRUE", "FALSE"),
        BLOCK_135.replace("Dir=In", "Dir=Out"),
        BLOCK_135.replace("Protocol=6|", "Protocol=6|Profile=Public|"),
        BLOCK_135.replace("135", "445"),
        BLOCK_135 + "RA4=203.0.113.0/24|",
        BLOCK_135 + "Platform=2:6:1|",
    ],
)
def test_blocks_of_something_else_do_not(harmless: str) -> None:
    verdict = offer_verdict(merged(*rules(OFFER_RULES), rule(harmless)), WINDOWS_10, ORIGINS)
    assert verdict.state is State.COMPLETE


def test_a_block_for_some_addresses_blocks_those() -> None:
    block = rule(BLOCK_135 + "RA4=192.0.2.0/24|")
    entries = [*rules(OFFER_RULES), block]
    assert offer_verdict(merged(*entries), WINDOWS_10).state is State.UNKNOWN
    assert offer_verdict(merged(*entries), WINDOWS_10, ORIGINS).state is State.BLOCKED


def test_a_block_for_one_of_the_workers_blocks() -> None:
    origins = {Origin.WORKER: (WORKER, ip_address("203.0.113.1")), Origin.EXPERT: (EXPERT,)}
    block = rule(BLOCK_135 + "RA4=203.0.113.1|")
    verdict = offer_verdict(merged(*rules(OFFER_RULES), block), WINDOWS_10, origins)
    assert verdict.state is State.BLOCKED


def test_a_rule_that_cannot_be_read_may_block_and_never_allows() -> None:
    broken = rule(DCOM_RULE.replace("LPort=135", "LPort=abc"), "broken")
    alone = offer_verdict(
        merged(broken, rule(RASERVER_RULE, "b"), rule(MSRA_RULE, "c")), WINDOWS_10
    )
    assert alone.state is State.INCOMPLETE
    assert alone.missing == ("135:TCP",)
    beside = offer_verdict(merged(*rules(OFFER_RULES), broken), WINDOWS_10)
    assert beside.state is State.UNKNOWN
    assert "broken of WinnipegGPO may block 135:TCP" in beside.sentence
    assert "lport cannot be 'abc'" in beside.sentence


def test_a_rule_that_cannot_be_read_is_for_the_addresses_that_can() -> None:
    broken = rule(BLOCK_135.replace("Block", "Deny") + "RA4=203.0.113.0/24|", "broken")
    verdict = offer_verdict(merged(*rules(OFFER_RULES), broken), WINDOWS_10, ORIGINS)
    assert verdict.state is State.COMPLETE


@pytest.mark.parametrize("broken", [port("135:TCP:*:On:x"), port("x"), program("")])
def test_an_entry_that_cannot_be_read_may_count_as_disabled(broken: RegistryPolicyEntry) -> None:
    name = text(broken.key.removeprefix(ROOT + "\\"), "broken", broken.text or "")
    verdict = offer_verdict(merged(*lists_of_vista(), name), WINDOWS_10)
    assert verdict.state is State.UNKNOWN
    assert "broken of WinnipegGPO may block" in verdict.sentence


def test_a_policy_that_was_cut_gives_no_certainty() -> None:
    whole = read_firewall(rules(OFFER_RULES))
    picture = merge_firewalls([(WINNIPEG, replace(whole, is_cut=True))])
    verdict = offer_verdict(picture, WINDOWS_10)
    assert verdict.state is State.UNKNOWN
    assert "not everything that WinnipegGPO says was kept" in verdict.sentence


def test_a_rule_with_conditions_gives_no_certainty() -> None:
    entries = dict(OFFER_RULES)
    entries["RemoteAssistance-In-TCP-EdgeScope-Active"] = MSRA_RULE + "IFType=Wireless|"
    verdict = offer_verdict(merged(*rules(entries)), WINDOWS_10)
    assert verdict.state is State.UNKNOWN
    assert "IFType=Wireless" in verdict.sentence


def test_a_rule_under_ipsec_gives_no_certainty() -> None:
    bypass = "v2.30|Action=ByPass|Active=TRUE|Dir=In|Security=Authenticate|RMauth=O:LSD:|"
    verdict = offer_verdict(merged(rule(bypass)), WINDOWS_10)
    assert verdict.state is State.UNKNOWN
    assert "condition" in verdict.sentence


def test_a_scope_that_leaves_the_worker_out_is_told() -> None:
    entries = [port(scoped(PORT_135, "10.0.0.0/8")), program(MSRA), program(RASERVER)]
    assert offer_verdict(merged(*entries), WINDOWS_10).state is State.UNKNOWN
    verdict = offer_verdict(merged(*entries), WINDOWS_10, ORIGINS)
    assert verdict.state is State.EXCLUDED
    assert verdict.missing == ("135:TCP",)
    assert "10.0.0.0/8" in verdict.sentence
    assert "the portal's worker at 192.0.2.10" in verdict.sentence


def test_a_scope_that_leaves_the_expert_out_is_told() -> None:
    entries = [port(PORT_135), program(scoped(MSRA, "10.0.0.0/8")), program(RASERVER)]
    verdict = offer_verdict(merged(*entries), WINDOWS_10, ORIGINS)
    assert verdict.state is State.EXCLUDED
    assert "the expert at 198.51.100.7" in verdict.sentence


def test_scopes_of_several_entries_are_combined() -> None:
    entries = [
        text(r"DomainProfile\GloballyOpenPorts\List", name, scoped(PORT_135, scope))
        for name, scope in (("a", "10.0.0.0/8"), ("b", "192.0.2.0/24"))
    ]
    verdict = offer_verdict(merged(*entries, program(MSRA), program(RASERVER)), WINDOWS_10, ORIGINS)
    assert verdict.state is State.COMPLETE


def test_the_local_subnet_is_not_known_from_here() -> None:
    entries = [port(scoped(PORT_135, "LocalSubnet")), program(MSRA), program(RASERVER)]
    verdict = offer_verdict(merged(*entries), WINDOWS_10, ORIGINS)
    assert verdict.state is State.UNKNOWN
    assert "LocalSubnet" in verdict.sentence


def test_every_worker_must_be_let_in() -> None:
    entries = [port(scoped(PORT_135, "192.0.2.0/24")), program(MSRA), program(RASERVER)]
    origins = {Origin.WORKER: (WORKER, ip_address("203.0.113.1")), Origin.EXPERT: (EXPERT,)}
    verdict = offer_verdict(merged(*entries), WINDOWS_10, origins)
    assert verdict.state is State.EXCLUDED
    assert "203.0.113.1" in verdict.sentence
    assert "192.0.2.10" not in verdict.sentence


def test_an_entry_set_to_disabled_takes_the_enabled_one_back() -> None:
    disabled = text(
        r"DomainProfile\GloballyOpenPorts\List", "other", PORT_135.replace("Enabled", "Disabled")
    )
    assert offer_verdict(merged(*lists_of_xp(), disabled), XP).state is State.BLOCKED
    assert offer_verdict(merged(*lists_of_vista(), disabled), WINDOWS_10).state is State.UNKNOWN


def test_a_firewall_that_is_off_stops_nothing() -> None:
    off = number("DomainProfile", "EnableFirewall", 0)
    for windows in (XP, WINDOWS_10):
        verdict = offer_verdict(merged(off, rule(BLOCK_135)), windows)
        assert verdict.state is State.OPEN
        assert verdict.sources == (WINNIPEG,)
        assert verdict.remedy


def test_no_exceptions_at_all_blocks() -> None:
    shut = number("DomainProfile", "DoNotAllowExceptions", 1)
    verdict = offer_verdict(merged(*rules(OFFER_RULES), shut), WINDOWS_10)
    assert verdict.state is State.BLOCKED
    assert verdict.blocking == ("DoNotAllowExceptions of WinnipegGPO",)


def test_letting_everything_in_by_default_leaves_the_blocks() -> None:
    default = number("DomainProfile", "DefaultInboundAction", 0)
    assert offer_verdict(merged(default), WINDOWS_10).state is State.OPEN
    assert offer_verdict(merged(default, rule(BLOCK_135)), WINDOWS_10).state is State.BLOCKED
    assert offer_verdict(merged(default), XP).state is State.UNKNOWN


def test_a_setting_that_cannot_be_read_gives_no_certainty() -> None:
    odd = text("DomainProfile", "EnableFirewall", "0")
    verdict = offer_verdict(merged(*rules(OFFER_RULES), odd), WINDOWS_10)
    assert verdict.state is State.UNKNOWN
    assert "EnableFirewall of WinnipegGPO cannot be read" in verdict.sentence


def test_the_event_log_needs_rules_of_its_own() -> None:
    verdict = event_log_verdict(merged(*rules(EVENT_LOG_RULES)), WINDOWS_10)
    assert verdict is not None
    assert verdict.state is State.COMPLETE
    verdict = event_log_verdict(merged(*rules(OFFER_RULES)), WINDOWS_10)
    assert verdict is not None
    assert verdict.state is State.INCOMPLETE
    assert verdict.missing == ("Remote Event Log Management (RPC)",)
    assert event_log_verdict(merged(), XP) is None


def test_whether_the_old_list_opens_the_event_log_is_not_known() -> None:
    svchost = program(r"%WINDIR%\System32\svchost.exe:*:Enabled:Services")
    verdict = event_log_verdict(merged(port(PORT_135), svchost), WINDOWS_10)
    assert verdict is not None
    assert verdict.state is State.UNKNOWN


def test_a_sentence_stays_readable_whatever_a_policy_holds() -> None:
    long = "x" * 4000
    many = [rule(BLOCK_135, f"{number} {long}") for number in range(100)]
    verdict = offer_verdict(merged(*rules(OFFER_RULES), *many), WINDOWS_10)
    assert len(verdict.blocking) == 100
    assert "95 more" in verdict.sentence
    assert len(verdict.sentence) < 2000
    doubtful = [rule(BLOCK_135 + f"LUAuth={long}|", f"{number}") for number in range(100)]
    verdict = offer_verdict(merged(*rules(OFFER_RULES), *doubtful), WINDOWS_10)
    assert len(verdict.doubts) == 100
    assert len(verdict.sentence) < 2000
