"""Who is in which group, and by what way."""

from __future__ import annotations

import uuid

import pytest
from pytest_django import DjangoAssertNumQueries

from directory.membership import group_paths
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
    with django_assert_num_queries(3):
        found = group_paths(mary)
        assert len(str(found[-1].group)) > 0
    assert len(found) == 30
    assert len(found[-1].path) == 30
