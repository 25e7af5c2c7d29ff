"""Search results are decoded as ldap3 itself decodes them, only once."""

from __future__ import annotations

from typing import Any

import ldap3
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ldap3.operation.search import search_result_entry_response_to_dict_fast
from ldap3.utils.asn1 import decode_message_fast

from directory.ldap.decoding import decode_search_entry, message_size
from directory.ldap.entries import Entry
from directory.ldap.extended_names import parse_extended_name
from directory.ldap.values import MalformedValue, pack_sid

GUID = bytes(range(16))
SID = pack_sid("S-1-5-21-1-2-3-1104")


def element(tag: int, content: bytes, *, long: bool = False) -> bytes:
    """One element of BER; ``long``: with the four-byte lengths that Windows writes."""
    size = len(content)
    if long:
        return bytes([tag, 0x84]) + size.to_bytes(4, "big") + content
    if size < 0x80:
        return bytes([tag, size]) + content
    digits = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(digits)]) + digits + content


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
    found = decode_search_entry(raw)
    assert found is not None
    assert (found[0], found[1].distinguished_name) == (number, "CN=x,DC=r2,DC=local")
    assert plain(found[1]) == by_ldap3(raw)
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
        found = decode_search_entry(bytes(raw))
    except MalformedValue:
        return
    if found is not None:
        for values in found[1].values.values():
            assert all(bytes(value) in raw for value in values)


def test_an_extended_name_gives_guid_and_sid_of_the_entry() -> None:
    name = b"<GUID=" + GUID.hex().encode() + b">;<SID=" + SID.hex().encode() + b">;CN=B\\, A,DC=x"
    found = decode_search_entry(message(name, {b"cn": [b"B, A"]}))
    assert found is not None
    entry = found[1]
    assert entry.distinguished_name == r"CN=B\, A,DC=x"
    assert entry.guid.bytes_le == GUID
    assert entry.sid() == "S-1-5-21-1-2-3-1104"


def test_a_reference_without_a_sid_and_a_plain_name() -> None:
    reference = parse_extended_name(b"<GUID=" + GUID.hex().encode() + b">;OU=x")
    assert (reference.distinguished_name, reference.sid) == ("OU=x", "")
    assert parse_extended_name(b"OU=x").guid is None


@pytest.mark.parametrize(
    "raw", [b"<GUID=zz>;CN=x", b"<GUID=00>;CN=x", b"<SID=0105>;CN=x", b"<GUID=00", b"<"]
)
def test_a_broken_reference_is_refused(raw: bytes) -> None:
    with pytest.raises(MalformedValue):
        parse_extended_name(raw)


def test_the_end_of_a_search_is_none_of_it() -> None:
    done = element(0x30, element(0x02, b"\x07") + element(0x65, b"\x0a\x01\x00\x04\x00\x04\x00"))
    assert decode_search_entry(done) is None


@pytest.mark.parametrize("head", [b"", b"\x30", b"\x30\x82\x01"])
def test_a_beginning_that_tells_no_size_yet(head: bytes) -> None:
    assert message_size(head) is None


@pytest.mark.parametrize("head", [b"HTTP/1.1", b"\x30\x80", b"\x30\x89\x01"])
def test_what_is_no_message_is_refused(head: bytes) -> None:
    with pytest.raises(MalformedValue):
        message_size(head)


def test_ldap3_is_of_the_version_this_was_written_for() -> None:
    assert ldap3.__version__ == "2.9.1"
