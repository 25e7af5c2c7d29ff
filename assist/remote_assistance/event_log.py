"""Reads a computer's RemoteAssistance event log ([MS-EVEN6] 3.1.4.12, 3.1.4.13).

Each function is one short contact: the endpoint mapper tells the port of the event log service,
a query is registered there, its records are fetched, its handles closed. Members of Event Log
Readers may do that; helpers may not. Authentication is as of offers: Kerberos, or NTLM where it is
allowed and the domain has no ticket for the computer.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID

from assist.remote_assistance import endpoint_mapper, event_log_errors, event_log_ndr
from assist.remote_assistance.activation import AnyConnection
from assist.remote_assistance.contact import Identity, NoviceTarget, connection_as, identify
from assist.remote_assistance.errors import (
    RemoteAssistanceError,
    TimedOut,
    Unreachable,
)
from assist.remote_assistance.event_log_errors import (
    EventLogClosed,
    EventLogFirewalled,
    for_error,
    for_log_fault,
)
from assist.remote_assistance.event_log_records import EventRecord, parse_result
from assist.remote_assistance.kerberos import Credential
from assist.remote_assistance.rpc import CallLimits, Deadline, RpcFaultError

__all__ = ["CHANNEL", "LogPosition", "LogReading", "last_position", "read_from"]

CHANNEL = "Microsoft-Windows-RemoteAssistance/Operational"
EVENT_SERVICE = UUID("f6beaff7-1e19-4fbb-9f8f-b89e2018337c")
VERSION = (1, 0)
REGISTER_LOG_QUERY, QUERY_NEXT, CLOSE = 5, 11, 13
CHANNEL_PATH, OLDEST_FIRST, NEWEST_FIRST = 0x1, 0x100, 0x200
BATCH = 64  # records asked for in one call
MOST_RECORDS = 512  # taken in one reading; a session writes some ten
WAIT_MILLISECONDS = 1000

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class LogPosition:
    """The last record of a log at some moment.

    Attributes:
        record_id: Its number; 0 for an empty log.
        created_at: Its time by the computer's clock; None for an empty log.
        port: Where the event log service was found, to ask there first the next time; 0: unknown.
    """

    record_id: int = 0
    created_at: datetime | None = None
    port: int = field(default=0, compare=False)


@dataclass(frozen=True)
class LogReading:
    """What a log held behind a position.

    Attributes:
        records: Oldest first.
        position: Where to go on the next time.
        was_cleared: The record at the old position is gone: the log was cleared, or it ran over.
    """

    records: tuple[EventRecord, ...]
    position: LogPosition
    was_cleared: bool = False


def last_position(target: NoviceTarget, credential: Credential, limits: CallLimits) -> LogPosition:
    """The last record that is in the log now.

    Args:
        target: The computer.
        credential: Whose right it is read by.
        limits: How long it may take.

    Raises:
        RemoteAssistanceError: It cannot be read.
    """
    with _event_service(target, credential, limits) as (service, port):
        records = _query(service, "*", NEWEST_FIRST, most=1)
    return _position_of(records[0], port) if records else LogPosition(port=port)


def read_from(
    target: NoviceTarget, credential: Credential, limits: CallLimits, position: LogPosition
) -> LogReading:
    """The records behind a position.

    The record at the position is asked for as well: where it is missing, the log was cleared and
    may count anew, so the whole of it is read. What is older than the position is left out then,
    by the computer's own clock.

    Args:
        target: The computer.
        credential: Whose right it is read by.
        limits: How long it may take.
        position: From :func:`last_position` or the reading before.

    Raises:
        RemoteAssistanceError: It cannot be read.
    """
    with _event_service(target, credential, limits, position.port) as (service, port):
        if not position.record_id:
            return _reading(_query(service, "*", OLDEST_FIRST), position, port)
        wanted = f"*[System[(EventRecordID >= {position.record_id})]]"
        records = _query(service, wanted, OLDEST_FIRST)
        if records and _position_of(records[0], port) == position:
            return _reading(records[1:], position, port)
        records = _query(service, "*", OLDEST_FIRST)
    if position.created_at is not None:
        records = [one for one in records if one.created_at > position.created_at]
    return _reading(records, position, port, was_cleared=True)


def _reading(
    records: list[EventRecord], position: LogPosition, port: int, *, was_cleared: bool = False
) -> LogReading:
    following = _position_of(records[-1], port) if records else replace(position, port=port)
    return LogReading(tuple(records), following, was_cleared)


def _position_of(record: EventRecord, port: int) -> LogPosition:
    return LogPosition(record.record_id, record.created_at, port)


@contextmanager
def _event_service(
    target: NoviceTarget, credential: Credential, limits: CallLimits, known_port: int = 0
) -> Iterator[tuple[AnyConnection, int]]:
    """A connection to the event log service, and the port where it was found.

    The port changes when the computer starts anew, so the known one is only tried: whoever else
    listens there now has not the interface, or not the computer's key.
    """
    deadline = Deadline(limits)
    identity = identify(credential, target.dns_name, deadline.left(limits.call_seconds))
    with ExitStack() as stack:
        connection: AnyConnection | None = None
        port = known_port
        if known_port:
            with suppress(RemoteAssistanceError):
                tried = _connection(target, known_port, identity, deadline)
                stack.enter_context(tried.opened())
                connection = tried
        if connection is None:
            port = _port_of(target, identity, deadline)
            connection = _connection(target, port, identity, deadline)
            try:
                stack.enter_context(connection.opened())
            except (Unreachable, TimedOut) as error:
                # Port 135 answered a moment ago, so it is this one that is closed.
                raise EventLogFirewalled() from error
        yield connection, port


def _connection(
    target: NoviceTarget, port: int, identity: Identity, deadline: Deadline
) -> AnyConnection:
    return connection_as(
        identity,
        (target.address,),
        port,
        target.dns_name,
        EVENT_SERVICE,
        deadline,
        version=VERSION,
    )


def _port_of(target: NoviceTarget, identity: Identity, deadline: Deadline) -> int:
    connection = connection_as(
        identity,
        (target.address,),
        target.port,
        target.dns_name,
        endpoint_mapper.ENDPOINT_MAPPER,
        deadline,
        version=endpoint_mapper.VERSION,
    )
    with connection.opened():
        stub = endpoint_mapper.pack_map(EVENT_SERVICE, VERSION)
        answer = _call(connection, endpoint_mapper.EPT_MAP, stub)
    port = endpoint_mapper.parse_map(answer, EVENT_SERVICE)
    if port is None:
        raise EventLogClosed()
    return port


def _call(connection: AnyConnection, operation: int, stub: bytes) -> bytes:
    try:
        return connection.call(operation, stub)
    except RpcFaultError as fault:
        raise for_log_fault(fault.status) from fault


def _query(
    service: AnyConnection, query: str, direction: int, most: int = MOST_RECORDS
) -> list[EventRecord]:
    """The records that a query finds, at most so many."""
    stub = event_log_ndr.pack_register_log_query(CHANNEL, query, CHANNEL_PATH | direction)
    opened = event_log_ndr.parse_register_log_query(_call(service, REGISTER_LOG_QUERY, stub))
    if opened.status:
        raise for_error(opened.status)
    records: list[EventRecord] = []
    try:
        while len(records) < most:
            wanted = min(BATCH, most - len(records))
            stub = event_log_ndr.pack_query_next(opened.query, wanted, WAIT_MILLISECONDS)
            batch = event_log_ndr.parse_query_next(_call(service, QUERY_NEXT, stub))
            if batch.status in (event_log_errors.NO_MORE_ITEMS, *event_log_errors.TIMED_OUT):
                break
            if batch.status:
                raise for_error(batch.status)
            if not batch.events:
                break
            records += [parse_result(event) for event in batch.events[:wanted]]
    finally:
        _close(service, (opened.query, opened.control))
    return records


def _close(service: AnyConnection, handles: tuple[bytes, ...]) -> None:
    """A failure is logged: it must not hide what came before, and the end of the connection
    closes the handles as well."""
    try:
        for handle in handles:
            if handle != event_log_ndr.NO_HANDLE:
                _call(service, CLOSE, handle)
    except RemoteAssistanceError as error:
        log.info("a query on an event log was not closed: %s", error)
