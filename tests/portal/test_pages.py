"""Pages: what they show, to whom, and what happens to what was typed."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from assist.lifecycle import Mode
from assist.models import AuditEvent, EvidenceKind, LogFollowing, Offer, WindowsEvent
from assist.offers import offer_report
from assist.offers.evidence import settle
from assist.offers.recording import store_events
from portal.models import User
from tests.assist.cast import Cast
from tests.portal.conftest import SignedIn

pytestmark = pytest.mark.django_db

FORM = {
    "target": "XP191",
    "mode": "control",
    "viewer": "freerdp",
    "wanted_user": "",
    "ticket": "INC-1",
    "reason": "Printer",
}


def test_every_page_asks_for_a_sign_in(client: Client, cast: Cast) -> None:
    offer = cast.request()
    for path in (
        "/",
        "/active-offers",
        "/computers/search?q=xp",
        f"/computers/{cast.xp191.pk}",
        "/offers",
        "/offers/create",
        f"/offers/{offer.pk}",
        f"/offers/{offer.pk}/live",
        "/audit",
        "/preferences",
    ):
        answer = client.get(path)
        assert answer.status_code == 302, path
        assert answer["Location"].startswith("/sign-in?next="), path


def test_a_part_of_a_page_has_the_whole_page_loaded_anew(client: Client) -> None:
    answer = client.get("/active-offers", headers={"HX-Request": "true"})
    assert answer["HX-Refresh"] == "true"
    assert b"password" not in answer.content


def test_the_browser_may_run_nothing_but_the_portals_own_files(signed_in: SignedIn) -> None:
    answer = signed_in("mjones").get("/")
    policy = answer["Content-Security-Policy"]
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
    page = answer.content.decode()
    assert "<script>" not in page
    assert " style=" not in page
    assert " onclick=" not in page


def test_search_finds_a_computer_by_part_of_its_name(signed_in: SignedIn, cast: Cast) -> None:
    page = signed_in("mjones").get("/computers/search?q=p19").content.decode()
    assert f"/computers/{cast.xp191.pk}" in page


def test_search_finds_the_computer_where_somebody_was_helped(
    signed_in: SignedIn, cast: Cast
) -> None:
    offer = cast.request()
    Offer.objects.filter(pk=offer.pk).update(novice_name=r"R2\bsmith")
    client = signed_in("mjones")
    assert f"/computers/{cast.xp191.pk}" in client.get("/computers/search?q=bsm").content.decode()
    other = signed_in("nkhan").get("/computers/search?q=bsm").content.decode()
    assert f"/computers/{cast.xp191.pk}" not in other


def test_what_is_found_nowhere_is_said_and_escaped(signed_in: SignedIn) -> None:
    page = signed_in("mjones").get("/computers/search", {"q": "<b>x</b>"}).content.decode()
    assert "&lt;b&gt;x&lt;/b&gt;" in page
    assert "<b>x</b>" not in page


def test_search_takes_anything(signed_in: SignedIn) -> None:
    client = signed_in("mjones")
    for text in ("\x00", "%", "\\", "a" * 5000, "😀", "' OR 1=1", "..", "R2\\"):
        assert client.get("/computers/search", {"q": text}).status_code == 200


def test_enter_on_a_search_with_one_result_opens_it(signed_in: SignedIn, cast: Cast) -> None:
    answer = signed_in("mjones").get("/", {"q": "xp191"})
    assert answer.status_code == 302
    assert answer["Location"] == f"/computers/{cast.xp191.pk}"


def test_the_computer_explains_both_modes(signed_in: SignedIn, cast: Cast) -> None:
    cast.policy.control_allowed = False
    cast.policy.save()
    page = signed_in("mjones").get(f"/computers/{cast.xp191.pk}").content.decode()
    assert 'data-mode="view" data-verdict="allowed"' in page
    assert 'data-mode="control" data-verdict="refused"' in page
    assert "Helpdesk Winnipeg" in page
    assert "for control" in page


def test_who_may_not_help_sees_why_and_no_form(signed_in: SignedIn, cast: Cast) -> None:
    page = signed_in("eadams").get(f"/computers/{cast.xp191.pk}").content.decode()
    assert "is not on the helper list" in page
    assert "can add the account" in page
    assert 'action="/offers/create"' not in page


def test_an_offer_leads_to_its_page(signed_in: SignedIn) -> None:
    client = signed_in("mjones")
    answer = client.post("/offers/create", FORM)
    offer = Offer.objects.get()
    assert answer.status_code == 302
    assert answer["Location"] == f"/offers/{offer.pk}"
    assert (offer.state, offer.door, offer.ticket) == ("queued", "page", "INC-1")
    page = client.get(f"/offers/{offer.pk}").content.decode()
    assert 'data-state="queued"' in page
    assert "svc-ra-portal@R2.LOCAL" in page
    event = AuditEvent.objects.get(kind="offer.requested")
    assert event.source_address == "192.0.2.7"
    assert event.request_id


def test_a_refused_offer_is_recorded_and_says_why(signed_in: SignedIn) -> None:
    client = signed_in("eadams")
    answer = client.post("/offers/create", FORM, follow=True)
    page = answer.content.decode()
    assert 'data-state="refused"' in page
    assert "helper list" in page


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("target", "NOSUCH", "knows nobody and nothing by the name NOSUCH"),
        ("target", "", "Name the computer"),
        ("target", "a b!*", ""),
        ("ticket", "<script>", "not a ticket reference"),
        ("wanted_user", r"R2\nobody", "knows nobody"),
        ("mode", "everything", ""),
        ("viewer", "vnc", ""),
    ],
)
def test_a_form_that_cannot_be_used_keeps_what_was_typed(
    signed_in: SignedIn, field: str, value: str, sentence: str
) -> None:
    answer = signed_in("mjones").post("/offers/create", FORM | {field: value, "reason": "My words"})
    page = answer.content.decode()
    assert answer.status_code == 422
    assert "My words" in page
    assert sentence in page
    assert 'class="error"' in page or 'role="alert"' in page
    assert not Offer.objects.exists()


def test_the_viewer_chosen_last_is_remembered(signed_in: SignedIn, cast: Cast) -> None:
    client = signed_in("mjones")
    client.post("/offers/create", FORM)
    assert User.objects.get(sid=cast.mjones.sid).viewer == "freerdp"
    client.post("/preferences", {"viewer": "windows"})
    assert User.objects.get(sid=cast.mjones.sid).viewer == "windows"
    assert client.post("/preferences", {"viewer": "vnc"}).status_code == 422


def test_anothers_offer_looks_like_none(signed_in: SignedIn, cast: Cast) -> None:
    offer = cast.request()
    client = signed_in("nkhan")
    theirs = client.get(f"/offers/{offer.pk}")
    none = client.get("/offers/00000000-0000-4000-8000-000000000000")
    assert theirs.status_code == none.status_code == 404

    def comparable(page: bytes) -> list[str]:
        return [
            line
            for line in page.decode().splitlines()
            if "csrf" not in line.lower() and "name this request" not in line
        ]

    assert comparable(theirs.content) == comparable(none.content)
    for action in ("choose", "cancel", "report", "invitation"):
        assert client.post(f"/offers/{offer.pk}/{action}", {"kind": "viewed"}).status_code == 404
    assert client.get(f"/offers/{offer.pk}/live").status_code == 404


def test_a_manager_reads_anothers_offer_but_cannot_act_on_it(
    signed_in: SignedIn, cast: Cast
) -> None:
    offer = cast.request()
    client = signed_in("tmanager")
    page = client.get(f"/offers/{offer.pk}")
    assert page.status_code == 200
    assert f"/offers/{offer.pk}/cancel" not in page.content.decode()
    assert client.post(f"/offers/{offer.pk}/cancel").status_code == 404
    offer.refresh_from_db()
    assert offer.state == "queued"


def test_a_list_holds_her_own_offers_and_a_managers_holds_all(
    signed_in: SignedIn, cast: Cast
) -> None:
    offer = cast.request()
    assert f"/offers/{offer.pk}" in signed_in("mjones").get("/offers").content.decode()
    assert f"/offers/{offer.pk}" not in signed_in("nkhan").get("/offers").content.decode()
    assert f"/offers/{offer.pk}" in signed_in("tmanager").get("/offers").content.decode()
    assert signed_in("mjones").get("/offers?after=rubbish").status_code == 400


def test_the_live_part_is_sent_only_when_something_is_new(signed_in: SignedIn, cast: Cast) -> None:
    offer = cast.request()
    client = signed_in("mjones")
    live = client.get(f"/offers/{offer.pk}/live?seen=nothing")
    assert live.status_code == 200
    assert 'hx-swap-oob="innerHTML:#announcement"' in live.content.decode()
    seen = live.context["version"]
    assert client.get(f"/offers/{offer.pk}/live", {"seen": seen}).status_code == 204
    client.post(f"/offers/{offer.pk}/cancel")
    last = client.get(f"/offers/{offer.pk}/live", {"seen": seen})
    assert last.status_code == 286
    assert 'data-state="cancelled"' in last.content.decode()
    assert "hx-get" not in last.content.decode()


def test_what_the_state_does_not_permit_is_said_on_the_offers_page(
    signed_in: SignedIn, cast: Cast
) -> None:
    offer = cast.request()
    client = signed_in("mjones")
    for path, data in (
        ("report", {"kind": "viewed"}),
        ("report", {"kind": "nonsense"}),
        ("choose", {"logon_session_id": "1"}),
        ("choose", {"logon_session_id": "x"}),
        ("invitation", {}),
    ):
        answer = client.post(f"/offers/{offer.pk}/{path}", data, follow=True)
        assert answer.status_code == 200, path
        assert 'class="message tone-bad" role="alert"' in answer.content.decode(), path


def test_the_audit_trail_is_for_managers_and_auditors(signed_in: SignedIn, cast: Cast) -> None:
    cast.request(ticket="INC-77")
    assert signed_in("mjones").get("/audit").status_code == 403
    assert signed_in("mjones").post("/audit/verify").status_code == 403
    for name in ("tmanager", "aauditor"):
        page = signed_in(name).get("/audit").content.decode()
        assert "offer.requested" in page
        assert "INC-77" in page


@pytest.mark.parametrize(
    ("query", "is_there"),
    [
        ({"kind": "offer.queued"}, True),
        ({"person": "MJONES"}, True),
        ({"person": "nobody"}, False),
        ({"computer": "xp191"}, True),
        ({"computer": "other"}, False),
        ({"ticket": "INC-77"}, True),
        ({"ticket": "INC-78"}, False),
        ({"before": "1"}, False),
        ({"before": "x" * 30}, True),
    ],
)
def test_the_audit_trail_is_filtered(
    signed_in: SignedIn, cast: Cast, query: dict[str, str], is_there: bool
) -> None:
    offer = cast.request(ticket="INC-77")
    client = signed_in("aauditor")
    page = client.get("/audit", query).content.decode()
    assert (f"/offers/{offer.pk}" in page) is is_there


def test_an_auditor_checks_the_chain(signed_in: SignedIn, cast: Cast) -> None:
    from assist.audit import seal

    cast.request()
    sealed = seal()
    page = signed_in("aauditor").post("/audit/verify", follow=True).content.decode()
    assert f"The chain holds: {sealed} events" in page


def test_errors_are_pages_without_a_traceback(signed_in: SignedIn, cast: Cast) -> None:
    client = signed_in("mjones")
    missing = client.get("/nowhere")
    assert missing.status_code == 404
    assert "There is no such page." in missing.content.decode()
    assert client.get(f"/computers/{cast.unit.pk}").status_code == 404
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = client.cookies
    refused = strict.post("/offers/create", FORM)
    assert refused.status_code == 403
    assert "This form has expired." in refused.content.decode()


def test_a_mistake_of_the_portal_is_a_page_with_a_number(
    signed_in: SignedIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("secret detail")

    client = signed_in("mjones")
    client.raise_request_exception = False
    monkeypatch.setattr("assist.views.computers._recent_computers", broken)
    answer = client.get("/")
    assert answer.status_code == 500
    assert answer["X-Request-Id"] in answer.content.decode()
    assert "secret detail" not in answer.content.decode()


def test_a_disabled_account_loses_access_at_the_next_request(
    signed_in: SignedIn, cast: Cast
) -> None:
    client = signed_in("mjones")
    assert client.get("/").status_code == 200
    cast.mjones.is_enabled = False
    cast.mjones.save()
    assert client.get("/")["Location"].startswith("/sign-in")


def test_whoever_has_no_role_finds_nothing(signed_in: SignedIn, cast: Cast) -> None:
    client = signed_in("bsmith")
    for path in (
        *("/", "/?q=xp191", "/computers/search?q=xp191", "/offers", "/offers/create"),
        *(f"/computers/{cast.xp191.pk}", f"/computers/{cast.unit.pk}"),
    ):
        answer = client.get(path)
        assert answer.status_code == 403, path
        assert "You have no role in the portal." in answer.content.decode()
        assert "r2.local" not in answer.content.decode()
    assert client.post("/offers/create", FORM).status_code == 403
    assert not Offer.objects.exists()


def test_the_page_of_a_computer_shows_the_policy_in_force(signed_in: SignedIn, cast: Cast) -> None:
    page = signed_in("mjones").get(f"/computers/{cast.xp191.pk}").content.decode()
    assert "Policy in force" in page
    assert "Helpers may offer help on this computer." in page
    assert "Configuration Manager" in page


@pytest.mark.parametrize(
    ("path", "queries"),
    [
        ("/", 11),
        ("/computers/{computer}", 31 if connection.vendor == "sqlite" else 20),
        ("/offers", 8),
        ("/offers/{offer}/live", 12),
    ],
)
def test_a_page_asks_the_database_no_more_than_it_did(
    signed_in: SignedIn,
    cast: Cast,
    django_assert_max_num_queries: DjangoAssertNumQueries,
    path: str,
    queries: int,
) -> None:
    offer = cast.request()
    client = signed_in("mjones")
    with django_assert_max_num_queries(queries) as asked:
        client.get(path.format(computer=cast.xp191.pk, offer=offer.pk))
    assert len(asked.captured_queries) >= queries - 2, "lower the number in this test"


def test_an_offers_page_shows_session_control_and_what_speaks_against_the_outcome(
    signed_in: SignedIn, cast: Cast
) -> None:
    offer = cast.request(mode=Mode.VIEW)
    now = offer.requested_at
    Offer.objects.filter(pk=offer.pk).update(
        state="offered", starting_at=now, offered_at=now, deadline_at=now + timedelta(hours=1)
    )
    LogFollowing.objects.create(
        offer=offer, start_record_id=1, news_at=now, looked_at=now, clock_ahead_seconds=125
    )
    offer.refresh_from_db()
    offer_report(actor=cast.actor(), offer=offer, kind=EvidenceKind.DECLINED)
    events = [
        WindowsEvent(
            computer=cast.xp191,
            computer_name="XP191.r2.local",
            channel="Microsoft-Windows-RemoteAssistance/Operational",
            record_id=2 + index,
            event_id=number,
            at=now + timedelta(seconds=125 + 60 * index),
            received_at=now,
        )
        for index, number in enumerate((15, 22, 21, 19, 30))
    ]
    store_events(events, now)
    settle(offer.pk, now=now)
    page = signed_in("mjones").get(f"/offers/{offer.pk}").content.decode()
    assert "3 min 0 s, ended by the user" in page
    assert "at the latest" in page
    assert "Against “accepted” speaks the expert: declined." in page
    assert "clock is 2 min 5 s ahead" in page
    assert "Control was taken on a view-only offer." in page


def test_an_offers_page_says_why_a_log_is_not_followed(signed_in: SignedIn, cast: Cast) -> None:
    offer = cast.request()
    LogFollowing.objects.create(
        offer=offer,
        news_at=offer.requested_at,
        error_code="event_log_denied",
        error_sentence="The computer refused.",
        error_remedy="Add the portal's account.",
    )
    page = signed_in("mjones").get(f"/offers/{offer.pk}").content.decode()
    assert "event log is not followed: The computer refused." in page
    assert "Add the portal&#x27;s account." in page


def test_a_role_taken_away_is_gone_at_the_next_request(signed_in: SignedIn, cast: Cast) -> None:
    client = signed_in("aauditor")
    assert client.get("/audit").status_code == 200
    cast.groups["Remote Assistance Auditors"].memberships.all().delete()
    assert client.get("/audit").status_code == 403
