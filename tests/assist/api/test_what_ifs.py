"""What programs of managers ask about changes that nobody has made."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from assist.models import AuditEvent, WhatIf
from assist.what_ifs import what_if_work
from tests.assist.api.conftest import MakeToken, Program, require_problem

pytestmark = pytest.mark.usefixtures("clock")
PATH = "eligibility/what-if"
ADD_EVE = {"kind": "helper_added", "policy": "VancouverGPO", "who": "eadams"}


@pytest.fixture
def manager(make_token: MakeToken) -> Program:
    return Program(make_token("tmanager")[1])


def test_a_question_is_taken_recorded_and_answered(manager: Program) -> None:
    asked = manager.post(PATH, {"changes": [ADD_EVE]})
    assert (asked.status, asked.document["state"]) == (202, "running")
    assert asked.document["result"] is None
    identity = asked.document["id"]
    assert asked.headers["Location"] == f"/api/v1/{PATH}/{identity}"
    assert AuditEvent.objects.get(kind="what_if.asked").subject_id == identity
    what_if_work(uuid.UUID(identity))
    answer = manager.get(f"{PATH}/{identity}").document
    assert (answer["state"], answer["done"], answer["total"]) == ("done", 3, 3)
    assert answer["changes"] == [r"R2\eadams is added to the helper list of VancouverGPO"]
    assert answer["result"]["gained"]["view"]["first_computers"] == ["VAN042"]
    assert answer["result"]["gained"]["control"]["pairs"] == 0
    assert answer["page"].endswith(f"/what-if/{identity}")


def test_it_is_for_managers_and_operators(
    mary: Program, collector: Program, make_token: MakeToken, manager: Program
) -> None:
    auditor = Program(make_token("aauditor")[1])
    identity = manager.post(PATH, {"changes": [ADD_EVE]}).document["id"]
    for program in (mary, collector, auditor):
        require_problem(program.post(PATH, {"changes": [ADD_EVE]}), 403, "not_allowed")
        require_problem(program.get(f"{PATH}/{identity}"), 403, "not_allowed")
    assert Program().post(PATH, {"changes": [ADD_EVE]}).status == 401
    assert WhatIf.objects.count() == 1
    again = manager.post(PATH, {"changes": [ADD_EVE]})
    require_problem(again, 409, "what_if_running")


@pytest.mark.parametrize("identity", ["x", str(uuid.UUID(int=0))])
def test_one_that_is_not_there_is_not_found(manager: Program, identity: str) -> None:
    require_problem(manager.get(f"{PATH}/{identity}"), 404, "what_if_not_found")


@pytest.mark.parametrize(
    ("body", "code", "field"),
    [
        ({}, "invalid_input", "changes"),
        ({"changes": []}, "invalid_input", "changes"),
        ({"changes": [ADD_EVE] * 11}, "invalid_input", "changes"),
        ({"changes": [{"kind": "odd"}]}, "invalid_input", "changes[0].kind"),
        ({"changes": [{"kind": "inheritance_blocked"}]}, "invalid_input", "changes[0].unit"),
        ({"changes": [ADD_EVE | {"unit": "x"}]}, "invalid_input", "changes[0].unit"),
        ({"changes": [ADD_EVE | {"policy": 7}]}, "invalid_input", "changes[0].policy"),
        ({"changes": [ADD_EVE, ADD_EVE | {"who": "nobody"}]}, "unknown_name", "changes[1].who"),
        ({"changes": [ADD_EVE | {"policy": "None"}]}, "unknown_name", "changes[0].policy"),
    ],
)
def test_the_field_at_fault_is_named(manager: Program, body: Any, code: str, field: str) -> None:
    require_problem(manager.post(PATH, body), 400, code, field)
    assert not WhatIf.objects.exists()
