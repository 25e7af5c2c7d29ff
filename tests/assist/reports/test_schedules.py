"""Overviews by e-mail: to whom, when, and once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from smtplib import SMTPServerDisconnected

import pytest
from django.core import mail
from django.test import override_settings

from assist.errors import InvalidInput, NotAllowed
from assist.models import AuditEvent, ReportSchedule
from assist.reports.periods import Period
from assist.reports.schedules import Sent, period_of, schedule_end, schedule_make, send_due
from directory.models import Membership
from tests.assist.cast import Cast
from tests.assist.reports.made_offers import made_offer

MONDAY = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def configured(cast: Cast) -> Iterator[None]:
    for name in ("tmanager", "aauditor", "mjones"):
        cast.accounts[name].mail = f"{name}@r2.example"
        cast.accounts[name].save()
    with override_settings(EMAIL_HOST="mail.r2.example"):
        yield


def _scheduled(cast: Cast, cadence: str = "weekly", recipient: str = r"R2\aauditor") -> None:
    schedule_make(actor=cast.actor("tmanager"), recipient=recipient, cadence=cadence, now=MONDAY)


@pytest.mark.parametrize(
    ("cadence", "first", "last"),
    [
        ("daily", date(2026, 11, 22), date(2026, 11, 22)),
        ("weekly", date(2026, 11, 16), date(2026, 11, 22)),
        ("monthly", date(2026, 10, 1), date(2026, 10, 31)),
    ],
)
def test_a_report_is_of_the_last_period_that_is_over(cadence: str, first: date, last: date) -> None:
    assert period_of(cadence, MONDAY.date()) == Period(first, last)


def test_a_report_is_sent_once_a_period_with_its_figures(cast: Cast) -> None:
    _scheduled(cast)
    assert send_due(MONDAY) == Sent(0, 0)  # of the week before it was made
    made_offer(cast, requested_at=MONDAY + timedelta(days=1), outcome="declined")
    later = MONDAY + timedelta(days=7)
    assert send_due(later) == Sent(1, 0)
    assert send_due(later) == Sent(0, 0)
    (message,) = mail.outbox
    assert message.to == ["aauditor@r2.example"]
    assert "Declined: 1 (100.0 %); before: 0" in message.body
    assert "/reports?from=2026-11-23&to=2026-11-29" in message.body
    ((name, content, _),) = message.attachments
    assert name == "experts.csv"
    assert r"R2\mjones" in str(content)
    kinds = ["report.scheduled", "report.sent"]
    events = AuditEvent.objects.filter(kind__startswith="report.").order_by("pk")
    assert [event.kind for event in events] == kinds


def test_nothing_is_sent_before_its_hour(cast: Cast) -> None:
    _scheduled(cast, "daily")
    early = (MONDAY + timedelta(days=1)).replace(hour=5)
    assert send_due(early) == Sent(0, 0)
    assert send_due(early.replace(hour=6)) == Sent(1, 0)


def test_whoever_is_no_manager_or_auditor_any_more_gets_nothing(cast: Cast) -> None:
    _scheduled(cast)
    Membership.objects.filter(member_guid=cast.aauditor.guid).delete()
    assert send_due(MONDAY + timedelta(days=7)) == Sent(0, 1)
    assert mail.outbox == []
    assert "neither a manager nor an auditor" in ReportSchedule.objects.get().failure


def test_a_mail_server_that_fails_is_tried_again_later(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    _scheduled(cast)
    later = MONDAY + timedelta(days=7)

    def fail(*_: object) -> int:
        raise SMTPServerDisconnected

    with monkeypatch.context() as patched:
        patched.setattr("django.core.mail.EmailMessage.send", fail)
        assert send_due(later) == Sent(0, 1)
    assert send_due(later + timedelta(minutes=5)) == Sent(0, 0)
    assert send_due(later + timedelta(minutes=11)) == Sent(1, 0)
    assert ReportSchedule.objects.get().failure == ""


def test_readers_are_chosen_by_managers_among_managers_and_auditors(cast: Cast) -> None:
    with pytest.raises(NotAllowed):
        schedule_make(
            actor=cast.actor("aauditor"), recipient=r"R2\aauditor", cadence="daily", now=MONDAY
        )
    for recipient, cadence, field in (
        (r"R2\mjones", "daily", "recipient"),
        (r"R2\aauditor", "hourly", "cadence"),
    ):
        with pytest.raises(InvalidInput) as refused:
            _scheduled(cast, cadence, recipient)
        assert refused.value.field == field


def test_a_schedule_can_be_ended(cast: Cast) -> None:
    _scheduled(cast)
    schedule_end(
        actor=cast.actor("tmanager"), schedule_id=ReportSchedule.objects.get().pk, now=MONDAY
    )
    assert send_due(MONDAY + timedelta(days=7)) == Sent(0, 0)
