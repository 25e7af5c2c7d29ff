"""Coverage and histories for programs: the figures of the pages, with their rights."""

from __future__ import annotations

import pytest

from assist.models import AuditEvent
from tests.assist.api.conftest import MakeToken, Program, require_problem
from tests.assist.cast import NOW, Cast
from tests.assist.reports.made_offers import made_offer

pytestmark = pytest.mark.usefixtures("clock")


@pytest.fixture
def auditor(make_token: MakeToken) -> Program:
    return Program(make_token("aauditor")[1])


def test_each_number_is_that_of_its_rows(world: Cast, auditor: Program) -> None:
    world.add_helper(r"R2\Nobody", None, "There is no such object.")
    world.add_computer("AWAY1", ou=None)
    answer = auditor.get("reports/coverage", more_than=0)
    assert answer.status == 200
    counts = {item["table"]: item["count"] for item in answer.document["tables"]}
    assert counts["unresolved"] == 1
    assert counts["unhelped"] == 1
    for table, count in counts.items():
        rows = auditor.get(f"reports/coverage/{table}", more_than=0).document
        assert rows["count"] == len(rows["results"]) == count, table


def test_rows_follow_each_other_page_by_page(world: Cast, auditor: Program) -> None:
    whole = auditor.get("reports/coverage/never-helped").document["results"]
    assert len(whole) == 3
    first = auditor.get("reports/coverage/never-helped", limit=2).document
    second = auditor.get("reports/coverage/never-helped", limit=2, cursor=first["next_cursor"])
    assert first["results"] + second.document["results"] == whole
    assert second.document["next_cursor"] is None


def test_coverage_is_for_managers_and_auditors_alone(world: Cast, mary: Program) -> None:
    for path in ("reports/coverage", "reports/coverage/units"):
        require_problem(mary.get(path), 403, "not_allowed")


def test_an_expert_reads_her_own_history_alone(world: Cast, mary: Program) -> None:
    made_offer(world, by="nkhan")
    mine = made_offer(world)
    require_problem(mary.get(f"reports/experts/{world.nkhan.sid}"), 404, "unknown_name")
    own = mary.get(f"reports/experts/{world.mjones.sid}").document
    assert [offer["id"] for offer in own["offers"]["results"]] == [str(mine.pk)]
    assert own["ways"][0]["through"] == [r"R2\Helpdesk Winnipeg"]
    computer = mary.get(f"reports/computers/{world.xp191.pk}").document
    assert [told["offer"] for told in computer["decisions"]] == [str(mine.pk)]
    assert computer["allowed"] is None
    assert computer["limits"]


def test_who_may_help_today_is_told_to_auditors(world: Cast, auditor: Program) -> None:
    answer = auditor.get(f"reports/computers/{world.xp191.pk}", day=NOW.date().isoformat())
    assert {item["name"] for item in answer.document["allowed"]} == {
        *(r"R2\mjones", r"R2\nkhan", r"R2\radmin")
    }
    event = AuditEvent.objects.get(kind="report.read")
    assert event.data["query"] == f"{world.xp191.pk}?day=2026-11-23"


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("reports/coverage?from=soon", "from"),
        ("reports/coverage?more_than=-1", "more_than"),
        ("reports/coverage?shoe=1", "shoe"),
        ("reports/coverage/nonsense", "table"),
        ("reports/coverage/units?cursor=x", "cursor"),
        ("reports/coverage/units?limit=0", "limit"),
        ("reports/computers/{computer}?day=2027-01-01", "day"),
        ("reports/experts/{expert}?cursor=x", "after"),
    ],
)
def test_nonsense_is_answered_with_the_field(
    world: Cast, auditor: Program, path: str, field: str
) -> None:
    path = path.format(computer=world.xp191.pk, expert=world.mjones.sid)
    answer = auditor.get(path)
    require_problem(answer, 400, "invalid_input")
    assert field in str(answer.document)
