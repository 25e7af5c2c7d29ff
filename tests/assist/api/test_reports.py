"""Reports and the audit trail for programs: the figures of the pages, and who gets which."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.utils import timezone

from assist.models import AuditEvent
from tests.assist.api.conftest import MakeToken, Program
from tests.assist.cast import Cast
from tests.assist.reports.made_offers import made_offer

pytestmark = pytest.mark.django_db


Programs = Callable[[str], Program]


@pytest.fixture
def api(make_token: MakeToken) -> Programs:
    return lambda name: Program(make_token(name)[1])


@pytest.fixture
def offers(world: Cast) -> Cast:
    now = timezone.now()
    made_offer(world, requested_at=now, ticket="M-1")
    made_offer(world, requested_at=now, ticket="M-2", outcome="declined", mode="view")
    made_offer(world, requested_at=now, ticket="N-1", by="nkhan")
    return world


def test_the_overview_is_that_of_the_page(api: Programs, offers: Cast) -> None:
    answer = api("tmanager").get("reports/overview")
    assert answer.status == 200
    assert answer.document["all"]["period"]["offers"] == 3
    assert answer.document["all"]["period"]["declined_percent"] == 33.3
    assert answer.document["view"]["period"]["declined"] == 1
    assert len(answer.document["by_hour"]) == 24
    own = api("nkhan").get("reports/overview")
    assert own.document["all"]["period"]["offers"] == 1


def test_the_breakdown_names_everybody(api: Programs, offers: Cast) -> None:
    answer = api("aauditor").get("reports/breakdown?by=expert&limit=1")
    assert answer.document["count"] == 2
    assert answer.document["results"][0]["name"] == r"R2\mjones"
    assert answer.document["results"][0]["period"]["offers"] == 2


def test_the_table_goes_on_where_its_page_ended(api: Programs, offers: Cast) -> None:
    caller = api("tmanager")
    first = caller.get("reports/offers?limit=2&columns=ticket,outcome").document
    rest = caller.get(
        f"reports/offers?limit=2&columns=ticket,outcome&cursor={first['next_cursor']}"
    ).document
    assert rest["next_cursor"] is None
    tickets = [row["ticket"] for row in first["results"] + rest["results"]]
    assert sorted(tickets) == ["M-1", "M-2", "N-1"]
    declined = caller.get("reports/offers?outcome=declined&columns=ticket,outcome").document
    assert declined["results"] == [{"ticket": "M-2", "outcome": "declined"}]


def test_the_audit_trail_is_for_managers_and_auditors(api: Programs, world: Cast) -> None:
    offer = world.request()
    answer = api("aauditor").get(f"audit-events?offer={offer.pk}&limit=2")
    assert [item["kind"] for item in answer.document["results"]] == [
        "offer.queued",
        "offer.decided",
    ]
    assert answer.document["results"][0]["position"] is None
    more = api("aauditor").get(
        f"audit-events?offer={offer.pk}&cursor={answer.document['next_cursor']}"
    )
    assert [item["kind"] for item in more.document["results"]] == ["offer.requested"]
    assert api("mjones").get("audit-events").status == 403


def test_what_programs_read_is_recorded(api: Programs, offers: Cast) -> None:
    api("tmanager").get("reports/offers?ticket=M")
    event = AuditEvent.objects.get(kind="report.read")
    assert (event.subject_id, event.data) == ("api-report-offers", {"query": "ticket=M"})


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("reports/overview?from=soon", "from"),
        ("reports/overview?until=2026-01-01", "until"),
        ("reports/overview?from=2026-01-01&from=2026-01-02", "from"),
        ("reports/breakdown?by=shoe-size", "by"),
        ("reports/breakdown", "by"),
        ("reports/offers?columns=password", "columns"),
        ("reports/offers?outcome=splendid", "outcome"),
        ("reports/offers?limit=100000", "limit"),
        ("reports/offers?cursor=x", "after"),
        ("reports/offers?address=here", "address"),
        ("audit-events?offer=1", "offer"),
        ("audit-events?cursor=-1", "cursor"),
        ("audit-events?from=1066-10-14", "from"),
    ],
)
def test_nonsense_is_answered_by_the_field_and_a_remedy(
    api: Programs, world: Cast, path: str, field: str
) -> None:
    answer = api("tmanager").get(path)
    assert (answer.status, answer.document["field"]) == (400, field)
    assert answer.document["remedy"]
