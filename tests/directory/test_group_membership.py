"""Who is in which group, and by what way."""

from __future__ import annotations

import uuid

import pytest
from pytest_django import DjangoAssertNumQueries

from directory.membership import group_paths, is_member, members_of, membership_path
from directory.models import Account, Domain, Membership
from tests.directory import world

pytestmark = pytest.mark.django_db


@pytest.fixture
def r2() -> Domain:
    return world.domain()


@pytest.fixture
def mary(r2: Domain) -> Account:
    return world.account(r2, "mjones")


def paths(account: Account) -> dict[str, list[str]]:
    return {
        found.group.sam_account_name: [group.sam_account_name for group in found.path]
        for found in group_paths(account)
    }


def test_a_direct_and_a_nested_group_are_found_with_their_path(r2: Domain, mary: Account) -> None:
    night, winnipeg = world.group(r2, "Night"), world.group(r2, "Winnipeg")
    world.member(night, mary)
    world.member(winnipeg, night)
    assert paths(mary) == {"Night": ["Night"], "Winnipeg": ["Night", "Winnipeg"]}


def test_groups_that_contain_each_other_end_the_walk(r2: Domain, mary: Account) -> None:
    night, weekend = world.group(r2, "Night"), world.group(r2, "Weekend")
    world.member(night, mary)
    world.member(weekend, night)
    world.member(night, weekend)
    world.member(night, night)
    assert paths(mary) == {"Night": ["Night"], "Weekend": ["Night", "Weekend"]}


def test_of_several_ways_the_shortest_is_told(r2: Domain, mary: Account) -> None:
    night, winnipeg = world.group(r2, "Night"), world.group(r2, "Winnipeg")
    world.member(night, mary)
    world.member(winnipeg, night)
    world.member(winnipeg, mary)
    assert paths(mary)["Winnipeg"] == ["Winnipeg"]


def test_a_distribution_group_neither_grants_nor_carries(r2: Domain, mary: Account) -> None:
    news, winnipeg = world.group(r2, "News", is_security=False), world.group(r2, "Winnipeg")
    world.member(news, mary)
    world.member(winnipeg, news)
    assert paths(mary) == {}


def test_a_group_that_is_gone_grants_nothing(r2: Domain, mary: Account) -> None:
    gone = world.group(r2, "Gone")
    world.member(gone, mary)
    gone.is_present = False
    gone.save()
    assert paths(mary) == {}


def test_a_foreign_security_principal_leads_across_domains(r2: Domain, mary: Account) -> None:
    contoso = world.domain("contoso.test", "CONTOSO", 9)
    guests = world.group(contoso, "Guests")
    Membership.objects.create(group=guests, member_guid=uuid.uuid4(), member_sid=mary.sid)
    assert paths(mary) == {"Guests": ["Guests"]}


def test_authenticated_users_in_a_group_put_everybody_there(r2: Domain, mary: Account) -> None:
    everybody = world.group(r2, "Everybody helps")
    Membership.objects.create(group=everybody, member_guid=uuid.uuid4(), member_sid="S-1-5-11")
    assert paths(mary) == {"Everybody helps": ["Everybody helps"]}


def test_groups_of_the_controllers_alone_are_left_out(r2: Domain, mary: Account) -> None:
    administrators = world.group(r2, "Administrators")
    administrators.sid = "S-1-5-32-544"
    administrators.save()
    world.member(administrators, mary)
    assert paths(mary) == {}


def test_the_number_of_queries_does_not_grow_with_nesting(
    r2: Domain, mary: Account, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    inner = world.group(r2, "G0")
    world.member(inner, mary)
    for number in range(1, 30):
        outer = world.group(r2, f"G{number}")
        world.member(outer, inner)
        inner = outer
    with django_assert_num_queries(2):
        found = group_paths(mary)
        assert len(str(found[-1].group)) > 0
    assert len(found) == 30
    assert len(found[-1].path) == 30
    with django_assert_num_queries(1):
        assert is_member(mary, inner)
    with django_assert_num_queries(2):
        assert len(membership_path(mary, inner) or ()) == 30
    with django_assert_num_queries(2):
        assert list(members_of([inner])) == [mary]


def test_of_two_ways_of_one_length_the_first_by_name_is_told(r2: Domain, mary: Account) -> None:
    weekend, night = world.group(r2, "Weekend"), world.group(r2, "Night")
    winnipeg = world.group(r2, "Winnipeg")
    for between in (weekend, night):
        world.member(between, mary)
        world.member(winnipeg, between)
    assert paths(mary)["Winnipeg"] == ["Night", "Winnipeg"]
    assert membership_path(mary, winnipeg) == (night, winnipeg)


def test_a_way_through_a_distribution_group_is_told_when_asked_for(
    r2: Domain, mary: Account
) -> None:
    news, winnipeg = world.group(r2, "News", is_security=False), world.group(r2, "Winnipeg")
    world.member(news, mary)
    world.member(winnipeg, news)
    assert membership_path(mary, winnipeg) is None
    assert membership_path(mary, winnipeg, through_distribution=True) == (news, winnipeg)
    assert not is_member(mary, winnipeg)
    assert not is_member(mary, news)
    assert not members_of([news, winnipeg]).exists()


def test_a_computer_and_a_group_have_their_way_too(r2: Domain) -> None:
    computer, computers = world.computer(r2, "WPG-1"), world.group(r2, "Domain Computers")
    computer.primary_group_sid = computers.sid
    night = world.group(r2, "Night")
    world.member(night, computers)
    assert membership_path(computer, night) == (computers, night)
    assert membership_path(computers, night) == (night,)
    assert membership_path(night, computers) is None


def test_the_way_from_a_group_to_itself_is_its_shortest_loop(r2: Domain) -> None:
    night, weekend = world.group(r2, "Night"), world.group(r2, "Weekend")
    assert membership_path(night, night) is None
    world.member(weekend, night)
    world.member(night, weekend)
    assert membership_path(night, night) == (weekend, night)


def test_the_way_to_a_group_of_the_controllers_is_told_but_leads_no_further(
    r2: Domain, mary: Account
) -> None:
    administrators, beyond = world.group(r2, "Administrators"), world.group(r2, "Beyond")
    administrators.sid = "S-1-5-32-544"
    administrators.save()
    world.member(administrators, mary)
    world.member(beyond, administrators)
    assert membership_path(mary, administrators) == (administrators,)
    assert membership_path(mary, beyond) is None
    assert not is_member(mary, administrators)
    assert not is_member(mary, beyond)
    assert not members_of([administrators, beyond]).exists()


def test_a_sid_of_its_past_puts_an_account_into_a_group(r2: Domain, mary: Account) -> None:
    old = "S-1-5-21-7-7-7-1104"
    mary.sid_history = ["S-1-5-21-7-7-7-1103", old]
    mary.save()
    night = world.group(r2, "Night")
    Membership.objects.create(group=night, member_guid=uuid.uuid4(), member_sid=old)
    assert is_member(mary, night)
    assert paths(mary) == {"Night": ["Night"]}
    assert list(members_of([night])) == [mary]


def test_all_helpers_of_a_list_are_found_through_nesting_and_primary_groups(
    r2: Domain, mary: Account
) -> None:
    users, night = world.group(r2, "Domain Users"), world.group(r2, "Night")
    outer, other = world.group(r2, "Outer"), world.group(r2, "Other")
    bob = world.account(r2, "bob", primary_group_sid=users.sid)
    eve = world.account(r2, "eve")
    world.account(r2, "unrelated")
    gone = world.account(r2, "gone", is_present=False)
    world.member(outer, users)
    world.member(outer, night)
    world.member(night, outer)
    for who in (mary, bob, gone):
        world.member(night, who)
    world.member(other, eve)
    assert list(members_of([outer])) == [bob, mary]
    assert list(members_of([outer, other])) == [bob, eve, mary]
    assert members_of([outer]).filter(sam_account_name="mjones").count() == 1
    assert not members_of([]).exists()


def test_a_group_with_authenticated_users_below_holds_everybody(r2: Domain, mary: Account) -> None:
    inner, outer = world.group(r2, "Inner"), world.group(r2, "Outer")
    world.account(r2, "gone", is_present=False)
    bob = world.account(r2, "bob")
    world.member(outer, inner)
    Membership.objects.create(group=inner, member_guid=uuid.uuid4(), member_sid="S-1-5-11")
    assert is_member(bob, outer)
    assert list(members_of([outer]).iterator()) == [bob, mary]
