"""Mary offers Bob help, in a real Active Directory, through every floor of the house."""

from __future__ import annotations

import pytest

from lab.demo.product import Product
from lab.demo.story import play

pytestmark = [pytest.mark.lab, pytest.mark.services]


def test_mary_helps_bob_bob_declines_and_eve_is_refused(
    product: Product, capsys: pytest.CaptureFixture[str]
) -> None:
    play(product)
    told = capsys.readouterr().out
    assert "Bob accepts" in told
    assert "Bob declines" in told
    assert "Eve is refused" in told
