"""Pages of reports: what they show, to whom, and what they answer to nonsense."""

from __future__ import annotations

from datetime import timedelta
from html import unescape

import pytest
from django.test import Client
from django.utils import timezone

from assist.models import AuditEvent, SavedView
from tests.assist.cast import Cast
from tests.assist.reports.made_offers import made_offer
from tests.portal.conftest import SignedIn

pytestmark = pytest.mark.django_db

PAGES = ("/reports", "/reports/offers")


@pytest.fixture
def manager(signed_in: SignedIn) -> Client:
    return signed_in("tmanager")


def test_every_report_asks_for_a_sign_in(client: Client, cast: Cast) -> None:
    for path in (*PAGES, f"/reports/offers/{made_offer(cast).pk}"):
        assert client.get(path)["Location"].startswith("/sign-in?next="), path


def test_whoever_has_no_role_reads_no_report(signed_in: SignedIn) -> None:
    for path in PAGES:
        assert signed_in("bsmith").get(path).status_code == 403


@pytest.mark.parametrize("path", PAGES)
def test_an_expert_sees_only_what_is_hers(signed_in: SignedIn, cast: Cast, path: str) -> None:
    now = timezone.now()
    made_offer(cast, requested_at=now, by="nkhan", ticket="HERS")
    assert r"R2\nkhan" in signed_in("nkhan").get(path).content.decode()
    assert r"R2\nkhan" in signed_in("aauditor").get(path).content.decode()
    page = signed_in("radmin").get(path).content.decode()
    assert r"R2\nkhan" not in page
    others = signed_in("radmin").get("/reports/offers?ticket=HERS").content.decode()
    assert "No offer is like that" in others


def test_the_story_of_anothers_offer_is_not_found(signed_in: SignedIn, cast: Cast) -> None:
    offer = made_offer(cast, by="nkhan")
    assert signed_in("radmin").get(f"/reports/offers/{offer.pk}").status_code == 404


def test_the_numbers_lead_to_the_offers_behind_them(manager: Client, cast: Cast) -> None:
    today = timezone.localdate().isoformat()
    for ticket in ("A-1", "A-2"):
        made_offer(cast, requested_at=timezone.now(), outcome="declined", ticket=ticket)
    made_offer(cast, requested_at=timezone.now(), ticket="A-3")
    page = unescape(manager.get(f"/reports?from={today}&to={today}").content.decode())
    wanted = f"/reports/offers?from={today}&to={today}&outcome=declined"
    assert f'href="{wanted}">2<' in page
    rows = manager.get(wanted).content.decode()
    assert "A-1" in rows
    assert "A-2" in rows
    assert "A-3" not in rows
    assert r"R2\bsmith" in rows


def test_reading_a_report_is_an_audit_event(manager: Client, cast: Cast) -> None:
    offer = made_offer(cast)
    for path in (*PAGES, f"/reports/offers/{offer.pk}"):
        manager.get(path)
    events = AuditEvent.objects.filter(kind="report.read").order_by("pk")
    assert [event.subject_id for event in events] == ["reports", "report-offers", "report-offer"]
    assert events[0].actor_name == r"R2\tmanager"


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/reports?from=gestern", "from"),
        ("/reports?from=2026-11-20&to=2026-11-01", "to"),
        ("/reports?by=shoe-size", "by"),
        ("/reports?form=2026-11-01", "form"),
        ("/reports/offers?to=31.12.2026", "to"),
        ("/reports/offers?outcome=splendid", "outcome"),
        ("/reports/offers?columns=computer,password", "columns"),
        ("/reports/offers?expret=mjones", "expret"),
        ("/reports/offers?after=xyz", "after"),
        ("/reports/offers?hour=24", "hour"),
        (f"/reports/offers?text={'x' * 300}", "text"),
        ("/reports/offers?ticket=%00", "ticket"),
    ],
)
def test_nonsense_is_answered_with_its_field_and_a_remedy(
    manager: Client, path: str, field: str
) -> None:
    answer = manager.get(path)
    assert answer.status_code == 422
    page = answer.content.decode()
    assert f"<code>{field}</code>" in page
    assert 'class="remedy"' in page


def test_nothing_that_was_typed_is_lost_by_a_mistake(manager: Client) -> None:
    page = manager.get("/reports/offers?ticket=INC-7&from=soon&hour=9&outcome=declined")
    text = page.content.decode()
    assert 'value="INC-7"' in text
    assert 'value="soon"' in text
    assert '<option value="9" selected>' in text
    assert '<option value="declined" selected>' in text


def test_a_table_can_be_kept_and_found_again(manager: Client, cast: Cast) -> None:
    made_offer(cast, ticket="INC-9")
    query = "ticket=INC-9&columns=ticket,expert"
    manager.post("/reports/views", {"name": "Nines", "query": query})
    view = SavedView.objects.get()
    page = unescape(manager.get("/reports/offers").content.decode())
    assert f'href="?{view.query}"' in page
    shown = manager.get(f"/reports/offers?{view.query}").content.decode()
    assert '<th scope="col">Ticket</th><th scope="col">Expert</th>' in shown
    manager.post(f"/reports/views/{view.pk}/forget")
    assert not SavedView.objects.exists()


def test_nobody_forgets_anothers_view(manager: Client, signed_in: SignedIn) -> None:
    manager.post("/reports/views", {"name": "Mine", "query": ""})
    view = SavedView.objects.get()
    signed_in("aauditor").post(f"/reports/views/{view.pk}/forget")
    assert SavedView.objects.exists()


def test_pages_follow_each_other_without_a_gap(manager: Client, cast: Cast) -> None:
    now = timezone.now()
    for number in range(120):
        at = now - timedelta(minutes=number // 3)  # some at the same moment
        made_offer(cast, requested_at=at, ticket=f"T-{number:03}")
    seen, query = [], "columns=ticket"
    while query:
        answer = manager.get(f"/reports/offers?{query}")
        seen += [cells[0][1] for _, cells in answer.context["rows"]]
        query = answer.context["older"]
    assert sorted(seen) == [f"T-{number:03}" for number in range(120)]


def test_the_story_tells_steps_events_and_the_replayed_decision(
    manager: Client, cast: Cast
) -> None:
    offer = cast.request()
    page = unescape(manager.get(f"/reports/offers/{offer.pk}").content.decode())
    assert 'data-agrees="yes"' in page
    assert "every rule that must say yes does" in page
    assert "offer.decided" in page
    assert "is not. What is replayed" in page


def test_a_decision_that_was_tampered_with_does_not_replay(manager: Client, cast: Cast) -> None:
    offer = cast.request(actor=cast.actor("eadams"))
    offer.decision["verdict"] = "allowed"
    offer.save(update_fields=["decision"])
    page = manager.get(f"/reports/offers/{offer.pk}").content.decode()
    assert 'data-agrees="no"' in page


def test_a_name_with_markup_is_shown_as_text(manager: Client, cast: Cast) -> None:
    made_offer(cast, ticket="<b>x</b>", requested_at=timezone.now())
    page = manager.get("/reports/offers?ticket=<b>").content.decode()
    assert "<b>x</b>" not in page
    assert "&lt;b&gt;x" in page


@pytest.mark.parametrize("kind", ["csv", "xlsx", "jsonl"])
def test_a_table_is_exported_with_its_filters_and_recorded(
    manager: Client, cast: Cast, kind: str
) -> None:
    made_offer(cast, ticket="IN-1")
    made_offer(cast, ticket="OUT-1")
    answer = manager.get(f"/reports/offers.{kind}?ticket=IN&columns=ticket")
    content = b"".join(answer.streaming_content)  # type: ignore[attr-defined]
    assert answer["Content-Disposition"] == f'attachment; filename="offers.{kind}"'
    if kind != "xlsx":
        assert b"IN-1" in content
        assert b"OUT-1" not in content
    event = AuditEvent.objects.get(kind="report.exported")
    assert event.data == {"query": "ticket=IN&columns=ticket", "format": kind}


def test_an_export_has_only_what_its_reader_may_see(signed_in: SignedIn, cast: Cast) -> None:
    made_offer(cast, by="nkhan", ticket="HERS")
    answer = signed_in("radmin").get("/reports/offers.csv")
    assert b"HERS" not in b"".join(answer.streaming_content)  # type: ignore[attr-defined]


def test_nonsense_is_not_exported(manager: Client) -> None:
    assert manager.get("/reports/offers.csv?from=soon").status_code == 422
    assert manager.get("/reports/offers.exe").status_code == 400
    assert not AuditEvent.objects.filter(kind="report.exported").exists()


def test_managers_have_the_overview_sent(manager: Client, cast: Cast) -> None:
    cast.aauditor.mail = "aauditor@r2.example"
    cast.aauditor.save()
    wrong = manager.post("/reports/schedules", {"recipient": r"R2\nobody", "cadence": "weekly"})
    assert wrong.status_code == 422
    assert r'value="R2\nobody"' in wrong.content.decode()
    manager.post("/reports/schedules", {"recipient": r"R2\aauditor", "cadence": "weekly"})
    page = manager.get("/reports/schedules").content.decode()
    assert r"R2\aauditor" in page
    assert "Nothing is sent" in page  # no mail server is set


def test_auditors_arrange_nothing(signed_in: SignedIn) -> None:
    assert signed_in("aauditor").get("/reports/schedules").status_code == 403


def test_a_breakdown_is_exported_whole(manager: Client, cast: Cast) -> None:
    for name in ("mjones", "nkhan"):
        made_offer(cast, by=name, requested_at=timezone.now())
    answer = manager.get("/reports/by.csv?by=expert")
    lines = b"".join(answer.streaming_content).decode("utf-8-sig").splitlines()  # type: ignore[attr-defined]
    assert lines[0].startswith("key,name,offers,control")
    assert sorted(line.split(",")[1:3] for line in lines[1:]) == [
        [r"R2\mjones", "1"],
        [r"R2\nkhan", "1"],
    ]
    assert manager.get("/reports/by.csv?by=shoe-size").status_code == 422
