"""What browsers send, and what others may send instead: parsed without trust."""

from __future__ import annotations

import base64
import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assist.remote_assistance.der import DerError, content, parts
from portal.signin.negotiate_token import (
    KERBEROS,
    LARGEST,
    NTLM,
    SPNEGO,
    NotKerberos,
    kerberos_request,
    parse_header,
)
from portal.signin.pac import PacError, parse_user_sid

AP_REQ = bytes.fromhex("6e03020105")
NTLM_TOKEN = b"NTLMSSP\x00\x01\x00\x00\x00"
# Names and numbers of the example in [MS-PAC] 3: lzhu of NTDEV.
VALIDATION_INFO_USER = 2914711


def element(tag: int, inside: bytes) -> bytes:
    length = len(inside)
    if length < 0x80:
        return bytes([tag, length]) + inside
    encoded = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(encoded)]) + encoded + inside


def framed(mechanism: bytes, inner: bytes) -> bytes:
    return element(0x60, element(0x06, mechanism) + inner)


def negotiated(mechanisms: list[bytes], token: bytes | None) -> bytes:
    """RFC 4178 4.2.1, negTokenInit."""
    inside = element(0xA0, element(0x30, b"".join(element(0x06, each) for each in mechanisms)))
    if token is not None:
        inside += element(0xA2, element(0x04, token))
    return framed(SPNEGO, element(0xA0, element(0x30, inside)))


BARE = framed(KERBEROS, b"\x01\x00" + AP_REQ)


@pytest.mark.parametrize(
    "token", [BARE, negotiated([KERBEROS], BARE), negotiated([KERBEROS, NTLM], BARE)]
)
def test_kerberos_is_found_bare_and_negotiated(token: bytes) -> None:
    assert kerberos_request(token) == AP_REQ


@pytest.mark.parametrize(
    "token",
    [NTLM_TOKEN, negotiated([NTLM], NTLM_TOKEN), negotiated([NTLM, KERBEROS], None)],
)
def test_ntlm_is_told_apart(token: bytes) -> None:
    with pytest.raises(NotKerberos) as refused:
        kerberos_request(token)
    assert refused.value.is_ntlm


@pytest.mark.parametrize(
    "token",
    [
        b"",
        b"\x60",
        BARE[:-1],
        BARE + b"\x00",
        framed(KERBEROS, b"\x02\x00" + AP_REQ),  # an AP-REP
        framed(b"\x2a", b"\x01\x00" + AP_REQ),
        negotiated([KERBEROS], None),
        negotiated([], BARE),
        negotiated([b"\x2a", KERBEROS], BARE),
        bytes.fromhex("6085ffffffffff06"),
    ],
)
def test_anything_else_is_no_kerberos(token: bytes) -> None:
    with pytest.raises(NotKerberos) as refused:
        kerberos_request(token)
    assert not refused.value.is_ntlm


@given(st.binary(max_size=200))
def test_no_bytes_do_anything_but_be_refused(token: bytes) -> None:
    with pytest.raises(NotKerberos):
        kerberos_request(token)


@given(st.integers(0, len(BARE) + 40), st.integers(0, 255))
def test_a_changed_token_is_parsed_or_refused(place: int, value: int) -> None:
    token = bytearray(negotiated([KERBEROS, NTLM], BARE))
    token[place % len(token)] = value
    with contextlib.suppress(NotKerberos):
        kerberos_request(bytes(token))


def test_a_header_of_another_scheme_is_none() -> None:
    assert parse_header("Basic bWFyeTpwdw==") is None
    assert parse_header("negotiate " + base64.b64encode(BARE).decode()) == BARE


@pytest.mark.parametrize("text", ["Negotiate !!", "Negotiate " + "A" * (LARGEST * 2)])
def test_a_header_that_is_no_token_is_refused(text: str) -> None:
    with pytest.raises(NotKerberos):
        parse_header(text)


@given(st.binary(max_size=40))
def test_der_is_taken_whole_or_refused(data: bytes) -> None:
    try:
        inside = content(data, 0x30)
    except DerError:
        return
    assert element(0x30, inside)[-len(inside) :] == inside or not inside
    with contextlib.suppress(DerError):
        parts(data, 0x30)


def validation_info(user_id: int, *, groups: int = 2) -> bytes:
    """A KERB_VALIDATION_INFO as domain controllers marshal it ([MS-PAC] 2.5)."""

    def number(value: int) -> bytes:
        return value.to_bytes(4, "little")

    def text_pointer(text: str, referent: int) -> bytes:
        size = (2 * len(text)).to_bytes(2, "little")
        return size + size + number(referent if text else 0)

    def text(value: str) -> bytes:
        if not value:
            return b""
        data = number(len(value)) + number(0) + number(len(value)) + value.encode("utf-16-le")
        return data + bytes(-len(data) % 4)

    before = ["lzhu", "Liqiang Zhu", "ntds2.bat", "", "", ""]
    after = ["NTDEV-DC-05", "NTDEV"]
    body = number(0x20000) + bytes(48)
    body += b"".join(text_pointer(each, 0x20004 + index) for index, each in enumerate(before))
    body += bytes(4) + number(user_id) + number(513) + number(groups) + number(0x20100)
    body += number(0x20) + bytes(16)
    body += b"".join(text_pointer(each, 0x20200 + index) for index, each in enumerate(after))
    body += number(0x20300) + bytes(60)
    body += b"".join(map(text, before))
    body += number(groups) + b"".join(number(513 + index) + number(7) for index in range(groups))
    body += b"".join(map(text, after))
    sid = [21, 397955417, 626881126, 188441444]
    body += number(len(sid)) + bytes([1, len(sid)]) + (5).to_bytes(6, "big")
    body += b"".join(map(number, sid))
    return bytes.fromhex("01100800cccccccc") + number(len(body)) + bytes(4) + body


@pytest.mark.parametrize("groups", [0, 1, 200])
def test_the_sid_is_that_of_domain_and_user(groups: int) -> None:
    data = validation_info(VALIDATION_INFO_USER, groups=groups)
    assert parse_user_sid(data) == "S-1-5-21-397955417-626881126-188441444-2914711"


def test_a_pac_cut_anywhere_is_refused() -> None:
    data = validation_info(VALIDATION_INFO_USER)
    for end in range(len(data)):
        with pytest.raises(PacError):
            parse_user_sid(data[:end])


@given(st.binary(max_size=400))
def test_no_bytes_make_a_sid_of_nothing(data: bytes) -> None:
    with contextlib.suppress(PacError):
        parse_user_sid(bytes.fromhex("01100800cccccccc") + data)
