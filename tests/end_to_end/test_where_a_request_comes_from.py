"""The address in the audit trail is the connection's own, whatever the request claims."""

from __future__ import annotations

import pytest

from lab import world
from lab.demo.browser import Browser
from lab.demo.product import Product

pytestmark = [pytest.mark.lab, pytest.mark.services]


def test_a_forged_forwarding_header_is_not_believed(product: Product) -> None:
    browser = Browser(product.url, headers={"X-Forwarded-For": "203.0.113.9"})
    assert "Tina Morgan" in browser.sign_in(r"R2\tmanager", world.PERSON_PASSWORD).text
    trail = browser.get("/audit?kind=sign_in").text
    assert "127.0.0.1" in trail
    assert "203.0.113.9" not in trail
