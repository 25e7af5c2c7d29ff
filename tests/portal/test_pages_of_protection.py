"""Pages for held offers, approvals, rules for protected computers, alerts and the launcher."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone
from pytest_django import Settings

from assist.launch_links import new_signing_key
from assist.models import LaunchLink, Offer, OfferAlert, ProtectionRule
from assist.offers import offer_cancel
from tests.assist.cast import Cast
from tests.assist.protected import add_rule
from tests.portal.conftest import SignedIn
from tests.portal.test_pages import FORM

pytestmark = pytest.mark.django_db
RULE = {
    "name": "Tills",
    "is_enabled": "on",
    "unit": "Winnipeg",
    "needs_ticket": "on",
    "ticket_pattern": "INC-#*",
    "needs_approval": "on",
    "approval_minutes": "30",
}


@pytest.fixture(autouse=True)
def _fresh(cast: Cast) -> None:
    """The directory was read just now, by the real clock."""
    cast.domain.synced_at = timezone.now()
    cast.domain.save()


def test_an_offer_in_ten_minutes_is_held_and_its_page_says_until_when(
    signed_in: SignedIn, cast: Cast
) -> None:
    client = signed_in("mjones")
    page = client.post("/offers/create", FORM | {"start_in": "10"}, follow=True).content.decode()
    offer = Offer.objects.get()
    assert offer.state == "held"
    assert offer.start_at is not None
    assert timedelta(minutes=9) < offer.start_at - timezone.now() <= timedelta(minutes=10)
    assert "It starts at" in page
    assert 'id="cancel"' in page
    assert "that is held" in client.get(f"/computers/{cast.xp191.pk}").content.decode()


def test_an_offer_at_a_time_is_in_the_portals_zone(signed_in: SignedIn, settings: Settings) -> None:
    settings.TIME_ZONE = "America/Winnipeg"
    later = timezone.localtime(timezone.now() + timedelta(hours=3)).replace(second=0)
    form = FORM | {"start_in": "at", "start_at": later.strftime("%Y-%m-%dT%H:%M")}
    signed_in("mjones").post("/offers/create", form)
    assert Offer.objects.get().start_at == later.replace(microsecond=0)


@pytest.mark.parametrize(
    ("start", "said"),
    [
        ({"start_in": "at"}, "There is no time to start at."),
        ({"start_in": "at", "start_at": "2020-01-01T10:00"}, "has passed"),
        ({"start_in": "at", "start_at": "soon"}, "Give a date and a time."),
        ({"start_in": "5"}, "Select a valid choice"),
    ],
)
def test_a_start_that_cannot_be_used_comes_back_with_what_is_wrong(
    signed_in: SignedIn, start: dict[str, str], said: str
) -> None:
    answer = signed_in("mjones").post("/offers/create", FORM | start)
    assert answer.status_code == 422
    assert said in answer.content.decode()
    assert not Offer.objects.exists()


def test_an_ended_offer_is_tried_again_and_both_pages_link(signed_in: SignedIn, cast: Cast) -> None:
    first = cast.request(now=timezone.now())
    offer_cancel(actor=cast.actor(), offer=first)
    client = signed_in("mjones")
    assert 'id="retry"' in client.get(f"/offers/{first.pk}").content.decode()
    answer = client.post(f"/offers/{first.pk}/retry")
    again = Offer.objects.get(retry_of=first)
    assert answer["Location"] == f"/offers/{again.pk}"
    assert f'href="/offers/{first.pk}"' in client.get(f"/offers/{again.pk}").content.decode()
    assert f'href="/offers/{again.pk}"' in client.get(f"/offers/{first.pk}").content.decode()
    assert signed_in("nkhan").post(f"/offers/{first.pk}/retry").status_code == 404


def test_an_approver_sees_what_waits_and_approves_it(signed_in: SignedIn, cast: Cast) -> None:
    add_rule(cast, needs_approval=True)
    mary, manager = signed_in("mjones"), signed_in("tmanager")
    mary.post("/offers/create", FORM)
    offer = Offer.objects.get()
    assert "A second person has to approve it" in mary.get(f"/offers/{offer.pk}").content.decode()
    page = manager.get("/approvals").content.decode()
    assert f'data-offer="{offer.pk}"' in page
    assert "Printer" in page
    assert 'href="/approvals"' in manager.get("/").content.decode()
    answer = manager.post(
        f"/approvals/{offer.pk}", {"decision": "approve", "reason": "Go on"}, follow=True
    )
    assert "goes on" in answer.content.decode()
    offer.refresh_from_db()
    assert offer.state == "queued"
    page = mary.get(f"/offers/{offer.pk}").content.decode()
    assert r"R2\tmanager" in page
    assert "Go on" in page


def test_a_refusal_without_a_reason_is_said_and_with_one_ends_the_offer(
    signed_in: SignedIn, cast: Cast
) -> None:
    add_rule(cast, needs_approval=True)
    offer = cast.request(now=timezone.now())
    manager = signed_in("tmanager")
    refuse = {"decision": "refuse", "reason": ""}
    answer = manager.post(f"/approvals/{offer.pk}", refuse, follow=True)
    assert "A refusal needs a reason." in answer.content.decode()
    manager.post(f"/approvals/{offer.pk}", refuse | {"reason": "<b>No</b>"})
    page = signed_in("mjones").get(f"/offers/{offer.pk}").content.decode()
    assert "&lt;b&gt;No&lt;/b&gt;" in page


def test_who_may_not_approve_finds_nothing_there(signed_in: SignedIn, cast: Cast) -> None:
    add_rule(cast, needs_approval=True)
    offer = cast.request(now=timezone.now())
    client = signed_in("nkhan")
    assert str(offer.pk) not in client.get("/approvals").content.decode()
    assert 'href="/approvals"' not in client.get("/").content.decode()
    assert client.post(f"/approvals/{offer.pk}", {"decision": "approve"}).status_code == 404
    mary = signed_in("mjones").post(f"/approvals/{offer.pk}", {"decision": "approve"}, follow=True)
    assert "Nobody approves an offer of her own." in mary.content.decode()
    offer.refresh_from_db()
    assert offer.state == "held"


def test_the_live_part_of_approvals_is_quiet_until_something_is_new(
    signed_in: SignedIn, cast: Cast
) -> None:
    client = signed_in("tmanager")
    assert client.get("/approvals/live?seen=none").status_code == 204
    add_rule(cast, needs_approval=True)
    cast.request(now=timezone.now())
    assert client.get("/approvals/live?seen=none").status_code == 200


def test_an_operator_makes_changes_and_deletes_a_rule(signed_in: SignedIn) -> None:
    client = signed_in("ooperator")
    assert client.post("/protection/rules/new", RULE)["Location"] == "/protection"
    rule = ProtectionRule.objects.get()
    assert (rule.scope_name, rule.approval_minutes) == ("OU=Winnipeg,DC=r2,DC=local", 30)
    assert "INC-#*" in client.get("/protection").content.decode()
    page = client.get(f"/protection/rules/{rule.pk}").content.decode()
    assert 'value="OU=Winnipeg,DC=r2,DC=local"' in page
    client.post(f"/protection/rules/{rule.pk}", RULE | {"name": "All tills", "unit": ""})
    rule.refresh_from_db()
    assert (rule.name, rule.scope_kind) == ("All tills", "all")
    client.post(f"/protection/rules/{rule.pk}/delete")
    assert not ProtectionRule.objects.exists()


def test_a_rule_that_makes_no_sense_comes_back_as_typed(signed_in: SignedIn) -> None:
    answer = signed_in("ooperator").post("/protection/rules/new", RULE | {"hours": "sometimes"})
    assert answer.status_code == 422
    page = answer.content.decode()
    assert "is no time window" in page
    assert 'value="sometimes"' in page
    assert not ProtectionRule.objects.exists()


@pytest.mark.parametrize("name", ["mjones", "tmanager", "aauditor"])
def test_rules_and_alerts_are_the_operators(signed_in: SignedIn, cast: Cast, name: str) -> None:
    rule = add_rule(cast, needs_reason=True)
    client = signed_in(name)
    assert client.get("/protection").status_code == 403
    assert client.get(f"/protection/rules/{rule.pk}").status_code == 403
    assert client.post(f"/protection/rules/{rule.pk}/delete").status_code == 403
    assert ProtectionRule.objects.exists()


def test_a_burst_is_on_every_page_of_an_operator_until_she_has_seen_it(
    signed_in: SignedIn, cast: Cast, settings: Settings
) -> None:
    settings.OFFER_BURST_COUNT = 2
    for _ in range(2):
        cast.request(now=timezone.now())
    operator = signed_in("ooperator")
    assert "Offers came in a burst." in operator.get("/").content.decode()
    assert "Offers came in a burst." not in signed_in("mjones").get("/").content.decode()
    assert "asked for 2 offers" in operator.get("/protection").content.decode()
    for alert in OfferAlert.objects.all():
        operator.post(f"/protection/alerts/{alert.pk}/seen")
    assert "Offers came in a burst." not in operator.get("/").content.decode()
    assert "2 seen before" in operator.get("/protection").content.decode()


@pytest.fixture
def handing_off(settings: Settings) -> None:
    settings.OFFER_AUTHORITIES = ["service", "handoff"]
    settings.LAUNCH_SIGNING_KEY = new_signing_key()
    settings.PORTAL_URL = "https://portal.r2.local"


@pytest.mark.usefixtures("handing_off")
def test_a_handed_off_offer_is_started_by_a_link_that_is_shown_once(signed_in: SignedIn) -> None:
    client = signed_in("mjones")
    assert "Who calls the computer" in client.get("/offers/create").content.decode()
    client.post("/offers/create", FORM | {"authority": "handoff"})
    offer = Offer.objects.get()
    assert 'id="launch"' in client.get(f"/offers/{offer.pk}").content.decode()
    answer = client.post(f"/offers/{offer.pk}/launch")
    assert answer["Cache-Control"] == "no-store"
    page = answer.content.decode()
    assert 'href="remote-assistance-portal:launch?v=1&amp;offer=' in page
    assert LaunchLink.objects.count() == 1
    assert "remote-assistance-portal:" not in client.get(f"/offers/{offer.pk}").content.decode()
    assert signed_in("nkhan").post(f"/offers/{offer.pk}/launch").status_code == 404


@pytest.mark.usefixtures("handing_off")
def test_the_launcher_is_downloaded(signed_in: SignedIn) -> None:
    client = signed_in("mjones")
    page = client.get("/launcher").content.decode()
    for name in ("Start-OfferedAssistance.ps1", "remote-assistance-portal.reg"):
        assert f'href="/launcher/{name}"' in page
        answer = client.get(f"/launcher/{name}")
        assert answer["Content-Disposition"] == f'attachment; filename="{name}"'
        assert len(answer.content) > 500
    assert client.get("/launcher/secrets").status_code == 404
    assert signed_in("bsmith").get("/launcher").status_code == 403


def test_without_hand_off_there_is_no_launcher_and_no_choice(signed_in: SignedIn) -> None:
    client = signed_in("mjones")
    assert client.get("/launcher").status_code == 404
    assert "Who calls the computer" not in client.get("/offers/create").content.decode()
    answer = client.post("/offers/create", FORM | {"authority": "handoff"})
    assert answer.status_code == 302
    assert Offer.objects.get().authority == "service"
