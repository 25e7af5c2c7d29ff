"""The API for offers that wait, are tried again, approved, or handed off."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import parse_qs

import pytest
from django.utils import timezone
from pytest_django import Settings

from assist.launch_links import new_signing_key
from assist.models import Offer
from assist.offers import launch_link_make
from tests.assist.api.conftest import MakeToken, Program, require_problem
from tests.assist.cast import Cast
from tests.assist.protected import add_rule

OFFER = {"target": "XP191", "mode": "control"}


@pytest.fixture(autouse=True)
def _fresh(world: Cast) -> None:
    """The directory was read just now, by the real clock."""
    world.domain.synced_at = timezone.now()
    world.domain.save()


def test_an_ended_offer_is_tried_again(mary: Program) -> None:
    first = mary.post("offers", OFFER).document["id"]
    require_problem(mary.post(f"offers/{first}/retry"), 409, "offer_conflict")
    mary.post(f"offers/{first}/cancel")
    again = mary.post(f"offers/{first}/retry")
    assert again.status == 201
    assert again.headers["Location"] == f"/api/v1/offers/{again.document['id']}"
    assert (again.document["retry_of"], again.document["state"]) == (first, "queued")


def test_somebody_elses_offer_is_not_tried_again(mary: Program, nadia: Program) -> None:
    first = mary.post("offers", OFFER).document["id"]
    require_problem(nadia.post(f"offers/{first}/retry"), 404, "offer_not_found")


def test_an_offer_for_later_is_held(mary: Program) -> None:
    start = timezone.now() + timedelta(minutes=10)
    held = mary.post("offers", OFFER | {"start_at": start.isoformat()}).document
    assert held["state"] == "held"
    assert held["start_at"]
    assert mary.get("offers", state="held").document["results"][0]["id"] == held["id"]
    assert mary.post(f"offers/{held['id']}/cancel").document["state"] == "cancelled"


@pytest.mark.parametrize("start", ["2026-11-23T10:00:00", "tomorrow", 5, "2020-01-01T00:00:00Z"])
def test_a_start_without_a_zone_or_in_the_past_is_refused(mary: Program, start: object) -> None:
    answer = mary.post("offers", OFFER | {"start_at": start})
    require_problem(answer, 400, "invalid_input", field="start_at")


def test_an_authority_that_is_not_allowed_is_refused(mary: Program) -> None:
    answer = mary.post("offers", OFFER | {"authority": "handoff"})
    require_problem(answer, 400, "invalid_input", field="authority")


def test_a_manager_approves_by_a_token_without_being_an_expert(
    mary: Program, nadia: Program, make_token: MakeToken, world: Cast
) -> None:
    add_rule(world, needs_approval=True)
    offer = mary.post("offers", OFFER).document
    assert offer["state"] == "held"
    assert [(item["rule"], item["state"]) for item in offer["approvals"]] == [("Tills", "waiting")]
    manager = Program(make_token("tmanager")[1])
    assert [item["id"] for item in manager.get("approvals").document["results"]] == [offer["id"]]
    assert nadia.get("approvals").document["results"] == []
    require_problem(nadia.post(f"approvals/{offer['id']}/approve"), 404, "offer_not_found")
    require_problem(mary.post(f"approvals/{offer['id']}/approve"), 403, "not_allowed")
    approved = manager.post(f"approvals/{offer['id']}/approve", {"reason": "Go on"})
    assert (approved.status, approved.document["state"]) == (200, "queued")
    assert approved.document["approvals"][0]["approver"]["name"] == r"R2\tmanager"
    again = manager.post(f"approvals/{offer['id']}/approve")
    require_problem(again, 409, "offer_conflict")
    require_problem(manager.post("approvals/nonsense/approve"), 404, "offer_not_found")


def test_a_manager_refuses_with_a_reason(mary: Program, make_token: MakeToken, world: Cast) -> None:
    add_rule(world, needs_approval=True)
    offer = mary.post("offers", OFFER).document["id"]
    manager = Program(make_token("tmanager")[1])
    require_problem(
        manager.post(f"approvals/{offer}/refuse", {}), 400, "invalid_input", field="reason"
    )
    refused = manager.post(f"approvals/{offer}/refuse", {"reason": "Not now"}).document
    assert (refused["state"], refused["end"]["code"]) == ("refused", "approval.refused")


def test_a_collector_approves_nothing(collector: Program) -> None:
    require_problem(collector.get("approvals"), 403, "not_allowed")
    require_problem(Program().get("approvals"), 401, "not_authenticated")


def test_a_launcher_needs_no_token_but_its_links(
    mary: Program, world: Cast, settings: Settings
) -> None:
    settings.OFFER_AUTHORITIES = ["service", "handoff"]
    settings.LAUNCH_SIGNING_KEY = new_signing_key()
    offer = Offer.objects.get(
        pk=mary.post("offers", OFFER | {"authority": "handoff"}).document["id"]
    )
    launch = launch_link_make(actor=world.actor(), offer=offer)
    assert launch is not None
    token = parse_qs(launch.url.partition("?")[2])["token"][0]
    anybody = Program()
    confirmed = anybody.post("launches/confirm", {"token": token})
    assert confirmed.status == 200
    assert confirmed.document["computer"] == "xp191.r2.local"
    require_problem(anybody.post("launches/confirm", {"token": token}), 409, "launch_refused")
    report = {"token": confirmed.document["report_token"], "event": "started"}
    assert anybody.post("launches/report", report).status == 204
    ended = report | {"event": "ended", "exit_code": 0xC000013A}
    assert anybody.post("launches/report", ended).status == 204
    evidence = mary.get(f"offers/{offer.pk}").document["evidence"]
    assert [(item["kind"], item["source"]) for item in evidence] == [
        ("started", "launcher"),
        ("ended", "launcher"),
    ]
    require_problem(
        anybody.post("launches/report", report | {"event": "format"}), 400, "invalid_input"
    )
    require_problem(anybody.post("launches/report", report | {"token": "x"}), 409, "launch_refused")
