"""Every row of the table of cases, built in the database and decided.

The rows and what their words mean are in ``cases/``; what is expected there comes from Microsoft's
documents, which each row names.
"""

from __future__ import annotations

from collections import Counter

import pytest
from pytest_django import Settings

from assist.eligibility import explain
from assist.lifecycle import Mode
from tests.eligibility.building import NOW, build
from tests.eligibility.judging import parameters, require
from tests.eligibility.vocabulary import Case, LabCase, cases, lab_cases


@pytest.mark.django_db
@pytest.mark.parametrize("case", parameters(cases()))
def test_the_decision_is_that_of_the_documents(case: Case, settings: Settings) -> None:
    directory = build(case, settings)
    decision = explain(directory.expert, directory.computer, Mode(case.mode), now=NOW)
    require(decision, case)


def test_the_table_is_as_large_as_it_should_be() -> None:
    built, live = list(cases()), list(lab_cases())
    assert len(built) + len(live) >= 150
    assert len(live) >= 40


def test_each_row_has_a_name_of_its_own_and_says_where_it_is_written() -> None:
    rows: list[Case | LabCase] = [*cases(), *lab_cases()]
    names = Counter(str(row) for row in rows)
    assert [name for name, count in names.items() if count > 1] == []
    for row in rows:
        sources = (row.source,) if isinstance(row.source, str) else row.source
        assert sources, row.name
        assert all(len(source) > 5 for source in sources), row.name
