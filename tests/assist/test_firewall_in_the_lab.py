"""The firewall of the lab's computers, from the Registry.pol files that its domain serves."""

from __future__ import annotations

import pytest
from django.utils import timezone

from assist.eligibility import Finding, explain
from assist.lifecycle import Mode
from directory.names import find_account, find_computer

pytestmark = [pytest.mark.lab, pytest.mark.usefixtures("synced_directory")]


def warnings(computer: str) -> list[Finding]:
    decision = explain(
        find_account(r"R2\mjones"), find_computer(computer), Mode.VIEW, now=timezone.now()
    )
    return [item for item in decision.findings if item.rule.startswith("firewall.")]


@pytest.mark.parametrize(
    ("computer", "rules"),
    [
        ("XP191", []),
        ("WPG-SRV-14", []),
        ("BDN-W10-01", []),
        ("NTH-W11-01", []),  # by the policy of its site
        ("GIM-W11-01", ["firewall.unknown"]),
        ("ISO-W11-01", ["firewall.unknown"]),
        ("WPG-XP-06", ["firewall.incomplete", "firewall.standard_profile"]),
    ],
)
def test_each_computer_has_the_firewall_of_its_policies(computer: str, rules: list[str]) -> None:
    assert [item.rule for item in warnings(computer)] == rules


def test_windows_xp_lacks_its_three_programs_where_policy_names_those_of_later_windows() -> None:
    sentence = warnings("WPG-XP-06")[0].sentence
    for program in ("Helpsvc.exe", "Helpctr.exe", "Sessmgr.exe"):
        assert program in sentence
    assert "135:TCP" not in sentence
