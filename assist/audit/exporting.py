"""The sealed trail as JSON lines that verify without the portal. docs/audit-format.md: *Export*."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from assist.audit.canonical import GENESIS
from assist.audit.signing import Checkpoint, parse_private_key, sign
from assist.audit.stubs import hash_at
from assist.models import AuditPersonal, AuditSeal, AuditStub

FORMAT = "audit-trail-1"
_BATCH = 2000


def export(
    *,
    first: int = 1,
    last: int | None = None,
    with_personal: bool = True,
    now: datetime | None = None,
) -> Iterator[str]:
    """The lines of an export, without line feeds: what it is, events and stubs, a checkpoint.

    Events that wait for their seal are left out. Memory does not grow with the trail.

    Args:
        first: The position to begin at, from 1.
        last: The position to end at; the chain's end if None.
        with_personal: With what the digests of novices stand for, as far as it is kept.
        now: An aware time; the present if None.
    """
    at = now or timezone.now()
    stubs = _stubs(first, last)
    if stubs and stubs[0].first_position < first:
        first = stubs.pop(0).last_position + 1  # of a removed range nothing can be begun in
    position, digest = first - 1, hash_at(first - 1) or GENESIS
    yield json.dumps(
        {"format": FORMAT, "exported_at": _time(at), "first": first, "previous_hash": digest}
    )
    while True:
        seals = AuditSeal.objects.filter(position__gt=position)
        if last is not None:
            seals = seals.filter(position__lte=last)
        batch = list(seals.select_related("event")[:_BATCH])
        kept = _personal(batch) if with_personal else {}
        for seal in batch:
            while stubs and stubs[0].first_position < seal.position:
                yield stubs.pop(0).document
            yield json.dumps(_line(seal, kept.get(seal.event_id, {})), ensure_ascii=False)
            position, digest = seal.position, seal.hash
        if not batch:
            break
    for stub in stubs:
        yield stub.document
        position, digest = stub.last_position, stub.last_hash
    if settings.AUDIT_CHECKPOINT_KEY:
        key = parse_private_key(settings.AUDIT_CHECKPOINT_KEY)
        yield sign(Checkpoint(position, digest, at), key)


@contextmanager
def one_moment() -> Iterator[None]:
    """Within it, on PostgreSQL, what retention removes meanwhile stays in sight.

    SQLite would have every writer wait for the end of an export; there, export again.
    """
    if connection.vendor != "postgresql" or connection.in_atomic_block:
        yield
        return
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        yield


def _stubs(first: int, last: int | None) -> list[AuditStub]:
    """Those for removed ranges that begin or end in this part, but for one that it ends within."""
    found = AuditStub.objects.filter(last_position__gte=first)
    return list(found if last is None else found.filter(last_position__lte=last))


def _personal(batch: list[AuditSeal]) -> dict[int, dict[str, dict[str, str]]]:
    found: dict[int, dict[str, dict[str, str]]] = {}
    ids = [seal.event_id for seal in batch]
    for row in AuditPersonal.objects.filter(event__in=ids):
        values = found.setdefault(row.event_id, {})
        values[row.name] = {"salt": row.salt, "value": row.value}
    return found


def _line(seal: AuditSeal, personal: dict[str, dict[str, str]]) -> dict[str, Any]:
    event = seal.event
    return {
        "seal": {
            "version": seal.version,
            "algorithm": seal.algorithm,
            "position": seal.position,
            "previous_hash": seal.previous_hash,
            "hash": seal.hash,
            "sealed_at": _time(seal.sealed_at),
        },
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
        "personal": personal,
    }


def _time(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
