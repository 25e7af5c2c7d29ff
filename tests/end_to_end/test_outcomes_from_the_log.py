"""What the novice did, known from his computer's own log alone: no collector forwards anything."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from lab import world
from lab.demo.product import Product
from tests.conftest import Lab
from tests.end_to_end.conftest import Offer
from tests.end_to_end.novice import SECONDS, Novice, wait
from tests.environment import sample_size

pytestmark = [pytest.mark.lab, pytest.mark.services]

MARY = r"R2\mjones"
COMPUTER = world.computer("WPG-SRV-14")
CANCEL = """
from assist.actors import Actor
from assist.models import Offer
from assist.offers import offer_cancel
offer = Offer.objects.get(pk="{id}")
offer_cancel(actor=Actor(sid=offer.expert_sid, name=offer.expert_name), offer=offer)
"""
in_full = pytest.mark.skipif(not sample_size(0, soak=1), reason="part of make soak")


@pytest.fixture
def _no_collector(product: Product, lab: Lab) -> Iterator[None]:
    """The lab's computers forward nothing meanwhile."""
    file = lab.directory / "collector.json"
    kept = file.read_text()
    file.unlink()
    yield
    file.write_text(kept)


@pytest.fixture
def novice(product: Product, lab: Lab, _no_collector: None) -> Iterator[Novice]:
    someone = Novice(lab.directory, COMPUTER.name)
    someone.rests()  # from what a test before has left open
    yield someone
    someone.rests()
    query = """SELECT 1 FROM assist_offer WHERE computer_name = :'v1'
        AND state IN ('contacting', 'offered', 'answering', 'accepted')"""
    wait(lambda: not ask(product, query, COMPUTER.name), "the log tells that all is over")


def ask(product: Product, query: str, *values: str) -> list[str]:
    """The rows that the product's database answers, columns parted by bars."""
    command = ["psql", "-qAt", "-F", "|", product.environment["DATABASE_URL"]]
    for index, value in enumerate(values, 1):
        command += ["-v", f"v{index}={value}"]
    done = subprocess.run(command, input=query, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


@dataclass(frozen=True)
class Made:
    """An offer, as the database has it."""

    product: Product
    id: str

    def outcome(self) -> tuple[str, ...]:
        query = "SELECT state, outcome, outcome_grade FROM assist_offer WHERE id = :'v1'"
        return tuple(ask(self.product, query, self.id)[0].split("|"))

    def following(self) -> dict[str, Any]:
        """How its computer's log is followed, and what was computed from it."""
        query = """
            SELECT row_to_json(found) FROM (
                SELECT f.error_code, f.look_at, f.clock_ahead_seconds, o.controlled_at,
                    extract(epoch FROM o.viewed_at - o.offered_at) AS waited
                FROM assist_offer o JOIN assist_logfollowing f ON f.offer_id = o.id
                WHERE o.id = :'v1') AS found"""
        found: dict[str, Any] = json.loads(ask(self.product, query, self.id)[0])
        return found

    def comes_to(self, *wanted: str) -> None:
        wait(lambda: self.outcome() == wanted, f"{wanted}; it is {self.outcome()}")

    def audited(self, kind: str) -> list[dict[str, Any]]:
        query = "SELECT data FROM assist_auditevent WHERE offer_id = :'v1' AND kind = :'v2'"
        return [json.loads(line) for line in ask(self.product, query, self.id, kind)]


@pytest.fixture
def make(product: Product, offer: Offer, tmp_path: Path) -> Callable[..., Made]:
    def run(mode: str = "control") -> Made:
        file = tmp_path / "invitation"
        _, answer = offer(MARY, COMPUTER.name, "--mode", mode, "--save-invitation", str(file))
        assert answer["state"] == "offered", answer
        return Made(product, str(answer["id"]))

    return run


@in_full
def test_a_novice_who_lets_the_expert_see(novice: Novice, make: Callable[..., Made]) -> None:
    novice.does(answer="accept")
    offer = make("view")
    viewer = novice.view()
    offer.comes_to("accepted", "accepted", "strong")
    assert offer.following()["controlled_at"] is None
    viewer.close()
    offer.comes_to("ended", "accepted", "strong")
    wait(lambda: offer.following()["look_at"] is None, "the log is left alone after the end")


@in_full
def test_a_novice_who_shares_control(novice: Novice, make: Callable[..., Made]) -> None:
    novice.does(answer="accept-control")
    offer = make()
    novice.view()
    wait(lambda: offer.following()["controlled_at"] is not None, "control is noted")
    assert offer.audited("offer.controlled")[0]["is_control_violation"] is False


def test_control_on_a_view_only_offer_is_a_violation(
    novice: Novice, make: Callable[..., Made]
) -> None:
    novice.does(answer="accept-control")
    offer = make("view")
    novice.view()
    wait(lambda: bool(offer.audited("offer.controlled")), "control is noted")
    assert offer.audited("offer.controlled")[0]["is_control_violation"] is True


def test_a_novice_who_declines(novice: Novice, make: Callable[..., Made]) -> None:
    novice.does(answer="decline")
    offer = make()
    novice.view()
    offer.comes_to("declined", "declined", "inferred")


@in_full
def test_a_novice_who_does_not_answer(novice: Novice, make: Callable[..., Made]) -> None:
    novice.does(answer="ignore")
    offer = make()
    novice.view()
    offer.comes_to("unanswered", "unanswered", "strong")


@in_full
def test_an_expert_who_leaves_before_the_answer(novice: Novice, make: Callable[..., Made]) -> None:
    novice.does(answer="ignore")
    offer = make()
    viewer = novice.view()
    wait(lambda: novice.has(16), "the viewer is noticed")
    viewer.close()
    offer.comes_to("unanswered", "unanswered", "inferred")


@in_full
def test_an_invitation_that_nobody_opens(novice: Novice, make: Callable[..., Made]) -> None:
    novice.does(opening_seconds=1)
    make().comes_to("unopened", "unopened", "strong")


@in_full
def test_a_session_that_the_novice_ends(novice: Novice, make: Callable[..., Made]) -> None:
    novice.does(answer="accept")
    offer = make()
    novice.view()
    offer.comes_to("accepted", "accepted", "strong")
    novice.does(end=True)
    offer.comes_to("ended", "accepted", "strong")


@in_full
def test_a_computer_whose_clock_is_an_hour_ahead(novice: Novice, make: Callable[..., Made]) -> None:
    novice.does(answer="accept", clock_ahead_seconds=3600)
    offer = make()
    novice.view()
    offer.comes_to("accepted", "accepted", "strong")
    found = offer.following()
    assert found["clock_ahead_seconds"] == pytest.approx(3600, abs=5)
    assert -5 < found["waited"] < SECONDS
    novice.does(end=True)  # and the clock is set right meanwhile
    offer.comes_to("ended", "accepted", "strong")


@pytest.mark.parametrize("state", ["denied", pytest.param("closed", marks=in_full)])
def test_a_log_that_cannot_be_read_stops_no_offer(
    novice: Novice, make: Callable[..., Made], state: str
) -> None:
    novice.does(event_log=state)
    offer = make()
    found = offer.following()
    assert (found["error_code"], found["look_at"]) == (f"event_log_{state}", None)
    assert offer.audited("event_log.not_followed")
    cancelled = offer.product.manage("shell", "-c", CANCEL.format(id=offer.id))
    assert cancelled.returncode == 0, cancelled.stderr
