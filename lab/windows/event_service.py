"""The event log service: queries on the RemoteAssistance channel, for who may read it."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from lab.windows import answers, calls, even6, pdu
from lab.windows.caller import Caller
from lab.windows.event_records import encode_event, result_set
from lab.windows.events import CHANNEL, EventLog
from lab.windows.ndr import NdrError
from lab.windows.policy import DOMAIN_ADMINS_RID
from lab.windows.rpc_server import Call

EVENT_LOG_READERS = "S-1-5-32-573"  # [MS-DTYP] 2.4.2.4
MOST_QUERIES = 256  # open at once; who never closes loses the oldest
_QUERY = re.compile(
    r"\*(?:\[System\[\(?EventRecordID\s*(?P<operator>>=|>|=)\s*(?P<number>\d{1,19})\)?\]\])?"
)
_BOOKMARK = re.compile(r"RecordId=['\"](\d{1,19})['\"]")


@dataclass
class _Query:
    """A log query object (3.1.1.11): the records that match now, and the cursor among them."""

    events: list[dict[str, Any]]
    is_reversed: bool
    position: int = 0


class EventService:
    """Answers at the event log's dynamic port.

    Args:
        event_log: The computer's.
        script: What the computer's script says now.
        readers: SIDs that policy put into the local group Event Log Readers.
        recorder: Gets every call.
    """

    interfaces = frozenset({even6.IID_EVENT_SERVICE})

    def __init__(
        self,
        event_log: EventLog,
        script: Callable[[], answers.Script],
        readers: frozenset[str],
        recorder: calls.CallRecorder,
    ) -> None:
        self._log = event_log
        self._script = script
        self._readers = readers
        self._recorder = recorder
        self._handles: dict[uuid.UUID, _Query | None] = {}

    @property
    def is_open(self) -> bool:
        """Whether the service can be found over the network."""
        return self._script().event_log != answers.CLOSED

    def _may_read(self, caller: Caller) -> bool:
        """The channel's access property: administrators and Event Log Readers."""
        if self._script().event_log == answers.DENIED:
            return False
        if any(sid.endswith(DOMAIN_ADMINS_RID) for sid in caller.group_sids):
            return True
        return EVENT_LOG_READERS in caller.sids or bool(self._readers & caller.sids)

    async def answer(self, call: Call) -> bytes:
        faulted = self._recorder.faulted
        if call.caller is None or call.level < pdu.LEVEL_PRIVACY:
            raise faulted(call, pdu.FAULT_ACCESS_DENIED)
        try:
            match call.opnum:
                case even6.REGISTER_LOG_QUERY:
                    return self._register(call, call.caller)
                case even6.QUERY_NEXT:
                    return self._next(call)
                case even6.QUERY_SEEK:
                    return self._seek(call)
                case even6.CLOSE:
                    return self._close(call)
        except NdrError:
            faulted(call, pdu.FAULT_BAD_STUB_DATA)
            raise
        raise faulted(call, pdu.FAULT_OPNUM_RANGE)

    def _register(self, call: Call, caller: Caller) -> bytes:
        request = even6.read_register_log_query(call.stub)
        status, events = self._find(request, caller)
        query = control = None
        if status == even6.SUCCESS:
            query, control = uuid.uuid4(), uuid.uuid4()
            is_reversed = bool(request.flags & even6.NEWEST_FIRST)
            self._handles[query] = _Query(events[::-1] if is_reversed else events, is_reversed)
            self._handles[control] = None
            while len(self._handles) > 2 * MOST_QUERIES:
                self._handles.pop(next(iter(self._handles)))
        self._recorder.answered(call, status)
        return even6.pack_register_log_query(query, control, CHANNEL, status)

    def _find(
        self, request: even6.QueryRequest, caller: Caller
    ) -> tuple[int, list[dict[str, Any]]]:
        """The checks of 3.1.4.12 in their order, and the records that match."""
        known = even6.CHANNEL_PATH | even6.FILE_PATH | even6.OLDEST_FIRST | even6.NEWEST_FIRST
        path = request.flags & (even6.CHANNEL_PATH | even6.FILE_PATH)
        direction = request.flags & (even6.OLDEST_FIRST | even6.NEWEST_FIRST)
        if (
            request.flags & ~(known | even6.TOLERATE_ERRORS)
            or path not in (even6.CHANNEL_PATH, even6.FILE_PATH)
            or direction not in (even6.OLDEST_FIRST, even6.NEWEST_FIRST)
        ):
            return even6.INVALID_PARAMETER, []
        if path == even6.FILE_PATH or not request.path:
            return even6.INVALID_CHANNEL_PATH, []
        wanted = _QUERY.fullmatch(request.query)
        if wanted is None:
            return even6.INVALID_QUERY, []
        if request.path.lower() != CHANNEL.lower():
            return even6.CHANNEL_NOT_FOUND, []
        if not self._may_read(caller):
            return even6.ACCESS_DENIED, []
        return even6.SUCCESS, [one for one in self._log.events if _matches(one, wanted)]

    def _query(self, handle: uuid.UUID) -> _Query | None:
        return self._handles.get(handle)

    def _next(self, call: Call) -> bytes:
        request = even6.read_query_next(call.stub)
        query = self._query(request.handle)
        if query is None:
            self._recorder.answered(call, even6.INVALID_PARAMETER)
            return even6.pack_query_next([], even6.INVALID_PARAMETER)
        encoded: list[bytes] = []
        size = 0
        most = min(request.count, even6.MOST_RECORDS)
        for event in query.events[query.position : query.position + most]:
            record = result_set(
                encode_event(event), event["EventRecordID"], is_reversed=query.is_reversed
            )
            if encoded and size + len(record) > even6.LARGEST_BATCH:
                break
            encoded.append(record)
            size += len(record)
        query.position += len(encoded)
        status = even6.SUCCESS if encoded else even6.NO_MORE_ITEMS
        self._recorder.answered(call, status)
        return even6.pack_query_next(encoded, status)

    def _seek(self, call: Call) -> bytes:
        request = even6.read_query_seek(call.stub)
        query = self._query(request.handle)
        status = even6.INVALID_PARAMETER if query is None else self._move(query, request)
        self._recorder.answered(call, status)
        return even6.pack_query_seek(status)

    @staticmethod
    def _move(query: _Query, request: even6.SeekRequest) -> int:
        last = max(len(query.events) - 1, 0)
        match request.flags & 7:
            case even6.SEEK_FIRST:
                origin = 0
            case even6.SEEK_LAST:
                origin = last
            case even6.SEEK_CURRENT:
                origin = query.position
            case even6.SEEK_BOOKMARK:
                found = _BOOKMARK.search(request.bookmark or "")
                numbers = [one["EventRecordID"] for one in query.events]
                if found is None or int(found[1]) not in numbers:
                    return even6.INVALID_PARAMETER
                origin = numbers.index(int(found[1]))
            case _:
                return even6.INVALID_PARAMETER
        position = origin + request.position
        if request.flags & even6.SEEK_STRICT and not 0 <= position <= last:
            return even6.NO_MORE_ITEMS
        query.position = min(max(position, 0), len(query.events))
        return even6.SUCCESS

    def _close(self, call: Call) -> bytes:
        handle = even6.read_close(call.stub)
        known = handle in self._handles
        self._handles.pop(handle, None)
        status = even6.SUCCESS if known else even6.INVALID_PARAMETER
        self._recorder.answered(call, status)
        return even6.pack_close(status)


def _matches(event: dict[str, Any], wanted: re.Match[str]) -> bool:
    if wanted["operator"] is None:
        return True
    record, asked = event["EventRecordID"], int(wanted["number"])
    match wanted["operator"]:
        case ">":
            return bool(record > asked)
        case ">=":
            return bool(record >= asked)
    return bool(record == asked)
