"""Alerts about offers and the audit trail, for the operators' pages."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from assist import audit
from assist.actors import Actor
from assist.errors import NotAllowed
from assist.models import AuditCheckpoint, OfferAlert

_SUBJECTS = {
    OfferAlert.Kind.EXPERT: "account",
    OfferAlert.Kind.COMPUTER: "computer",
    OfferAlert.Kind.TRAIL: "audit",
}
_WAITING = "Audit events wait for their seal"
_KEPT_IN = "No checkpoint of the audit trail has left the database"


def unseen_alerts() -> list[OfferAlert]:
    """The alerts that nobody has looked at yet, the newest first."""
    return list(OfferAlert.objects.filter(seen_at=None)[:50])


def alert_banner() -> str:
    """What every page tells operators; empty where there is nothing to look at."""
    kinds = set(OfferAlert.objects.filter(seen_at=None).values_list("kind", flat=True).distinct())
    if OfferAlert.Kind.TRAIL in kinds:
        return "The audit trail is behind."
    return "Offers came in a burst." if kinds else ""


def sentence_of(alert: OfferAlert) -> str:
    """What happened, for a person."""
    at = f"{timezone.localtime(alert.last_at):%Y-%m-%d %H:%M %Z}"
    who = alert.subject_name
    if alert.kind == OfferAlert.Kind.TRAIL:
        since = f"{timezone.localtime(alert.first_at):%Y-%m-%d %H:%M %Z}"
        return f"{who} since {since}, last found so at {at}."
    if alert.kind == OfferAlert.Kind.EXPERT:
        return f"{who} asked for {alert.offers} offers within moments, last at {at}."
    return f"{alert.offers} offers to {who} were asked for within moments, last at {at}."


def watch_trail(now: datetime | None = None) -> None:
    """Raise an alert where the audit trail is behind; one that nobody has seen yet goes on.

    Args:
        now: An aware time; the present if None.
    """
    now = now or timezone.now()
    found = audit.standing(now)
    if found.sealer_lag > timedelta(seconds=settings.AUDIT_SEALER_ALERT_SECONDS):
        _trail_alert("sealer", _WAITING, now - found.sealer_lag, now)
    # Before the first was due, none can have left.
    if found.is_sink_behind and (found.delivered_at or AuditCheckpoint.objects.exists()):
        _trail_alert("checkpoints", _KEPT_IN, found.delivered_at or now, now)


@transaction.atomic
def _trail_alert(subject: str, sentence: str, since: datetime, now: datetime) -> None:
    alert, is_new = OfferAlert.objects.get_or_create(
        kind=OfferAlert.Kind.TRAIL,
        subject_id=subject,
        seen_at=None,
        defaults={"subject_name": sentence, "first_at": since, "last_at": now, "offers": 0},
    )
    if not is_new:
        OfferAlert.objects.filter(pk=alert.pk).update(last_at=now)
        return
    audit.record(
        "alert.audit_behind",
        actor=Actor.portal(),
        subject_kind=_SUBJECTS[OfferAlert.Kind.TRAIL],
        subject_id=subject,
        subject_name=sentence,
        data={"since": since.isoformat()},
        now=now,
    )


def alert_see(*, actor: Actor, alert: OfferAlert, now: datetime | None = None) -> None:
    """An operator has looked at an alert: the next burst raises a new one.

    Args:
        actor: An operator.
        alert: The alert; one that was seen already stays as it is.
        now: An aware time; the present if None.

    Raises:
        NotAllowed: The actor is no operator.
    """
    if not actor.is_operator:
        raise NotAllowed("Alerts are for the portal's operators.", remedy="Ask one of them.")
    now = now or timezone.now()
    with transaction.atomic():
        seen = OfferAlert.objects.filter(pk=alert.pk, seen_at=None)
        if not seen.update(seen_at=now, seen_by=actor.name):
            return
        audit.record(
            "alert.seen",
            actor=actor,
            subject_kind=_SUBJECTS[OfferAlert.Kind(alert.kind)],
            subject_id=alert.subject_id,
            subject_name=alert.subject_name,
            data={"kind": str(alert.kind), "offers": alert.offers},
            now=now,
        )
