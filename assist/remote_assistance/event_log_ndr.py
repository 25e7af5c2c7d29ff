"""Stubs of the event log's calls, as pure functions ([MS-EVEN6] 3.1.4.12, 3.1.4.13, 3.1.4.33)."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from assist.remote_assistance.errors import BadAnswer
from assist.remote_assistance.ndr import Reader

HANDLE_SIZE = 20
NO_HANDLE = bytes(HANDLE_SIZE)
MOST_RECORDS = 1024  # MAX_RPC_RECORD_COUNT
LARGEST_BATCH = 2_097_152  # bytes; MAX_RPC_BATCH_SIZE
MOST_CHANNELS = 512  # MAX_RPC_QUERY_CHANNEL_SIZE


@dataclass(frozen=True)
class LogQuery:
    """What EvtRpcRegisterLogQuery answers: two context handles and a Win32 error."""

    query: bytes
    control: bytes
    status: int


@dataclass(frozen=True)
class Batch:
    """What EvtRpcQueryNext answers: result sets, one an event, and a Win32 error."""

    events: tuple[bytes, ...]
    status: int


def _wide_string(text: str) -> bytes:
    units = (text + "\0").encode("utf-16-le")
    count = len(units) // 2
    return struct.pack("<III", count, 0, count) + units + bytes(-len(units) % 4)


def pack_register_log_query(channel: str, query: str, flags: int) -> bytes:
    """EvtRpcRegisterLogQuery's arguments."""
    path = struct.pack("<I", 0x20000) + _wide_string(channel)
    return path + _wide_string(query) + struct.pack("<I", flags)


def parse_register_log_query(stub: bytes) -> LogQuery:
    """Reads EvtRpcRegisterLogQuery's answer.

    Raises:
        BadAnswer: It is not such an answer.
    """
    reader = Reader(stub)
    query, control = reader.take(HANDLE_SIZE), reader.take(HANDLE_SIZE)
    reader.u32()
    if reader.u32():
        _skip_channels(reader)
    for _ in range(3):  # RpcInfo
        reader.u32()
    return LogQuery(query, control, reader.u32())


def _skip_channels(reader: Reader) -> None:
    """EvtRpcQueryChannelInfo (2.2.11): one channel was asked for, its state is the call's."""
    count = reader.u32()
    if count > MOST_CHANNELS:
        raise BadAnswer(f"The computer's answer names {count} channels.")
    names = []
    for _ in range(count):
        names.append(reader.u32())
        reader.u32()
    for referent in names:
        if referent:
            reader.u32()
            reader.u32()
            reader.text(reader.u32())
    reader.align(4)


def pack_query_next(query: bytes, records: int, milliseconds: int) -> bytes:
    """EvtRpcQueryNext's arguments."""
    return query + struct.pack("<III", records, milliseconds, 0)


def parse_query_next(stub: bytes) -> Batch:
    """Reads EvtRpcQueryNext's answer.

    Raises:
        BadAnswer: It is not such an answer, or an event lies outside of it.
    """
    reader = Reader(stub)
    count = reader.u32()
    if count > MOST_RECORDS:
        raise BadAnswer(f"The computer's answer holds {count} events.")
    offsets, sizes = _numbers(reader, count), _numbers(reader, count)
    length = reader.u32()
    buffer = b""
    if reader.u32():
        if reader.u32() != length or length > LARGEST_BATCH:
            raise BadAnswer("The computer's answer is not as long as it says.")
        buffer = reader.take(length)
    status = reader.u32()
    if status:
        return Batch((), status)  # what came with a failure is not to be used
    spent = 0
    events = []
    for offset, size in zip(offsets, sizes, strict=True):
        spent += size
        if offset + size > len(buffer) or spent > len(buffer):
            raise BadAnswer("The computer's answer has an event outside of its buffer.")
        events.append(buffer[offset : offset + size])
    return Batch(tuple(events), status)


def _numbers(reader: Reader, count: int) -> list[int]:
    if not reader.u32():
        if count:
            raise BadAnswer("The computer's answer lacks the places of its events.")
        return []
    found = reader.u32()
    if found > MOST_RECORDS:
        raise BadAnswer(f"The computer's answer holds {found} events.")
    return [reader.u32() for _ in range(found)][:count]
