"""What happens when nothing happens."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.conf import settings

from assist import enqueue
from assist.lifecycle import State
from assist.models import AuditEvent, Evidence, EvidenceKind, Invitation, Offer
from assist.offers import offer_contact, offer_report, sweep
from tests.assist.cast import NOW, Cast
from tests.assist.conftest import BOB, CAROL, ScriptedNovice

pytestmark = pytest.mark.usefixtures("clock")


def after(seconds: float, clock: time_machine.Coordinates) -> None:
    clock.shift(timedelta(seconds=seconds))
    sweep()


def offered(cast: Cast, novice: ScriptedNovice) -> Offer:
    offer = cast.request()
    offer_contact(offer.pk)
    offer.refresh_from_db()
    return offer


def test_an_offer_that_no_worker_takes_fails(cast: Cast, clock: time_machine.Coordinates) -> None:
    offer = cast.request()
    after(settings.QUEUE_TIMEOUT_SECONDS - 1, clock)
    offer.refresh_from_db()
    assert offer.state == State.QUEUED
    after(2, clock)
    offer.refresh_from_db()
    assert (offer.state, offer.end_code) == (State.FAILED, "no_worker")
    assert offer.end_remedy


def test_a_message_that_was_lost_is_sent_again_but_not_at_every_sweep(
    cast: Cast,
    clock: time_machine.Coordinates,
    monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: object,
) -> None:
    sent: list[str] = []
    monkeypatch.setattr(
        "assist.enqueue.transaction.on_commit", lambda send: sent.append(send.args[1])
    )
    offer = cast.request()
    assert sent == [str(offer.pk)]
    for _ in range(8):
        after(5, clock)
    assert sent == [str(offer.pk)] * 3
    assert enqueue.CONTACT_NOVICE == "assist.contact_novice"


def test_a_choice_that_is_not_made_cancels(
    cast: Cast, novice: ScriptedNovice, clock: time_machine.Coordinates
) -> None:
    novice.sessions = (BOB, CAROL)
    offer = offered(cast, novice)
    after(settings.CHOICE_TIMEOUT_SECONDS, clock)
    offer.refresh_from_db()
    assert (offer.state, offer.end_code) == (State.CANCELLED, "not_chosen")


def test_an_invitation_that_nobody_opens_is_unopened_not_unanswered(
    cast: Cast, novice: ScriptedNovice, clock: time_machine.Coordinates
) -> None:
    offer = offered(cast, novice)
    after(settings.OPENING_TIMEOUT_SECONDS, clock)
    offer.refresh_from_db()
    assert (offer.state, offer.outcome, offer.outcome_grade) == ("unopened", "unopened", "assumed")
    assert Invitation.objects.get(offer=offer).wiped_at is not None


def test_no_news_of_an_answer_is_unanswered_and_assumed(
    cast: Cast, novice: ScriptedNovice, clock: time_machine.Coordinates
) -> None:
    offer = offered(cast, novice)
    Evidence.objects.create(
        offer=offer,
        kind=EvidenceKind.CONNECTED,
        source="windows_event",
        grade="strong",
        at=NOW,
        recorded_at=NOW,
        windows_event=_connected(cast),
    )
    after(1, clock)
    from assist.offers.evidence import settle

    settle(offer.pk, now=NOW)
    offer.refresh_from_db()
    assert offer.state == State.ANSWERING
    after(settings.ANSWER_TIMEOUT_SECONDS, clock)
    offer.refresh_from_db()
    assert (offer.state, offer.outcome_grade) == ("unanswered", "assumed")


def _connected(cast: Cast) -> object:
    from assist.models import WindowsEvent

    return WindowsEvent.objects.create(
        computer=cast.xp191,
        computer_name="XP191.r2.local",
        channel="Microsoft-Windows-RemoteAssistance/Operational",
        record_id=1,
        event_id=15,
        at=NOW,
        received_at=NOW,
    )


def test_a_session_of_which_nothing_more_is_heard_ends(
    cast: Cast, novice: ScriptedNovice, clock: time_machine.Coordinates
) -> None:
    offer = offered(cast, novice)
    offer_report(actor=cast.actor(), offer=offer, kind=EvidenceKind.VIEWED)
    after(settings.ACCEPTED_TIMEOUT_SECONDS, clock)
    offer.refresh_from_db()
    assert (offer.state, offer.outcome, offer.outcome_grade) == ("ended", "accepted", "stated")


def test_an_expired_invitation_is_wiped_while_the_offer_goes_on(
    cast: Cast, novice: ScriptedNovice, clock: time_machine.Coordinates
) -> None:
    offer = offered(cast, novice)
    Offer.objects.filter(pk=offer.pk).update(deadline_at=NOW + timedelta(days=1))
    after(settings.INVITATION_LIFETIME_SECONDS, clock)
    invitation = Invitation.objects.get(offer=offer)
    assert bytes(invitation.connection_string) == bytes(invitation.password) == b""
    assert AuditEvent.objects.filter(kind="invitation.wiped").count() == 1
    after(1, clock)
    assert AuditEvent.objects.filter(kind="invitation.wiped").count() == 1


def test_a_sweep_with_nothing_due_writes_nothing(
    cast: Cast, novice: ScriptedNovice, clock: time_machine.Coordinates
) -> None:
    offered(cast, novice)
    before = AuditEvent.objects.count()
    sweep()
    sweep()
    assert AuditEvent.objects.count() == before
