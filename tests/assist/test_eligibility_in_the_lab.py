"""The decision on every person and computer of the lab, from what its domain really says."""

from __future__ import annotations

import io

import pytest
from django.core.management import call_command
from django.utils import timezone

from assist.eligibility import Decision, explain
from assist.lifecycle import Mode
from directory.names import find_account, find_computer

pytestmark = [pytest.mark.lab, pytest.mark.usefixtures("synced_directory")]

ALLOWED = ""


def decide(expert: str, computer: str, mode: Mode = Mode.CONTROL) -> Decision:
    return explain(find_account(expert), find_computer(computer), mode, now=timezone.now())


def reason(decision: Decision) -> str:
    return decision.decisive.rule if decision.decisive else ALLOWED


@pytest.mark.parametrize(
    ("person", "rule"),
    [
        ("mjones", ALLOWED),
        ("nkhan", ALLOWED),
        ("radmin", ALLOWED),
        ("eadams", "helper.not_listed"),
        ("dcarter", "account.disabled"),
        ("xlee", "account.expired"),
        ("pwright", "helper.distribution_group"),
        ("swhite", ALLOWED),
        ("pnovak", ALLOWED),
        ("ovega", "role.missing"),
        ("tmanager", "role.missing"),
        ("aauditor", "role.missing"),
        ("ooperator", "role.missing"),
        ("bsmith", "role.missing"),
        ("svc-ra-portal", "role.missing"),
    ],
)
def test_each_person_may_or_may_not_help_at_xp191_for_their_own_reason(
    person: str, rule: str
) -> None:
    assert reason(decide(rf"R2\{person}", "XP191")) == rule


@pytest.mark.parametrize(
    ("computer", "control", "view"),
    [
        ("XP191", ALLOWED, ALLOWED),
        ("WPG-W11-02", ALLOWED, ALLOWED),
        ("WPG-SRV-14", ALLOWED, ALLOWED),
        ("WPG-XP-06", ALLOWED, ALLOWED),
        ("WPG-HOME-07", "computer.home_edition", "computer.home_edition"),
        ("WPG-OLD-08", "computer.disabled", "computer.disabled"),
        ("WPG-LINUX-16", "computer.not_windows", "computer.not_windows"),
        ("BDN-W10-01", "mode.view_only", ALLOWED),
        ("GIM-W11-01", "policy.offers_not_configured", "policy.offers_not_configured"),
        ("SLK-W11-01", "policy.offers_disabled", "policy.offers_disabled"),
        ("FLF-W11-01", ALLOWED, ALLOWED),
        ("CHU-W11-01", "policy.wmi_filter", "policy.wmi_filter"),
        ("TMP-W11-01", "helper.not_listed", "helper.not_listed"),
        ("ISO-W11-01", "policy.offers_not_configured", "policy.offers_not_configured"),
    ],
)
def test_mary_may_or_may_not_help_at_each_computer(computer: str, control: str, view: str) -> None:
    assert reason(decide(r"R2\mjones", computer)) == control
    assert reason(decide(r"R2\mjones", computer, Mode.VIEW)) == view


@pytest.mark.parametrize(
    "expert",
    [r"R2\mjones", r"r2.local\mjones", "mjones@r2.local", r"r2\MJONES", "MJones@R2.LOCAL"],
)
@pytest.mark.parametrize("computer", ["XP191", "xp191.r2.local", "127.0.11.191"])
def test_mary_is_allowed_by_any_name_with_group_policy_and_unit_named(
    expert: str, computer: str
) -> None:
    output = io.StringIO()
    call_command("explain_offer", expert, computer, "--mode", "control", stdout=output)
    verdict = output.getvalue().splitlines()[0]
    assert verdict.startswith(r"ALLOWED: R2\mjones may offer help on XP191")
    for named in (r"R2\Helpdesk Winnipeg", "WinnipegGPO", "OU=Winnipeg"):
        assert named in verdict


def test_misspelt_lines_are_named_where_they_shut_somebody_out() -> None:
    sentence = decide(r"R2\mjones", "TMP-W11-01").sentence
    assert r"R2\Helpdesk Winipeg" in sentence
    assert r"OLDDOMAIN\Helpdesk" in sentence


def test_a_domain_administrator_is_allowed_with_the_mark_of_inference() -> None:
    decision = decide(r"R2\radmin", "XP191")
    assert r"R2\Domain Admins" in decision.sentence
    assert "helper.administrator" in {finding.rule for finding in decision.findings}
