"""Limits that hold under simultaneous requests, and the alert when offers come in bursts."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection
from django.db.models import F
from django.db.models.functions import Greatest

from assist import audit
from assist.actors import Actor
from assist.models import Offer, OfferAlert


def take_turns(offer: Offer) -> None:
    """Let no two offers of one expert, or to one computer, be decided at the same time.

    Until the end of the transaction. What is read afterwards is what the others committed, so a
    limit counts them. SQLite's transactions are one at a time from their beginning (IMMEDIATE).

    Args:
        offer: Before it is decided on.
    """
    if connection.vendor != "postgresql":
        return
    names = (f"expert {offer.expert_sid}", f"computer {offer.computer_id}")
    with connection.cursor() as cursor:
        for key in sorted(map(_key, names)):  # in one order, so that nobody waits in a circle
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [key])


def _key(name: str) -> int:
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], signed=True)


def watch_bursts(offer: Offer, *, now: datetime) -> None:
    """Raise an alert where the offers of an expert, or to a computer, look like an attack.

    Refused ones count: whoever tries many computers is told no by most of them. Called in the
    transaction of the offer, after :func:`take_turns`.

    Args:
        offer: Just recorded.
        now: An aware time.
    """
    since = now - timedelta(seconds=settings.OFFER_BURST_SECONDS)
    lately = Offer.objects.filter(requested_at__gt=since, requested_at__lte=now)
    watched = (
        (
            OfferAlert.Kind.EXPERT,
            offer.expert_sid,
            offer.expert_name,
            lately.of_expert(offer.expert_sid),
        ),
        (
            OfferAlert.Kind.COMPUTER,
            str(offer.computer_id),
            offer.computer_name,
            lately.filter(computer=offer.computer_id),
        ),
    )
    for kind, subject_id, subject_name, offers in watched:
        count = offers.count()
        if count >= settings.OFFER_BURST_COUNT:
            _alert(kind, subject_id, subject_name, count, now)


def _alert(
    kind: OfferAlert.Kind, subject_id: str, subject_name: str, count: int, now: datetime
) -> None:
    alert, is_new = OfferAlert.objects.get_or_create(
        kind=kind,
        subject_id=subject_id,
        seen_at=None,
        defaults={
            "subject_name": subject_name,
            "first_at": now,
            "last_at": now,
            "offers": count,
        },
    )
    if not is_new:
        most = Greatest(F("offers"), count)
        OfferAlert.objects.filter(pk=alert.pk).update(last_at=now, offers=most)
        return
    audit.record(
        "alert.offer_burst",
        actor=Actor.portal(),
        subject_kind="account" if kind is OfferAlert.Kind.EXPERT else "computer",
        subject_id=subject_id,
        subject_name=subject_name,
        data={"kind": str(kind), "offers": count, "seconds": str(settings.OFFER_BURST_SECONDS)},
        now=now,
    )
