"""The lab's BinXml against the bytes of the specification's examples."""

from __future__ import annotations

import struct
import uuid
from datetime import UTC, datetime

from lab.windows import binxml
from lab.windows.binxml import (
    CharacterReference,
    Element,
    EntityReference,
    Substitution,
    Text,
    Value,
)
from lab.windows.event_records import result_set
from tests.binxml_examples import SIMPLE, TEMPLATES


def test_a_fragment_without_templates_is_the_specifications_example() -> None:
    """[MS-EVEN6] 4.4"""
    event = Element(
        "Event",
        (),
        (
            Element("Element1", (), (Text("abc"),)),
            Element(
                "Element2",
                (),
                (Text(" def "), EntityReference("amp"), CharacterReference(60), Text(" ghi ")),
            ),
            Element(
                "Element3",
                (
                    ("AttrA", (Text("abc"),)),
                    (
                        "AttrB",
                        (Text("def"), EntityReference("amp"), CharacterReference(60), Text("ghi")),
                    ),
                ),
            ),
        ),
    )
    assert binxml.fragment(event) == SIMPLE


def _leaf(name: str, index: int, value_type: int) -> Element:
    return Element(name, (), (Substitution(index, value_type),), dependency=index)


def test_a_template_in_a_template_is_the_specifications_example() -> None:
    """[MS-EVEN6] 4.8; the bytes behind the inner definition are what Windows left there."""
    namespace = "http://schemas.microsoft.com/win/2004/08/events"
    inner = Element(
        "MyEvent",
        (("xmlns:auto-ns2", (Text(namespace),)), ("xmlns", (Text("myNs"),))),
        (
            Element("Property", (), (Substitution(0, binxml.UINT32, is_optional=False),)),
            Element("Property2", (), (Substitution(1, binxml.UINT32, is_optional=False),)),
        ),
    )
    inner_data = binxml.template_instance(
        uuid.UUID(bytes_le=TEMPLATES[0x5A6:0x5B6]),
        inner,
        [binxml.number(binxml.UINT32, 1), binxml.number(binxml.UINT32, 2)],
        header=b"",
        waste=TEMPLATES[0x6C6:0x70E],
    )
    system = Element(
        "System",
        (),
        (
            Element(
                "Provider",
                (
                    ("Name", (Text("Microsoft-Windows-Wevttest"),)),
                    ("Guid", (Text("{03f41308-fa7b-4fb3-98b8-c2ed0a40d1ef}"),)),
                ),
            ),
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
                    ("RelatedActivityID", (Substitution(18, binxml.GUID),)),
                ),
            ),
            Element(
                "Execution",
                (
                    ("ProcessID", (Substitution(8, binxml.UINT32),)),
                    ("ThreadID", (Substitution(9, binxml.UINT32),)),
                ),
            ),
            Element("Channel", (), (Text("Microsoft-Windows-Wevttest/Operational/Wevttest"),)),
            Element("Computer", (), (Text("michaelm4-lh.ntdev.corp.microsoft.com"),)),
            Element("Security", (("UserID", (Substitution(12, binxml.SID),)),)),
        ),
    )
    user_data = Element("UserData", (), (Substitution(19, binxml.BINXML),), dependency=19)
    outer = Element("Event", (("xmlns", (Text(f"{namespace}/event"),)),), (system, user_data))
    values = [
        binxml.number(binxml.UINT8, 1),
        binxml.number(binxml.UINT8, 1),
        binxml.number(binxml.UINT16, 100),
        binxml.number(binxml.UINT16, 100),
        binxml.null(),
        binxml.number(binxml.HEX_INT64, 0x4000000000E00000),
        Value(binxml.FILETIME, TEMPLATES[0x56B:0x573]),
        binxml.null(),
        binxml.number(binxml.UINT32, 2088),
        binxml.number(binxml.UINT32, 2464),
        binxml.number(binxml.UINT64, 6),
        binxml.number(binxml.UINT8, 0),
        binxml.sid("S-1-5-21-397955417-626881126-188441444-2967838"),
        *[binxml.null()] * 6,
        Value(binxml.BINXML, inner_data),
    ]
    encoded = binxml.template_instance(uuid.UUID(bytes_le=TEMPLATES[6:22]), outer, values)
    assert encoded == TEMPLATES


def test_a_time_is_a_count_of_hundred_nanoseconds_since_1601() -> None:
    """[MS-DTYP] 2.3.3"""
    assert binxml.filetime(datetime(1601, 1, 1, 0, 0, 1, tzinfo=UTC)).data == struct.pack(
        "<Q", 10_000_000
    )


def test_a_result_set_says_where_event_and_bookmark_are() -> None:
    """[MS-EVEN6] 2.2.17"""
    encoded = result_set(b"\x0f\x01\x01\x00\x00", 17, is_reversed=True)
    total, header, event, bookmark, size = struct.unpack_from("<IIIII", encoded)
    assert (total, header, event, size) == (len(encoded), 0x10, 0x10, 5)
    assert encoded[event + 4 : event + 9] == b"\x0f\x01\x01\x00\x00"
    assert encoded[event + 9 : bookmark] == bytes(4)  # no subqueries
    assert struct.unpack_from("<IIIIIIQ", encoded, bookmark) == (0x20, 0x18, 1, 0, 1, 0x18, 17)
