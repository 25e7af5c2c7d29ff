"""Overviews by e-mail: who gets them, when one is due, and what is in it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from smtplib import SMTPException

import structlog
from django.conf import settings
from django.core.mail import EmailMessage
from django.db import transaction
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone

from assist import audit
from assist.actors import Actor
from assist.errors import InvalidInput, NotAllowed
from assist.models import ReportSchedule
from assist.reports.counts import MEASURES, RATES
from assist.reports.export import FORMATS, rows_file
from assist.reports.figures import DIMENSIONS
from assist.reports.overview import Overview, breakdown, overview
from assist.reports.periods import Period
from assist.reports.reading import source_for
from assist.roles import MANAGER
from directory.models import Account
from directory.names import find_account

log = structlog.get_logger()

LEASE = timedelta(minutes=10)  # a worker that had it longer is lost
MOST = 200
_WORDS = {
    "offers": "Offers",
    "accepted": "Accepted",
    "declined": "Declined",
    "unanswered": "No answer",
    "unopened": "Invitation not opened",
    "refused": "Refused",
    "blocked": "Blocked by Windows",
    "violations": "Control on a view-only offer",
}


@dataclass(frozen=True)
class Sent:
    """What one turn did."""

    sent: int
    failed: int


def require_scheduler(actor: Actor) -> None:
    """Who may choose readers: managers, and nobody for whom reading is all.

    Raises:
        NotAllowed: She is no manager.
    """
    if MANAGER not in actor.roles:
        raise NotAllowed("Reports by e-mail are arranged by managers.", remedy="Ask one of them.")


@transaction.atomic
def schedule_make(*, actor: Actor, recipient: str, cadence: str, now: datetime) -> ReportSchedule:
    """Have the overview sent to somebody.

    Args:
        actor: A manager.
        recipient: The account of a manager or auditor, with an e-mail address in the directory.
        cadence: daily, weekly or monthly.
        now: An aware time.

    Raises:
        NotAllowed: The actor is no manager.
        InvalidInput: Something cannot be used; names the field.
        PortalError: There is no such account, or several are.
    """
    require_scheduler(actor)
    if cadence not in ReportSchedule.Cadence.values:
        raise InvalidInput(
            f"Reports are not sent “{cadence[:40]}”.",
            remedy=f"Choose one of: {', '.join(ReportSchedule.Cadence.values)}.",
            field="cadence",
        )
    account = find_account(recipient.strip(), field="recipient")
    problem = _problem_of(account)
    if problem:
        raise InvalidInput(problem, remedy="Choose another reader.", field="recipient")
    if ReportSchedule.objects.count() >= MOST:
        raise InvalidInput(
            f"{MOST} reports are sent already.", remedy="End one first.", field="recipient"
        )
    schedule, _ = ReportSchedule.objects.get_or_create(
        recipient_sid=account.sid,
        cadence=cadence,
        defaults={
            "recipient_name": str(account),
            "made_by": actor.name,
            "made_at": now,
            "sent_for": period_of(cadence, timezone.localdate(now)).first,
        },
    )
    _note(actor, "report.scheduled", schedule, now)
    return schedule


@transaction.atomic
def schedule_end(*, actor: Actor, schedule_id: int, now: datetime) -> None:
    """Send it no more; nothing happens where there is none.

    Raises:
        NotAllowed: The actor is no manager.
    """
    require_scheduler(actor)
    schedule = ReportSchedule.objects.filter(pk=schedule_id).first()
    if schedule is None:
        return
    _note(actor, "report.unscheduled", schedule, now)
    schedule.delete()


def period_of(cadence: str, today: date) -> Period:
    """The last period of a cadence that is over."""
    yesterday = today - timedelta(days=1)
    if cadence == ReportSchedule.Cadence.DAILY:
        return Period(yesterday, yesterday)
    if cadence == ReportSchedule.Cadence.WEEKLY:
        sunday = today - timedelta(days=today.isoweekday())
        return Period(sunday - timedelta(days=6), sunday)
    last = today.replace(day=1) - timedelta(days=1)
    return Period(last.replace(day=1), last)


def send_due(now: datetime) -> Sent:
    """Send what is due, from the hour of the day that the settings name.

    Args:
        now: An aware time.
    """
    local = timezone.localtime(now)
    if not settings.EMAIL_HOST or local.hour < settings.REPORT_MAIL_HOUR:
        return Sent(0, 0)
    sent = failed = 0
    for schedule in ReportSchedule.objects.all():
        period = period_of(schedule.cadence, local.date())
        if schedule.sent_for is not None and schedule.sent_for >= period.first:
            continue
        if not _claim(schedule, now):
            continue
        failure = _send(schedule, period, now)
        _release(schedule, period, failure, now)
        sent, failed = sent + (not failure), failed + bool(failure)
    return Sent(sent, failed)


def _claim(schedule: ReportSchedule, now: datetime) -> bool:
    """Whether it is ours to send: another worker may be at it."""
    free = Q(claimed_at__isnull=True) | Q(claimed_at__lt=now - LEASE)
    same = ReportSchedule.objects.filter(pk=schedule.pk, sent_for=schedule.sent_for)
    if schedule.sent_for is None:
        same = ReportSchedule.objects.filter(pk=schedule.pk, sent_for__isnull=True)
    return same.filter(free).update(claimed_at=now) == 1


@transaction.atomic
def _release(schedule: ReportSchedule, period: Period, failure: str, now: datetime) -> None:
    mine = ReportSchedule.objects.filter(pk=schedule.pk, claimed_at=now)
    if failure:
        # Still claimed: it is tried again when the lease is over, not at once.
        mine.update(failure=failure[:500])
        return
    mine.update(claimed_at=None, sent_for=period.first, sent_at=now, failure="")
    _note(Actor.portal(), "report.sent", schedule, now, {"period": str(period)})


def _send(schedule: ReportSchedule, period: Period, now: datetime) -> str:
    """Why it could not be sent, or empty."""
    account = Account.objects.select_related("domain").filter(sid=schedule.recipient_sid).first()
    if account is None:
        return "The reader's account is not in the directory any more."
    problem = _problem_of(account, now)
    if problem:
        return problem
    message = message_of(account, schedule.cadence, period)
    try:
        message.send()
    except (SMTPException, OSError) as error:
        log.warning("report not sent", recipient=schedule.recipient_name, error=str(error))
        return f"The mail server did not take it: {type(error).__name__}."
    return ""


def message_of(account: Account, cadence: str, period: Period) -> EmailMessage:
    """The message with the overview of a period, and its figures by expert as CSV."""
    source = source_for(Actor.of_account(account))
    found = overview(source, period)
    query = f"from={period.first}&to={period.last}"
    address = f"{settings.PORTAL_URL.rstrip('/')}{reverse('reports')}?{query}"
    message = EmailMessage(
        subject=f"Remote Assistance, {cadence} report: {period}",
        body=text_of(found, address),
        from_email=settings.REPORT_MAIL_FROM,
        to=[account.mail],
    )
    lines, _ = breakdown(source, period, DIMENSIONS["expert"])
    rows = [(line.name, *(getattr(line.now, name) for name in MEASURES)) for line in lines]
    content = b"".join(rows_file("Experts", ("expert", *MEASURES), rows, FORMATS["csv"]))
    message.attach("experts.csv", content, "text/csv")
    return message


def text_of(found: Overview, address: str) -> str:
    """The overview as plain text."""
    now, before = found.all.now, found.all.before
    lines = [f"Offers of Remote Assistance, {found.period}, beside {found.period.before}.", ""]
    for name, word in _WORDS.items():
        rate = now.rate(name) if name in RATES else None
        share = f" ({rate} %)" if rate is not None else ""
        lines.append(f"{word}: {getattr(now, name)}{share}; before: {getattr(before, name)}")
    for label, delay in (
        ("From the request until the user was asked", found.times.prompt[""]),
        ("From then until the answer", found.times.answer[""]),
    ):
        if delay.offers:
            lines.append(f"{label}: median {delay.median} s, nine of ten within {delay.p90} s")
    if found.obstacles:
        lines += ["", "Refused and blocked:"]
        lines += [f"- {item.rule}: {item.offers}" for item in found.obstacles[:10]]
    return "\n".join([*lines, "", f"The report, with the offers behind each number: {address}", ""])


def _problem_of(account: Account, now: datetime | None = None) -> str:
    """Why somebody gets no report; empty where nothing is in the way."""
    moment = now or timezone.now()
    if not account.is_present or not account.is_enabled or account.is_expired(moment):
        return f"{account} may not be used."
    if not Actor.of_account(account).may_read_audit_trail:
        return f"{account} is neither a manager nor an auditor."
    if not account.mail or any(character in account.mail for character in "\r\n"):
        return f"{account} has no e-mail address in the directory."
    return ""


def _note(
    actor: Actor,
    kind: str,
    schedule: ReportSchedule,
    now: datetime,
    more: dict[str, str] | None = None,
) -> None:
    audit.record(
        kind,
        actor=actor,
        subject_kind="account",
        subject_id=schedule.recipient_sid,
        subject_name=schedule.recipient_name,
        data={"cadence": schedule.cadence} | (more or {}),
        now=now,
    )
