"""The table of computers for a spreadsheet: every computer once, in order, however it is cut."""

from __future__ import annotations

import csv
import io
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.db.models import QuerySet

from assist.models import ComputerReadiness, ReadinessCause
from assist.readiness.coverage import computers_of
from assist.readiness.results import Answer, Result, State
from assist.readiness.table import HEADS, table
from directory.models import Computer, OrganizationalUnit
from tests.assist.cast import NOW, Cast

pytestmark = pytest.mark.django_db

SAID = '"Off",\r\nor =elsewhere.'


@pytest.fixture
def many(cast: Cast) -> Cast:
    """Nine computers more; several have one name, every third is in a unit below."""
    below = OrganizationalUnit.objects.create(
        guid=uuid.uuid4(),
        distinguished_name="OU=Isolated,OU=Winnipeg,DC=r2,DC=local",
        domain=cast.domain,
        name="Isolated",
        parent=cast.unit,
    )
    for number in range(9):
        name = ("TWIN", "PC-1", "pc-2")[number % 3]
        computer = cast.add_computer(name)
        del cast.computers[name]  # the next of that name is another
        Computer.objects.filter(pk=computer.pk).update(ou=below if number % 3 else cast.unit)
        if number % 2:
            found(computer, "network.rpc")
    cast.add_computer("GONE", is_present=False)
    return cast


def found(computer: Computer, cause: str) -> None:
    result = Result(cause, Answer(State.NOT_READY, SAID, (), "=Switch on."), NOW)
    row = ComputerReadiness.objects.create(
        computer=computer,
        state="not_ready",
        cause=cause,
        results={cause: result.to_json()},
        checked_at=NOW,
    )
    ReadinessCause.objects.create(readiness=row, check_code=cause, state="not_ready")


def read(computers: QuerySet[Computer], at_once: int) -> list[dict[str, str]]:
    text = "".join(table(computers, at_once=at_once))
    return list(csv.DictReader(io.StringIO(text, newline="")))


@pytest.mark.parametrize("at_once", [1, 2, 3, 10, 11, 1000])
@pytest.mark.parametrize(
    "chosen",
    [{}, {"bucket": "not_ready"}, {"bucket": "unchecked"}, {"cause": "network.rpc"}, {"unit": 1}],
)
def test_every_computer_is_in_it_once_and_in_order(
    many: Cast, chosen: dict[str, Any], at_once: int
) -> None:
    where = chosen | ({"unit": many.unit.pk} if "unit" in chosen else {})
    computers = computers_of(NOW + timedelta(minutes=1), **where)
    names = [computer.name for computer in computers]
    assert len(names) >= 4
    assert [row["computer"] for row in read(computers, at_once)] == names


def test_it_says_what_stops_a_computer_and_what_to_do(many: Cast) -> None:
    rows = read(computers_of(NOW + timedelta(minutes=1), bucket="not_ready"), 2)
    assert {(row["sentence"], row["remedy"]) for row in rows} == {(SAID, "'=Switch on.")}
    assert {(row["state"], row["cause"]) for row in rows} == {("not_ready", "network.rpc")}
    assert {row["checked_at"] for row in rows} == {NOW.isoformat()}
    assert {row["domain"] for row in rows} == {"r2.local"}


def test_nothing_found_is_a_table_of_heads(cast: Cast) -> None:
    assert list(table(computers_of(NOW, bucket="ready"))) == [",".join(HEADS) + "\r\n"]


def test_no_more_is_asked_for_a_block_than_its_end_and_its_rows(
    many: Cast, django_assert_num_queries: Any
) -> None:
    blocks = table(computers_of(NOW, cause="network.rpc"), at_once=5)
    with django_assert_num_queries(0):
        next(blocks)
    with django_assert_num_queries(2):
        next(blocks)
