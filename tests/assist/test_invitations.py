"""Who gets an invitation, how long, and what is left of it afterwards."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from cryptography.fernet import Fernet
from django.conf import settings

from assist.checks import invitation_keys
from assist.errors import InvitationGone, NotConfigured, OfferNotFound
from assist.invitations import invitation_password, invitation_take
from assist.lifecycle import State
from assist.models import AuditEvent, EvidenceKind, Invitation, Offer
from assist.offers import offer_cancel, offer_contact, offer_report
from assist.remote_assistance.invitation_file import decrypt
from tests.assist.cast import Cast
from tests.assist.conftest import CONNECTION_STRING, ScriptedNovice

pytestmark = pytest.mark.usefixtures("clock")


@pytest.fixture
def offer(cast: Cast, novice: ScriptedNovice) -> Offer:
    """An offer whose invitation waits for Mary, who uses FreeRDP."""
    offer = cast.request()
    offer_contact(offer.pk)
    offer.refresh_from_db()
    assert offer.state == State.OFFERED
    return offer


def is_wiped(offer: Offer) -> bool:
    invitation = Invitation.objects.get(offer=offer)
    secrets = bytes(invitation.connection_string) + bytes(invitation.password)
    return secrets == b"" and invitation.wiped_at is not None


def test_freerdp_gets_a_file_that_its_password_opens(cast: Cast, offer: Offer) -> None:
    file = invitation_take(actor=cast.actor(), offer=offer)
    assert file.file_name == "XP191.msrcIncident"
    assert file.password is not None
    ticket = file.content.partition(b'LHTICKET="')[2].partition(b'"')[0]
    assert decrypt(bytes.fromhex(ticket.decode()), file.password) == CONNECTION_STRING
    assert invitation_password(actor=cast.actor(), offer=offer) == file.password


def test_windows_own_viewer_gets_a_file_without_a_password(
    cast: Cast, novice: ScriptedNovice
) -> None:
    offer = cast.request(viewer="windows")
    offer_contact(offer.pk)
    file = invitation_take(actor=cast.actor(), offer=offer)
    assert file.password is None
    assert invitation_password(actor=cast.actor(), offer=offer) is None
    assert b"LHTICKET" not in file.content
    assert b"127.0.11.191:49801" in file.content


@pytest.mark.parametrize("name", ["nkhan", "tmanager", "aauditor", "bsmith"])
def test_nobody_else_gets_it(cast: Cast, offer: Offer, name: str) -> None:
    with pytest.raises(OfferNotFound):
        invitation_take(actor=cast.actor(name), offer=offer)
    with pytest.raises(OfferNotFound):
        invitation_password(actor=cast.actor(name), offer=offer)
    assert not AuditEvent.objects.filter(kind="invitation.taken").exists()


def test_it_may_be_taken_again_and_each_time_is_recorded(cast: Cast, offer: Offer) -> None:
    first, second = (invitation_take(actor=cast.actor(), offer=offer) for _ in range(2))
    assert first.password == second.password
    taken = AuditEvent.objects.filter(kind="invitation.taken", offer_id=offer.pk)
    assert [event.actor_sid for event in taken] == [cast.mjones.sid] * 2


def test_at_rest_it_says_nothing(offer: Offer) -> None:
    invitation = Invitation.objects.get(offer=offer)
    for secret in (b"authorization", b"49801"):
        assert secret not in bytes(invitation.connection_string)
    everything = str(list(AuditEvent.objects.values()))
    assert "49801" not in everything


def test_it_expires(cast: Cast, offer: Offer, clock: time_machine.Coordinates) -> None:
    clock.shift(timedelta(seconds=settings.INVITATION_LIFETIME_SECONDS - 1))
    invitation_take(actor=cast.actor(), offer=offer)
    clock.shift(timedelta(seconds=1))
    with pytest.raises(InvitationGone):
        invitation_take(actor=cast.actor(), offer=offer)


def test_cancelling_wipes_it(cast: Cast, offer: Offer) -> None:
    offer_cancel(actor=cast.actor(), offer=offer)
    assert is_wiped(offer)
    with pytest.raises(InvitationGone):
        invitation_take(actor=cast.actor(), offer=offer)


@pytest.mark.parametrize("kind", ["viewed", "declined", "unanswered"])
def test_every_answer_wipes_it(cast: Cast, offer: Offer, kind: str) -> None:
    offer_report(actor=cast.actor(), offer=offer, kind=EvidenceKind(kind))
    assert is_wiped(offer)


def test_an_offer_in_hand_from_before_the_wipe_does_not_help(cast: Cast, offer: Offer) -> None:
    stale = Offer.objects.get(pk=offer.pk)
    offer_cancel(actor=cast.actor(), offer=offer)
    assert stale.state == State.OFFERED
    with pytest.raises(InvitationGone):
        invitation_take(actor=cast.actor(), offer=stale)


def test_an_offer_without_an_invitation_has_none_to_take(cast: Cast) -> None:
    with pytest.raises(InvitationGone):
        invitation_take(actor=cast.actor(), offer=cast.request())


def test_keys_can_be_changed_while_invitations_are_out(
    cast: Cast, offer: Offer, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = list(settings.INVITATION_KEYS)
    new = Fernet.generate_key().decode()
    monkeypatch.setattr(settings, "INVITATION_KEYS", [new, *old])
    assert invitation_take(actor=cast.actor(), offer=offer).password
    monkeypatch.setattr(settings, "INVITATION_KEYS", [new])
    with pytest.raises(InvitationGone) as refusal:
        invitation_take(actor=cast.actor(), offer=offer)
    assert "key" in refusal.value.sentence


@pytest.mark.parametrize(("keys", "code"), [([], "assist.E001"), (["short"], "assist.E002")])
def test_missing_or_broken_keys_stop_the_start_and_are_no_traceback(
    cast: Cast,
    offer: Offer,
    monkeypatch: pytest.MonkeyPatch,
    keys: list[str],
    code: str,
) -> None:
    monkeypatch.setattr(settings, "INVITATION_KEYS", keys)
    assert [message.id for message in invitation_keys()] == [code]
    with pytest.raises(NotConfigured):
        invitation_take(actor=cast.actor(), offer=offer)
