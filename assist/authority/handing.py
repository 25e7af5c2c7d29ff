"""Hands a ticket for one computer from the web process to whichever worker takes the offer.

It is sealed with HANDED_TICKET_KEYS, which open nothing else, and bound to the offer, its computer,
its expert and its end. It is wiped in the transaction that marks the start of Remote Assistance,
whenever the offer goes elsewhere, and at its end by the sweep.
"""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction

from assist import audit
from assist.actors import Actor
from assist.authority.sealing import CannotOpen, parse_key, seal, unseal
from assist.errors import NotConfigured, TicketGone
from assist.lifecycle import Authority
from assist.models import HandedTicket, Offer
from assist.remote_assistance.kerberos import ObtainedTicket


def require_keys() -> None:
    """Make sure that a ticket could be handed over.

    Raises:
        NotConfigured: There is no usable key to seal it with.
    """
    _keys()


def hand_over(offer: Offer, ticket: ObtainedTicket, *, now: datetime) -> HandedTicket:
    """Seal a ticket for the worker that will take the offer, within the caller's transaction.

    Args:
        offer: The offer, stored.
        ticket: For its computer, as its expert.
        now: An aware time.

    Raises:
        NotConfigured: There is no key.
    """
    lifetime = timedelta(seconds=settings.HANDED_TICKET_LIFETIME_SECONDS)
    handed = HandedTicket(
        offer=offer,
        service=ticket.service,
        created_at=now,
        expires_at=min(ticket.ends_at, now + lifetime),
    )
    handed.sealed = seal(_keys()[0], _pack(ticket), _bound_to(offer, handed))
    handed.save(force_insert=True)
    audit.record(
        "ticket.handed",
        actor=Actor.portal(),
        offer=offer,
        data={"service": ticket.service, "expires_at": handed.expires_at.isoformat()},
        now=now,
    )
    return handed


def take(offer: Offer, *, now: datetime) -> ObtainedTicket:
    """The ticket of an offer, for the worker that has claimed it.

    Raises:
        TicketGone: It was wiped, has ended, or does not belong to this offer.
        NotConfigured: The worker has no key.
    """
    handed = HandedTicket.objects.filter(
        offer=offer, wiped_at__isnull=True, expires_at__gt=now
    ).first()
    if handed is None:
        raise TicketGone
    try:
        content = unseal(_keys(), bytes(handed.sealed), _bound_to(offer, handed))
    except CannotOpen:
        raise TicketGone from None
    audit.record(
        "ticket.taken",
        actor=Actor.portal(),
        offer=offer,
        data={"service": handed.service, "attempt": offer.attempts},
        now=now,
    )
    return _unpack(content)


def wipe(offer: Offer, *, now: datetime) -> None:
    """Empty the ticket of an offer, if it has one that is not empty."""
    if offer.authority != Authority.DELEGATED:
        return
    wiped = HandedTicket.objects.filter(offer=offer, wiped_at__isnull=True).update(
        sealed=b"", wiped_at=now
    )
    if wiped:
        audit.record("ticket.wiped", actor=Actor.portal(), offer=offer, now=now)


def wipe_expired(now: datetime) -> int:
    """Empty every ticket whose time has passed; returns how many."""
    expired = HandedTicket.objects.filter(wiped_at__isnull=True, expires_at__lte=now)
    count = 0
    for handed in expired.select_related("offer"):
        with transaction.atomic():
            wipe(handed.offer, now=now)
        count += 1
    return count


def _keys() -> list[bytes]:
    try:
        keys = [parse_key(text) for text in settings.HANDED_TICKET_KEYS]
    except ValueError:
        keys = []
    if not keys:
        raise NotConfigured(
            "HANDED_TICKET_KEYS is missing or is not a list of keys.",
            remedy="Make one with `python manage.py invitation_key` and set HANDED_TICKET_KEYS "
            "for web processes and workers.",
        )
    return keys


def _bound_to(offer: Offer, handed: HandedTicket) -> str:
    return "|".join(
        (
            "handed ticket",
            str(offer.pk),
            str(offer.computer_id),
            offer.expert_sid,
            handed.service.lower(),
            f"{handed.expires_at.timestamp():.0f}",
        )
    )


def _pack(ticket: ObtainedTicket) -> bytes:
    marshalled = b64encode(ticket.marshalled).decode()
    return json.dumps(
        {
            "service": ticket.service,
            "ends_at": ticket.ends_at.isoformat(),
            "ticket": marshalled,
        }
    ).encode()


def _unpack(content: bytes) -> ObtainedTicket:
    data = json.loads(content)
    return ObtainedTicket(
        data["service"], datetime.fromisoformat(data["ends_at"]), b64decode(data["ticket"])
    )
