"""The pages of readiness: who sees them, what they show, what they have done."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.http import StreamingHttpResponse
from django.test import AsyncClient, Client
from django.utils import timezone
from django.utils.html import escape

from assist.models import AuditEvent, ComputerReadiness, ReadinessSweep, SavedSearch
from assist.readiness.catalogue import CHECKS, UNSEEN
from assist.readiness.requesting import readiness_check
from assist.readiness.results import Answer, Result, State
from tests.assist.cast import Cast
from tests.portal.conftest import SignedIn

pytestmark = pytest.mark.django_db

Sent = list[tuple[Any, ...]]


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> Sent:
    """What would go to the workers."""
    found: Sent = []
    monkeypatch.setattr(
        "assist.enqueue._send", lambda name, *args, **_: found.append((name, *args))
    )
    monkeypatch.setattr("django.db.transaction.on_commit", lambda act: act())
    return found


@pytest.fixture
def manager(signed_in: SignedIn) -> Client:
    return signed_in("tmanager")


def checked(cast: Cast, state: str = "not_ready", cause: str = "network.rpc") -> ComputerReadiness:
    now = timezone.now()
    results = [
        Result(check.code, Answer(State.READY, f"{check.title} is in order."), now)
        for check in CHECKS
        if check.code != cause
    ]
    if cause:
        results.append(Result(cause, Answer(State.NOT_READY, "<b>Off.</b>", (), "Switch on."), now))
    found, _ = ComputerReadiness.objects.update_or_create(
        computer=cast.xp191,
        defaults={
            "state": state,
            "cause": cause,
            "results": {item.check: item.to_json() for item in results},
            "checked_at": now,
        },
    )
    return found


def test_a_computers_page_names_the_cause_and_the_remedy(signed_in: SignedIn, cast: Cast) -> None:
    client = signed_in("mjones")
    path = f"/computers/{cast.xp191.pk}"
    assert "Not checked yet." in client.get(path).content.decode()
    checked(cast)
    page = client.get(path).content.decode()
    assert "An offer would not get through: TCP port 135." in page
    assert "&lt;b&gt;Off." in page
    assert "Switch on." in page
    assert all(escape(item.title) in page for item in UNSEEN)


def test_a_check_is_queued_shown_as_waiting_and_recorded(
    signed_in: SignedIn, cast: Cast, sent: Sent
) -> None:
    client = signed_in("tmanager")
    path = f"/computers/{cast.xp191.pk}/readiness"
    part = client.post(path, {"sessions": "no"}, headers={"HX-Request": "true"})
    assert 'data-waiting="yes"' in part.content.decode()
    assert sent == [("assist.check_readiness", str(cast.xp191.pk), "")]
    assert AuditEvent.objects.get(kind="readiness.check_asked").subject_name == "XP191"
    assert client.get(f"{path}/live?seen=True").status_code == 204
    checked(cast)
    live = client.get(f"{path}/live?seen=True")
    assert (live.status_code, 'data-waiting="no"' in live.content.decode()) == (286, True)


def test_a_check_that_nobody_takes_may_be_asked_for_again(
    signed_in: SignedIn, cast: Cast, sent: Sent
) -> None:
    ComputerReadiness.objects.create(
        computer=cast.xp191, requested_at=timezone.now() - timedelta(minutes=3)
    )
    page = signed_in("mjones").get(f"/computers/{cast.xp191.pk}").content.decode()
    assert "or none is free" in page
    assert 'id="check-readiness"' in page


def test_asking_again_while_a_check_is_under_way_sends_nothing(
    signed_in: SignedIn, cast: Cast, sent: Sent
) -> None:
    for person in ("mjones", "mjones", "tmanager"):
        signed_in(person).post(f"/computers/{cast.xp191.pk}/readiness", {"sessions": "no"})
    assert len(sent) == 1
    ComputerReadiness.objects.update(requested_at=timezone.now() - timedelta(minutes=3))
    signed_in("mjones").post(f"/computers/{cast.xp191.pk}/readiness", {"sessions": "no"})
    assert len(sent) == 2


def test_a_check_that_broke_says_so(
    signed_in: SignedIn, cast: Cast, sent: Sent, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = signed_in("mjones")
    client.post(f"/computers/{cast.xp191.pk}/readiness", {"sessions": "no"})

    def broken(*_: object, **__: object) -> None:
        raise RuntimeError

    monkeypatch.setattr("assist.readiness.requesting.check", broken)
    with pytest.raises(RuntimeError):
        readiness_check(cast.xp191.pk)
    page = client.get(f"/computers/{cast.xp191.pk}").content.decode()
    assert "made a mistake while checking" in page
    assert 'data-waiting="no"' in page


def test_who_is_logged_on_is_for_who_may_help_there(
    signed_in: SignedIn, cast: Cast, sent: Sent
) -> None:
    cast.domain.synced_at = timezone.now()
    cast.domain.save()
    path = f"/computers/{cast.xp191.pk}/readiness"
    refused = signed_in("tmanager").post(path, {"sessions": "yes"})
    assert refused.status_code == 403
    assert "may not offer help there" in refused.content.decode()
    assert sent == []
    assert signed_in("mjones").post(path, {"sessions": "yes"}).status_code == 302
    assert sent == [("assist.check_readiness", str(cast.xp191.pk), cast.mjones.sid)]
    assert AuditEvent.objects.get().kind == "readiness.sessions_asked"


def test_a_computer_is_checked_only_for_people_with_a_role(
    signed_in: SignedIn, cast: Cast, sent: Sent
) -> None:
    path = f"/computers/{cast.xp191.pk}/readiness"
    assert signed_in("bsmith").post(path).status_code == 403
    assert signed_in("bsmith").get(f"{path}/live").status_code == 403
    assert sent == []


@pytest.mark.parametrize("person", ["mjones", "aauditor", "bsmith"])
def test_the_report_is_for_managers_and_operators(
    signed_in: SignedIn, cast: Cast, sent: Sent, person: str
) -> None:
    client = signed_in(person)
    sweep = ReadinessSweep.objects.create(
        scope_kind="all", scope_name="all", requested_by="x", started_at=timezone.now()
    )
    for path in ("", "/computers", "/computers.csv", "/sweeps"):
        assert client.get(f"/readiness{path}").status_code == 403, path
    for path in ("/sweeps/start", f"/sweeps/{sweep.pk}/cancel", "/searches"):
        assert client.post(f"/readiness{path}", {"name": "x"}).status_code == 403, path
    assert "/readiness" not in client.get("/preferences").content.decode()
    assert (ReadinessSweep.objects.count(), SavedSearch.objects.count()) == (1, 0)


def test_the_report_counts_and_leads_to_the_computers(manager: Client, cast: Cast) -> None:
    cast.add_computer("WPG-2")
    checked(cast).causes.create(check_code="network.rpc", state="not_ready")
    page = manager.get("/readiness").content.decode()
    assert "<strong>0</strong> of 2 computers could be helped now" in page
    assert 'data-cause="network.rpc"' in page
    listed = manager.get("/readiness/computers?cause=network.rpc").content.decode()
    assert "XP191" in listed
    assert "WPG-2" not in listed
    assert "Switch on." in listed
    others = manager.get(f"/readiness/computers?state=unchecked&unit={cast.unit.pk}")
    assert "WPG-2" in others.content.decode()


@pytest.mark.parametrize(
    "query", ["state=odd", "cause=odd", "unit=odd", "unit=00000000-0000-0000-0000-000000000000"]
)
def test_what_cannot_be_chosen_is_not_found(manager: Client, query: str) -> None:
    assert manager.get(f"/readiness/computers?{query}").status_code == 404


def test_odd_page_numbers_are_the_first_or_an_empty_page(manager: Client, cast: Cast) -> None:
    for number in ("0", "-1", "x", "9" * 30, "²"):
        assert manager.get(f"/readiness/computers?page={number}").status_code == 200, number


def test_the_list_is_cut_into_pages(
    manager: Client, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("assist.views.readiness.PER_PAGE", 1)
    cast.add_computer("WPG-2")
    first = manager.get("/readiness/computers").content.decode()
    assert ("WPG-2" in first, "page=2" in first) == (True, True)
    second = manager.get("/readiness/computers?page=2").content.decode()
    assert ("XP191" in second, "page=3" in second, "page=1" in second) == (True, False, True)


def test_the_table_for_spreadsheets_has_every_computer_and_no_formula(
    manager: Client, cast: Cast
) -> None:
    cast.add_computer("WPG-2", operating_system="=cmd|' /C calc'!A0")
    checked(cast)
    answer = manager.get("/readiness/computers.csv")
    text = b"".join(answer.streaming_content).decode()  # type: ignore[attr-defined]
    rows = {row["computer"]: row for row in csv.DictReader(io.StringIO(text))}
    assert rows["XP191"]["cause"] == "network.rpc"
    assert rows["XP191"]["remedy"] == "Switch on."
    assert rows["WPG-2"]["state"] == ""
    assert rows["WPG-2"]["operating_system"].startswith("'=")


def test_the_table_is_sent_while_it_is_made(
    manager: Client, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[int] = []

    def blocks(computers: object) -> Iterator[str]:
        for number in range(3):
            made.append(number)
            yield f"{number}\r\n"

    monkeypatch.setattr("assist.views.readiness.table", blocks)

    async def received() -> list[tuple[bytes, int]]:
        client = AsyncClient(headers={"host": "localhost"})
        client.cookies = manager.cookies
        answer = await client.get("/readiness/computers.csv")
        assert isinstance(answer, StreamingHttpResponse)
        return [(block, len(made)) async for block in answer]

    assert async_to_sync(received)() == [(b"0\r\n", 1), (b"1\r\n", 2), (b"2\r\n", 3)]


def test_a_sweep_is_begun_seen_and_cancelled(manager: Client, cast: Cast, sent: Sent) -> None:
    assert manager.post("/readiness/sweeps/start", {"unit": "Winnipeg"}).status_code == 302
    sweep = ReadinessSweep.objects.get()
    assert (sweep.scope_kind, sweep.total, sweep.requested_by) == ("unit", 1, r"R2\tmanager")
    assert sent == [("assist.sweep_readiness", str(sweep.pk))]
    again = manager.post("/readiness/sweeps/start", {"unit": "Winnipeg"})
    assert (again.status_code, "has not ended" in again.content.decode()) == (422, True)
    part = manager.get("/readiness/sweeps").content.decode()
    assert "0 of 1 checked" in part
    seen = part.split('data-version="')[1].split('"')[0]
    assert manager.get("/readiness/sweeps", {"seen": seen}).status_code == 204
    manager.post(f"/readiness/sweeps/{sweep.pk}/cancel")
    assert "cancelled" in manager.get("/readiness/sweeps").content.decode()
    kinds = set(AuditEvent.objects.values_list("kind", flat=True))
    assert kinds == {"readiness.sweep_started", "readiness.sweep_cancelled"}


def test_a_sweep_that_waits_says_for_what(
    manager: Client, cast: Cast, sent: Sent, settings: Any
) -> None:
    manager.post("/readiness/sweeps/start", {})
    manager.post("/readiness/sweeps/start", {"unit": "Winnipeg"})
    assert "its turn" not in manager.get("/readiness/sweeps").content.decode()
    ReadinessSweep.objects.filter(scope_kind="all").update(turn=1)
    shown = manager.get("/readiness/sweeps").content.decode()
    assert shown.count("waits for its turn") == shown.count("</strong>: running") == 1
    settings.READINESS_SWEEP_HOURS = frozenset({(timezone.localtime().hour + 2) % 24})
    held = manager.get("/readiness/sweeps").content.decode()
    assert held.count("waits for the permitted hours") == 2


def test_a_search_is_saved_used_and_forgotten(manager: Client, cast: Cast, sent: Sent) -> None:
    form = {"name": "Old ones", "text": "xp", "unit": "Winnipeg", "operating_system": ""}
    assert manager.post("/readiness/searches", form).status_code == 302
    assert manager.post("/readiness/searches", form).status_code == 422
    assert manager.post("/readiness/searches", {"name": ""}).status_code == 422
    wrong = manager.post("/readiness/searches", form | {"name": "x", "unit": "Nowhere"})
    assert "No unit is called Nowhere" in wrong.content.decode()
    saved = SavedSearch.objects.get()
    manager.post("/readiness/sweeps/start", {"search": saved.pk})
    assert ReadinessSweep.objects.get().scope_name == "Old ones"
    assert "Old ones" in manager.get("/readiness").content.decode()
    manager.post(f"/readiness/searches/{saved.pk}/delete")
    assert not SavedSearch.objects.exists()


@pytest.mark.parametrize(
    ("path", "queries"),
    [("/readiness", 15), ("/readiness/computers?state=not_ready", 9), ("/readiness/sweeps", 7)],
)
def test_a_page_asks_the_database_no_more_than_it_did(
    manager: Client, cast: Cast, django_assert_max_num_queries: Any, path: str, queries: int
) -> None:
    checked(cast)
    for name in ("WPG-2", "WPG-3"):
        cast.add_computer(name)
    manager.get(path)
    with django_assert_max_num_queries(queries):
        assert manager.get(path).status_code == 200
