"""Appending to the audit trail."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.utils import timezone

from assist.actors import Actor
from assist.audit.canonical import personal_digest, require_canonical
from assist.audit.kinds import require_known
from assist.models import AuditEvent, AuditPersonal, Offer

_SALT_BYTES = 16


def record(
    kind: str,
    *,
    actor: Actor,
    offer: Offer | None = None,
    subject_kind: str = "",
    subject_id: str = "",
    subject_name: str = "",
    data: Mapping[str, Any] | None = None,
    personal: Mapping[str, str] | None = None,
    now: datetime | None = None,
) -> AuditEvent:
    """Append one event, unsealed. Call it within the transaction of the act.

    Args:
        kind: What was done, as ``offer.queued``: one of ``kinds.KINDS``.
        actor: Who did it.
        offer: The offer it belongs to; it is the subject unless another is named.
        subject_kind: To what kind of thing.
        subject_id: That thing's SID, GUID or key.
        subject_name: Its name at the time.
        data: Details; text, whole numbers, booleans, lists and objects only. ``personal`` is not
            a name for one.
        personal: What tells who the novice is, by name. The event holds salted digests of these;
            salt and value are kept apart, where they can be erased without breaking the chain.
            Empty values are left out. Texts of ``data`` that hold the name or the SID of the
            offer's novice, or the user that it asked for, go there by themselves.
        now: An aware time; the present if None.

    Raises:
        LookupError: There is no such kind.
        TypeError: Something here is not text, a whole number and so on, and no hash could be
            computed from it again.
    """
    require_known(kind)
    details = dict(data or {})
    if "personal" in details:
        raise TypeError("audit data: personal values have an argument of their own")
    told = {name: details.pop(name) for name in _telling(details, offer)} | dict(personal or {})
    kept = {name: (secrets.token_hex(_SALT_BYTES), value) for name, value in told.items() if value}
    if kept:
        details["personal"] = {
            name: personal_digest(name, salt, value) for name, (salt, value) in kept.items()
        }
    if offer is not None and not subject_kind:
        subject_kind, subject_id = "computer", str(offer.computer_id or "")
        subject_name = offer.computer_name
    ticket = offer.ticket if offer else ""
    require_canonical([kind, subject_kind, subject_id, subject_name, ticket, details])
    require_canonical([actor.sid, actor.name, actor.request_id, *told.values()])
    event = AuditEvent.objects.create(
        at=now or timezone.now(),
        kind=kind,
        actor_sid=actor.sid,
        actor_name=actor.name,
        subject_kind=subject_kind,
        subject_id=subject_id,
        subject_name=subject_name,
        offer_id=offer.pk if offer else None,
        ticket=ticket,
        source_address=actor.source_address,
        request_id=actor.request_id,
        data=details,
    )
    if kept:
        AuditPersonal.objects.bulk_create(
            AuditPersonal(event=event, name=name, salt=salt, value=value)
            for name, (salt, value) in kept.items()
        )
    return event


def _telling(details: Mapping[str, Any], offer: Offer | None) -> list[str]:
    """The names of the texts that say who the offer's novice is."""
    if offer is None:
        return []
    named = (offer.novice_name, offer.novice_sid, offer.wanted_user)
    marks = [mark.casefold() for mark in named if mark]
    return [
        name
        for name, value in details.items()
        if isinstance(value, str) and any(mark in value.casefold() for mark in marks)
    ]
