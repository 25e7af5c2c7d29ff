"""What an expert is told of the firewall that policy sets: warnings, never a refusal."""

from __future__ import annotations

from ipaddress import ip_address

import pytest
from pytest_django import Settings

from assist.eligibility import Decision, Effect, Finding, explain
from assist.lifecycle import Mode
from directory.grouppolicy.firewall import read_firewall
from directory.grouppolicy.registry_pol import RegistryPolicyEntry
from directory.models import GroupPolicy, GroupPolicyLink
from tests.assist.cast import NOW, Cast, make_policy
from tests.directory.firewall_entries import (
    OFFER_RULES,
    PORT_135,
    lists_of_vista,
    lists_of_xp,
    number,
    port,
    program,
    rule,
    rules,
)

pytestmark = pytest.mark.django_db
BLOCK_135 = "v2.30|Action=Block|Active=TRUE|Dir=In|Protocol=6|LPort=135|"


def say(policy: GroupPolicy, *entries: RegistryPolicyEntry) -> None:
    policy.firewall = read_firewall(entries).to_json()
    policy.save()


def decide(cast: Cast, expert_address: str | None = None) -> Decision:
    return explain(cast.mjones, cast.xp191, Mode.CONTROL, now=NOW, expert_address=expert_address)


def warnings(decision: Decision) -> list[Finding]:
    found = [item for item in decision.findings if item.rule.startswith("firewall.")]
    assert all(item.effect is Effect.WARN for item in found)
    return found


def warning(decision: Decision) -> Finding:
    (found,) = warnings(decision)
    return found


def link_above(cast: Cast, policy: GroupPolicy) -> None:
    """At the domain's head, which is processed before Winnipeg's unit."""
    GroupPolicyLink.objects.create(
        domain=cast.domain,
        policy=policy,
        policy_distinguished_name=policy.distinguished_name,
        order=1,
    )


def test_a_complete_policy_gives_no_warning(cast: Cast) -> None:
    say(cast.policy, *rules(OFFER_RULES))
    decision = decide(cast)
    assert decision.is_allowed
    assert warnings(decision) == []


def test_a_silent_policy_gives_a_warning_and_no_refusal(cast: Cast) -> None:
    decision = decide(cast)
    assert decision.is_allowed
    found = warning(decision)
    assert found.rule == "firewall.unknown"
    assert "135:TCP" in found.remedy
    assert [item.kind for item in found.evidence] == ["computer"]


def test_missing_exceptions_are_named_with_the_policy(cast: Cast) -> None:
    say(cast.policy, port(PORT_135))
    decision = decide(cast)
    assert decision.is_allowed
    found = warning(decision)
    assert found.rule == "firewall.incomplete"
    assert "msra.exe" in found.sentence
    assert "raserver.exe" in found.sentence
    assert [(item.kind, item.name) for item in found.evidence] == [
        ("computer", "XP191"),
        ("policy", "WinnipegGPO"),
    ]


def test_exceptions_of_policies_farther_away_count(cast: Cast) -> None:
    head = make_policy(cast.domain, "DomainGPO")
    say(head, *lists_of_vista()[1:])
    link_above(cast, head)
    say(cast.policy, port(PORT_135))
    assert warnings(decide(cast)) == []


def test_a_block_by_a_policy_farther_away_is_named(cast: Cast) -> None:
    head = make_policy(cast.domain, "DomainGPO")
    say(head, rule(BLOCK_135, "{31}"))
    link_above(cast, head)
    say(cast.policy, *rules(OFFER_RULES))
    decision = decide(cast)
    assert decision.is_allowed
    found = warning(decision)
    assert found.rule == "firewall.blocked"
    assert "{31} of DomainGPO" in found.sentence
    assert "DomainGPO" in [item.name for item in found.evidence]


def test_the_nearest_policy_has_the_last_word_on_a_rule(cast: Cast) -> None:
    head = make_policy(cast.domain, "DomainGPO")
    name = next(iter(OFFER_RULES))
    say(head, rule(BLOCK_135, name))
    link_above(cast, head)
    say(cast.policy, *rules(OFFER_RULES))
    assert warnings(decide(cast)) == []


def test_a_policy_that_does_not_apply_says_nothing(cast: Cast) -> None:
    head = make_policy(cast.domain, "DomainGPO", flags=2)
    say(head, rule(BLOCK_135))
    link_above(cast, head)
    say(cast.policy, *rules(OFFER_RULES))
    assert warnings(decide(cast)) == []


def test_a_policy_that_may_apply_makes_the_verdict_uncertain(cast: Cast) -> None:
    head = make_policy(cast.domain, "DomainGPO", wmi_filter="Laptops")
    say(head, rule(BLOCK_135))
    link_above(cast, head)
    say(cast.policy, *rules(OFFER_RULES))
    found = warning(decide(cast))
    assert found.rule == "firewall.unknown"
    assert "DomainGPO" in found.sentence
    say(head, *rules(OFFER_RULES))
    assert warnings(decide(cast)) == []


def test_a_policy_that_cannot_be_read_makes_the_verdict_uncertain(cast: Cast) -> None:
    head = make_policy(cast.domain, "DomainGPO", read_error="SYSVOL is closed.")
    link_above(cast, head)
    say(cast.policy, *rules(OFFER_RULES))
    found = warning(decide(cast))
    assert found.rule == "firewall.unknown"
    assert "DomainGPO" in found.sentence


def test_scopes_are_held_against_the_worker_and_the_expert(cast: Cast, settings: Settings) -> None:
    entries = [port(PORT_135.replace("*", "10.0.0.0/8")), *lists_of_vista()[1:]]
    say(cast.policy, *entries)
    assert warning(decide(cast)).rule == "firewall.unknown"
    settings.WORKER_ADDRESSES = [ip_address("192.0.2.10")]
    found = warning(decide(cast))
    assert found.rule == "firewall.scope"
    assert "192.0.2.10" in found.sentence
    settings.WORKER_ADDRESSES = [ip_address("10.2.3.4")]
    assert warnings(decide(cast)) == []
    msra = lists_of_vista()[1].text
    assert msra is not None
    say(cast.policy, port(PORT_135), program(msra.replace("*", "10.0.0.0/8")), lists_of_vista()[2])
    assert warnings(decide(cast, "10.9.9.9")) == []
    found = warning(decide(cast, "198.51.100.7"))
    assert found.rule == "firewall.scope"
    assert "the expert at 198.51.100.7" in found.sentence


def test_a_firewall_that_is_off_is_a_warning(cast: Cast) -> None:
    say(cast.policy, number("DomainProfile", "EnableFirewall", 0))
    found = warning(decide(cast))
    assert found.rule == "firewall.off"
    assert found.remedy


def test_windows_xp_is_told_of_the_standard_profile(cast: Cast) -> None:
    cast.xp191.operating_system = "Windows XP Professional"
    cast.xp191.operating_system_version = "5.1 (2600)"
    cast.xp191.save()
    say(cast.policy, *lists_of_xp())
    assert warning(decide(cast)).rule == "firewall.standard_profile"
    say(cast.policy, *lists_of_xp(), *lists_of_xp("StandardProfile"))
    assert warnings(decide(cast)) == []


def test_what_is_no_windows_has_no_windows_firewall(cast: Cast) -> None:
    cast.xp191.operating_system = "Debian GNU/Linux"
    cast.xp191.save()
    assert warnings(decide(cast)) == []
