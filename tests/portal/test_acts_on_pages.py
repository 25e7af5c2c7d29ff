"""What people are told by pages is in the audit trail: who was told what, and from where."""

from __future__ import annotations

from pytest_django import Settings

from assist.launch_links import new_signing_key
from assist.launcher import SCRIPT_NAME
from assist.models import AuditEvent
from tests.assist.cast import Cast
from tests.portal.conftest import SignedIn

ADDRESS = "192.0.2.7"


def only(kind: str) -> AuditEvent:
    return AuditEvent.objects.get(kind=kind)


def test_an_explanation_says_who_was_told_what_about_whom(signed_in: SignedIn, cast: Cast) -> None:
    answer = signed_in("mjones").get(f"/computers/{cast.xp191.pk}")
    event = only("eligibility.explained")
    assert (event.actor_sid, event.actor_name) == (cast.mjones.sid, r"R2\mjones")
    assert (event.source_address, event.request_id) == (ADDRESS, answer["X-Request-ID"])
    assert (event.subject_id, event.subject_name) == (str(cast.xp191.pk), "XP191")
    assert event.data["expert_sid"] == cast.mjones.sid
    assert event.data["verdicts"] == {"view": "allowed", "control": "allowed"}


def test_a_search_by_who_uses_a_computer_is_recorded_and_one_by_its_name_is_not(
    signed_in: SignedIn, cast: Cast
) -> None:
    client = signed_in("mjones")
    client.get("/computers/search", {"q": "xp19"})
    client.get("/computers/search", {"q": "nobody of this name"})
    assert not AuditEvent.objects.filter(kind="computer.searched").exists()
    cast.xp191.description = "Front desk of Bob Smith"
    cast.xp191.save()
    client.get("/computers/search", {"q": "bob smith"})
    event = only("computer.searched")
    assert event.data["computers"] == ["XP191"]
    assert "bob" not in str(event.data).lower()
    assert [kept.value for kept in event.personal.all()] == ["bob smith"]


def test_reading_the_trail_is_in_the_trail(signed_in: SignedIn, cast: Cast) -> None:
    signed_in("tmanager").get("/audit", {"kind": "", "person": "mjones"})
    assert (only("audit.read").actor_name, only("audit.read").data) == (
        r"R2\tmanager",
        {"query": "kind=&person=mjones"},
    )


def test_reports_of_readiness_are_recorded_read_and_taken(signed_in: SignedIn, cast: Cast) -> None:
    manager = signed_in("tmanager")
    manager.get("/readiness")
    manager.get("/readiness/computers", {"state": "not_ready"})
    manager.get("/readiness/computers.csv")
    read = AuditEvent.objects.filter(kind="report.read").order_by("id")
    assert [event.subject_name for event in read] == ["readiness", "readiness-computers"]
    assert only("report.exported").subject_name == "readiness-csv"


def test_a_search_for_sweeps_is_recorded_when_it_is_saved_and_when_it_is_deleted(
    signed_in: SignedIn, cast: Cast
) -> None:
    manager = signed_in("tmanager")
    form = {"name": "Notebooks", "text": "NB-", "unit": "", "operating_system": ""}
    manager.post("/readiness/searches", form)
    saved = only("readiness.search_saved")
    manager.post(f"/readiness/searches/{saved.subject_id}/delete")
    assert only("readiness.search_deleted").data["text"] == "NB-"


def test_taking_the_launcher_is_recorded(
    signed_in: SignedIn, cast: Cast, settings: Settings
) -> None:
    settings.OFFER_AUTHORITIES = ["service", "handoff"]
    settings.LAUNCH_SIGNING_KEY = new_signing_key()
    settings.PORTAL_URL = "https://portal.r2.local"
    assert signed_in("mjones").get(f"/launcher/{SCRIPT_NAME}").status_code == 200
    assert (only("launcher.taken").subject_name, only("launcher.taken").actor_name) == (
        SCRIPT_NAME,
        r"R2\mjones",
    )
