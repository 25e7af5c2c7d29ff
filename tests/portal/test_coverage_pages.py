"""Pages of coverage and of histories: what they show, to whom, and what they answer to nonsense."""

from __future__ import annotations

from html import unescape
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from assist.models import AuditEvent
from assist.reports.coverage import TABLES
from tests.assist.cast import Cast
from tests.assist.reports.made_offers import made_offer
from tests.portal.conftest import SignedIn

pytestmark = pytest.mark.django_db


def content(answer: Any) -> str:
    parts = b"".join(answer.streaming_content) if answer.streaming else answer.content
    return unescape(parts.decode("utf-8-sig"))


@pytest.fixture
def auditor(signed_in: SignedIn) -> Client:
    return signed_in("aauditor")


def test_coverage_is_for_managers_and_auditors_alone(signed_in: SignedIn) -> None:
    for path in ("", *(f"/{code}" for code in TABLES), "/units/number", "/units.csv"):
        for name in ("mjones", "ooperator", "bsmith"):
            answer = signed_in(name).get(f"/reports/coverage{path}")
            assert answer.status_code == 403, (name, path)
    for name in ("tmanager", "aauditor"):
        assert signed_in(name).get("/reports/coverage").status_code == 200


def test_each_number_leads_to_its_rows(auditor: Client, cast: Cast) -> None:
    cast.add_helper("<b>Nobody</b>", None, "There is no such object.")
    cast.add_computer("AWAY1", ou=None)
    page = auditor.get("/reports/coverage")
    for table, number in page.context["numbers"]:
        rows = auditor.get(f"/reports/coverage/{table.code}?{page.context['query']}")
        assert rows.status_code == 200
        if number is None:
            answer = auditor.get(f"/reports/coverage/{table.code}/number?{page.context['query']}")
            number = answer.context["number"]
        assert number == rows.context["number"] == len(rows.context["rows"]), table.code
    assert "<b>Nobody</b>" not in auditor.get("/reports/coverage/unresolved").content.decode()
    assert "AWAY1" in content(auditor.get("/reports/coverage/unhelped"))


def test_a_file_of_coverage_holds_no_formula(auditor: Client, cast: Cast) -> None:
    cast.add_helper("=HYPERLINK(1)", None, "There is no such object.")
    text = content(auditor.get("/reports/coverage/unresolved.csv"))
    assert text.splitlines()[0] == "entry,policy,linked,position,names,problem"
    assert "\r\n'=HYPERLINK(1),WinnipegGPO,yes," in text
    event = AuditEvent.objects.get(kind="report.exported")
    assert (event.subject_id, event.data["format"]) == ("report-coverage-unresolved", "csv")


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("from=gestern", "from"),
        ("from=2026-11-20&to=2026-11-01", "to"),
        ("more_than=-1", "more_than"),
        ("more_than=9999999999999", "more_than"),
        ("more_than=²", "more_than"),
        ("shoe=42", "shoe"),
        ("page=0", "page"),
    ],
)
def test_nonsense_is_answered_with_the_field_and_a_remedy(
    auditor: Client, query: str, field: str
) -> None:
    paths = ["/reports/coverage/units", "/reports/coverage"][: 1 if field == "page" else 2]
    for path in paths:
        answer = auditor.get(f"{path}?{query}")
        assert answer.status_code == 422
        (problem,) = answer.context["problems"]
        assert problem.field == field
        assert problem.remedy in unescape(answer.content.decode())


def test_unknown_tables_formats_people_and_computers_are_refused(
    auditor: Client, cast: Cast
) -> None:
    assert auditor.get("/reports/coverage/nonsense").status_code == 400
    assert auditor.get("/reports/coverage/units.exe").status_code == 400
    assert auditor.get("/reports/experts/S-1-5-21-9-9-9-9").status_code == 404
    assert auditor.get(f"/reports/computers/{cast.policy.pk}").status_code == 404
    for path in (f"experts/{cast.mjones.sid}?day=1", f"computers/{cast.xp191.pk}?day=1"):
        assert auditor.get(f"/reports/{path}").status_code == 422
    assert auditor.get(f"/reports/experts/{cast.mjones.sid}?after=x").status_code == 422


def test_an_expert_reads_her_own_history_and_nobody_elses(signed_in: SignedIn, cast: Cast) -> None:
    made_offer(cast, ticket="MINE", requested_at=timezone.now())
    made_offer(cast, by="nkhan", ticket="HERS", requested_at=timezone.now())
    mary = signed_in("mjones")
    assert mary.get(f"/reports/experts/{cast.nkhan.sid}").status_code == 404
    assert "MINE" in content(mary.get(f"/reports/experts/{cast.mjones.sid}"))
    page = content(mary.get(f"/reports/computers/{cast.xp191.pk}"))
    assert "MINE" in page
    assert "HERS" not in page
    assert "nkhan" not in page


def test_a_history_says_what_cannot_be_known(auditor: Client, cast: Cast) -> None:
    page = content(auditor.get(f"/reports/computers/{cast.xp191.pk}?day=2026-01-05"))
    assert "Cannot be known" in page
    assert "What can be known" in page
    assert "No synchronisation that ended before the end of that day is on record." in page


def test_who_may_help_is_decided_where_a_day_is_asked_for(auditor: Client, cast: Cast) -> None:
    path = f"/reports/computers/{cast.xp191.pk}"
    today = timezone.localdate().isoformat()
    cast.domain.synced_at = timezone.now()
    cast.domain.save()
    assert f'href="?day={today}"' in content(auditor.get(path))
    assert r"nkhan</a>, control" in content(auditor.get(f"{path}?day={today}"))


def test_reading_coverage_and_histories_is_an_audit_event(auditor: Client, cast: Cast) -> None:
    for path in (
        "coverage?more_than=3",
        "coverage/units",
        f"experts/{cast.mjones.sid}",
        f"computers/{cast.xp191.pk}",
    ):
        auditor.get(f"/reports/{path}")
    events = AuditEvent.objects.filter(kind="report.read").order_by("pk")
    assert [event.subject_id for event in events] == [
        "report-coverage",
        "report-coverage-units",
        "report-expert",
        "report-computer",
    ]
    assert events[0].data["query"] == "more_than=3"
    assert events[2].data["query"].startswith(cast.mjones.sid)
