"""Alerts about offers, for the operators' pages."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.utils import timezone

from assist import audit
from assist.actors import Actor
from assist.errors import NotAllowed
from assist.models import OfferAlert


def unseen_alerts() -> list[OfferAlert]:
    """The alerts that nobody has looked at yet, the newest first."""
    return list(OfferAlert.objects.filter(seen_at=None)[:50])


def unseen_alert_count() -> int:
    """How many there are."""
    return OfferAlert.objects.filter(seen_at=None).count()


def sentence_of(alert: OfferAlert) -> str:
    """What happened, for a person."""
    at = f"{timezone.localtime(alert.last_at):%Y-%m-%d %H:%M %Z}"
    who = alert.subject_name
    if alert.kind == OfferAlert.Kind.EXPERT:
        return f"{who} asked for {alert.offers} offers within moments, last at {at}."
    return f"{alert.offers} offers to {who} were asked for within moments, last at {at}."


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
            subject_kind="account" if alert.kind == OfferAlert.Kind.EXPERT else "computer",
            subject_id=alert.subject_id,
            subject_name=alert.subject_name,
            data={"kind": str(alert.kind), "offers": alert.offers},
            now=now,
        )
