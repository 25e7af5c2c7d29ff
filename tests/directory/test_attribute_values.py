"""Values of the directory: bytes as the specifications print them, and any bytes at all."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from directory.ldap.values import (
    MalformedValue,
    domain_dns_name,
    pack_sid,
    parent_dn,
    parse_filetime,
    parse_generalized_time,
    parse_guid,
    parse_sid,
    unsigned,
)

ADMINISTRATORS = bytes.fromhex("01020000000000052000000020020000")  # [MS-DTYP] 2.4.2.4


def test_a_sid_is_read_as_the_specification_prints_it() -> None:
    assert parse_sid(ADMINISTRATORS) == "S-1-5-32-544"
    assert pack_sid("S-1-5-32-544") == ADMINISTRATORS


@given(
    st.integers(0, 2**48 - 1),
    st.lists(st.integers(0, 2**32 - 1), min_size=0, max_size=15),
)
def test_every_sid_survives_being_read_and_written(authority: int, parts: list[int]) -> None:
    raw = bytes((1, len(parts))) + authority.to_bytes(6, "big")
    raw += b"".join(part.to_bytes(4, "little") for part in parts)
    assert pack_sid(parse_sid(raw)) == raw


@given(st.binary(max_size=80))
def test_bytes_that_are_no_sid_are_refused_by_our_own_error(raw: bytes) -> None:
    try:
        text = parse_sid(raw)
    except MalformedValue:
        return
    assert pack_sid(text) == raw


@pytest.mark.parametrize("cut", range(len(ADMINISTRATORS)))
def test_a_sid_cut_short_is_refused(cut: int) -> None:
    with pytest.raises(MalformedValue):
        parse_sid(ADMINISTRATORS[:cut])


def test_a_sid_with_bytes_left_over_is_refused() -> None:
    with pytest.raises(MalformedValue):
        parse_sid(ADMINISTRATORS + b"\x00")


@pytest.mark.parametrize("text", ["", "S-1", "S-2-5-32", "S-1-5-x", "S-1-5-4294967296", "R2\\a"])
def test_text_that_is_no_sid_is_refused(text: str) -> None:
    with pytest.raises(MalformedValue):
        pack_sid(text)


def test_a_guid_has_its_first_fields_little_endian() -> None:
    raw = bytes.fromhex("8ffdacedb3ffd111b41d00a0c968f939")
    assert parse_guid(raw) == uuid.UUID("edacfd8f-ffb3-11d1-b41d-00a0c968f939")
    with pytest.raises(MalformedValue):
        parse_guid(raw[:-1])


@pytest.mark.parametrize("never", [b"0", b"9223372036854775807"])
def test_an_account_that_never_expires_has_no_expiry(never: bytes) -> None:
    assert parse_filetime(never) is None


def test_a_filetime_counts_from_1601() -> None:
    assert parse_filetime(b"116444736000000000") == datetime(1970, 1, 1, tzinfo=UTC)


@given(st.integers(-(2**63), 2**63 - 1))
def test_every_filetime_is_a_time_or_never(ticks: int) -> None:
    moment = parse_filetime(str(ticks).encode())
    assert moment is None or moment.tzinfo is UTC


@pytest.mark.parametrize("raw", [b"", b"12x", b"9223372036854775808", b"\xff", "\u0663".encode()])
def test_numbers_out_of_form_are_refused(raw: bytes) -> None:
    with pytest.raises(MalformedValue):
        parse_filetime(raw)


def test_a_generalized_time_is_utc() -> None:
    assert parse_generalized_time(b"20261123070000.0Z") == datetime(2026, 11, 23, 7, tzinfo=UTC)
    with pytest.raises(MalformedValue):
        parse_generalized_time(b"20261323070000.0Z")


def test_flags_come_as_signed_numbers() -> None:
    assert unsigned(-2147483646) == 0x80000002


def test_an_escaped_comma_is_part_of_a_name() -> None:
    assert (
        parent_dn(r"CN=Jones\, Mary,OU=Vancouver,DC=r2,DC=local") == "OU=Vancouver,DC=r2,DC=local"
    )
    assert parent_dn("DC=local") == ""


def test_a_domain_is_named_by_its_distinguished_name() -> None:
    assert domain_dns_name("DC=r2,DC=local") == "r2.local"
