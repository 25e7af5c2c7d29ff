"""Records of the RemoteAssistance channel as Windows sends them: result sets of BinXml."""

from __future__ import annotations

import struct
import uuid
from datetime import datetime
from typing import Any

from lab.windows import binxml
from lab.windows.binxml import Element, Substitution, Text

NAMESPACE = "http://schemas.microsoft.com/win/2004/08/events/event"
PROVIDER_GUID = "{5B0A651A-8807-45CC-9656-7579815B6AF0}"
EVENT_TEMPLATE = uuid.UUID("5b0a651a-0000-4000-8000-000000000001")  # the lab's own
DATA_TEMPLATE = uuid.UUID("5b0a651a-0000-4000-8000-000000000002")
HEADER_SIZE = 0x10
BOOKMARK_HEADER_SIZE = 0x18


def _leaf(name: str, index: int, value_type: int) -> Element:
    return Element(name, (), (Substitution(index, value_type),), dependency=index)


def _event_definition(provider: str, channel: str, computer: str) -> Element:
    """Values by their index, as in the specification's example: 0 level, 1 opcode, 2 task, 3 id,
    4 qualifiers, 5 keywords, 6 time, 7 activity, 8 process, 9 thread, 10 record, 11 version,
    12 user, 13 related activity, 14 data."""
    system = Element(
        "System",
        (),
        (
            Element("Provider", (("Name", (Text(provider),)), ("Guid", (Text(PROVIDER_GUID),)))),
            Element(
                "EventID",
                (("Qualifiers", (Substitution(4, binxml.UINT16),)),),
                (Substitution(3, binxml.UINT16),),
                dependency=3,
            ),
            _leaf("Version", 11, binxml.UINT8),
            _leaf("Level", 0, binxml.UINT8),
            _leaf("Task", 2, binxml.UINT16),
            _leaf("Opcode", 1, binxml.UINT8),
            _leaf("Keywords", 5, binxml.HEX_INT64),
            Element("TimeCreated", (("SystemTime", (Substitution(6, binxml.FILETIME),)),)),
            _leaf("EventRecordID", 10, binxml.UINT64),
            Element(
                "Correlation",
                (
                    ("ActivityID", (Substitution(7, binxml.GUID),)),
                    ("RelatedActivityID", (Substitution(13, binxml.GUID),)),
                ),
            ),
            Element(
                "Execution",
                (
                    ("ProcessID", (Substitution(8, binxml.UINT32),)),
                    ("ThreadID", (Substitution(9, binxml.UINT32),)),
                ),
            ),
            Element("Channel", (), (Text(channel),)),
            Element("Computer", (), (Text(computer),)),
            Element("Security", (("UserID", (Substitution(12, binxml.SID),)),)),
        ),
    )
    data = Element("EventData", (), (Substitution(14, binxml.BINXML),), dependency=14)
    return Element("Event", (("xmlns", (Text(NAMESPACE),)),), (system, data))


def _data(data: dict[str, str]) -> binxml.Value:
    """The event's own data: a template of the provider's inside the log's."""
    if not data:
        return binxml.null()
    (name, text), *others = data.items()
    if others:
        raise ValueError("events of this provider carry one value at most")
    definition = Element(
        "Data", (("Name", (Text(name),)),), (Substitution(0, binxml.STRING, is_optional=False),)
    )
    encoded = binxml.template_instance(DATA_TEMPLATE, definition, [binxml.string(text)])
    return binxml.Value(binxml.BINXML, encoded)


def encode_event(event: dict[str, Any]) -> bytes:
    """An event of the lab's log as BinXml."""
    definition = _event_definition(event["Provider"], event["Channel"], event["Computer"])
    values = [
        binxml.number(binxml.UINT8, 4),  # information
        binxml.number(binxml.UINT8, 0),
        binxml.number(binxml.UINT16, 0),
        binxml.number(binxml.UINT16, event["EventID"]),
        binxml.null(),
        binxml.number(binxml.HEX_INT64, 0x4000000000000000),
        binxml.filetime(datetime.fromisoformat(event["TimeCreated"])),
        binxml.null(),
        binxml.number(binxml.UINT32, event["ProcessID"]),
        binxml.number(binxml.UINT32, event["ProcessID"] + 4),
        binxml.number(binxml.UINT64, event["EventRecordID"]),
        binxml.number(binxml.UINT8, 0),
        binxml.sid(event["UserID"]),
        binxml.null(),
        _data(event["EventData"]),
    ]
    return binxml.template_instance(EVENT_TEMPLATE, definition, values)


def result_set(encoded: bytes, record_id: int, *, is_reversed: bool) -> bytes:
    """One event of an answer with its bookmark ([MS-EVEN6] 2.2.17)."""
    bookmark = struct.pack(
        "<IIIIIIQ",
        BOOKMARK_HEADER_SIZE + 8,
        BOOKMARK_HEADER_SIZE,
        1,
        0,
        int(is_reversed),
        BOOKMARK_HEADER_SIZE,
        record_id,
    )
    bookmark_offset = HEADER_SIZE + 4 + len(encoded) + 4
    total = bookmark_offset + len(bookmark)
    header = struct.pack("<IIII", total, HEADER_SIZE, HEADER_SIZE, bookmark_offset)
    return header + struct.pack("<I", len(encoded)) + encoded + struct.pack("<I", 0) + bookmark
