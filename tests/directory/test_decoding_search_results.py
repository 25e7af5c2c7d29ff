"""Search results are decoded as ldap3 itself decodes them, only once."""

from __future__ import annotations

import itertools
import struct
import uuid
from typing import Any

import ldap3
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ldap3.operation.search import search_result_entry_response_to_dict_fast
from ldap3.utils.asn1 import decode_message_fast

from directory.ldap.decoding import decode_search_entries, message_size
from directory.ldap.entries import Entry
from directory.ldap.extended_names import parse_extended_name, parse_reference
from directory.ldap.values import MalformedValue, pack_sid, parse_sid
from tests.directory.scripted_ldap import element

GUID = uuid.UUID("00112233-4455-6677-8899-aabbccddeeff")
SID = "S-1-5-21-1-2-3-1104"


def message(
    name: bytes, attributes: dict[bytes, list[bytes]], *, number: int = 7, long: bool = False
) -> bytes:
    parts = b"".join(
        element(
            0x30,
            element(0x04, attribute, long=long)
            + element(
                0x31, b"".join(element(0x04, value, long=long) for value in values), long=long
            ),
            long=long,
        )
        for attribute, values in attributes.items()
    )
    entry = element(
        0x64, element(0x04, name, long=long) + element(0x30, parts, long=long), long=long
    )
    identity = number.to_bytes(4, "big").lstrip(b"\x00") or b"\x00"
    return element(0x30, element(0x02, identity) + entry, long=long)


def by_ldap3(raw: bytes) -> dict[str, list[bytes]]:
    decoded: Any = decode_message_fast(raw)
    result = search_result_entry_response_to_dict_fast(decoded["payload"], None, None, False)
    return {name.lower(): list(values or []) for name, values in result["raw_attributes"].items()}


def decode(raw: bytes, number: int = 7) -> list[Entry]:
    """The search results at the beginning of what was received."""
    entries: list[Entry] = []
    decode_search_entries(raw, 0, number, entries)
    return entries


def plain(entry: Entry) -> dict[str, list[bytes]]:
    return {name: list(values) for name, values in entry.values.items()}


names = st.from_regex(rb"[A-Za-z][A-Za-z0-9-]{0,20}(;range=0-9)?", fullmatch=True)
entries = st.dictionaries(names, st.lists(st.binary(max_size=300), max_size=4), max_size=12)


@given(attributes=entries, long=st.booleans(), number=st.integers(1, 2**31 - 1))
def test_it_is_what_ldap3_makes_of_it(
    attributes: dict[bytes, list[bytes]], long: bool, number: int
) -> None:
    if len({name.lower() for name in attributes}) < len(attributes):
        return
    raw = message(b"CN=x,DC=r2,DC=local", attributes, number=number, long=long)
    (entry,) = decode(raw, number)
    assert entry.distinguished_name == "CN=x,DC=r2,DC=local"
    assert plain(entry) == by_ldap3(raw)
    assert message_size(raw) == len(raw)


@given(attributes=entries, data=st.data())
def test_a_message_that_is_cut_or_changed_is_refused_or_read_whole(
    attributes: dict[bytes, list[bytes]], data: st.DataObject
) -> None:
    raw = bytearray(message(b"CN=x", attributes))
    place = data.draw(st.integers(0, len(raw) - 1))
    if data.draw(st.booleans()):
        del raw[place:]
    else:
        raw[place] = data.draw(st.integers(0, 255))
    try:
        found = decode(bytes(raw))
    except MalformedValue:
        return
    for entry in found:
        for values in entry.values.values():
            assert all(bytes(value) in raw for value in values)


@given(attributes=entries, pieces=st.lists(st.integers(1, 40), min_size=1), long=st.booleans())
def test_messages_are_found_however_the_bytes_come(
    attributes: dict[bytes, list[bytes]], pieces: list[int], long: bool
) -> None:
    raw = b"".join(message(name, attributes, long=long) for name in (b"CN=a", b"CN=b", b"CN=c"))
    received, position, entries = b"", 0, []
    for size in itertools.chain(pieces, itertools.repeat(500)):
        if len(received) == len(raw):
            break
        received += raw[len(received) : len(received) + size]
        position, other = decode_search_entries(received, position, 7, entries)
        assert other is None
    assert position == len(raw)
    assert [entry.distinguished_name for entry in entries] == ["CN=a", "CN=b", "CN=c"]


def test_a_result_of_another_search_is_refused() -> None:
    with pytest.raises(MalformedValue):
        decode(message(b"CN=x", {}, number=8))


@pytest.mark.parametrize("size", [0x7F, 0x80, 0xFF, 0x100, 0xFFFF, 0x10000])
def test_values_of_every_length(size: int) -> None:
    (entry,) = decode(message(b"CN=x", {b"photo": [b"a" * size], b"cn": [b"b", b"c" * size]}))
    assert plain(entry) == {"photo": [b"a" * size], "cn": [b"b", b"c" * size]}


def test_a_name_longer_than_its_attribute_is_refused() -> None:
    good = message(b"CN=x", {b"cn": [b"value"], b"sn": [b"other"]})
    with pytest.raises(MalformedValue):
        decode(good.replace(b"\x04\x02cn", b"\x04\x12cn"))


def test_an_extended_name_gives_guid_and_sid_of_the_entry() -> None:
    name = f"<GUID={GUID}>;<SID={SID}>;CN=B\\, A,DC=x"
    (entry,) = decode(message(name.encode(), {b"cn": [b"B, A"]}))
    assert entry.distinguished_name == r"CN=B\, A,DC=x"
    assert (entry.guid, entry.guid_hex) == (GUID, GUID.hex)
    assert entry.sid() == SID


def test_guid_and_sid_come_from_attributes_where_the_name_is_plain() -> None:
    values = {b"objectGUID": [GUID.bytes_le], b"objectSid": [pack_sid(SID)]}
    (entry,) = decode(message(b"CN=x", values))
    assert (entry.guid, entry.guid_hex, entry.sid()) == (GUID, GUID.hex, SID)


def test_an_entry_without_a_guid_says_so() -> None:
    (entry,) = decode(message(b"CN=x", {}))
    with pytest.raises(MalformedValue, match="CN=x"):
        _ = entry.guid_hex


def test_what_a_reference_names() -> None:
    raw = f"<GUID={GUID}>;<SID={SID}>;CN=Zoë\\, B,DC=x".encode()
    assert parse_reference(raw) == (GUID.hex, SID)
    name = parse_extended_name(raw)
    assert (name.distinguished_name, name.guid, name.sid) == ("CN=Zoë\\, B,DC=x", GUID, SID)


def test_a_reference_without_a_sid_and_a_plain_name() -> None:
    assert parse_reference(f"<GUID={GUID}>;OU=x".encode()) == (GUID.hex, "")
    assert parse_reference(b"OU=x") == ("", "")
    assert parse_extended_name(b"OU=x").guid is None


@pytest.mark.parametrize("before", ["", f"<GUID={GUID}>;"])
def test_what_no_name_can_hold_is_marked(before: str) -> None:
    raw = before.encode() + b"CN=a\x00b\xff,DC=x"
    assert parse_extended_name(raw).distinguished_name == "CN=a\ufffdb\ufffd,DC=x"


@given(
    guid=st.uuids(),
    authority=st.integers(0, 2**48 - 1),
    parts=st.lists(st.integers(0, 2**32 - 1), max_size=15),
)
def test_a_sid_in_a_reference_is_written_as_everywhere(
    guid: uuid.UUID, authority: int, parts: list[int]
) -> None:
    packet = (
        bytes([1, len(parts)])
        + authority.to_bytes(6, "big")
        + struct.pack(f"<{len(parts)}I", *parts)
    )
    text = parse_sid(packet)
    sent = text.replace("ABCDEF", "abcdef")
    assert parse_reference(f"<GUID={guid}>;<SID={sent}>;CN=x".encode()) == (guid.hex, text)


GOOD = f"<GUID={GUID}>;".encode()


@pytest.mark.parametrize(
    "raw",
    [
        b"<",
        b"<GUID=zz>;CN=x",
        GOOD[:-2],
        GOOD[:-1] + b"CN=x",
        GOOD.replace(b"-", b""),
        GOOD + b"<SID=0105>;CN=x",
        GOOD + b"<SID=S-1-5-21-1-2-3-1104",
        GOOD + b"<SID=S-1>;CN=x",
        GOOD + b"<SID=S-1-5" + b"-1" * 16 + b">;CN=x",
        b"<SID=S-1-5-18>;CN=x",
    ],
)
def test_a_broken_reference_is_refused(raw: bytes) -> None:
    with pytest.raises(MalformedValue):
        parse_extended_name(raw)
    with pytest.raises(MalformedValue):
        parse_reference(raw)


def test_the_end_of_a_search_is_none_of_it() -> None:
    done = element(0x30, element(0x02, b"\x07") + element(0x65, b"\x0a\x01\x00\x04\x00\x04\x00"))
    entry = message(b"CN=x", {})
    entries: list[Entry] = []
    assert decode_search_entries(entry + done, 0, 7, entries) == (len(entry), len(done))
    assert len(entries) == 1


@pytest.mark.parametrize("head", [b"", b"\x30", b"\x30\x82\x01"])
def test_a_beginning_that_tells_no_size_yet(head: bytes) -> None:
    assert message_size(head) is None


@pytest.mark.parametrize("head", [b"HTTP/1.1", b"\x30\x80", b"\x30\x89\x01"])
def test_what_is_no_message_is_refused(head: bytes) -> None:
    with pytest.raises(MalformedValue):
        message_size(head)


def test_ldap3_is_of_the_version_this_was_written_for() -> None:
    assert ldap3.__version__ == "2.9.1"
