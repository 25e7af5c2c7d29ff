"""The audit trail: append, seal into a hash chain, verify.

The seal of an event at ``position`` is SHA-256 over the UTF-8 bytes of one JSON object, keys
sorted, no white space, no escapes but those JSON demands:

``{"event":{...},"position":N,"previous":"HEX","sealed_at":"...","version":1}``

``previous`` is the hash at ``position - 1``, 64 zeros at position 1. ``event`` holds every column
of the event: ``id``, ``at``, ``kind``, ``actor_sid``, ``actor_name``, ``subject_kind``,
``subject_id``, ``subject_name``, ``offer_id``, ``ticket``, ``source_address``, ``request_id``,
``data``. Times are UTC with six digits of a second and a Z; ``data`` holds no fractions, because
databases do not keep their spelling.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from assist.actors import Actor
from assist.models import AuditEvent, AuditSeal, Offer

VERSION = 1
GENESIS = "0" * 64
BATCH = 500
_SEALER_LOCK = 0x5EA1  # any number, the same for every sealer of this database


@dataclass(frozen=True)
class BadEvent:
    """Where the chain breaks first, and how."""

    position: int
    event_id: int | None
    kind: str
    sentence: str


@dataclass(frozen=True)
class Verification:
    """What ``verify`` found.

    Attributes:
        count: Sealed events that hold, up to the first bad one.
        unsealed: Events not yet in the chain.
        first_bad: The first break, or None.
    """

    count: int
    unsealed: int
    first_bad: BadEvent | None

    @property
    def holds(self) -> bool:
        return self.first_bad is None


def record(
    kind: str,
    *,
    actor: Actor,
    offer: Offer | None = None,
    subject_kind: str = "",
    subject_id: str = "",
    subject_name: str = "",
    data: Mapping[str, Any] | None = None,
    now: datetime | None = None,
) -> AuditEvent:
    """Append one event, unsealed. Call it within the transaction of the act.

    Args:
        kind: What was done, as ``offer.queued``.
        actor: Who did it.
        offer: The offer it belongs to; it is the subject unless another is named.
        subject_kind: To what kind of thing.
        subject_id: That thing's SID, GUID or key.
        subject_name: Its name at the time.
        data: Details; text, whole numbers, booleans, lists and objects only.
        now: An aware time; the present if None.

    Raises:
        TypeError: ``data`` holds something that the hash could not be computed from again.
    """
    details = dict(data or {})
    _require_hashable(details)
    if offer is not None and not subject_kind:
        subject_kind, subject_id = "computer", str(offer.computer_id or "")
        subject_name = offer.computer_name
    return AuditEvent.objects.create(
        at=now or timezone.now(),
        kind=kind,
        actor_sid=actor.sid,
        actor_name=actor.name,
        subject_kind=subject_kind,
        subject_id=subject_id,
        subject_name=subject_name,
        offer_id=offer.pk if offer else None,
        ticket=offer.ticket if offer else "",
        source_address=actor.source_address,
        request_id=actor.request_id,
        data=details,
    )


def seal(now: datetime | None = None) -> int:
    """Chain the events that are not yet in the chain, in batches, one sealer at a time.

    Args:
        now: An aware time; the present if None.

    Returns:
        How many were sealed.
    """
    total = 0
    while True:
        sealed = _seal_batch(now or timezone.now())
        total += sealed
        if sealed < BATCH:
            return total


def verify(progress: Callable[[int], None] | None = None) -> Verification:
    """Walk the whole chain and find the first event that was edited, removed or moved.

    Args:
        progress: Called now and then with the number of events that hold so far.
    """
    unsealed = AuditEvent.objects.filter(seal__isnull=True).count()
    previous, count = GENESIS, 0
    for row in _chain():
        sentence = _what_is_wrong(row, position=count + 1, previous=previous)
        if sentence:
            bad = BadEvent(row.position, row.event_id, row.kind, sentence)
            return Verification(count, unsealed, bad)
        previous, count = row.hash, count + 1
        if progress and count % BATCH == 0:
            progress(count)
    return Verification(count, unsealed, None)


def canonical(event: Mapping[str, Any]) -> bytes:
    """The bytes of a JSON object that its hash is computed over."""
    return json.dumps(
        event, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    ).encode("utf-8")


@dataclass(frozen=True)
class _Row:
    """One seal with its event as the database has them now; ``event`` None when it is gone."""

    position: int
    event_id: int
    previous: str
    hash: str
    sealed_at: datetime
    event: AuditEvent | None

    @property
    def kind(self) -> str:
        return self.event.kind if self.event else ""


def _chain() -> Iterator[_Row]:
    """The seals in order with their events, a batch in memory at a time.

    The events are looked up apart from the seals: a join would silently leave out a seal whose
    event is gone.
    """
    position = -1
    while True:
        seals = list(AuditSeal.objects.filter(position__gt=position)[:BATCH])
        if not seals:
            return
        events = AuditEvent.objects.in_bulk([seal.event_id for seal in seals])
        for seal in seals:
            yield _Row(
                seal.position,
                seal.event_id,
                seal.previous_hash,
                seal.hash,
                seal.sealed_at,
                events.get(seal.event_id),
            )
        position = seals[-1].position


def _what_is_wrong(row: _Row, *, position: int, previous: str) -> str:
    if row.position != position:
        return f"The chain has no event at position {position}: it was removed."
    if row.event is None:
        return f"Event {row.event_id} was removed."
    if row.previous != previous:
        return f"Event {row.event_id} does not follow the one before it: the order was changed."
    if row.hash != _hash(row.event, position, previous, row.sealed_at):
        return f"Event {row.event_id} is not what was sealed: it was changed."
    return ""


@transaction.atomic
def _seal_batch(now: datetime) -> int:
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_SEALER_LOCK])
    # SQLite: the settings begin every transaction IMMEDIATE, so there is one writer at a time.
    last = AuditSeal.objects.order_by("-position").first()
    position, previous = (last.position, last.hash) if last else (0, GENESIS)
    seals = []
    for event in AuditEvent.objects.filter(seal__isnull=True).order_by("id")[:BATCH]:
        position += 1
        digest = _hash(event, position, previous, now)
        seals.append(
            AuditSeal(
                position=position,
                event=event,
                previous_hash=previous,
                hash=digest,
                sealed_at=now,
            )
        )
        previous = digest
    AuditSeal.objects.bulk_create(seals)
    return len(seals)


def _hash(event: AuditEvent, position: int, previous: str, sealed_at: datetime) -> str:
    content = {
        "version": VERSION,
        "position": position,
        "previous": previous,
        "sealed_at": _time(sealed_at),
        "event": {
            "id": event.pk,
            "at": _time(event.at),
            "kind": event.kind,
            "actor_sid": event.actor_sid,
            "actor_name": event.actor_name,
            "subject_kind": event.subject_kind,
            "subject_id": event.subject_id,
            "subject_name": event.subject_name,
            "offer_id": str(event.offer_id) if event.offer_id else None,
            "ticket": event.ticket,
            "source_address": event.source_address,
            "request_id": event.request_id,
            "data": event.data,
        },
    }
    return hashlib.sha256(canonical(content)).hexdigest()


def _time(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _require_hashable(value: object) -> None:
    """Refuse what JSON columns do not give back as it was: fractions, NUL, lone surrogates."""
    if isinstance(value, dict):
        for key, item in value.items():
            _require_hashable(key)
            _require_hashable(item)
    elif isinstance(value, list | tuple):
        for item in value:
            _require_hashable(item)
    elif isinstance(value, str):
        if "\x00" in value or any(0xD800 <= ord(character) <= 0xDFFF for character in value):
            raise TypeError("audit data: text with NUL or half a surrogate pair")
    elif value is not None and not isinstance(value, bool | int):
        raise TypeError(f"audit data: {type(value).__name__} is not text, a whole number or a list")
