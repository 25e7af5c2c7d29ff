"""Asking for an offer: what is taken, what is refused, what is written."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import celery
import pytest
from django.db import IntegrityError, connection, transaction
from pytest_django import DjangoCaptureOnCommitCallbacks, Settings

from assist import enqueue
from assist.actors import Actor
from assist.errors import InvalidInput, NotAllowed, OfferNotFound
from assist.lifecycle import Mode, State
from assist.models import AuditEvent, Offer, OfferTransition
from assist.offers import offer_cancel, offer_choose_session, offer_for, offer_report
from directory.errors import PortalError
from directory.models import Account
from tests.assist.cast import NOW, Cast


def states(offer: Offer) -> list[str]:
    return [step.to_state for step in offer.transitions.all()]


def test_an_allowed_offer_is_queued_with_all_it_rests_on(cast: Cast) -> None:
    offer = cast.request(ticket="INC-4711", reason="Printer", wanted_user="BSMITH@R2.local")
    assert offer.state == State.QUEUED
    assert states(offer) == ["requested", "queued"]
    stored = Offer.objects.get(pk=offer.pk)
    assert stored.expert == cast.mjones
    assert stored.computer == cast.xp191
    assert (stored.expert_sid, stored.expert_name) == (cast.mjones.sid, r"R2\mjones")
    assert stored.wanted_user == r"R2\bsmith"
    assert stored.authority == "service"
    assert stored.decision["verdict"] == "allowed"
    assert stored.deadline_at is not None


def test_every_step_has_its_audit_event(cast: Cast) -> None:
    offer = cast.request(ticket="INC-4711")
    events = AuditEvent.objects.filter(offer_id=offer.pk)
    assert [event.kind for event in events] == ["offer.requested", "offer.decided", "offer.queued"]
    asked = events[0]
    assert (asked.actor_sid, asked.actor_name) == (cast.mjones.sid, r"R2\mjones")
    assert (asked.subject_kind, asked.subject_name) == ("computer", "XP191")
    assert (asked.source_address, asked.request_id) == ("192.0.2.7", "r-1")
    assert asked.ticket == "INC-4711"
    assert events[1].data["decision"]["findings"]


def test_a_refused_offer_is_recorded_and_ends(cast: Cast) -> None:
    offer = cast.request(actor=cast.actor("eadams"))
    assert offer.state == State.REFUSED
    assert states(offer) == ["requested", "refused"]
    offer.refresh_from_db()
    assert offer.end_code == "helper.not_listed"
    assert "helper list" in offer.end_sentence
    assert offer.end_remedy
    assert offer.ended_at == NOW
    assert offer.outcome == "refused"


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ({"target": "XP999"}, "target"),
        ({"target": "XP191; shutdown"}, "target"),
        ({"target": ""}, "target"),
        ({"target": "XP\x00191"}, "target"),
        ({"mode": "admin"}, "mode"),
        ({"viewer": "vnc"}, "viewer"),
        ({"ticket": "x" * 65}, "ticket"),
        ({"ticket": "<script>"}, "ticket"),
        ({"ticket": "INC\n1"}, "ticket"),
        ({"reason": "x" * 501}, "reason"),
        ({"reason": "a\x07b"}, "reason"),
        ({"wanted_user": "nobody@r2.local"}, "wanted_user"),
        ({"wanted_user": r"XP191\a*b"}, "wanted_user"),
    ],
)
def test_bad_input_is_refused_with_field_and_remedy_and_nothing_is_written(
    cast: Cast, arguments: dict[str, Any], field: str
) -> None:
    with pytest.raises(PortalError) as refusal:
        cast.request(**arguments)
    assert refusal.value.field == field
    assert refusal.value.sentence
    assert refusal.value.remedy
    assert not Offer.objects.exists()
    assert not AuditEvent.objects.exists()


def test_a_local_account_of_the_computer_may_be_wanted(cast: Cast) -> None:
    assert cast.request(wanted_user=r"xp191\Guest").wanted_user == r"XP191\Guest"


def test_nobody_without_an_account_makes_offers(cast: Cast) -> None:
    with pytest.raises(NotAllowed):
        cast.request(actor=Actor.portal())


def test_a_second_offer_to_the_computer_is_refused_and_names_who_and_since_when(
    cast: Cast, settings: Settings
) -> None:
    settings.TIME_ZONE = "America/Winnipeg"
    cast.request(actor=cast.actor("nkhan"))
    offer = cast.request(now=NOW + timedelta(minutes=3))
    assert offer.end_code == "portal.active_offer"
    assert r"by R2\nkhan, asked for at 2026-11-23 03:00 CST, has not ended" in offer.end_sentence
    assert r"ask R2\nkhan to cancel it" in offer.end_remedy


def test_her_own_open_offer_is_called_hers(cast: Cast) -> None:
    cast.request()
    assert "An offer to XP191 by you" in cast.request().end_sentence


def test_the_database_itself_lets_one_offer_occupy_a_computer(cast: Cast) -> None:
    first = cast.request()
    second = cast.request(actor=cast.actor("nkhan"))
    with pytest.raises(IntegrityError), transaction.atomic():
        Offer.objects.filter(pk=second.pk).update(state=State.QUEUED.value)
    Offer.objects.filter(pk=second.pk).update(state=State.HELD.value)
    assert Offer.objects.occupying().get() == first


def test_the_worker_is_called_after_the_commit_with_the_offers_id_alone(
    cast: Cast,
    monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    sent: list[tuple[str, tuple[str, ...]]] = []
    monkeypatch.setattr(enqueue, "_send", lambda name, *args: sent.append((name, args)))
    with django_capture_on_commit_callbacks(execute=True):
        offer = cast.request()
        assert sent == []
    assert sent == [("assist.contact_novice", (str(offer.pk),))]


def test_a_broker_that_is_gone_does_not_reach_the_expert(
    cast: Cast,
    monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    nowhere = celery.Celery(broker="redis://127.0.0.1:1/0", set_as_current=False)
    monkeypatch.setattr(enqueue, "current_app", nowhere)
    with django_capture_on_commit_callbacks(execute=True) as callbacks:
        offer = cast.request()
    assert callbacks
    offer.refresh_from_db()
    assert offer.state == State.QUEUED


def test_every_task_that_is_sent_by_name_exists() -> None:
    from portal.celery import app

    app.loader.import_default_modules()
    assert {enqueue.CONTACT_NOVICE, "assist.sweep_offers", "assist.seal_audit_events"} <= set(
        app.tasks
    )
    scheduled = {entry["task"] for entry in app.conf.beat_schedule.values()}
    assert scheduled <= set(app.tasks)


def test_an_offer_is_seen_by_its_expert_and_by_those_who_may_read_all(cast: Cast) -> None:
    offer = cast.request()
    for name in ("mjones", "tmanager", "aauditor"):
        assert offer_for(cast.actor(name), offer.pk) == offer
    for name in ("nkhan", "bsmith"):
        with pytest.raises(OfferNotFound):
            offer_for(cast.actor(name), offer.pk)


@pytest.mark.parametrize("offer_id", ["", "x", "00000000-0000-0000-0000-000000000000", "\x00"])
def test_an_offer_that_is_not_there_is_not_found(cast: Cast, offer_id: str) -> None:
    with pytest.raises(OfferNotFound):
        offer_for(cast.actor("tmanager"), offer_id)


@pytest.mark.parametrize("name", ["nkhan", "tmanager"])
def test_only_its_expert_acts_on_an_offer(cast: Cast, name: str) -> None:
    offer, actor = cast.request(), cast.actor(name)
    acts: list[Callable[[], object]] = [
        lambda: offer_cancel(actor=actor, offer=offer),
        lambda: offer_choose_session(actor=actor, offer=offer, logon_session_id=1),
        lambda: offer_report(actor=actor, offer=offer, kind="viewed"),  # type: ignore[arg-type]
        lambda: offer_cancel(actor=Actor.portal(), offer=offer),
    ]
    for act in acts:
        with pytest.raises(OfferNotFound):
            act()
    offer.refresh_from_db()
    assert offer.state == State.QUEUED


def test_a_queued_offer_can_be_cancelled_once(cast: Cast) -> None:
    offer = cast.request()
    offer_cancel(actor=cast.actor(), offer=offer, now=NOW)
    assert states(offer) == ["requested", "queued", "cancelled"]
    with pytest.raises(PortalError) as refusal:
        offer_cancel(actor=cast.actor(), offer=offer, now=NOW)
    assert refusal.value.status == 409
    assert OfferTransition.objects.filter(offer=offer).count() == 3


def test_the_computer_is_free_again_after_a_cancelled_offer(cast: Cast) -> None:
    offer_cancel(actor=cast.actor(), offer=cast.request(), now=NOW)
    assert cast.request().state == State.QUEUED


def test_mode_and_names_are_kept_when_the_directory_forgets(cast: Cast) -> None:
    offer = cast.request(mode=Mode.VIEW)
    Account.objects.filter(pk=cast.mjones.pk).delete()
    offer.refresh_from_db()
    assert offer.expert is None
    assert (offer.mode, offer.expert_name) == ("view", r"R2\mjones")


def test_nothing_is_left_half_written_when_the_audit_trail_fails(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("disk full")

    monkeypatch.setattr("assist.offers.transitions.audit.record", broken)
    with pytest.raises(RuntimeError):
        cast.request()
    assert not Offer.objects.exists()
    assert not connection.needs_rollback


def test_invalid_input_is_the_experts_to_mend() -> None:
    assert InvalidInput("x").status == 400
