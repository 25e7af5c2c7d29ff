"""What a computer's site and groups have to do with its policy; and all computers at once."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st

from directory.models import Computer, Domain, Group, Membership, OrganizationalUnit, Site
from directory.policies import policy_picture, resultant_policy
from directory.policies.sites import networks, site_of, sites_of
from tests.directory import world
from tests.directory.descriptors import applies_to, descriptor, may_apply, may_not_apply, may_read

pytestmark = pytest.mark.django_db

ALLOW: dict[str, Any] = {"offers_allowed": True, "control_allowed": True}


@pytest.fixture
def r2() -> Domain:
    return world.domain()


@pytest.fixture
def winnipeg(r2: Domain) -> OrganizationalUnit:
    return world.unit(r2, "Winnipeg")


@pytest.fixture
def pc(r2: Domain, winnipeg: OrganizationalUnit) -> Computer:
    found = world.computer(r2, "PC", winnipeg)
    found.primary_group_sid = f"{r2.sid}-515"
    found.save()
    return found


@pytest.fixture
def north(r2: Domain) -> Site:
    site = world.site(r2, "North")
    world.subnet(r2, "10.1.0.0/16", site)
    return site


def answer(computer: Computer) -> tuple[bool | None, list[str]]:
    """The policy in force, which must be the same however it is loaded."""
    alone = resultant_policy(computer)
    together = policy_picture().of(computer)
    assert [(str(item.link), item.effect) for item in alone.considered] == [
        (str(item.link), item.effect) for item in together.considered
    ]
    assert {name: value.value for name, value in alone.values.items()} == {
        name: value.value for name, value in together.values.items()
    }
    codes = [unknown.code for unknown in alone.unknowns]
    assert codes == [unknown.code for unknown in together.unknowns]
    return alone.offers_allowed, codes


# Sites


def test_the_policy_of_the_site_comes_before_that_of_the_domain(
    r2: Domain, pc: Computer, north: Site
) -> None:
    world.address(pc, "10.1.2.3")
    world.link(world.policy(r2, "Site", offers_allowed=True), r2, site=north)
    assert answer(pc) == (True, [])
    world.link(world.policy(r2, "Domain", offers_allowed=False), r2)
    assert answer(pc) == (False, [])


def test_the_smallest_subnet_decides(r2: Domain, pc: Computer, north: Site) -> None:
    south = world.site(r2, "South")
    world.subnet(r2, "10.1.2.0/24", south)
    world.subnet(r2, "not a network", north)
    world.address(pc, "10.1.2.3")
    world.link(world.policy(r2, "North", offers_allowed=False), r2, site=north)
    world.link(world.policy(r2, "South", offers_allowed=True), r2, site=south)
    assert answer(pc) == (True, [])


@pytest.mark.parametrize("addresses", [(), ("192.0.2.1",), ("10.1.2.3", "192.0.2.1")])
def test_without_a_certain_site_its_policy_is_unknown_where_it_matters(
    r2: Domain, winnipeg: OrganizationalUnit, pc: Computer, north: Site, addresses: tuple[str, ...]
) -> None:
    world.address(pc, *addresses)
    world.link(world.policy(r2, "Site", offers_allowed=True), r2, site=north)
    assert answer(pc) == (None, ["site_unknown"])
    world.link(world.policy(r2, "Unit", offers_allowed=False), winnipeg)
    assert answer(pc) == (False, [])


def test_two_sites_are_both_possible_and_a_third_is_not(
    r2: Domain, pc: Computer, north: Site
) -> None:
    south, east = world.site(r2, "South"), world.site(r2, "East")
    world.subnet(r2, "10.2.0.0/16", south)
    world.address(pc, "10.1.2.3", "10.2.2.3")
    for site in (north, south, east):
        world.link(world.policy(r2, f"In {site}", offers_allowed=True), r2, site=site)
    assert answer(pc) == (None, ["site_unknown", "site_unknown"])


def test_an_enforced_policy_of_an_unknown_site_could_overrule_everything(
    r2: Domain, winnipeg: OrganizationalUnit, pc: Computer, north: Site
) -> None:
    world.link(world.policy(r2, "Site", offers_allowed=False), r2, site=north, is_enforced=True)
    world.link(world.policy(r2, "Unit", offers_allowed=True), winnipeg)
    assert answer(pc) == (True, ["site_unknown"])
    world.address(pc, "10.1.2.3")
    assert answer(pc) == (False, [])


def test_a_domain_controllers_site_is_not_known_by_its_address(
    r2: Domain, pc: Computer, north: Site
) -> None:
    world.address(pc, "10.1.2.3")
    world.link(world.policy(r2, "Site", offers_allowed=True), r2, site=north)
    pc.is_domain_controller = True
    pc.save()
    assert answer(pc) == (None, ["site_unknown"])


@given(
    address=st.ip_addresses(),
    drawn=st.lists(st.tuples(st.ip_addresses(), st.integers(0, 128)), max_size=6),
)
def test_the_site_is_that_of_the_longest_prefix(address: Any, drawn: list[Any]) -> None:
    names = [f"{base}/{min(length, base.max_prefixlen)}" for base, length in [*drawn, (address, 8)]]
    sites = {name: world.uuid.uuid4() for name in names}
    known = networks(sites.items())  # those with bits below the prefix are no networks
    holding = [network for network in known if address in network]
    expected = max(holding, key=lambda network: network.prefixlen, default=None)
    assert site_of(address, known) == (known[expected] if expected is not None else None)


def test_an_address_that_is_none_leaves_the_site_open(north: Site) -> None:
    known = networks([("10.0.0.0/8", north.guid)])
    assert sites_of(["10.0.0.1", "nonsense"], known) is None
    assert sites_of(["10.0.0.1"], known) == {north.guid}
    assert site_of(ip_address("::1"), known) is None


# Groups


def filtered(home: Domain, at: OrganizationalUnit, raw: bytes) -> None:
    values = {"security_descriptor": raw, "is_security_filtered": True}
    world.link(world.policy(home, "Filtered", **ALLOW, **values), at)


def test_a_policy_for_a_group_applies_to_its_computers_however_deep(
    r2: Domain, winnipeg: OrganizationalUnit, pc: Computer
) -> None:
    inner, middle, outer = (world.group(r2, name) for name in ("Inner", "Middle", "Outer"))
    world.member(middle, inner)
    world.member(outer, middle)
    world.member(inner, outer)  # a loop
    filtered(r2, winnipeg, applies_to(outer.sid))
    assert answer(pc) == (None, [])
    world.member(inner, pc)
    assert answer(pc) == (True, [])


@pytest.mark.parametrize("sid", ["S-1-5-11", "S-1-1-0", "S-1-5-21-1-2-3-515", "own"])
def test_what_every_computer_holds_is_enough(
    r2: Domain, winnipeg: OrganizationalUnit, pc: Computer, sid: str
) -> None:
    filtered(r2, winnipeg, applies_to(pc.sid if sid == "own" else sid))
    assert answer(pc) == (True, [])


def test_the_primary_group_counts_within_others(
    r2: Domain, winnipeg: OrganizationalUnit, pc: Computer
) -> None:
    computers, outer = world.group(r2, "Domain Computers"), world.group(r2, "Outer")
    Group.objects.filter(pk=computers.pk).update(sid=pc.primary_group_sid)
    computers.refresh_from_db()
    world.member(outer, computers)
    filtered(r2, winnipeg, applies_to(outer.sid))
    assert answer(pc) == (True, [])


def test_a_group_that_holds_everybody_lets_nobody_in(
    r2: Domain, winnipeg: OrganizationalUnit, pc: Computer
) -> None:
    """Authenticated Users joins the token after the groups of the account were looked up."""
    all_of_us = world.group(r2, "All")
    Membership.objects.create(
        group=all_of_us, member_guid=world.uuid.uuid4(), member_sid="S-1-5-11"
    )
    filtered(r2, winnipeg, applies_to(all_of_us.sid))
    assert answer(pc) == (None, [])


def test_a_distribution_group_lets_nobody_in(
    r2: Domain, winnipeg: OrganizationalUnit, pc: Computer
) -> None:
    news = world.group(r2, "News", is_security=False)
    world.member(news, pc)
    filtered(r2, winnipeg, applies_to(news.sid))
    assert answer(pc) == (None, [])


def test_a_denying_entry_before_an_allowing_one_keeps_the_computer_out(
    r2: Domain, winnipeg: OrganizationalUnit, pc: Computer
) -> None:
    barred = world.group(r2, "Barred")
    filtered(r2, winnipeg, descriptor(may_not_apply(barred.sid), may_read(), may_apply("S-1-5-11")))
    assert answer(pc) == (True, [])
    world.member(barred, pc)
    assert answer(pc) == (None, [])


def test_a_denying_entry_after_an_allowing_one_comes_too_late_as_in_windows(
    r2: Domain, winnipeg: OrganizationalUnit, pc: Computer
) -> None:
    barred = world.group(r2, "Barred")
    world.member(barred, pc)
    filtered(r2, winnipeg, descriptor(may_read(), may_apply("S-1-5-11"), may_not_apply(barred.sid)))
    assert answer(pc) == (True, [])


def test_to_apply_is_not_enough_where_the_computer_may_not_read(
    r2: Domain, winnipeg: OrganizationalUnit, pc: Computer
) -> None:
    filtered(r2, winnipeg, descriptor(may_apply("S-1-5-11")))
    assert answer(pc) == (None, [])


@pytest.mark.parametrize("sid", ["S-1-5-21-9-9-9-1105", "S-1-5-32-545", "S-1-18-1"])
def test_a_group_that_is_not_read_is_unknown(
    r2: Domain, winnipeg: OrganizationalUnit, pc: Computer, sid: str
) -> None:
    filtered(r2, winnipeg, applies_to(sid))
    assert answer(pc) == (None, ["security_filter"])


def test_a_deny_for_a_group_that_is_not_read_is_no_allow(
    r2: Domain, winnipeg: OrganizationalUnit, pc: Computer
) -> None:
    filtered(
        r2,
        winnipeg,
        descriptor(may_not_apply("S-1-5-21-9-9-9-1105"), may_read(), may_apply("S-1-5-11")),
    )
    assert answer(pc) == (None, ["security_filter"])


def test_a_domain_local_group_of_another_domain_is_unknown(
    r2: Domain, winnipeg: OrganizationalUnit, pc: Computer
) -> None:
    other = world.domain("child.r2.local", "CHILD", number=8)
    local = world.group(other, "Local", scope=Group.Scope.DOMAIN_LOCAL)
    filtered(r2, winnipeg, applies_to(local.sid))
    assert answer(pc) == (None, [])
    world.member(local, pc)
    assert answer(pc) == (None, ["security_filter"])


def test_all_computers_are_resolved_from_a_fixed_number_of_queries(
    r2: Domain, winnipeg: OrganizationalUnit, north: Site
) -> None:
    def many(start: int) -> None:
        for number in range(start, start + 5):
            unit = world.unit(r2, f"U{number}", winnipeg)
            group = world.group(r2, f"G{number}")
            filtered(r2, unit, applies_to(group.sid))
            world.link(world.policy(r2, f"S{number}", offers_allowed=False), r2, site=north)
            computer = world.computer(r2, f"PC{number}", unit)
            world.address(computer, f"10.1.0.{number}")
            world.member(group, computer)

    def resolve_all() -> None:
        picture = policy_picture()
        computers = list(Computer.objects.all())
        assert {picture.of(computer).offers_allowed for computer in computers} == {True}

    many(1)
    with CaptureQueriesContext(connection) as few:
        resolve_all()
    many(10)
    with CaptureQueriesContext(connection) as more:
        resolve_all()
    assert len(more) == len(few)


def test_computers_of_one_place_share_one_result(
    r2: Domain, winnipeg: OrganizationalUnit, pc: Computer
) -> None:
    world.link(world.policy(r2, "A", **ALLOW), winnipeg)
    world.member(world.group(r2, "Unrelated"), pc)
    twin = world.computer(r2, "TWIN", winnipeg)
    picture = policy_picture()
    assert picture.of(pc) is picture.of(twin)
    assert resultant_policy(pc).offers_allowed is True
