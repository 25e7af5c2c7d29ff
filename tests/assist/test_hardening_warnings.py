"""What an expert is told of policies that harden: warnings with a remedy, never a refusal."""

from __future__ import annotations

import pytest

from assist.eligibility import Effect, Finding, explain
from assist.lifecycle import Mode
from tests.assist.cast import NOW, Cast, make_policy
from tests.assist.test_firewall_warnings import link_above

pytestmark = pytest.mark.django_db


def warnings(cast: Cast, **settings: int | str | None) -> list[Finding]:
    cast.policy.other_settings = settings
    cast.policy.save()
    decision = explain(cast.mjones, cast.xp191, Mode.CONTROL, now=NOW)
    assert decision.is_allowed
    found = [item for item in decision.findings if item.rule.startswith("hardening.")]
    for item in found:
        assert item.effect is Effect.WARN
        assert item.remedy
        assert "WinnipegGPO" in item.sentence
    return found


def rules(found: list[Finding]) -> list[str]:
    return [item.rule for item in found]


def test_a_policy_that_hardens_nothing_gives_no_warning(cast: Cast) -> None:
    assert warnings(cast) == []


@pytest.mark.parametrize("name", ["MachineAccessRestriction", "MachineLaunchRestriction"])
def test_a_dcom_restriction_must_let_the_portals_account_in(cast: Cast, name: str) -> None:
    group = cast.groups["Remote Assistance Portal"].sid
    assert warnings(cast, **{name: f"O:BAG:BAD:(A;;CCDCLCSWRP;;;{group})"}) == []
    assert warnings(cast, **{name: " "}) == []
    (found,) = warnings(cast, **{name: "O:BAG:BAD:(A;;CCDCLCSWRP;;;DA)"})
    assert found.rule == "hardening.dcom"
    assert r"leaves R2\svc-ra-portal out" in found.sentence
    assert "KB884910" in found.remedy
    (found,) = warnings(cast, **{name: "O:BAG:BAD:(A;;CCDCLCSWRP;;;BA)"})
    assert "cannot be seen" in found.sentence
    (found,) = warnings(cast, **{name: "gibberish"})
    assert "cannot be read" in found.sentence


def test_rpc_without_exceptions_is_told(cast: Cast) -> None:
    assert warnings(cast, RestrictRemoteClients=1) == []
    assert rules(warnings(cast, RestrictRemoteClients=2)) == ["hardening.rpc_clients"]


def test_a_range_of_rpc_ports_is_told(cast: Cast) -> None:
    (found,) = warnings(cast, Ports="5000-5100")
    assert found.rule == "hardening.rpc_ports"
    assert "5000-5100" in found.sentence


def test_the_secure_desktop_is_told_unless_remote_assistance_may_leave_it(cast: Cast) -> None:
    assert rules(warnings(cast, PromptOnSecureDesktop=1)) == ["hardening.secure_desktop"]
    assert warnings(cast, PromptOnSecureDesktop=1, EnableUIADesktopToggle=1) == []
    assert warnings(cast, PromptOnSecureDesktop=0) == []


def test_denied_elevation_is_told(cast: Cast) -> None:
    assert rules(warnings(cast, ConsentPromptBehaviorUser=0)) == ["hardening.elevation_denied"]
    assert warnings(cast, ConsentPromptBehaviorUser=3) == []


def test_a_value_that_cannot_be_read_is_told(cast: Cast) -> None:
    assert rules(warnings(cast, RestrictRemoteClients="?")) == ["hardening.unreadable"]


def test_security_settings_that_cannot_be_read_are_told(cast: Cast) -> None:
    (found,) = warnings(cast, **{"GptTmpl.inf": "?"})
    assert found.rule == "hardening.unreadable"
    assert "restrict DCOM" in found.sentence


def test_the_nearest_policy_has_the_last_word(cast: Cast) -> None:
    head = make_policy(cast.domain, "DomainGPO", other_settings={"RestrictRemoteClients": 2})
    link_above(cast, head)
    assert warnings(cast, RestrictRemoteClients=1) == []
    assert warnings(cast, RestrictRemoteClients=None) == []
