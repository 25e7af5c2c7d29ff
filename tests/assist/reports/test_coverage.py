"""Helper lists against reality: each number and the rows behind it."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from assist.reports.helper_lists import (
    disabled_helpers,
    helper_lists,
    never_helped,
    wide_groups,
)
from assist.reports.periods import Period
from assist.reports.reach import NO_EXPERTS, reach
from directory.member_counts import people_in_each
from directory.membership import members_of
from directory.models import Account, Group, GroupPolicyLink, Membership, OrganizationalUnit
from tests.assist.cast import NOW, Cast
from tests.assist.reports.made_offers import made_offer

pytestmark = pytest.mark.django_db
THIS_DAY = Period(date(2026, 11, 23), date(2026, 11, 23))


def idle(period: Period = THIS_DAY) -> dict[str, int]:
    return {who.name: who.offers for who in never_helped(helper_lists(), period, NOW)}


def test_helpers_none_of_whose_offers_was_accepted_never_helped(cast: Cast) -> None:
    made_offer(cast)
    made_offer(cast, by="nkhan", outcome="declined")
    made_offer(cast, by="ovega", requested_at=NOW - timedelta(days=1))
    assert idle() == {r"R2\nkhan": 1, r"R2\ovega": 0}
    yesterday = date(2026, 11, 22)
    assert idle(Period(yesterday, yesterday)) == {r"R2\mjones": 0, r"R2\nkhan": 0}


def test_accounts_that_cannot_be_used_and_the_portals_own_are_no_idle_helpers(cast: Cast) -> None:
    Account.objects.filter(pk=cast.nkhan.pk).update(is_enabled=False)
    Account.objects.filter(pk=cast.ovega.pk).update(expires_at=NOW)
    assert set(idle()) == {r"R2\mjones"}
    found = disabled_helpers(helper_lists(), NOW)
    assert [(who.name, who.is_enabled) for who in found] == [
        (r"R2\nkhan", False),
        (r"R2\ovega", True),
    ]


def test_a_list_that_is_linked_nowhere_lets_nobody_in(cast: Cast) -> None:
    GroupPolicyLink.objects.update(is_disabled=True)
    assert idle() == {}
    assert wide_groups(helper_lists(), 0) == []


def test_lines_that_name_nobody_are_told_with_the_reason(cast: Cast) -> None:
    cast.add_helper(r"R2\Nobody", None, "There is no such object.")
    gone = cast.add_account("gone", is_present=False)
    cast.add_helper(r"R2\gone", gone)
    found = [(entry.text, entry.problem) for entry in helper_lists().unresolved]
    assert found == [
        (r"R2\Nobody", "There is no such object."),
        (r"R2\gone", "It names nobody in the directory."),
    ]


def test_a_line_that_names_the_same_as_an_earlier_one_is_a_duplicate(cast: Cast) -> None:
    cast.add_helper("nkhan@r2.local", cast.nkhan)
    cast.add_helper(r"R2\nkhan", cast.nkhan)
    (entry,) = helper_lists().duplicates
    assert (entry.text, entry.repeats) == (r"R2\nkhan", 2)


def test_groups_that_let_in_more_people_than_chosen_are_told_the_widest_first(cast: Cast) -> None:
    lists = helper_lists()
    found = [(group.name, group.people) for group in wide_groups(lists, 0)]
    assert found == [(r"R2\Helpdesk Winnipeg", 3), (r"R2\Remote Assistance Portal", 1)]
    assert [group.people for group in wide_groups(lists, 1)] == [3]
    assert wide_groups(lists, 3) == []


def test_people_of_many_groups_are_counted_as_those_of_each(cast: Cast) -> None:
    helpdesk, night = cast.groups["Helpdesk Winnipeg"], cast.groups["Helpdesk Night"]
    cast.join(night, helpdesk)  # each holds the other
    Account.objects.filter(pk=cast.bsmith.pk).update(primary_group_sid=night.sid)
    Account.objects.filter(pk=cast.cwong.pk).update(sid_history=["S-1-5-21-9-9-9-1000"])
    Membership.objects.create(
        group=helpdesk, member_guid=cast.policy.guid, member_sid="S-1-5-21-9-9-9-1000"
    )
    everybody = cast.add_group("Everybody")
    Membership.objects.create(group=everybody, member_guid=cast.unit.guid, member_sid="S-1-5-11")
    groups = list(Group.objects.all())
    expected = {
        group.sid: number
        for group in groups
        if (number := members_of([group]).filter(is_enabled=True).count())
    }
    assert expected[night.sid] == 5
    assert expected[everybody.sid] == len(cast.accounts)
    assert people_in_each(groups) == expected
    assert people_in_each([]) == {}


def test_computers_that_nobody_may_help_are_told_with_what_refuses_most(cast: Cast) -> None:
    cast.add_computer("AWAY1", ou=None)
    cast.add_computer("OFF1", ou=None, is_enabled=False)
    found = reach(NOW)
    assert found.computers == 2
    assert [(each.name, each.unit) for each in found.unhelped] == [("AWAY1", "DC=r2,DC=local")]
    assert found.unhelped[0].reason.startswith("policy.")


def test_without_experts_nobody_may_help_anywhere(cast: Cast) -> None:
    Membership.objects.filter(group=cast.groups["Remote Assistance Experts"]).delete()
    assert {each.reason for each in reach(NOW).unhelped} == {NO_EXPERTS}


def test_an_offer_under_way_does_not_make_a_computer_one_that_nobody_may_help(cast: Cast) -> None:
    cast.request()
    assert reach(NOW).unhelped == ()


def test_units_without_the_policy_are_told_with_their_computers(cast: Cast) -> None:
    away = OrganizationalUnit.objects.create(
        guid=cast.groups["Helpdesk News"].guid,
        distinguished_name="OU=Away,DC=r2,DC=local",
        domain=cast.domain,
        name="Away",
    )
    cast.add_computer("AWAY1", ou=away)
    cast.add_computer("AWAY2", ou=away)
    (unit,) = reach(NOW).units
    assert (unit.name, unit.computers, unit.without, unit.unknown) == (
        "OU=Away,DC=r2,DC=local",
        2,
        2,
        0,
    )


def test_a_policy_that_may_not_apply_is_told_as_unknown(cast: Cast) -> None:
    cast.policy.wmi_filter = "Laptops"
    cast.policy.wmi_filter_id = "{1}"
    cast.policy.save()
    (unit,) = reach(NOW).units
    assert (unit.without, unit.unknown) == (0, 1)


def test_more_computers_and_lines_take_no_more_queries(cast: Cast) -> None:
    def queries() -> int:
        with CaptureQueriesContext(
            connection,
        ) as found:
            lists = helper_lists()
            never_helped(lists, THIS_DAY, NOW)
            disabled_helpers(lists, NOW)
            wide_groups(lists, 0)
            reach(NOW)
        return len(found)

    cast.add_computer("FIRST")
    before = queries()
    for number in range(20):
        cast.add_computer(f"MORE{number}")
        group = cast.add_group(f"Group {number}")
        cast.join(group, cast.add_account(f"more{number}"))
        cast.add_helper(str(group), group)
    assert queries() == before
