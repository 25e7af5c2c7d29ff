"""The chain of policies as pages and commands show it: every value, who set it, who in vain."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from django.core.management import call_command

from assist.policy_in_force import policy_in_force
from directory.grouppolicy.remote_assistance import OTHER_VALUES
from directory.models import GroupPolicyLink
from directory.policies.effects import SETTINGS
from tests.assist.cast import Cast, make_policy

pytestmark = pytest.mark.usefixtures("clock")


def link(cast: Cast, name: str, *, at_head: bool = True, **columns: Any) -> None:
    policy = make_policy(cast.domain, name, **columns)
    GroupPolicyLink.objects.create(
        domain=cast.domain,
        ou=None if at_head else cast.unit,
        policy=policy,
        policy_distinguished_name="x",
        order=1 if at_head else 0,
    )


def sentence(cast: Cast, name: str, **settings: Any) -> str:
    cast.policy.other_settings = settings
    cast.policy.save()
    rows = {row.name: row for row in policy_in_force(cast.xp191).settings}
    return rows[name].sentence


def test_every_value_that_is_read_has_its_sentence() -> None:
    assert set(OTHER_VALUES.values()) | {"offers", "control"} == set(SETTINGS)


def test_a_value_names_its_policy_and_those_it_overrode(cast: Cast) -> None:
    link(cast, "HeadGPO", offers_allowed=False)
    row = policy_in_force(cast.xp191).settings[0]
    assert (row.name, row.value, row.source) == (
        "fAllowUnsolicited",
        "yes",
        "WinnipegGPO (linked to OU=Winnipeg)",
    )
    assert row.overridden == ("HeadGPO (linked to r2.local): no",)
    assert row.open == ()


def test_what_is_not_known_says_what_would_make_it_known(cast: Cast) -> None:
    link(cast, "NearGPO", at_head=False, offers_allowed=False, wmi_filter="Only notebooks")
    row = policy_in_force(cast.xp191).settings[0]
    assert [
        ("Only notebooks" in item.sentence, "gpresult" in item.remedy) for item in row.open
    ] == [(True, True)]


def test_lines_say_whether_they_are_on_the_list(cast: Cast) -> None:
    far = make_policy(cast.domain, "HeadGPO", replaces_helpers=True)
    far.helpers.create(position=1, text=r"R2\Old", problem="No account or group has that name.")
    GroupPolicyLink.objects.create(
        domain=cast.domain, policy=far, policy_distinguished_name="x", order=1
    )
    lines = {row.text: row for row in policy_in_force(cast.xp191).lines}
    assert lines[r"R2\Helpdesk Winnipeg"].is_in_force is True
    assert lines[r"R2\Helpdesk Winnipeg"].names == r"R2\Helpdesk Winnipeg"
    assert lines[r"R2\Old"].is_in_force is False
    assert lines[r"R2\Old"].overridden_by == "WinnipegGPO (linked to OU=Winnipeg)"
    link(cast, "NearGPO", at_head=False, replaces_helpers=True, wmi_filter="x")
    assert policy_in_force(cast.xp191).lines[0].is_in_force is None


@pytest.mark.parametrize(
    ("name", "settings", "words"),
    [
        ("LoggingEnabled", {"LoggingEnabled": 1}, "event 12"),
        ("LoggingEnabled", {"LoggingEnabled": 0}, "not logged"),
        ("fAllowToGetHelp", {"fAllowToGetHelp": 0}, "before Service Pack 2"),
        ("CreateEncryptedOnlyTickets", {"CreateEncryptedOnlyTickets": 1}, "not affected"),
        ("MaxTicketExpiry", {"MaxTicketExpiry": 6, "MaxTicketExpiryUnits": 1}, "6 hours"),
        ("MaxTicketExpiry", {"MaxTicketExpiry": 6}, "not set"),
        ("ViewMessage", {"ViewMessage": "Hello", "UseCustomMessages": 1}, "reads this text"),
        ("ViewMessage", {"ViewMessage": "Hello", "UseCustomMessages": 0}, "not shown"),
        ("LoggingEnabled", {"LoggingEnabled": None}, "removes it"),
    ],
)
def test_a_setting_says_what_it_does(
    cast: Cast, name: str, settings: dict[str, Any], words: str
) -> None:
    assert words in sentence(cast, name, **settings)


def test_explain_offer_shows_the_chain(cast: Cast) -> None:
    link(cast, "HeadGPO", offers_allowed=False)
    output = io.StringIO()
    call_command("explain_offer", "mjones", "XP191", stdout=output)
    shown = output.getvalue()
    for words in (
        "fAllowUnsolicited = yes, set by WinnipegGPO (linked to OU=Winnipeg)",
        "instead of HeadGPO (linked to r2.local): no",
        r"R2\Helpdesk Winnipeg -> R2\Helpdesk Winnipeg; listed",
        "WinnipegGPO -> OU=Winnipeg, link order 1: applies.",
    ):
        assert words in shown
    output = io.StringIO()
    call_command("explain_offer", "mjones", "XP191", "--json", stdout=output)
    policy = json.loads(output.getvalue().splitlines()[-1])["policy"]
    assert set(policy) == {"settings", "lines", "further_lines", "links"}
