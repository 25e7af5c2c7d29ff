"""The grammar of firewall rules, [MS-GPFAS] 2.2.2.19."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from directory.grouppolicy.firewall.matching import match_rule
from directory.grouppolicy.firewall.needs import EVENT_LOG, MSRA, RASERVER, RPC, Need
from directory.grouppolicy.firewall.rules import parse_rule
from directory.grouppolicy.firewall.scope import Match
from tests.directory.firewall_entries import (
    DCOM_RULE,
    EVENT_LOG_RULES,
    MSRA_RULE,
    OFFER_RULES,
)

ALLOW = "v2.30|Action=Allow|Active=TRUE|Dir=In|Protocol=6|"


@pytest.mark.parametrize("data", [*OFFER_RULES.values(), *EVENT_LOG_RULES.values()])
def test_windows_own_rules_are_well_formed(data: str) -> None:
    rule = parse_rule(data)
    assert rule.problems == ()
    assert (rule.action, rule.direction, rule.is_active) == ("allow", "in", True)
    assert rule.unknown == rule.conditions == ()


def test_a_rule_says_what_its_fields_say() -> None:
    rule = parse_rule(DCOM_RULE)
    assert rule.profiles == {"domain"}
    assert rule.protocol == 6
    assert rule.ports is not None
    assert rule.ports.ranges == ((135, 135),)
    assert (rule.program, rule.service) == (r"%SystemRoot%\system32\svchost.exe", "rpcss")
    assert rule.group == "@FirewallAPI.dll,-33002"
    assert parse_rule(MSRA_RULE).profiles == {"domain", "private"}


def test_what_a_rule_does_not_say_is_any_and_not_active() -> None:
    rule = parse_rule("v2.0|Action=Block|Dir=Out|")
    assert rule.problems == ()
    assert not rule.is_active
    assert (rule.profiles, rule.protocol, rule.ports, rule.program) == (frozenset(), None, None, "")
    assert rule.remote.is_any


def test_ports_and_addresses_of_every_form_add_up() -> None:
    rule = parse_rule(
        ALLOW + "LPort=80|LPort2_10=49152-65535|LPort=RPC|LPort2_10=IPHTTPSIn|LPort2_24=mDNS|"
        "RA4=10.0.0.0/255.0.0.0|RA4=192.0.2.1|RA4=192.0.2.8-192.0.2.9|RA6=2001:db8::/32|"
        "RA4=LocalSubnet|RA42=IntrAnet|"
    )
    assert rule.problems == ()
    assert rule.ports is not None
    assert rule.ports.ranges == ((80, 80), (49152, 65535))
    assert rule.ports.keywords == {"rpc", "iphttpsin", "mdns"}
    assert rule.remote.keywords == {"localsubnet", "intranet"}
    for inside in ("10.9.9.9", "192.0.2.1", "192.0.2.9", "2001:db8::5"):
        assert rule.remote.match(ip_address(inside)) is Match.YES


def test_the_last_platform_may_stand_for_all_later_ones() -> None:
    rule = parse_rule(ALLOW + "Platform=2:6:0|Platform=2:6:2|Platform2=GTEQ|")
    assert rule.problems == ()
    for version, match in (
        ((6, 0), Match.YES),
        ((6, 1), Match.NO),
        ((6, 2), Match.YES),
        ((10, 0), Match.YES),
        (None, Match.MAYBE),
    ):
        assert match_rule(rule, MSRA, version) is match


def test_an_unknown_field_is_tolerated_and_reported() -> None:
    rule = parse_rule(ALLOW + "Flavour=Sweet|")
    assert rule.problems == ()
    assert rule.unknown == ("Flavour=Sweet",)
    assert match_rule(rule, MSRA, (10, 0)) is Match.MAYBE


@pytest.mark.parametrize(
    "data",
    [
        "",
        "|",
        "v2.30",
        "v2.30|",
        "2.30|Action=Allow|Dir=In|",
        "v2|Action=Allow|Dir=In|",
        "v2.256|Action=Allow|Dir=In|",
        "v2.30|Action=Allow|Dir=In",
        "v2.30|Action=Permit|Dir=In|",
        "v2.30|Action=Allow|Dir=Both|",
        "v2.30|Dir=In|",
        "v2.30|Action=Allow|",
        "v2.30|Action=Allow|Action=Block|Dir=In|",
        "v2.30|Action=Allow|Dir=In|Profile=Standard|",
        "v2.30|Action=Allow|Dir=In|Protocol=256|",
        "v2.30|Action=Allow|Dir=In|Protocol=tcp|",
        "v2.30|Action=Allow|Dir=In|Active=YES|",
        "v2.30|Action=Allow|Dir=In|nothing|",
        "v2.30|Action=Allow|Dir=In|App=|",
        "v2.30|Action=Allow|Dir=In|LPort=135|",
        "v2.30|Action=Allow|Dir=In|LPort=135|Protocol=6|",
        "v2.30|Action=Allow|Dir=In|Protocol=1|LPort=135|",
        ALLOW + "LPort=135-139|",
        ALLOW + "LPort2_10=139-135|",
        ALLOW + "LPort2_10=135|",
        ALLOW + "LPort=65536|",
        ALLOW + "LPort=everything|",
        ALLOW + "RA4=10.0.0.0/33|",
        ALLOW + "RA4=*|",
        ALLOW + "RA4=|",
        ALLOW + "Platform=2:6|",
        ALLOW + "Platform=2:6:1|Platform2=LT|",
    ],
)
def test_a_rule_that_breaks_the_grammar_is_malformed(data: str) -> None:
    assert parse_rule(data).is_malformed


def test_what_cannot_be_read_is_taken_as_widely_as_can_be() -> None:
    rule = parse_rule("v2.30|Action=Deny|Active=?|Dir=?|Protocol=x|Profile=Dom|RA4=?|App=|")
    assert rule.is_active
    assert match_rule(rule, MSRA, (10, 0)) is Match.MAYBE
    assert rule.remote.is_any


SVCHOST = r"App=%SystemRoot%\system32\svchost.exe|"


@pytest.mark.parametrize(
    ("need", "fields", "match"),
    [
        (RPC, "LPort=135|", Match.YES),
        (RPC, "LPort=136|", Match.NO),
        (RPC, "LPort=RPC-EPMap|", Match.YES),
        (RPC, "LPort=RPC|", Match.NO),
        (RPC, "LPort2_10=1-1024|", Match.YES),
        (RPC, "", Match.YES),
        (RPC, SVCHOST + "Svc=RpcSs|", Match.YES),
        (RPC, SVCHOST + "Svc=*|", Match.YES),
        (RPC, SVCHOST + "Svc=Eventlog|", Match.NO),
        (RPC, "App=System|", Match.NO),
        (RPC, "RPort=50000|", Match.MAYBE),
        (RPC, "IFType=Wireless|", Match.MAYBE),
        (RPC, "LA4=10.0.0.1|", Match.MAYBE),
        (RPC, "Security=Authenticate|RMauth=O:LSD:(A;;CC;;;DC)|", Match.MAYBE),
        (RPC, "Profile=Private|", Match.NO),
        (RPC, "Profile=Private|Profile=Domain|", Match.YES),
        (EVENT_LOG, "LPort=RPC|" + SVCHOST + "Svc=Eventlog|", Match.YES),
        (EVENT_LOG, "LPort=RPC-EPMap|", Match.NO),
        (MSRA, r"App=%SYSTEMROOT%\System32\MSRA.EXE|", Match.YES),
        (MSRA, r"App=c:\windows\system32\msra.exe|", Match.YES),
        (MSRA, r"App=D:\Tools\msra.exe|", Match.MAYBE),
        (MSRA, "App=msra.exe|", Match.MAYBE),
        (MSRA, r"App=%SystemRoot%\system32\raserver.exe|", Match.NO),
        (MSRA, "Svc=*|", Match.NO),
        (MSRA, "LPort=3389|", Match.NO),
        (MSRA, "LPort=50000|", Match.MAYBE),
        (MSRA, "LPort2_10=49152-65535|", Match.YES),
        (MSRA, "LPort2_10=49152-60000|LPort2_10=60001-65535|", Match.YES),
        (MSRA, "LPort2_10=49152-60000|LPort2_10=60002-65535|", Match.MAYBE),
        (MSRA, "LPort=RPC|", Match.NO),
        (RASERVER, "LPort=RPC|", Match.YES),
    ],
)
def test_a_rule_is_about_what_its_fields_allow(need: Need, fields: str, match: Match) -> None:
    rule = parse_rule(ALLOW + fields)
    assert rule.problems == ()
    assert match_rule(rule, need, (10, 0)) is match


@pytest.mark.parametrize("head", ["v2.30|Action=Allow|Active=TRUE|Dir=In|Protocol=17|"])
def test_a_rule_for_another_protocol_is_about_nothing(head: str) -> None:
    assert match_rule(parse_rule(head), RPC, (10, 0)) is Match.NO


def test_an_outbound_rule_is_about_nothing() -> None:
    rule = parse_rule("v2.30|Action=Block|Active=TRUE|Dir=Out|")
    assert match_rule(rule, MSRA, (10, 0)) is Match.NO
