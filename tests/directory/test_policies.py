"""The policy in force on a computer: order, who has the last word, and what must stay unknown."""

from __future__ import annotations

from typing import Any

import pytest
from pytest_django import DjangoAssertNumQueries

from directory.models import Computer, Domain, OrganizationalUnit
from directory.policies import ResultantPolicy, resultant_policy
from directory.synchronisation.links import store_links
from tests.directory import world

pytestmark = pytest.mark.django_db


@pytest.fixture
def r2() -> Domain:
    return world.domain()


@pytest.fixture
def winnipeg(r2: Domain) -> OrganizationalUnit:
    return world.unit(r2, "Winnipeg")


@pytest.fixture
def xp191(r2: Domain, winnipeg: OrganizationalUnit) -> Computer:
    return world.computer(r2, "XP191", winnipeg)


def helpers(result: ResultantPolicy) -> list[str]:
    return [entry.text for entry in result.helpers]


def codes(result: ResultantPolicy) -> list[str]:
    return [unknown.code for unknown in result.unknowns]


ALLOW: dict[str, Any] = {"offers_allowed": True, "control_allowed": True}


def test_the_policy_of_the_unit_is_in_force(
    r2: Domain, winnipeg: OrganizationalUnit, xp191: Computer
) -> None:
    source = world.link(world.policy(r2, "WinnipegGPO", ("R2\\Helpdesk",), **ALLOW), winnipeg)
    result = resultant_policy(xp191)
    assert (result.offers_allowed, result.control_allowed) == (True, True)
    assert helpers(result) == ["R2\\Helpdesk"]
    assert str(result.offers_source) == str(result.helpers_source) == str(source)
    assert result.unknowns == ()


def test_without_any_policy_offers_are_not_configured(xp191: Computer) -> None:
    result = resultant_policy(xp191)
    assert result.offers_allowed is None
    assert result.unknowns == ()


def test_a_computer_in_no_unit_has_the_domains_policy(r2: Domain) -> None:
    world.link(world.policy(r2, "DomainGPO", offers_allowed=True), r2)
    assert resultant_policy(world.computer(r2, "LOOSE")).offers_allowed is True


def test_the_closest_unit_has_the_last_word(r2: Domain, winnipeg: OrganizationalUnit) -> None:
    inner = world.unit(r2, "Inner", winnipeg)
    world.link(world.policy(r2, "DomainGPO", offers_allowed=False), r2)
    world.link(world.policy(r2, "Outer", offers_allowed=True), winnipeg)
    world.link(world.policy(r2, "Inner", offers_allowed=False), inner)
    result = resultant_policy(world.computer(r2, "PC", inner))
    assert result.offers_allowed is False
    assert result.offers_source is not None
    assert result.offers_source.policy_name == "Inner"


def test_in_one_unit_link_order_one_has_the_last_word(
    r2: Domain, winnipeg: OrganizationalUnit, xp191: Computer
) -> None:
    world.link(world.policy(r2, "Two", offers_allowed=True), winnipeg, order=2)
    world.link(world.policy(r2, "One", offers_allowed=False), winnipeg, order=1)
    assert resultant_policy(xp191).offers_allowed is False


def test_each_value_has_its_own_last_writer(
    r2: Domain, winnipeg: OrganizationalUnit, xp191: Computer
) -> None:
    world.link(world.policy(r2, "DomainGPO", ("R2\\Everywhere",), **ALLOW), r2)
    world.link(world.policy(r2, "WinnipegGPO", control_allowed=False), winnipeg)
    result = resultant_policy(xp191)
    assert (result.offers_allowed, result.control_allowed) == (True, False)
    assert helpers(result) == ["R2\\Everywhere"]


def test_a_helper_list_replaces_or_adds_as_the_policy_says(
    r2: Domain, winnipeg: OrganizationalUnit, xp191: Computer
) -> None:
    inner = world.unit(r2, "Inner", winnipeg)
    world.link(world.policy(r2, "A", ("R2\\a", "R2\\gone")), r2)
    world.link(world.policy(r2, "B", ("R2\\b",), replaces_helpers=False), winnipeg)
    world.link(world.policy(r2, "C", removed_helpers=["r2\\gone"]), inner)
    assert helpers(resultant_policy(world.computer(r2, "PC", inner))) == ["R2\\a", "R2\\b"]
    world.link(world.policy(r2, "D", ("R2\\d",)), inner, order=0)
    assert helpers(resultant_policy(world.computer(r2, "PC2", inner))) == ["R2\\d"]


def test_removing_a_value_leaves_it_not_configured(
    r2: Domain, winnipeg: OrganizationalUnit, xp191: Computer
) -> None:
    world.link(world.policy(r2, "A", **ALLOW), r2)
    world.link(world.policy(r2, "B", offers_removed=True), winnipeg)
    assert resultant_policy(xp191).offers_allowed is None


@pytest.mark.parametrize("flags", [2, 3])
def test_a_policy_without_its_computer_half_says_nothing(
    r2: Domain, winnipeg: OrganizationalUnit, xp191: Computer, flags: int
) -> None:
    world.link(world.policy(r2, "A", flags=flags, is_security_filtered=True, **ALLOW), winnipeg)
    result = resultant_policy(xp191)
    assert (result.offers_allowed, result.unknowns) == (None, ())


def test_a_disabled_link_says_nothing(
    r2: Domain, winnipeg: OrganizationalUnit, xp191: Computer
) -> None:
    world.link(world.policy(r2, "A", **ALLOW), winnipeg, is_disabled=True)
    result = resultant_policy(xp191)
    assert (result.offers_allowed, result.unknowns) == (None, ())
    assert [considered.effect for considered in result.considered] == ["disabled"]


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"is_security_filtered": None}, "security_descriptor_unreadable"),
        ({"is_security_filtered": True}, "security_descriptor_unreadable"),
        ({"security_descriptor": b"\x01\x00\x04\x80"}, "security_descriptor_unreadable"),
        ({"wmi_filter": "Only notebooks"}, "wmi_filter"),
        ({"read_error": "It is gone."}, "policy_unreadable"),
        ({"functionality_version": None}, "policy_unreadable"),
        ({"has_soft_values": True, "offers_allowed": None}, "soft_value"),
    ],
)
def test_a_policy_that_may_or_may_not_apply_leaves_offers_unknown(
    r2: Domain,
    winnipeg: OrganizationalUnit,
    xp191: Computer,
    values: dict[str, Any],
    code: str,
) -> None:
    world.link(world.policy(r2, "A", ("R2\\a",), **(ALLOW | values)), winnipeg)
    result = resultant_policy(xp191)
    assert result.offers_allowed is None
    assert codes(result) == [code]
    assert not result.is_certain("offers")
    assert result.unknowns[0].remedy


def test_a_policy_that_may_forbid_leaves_an_allow_uncertain(
    r2: Domain, winnipeg: OrganizationalUnit, xp191: Computer
) -> None:
    world.link(world.policy(r2, "A", **ALLOW), r2)
    world.link(world.policy(r2, "B", offers_allowed=False, wmi_filter="x"), winnipeg)
    result = resultant_policy(xp191)
    assert not result.is_certain("offers")
    assert result.is_certain("control")


def test_a_policy_that_may_forbid_what_nobody_allows_changes_nothing(
    r2: Domain, winnipeg: OrganizationalUnit, xp191: Computer
) -> None:
    world.link(world.policy(r2, "B", offers_allowed=False, wmi_filter="x"), winnipeg)
    assert resultant_policy(xp191).unknowns == ()


def test_a_filtered_policy_about_something_else_does_not_matter(
    r2: Domain, winnipeg: OrganizationalUnit, xp191: Computer
) -> None:
    world.link(world.policy(r2, "A", **ALLOW), winnipeg)
    world.link(world.policy(r2, "B", is_security_filtered=True, wmi_filter="x"), winnipeg, order=2)
    result = resultant_policy(xp191)
    assert (result.offers_allowed, result.unknowns) == (True, ())


def test_a_doubt_that_a_closer_policy_overrules_is_none(
    r2: Domain, winnipeg: OrganizationalUnit, xp191: Computer
) -> None:
    world.link(world.policy(r2, "A", ("R2\\x",), wmi_filter="x", **ALLOW), r2)
    world.link(
        world.policy(r2, "B", ("R2\\b",), offers_allowed=False, control_allowed=False), winnipeg
    )
    assert resultant_policy(xp191).unknowns == ()


def test_a_doubtful_policy_that_says_the_same_changes_nothing(
    r2: Domain, winnipeg: OrganizationalUnit, xp191: Computer
) -> None:
    world.link(world.policy(r2, "A", offers_allowed=True), r2)
    world.link(world.policy(r2, "B", offers_allowed=True, wmi_filter="x"), winnipeg)
    result = resultant_policy(xp191)
    assert (result.offers_allowed, result.unknowns) == (True, ())


def test_a_value_set_only_where_none_is_set_changes_nothing_where_one_is(
    r2: Domain, winnipeg: OrganizationalUnit, xp191: Computer
) -> None:
    world.link(world.policy(r2, "A", ("R2\\a",), **ALLOW), r2)
    world.link(world.policy(r2, "B", has_soft_values=True), winnipeg)
    result = resultant_policy(xp191)
    assert result.is_certain("offers")
    assert not result.is_certain("helpers"), "it may add a line"


def test_an_enforced_link_wins_over_everything_closer(
    r2: Domain, winnipeg: OrganizationalUnit, xp191: Computer
) -> None:
    above = world.link(
        world.policy(r2, "A", ("R2\\a",), offers_allowed=False), r2, is_enforced=True
    )
    world.link(world.policy(r2, "B", ("R2\\b",), **ALLOW), winnipeg)
    result = resultant_policy(xp191)
    assert (result.offers_allowed, result.control_allowed) == (False, True)
    assert str(result.offers_source) == str(above)
    assert [str(item.link) for item in result.values["offers"].overridden] == [
        "B linked to OU=Winnipeg"
    ]
    assert helpers(result) == ["R2\\a"]
    assert [item.line.text for item in result.overridden_helpers] == ["R2\\b"]
    assert result.unknowns == ()


def test_of_enforced_links_the_highest_wins_and_in_one_container_the_first(
    r2: Domain, winnipeg: OrganizationalUnit, xp191: Computer
) -> None:
    world.link(world.policy(r2, "Low", offers_allowed=True), winnipeg, is_enforced=True)
    world.link(world.policy(r2, "High two", offers_allowed=True), r2, order=2, is_enforced=True)
    world.link(world.policy(r2, "High one", offers_allowed=False), r2, order=1, is_enforced=True)
    result = resultant_policy(xp191)
    assert result.offers_allowed is False
    assert [item.link.policy_name for item in result.values["offers"].overridden] == [
        "High two",
        "Low",
    ]


def test_a_unit_that_blocks_inheritance_shuts_out_what_is_linked_above(
    r2: Domain, winnipeg: OrganizationalUnit
) -> None:
    isolated = world.unit(r2, "Isolated", winnipeg, blocks=True)
    world.link(world.policy(r2, "A", ("R2\\a",), **ALLOW), winnipeg)
    result = resultant_policy(world.computer(r2, "PC", isolated))
    assert (result.offers_allowed, helpers(result), result.unknowns) == (None, [], ())
    assert [(item.effect, item.reason) for item in result.considered] == [
        ("blocked", "OU=Isolated blocks inheritance.")
    ]


def test_enforced_links_pass_a_block(r2: Domain, winnipeg: OrganizationalUnit) -> None:
    isolated = world.unit(r2, "Isolated", winnipeg, blocks=True)
    world.link(world.policy(r2, "A", **ALLOW), winnipeg, is_enforced=True)
    assert resultant_policy(world.computer(r2, "PC", isolated)).offers_allowed is True


def test_a_block_does_not_touch_the_units_own_policy(
    r2: Domain, winnipeg: OrganizationalUnit
) -> None:
    isolated = world.unit(r2, "Isolated", winnipeg, blocks=True)
    world.link(world.policy(r2, "A", ("R2\\a",), **ALLOW), isolated)
    result = resultant_policy(world.computer(r2, "PC", isolated))
    assert (result.offers_allowed, result.unknowns) == (True, ())


def test_a_domain_that_blocks_inheritance_shuts_out_its_sites(r2: Domain) -> None:
    world.link(world.policy(r2, "A", **ALLOW), r2, site=world.site(r2, "Canada"))
    r2.gp_options = 1
    r2.save()
    pc = world.computer(r2, "PC")
    world.address(pc, "10.1.2.3")
    result = resultant_policy(pc)
    assert [item.effect for item in result.considered] == ["blocked"]
    assert result.unknowns == ()


def test_a_link_to_a_policy_that_cannot_be_seen_is_unknown(
    r2: Domain, winnipeg: OrganizationalUnit, xp191: Computer
) -> None:
    world.link(world.policy(r2, "A", **ALLOW), r2)
    world.link(None, winnipeg)
    assert codes(resultant_policy(xp191)) == ["policy_unreadable"]


def test_a_policy_that_is_seen_no_more_is_still_called_by_its_name(
    r2: Domain, winnipeg: OrganizationalUnit, xp191: Computer
) -> None:
    world.link(world.policy(r2, "Old one", is_present=False, **ALLOW), winnipeg)
    result = resultant_policy(xp191)
    assert codes(result) == ["policy_unreadable"]
    assert "or gone: Old one." in result.unknowns[0].sentence
    assert result.offers_allowed is None


def test_a_link_is_to_a_policy_that_is_there(r2: Domain) -> None:
    gone = world.policy(r2, "Gone", is_present=False)
    here = world.policy(r2, "Here")
    name = f"CN={{{gone.policy_guid}}},CN=x"
    type(gone).objects.filter(pk__in=(gone.pk, here.pk)).update(distinguished_name=name)
    r2.gp_link = f"[LDAP://{name};0]"
    r2.save()
    store_links(r2)
    assert r2.links.get().policy == here
    here.delete()
    store_links(r2)
    assert r2.links.get().policy is None


def test_a_malformed_list_of_links_is_unknown_for_all_below(
    r2: Domain, winnipeg: OrganizationalUnit, xp191: Computer
) -> None:
    world.link(world.policy(r2, "A", ("R2\\a",), **ALLOW), winnipeg)
    link = world.link(None, r2, is_enforced=True)
    link.policy_distinguished_name = "[LDAP://CN={31B2F340-016D-11D2-945F-00C04FB984F9},CN=x;0]oops"
    link.save()
    result = resultant_policy(xp191)
    assert codes(result) == ["link_malformed"]
    assert "r2.local" in result.unknowns[0].sentence


@pytest.mark.parametrize(
    ("values", "word"),
    [
        ({"functionality_version": 1}, "gPCFunctionalityVersion"),
        ({"has_registry_extension": False}, "gPCMachineExtensionNames"),
        ({"version": 0x30000, "file_version": 0x30000}, "version 0"),
    ],
)
def test_a_policy_that_windows_passes_over_says_nothing(
    r2: Domain, winnipeg: OrganizationalUnit, xp191: Computer, values: dict[str, Any], word: str
) -> None:
    world.link(world.policy(r2, "A", wmi_filter="x", **ALLOW, **values), winnipeg)
    result = resultant_policy(xp191)
    assert (result.offers_allowed, result.unknowns) == (None, ())
    assert [item.effect for item in result.considered] == ["skipped"]
    assert word in result.considered[0].reason


def test_without_the_registry_extension_only_the_security_template_counts(
    r2: Domain, winnipeg: OrganizationalUnit, xp191: Computer
) -> None:
    settings = {"LoggingEnabled": 1, "MachineAccessRestriction": "?"}
    values = {"has_registry_extension": False, "other_settings": settings} | ALLOW
    world.link(world.policy(r2, "A", ("R2\\a",), **values), winnipeg)
    result = resultant_policy(xp191)
    assert [item.effect for item in result.considered] == ["applied"]
    assert (result.offers_allowed, helpers(result)) == (None, [])
    assert "LoggingEnabled" not in result.values
    assert result.values["MachineAccessRestriction"].value == "?"


def test_a_wmi_filter_is_shown_with_its_query(
    r2: Domain, winnipeg: OrganizationalUnit, xp191: Computer
) -> None:
    world.wmi_filter(
        r2, "{F}", "Notebooks", r"1;3;10;28;WQL;root\CIMv2;SELECT * FROM Win32_Battery;"
    )
    world.link(world.policy(r2, "A", wmi_filter_id="{f}", wmi_filter="x", **ALLOW), winnipeg)
    sentence = resultant_policy(xp191).unknowns[0].sentence
    assert "Notebooks (SELECT * FROM Win32_Battery)" in sentence


def test_other_values_are_resolved_like_these(
    r2: Domain, winnipeg: OrganizationalUnit, xp191: Computer
) -> None:
    far = {"LoggingEnabled": 1, "ViewMessage": "Far", "MaxTicketExpiry": 6}
    world.link(world.policy(r2, "A", other_settings=far), r2)
    near = {"ViewMessage": "Near", "MaxTicketExpiry": None}
    world.link(world.policy(r2, "B", other_settings=near), winnipeg)
    values = resultant_policy(xp191).values
    assert {name: found.value for name, found in values.items()} == {
        "offers": None,
        "control": None,
        "LoggingEnabled": 1,
        "ViewMessage": "Near",
        "MaxTicketExpiry": None,
    }
    assert [item.value for item in values["ViewMessage"].overridden] == ["Far"]
    assert str(values["MaxTicketExpiry"].source) == "B linked to OU=Winnipeg"


def test_lines_are_certain_or_not_one_by_one(
    r2: Domain, winnipeg: OrganizationalUnit, xp191: Computer
) -> None:
    world.link(world.policy(r2, "A", ("R2\\a", "R2\\b")), r2)
    world.link(world.policy(r2, "B", ("R2\\b", "R2\\c"), wmi_filter="x"), winnipeg)
    result = resultant_policy(xp191)
    certain = {found.text: found.is_certain for found in result.helpers}
    assert certain == {"R2\\a": False, "R2\\b": True, "R2\\c": False}
    assert result.further_helpers == ()


def test_a_policy_that_cannot_be_read_may_list_anybody(
    r2: Domain, winnipeg: OrganizationalUnit, xp191: Computer
) -> None:
    world.link(world.policy(r2, "A", read_error="closed"), winnipeg)
    assert [found.code for found in resultant_policy(xp191).further_helpers] == [
        "policy_unreadable"
    ]
    world.link(world.policy(r2, "B", ("R2\\b",)), winnipeg, order=0)
    assert resultant_policy(xp191).further_helpers == ()


def test_the_number_of_queries_is_fixed(
    r2: Domain, winnipeg: OrganizationalUnit, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    place = winnipeg
    for number in range(12):
        place = world.unit(r2, f"U{number}", place)
        world.link(world.policy(r2, f"P{number}", (f"R2\\h{number}",), **ALLOW), place)
    pc = world.computer(r2, "PC", place)
    of_the_version, to_load = 1, 5
    with django_assert_num_queries(of_the_version + to_load):
        result = resultant_policy(pc)
        assert helpers(result) == ["R2\\h11"]
        assert result.offers_source is not None
        assert result.offers_source.container_name == "OU=U11"
