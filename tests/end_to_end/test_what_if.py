"""A what-if of a manager, answered by a worker of Celery."""

from __future__ import annotations

import pytest

from lab import world
from lab.demo.browser import Browser
from lab.demo.product import Product
from tests.services import wait_for

pytestmark = [pytest.mark.lab, pytest.mark.services]


def test_a_worker_answers_what_a_manager_asks(product: Product) -> None:
    browser = Browser(product.url)
    browser.sign_in(r"R2\tmanager", world.PERSON_PASSWORD)
    browser.get("/what-if")
    change = {"kind": "helper_added", "policy": "WinnipegGPO", "who": r"R2\eadams"}
    asked = browser.post("/what-if", change)
    assert "is added to the helper list of WinnipegGPO" in asked.text
    path = asked.address.removeprefix(product.url)

    wait_for(lambda: 'data-state="done"' in browser.get(path).text, "the answer", 60)
    page = browser.get(path).text
    assert r"R2\eadams on " in page
    assert "OU=Winnipeg,DC=r2,DC=local" in page
    assert "View lost</th><td>0</td>" in page
    assert "what_if.asked" in browser.get("/audit?kind=what_if.asked").text
