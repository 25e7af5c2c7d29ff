"""The sealer: gives each event its place in the hash chain, one sealer at a time.

Events wait in ``AuditUnsealed``, where a database trigger puts them within the transaction of the
act. So those who append share no row and no lock, with each other or with the sealer, and nobody
has to look through the whole trail for what is new.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection, transaction
from django.db.models import Min
from django.utils import timezone

from assist.audit.canonical import (
    ALGORITHM,
    GENESIS,
    VERSION,
    event_line,
    microseconds,
    seal_line,
)
from assist.audit.rows import EVENT_COLUMNS, copied_lines, fields_of
from assist.models import AuditEvent, AuditSeal, AuditUnsealed

BATCH = 5000  # events of one transaction
_SEALER_LOCK = 0x5EA1  # any number, the same for every sealer of this database


def seal(now: datetime | None = None, *, wait: bool = True) -> int:
    """Chain the events that are not yet in the chain, in batches, one sealer at a time.

    Args:
        now: An aware time; the present if None.
        wait: For another sealer to end; else leave the events to it.

    Returns:
        How many were sealed.
    """
    total = 0
    while True:
        sealed = _seal_batch(now or timezone.now(), wait=wait)
        total += sealed
        if sealed < BATCH:
            return total


def unsealed_count() -> int:
    """How many events wait for their seal."""
    return AuditUnsealed.objects.count()


def sealer_lag(now: datetime | None = None) -> timedelta:
    """How long the oldest unsealed event waits; zero when none does.

    Args:
        now: An aware time; the present if None.
    """
    since: datetime | None = AuditUnsealed.objects.aggregate(oldest=Min("since"))["oldest"]
    if since is None:
        return timedelta(0)
    return max((now or timezone.now()) - since, timedelta(0))


@dataclass(frozen=True)
class _Sealed:
    """A seal about to be written."""

    position: int
    event_id: int
    previous: str
    hash: str


@transaction.atomic
def _seal_batch(now: datetime, *, wait: bool) -> int:
    # SQLite: the settings begin every transaction IMMEDIATE, so there is one writer at a time.
    if connection.vendor == "postgresql" and not _lock(wait=wait):
        return 0
    waiting = list(AuditUnsealed.objects.order_by("pk").values_list("pk", flat=True)[:BATCH])
    if not waiting:
        return 0
    last = AuditSeal.objects.order_by("-position").first()
    position, previous = (last.position, last.hash) if last else (0, GENESIS)
    if connection.vendor == "postgresql":
        seals = list(_chained(_lines_by_copy(waiting), position, previous, now))
        _write_by_copy(seals, now)
    else:
        seals = list(_chained(_lines_by_python(waiting), position, previous, now))
        _write_by_rows(seals, now)
    # Those whose event is gone stay, for the verification to name.
    _forget([seal.event_id for seal in seals])
    return len(seals)


def _forget(sealed: list[int]) -> None:
    if connection.vendor == "postgresql":  # Django would make a parameter of each
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM assist_auditunsealed WHERE event_id = ANY(%s)", [sealed])
    else:
        AuditUnsealed.objects.filter(pk__in=sealed).delete()


def _lock(*, wait: bool) -> bool:
    with connection.cursor() as cursor:
        if wait:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_SEALER_LOCK])
            return True
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [_SEALER_LOCK])
        return bool(cursor.fetchone()[0])


def _chained(
    lines: Iterable[tuple[int, bytes]], position: int, previous: str, now: datetime
) -> Iterator[_Sealed]:
    sealed_at_us = microseconds(now)
    for event_id, line in lines:
        position += 1
        digest = hashlib.sha256(seal_line(position, previous, sealed_at_us, line)).hexdigest()
        yield _Sealed(position, event_id, previous, digest)
        previous = digest


def _lines_by_copy(waiting: list[int]) -> Iterator[tuple[int, bytes]]:
    numbers = ",".join(str(event_id) for event_id in waiting)
    statement = (
        f"COPY (SELECT {EVENT_COLUMNS} FROM assist_auditevent event"  # noqa: S608 - our columns
        f" WHERE event.id = ANY('{{{numbers}}}') ORDER BY event.id) TO STDOUT"
    )
    with connection.cursor() as cursor:
        for line in copied_lines(cursor, statement):
            yield int(line[: line.index(b"\t")]), line


def _lines_by_python(waiting: list[int]) -> Iterator[tuple[int, bytes]]:
    for start in range(0, len(waiting), 500):  # SQLite limits the parameters of a statement
        for event in AuditEvent.objects.filter(pk__in=waiting[start : start + 500]).order_by("pk"):
            yield event.pk, event_line(fields_of(event))


def _write_by_copy(seals: list[_Sealed], now: datetime) -> None:
    statement = (
        "COPY assist_auditseal"
        " (position, event_id, previous_hash, hash, sealed_at, version, algorithm) FROM STDIN"
    )
    when = now.isoformat()
    with connection.cursor() as cursor, cursor.copy(statement) as copied:
        copied.write(
            "".join(
                f"{seal.position}\t{seal.event_id}\t{seal.previous}\t{seal.hash}\t{when}"
                f"\t{VERSION}\t{ALGORITHM}\n"
                for seal in seals
            )
        )


def _write_by_rows(seals: list[_Sealed], now: datetime) -> None:
    AuditSeal.objects.bulk_create(
        AuditSeal(
            position=seal.position,
            event_id=seal.event_id,
            previous_hash=seal.previous,
            hash=seal.hash,
            sealed_at=now,
            version=VERSION,
            algorithm=ALGORITHM,
        )
        for seal in seals
    )
