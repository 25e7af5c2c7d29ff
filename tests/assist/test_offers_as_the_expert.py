"""Delegated offers in the lab: from her sign-in with Windows to the computer that sees her."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from assist.actors import Actor
from assist.authority import handing
from assist.authority.sealing import CannotOpen, parse_key, unseal
from assist.errors import TicketGone
from assist.lifecycle import State
from assist.models import AuditEvent, HandedTicket, Offer
from assist.offers import offer_choose_session, offer_contact, sweep
from assist.offers.transitions import move
from directory.models import Account, Domain, Group, Membership
from tests.conftest import Lab
from tests.tickets import Person

pytestmark = [pytest.mark.lab, pytest.mark.django_db]

KEY = "a2V5LW9mLXRoZS10ZXN0cy10aGF0LWlzLTMyLWJ5dGU="
OTHER = "YW5vdGhlci1rZXktb2YtdGVzdHMtdGhhdC1pcy0zMmI="


@pytest.fixture(autouse=True)
def delegated(lab: Lab, synced_directory: Domain, settings: Settings) -> None:
    """Delegated alone: there is no account of the portal on any helper list, and no key of one."""
    settings.OFFER_AUTHORITIES = ["delegated"]
    settings.SINGLE_SIGN_ON_KEYTAB_FILE = str(lab.directory / "keytabs/svc-ra-web.keytab")
    settings.SINGLE_SIGN_ON_PRINCIPAL = "svc-ra-web@R2.LOCAL"
    settings.HANDED_TICKET_KEYS = [KEY]
    settings.SERVICE_PRINCIPAL = settings.SERVICE_KEYTAB_FILE = ""


def signed_in(name: str, *, forwardable: bool = True) -> Client:
    client = Client(headers={"host": "localhost"})
    header = Person(name, forwardable=forwardable).header()
    answer = client.get("/sign-in/windows", secure=True, headers={"authorization": header})
    assert answer.status_code == 302
    return client


def offer_help(client: Client, computer: str, mode: str = "control") -> Offer:
    form = {"target": computer, "mode": mode, "viewer": "windows", "reason": "", "ticket": ""}
    before = set(Offer.objects.values_list("pk", flat=True))
    answer = client.post("/offers/create", form, secure=True)
    made = Offer.objects.exclude(pk__in=before).first()
    assert made is not None, answer.content.decode()
    return made


def calls_at(lab: Lab, computer: str) -> list[dict[str, object]]:
    lines = map(json.loads, (lab.directory / "calls.jsonl").read_text().splitlines())
    return [call for call in lines if call["computer"] == computer and "caller" in call]


def ended(offer: Offer) -> tuple[str, str]:
    offer.refresh_from_db()
    return offer.state, offer.end_code


def test_the_computer_sees_mary_and_her_ticket_is_gone_before_it_is_asked(lab: Lab) -> None:
    offer = offer_help(signed_in("mjones"), "WPG-W11-13")
    assert (offer.state, offer.authority) == (State.QUEUED, "delegated")
    handed = HandedTicket.objects.get(offer=offer)
    assert handed.service == "host/wpg-w11-13.r2.local"
    assert handed.expires_at <= timezone.now() + timedelta(seconds=900)
    before = len(calls_at(lab, "WPG-W11-13"))
    offer_contact(offer.pk)
    assert ended(offer) == (State.OFFERED, "")
    handed.refresh_from_db()
    assert (bytes(handed.sealed), handed.wiped_at is not None) == (b"", True)
    assert {call["caller"] for call in calls_at(lab, "WPG-W11-13")[before:]} == {r"R2\mjones"}
    starting = AuditEvent.objects.get(kind="offer.starting")
    assert (starting.data["authority"], starting.data["principal"]) == ("delegated", r"R2\mjones")
    kinds = list(AuditEvent.objects.filter(offer_id=offer.pk).values_list("kind", flat=True))
    assert [kind for kind in kinds if kind.startswith("ticket.")] == [
        "ticket.handed",
        "ticket.taken",
        "ticket.wiped",
    ]


def test_the_computer_refuses_eve_although_the_portal_was_told_to_let_her() -> None:
    eve = Account.objects.get(sam_account_name="eadams")
    helpdesk = Group.objects.get(sam_account_name="Helpdesk Winnipeg")
    Membership.objects.create(group=helpdesk, member_guid=eve.guid, member_sid=eve.sid)
    offer = offer_help(signed_in("eadams"), "XP191")
    assert offer.state == State.QUEUED
    offer_contact(offer.pk)
    assert ended(offer) == (State.BLOCKED, "access_denied")
    assert offer.end_sentence == r"The computer refused: R2\eadams is not a helper there."
    assert HandedTicket.objects.get(offer=offer).wiped_at is not None


@pytest.mark.parametrize(("name", "why"), [("swhite", "sensitive"), ("pnovak", "Protected Users")])
def test_who_may_never_be_delegated_is_refused_and_led_to_hand_off(name: str, why: str) -> None:
    offer = offer_help(signed_in(name), "XP191")
    assert ended(offer) == (State.REFUSED, "authority.never_delegated")
    assert why in offer.end_sentence
    assert "hand-off" in offer.end_remedy
    assert not HandedTicket.objects.exists()


def test_a_ticket_that_nobody_may_act_on_is_refused_as_that() -> None:
    offer = offer_help(signed_in("mjones", forwardable=False), "XP191")
    assert ended(offer) == (State.REFUSED, "authority.not_delegated")
    assert "nobody else may act on" in offer.end_sentence


def test_a_computer_to_which_the_web_account_is_not_delegated_is_refused_by_the_domain() -> None:
    offer = offer_help(signed_in("mjones"), "WPG-OFF-09")
    assert ended(offer) == (State.REFUSED, "authority.not_delegated")
    assert "does not let svc-ra-web act for mjones@R2.LOCAL" in offer.end_sentence


def test_a_sign_in_with_a_password_is_no_evidence_and_nothing_is_called_instead(
    lab: Lab, settings: Settings
) -> None:
    """Delegated falls back to nothing, also where the portal has an account of its own."""
    settings.SERVICE_PRINCIPAL = "svc-ra-portal@R2.LOCAL"
    settings.SERVICE_KEYTAB_FILE = str(lab.directory / "keytabs/svc-ra-portal.keytab")
    client = signed_in("mjones")
    client.cookies.pop("ticket-key")
    offer = offer_help(client, "XP191")
    assert ended(offer) == (State.REFUSED, "authority.no_sign_in_ticket")
    offer_contact(offer.pk)
    assert ended(offer) == (State.REFUSED, "authority.no_sign_in_ticket")


def test_who_may_not_help_gets_no_ticket_at_all() -> None:
    offer = offer_help(signed_in("eadams"), "XP191")
    assert ended(offer) == (State.REFUSED, "helper.not_listed")
    assert not HandedTicket.objects.exists()
    findings = {finding["rule"] for finding in offer.decision["findings"]}
    assert not {"authority.delegated", "authority.not_delegated"} & findings


def test_after_a_choice_the_same_ticket_is_there_for_the_second_contact() -> None:
    client = signed_in("mjones")
    offer = offer_help(client, "WPG-W11-02")
    offer_contact(offer.pk)
    assert ended(offer)[0] == State.CHOOSING
    assert HandedTicket.objects.get(offer=offer).wiped_at is None
    mary = Account.objects.get(sam_account_name="mjones")
    offer_choose_session(actor=Actor.of_account(mary), offer=offer, logon_session_id=3)
    assert ended(offer)[0] == State.CONTACTING
    assert handing.take(offer, now=timezone.now()).service == "host/wpg-w11-02.r2.local"


def test_an_offer_for_later_waits_no_longer_than_its_ticket() -> None:
    client = signed_in("mjones")
    form = {"target": "XP191", "mode": "control", "viewer": "windows", "start_in": "60"}
    answer = client.post("/offers/create", form, secure=True)
    assert answer.status_code == 422
    assert "cannot start that late" in answer.content.decode()
    assert not Offer.objects.exists()
    client.post("/offers/create", form | {"start_in": "10"}, secure=True)
    assert Offer.objects.get().state == State.HELD
    assert HandedTicket.objects.get().wiped_at is None


class TestAHandedTicket:
    @pytest.fixture
    def offer(self) -> Offer:
        return offer_help(signed_in("mjones"), "XP191")

    def test_is_bound_to_its_offer_computer_expert_and_end(self, offer: Offer) -> None:
        mine = HandedTicket.objects.get(offer=offer)
        assert handing.take(offer, now=timezone.now()).service == "host/xp191.r2.local"
        for changes in (
            {"expert_sid": "S-1-5-21-1-2-3-1104"},
            {"computer_id": "00000000-0000-0000-0000-000000000001"},
            {"pk": "00000000-0000-0000-0000-000000000002"},
        ):
            other = Offer.objects.get(pk=offer.pk)
            for name, value in changes.items():
                setattr(other, name, value)
            with pytest.raises(CannotOpen):
                unseal([parse_key(KEY)], bytes(mine.sealed), handing._bound_to(other, mine))
        HandedTicket.objects.update(expires_at=mine.expires_at + timedelta(hours=1))
        with pytest.raises(TicketGone):
            handing.take(offer, now=timezone.now())

    def test_opens_with_its_key_alone_and_with_old_keys(
        self, offer: Offer, settings: Settings
    ) -> None:
        settings.HANDED_TICKET_KEYS = [OTHER]
        with pytest.raises(TicketGone):
            handing.take(offer, now=timezone.now())
        settings.HANDED_TICKET_KEYS = [OTHER, KEY]
        assert handing.take(offer, now=timezone.now())

    def test_is_wiped_by_the_sweep_at_its_end(self, offer: Offer, settings: Settings) -> None:
        later = timezone.now() + timedelta(seconds=settings.HANDED_TICKET_LIFETIME_SECONDS + 1)
        with pytest.raises(TicketGone):
            handing.take(offer, now=later)
        sweep(later)
        assert bytes(HandedTicket.objects.get().sealed) == b""

    def test_is_wiped_when_the_offer_is_cancelled(self, offer: Offer) -> None:
        move(offer, State.CANCELLED, actor=Actor.portal(), now=timezone.now())
        assert bytes(HandedTicket.objects.get().sealed) == b""
        with pytest.raises(TicketGone):
            handing.take(offer, now=timezone.now())

    def test_that_is_gone_ends_the_offer_with_that_reason(self, offer: Offer) -> None:
        handing.wipe(offer, now=timezone.now())
        offer_contact(offer.pk)
        assert ended(offer) == (State.FAILED, "ticket_gone")
        assert "anew" in offer.end_remedy
