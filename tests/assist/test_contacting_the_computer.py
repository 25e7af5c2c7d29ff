"""What the worker does: once, in order, and every failure an end with a sentence."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.conf import settings
from django.utils import timezone

from assist.errors import InvalidInput, OfferConflict
from assist.lifecycle import State
from assist.models import AuditEvent, Invitation, Offer
from assist.offers import (
    offer_cancel,
    offer_choose_session,
    offer_contact,
    sweep,
)
from assist.remote_assistance import errors
from directory.addresses import UnknownAddress
from tests.assist.cast import NOW, Cast
from tests.assist.conftest import BOB, CAROL, ScriptedNovice

pytestmark = pytest.mark.usefixtures("clock")


def contact(offer: Offer) -> Offer:
    offer_contact(offer.pk)
    offer.refresh_from_db()
    return offer


def states(offer: Offer) -> list[str]:
    return [step.to_state for step in offer.transitions.all()]


def test_one_user_is_taken_and_the_invitation_is_there(cast: Cast, novice: ScriptedNovice) -> None:
    offer = contact(cast.request())
    assert states(offer) == ["requested", "queued", "contacting", "offered"]
    assert novice.started == [BOB]
    assert (offer.novice_name, offer.novice_sid) == (r"R2\bsmith", cast.bsmith.sid)
    assert offer.address == "127.0.11.191"
    assert offer.offered_at == NOW
    assert offer.contact_decision
    assert offer.contact_decision["verdict"] == "allowed"
    assert Invitation.objects.filter(offer=offer, wiped_at=None).exists()


def test_the_marker_is_written_before_the_call(cast: Cast, novice: ScriptedNovice) -> None:
    offer = cast.request()
    seen: list[object] = []
    novice.before_start = lambda: seen.append(Offer.objects.get(pk=offer.pk).starting_at)
    contact(offer)
    assert seen == [NOW]
    starting = AuditEvent.objects.get(kind="offer.starting")
    assert starting.data["principal"] == settings.SERVICE_PRINCIPAL
    assert starting.data["authority"] == "service"


def test_running_the_task_twice_contacts_once(cast: Cast, novice: ScriptedNovice) -> None:
    offer = cast.request()
    novice.while_listing = lambda: offer_contact(offer.pk)  # redelivered while at work
    contact(offer)
    contact(offer)
    assert (novice.listed, len(novice.started)) == (1, 1)
    assert offer.state == State.OFFERED


def test_several_users_make_the_expert_choose(cast: Cast, novice: ScriptedNovice) -> None:
    novice.sessions = (BOB, CAROL)
    offer = contact(cast.request())
    assert offer.state == State.CHOOSING
    assert [str(choice) for choice in offer.logon_sessions.all()] == [
        r"R2\bsmith:1",
        r"R2\cwong:2",
    ]
    with pytest.raises(InvalidInput):
        offer_choose_session(actor=cast.actor(), offer=offer, logon_session_id=3)
    offer_choose_session(actor=cast.actor(), offer=offer, logon_session_id=2)
    contact(offer)
    assert novice.started == [CAROL]
    assert states(offer)[2:] == ["contacting", "choosing", "contacting", "offered"]


def test_choosing_twice_or_late_is_a_conflict(cast: Cast, novice: ScriptedNovice) -> None:
    novice.sessions = (BOB, CAROL)
    offer = contact(cast.request())
    offer_choose_session(actor=cast.actor(), offer=offer, logon_session_id=2)
    with pytest.raises(OfferConflict):
        offer_choose_session(actor=cast.actor(), offer=offer, logon_session_id=1)


def test_a_worker_from_before_the_choice_has_no_say_after_it(
    cast: Cast, novice: ScriptedNovice
) -> None:
    """A slow first worker still holds its list when the offer is contacted again."""
    offer = cast.request()
    novice.sessions = (BOB, CAROL)

    def meanwhile() -> None:
        novice.while_listing = lambda: None
        Offer.objects.filter(pk=offer.pk).update(claimed_at=None)
        offer_contact(offer.pk)
        fresh = Offer.objects.get(pk=offer.pk)
        offer_choose_session(actor=cast.actor(), offer=fresh, logon_session_id=2)

    novice.while_listing = meanwhile
    contact(offer)
    assert states(offer)[-2:] == ["choosing", "contacting"]
    contact(offer)
    assert novice.started == [CAROL]


def test_a_chosen_user_who_logged_off_is_nobody(cast: Cast, novice: ScriptedNovice) -> None:
    novice.sessions = (BOB, CAROL)
    offer = contact(cast.request())
    offer_choose_session(actor=cast.actor(), offer=offer, logon_session_id=2)
    novice.sessions = (BOB,)
    contact(offer)
    assert offer.state == State.NOBODY
    assert r"R2\cwong is not logged on" in offer.end_sentence


def test_a_session_number_that_was_taken_over_by_another_user_is_not_the_chosen_one(
    cast: Cast, novice: ScriptedNovice
) -> None:
    novice.sessions = (BOB, CAROL)
    offer = contact(cast.request())
    offer_choose_session(actor=cast.actor(), offer=offer, logon_session_id=2)
    novice.sessions = (type(CAROL)("R2", "dbrown", 2),)
    contact(offer)
    assert offer.state == State.NOBODY
    assert novice.started == []


def test_the_wanted_user_is_found_as_windows_compares(cast: Cast, novice: ScriptedNovice) -> None:
    novice.sessions = (BOB, type(CAROL)("r2", "CWONG", 2))
    offer = contact(cast.request(wanted_user="cwong@r2.local"))
    assert offer.state == State.OFFERED
    assert offer.logon_session_id == 2


def test_a_wanted_user_who_is_not_there_ends_it(cast: Cast, novice: ScriptedNovice) -> None:
    offer = contact(cast.request(wanted_user=r"R2\cwong"))
    assert offer.state == State.NOBODY
    assert "others are" in offer.end_sentence


def test_nobody_logged_on_ends_it(cast: Cast, novice: ScriptedNovice) -> None:
    novice.sessions = ()
    assert contact(cast.request()).state == State.NOBODY
    assert novice.started == []


@pytest.mark.parametrize(
    ("code", "state"),
    [
        ("unreachable", State.UNREACHABLE),
        ("timed_out", State.UNREACHABLE),
        ("access_denied", State.BLOCKED),
        ("disabled_by_policy", State.BLOCKED),
        ("busy", State.BUSY),
        ("no_such_session", State.NOBODY),
        ("protocol_unsupported", State.FAILED),
        ("bad_answer", State.FAILED),
        ("authentication_failed", State.FAILED),
        ("novice_error", State.FAILED),
    ],
)
@pytest.mark.parametrize("when", ["listing", "starting"])
def test_every_refusal_of_the_computer_is_an_end_with_sentence_and_remedy(
    cast: Cast, novice: ScriptedNovice, code: str, state: State, when: str
) -> None:
    error = refusal(code, may_have_started=False)
    setattr(novice, f"{when}_error", error)
    offer = contact(cast.request())
    assert offer.state == state
    assert (offer.end_code, offer.end_sentence) == (code, error.sentence)
    assert offer.end_remedy
    assert not Invitation.objects.exists()


def refusal(code: str, *, may_have_started: bool) -> errors.RemoteAssistanceError:
    error = errors.RemoteAssistanceError("The computer said no.", remedy="Ask it nicely.")
    error.code, error.may_have_started = code, may_have_started
    return error


@pytest.mark.parametrize("code", ["timed_out", "unreachable", "bad_answer"])
def test_what_may_have_started_is_interrupted_and_never_tried_again(
    cast: Cast, novice: ScriptedNovice, code: str
) -> None:
    novice.starting_error = refusal(code, may_have_started=True)
    offer = contact(cast.request())
    assert offer.state == State.INTERRUPTED
    contact(offer)
    assert len(novice.started) == 1


def test_a_mistake_of_our_own_is_an_end_not_a_traceback(cast: Cast, novice: ScriptedNovice) -> None:
    novice.listing_error = ZeroDivisionError("secret detail")
    offer = contact(cast.request())
    assert offer.state == State.FAILED
    assert "secret" not in offer.end_sentence
    assert offer.end_remedy


def test_a_computer_without_an_address_is_unreachable(
    cast: Cast, novice: ScriptedNovice, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_address(_: object) -> None:
        raise UnknownAddress("No address.", remedy="Register it.")

    monkeypatch.setattr("assist.offers.contact.address_of", no_address)
    offer = contact(cast.request())
    assert offer.state == State.UNREACHABLE
    assert novice.listed == 0


def test_the_decision_is_taken_again_just_before_contact(
    cast: Cast, novice: ScriptedNovice
) -> None:
    offer = cast.request()
    type(cast.mjones).objects.filter(pk=cast.mjones.pk).update(is_enabled=False)
    contact(offer)
    assert offer.state == State.REFUSED
    assert offer.end_code == "account.disabled"
    assert offer.decision["verdict"] == "allowed"
    assert offer.contact_decision
    assert offer.contact_decision["verdict"] == "refused"
    assert novice.listed == 0


@pytest.mark.parametrize("moment", ["while_listing", "before_start"])
def test_an_offer_cancelled_meanwhile_stays_cancelled(
    cast: Cast, novice: ScriptedNovice, moment: str
) -> None:
    offer = cast.request()

    def cancel() -> None:
        offer_cancel(actor=cast.actor(), offer=Offer.objects.get(pk=offer.pk))

    setattr(novice, moment, cancel)
    contact(offer)
    assert offer.state == State.CANCELLED
    assert not Invitation.objects.filter(wiped_at=None).exists()
    assert len(novice.started) == (1 if moment == "before_start" else 0)


class ProcessLost(BaseException):
    """A worker's process dies: nothing it would have caught happens."""


def die() -> None:
    raise ProcessLost


def lose_worker(cast: Cast, novice: ScriptedNovice, *, marked: bool) -> Offer:
    offer = cast.request()
    setattr(novice, "before_start" if marked else "while_listing", die)
    with pytest.raises(ProcessLost):
        offer_contact(offer.pk)
    novice.before_start = novice.while_listing = lambda: None
    return offer


def past_the_deadline(offer: Offer, clock: time_machine.Coordinates) -> None:
    offer.refresh_from_db()
    assert offer.deadline_at is not None
    clock.move_to(offer.deadline_at + timedelta(seconds=1))


def test_a_worker_lost_before_the_marker_is_replaced(
    cast: Cast, novice: ScriptedNovice, clock: time_machine.Coordinates
) -> None:
    offer = lose_worker(cast, novice, marked=False)
    contact(offer)
    assert offer.state == State.CONTACTING, "the lost worker might still be at work"
    past_the_deadline(offer, clock)
    sweep()
    contact(offer)
    assert offer.state == State.OFFERED


def test_a_worker_lost_after_the_marker_is_not_replaced(
    cast: Cast, novice: ScriptedNovice, clock: time_machine.Coordinates
) -> None:
    offer = lose_worker(cast, novice, marked=True)
    past_the_deadline(offer, clock)
    sweep()
    contact(offer)
    assert offer.state == State.INTERRUPTED
    assert offer.end_code == "worker_lost"
    assert novice.started == []


def test_workers_are_not_replaced_for_ever(
    cast: Cast, novice: ScriptedNovice, clock: time_machine.Coordinates
) -> None:
    offer = lose_worker(cast, novice, marked=False)
    for _ in range(2):
        past_the_deadline(offer, clock)
        sweep()
        novice.while_listing = die
        with pytest.raises(ProcessLost):
            offer_contact(offer.pk)
    offer.refresh_from_db()
    assert offer.state == State.CONTACTING, "two workers were lost, and the third is at it"
    past_the_deadline(offer, clock)
    sweep()
    offer.refresh_from_db()
    assert (offer.state, offer.end_code) == (State.FAILED, "worker_lost")
    assert (offer.losses, offer.end_sentence) == (
        3,
        "3 workers were lost while contacting the computer.",
    )


def test_an_offer_that_is_not_taken_again_lost_one_worker_and_no_more(
    cast: Cast, novice: ScriptedNovice, clock: time_machine.Coordinates
) -> None:
    offer = lose_worker(cast, novice, marked=False)
    for _ in range(2):
        past_the_deadline(offer, clock)
        sweep()
    offer.refresh_from_db()
    assert (offer.state, offer.end_code, offer.losses) == (State.FAILED, "no_worker", 1)


def test_a_chosen_session_waits_for_a_worker_as_long_as_the_queue_does(
    cast: Cast, novice: ScriptedNovice, clock: time_machine.Coordinates
) -> None:
    novice.sessions = (BOB, CAROL)
    offer = cast.request()
    contact(offer)
    offer_choose_session(actor=cast.actor(), offer=offer, logon_session_id=2)
    offer.refresh_from_db()
    assert offer.deadline_at == timezone.now() + timedelta(seconds=settings.QUEUE_TIMEOUT_SECONDS)
    past_the_deadline(offer, clock)
    sweep()
    offer.refresh_from_db()
    assert (offer.state, offer.end_code, offer.losses) == (State.FAILED, "no_worker", 0)


def test_a_worker_that_was_only_slow_finds_its_offer_taken_over(
    cast: Cast, novice: ScriptedNovice, clock: time_machine.Coordinates
) -> None:
    offer = cast.request()

    def slow() -> None:
        novice.while_listing = lambda: None
        past_the_deadline(offer, clock)
        sweep(timezone.now())
        offer_contact(offer.pk)

    novice.while_listing = slow
    contact(offer)
    assert len(novice.started) == 1
    assert offer.state == State.OFFERED


def test_without_a_key_for_invitations_the_computer_is_left_alone(
    cast: Cast, novice: ScriptedNovice, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "INVITATION_KEYS", [])
    offer = contact(cast.request())
    assert (offer.state, offer.end_code) == (State.FAILED, "not_configured")
    assert novice.listed == 0
