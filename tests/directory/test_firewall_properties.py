"""What must hold for any text in a firewall policy."""

from __future__ import annotations

from ipaddress import ip_address

from hypothesis import given
from hypothesis import strategies as st

from directory.grouppolicy.firewall import (
    FirewallVerdict,
    Origin,
    event_log_verdict,
    merge_firewalls,
    offer_verdict,
    read_firewall,
)
from directory.grouppolicy.firewall.legacy import parse_port_exception, parse_program_exception
from directory.grouppolicy.firewall.rules import parse_rule
from directory.grouppolicy.firewall.verdict import RANK
from directory.grouppolicy.registry_pol import RegistryPolicyEntry
from tests.directory.firewall_entries import (
    DOMAIN_GPO,
    EVENT_LOG_RULES,
    MSRA,
    OFFER_RULES,
    PORT_135,
    RASERVER,
    SERVER_2003,
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
    stored,
    text,
)

ORIGINS = {
    Origin.WORKER: (ip_address("192.0.2.10"),),
    Origin.EXPERT: (ip_address("2001:db8::7"),),
}
FIELDS = st.sampled_from(
    [
        "Action=Allow",
        "Action=Block",
        "Action=ByPass",
        "Action=?",
        "Dir=In",
        "Dir=Out",
        "Active=TRUE",
        "Active=FALSE",
        "Protocol=6",
        "Protocol=17",
        "Profile=Domain",
        "Profile=Public",
        "LPort=135",
        "LPort=RPC",
        "LPort=RPC-EPMap",
        "LPort2_10=49152-65535",
        "LPort=x",
        r"App=%SystemRoot%\system32\msra.exe",
        r"App=%SystemRoot%\system32\svchost.exe",
        "Svc=rpcss",
        "Svc=*",
        "RA4=192.0.2.0/24",
        "RA4=LocalSubnet",
        "RA6=2001:db8::/32",
        "RA6=?",
        "Unknown=1",
        "EmbedCtxt=@FirewallAPI.dll,-33002",
        "",
    ]
)
ANY_RULE = st.lists(FIELDS, max_size=9).map(lambda fields: "v2.30|" + "|".join(fields) + "|")
ANY_ENTRY = st.one_of(
    ANY_RULE.map(rule),
    st.text(max_size=60).map(rule),
    st.text(max_size=60).map(port),
    st.text(max_size=60).map(program),
    st.sampled_from([PORT_135, PORT_135.replace("*", "192.0.2.0/24"), "135:TCP:*:Disabled:x"]).map(
        port
    ),
    st.sampled_from([MSRA, RASERVER, MSRA.replace("*", "LocalSubnet")]).map(program),
    st.builds(
        number,
        st.just("DomainProfile"),
        st.sampled_from(
            ["EnableFirewall", "DoNotAllowExceptions", "DefaultInboundAction"]
            + ["AllowLocalPolicyMerge"]
        ),
        st.integers(0, 2),
    ),
    st.sampled_from(["**delvals.", "**del.rule", "**DeleteKeys"]).map(
        lambda name: text("FirewallRules", name, "x")
    ),
)
BASES = st.sampled_from(
    [
        [],
        lists_of_xp(),
        lists_of_vista(),
        rules(OFFER_RULES),
        rules(EVENT_LOG_RULES),
        [*rules(OFFER_RULES), number("DomainProfile", "AllowLocalPolicyMerge", 0)],
        [number("DomainProfile", "DefaultInboundAction", 0)],
        [number("DomainProfile", "AllowLocalPolicyMerge", 0)],
    ]
)


def verdicts(*entries: RegistryPolicyEntry) -> list[FirewallVerdict]:
    picture = merged(*entries)
    found = [
        offer_verdict(picture, windows, origins)
        for windows in (XP, SERVER_2003, WINDOWS_10)
        for origins in (None, ORIGINS)
    ]
    events = [event_log_verdict(picture, WINDOWS_10, origins) for origins in (None, ORIGINS)]
    return found + [verdict for verdict in events if verdict is not None]


@given(st.text())
def test_any_text_is_parsed(data: str) -> None:
    parse_rule(data)
    parse_port_exception(data)
    parse_program_exception(data)


@given(st.lists(ANY_ENTRY, max_size=8))
def test_any_policy_is_judged_and_kept(entries: list[RegistryPolicyEntry]) -> None:
    policy = read_firewall(entries)
    assert stored(policy) == policy
    for verdict in verdicts(*entries):
        assert verdict.sentence.endswith(".")


@given(BASES, st.lists(ANY_ENTRY, max_size=4), ANY_RULE | st.text(max_size=40))
def test_a_block_or_a_broken_rule_never_makes_a_verdict_better(
    base: list[RegistryPolicyEntry], others: list[RegistryPolicyEntry], data: str
) -> None:
    found = parse_rule(data)
    if not found.is_malformed and found.action != "block":
        data = data.replace("Action=Allow", "Action=Block").replace("Action=ByPass", "Action=Block")
    before = verdicts(*base, *others)
    after = verdicts(*base, *others, rule(data, "added"))
    for one, other in zip(before, after, strict=True):
        assert RANK[other.state] <= RANK[one.state]


@given(st.permutations(list(enumerate([*OFFER_RULES.values(), *EVENT_LOG_RULES.values()]))))
def test_the_order_of_rules_does_not_matter(named: list[tuple[int, str]]) -> None:
    entries = [rule(data, f"rule {number}") for number, data in named]
    assert [verdict.state for verdict in verdicts(*entries)] == [
        verdict.state
        for verdict in verdicts(*(rule(data, f"rule {key}") for key, data in sorted(named)))
    ]


@given(
    st.lists(st.tuples(st.integers(0, 20), ANY_RULE), max_size=8, unique_by=lambda item: item[0])
)
def test_the_order_of_policies_does_not_matter_where_no_name_is_written_twice(
    named: list[tuple[int, str]],
) -> None:
    policies = [
        (
            source,
            read_firewall([rule(data, f"rule {key}") for key, data in named if key % 2 == odd]),
        )
        for odd, source in enumerate((DOMAIN_GPO, WINNIPEG))
    ]
    states = [
        offer_verdict(merge_firewalls(order), WINDOWS_10, ORIGINS).state
        for order in (policies, policies[::-1])
    ]
    assert states[0] is states[1]
