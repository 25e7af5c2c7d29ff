"""Held offers, by pages, the scheduler and a worker: later, approved, tried again."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from lab import world
from lab.demo.browser import Browser, Page
from lab.demo.product import Product
from tests.services import wait_for

pytestmark = [pytest.mark.lab, pytest.mark.services]

COMPUTER = "WPG-W10-03"  # nobody is logged on there: the offer comes far, and nobody is bothered
RULE = {"name": "Winnipeg", "is_enabled": "on", "unit": "Winnipeg", "needs_approval": "on"}
FORM = {"target": COMPUTER, "mode": "view", "viewer": "windows", "reason": "Keyboard"}


@pytest.fixture
def signed_in(product: Product) -> Callable[[str], Browser]:
    def sign_in(name: str) -> Browser:
        browser = Browser(product.url)
        browser.sign_in(rf"R2\{name}", world.PERSON_PASSWORD)
        return browser

    return sign_in


def state_of(page: Page) -> str:
    found = re.search(r'data-state="(\w+)"', page.text)
    assert found, page.text
    return found[1]


def path_of(product: Product, page: Page) -> str:
    return page.address.removeprefix(product.url)


def test_an_offer_waits_for_a_second_person_and_then_goes_its_way(
    product: Product, signed_in: Callable[[str], Browser]
) -> None:
    operator, manager, mary = map(signed_in, ("ooperator", "tmanager", "mjones"))
    operator.get("/protection/rules/new")
    assert "is saved" in operator.post("/protection/rules/new", RULE).text
    try:
        mary.get("/")
        made = mary.post("/offers/create", FORM)
        path = path_of(product, made)
        assert state_of(made) == "held"
        page = manager.get("/approvals")
        found = re.search(r'action="(/approvals/[0-9a-f-]+)"', page.text)
        assert found
        assert "Keyboard" in page.text
        manager.post(found[1], {"decision": "approve", "reason": "Go on"})
        wait_for(lambda: state_of(mary.get(path)) == "nobody", "the worker's contact")
        assert r"R2\tmanager" in mary.get(path).text
    finally:
        rule = re.search(
            r'action="(/protection/rules/\d+/delete)"', operator.get("/protection").text
        )
        assert rule
        operator.post(rule[1])
    again = mary.post(f"{path}/retry")
    assert path_of(product, again) != path
    wait_for(
        lambda: state_of(mary.get(path_of(product, again))) == "nobody", "the contact tried again"
    )


def test_an_offer_for_later_is_started_by_the_scheduler(product: Product) -> None:
    """By the service itself, which takes seconds where the page has minutes."""
    code = (
        "from datetime import timedelta; from django.utils import timezone; "
        "from assist.actors import Actor; from assist.lifecycle import Mode; "
        "from assist.offers import offer_request; from directory.names import find_account; "
        "mary = Actor.of_account(find_account('mjones')); "
        f"offer = offer_request(actor=mary, target='{COMPUTER}', mode=Mode.VIEW, viewer='windows', "
        "door='command', start_at=timezone.now() + timedelta(seconds=4)); "
        "print(offer.pk, offer.state)"
    )
    made = product.manage("shell", "-v", "0", "-c", code).stdout.split()
    assert made[-1] == "held"

    def story() -> str:
        told = (
            "from assist.models import OfferTransition as T; "
            f"print(*T.objects.filter(offer='{made[-2]}').values_list('to_state', flat=True))"
        )
        return product.manage("shell", "-v", "0", "-c", told).stdout.strip().splitlines()[-1]

    wait_for(lambda: story().endswith("nobody"), "the scheduler and the worker", 60)
    assert story() == "requested held queued contacting nobody"
