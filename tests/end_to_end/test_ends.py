"""Every end that a novice's computer can give an offer, by the command that waits for it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lab.demo.product import Product
from tests.end_to_end.conftest import Offer

pytestmark = [pytest.mark.lab, pytest.mark.services]

MARY = r"R2\mjones"
Calls = Callable[[], list[dict[str, Any]]]


@pytest.mark.parametrize(
    ("computer", "state"),
    [
        ("WPG-W10-03", "nobody"),
        ("WPG-W7-04", "busy"),
        ("WPG-OFF-09", "unreachable"),
        ("WPG-MUTE-10", "unreachable"),
        ("WPG-BAD-12", "failed"),
    ],
)
def test_the_end_of_an_offer_says_what_the_computer_did(
    offer: Offer, computer: str, state: str
) -> None:
    exit_code, answer = offer(MARY, computer, "--wait")
    assert (exit_code, answer["state"]) == (1, state)
    assert answer["sentence"]
    assert answer["remedy"]


def test_an_unknown_computer_is_exit_code_two(offer: Offer) -> None:
    exit_code, answer = offer(MARY, "WPG-NOWHERE-99", "--wait")
    assert exit_code == 2
    assert "WPG-NOWHERE-99" in str(answer)


def test_a_refused_offer_is_exit_code_one_and_no_computer_hears_of_it(
    offer: Offer, contacts: Calls
) -> None:
    before = len(contacts())
    exit_code, answer = offer(r"R2\eadams", "XP191", "--wait")
    assert (exit_code, answer["state"]) == (1, "refused")
    assert len(contacts()) == before


def test_the_user_who_was_asked_for_is_the_one_whose_session_is_called(
    offer: Offer, calls: Calls, product: Product, tmp_path: Path
) -> None:
    file = tmp_path / "invitation.msrcIncident"
    exit_code, answer = offer(
        *[MARY, "WPG-W11-02", "--user", r"r2.local\CWONG"], "--save-invitation", str(file)
    )
    assert exit_code == 0
    assert answer["state"] == "offered"
    assert str(answer["novice"]).lower() == r"r2\cwong"
    assert file.stat().st_mode & 0o077 == 0
    started = [call for call in calls() if call.get("call") == "GetNoviceUserInfo"][-1]
    assert started["session_id"] == 3
    assert started["caller"] == r"R2\svc-ra-portal"


def test_a_user_who_is_not_logged_on_is_nobody(offer: Offer) -> None:
    exit_code, answer = offer(MARY, "XP191", "--user", r"R2\cwong", "--wait")
    assert (exit_code, answer["state"]) == (1, "nobody")
