"""BinXml and the answers around it: the specification's bytes, any tree, and hostile ones."""

from __future__ import annotations

import random
import struct
import time
import uuid
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assist.remote_assistance import event_log_binxml, event_log_ndr
from assist.remote_assistance.errors import BadAnswer
from assist.remote_assistance.event_log_binxml import Element, decode
from assist.remote_assistance.event_log_records import parse_event, parse_result
from lab.windows import binxml
from lab.windows.event_records import encode_event, result_set
from tests.binxml_examples import SIMPLE, TEMPLATES
from tests.environment import sample_size

EVENT = {
    "Provider": "Microsoft-Windows-RemoteAssistance",
    "Channel": "Microsoft-Windows-RemoteAssistance/Operational",
    "EventID": 13,
    "EventRecordID": 17,
    "Computer": "XP191.r2.local",
    "TimeCreated": "2026-11-23T07:00:00.123456Z",
    "ProcessID": 4242,
    "UserID": "S-1-5-21-1-2-3-1104",
    "EventData": {"FuncName": "-Embedding"},
}


def test_the_specifications_example_without_templates() -> None:
    """[MS-EVEN6] 4.4"""
    root = decode(SIMPLE)
    assert [(one.name, one.text) for one in root.children] == [
        ("Element1", "abc"),
        ("Element2", " def &< ghi "),
        ("Element3", ""),
    ]
    assert root.children[2].attributes == (("AttrA", "abc"), ("AttrB", "def&<ghi"))


def test_the_specifications_example_of_a_template_in_a_template() -> None:
    """[MS-EVEN6] 4.8; its text and its bytes differ in record number and time."""
    record = parse_event(decode(TEMPLATES))
    assert (record.record_id, record.event_id, record.process_id) == (6, 100, 2088)
    assert record.user_sid == "S-1-5-21-397955417-626881126-188441444-2967838"
    assert record.computer == "michaelm4-lh.ntdev.corp.microsoft.com"
    assert record.created_at == datetime(2006, 6, 14, 21, 40, 54, 625807, tzinfo=UTC)
    assert dict(record.data) == {"Property": "1", "Property2": "2"}


def test_what_is_null_is_left_out_with_its_element_or_attribute() -> None:
    """[MS-EVEN6] 3.1.4.7.2"""
    system = decode(TEMPLATES).child("System")
    assert system is not None
    event_id, correlation = system.child("EventID"), system.child("Correlation")
    assert event_id is not None
    assert event_id.attributes == ()
    assert correlation is not None
    assert correlation.attributes == ()


def test_an_array_makes_as_many_elements() -> None:
    """[MS-EVEN6] 3.1.4.7.5"""
    definition = binxml.Element(
        "SomeEvent",
        (),
        (
            binxml.Element("PropA", (), (binxml.Substitution(0, 0x04, is_optional=False),)),
            binxml.Element("PropB", (), (binxml.Substitution(1, 0x04, is_optional=False),)),
        ),
    )
    values = [binxml.Value(0x84, b"\x61\x63"), binxml.Value(0x04, b"\x65")]
    root = decode(binxml.template_instance(uuid.uuid4(), definition, values))
    assert [(one.name, one.text) for one in root.children] == [
        ("PropA", "97"),
        ("PropA", "99"),
        ("PropB", "101"),
    ]


@pytest.mark.parametrize(
    ("kind", "data", "text"),
    [
        (0x01, "61006200", "ab"),
        (0x02, "6162", "ab"),
        (0x03, "ff", "-1"),
        (0x05, "feff", "-2"),
        (0x07, "ffffffff", "-1"),
        (0x09, "ffffffffffffffff", "-1"),
        (0x0A, "ffffffffffffffff", "18446744073709551615"),
        (0x0B, "0000c03f", "1.5"),
        (0x0C, "000000000000f83f", "1.5"),
        (0x0D, "01", "true"),
        (0x0D, "00000000", "false"),
        (0x0E, "00ff", "00ff"),
        (0x0F, "d2814d2dbd946746a2af2343f9d83462", "{2d4d81d2-94bd-4667-a2af-2343f9d83462}"),
        (0x10, "12000000", "0x12"),
        (0x11, "80969800 00000000", "1601-01-01T00:00:01.0000000Z"),
        (0x12, "d6070a000500140003001700 3600f800", "2006-10-20T03:23:54.248Z"),
        (0x13, "010100000000000512000000", "S-1-5-18"),
        (0x14, "12000000", "0x12"),
        (0x15, "1200000000000000", "0x12"),
        (0x7E, "beef", "beef"),  # none of the table
    ],
)
def test_values_are_written_as_the_specification_says(kind: int, data: str, text: str) -> None:
    """[MS-EVEN6] 2.2.12.3; the type's own example where it has one."""
    definition = binxml.Element("E", (), (binxml.Substitution(0, kind, is_optional=False),))
    values = [binxml.Value(kind, bytes.fromhex(data))]
    assert decode(binxml.template_instance(uuid.uuid4(), definition, values)).text == text


NAMES = st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=1, max_size=8)
TEXTS = st.text(st.characters(max_codepoint=0xFFFF, exclude_categories=["Cs"]), max_size=12)


def _elements(children: st.SearchStrategy[binxml.Element]) -> st.SearchStrategy[binxml.Element]:
    attributes = st.lists(st.tuples(NAMES, st.tuples(st.builds(binxml.Text, TEXTS))), max_size=3)
    content = st.lists(st.one_of(children, st.builds(binxml.Text, TEXTS)), max_size=4)
    return st.builds(
        lambda name, held, parts: binxml.Element(name, tuple(held), tuple(parts)),
        NAMES,
        attributes,
        content,
    )


TREES = st.recursive(st.builds(binxml.Element, NAMES), _elements, max_leaves=12)


def _decoded(element: binxml.Element) -> Element:
    """What should come out of an element of text alone."""
    return Element(
        element.name,
        tuple((name, data[0].text) for name, data in element.attributes),  # type: ignore[union-attr]
        tuple(
            part.text if isinstance(part, binxml.Text) else _decoded(part)  # type: ignore[arg-type]
            for part in element.content
        ),
    )


@given(TREES)
def test_any_tree_comes_out_as_it_went_in(tree: binxml.Element) -> None:
    assert decode(binxml.fragment(tree)) == _decoded(tree)
    assert decode(binxml.template_instance(uuid.uuid4(), tree, [])) == _decoded(tree)


@given(
    st.integers(0, 2**63 - 1),
    st.integers(0, 4_000_000_000_000_000),
    st.dictionaries(st.just("FuncName"), st.text(st.sampled_from("abc -/:éü€"), max_size=40)),
)
def test_any_record_comes_out_as_it_went_in(
    number: int, microseconds: int, data: dict[str, str]
) -> None:
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds)
    text = f"{moment:%Y-%m-%dT%H:%M:%S.%f}Z"
    event = EVENT | {"EventRecordID": number, "TimeCreated": text, "EventData": data}
    record = parse_result(result_set(encode_event(event), number, is_reversed=False))
    assert record.record_id == number
    assert record.created_at == moment
    assert dict(record.data) == {name: value.strip() for name, value in data.items()}
    assert record.user_sid == EVENT["UserID"]


def _is_refused_quickly(data: bytes) -> None:
    began = time.process_time()
    with pytest.raises(BadAnswer):
        decode(data)
    assert time.process_time() - began < 2


def _instance(content: tuple[binxml.Substitution, ...], *values: binxml.Value) -> bytes:
    definition = binxml.Element("E", (), content)
    return binxml.template_instance(uuid.uuid4(), definition, values)


def test_few_bytes_cannot_stand_for_much_text() -> None:
    many = tuple(binxml.Substitution(0, 1, is_optional=False) for _ in range(5000))
    _is_refused_quickly(_instance(many, binxml.string("x" * 30_000)))


def test_few_bytes_cannot_stand_for_many_elements() -> None:
    inner = binxml.fragment(binxml.Element("A", (), (binxml.Element("B"),) * 500))
    many = tuple(binxml.Substitution(0, 0x21, is_optional=False) for _ in range(5000))
    _is_refused_quickly(_instance(many, binxml.Value(0x21, inner)))


def test_few_bytes_cannot_stand_for_much_work() -> None:
    idle = binxml.FRAGMENT_HEADER * 10_000 + binxml.fragment(binxml.Element("A"))
    many = tuple(binxml.Substitution(0, 0x21, is_optional=False) for _ in range(5000))
    _is_refused_quickly(_instance(many, binxml.Value(0x21, idle)))
    empty_texts = binxml.Value(0x81, bytes(60_000))
    _is_refused_quickly(_instance(many, empty_texts))


def test_templates_in_templates_in_templates_end() -> None:
    value = binxml.Value(0x21, binxml.fragment(binxml.Element("A")))
    for _ in range(40):
        once = (binxml.Substitution(0, 0x21, is_optional=False),)
        value = binxml.Value(0x21, _instance(once, value))
    _is_refused_quickly(value.data)


def test_elements_in_elements_end() -> None:
    tree = binxml.Element("A")
    for _ in range(40):
        tree = binxml.Element("A", (), (tree,))
    _is_refused_quickly(binxml.fragment(tree))


def test_an_event_beyond_the_largest_is_not_looked_at() -> None:
    _is_refused_quickly(SIMPLE + bytes(event_log_binxml.LARGEST_EVENT))


@pytest.mark.parametrize("index", [1, 9, 0xFFFE])
def test_a_value_that_is_not_there_is_refused(index: int) -> None:
    _is_refused_quickly(_instance((binxml.Substitution(index, 4),), binxml.null()))


def _mutated(data: bytes, chance: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(changed))
        match chance.randrange(4):
            case 0:
                changed[at] = chance.choice((0, 1, 4, 0x0C, 0x0E, 0x21, 0x7F, 0x81, 0xFF))
            case 1:
                changed[at] ^= 1 << chance.randrange(8)
            case 2:
                del changed[at : at + chance.randint(1, 40)]
            case 3:
                changed[at:at] = changed[at : at + chance.randint(1, 40)]
        if not changed:
            return b"\x00"
    return bytes(changed)


@pytest.mark.parametrize("original", [SIMPLE, TEMPLATES, encode_event(EVENT)])
def test_changed_bytes_are_read_or_refused_and_nothing_else(original: bytes) -> None:
    chance = random.Random(len(original))
    began = time.process_time()
    for _ in range(sample_size(600, soak=30_000)):
        try:
            decode(_mutated(original, chance))
        except BadAnswer:
            continue
    assert time.process_time() - began < sample_size(20, soak=600)


def test_changed_answers_are_read_or_refused_and_nothing_else() -> None:
    chance = random.Random(6)
    record = result_set(encode_event(EVENT), 17, is_reversed=False)
    answer = _answer([record, record])
    for _ in range(sample_size(600, soak=20_000)):
        try:
            for event in event_log_ndr.parse_query_next(_mutated(answer, chance)).events:
                parse_result(event)
        except BadAnswer:
            continue


def _answer(events: list[bytes], status: int = 0) -> bytes:
    """EvtRpcQueryNext's, written out from its definition (3.1.4.13)."""
    offsets = [sum(map(len, events[:index])) for index in range(len(events))]
    size = sum(map(len, events))
    stub = struct.pack("<I", len(events))
    for numbers in (offsets, [len(event) for event in events]):
        stub += struct.pack(f"<II{len(numbers)}I", 0x20000, len(numbers), *numbers)
    stub += struct.pack("<III", size, 0x20008, size) + b"".join(events)
    return stub + bytes(-len(stub) % 4) + struct.pack("<I", status)


def test_an_answer_gives_its_events() -> None:
    assert event_log_ndr.parse_query_next(_answer([b"abc", b"de"])).events == (b"abc", b"de")


def test_what_comes_with_a_failure_is_not_used() -> None:
    batch = event_log_ndr.parse_query_next(_answer([b"abc"], status=0x103))
    assert (batch.events, batch.status) == ((), 0x103)


def test_events_outside_of_the_buffer_are_refused() -> None:
    answer = bytearray(_answer([b"abc", b"de"]))
    answer[12:16] = struct.pack("<I", 4)
    with pytest.raises(BadAnswer):
        event_log_ndr.parse_query_next(bytes(answer))


def test_overlapping_events_cannot_make_much_of_a_small_buffer() -> None:
    count = 1024
    stub = struct.pack("<I", count)
    stub += struct.pack(f"<II{count}I", 1, count, *[0] * count)
    stub += struct.pack(f"<II{count}I", 1, count, *[60_000] * count)
    stub += struct.pack("<III", 60_000, 1, 60_000) + bytes(60_000) + struct.pack("<I", 0)
    with pytest.raises(BadAnswer):
        event_log_ndr.parse_query_next(stub)


def test_the_query_is_marshalled_as_the_definition_says() -> None:
    """[MS-EVEN6] 3.1.4.12: unique string, string, flags."""
    stub = event_log_ndr.pack_register_log_query("Ab", "*", 0x101)
    assert stub == (
        struct.pack("<IIII", 0x20000, 3, 0, 3)
        + "Ab\0".encode("utf-16-le")
        + bytes(2)
        + struct.pack("<III", 2, 0, 2)
        + "*\0".encode("utf-16-le")
        + struct.pack("<I", 0x101)
    )
