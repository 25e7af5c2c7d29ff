"""Retention: removes old events, by whole ranges of the chain, and leaves a signed stub of each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Count
from django.utils import timezone

from assist.actors import Actor
from assist.audit.checkpoints import is_configured
from assist.audit.events import record
from assist.audit.signing import parse_private_key
from assist.audit.stubs import Stub, kinds_digest, sign_stub
from assist.audit.verifying import end_of_chain, first_bad_in
from assist.errors import NotConfigured, RemovalRefused
from assist.models import AuditCheckpoint, AuditEvent, AuditSeal, AuditStub

MOST = 50_000  # events of one stub, and of one transaction


@dataclass(frozen=True)
class Range:
    """A stretch of the chain whose every event is old enough.

    Attributes:
        first: Its first position.
        last: Its last.
        kinds: How many events there are of each kind.
    """

    first: int
    last: int
    kinds: Mapping[str, int] = field(default_factory=dict)

    @property
    def count(self) -> int:
        return self.last - self.first + 1


def days_of(kind: str) -> int | None:
    """How long events of a kind are kept, in days; None: for ever.

    The most exact rule of AUDIT_RETENTION_DAYS counts: the kind, then the longest beginning.
    """
    policy: Mapping[str, int] = settings.AUDIT_RETENTION_DAYS
    if kind in policy:
        return policy[kind]
    fitting = [
        pattern
        for pattern in policy
        if pattern.endswith("*") and kind.startswith(pattern.removesuffix("*"))
    ]
    return policy[max(fitting, key=len)] if fitting else None


def removable(now: datetime | None = None) -> list[Range]:
    """The ranges that retention lets go: each event in them is older than its kind is kept.

    Shorter ones than AUDIT_RETENTION_LEAST_EVENTS stay, until their neighbours may go too. The
    last event always stays, and so does what no checkpoint has told the outside of yet, where
    there are checkpoints.

    Args:
        now: An aware time; the present if None.
    """
    last = _last_removable()
    if not settings.AUDIT_RETENTION_DAYS or last < 1:
        return []
    condition, parameters = _old_enough(now or timezone.now())
    with connection.cursor() as cursor:
        cursor.execute(
            _ISLANDS.format(condition=condition),
            [last, *parameters, settings.AUDIT_RETENTION_LEAST_EVENTS],
        )
        found = cursor.fetchall()
    return [
        Range(low, min(low + MOST - 1, high))
        for first, high in found
        for low in range(first, high + 1, MOST)
    ]


def remove_old(now: datetime | None = None, *, actor: Actor | None = None) -> list[Range]:
    """Remove what :func:`removable` finds, a range in a transaction, with stub and event.

    Args:
        now: An aware time; the present if None.
        actor: Who had it done; the portal if None.

    Returns:
        What was removed.

    Raises:
        NotConfigured: There is no key to sign stubs with.
        RemovalRefused: The chain does not hold there: what is wrong with it must not be lost.
    """
    now = now or timezone.now()
    if not settings.AUDIT_RETENTION_DAYS:
        return []
    if not settings.AUDIT_CHECKPOINT_KEY:
        raise NotConfigured(
            "Retention has no key to sign stubs with.",
            remedy="Set AUDIT_CHECKPOINT_KEY_FILE; `manage.py audit_key` prints a key.",
        )
    return [_remove(each, now, actor or Actor.portal()) for each in removable(now)]


def _remove(wanted: Range, now: datetime, actor: Actor) -> Range:
    bad = first_bad_in(wanted.first, wanted.last)
    if bad is not None:
        raise RemovalRefused(
            f"{bad.place} {bad.sentence} Nothing is removed from position {wanted.first} on.",
            remedy="Find out what happened to the trail: `manage.py audit_verify`.",
        )
    events = AuditEvent.objects.filter(seal__position__range=(wanted.first, wanted.last))
    with transaction.atomic():
        kinds = dict(events.order_by("kind").values_list("kind").annotate(count=Count("pk")))
        seals = AuditSeal.objects.in_bulk([wanted.first, wanted.last])
        stub = Stub(
            first=wanted.first,
            last=wanted.last,
            count=wanted.count,
            previous_hash=seals[wanted.first].previous_hash,
            first_hash=seals[wanted.first].hash,
            last_hash=seals[wanted.last].hash,
            kinds=kinds_digest(kinds),
            at=now.isoformat(),
        )
        row = AuditStub.objects.create(
            first_position=stub.first,
            last_position=stub.last,
            count=stub.count,
            previous_hash=stub.previous_hash,
            first_hash=stub.first_hash,
            last_hash=stub.last_hash,
            at=now,
            document=sign_stub(stub, parse_private_key(settings.AUDIT_CHECKPOINT_KEY)),
        )
        _delete(row)
        record(
            "audit.removed",
            actor=actor,
            subject_kind="audit",
            subject_id=f"{stub.first}-{stub.last}",
            data={
                "first": stub.first,
                "last": stub.last,
                "count": stub.count,
                "kinds": kinds,
                "first_hash": stub.first_hash,
                "last_hash": stub.last_hash,
            },
            now=now,
        )
    return Range(wanted.first, wanted.last, kinds)


def _delete(stub: AuditStub) -> None:
    """Delete the events that a stub stands for: the one way past the triggers."""
    span = (stub.first_position, stub.last_position)
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SELECT assist_audit_remove(%s)", [stub.pk])
            return
        numbers = "SELECT event_id FROM assist_auditseal WHERE position BETWEEN %s AND %s"
        for table, column in (("personal", "event_id"), ("event", "id")):
            cursor.execute(
                f"DELETE FROM assist_audit{table} WHERE {column} IN ({numbers})",  # noqa: S608
                span,
            )
        cursor.execute("DELETE FROM assist_auditseal WHERE position BETWEEN %s AND %s", span)


def _last_removable() -> int:
    last = end_of_chain() - 1
    if not is_configured():
        return last
    seen = AuditCheckpoint.objects.filter(is_delivered=True).order_by("-position").first()
    return min(last, seen.position if seen else 0)


def _old_enough(now: datetime) -> tuple[str, list[Any]]:
    """SQL that is true of the events ``event`` that may go, with its parameters."""
    whens, parameters = [], list[Any]()
    # The most exact rule first: CASE takes the first that fits.
    for pattern in sorted(
        settings.AUDIT_RETENTION_DAYS, key=lambda each: (each.endswith("*"), -len(each))
    ):
        before = now - timedelta(days=settings.AUDIT_RETENTION_DAYS[pattern])
        if pattern.endswith("*"):
            beginning = pattern.removesuffix("*")
            whens.append("WHEN substr(event.kind, 1, %s) = %s THEN event.at < %s")
            parameters += [len(beginning), beginning]
        else:
            whens.append("WHEN event.kind = %s THEN event.at < %s")
            parameters.append(pattern)
        parameters.append(connection.ops.adapt_datetimefield_value(before))
    return f"CASE {' '.join(whens)} ELSE FALSE END", parameters


_ISLANDS = """
SELECT min(position), max(position)
  FROM (SELECT seal.position, seal.position - row_number() OVER (ORDER BY seal.position) AS island
          FROM assist_auditseal seal JOIN assist_auditevent event ON event.id = seal.event_id
         WHERE seal.position <= %s AND {condition}) old
 GROUP BY island HAVING count(*) >= %s ORDER BY 1
"""
