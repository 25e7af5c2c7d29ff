"""Every row of the table of cases, asked for everybody at once: the answers are the same."""

from __future__ import annotations

import pytest
from pytest_django import Settings

from directory.models import Account, Computer
from tests.assist.many_pairs import answers_of_the_matrix, answers_one_by_one
from tests.eligibility.building import NOW, build
from tests.eligibility.vocabulary import Case, cases


@pytest.mark.django_db
@pytest.mark.parametrize("case", [pytest.param(case, id=str(case)) for case in cases()])
def test_the_answers_for_many_are_the_decisions(case: Case, settings: Settings) -> None:
    build(case, settings)
    experts = Account.objects.select_related("domain").order_by("sid")
    computers = Computer.objects.order_by("sid")
    assert answers_of_the_matrix(experts, computers, NOW) == answers_one_by_one(
        experts, computers, NOW
    )
