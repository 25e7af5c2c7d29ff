"""What programs ask about many experts and computers at once."""

from __future__ import annotations

import pytest

from tests.assist.api.conftest import MakeToken, Program, require_problem
from tests.assist.cast import Cast

pytestmark = pytest.mark.usefixtures("clock")
WINNIPEG = "OU=Winnipeg,DC=r2,DC=local"


@pytest.fixture
def manager(make_token: MakeToken) -> Program:
    return Program(make_token("tmanager")[1])


def names(document: dict[str, list[dict[str, str]]]) -> list[tuple[str, str]]:
    return [(item["name"], item["mode"]) for item in document["results"]]


def test_an_expert_lists_her_own_computers(world: Cast, mary: Program) -> None:
    world.add_computer("LAB1", operating_system="")
    answer = mary.get("eligibility/computers")
    assert answer.status == 200
    assert answer.document["asked"]["id"] == world.mjones.sid
    assert names(answer.document) == [
        ("VAN042", "view"),
        ("XP191", "control"),
        ("XP192", "control"),
    ]
    assert answer.document["results"][0]["reason"] == "mode.view_only"
    assert answer.document["counts"] == {"view": 1, "control": 2}
    assert answer.document["refused"] == {"computer.operating_system_unknown": 1}
    assert answer.document["next_cursor"] is None


def test_pages_follow_each_other_by_name(mary: Program) -> None:
    first = mary.get("eligibility/computers", limit=2).document
    second = mary.get("eligibility/computers", limit=2, cursor=first["next_cursor"]).document
    assert [name for name, _ in names(first) + names(second)] == ["VAN042", "XP191", "XP192"]
    assert (first["counts"], second["next_cursor"]) == (second["counts"], None)
    refused = mary.get("eligibility/computers", cursor="é")
    require_problem(refused, 400, "invalid_input", "cursor")


def test_only_one_mode_or_one_unit(mary: Program) -> None:
    control = mary.get("eligibility/computers", mode="control").document
    assert [name for name, _ in names(control)] == ["XP191", "XP192"]
    assert control["refused"] == {"mode.view_only": 1}
    vancouver = mary.get("eligibility/computers", unit="OU=Vancouver,DC=r2,DC=local").document
    assert names(vancouver) == [("VAN042", "view")]
    nowhere = mary.get("eligibility/computers", unit="OU=Nowhere")
    require_problem(nowhere, 400, "unknown_name", "unit")


@pytest.mark.parametrize("name", ["nkhan", "nobody"])
def test_an_expert_asks_about_herself_alone(mary: Program, name: str) -> None:
    require_problem(mary.get("eligibility/computers", expert=name), 403, "not_allowed")
    assert mary.get("eligibility/computers", expert=r"R2\mjones").status == 200


@pytest.mark.parametrize("path", ["eligibility/experts?computer=XP191", "eligibility/counts"])
def test_what_concerns_everybody_is_for_managers_and_auditors(mary: Program, path: str) -> None:
    require_problem(mary.get(path), 403, "not_allowed")


def test_a_manager_asks_about_everybody(world: Cast, manager: Program) -> None:
    computers = manager.get("eligibility/computers", expert="nkhan").document
    assert computers["asked"]["name"] == r"R2\nkhan"
    assert len(computers["results"]) == 3
    experts = manager.get("eligibility/experts", computer="XP191").document
    assert names(experts) == [
        (r"R2\mjones", "control"),
        (r"R2\nkhan", "control"),
        (r"R2\radmin", "control"),
    ]
    assert experts["refused"] == {"helper.not_listed": 1, "helper.distribution_group": 1}
    require_problem(manager.get("eligibility/experts"), 400, "invalid_input", "computer")
    unknown = manager.get("eligibility/computers", expert="nobody")
    require_problem(unknown, 400, "unknown_name", "expert")


def test_a_manager_counts_for_each_unit(manager: Program) -> None:
    answer = manager.get("eligibility/counts").document
    assert (answer["experts"], answer["computers"]) == (5, 3)
    assert [unit["unit"] for unit in answer["units"]] == ["OU=Vancouver,DC=r2,DC=local", WINNIPEG]
    assert answer["units"][1]["pairs"] == {"view": 0, "control": 6}
    assert manager.get("eligibility/counts", unit=WINNIPEG).document["computers"] == 2


def test_others_may_not_ask(make_token: MakeToken, collector: Program) -> None:
    bob = Program(make_token("bsmith")[1])
    for program in (bob, collector):
        require_problem(program.get("eligibility/computers"), 403, "not_allowed")
    require_problem(Program().get("eligibility/computers"), 401, "not_authenticated")
