"""Stubs of the event log's calls ([MS-EVEN6] 3.1.4, appendix A)."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from lab.windows.ndr import NdrError, NdrReader, NdrWriter

IID_EVENT_SERVICE = uuid.UUID("f6beaff7-1e19-4fbb-9f8f-b89e2018337c")
VERSION = (1, 0)
REGISTER_LOG_QUERY, QUERY_NEXT, QUERY_SEEK, CLOSE = 5, 11, 12, 13

CHANNEL_PATH, FILE_PATH = 0x1, 0x2
OLDEST_FIRST, NEWEST_FIRST, TOLERATE_ERRORS = 0x100, 0x200, 0x1000
SEEK_FIRST, SEEK_LAST, SEEK_CURRENT, SEEK_BOOKMARK = 1, 2, 3, 4
SEEK_STRICT = 0x10000
MOST_RECORDS = 1024  # MAX_RPC_RECORD_COUNT
LARGEST_BATCH = 1 << 20  # bytes; MAX_RPC_BATCH_SIZE is twice that

SUCCESS = 0
ACCESS_DENIED = 5
INVALID_PARAMETER = 0x57
NO_MORE_ITEMS = 0x103
INVALID_CHANNEL_PATH = 0x3A98
INVALID_QUERY = 0x3A99
CHANNEL_NOT_FOUND = 0x3A9F


@dataclass(frozen=True)
class QueryRequest:
    """EvtRpcRegisterLogQuery's arguments."""

    path: str | None
    query: str
    flags: int


@dataclass(frozen=True)
class NextRequest:
    """EvtRpcQueryNext's arguments."""

    handle: uuid.UUID
    count: int


@dataclass(frozen=True)
class SeekRequest:
    """EvtRpcQuerySeek's arguments."""

    handle: uuid.UUID
    position: int
    bookmark: str | None
    flags: int


def _handle(reader: NdrReader) -> uuid.UUID:
    reader.u32()
    return reader.guid()


def _write_handle(writer: NdrWriter, handle: uuid.UUID | None) -> None:
    writer.u32(0)
    writer.guid(handle or uuid.UUID(int=0))


def read_register_log_query(stub: bytes) -> QueryRequest:
    """Raises NdrError when the stub is malformed."""
    reader = NdrReader(stub)
    path = reader.wide_string() if reader.u32() else None
    query = reader.wide_string()
    return QueryRequest(path, query, reader.u32())


def pack_register_log_query(
    query: uuid.UUID | None, control: uuid.UUID | None, channel: str, status: int
) -> bytes:
    """Two context handles, the state of the channel, RpcInfo, the result."""
    writer = NdrWriter()
    _write_handle(writer, query)
    _write_handle(writer, control)
    if query is None:
        writer.u32(0)
        writer.u32(0)
    else:
        writer.u32(1)
        writer.pointer()
        writer.u32(1)
        writer.pointer()
        writer.u32(SUCCESS)
        writer.wide_string(channel)
    for part in (status, 0, 0):
        writer.u32(part)
    writer.u32(status)
    return writer.getvalue()


def read_query_next(stub: bytes) -> NextRequest:
    """Raises NdrError when the stub is malformed."""
    reader = NdrReader(stub)
    handle = _handle(reader)
    count = reader.u32()
    reader.u32()  # timeOutEnd: the log is in memory
    reader.u32()
    return NextRequest(handle, count)


def pack_query_next(events: list[bytes], status: int) -> bytes:
    """Offsets and sizes of the events in one buffer, and the buffer."""
    writer = NdrWriter()
    offsets, at = [], 0
    for event in events:
        offsets.append(at)
        at += len(event)
    writer.u32(len(events))
    for numbers in (offsets, [len(event) for event in events]):
        if not events:
            writer.u32(0)
            continue
        writer.pointer()
        writer.u32(len(numbers))
        for number in numbers:
            writer.u32(number)
    writer.u32(at)
    if events:
        writer.pointer()
        writer.u32(at)
        writer.raw(b"".join(events))
    else:
        writer.u32(0)
    writer.u32(status)
    return writer.getvalue()


def read_query_seek(stub: bytes) -> SeekRequest:
    """Raises NdrError when the stub is malformed."""
    reader = NdrReader(stub)
    handle = _handle(reader)
    position = reader.u64()
    bookmark = reader.wide_string() if reader.u32() else None
    reader.u32()
    if position >= 1 << 63:
        position -= 1 << 64
    return SeekRequest(handle, position, bookmark, reader.u32())


def pack_query_seek(status: int) -> bytes:
    writer = NdrWriter()
    for part in (status, 0, 0, status):
        writer.u32(part)
    return writer.getvalue()


def read_close(stub: bytes) -> uuid.UUID:
    """Raises NdrError when the stub is malformed."""
    reader = NdrReader(stub)
    handle = _handle(reader)
    if reader.remaining():
        raise NdrError("bytes behind the handle")
    return handle


def pack_close(status: int) -> bytes:
    writer = NdrWriter()
    _write_handle(writer, None)
    writer.u32(status)
    return writer.getvalue()
