"""The lab's forests for the rows that run on them."""

from __future__ import annotations

import pytest

from tests.conftest import Lab
from tests.eligibility.forests import Forests


@pytest.fixture(scope="session")
def forests(lab_domain: Lab) -> Forests:
    return Forests(lab_domain)
