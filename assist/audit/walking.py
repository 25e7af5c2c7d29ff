"""Walking long stretches of the chain: PostgreSQL writes the canonical form, Python hashes it.

Nothing is decoded or made an object of: a line as COPY writes it is what was sealed.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from threading import local
from typing import Any

import psycopg
from django.db import connection

from assist.audit.canonical import ALGORITHM, GENESIS, VERSION, personal_digest
from assist.audit.rows import EVENT_COLUMNS, copied_lines, microseconds_of
from assist.audit.stubs import hash_at
from assist.models import AuditPersonal

Chunk = tuple[int, int]
_HASH_LENGTH = 64
_AHEAD = 3  # chunks under way for each connection
# LATERAL and OFFSET 0 have each event looked up by its key, in the order of the seals: hashing
# or sorting them would read far more than a chunk.
_LINES = f"""
COPY (
    SELECT seal.hash, seal.version, seal.algorithm, seal.position, seal.previous_hash,
           {microseconds_of("seal.sealed_at")}, {EVENT_COLUMNS}
      FROM assist_auditseal seal
      LEFT JOIN LATERAL (
          SELECT * FROM assist_auditevent WHERE id = seal.event_id OFFSET 0
      ) event ON true
     WHERE seal.position BETWEEN %d AND %d ORDER BY seal.position
) TO STDOUT
"""  # noqa: S608 - our columns
_PERSONAL = """
SELECT seal.position, kept.name, kept.salt, kept.value,
       event.data #>> ARRAY['personal', kept.name]
  FROM assist_auditseal seal
  JOIN assist_auditpersonal kept ON kept.event_id = seal.event_id
  JOIN assist_auditevent event ON event.id = seal.event_id
 WHERE seal.position BETWEEN %s AND %s ORDER BY seal.position
"""
_BEFORE = """
SELECT hash FROM assist_auditseal WHERE position = %(at)s
 UNION ALL SELECT last_hash FROM assist_auditstub WHERE last_position = %(at)s
"""


@dataclass(frozen=True)
class Walked:
    """A stretch of the chain, and how far it was confirmed.

    Attributes:
        low: Its first position.
        high: Its last.
        next: The first that was not confirmed; above ``high`` when all were.
        previous: The hash before ``next``.
        false: The first position whose personal values are not those of its digests, or None.
    """

    low: int
    high: int
    next: int
    previous: str
    false: int | None


def walk_by_copy(chunks: Sequence[Chunk], connections: int) -> Iterator[Walked]:
    """Confirm stretches of the chain, in order, as far as they are as sealed.

    Args:
        chunks: First and last position of each.
        connections: How many read at the same time; one alone is Django's own.
    """
    if connections == 1:
        with connection.cursor() as cursor:
            for chunk in chunks:
                yield _walk(cursor, chunk)
        return
    parameters = {
        name: value
        for name, value in connection.get_connection_params().items()
        if name not in ("cursor_factory", "context", "prepare_threshold")
    }
    threads = local()
    opened: list[psycopg.Connection] = []

    def walk(chunk: Chunk) -> Walked:
        if not hasattr(threads, "connection"):
            threads.connection = psycopg.connect(**parameters, autocommit=True)
            opened.append(threads.connection)
        with threads.connection.cursor() as cursor:
            return _walk(cursor, chunk)

    with ThreadPoolExecutor(connections) as pool:
        under_way: deque[Future[Walked]] = deque()
        waiting = iter(chunks)
        try:
            for chunk in waiting:
                under_way.append(pool.submit(walk, chunk))
                if len(under_way) >= connections * _AHEAD:
                    yield under_way.popleft().result()
            while under_way:
                yield under_way.popleft().result()
        finally:
            for future in under_way:
                future.cancel()
            pool.shutdown()
            for one in opened:
                one.close()


def walk_by_rows(chunks: Sequence[Chunk]) -> Iterator[Walked]:
    """The same stretches, of which nothing was confirmed yet but the personal values."""
    for low, high in chunks:
        rows = (
            AuditPersonal.objects.filter(event__seal__position__range=(low, high))
            .order_by("event__seal__position")
            .values_list("event__seal__position", "name", "salt", "value", "event__data")
        )
        false = _first_false(
            (position, name, salt, value, _digest_in(data, name))
            for position, name, salt, value, data in rows
        )
        yield Walked(low, high, low, hash_at(low - 1) or GENESIS, false)


def _first_false(rows: Iterable[tuple[int, str, str, str, str | None]]) -> int | None:
    for position, name, salt, value, digest in rows:
        if personal_digest(name, salt, value) != digest:
            return position
    return None


def _digest_in(data: Any, name: str) -> str | None:
    digests = data.get("personal") if isinstance(data, dict) else None
    return digests.get(name) if isinstance(digests, dict) else None


def _walk(cursor: Any, chunk: Chunk) -> Walked:
    low, high = chunk
    cursor.execute(_BEFORE, {"at": low - 1})
    row = cursor.fetchone()
    position, previous = low, str(row[0]) if row else GENESIS
    sha256, head = hashlib.sha256, f"{VERSION}\t{ALGORITHM}\t"
    is_good = True
    for line in copied_lines(cursor, _LINES % chunk):
        if not is_good:
            continue  # COPY has to be read to its end
        sealed = line[_HASH_LENGTH + 1 :]
        digest = sha256(sealed).hexdigest()
        is_good = sealed.startswith(f"{head}{position}\t{previous}\t".encode()) and line.startswith(
            digest.encode()
        )
        if is_good:
            position, previous = position + 1, digest
    cursor.execute(_PERSONAL, [low, high])
    return Walked(low, high, position, previous, _first_false(cursor.fetchall()))
