"""What a policy says of the firewall is kept, and several are put together."""

from __future__ import annotations

import json
import struct

from directory.grouppolicy.firewall import MergedFirewall, merge_firewalls, read_firewall
from directory.grouppolicy.firewall.values import (
    MAXIMUM_CHARACTERS,
    MAXIMUM_OTHERS,
    MAXIMUM_PROBLEMS,
    MAXIMUM_VALUES,
)
from directory.grouppolicy.registry_pol import REG_DWORD, REG_SZ, RegistryPolicyEntry
from tests.directory.firewall_entries import (
    DCOM_RULE,
    DOMAIN_GPO,
    MSRA,
    MSRA_RULE,
    PORT_135,
    RASERVER,
    ROOT,
    WINNIPEG,
    number,
    port,
    program,
    rule,
    stored,
    text,
)

PORTS = r"DomainProfile\GloballyOpenPorts\List"
BLOCK = "v2.30|Action=Block|Active=TRUE|Dir=In|Protocol=6|LPort=135|"
WEB = "v2.30|Action=Allow|Active=TRUE|Dir=In|Protocol=6|LPort=80|App=C:\\web.exe|"


def after(earlier: list[RegistryPolicyEntry], later: list[RegistryPolicyEntry]) -> MergedFirewall:
    """The domain's policy, then Winnipeg's, both as the database keeps them."""
    return merge_firewalls(
        [
            (DOMAIN_GPO, stored(read_firewall(earlier))),
            (WINNIPEG, stored(read_firewall(later))),
        ]
    )


def rules_of(merged: MergedFirewall) -> dict[str, tuple[str, str]]:
    return {item.value.name: (found.action, item.source.name) for item, found in merged.rules()}


def test_a_policy_without_a_word_on_the_firewall_is_kept_as_nothing() -> None:
    entry = RegistryPolicyEntry(r"Software\Other", "x", REG_DWORD, struct.pack("<I", 1))
    policy = read_firewall([entry])
    assert policy.to_json() == {}
    assert not policy.says_anything


def test_what_is_kept_comes_back_as_it_was() -> None:
    policy = read_firewall(
        [
            text(r"DomainProfile\GloballyOpenPorts\List", "**delvals.", " "),
            port(PORT_135),
            number("DomainProfile", "EnableFirewall", 1),
            rule(WEB, "web"),
            rule("v2.30|nonsense|", "broken"),
            text("FirewallRules", "**soft.msra", MSRA_RULE),
        ]
    )
    data = json.loads(json.dumps(policy.to_json()))
    assert type(policy).from_json(data) == policy
    assert policy.others == (("firewallrules", "web"),)


def test_rules_of_several_policies_add_up() -> None:
    merged = after([rule(DCOM_RULE, "dcom")], [rule(MSRA_RULE, "msra")])
    assert rules_of(merged) == {"dcom": ("allow", "DomainGPO"), "msra": ("allow", "WinnipegGPO")}


def test_of_two_values_of_one_name_the_last_written_wins() -> None:
    merged = after([rule(DCOM_RULE, "{A}")], [rule(BLOCK, "{a}")])
    assert rules_of(merged) == {"{a}": ("block", "WinnipegGPO")}
    merged = after([rule(BLOCK, "{a}")], [rule(DCOM_RULE, "{A}")])
    assert rules_of(merged) == {"{A}": ("allow", "WinnipegGPO")}


def test_a_rule_about_something_else_replaces_one_of_its_name() -> None:
    assert rules_of(after([rule(DCOM_RULE, "{A}")], [rule(WEB, "{a}")])) == {}


def test_removals_take_from_earlier_policies_only() -> None:
    everything = text(PORTS, "**delvals.", " ")
    merged = after([port(PORT_135)], [everything])
    assert merged.ports("domainprofile") == []
    merged = after([everything], [port(PORT_135)])
    assert len(merged.ports("domainprofile")) == 1
    merged = after([port(PORT_135)], [text(PORTS, "**del.135:tcp", " ")])
    assert merged.ports("domainprofile") == []
    merged = after([port(PORT_135)], [text(PORTS, "**DeleteValues", "80:TCP;135:TCP")])
    assert merged.ports("domainprofile") == []


def test_the_order_within_a_policy_is_kept() -> None:
    remove = text("FirewallRules", "**del.dcom", " ")
    assert rules_of(after([], [rule(DCOM_RULE, "dcom"), remove])) == {}
    found = rules_of(after([rule(BLOCK, "dcom")], [remove, rule(DCOM_RULE, "dcom")]))
    assert found == {"dcom": ("allow", "WinnipegGPO")}


def test_a_removed_key_takes_everything_below_it() -> None:
    earlier = [port(PORT_135), program(MSRA), number("DomainProfile", "EnableFirewall", 0)]
    merged = after(earlier, [text("DomainProfile", "**DeleteKeys", "GloballyOpenPorts")])
    assert merged.ports("domainprofile") == []
    assert len(merged.programs("domainprofile")) == 1
    above = RegistryPolicyEntry(
        r"SOFTWARE\Policies\Microsoft",
        "**DeleteKeys",
        REG_SZ,
        "WindowsFirewall\x00".encode("utf-16-le"),
    )
    assert after(earlier, [above]).values == {}


def test_a_soft_value_counts_only_where_nothing_is_set() -> None:
    soft = text("FirewallRules", "**soft.dcom", DCOM_RULE)
    assert rules_of(after([rule(BLOCK, "dcom")], [soft])) == {"dcom": ("block", "DomainGPO")}
    assert rules_of(after([], [soft])) == {"dcom": ("allow", "WinnipegGPO")}


def test_within_a_policy_a_soft_value_gives_way() -> None:
    soft, hard = text("FirewallRules", "**soft.dcom", DCOM_RULE), rule(BLOCK, "dcom")
    for entries in ([soft, hard], [hard, soft]):
        policy = read_firewall(entries)
        assert policy.soft == ()
        assert [value.data for value in policy.values] == [BLOCK]


def test_removals_of_something_else_are_not_kept() -> None:
    entries = [
        text(r"DomainProfile\Logging", "**delvals.", " "),
        text("DomainProfile", "**del.DisableNotifications", " "),
        text("PublicProfile", "**DeleteKeys", "Logging"),
    ]
    assert read_firewall(entries).to_json() == {}


def test_a_list_that_is_switched_off_has_no_entries() -> None:
    merged = after(
        [port(PORT_135), program(RASERVER)],
        [number(r"DomainProfile\GloballyOpenPorts", "Enabled", 0)],
    )
    assert merged.ports("domainprofile") == []
    assert len(merged.programs("domainprofile")) == 1


def test_data_of_another_type_or_too_long_is_kept_as_unreadable() -> None:
    policy = read_firewall(
        [
            number("FirewallRules", "number", 7),
            RegistryPolicyEntry(f"{ROOT}\\FirewallRules", "odd", REG_SZ, b"\x00\xd8x"),
            rule(WEB + "Desc=" + "x" * MAXIMUM_CHARACTERS + "|", "long"),
        ]
    )
    assert [value.data for value in policy.values] == [7, None, None]
    assert len(policy.problems) == 3
    merged = merge_firewalls([(WINNIPEG, policy)])
    assert all(found.is_malformed for _, found in merged.rules())


def test_a_malformed_rule_is_reported_by_name() -> None:
    (problem,) = read_firewall([rule("v2.30|Action=Perhaps|Dir=In|", "{31}")]).problems
    assert problem == ("{31} below firewallrules cannot be read: action cannot be 'Perhaps'.")


def test_what_is_kept_of_one_policy_is_bounded_and_says_so() -> None:
    many = [rule(BLOCK, f"block {position}") for position in range(MAXIMUM_VALUES + 1)]
    many += [rule(WEB, f"web {position}") for position in range(MAXIMUM_OTHERS + 1)]
    many += [rule("broken", f"broken {position}") for position in range(MAXIMUM_PROBLEMS)]
    policy = read_firewall(many)
    assert len(policy.values) == MAXIMUM_VALUES
    assert len(policy.others) == MAXIMUM_OTHERS
    assert len(policy.problems) <= MAXIMUM_PROBLEMS
    assert policy.is_cut
    assert merge_firewalls([(WINNIPEG, stored(policy))]).cut == (WINNIPEG,)


def test_reading_twice_keeps_the_same() -> None:
    entries = [rule(WEB, "web"), port(PORT_135), rule("broken", "b"), rule(DCOM_RULE, "dcom")]
    assert json.dumps(read_firewall(entries).to_json()) == json.dumps(
        read_firewall(list(entries)).to_json()
    )
