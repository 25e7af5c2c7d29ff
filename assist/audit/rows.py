"""Reading events and seals in their canonical form, by PostgreSQL itself or by Python."""

from __future__ import annotations

import select
from collections.abc import Iterator
from typing import Any

from psycopg import OperationalError, pq

from assist.audit.canonical import EventFields
from assist.models import AuditEvent


def microseconds_of(column: str) -> str:
    """SQL for whole microseconds since 1970.

    By floating point, several times faster than by ``numeric`` and exact: until the year 2106 the
    nearest double of the seconds is a quarter of a microsecond off at most, so rounding finds
    the right one.
    """
    return f"round(date_part('epoch', {column}) * 1000000)::bigint"


# What COPY writes of these columns is canonical.event_line: a test compares the two.
EVENT_COLUMNS = f"""
    event.id, {microseconds_of("event.at")}, event.kind, event.actor_sid,
    event.actor_name, event.subject_kind, event.subject_id, event.subject_name, event.offer_id,
    event.ticket, host(event.source_address), event.request_id, event.data
"""


def fields_of(event: AuditEvent) -> EventFields:
    """The columns of an event."""
    return EventFields(
        id=event.pk,
        at=event.at,
        kind=event.kind,
        actor_sid=event.actor_sid,
        actor_name=event.actor_name,
        subject_kind=event.subject_kind,
        subject_id=event.subject_id,
        subject_name=event.subject_name,
        offer_id=str(event.offer_id) if event.offer_id else None,
        ticket=event.ticket,
        source_address=event.source_address,
        request_id=event.request_id,
        data=event.data,
    )


def copied_lines(cursor: Any, statement: str) -> Iterator[bytes]:
    """The lines of a COPY TO STDOUT, without their line feeds; read them to the end.

    By libpq itself: psycopg's ``cursor.copy`` waits for each line anew, which takes longer than
    everything else that is done with it.

    Raises:
        OperationalError: The database refused, or went away.
    """
    pgconn = cursor.connection.pgconn
    result = pgconn.exec_(statement.encode())
    if result.status != pq.ExecStatus.COPY_OUT:
        raise OperationalError(result.error_message.decode(errors="replace"))
    readable = select.poll()
    readable.register(pgconn.socket, select.POLLIN)
    while True:
        length, line = pgconn.get_copy_data(1)
        if length > 0:
            yield bytes(line[: length - 1])
        elif length == 0:
            readable.poll()
            pgconn.consume_input()
        else:
            break
    while (result := pgconn.get_result()) is not None:
        if result.status != pq.ExecStatus.COMMAND_OK:
            raise OperationalError(result.error_message.decode(errors="replace"))
