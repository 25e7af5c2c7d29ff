"""A novice's name and SID leave what the portal keeps, and the chain stays whole."""

from __future__ import annotations

import io
from datetime import timedelta

import pytest
from django.apps import apps
from django.core.management import CommandError, call_command

from assist import audit
from assist.actors import Actor
from assist.audit import canonical, rows
from assist.errors import InvalidInput, OfferConflict
from assist.lifecycle import State
from assist.models import (
    AuditEvent,
    AuditPersonal,
    AuditSeal,
    AuditUnsealed,
    ComputerReadiness,
    Evidence,
    EvidenceKind,
    EvidenceSource,
    Grade,
    Offer,
    SavedView,
    WindowsEvent,
)
from assist.offers import offer_cancel, offer_choose_session, offer_contact
from assist.pseudonyms import Pseudonymised, novice_named, novice_pseudonymise
from assist.remote_assistance.client import LogonSession
from directory.errors import PortalError
from tests.assist.cast import NOW, Cast
from tests.assist.conftest import BOB, CAROL, ScriptedNovice

pytestmark = pytest.mark.usefixtures("clock")

OPERATOR = Actor(sid="", name="root at the console")


def everything_kept() -> str:
    """All that the tables of this package hold, as text."""
    kept = [
        repr(values)
        for model in apps.get_app_config("assist").get_models()
        for values in model.objects.values_list()
    ]
    return "\n".join(kept).casefold()


def pseudonymise(cast: Cast, name: str = r"R2\bsmith") -> Pseudonymised:
    return novice_pseudonymise(
        actor=OPERATOR,
        novice=novice_named(name),
        reason=f"Request 17 of {name}",
        now=NOW,
    )


@pytest.fixture
def story(cast: Cast, novice: ScriptedNovice) -> Offer:
    """An offer to Bob, named in every place that there is, beside one to Carol."""
    novice.sessions = (BOB, CAROL)
    offer = cast.request(reason=r"R2\BSmith rang; not R2\bsmithers", ticket="INC-1")
    offer_contact(offer.pk)
    offer_choose_session(actor=cast.actor(), offer=offer, logon_session_id=1, now=NOW)
    offer_contact(offer.pk)
    offer_cancel(actor=cast.actor(), offer=offer, now=NOW)
    Evidence.objects.create(
        offer=offer,
        kind=EvidenceKind.values[0],
        source=EvidenceSource.values[0],
        grade=Grade.values[0],
        sentence=rf"R2\bsmith ({cast.bsmith.sid}) answered.",
        at=NOW,
        recorded_at=NOW,
    )
    WindowsEvent.objects.create(
        computer=cast.xp191,
        computer_name="XP191",
        channel="x",
        record_id=1,
        event_id=1,
        user_sid=cast.bsmith.sid,
        at=NOW,
        data={"user": [r"R2\bsmith"], r"R2\bsmith": 1},
        received_at=NOW,
        offer=offer,
    )
    ComputerReadiness.objects.create(
        computer=cast.xp191, results={"users": [r"r2\BSMITH", r"R2\cwong"]}
    )
    SavedView.objects.create(
        owner_sid="S-1-5-21-9", name="Bob's", query="novice=R2%5Cbsmith&mode=view", saved_at=NOW
    )
    novice.sessions = (BOB,)
    wanted = cast.request(wanted_user="bsmith@r2.local")
    offer_contact(wanted.pk)
    offer_cancel(actor=cast.actor(), offer=wanted, now=NOW)
    novice.sessions = (CAROL,)
    carols = cast.request()
    offer_contact(carols.pk)
    offer_cancel(actor=cast.actor(), offer=carols, now=NOW)
    audit.seal(NOW)
    offer.refresh_from_db()
    assert offer.novice_sid == cast.bsmith.sid
    return offer


def test_no_table_names_the_person_any_more_and_the_chain_holds(cast: Cast, story: Offer) -> None:
    before = everything_kept()
    assert r"r2\\bsmith" in before
    assert cast.bsmith.sid.casefold() in before
    count = audit.verify().count
    done = pseudonymise(cast)
    after = everything_kept()
    for mark in (r"\\bsmith'", "bsmith@", r"\\bsmith ", "%5cbsmith&", cast.bsmith.sid.casefold()):
        assert mark not in after
    assert after.count("bsmith") == after.count("bsmithers") > 0  # another person, by his name
    assert (done.offers, done.in_chain) == (2, 0)
    assert done.personal > 5
    audit.seal(NOW)
    result = audit.verify()
    assert (result.first_bad, result.count) == (None, count + 1)


def test_others_keep_their_names(cast: Cast, story: Offer) -> None:
    pseudonymise(cast)
    assert Offer.objects.filter(novice_name=r"R2\cwong", novice_sid=cast.cwong.sid).count() == 1
    assert AuditPersonal.objects.filter(value=cast.cwong.sid).exists()
    assert ComputerReadiness.objects.get().results["users"][1] == r"R2\cwong"


def test_one_pseudonym_stands_for_the_person_everywhere(cast: Cast, story: Offer) -> None:
    done = pseudonymise(cast)
    story.refresh_from_db()
    assert story.novice_name == done.pseudonym
    assert story.reason == rf"{done.pseudonym} rang; not R2\bsmithers"
    assert Offer.objects.filter(novice_name=done.pseudonym).count() == 2
    assert Offer.objects.get(wanted_user=done.pseudonym).novice_sid == ""
    assert done.pseudonym in Evidence.objects.get().sentence
    assert SavedView.objects.get().query == f"novice={done.pseudonym}&mode=view"
    starting = AuditEvent.objects.filter(kind="offer.starting", offer_id=story.pk).get()
    assert starting.details["novice"] == "erased"


def test_the_event_says_what_was_done_and_not_to_whom(cast: Cast, story: Offer) -> None:
    done = pseudonymise(cast)
    event = AuditEvent.objects.get(kind="audit.pseudonymised")
    assert (event.actor_name, event.subject_name) == ("root at the console", done.pseudonym)
    assert event.data == {
        "reason": f"Request 17 of {done.pseudonym}",
        "offers": 2,
        "rows": done.rows,
        "erased": done.personal,
        "in_chain": 0,
    }


@pytest.mark.parametrize("form", ["name", "sid", "upn", "forgotten", "forgotten sid"])
def test_a_person_is_found_by_name_and_by_sid(cast: Cast, story: Offer, form: str) -> None:
    given = {"sid": cast.bsmith.sid, "forgotten sid": cast.bsmith.sid, "upn": "bsmith@r2.local"}
    if form.startswith("forgotten"):
        cast.bsmith.delete()
    assert pseudonymise(cast, given.get(form, r"R2\bsmith")).offers >= 1
    story.refresh_from_db()
    assert "bsmith" not in story.novice_name
    assert story.novice_sid == ""


def test_events_of_the_first_form_keep_the_name_and_are_counted(cast: Cast, story: Offer) -> None:
    event = AuditEvent.objects.create(
        at=NOW, kind="offer.starting", actor_name="portal", data={"novice": r"R2\bsmith"}
    )
    last = AuditSeal.objects.order_by("-position")[0]
    event.refresh_from_db()
    digest = canonical.seal_hash(
        *(2, "sha256"),
        position=last.position + 1,
        previous=last.hash,
        sealed_at=NOW,
        event=rows.fields_of(event),
    )
    AuditSeal.objects.create(
        position=last.position + 1,
        event=event,
        previous_hash=last.hash,
        hash=digest,
        sealed_at=NOW,
        version=2,
    )
    AuditUnsealed.objects.filter(event=event).delete()
    output = io.StringIO()
    call_command("audit_pseudonymise", r"--novice=R2\bsmith", "--reason=asked", stdout=output)
    said = output.getvalue()
    where = f"in the chain itself, the first at position {last.position + 1}."
    assert f"1 audit events hold the name or the SID {where} They cannot be changed" in said
    assert AuditEvent.objects.get(pk=event.pk).data == {"novice": r"R2\bsmith"}
    assert audit.verify().holds


def test_a_dry_run_changes_nothing(cast: Cast, story: Offer) -> None:
    before = everything_kept()
    output = io.StringIO()
    arguments = (r"--novice=R2\bsmith", "--reason=asked", "--dry-run")
    call_command("audit_pseudonymise", *arguments, stdout=output)
    assert "2 offers and" in output.getvalue()
    assert "would be rewritten" in output.getvalue()
    assert everything_kept() == before


def test_an_offer_that_has_not_ended_keeps_its_novice(cast: Cast, novice: ScriptedNovice) -> None:
    offer = cast.request()
    offer_contact(offer.pk)
    with pytest.raises(OfferConflict):
        pseudonymise(cast)
    novice.sessions = (BOB, CAROL)
    offer_cancel(actor=cast.actor(), offer=offer, now=NOW)
    choosing = cast.request(now=NOW + timedelta(seconds=1))
    offer_contact(choosing.pk)
    choosing.refresh_from_db()
    assert choosing.state == State.CHOOSING
    with pytest.raises(OfferConflict):
        pseudonymise(cast, r"R2\cwong")


def test_a_local_user_is_found_by_the_name_alone(cast: Cast, novice: ScriptedNovice) -> None:
    novice.sessions = (LogonSession("XP191", "kiosk", 3),)
    offer = cast.request()
    offer_contact(offer.pk)
    offer_cancel(actor=cast.actor(), offer=offer, now=NOW)
    assert pseudonymise(cast, r"xp191\Kiosk").offers == 1
    assert "kiosk" not in everything_kept()


def test_what_names_nobody_is_refused(cast: Cast) -> None:
    for name in ("", "nobody here", "\\", "S-1"):
        with pytest.raises((InvalidInput, PortalError)):
            novice_named(name)
    with pytest.raises(InvalidInput):
        novice_pseudonymise(actor=OPERATOR, novice=novice_named(r"R2\x"), reason="  ")
    with pytest.raises(CommandError):
        call_command("audit_pseudonymise", "--novice=nobody here", "--reason=asked")


def test_names_at_request_and_in_choices_are_personal(cast: Cast, story: Offer) -> None:
    for event in AuditEvent.objects.all():
        assert "bsmith" not in repr(event.data).casefold().replace("bsmithers", "")
        assert "cwong" not in repr(event.data).casefold()


def test_searches_for_the_bare_name_are_erased(cast: Cast) -> None:
    for text in ("bsmith", "BSmith@R2.local", "bsmithers"):
        audit.record("computer.searched", actor=OPERATOR, personal={"text": text})
    assert pseudonymise(cast).personal == 2
    assert AuditPersonal.objects.get().value == "bsmithers"
