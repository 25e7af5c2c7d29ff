"""Who may help where, asked for many: the answers, and that they are those of single decisions."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import timedelta

import pytest
from pytest_django import Settings

from assist.eligibility.many.answers import computers_for, counts, experts_for
from assist.lifecycle import Mode
from directory.models import Account, Computer, GroupPolicyLink, OrganizationalUnit
from directory.names import find_unit
from tests.assist.cast import NOW, Cast, make_domain, make_policy
from tests.assist.many_pairs import answers_of_the_matrix, answers_one_by_one
from tests.assist.test_commands import Run

EXPERTS = [r"R2\mjones", r"R2\nkhan", r"R2\radmin"]


def add_unit(cast: Cast, name: str, parent: OrganizationalUnit | None = None) -> OrganizationalUnit:
    above = parent.distinguished_name if parent else cast.domain.distinguished_name
    return OrganizationalUnit.objects.create(
        guid=uuid.uuid4(),
        distinguished_name=f"OU={name},{above}",
        domain=cast.domain,
        parent=parent,
        name=name,
    )


def view_only_unit(cast: Cast) -> OrganizationalUnit:
    """Below Winnipeg, with a policy that takes control away."""
    unit = add_unit(cast, "Branch", cast.unit)
    policy = make_policy(cast.domain, "ViewOnly", offers_allowed=True, control_allowed=False)
    GroupPolicyLink.objects.create(
        domain=cast.domain,
        ou=unit,
        policy=policy,
        policy_distinguished_name=policy.distinguished_name,
        order=1,
    )
    return unit


def require_equality() -> None:
    accounts = Account.objects.select_related("domain").order_by("sid")
    computers = Computer.objects.order_by("sid")
    assert answers_of_the_matrix(accounts, computers, NOW) == answers_one_by_one(
        accounts, computers, NOW
    )


@pytest.mark.usefixtures("clock")
def test_all_computers_that_mary_may_help(cast: Cast) -> None:
    cast.add_computer("PC2", ou=view_only_unit(cast))
    cast.add_computer("PC3", operating_system="")
    cast.add_computer("PC4", ou=None)
    answer = computers_for(cast.mjones, now=NOW)
    assert [(item.who.name, item.mode, item.reason) for item in answer.allowed] == [
        ("PC2", Mode.VIEW, "mode.view_only"),
        ("XP191", Mode.CONTROL, ""),
    ]
    assert answer.refused == {
        "computer.operating_system_unknown": 1,
        "policy.offers_not_configured": 1,
    }


@pytest.mark.usefixtures("clock")
def test_all_experts_who_may_help_on_xp191(cast: Cast) -> None:
    answer = experts_for(cast.xp191, now=NOW)
    assert [item.who.name for item in answer.allowed] == EXPERTS
    assert {item.mode for item in answer.allowed} == {Mode.CONTROL}
    assert answer.refused == {"helper.not_listed": 1, "helper.distribution_group": 1}


@pytest.mark.usefixtures("clock")
def test_only_what_is_allowed_in_one_mode(cast: Cast) -> None:
    computer = cast.add_computer("PC2", ou=view_only_unit(cast))
    assert experts_for(computer, now=NOW, mode=Mode.CONTROL).refused["mode.view_only"] == 3
    answer = experts_for(computer, now=NOW, mode=Mode.VIEW)
    assert [item.who.name for item in answer.allowed] == EXPERTS
    assert {item.mode for item in answer.allowed} == {Mode.VIEW}


@pytest.mark.usefixtures("clock")
def test_the_counts_name_every_unit_that_has_computers(cast: Cast) -> None:
    cast.add_computer("PC2", ou=view_only_unit(cast))
    cast.add_computer("PC3")
    cast.add_computer("PC4", ou=None)
    answer = counts(now=NOW)
    assert answer.experts == 5
    units = {unit.name: unit for unit in answer.units.values()}
    assert list(units) == [
        "DC=r2,DC=local",
        "OU=Winnipeg,DC=r2,DC=local",
        "OU=Branch,OU=Winnipeg,DC=r2,DC=local",
    ]
    winnipeg = units["OU=Winnipeg,DC=r2,DC=local"]
    assert (winnipeg.computers, winnipeg.helpable, winnipeg.pairs) == (
        2,
        {"control": 2},
        {"control": 6},
    )
    assert units["OU=Branch,OU=Winnipeg,DC=r2,DC=local"].pairs == {"view": 3}
    assert units["DC=r2,DC=local"].refused == {"policy.offers_not_configured": 5}
    assert answer.total.computers == 4
    below = counts(now=NOW, unit=cast.unit.pk)
    assert below.total.computers == 3


def test_there_may_be_no_experts_at_all(cast: Cast, settings: Settings) -> None:
    settings.ROLE_GROUPS = {**settings.ROLE_GROUPS, "expert": []}
    answer = counts(now=NOW)
    assert (answer.experts, answer.total.computers, answer.total.pairs) == (0, 1, {})


def _nothing(cast: Cast) -> None:
    pass


def _active_offer(cast: Cast) -> None:
    cast.request()


def _stale(cast: Cast) -> None:
    cast.domain.synced_at = NOW - timedelta(days=30)
    cast.domain.save()


def _locked(cast: Cast) -> None:
    cast.mjones.locked_at = NOW
    cast.mjones.save()


def _other_domain(cast: Cast) -> None:
    other = make_domain("b.test", "B", "S-1-5-21-9-9-9")
    cast.cwong.domain = other
    cast.cwong.save()
    cast.join(cast.groups["Remote Assistance Experts"], cast.cwong)


@pytest.mark.usefixtures("clock")
@pytest.mark.parametrize("change", [_nothing, _active_offer, _stale, _locked, _other_domain])
def test_each_answer_is_that_of_the_single_decision(
    cast: Cast, change: Callable[[Cast], None]
) -> None:
    cast.add_computer("PC2", ou=view_only_unit(cast))
    cast.add_computer("PC3", operating_system="Windows 11 Home")
    change(cast)
    require_equality()


@pytest.mark.usefixtures("clock")
def test_the_limit_of_offers_counts(cast: Cast, settings: Settings) -> None:
    settings.OFFERS_PER_EXPERT_PER_HOUR = 1
    cast.request()
    cast.add_computer("PC2")
    require_equality()
    assert computers_for(cast.mjones, now=NOW).refused == {
        "portal.active_offer": 1,
        "portal.rate_limit": 1,
    }


@pytest.mark.usefixtures("clock")
def test_the_command_lists_computers_and_experts(cast: Cast) -> None:
    run = Run("explain_matrix", "--expert", "mjones", "--json")
    assert run.code == 0
    assert run.json["expert"]["name"] == r"R2\mjones"
    assert run.json["allowed"] == [
        {"id": str(cast.xp191.pk), "name": "XP191", "mode": "control", "reason": ""}
    ]
    run = Run("explain_matrix", "--computer", "XP191", "--mode", "view")
    assert [line.split(maxsplit=1) for line in run.output.splitlines()[:3]] == [
        ["view", name] for name in EXPERTS
    ]
    assert "1 refused: helper.not_listed" in run.output


@pytest.mark.usefixtures("clock")
def test_the_command_counts_by_unit(cast: Cast) -> None:
    run = Run("explain_matrix", "--counts", "--ou", "ou=winnipeg,dc=r2,dc=local", "--json")
    assert run.code == 0
    assert run.json["computers"] == 1
    assert run.json["units"][0]["pairs"] == {"view": 0, "control": 3}
    assert "1 computers; somebody may help" in Run("explain_matrix").output


@pytest.mark.parametrize(
    "arguments", [("--expert", "nobody"), ("--computer", "XP999"), ("--ou", "OU=Nowhere")]
)
def test_the_command_exits_2_for_unknown_names(cast: Cast, arguments: tuple[str, ...]) -> None:
    run = Run("explain_matrix", *arguments, "--json")
    assert run.code == 2
    assert run.json["error"]["code"] == "unknown_name"


def test_a_unit_is_found_by_its_name_in_any_case(cast: Cast) -> None:
    assert find_unit("ou=WINNIPEG,dc=r2,DC=local") == cast.unit
