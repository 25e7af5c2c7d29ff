"""The NDR forms of IRASrv, byte by byte."""

from __future__ import annotations

import struct
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assist.remote_assistance import activation, errors, ndr
from assist.remote_assistance.errors import BadAnswer
from assist.remote_assistance.logon_session import LogonSession

THAT = bytes(8)
BOB = r"R2\bsmith:1"


def bstr(text: str) -> bytes:
    data = text.encode("utf-16-le")
    return struct.pack("<III", len(text), len(data), len(text)) + data + bytes(-len(data) % 4)


def session_info(*texts: str | None, head: bytes) -> bytes:
    """GetSessionInfo's answer, written by hand from [MS-OAUT] 2.2.30."""
    count = len(texts)
    body = bytes.fromhex("01000000 0100 8001 04000000 00000800 08000000")
    body += struct.pack("<II", count, 0x20000) + struct.pack("<Ii", count, 0)
    body += struct.pack("<I", count)
    body += b"".join(struct.pack("<I", 0 if text is None else 0x20004) for text in texts)
    body += b"".join(bstr(text) for text in texts if text is not None)
    return THAT + head + body + struct.pack("<iI", count, 0)


TWO_REFERENTS = bytes.fromhex("55736572 01000000")
ONE_REFERENT = bytes.fromhex("00000200")


@pytest.mark.parametrize("head", [TWO_REFERENTS, ONE_REFERENT])
def test_sessions_are_read_in_both_forms_and_null_cells_skipped(head: bytes) -> None:
    answer = session_info(None, BOB, None, r"R2\cwong:22", head=head)
    info = ndr.parse_session_info(answer)
    assert info.texts == (BOB, r"R2\cwong:22")
    assert (info.count, info.hresult) == (4, 0)


@pytest.mark.parametrize("head", [TWO_REFERENTS, ONE_REFERENT])
def test_an_answer_cut_anywhere_is_refused(head: bytes) -> None:
    answer = session_info(BOB, head=head)
    for end in range(len(answer)):
        with pytest.raises(BadAnswer):
            ndr.parse_session_info(answer[:end])


@given(st.binary(max_size=400))
def test_no_bytes_make_the_readers_raise_anything_else(stub: bytes) -> None:
    for parse in (ndr.parse_session_info, ndr.parse_novice_user_info):
        try:
            parse(stub)
        except BadAnswer as refused:
            assert refused.sentence


def test_an_array_of_a_million_cells_is_refused_before_it_is_read() -> None:
    answer = bytearray(session_info(BOB, head=TWO_REFERENTS))
    size = struct.pack("<I", 1_000_000)
    at = 8 + 8 + 20
    answer[at : at + 4] = size
    answer[at + 16 : at + 20] = size
    with pytest.raises(BadAnswer, match="1000000"):
        ndr.parse_session_info(bytes(answer))


def test_the_request_for_sessions_has_null_cells_in_the_form_asked_for() -> None:
    common = (
        "01000000 0100 8001 04000000 00000800 08000000 02000000"
        "04000200 02000000 00000000 02000000 00000000 00000000 02000000"
    )
    assert ndr.pack_session_info(2, referents=2) == TWO_REFERENTS + bytes.fromhex(common)
    assert ndr.pack_session_info(2, referents=1) == ONE_REFERENT + bytes.fromhex(common)


def test_the_connection_string_is_read_behind_extensions() -> None:
    extension = struct.pack("<I16sI", 8, bytes(16), 8) + bytes(8)
    that = struct.pack("<IIIIIII", 0, 1, 1, 0, 1, 2, 1) + struct.pack("<I", 0) + extension
    text = "<E/>"
    body = struct.pack("<IIII", 1, 5, 0, 5) + f"{text}\0".encode("utf-16-le") + bytes(2)
    answer = ndr.parse_novice_user_info(that + body + struct.pack("<I", 0))
    assert (answer.text, answer.hresult) == (text, 0)


def test_busy_comes_without_a_text() -> None:
    answer = ndr.parse_novice_user_info(THAT + struct.pack("<II", 0, 0x80070052))
    assert answer.text == ""
    assert isinstance(errors.for_hresult(answer.hresult), errors.Busy)


def test_an_unknown_hresult_is_named() -> None:
    assert "0x8000FFFE" in errors.for_hresult(0x8000FFFE).sentence


def test_the_call_header_has_the_causality_id_and_no_extensions() -> None:
    packed = ndr.pack_orpc_this(UUID("00112233-4455-6677-8899-aabbccddeeff"))
    assert packed.hex() == "05000700" + "00" * 8 + "33221100554477668899aabbccddeeff" + "00000000"


@pytest.mark.parametrize(
    ("session_id", "beginning"), [(None, "ffffffff00000000"), (3, "0300000001000000")]
)
def test_the_activation_carries_the_session(session_id: int | None, beginning: str) -> None:
    packed = activation.pack_special_properties(session_id)
    assert packed[:16].hex() == "01100800cccccccc" + "58000000" + "00000000"
    assert packed[16:24].hex() == beginning
    assert len(packed) % 8 == 0


def test_a_logon_session_is_read_as_windows_writes_it() -> None:
    assert LogonSession.parse(BOB) == LogonSession("R2", "bsmith", 1)
    assert str(LogonSession.parse(BOB)) == BOB


@pytest.mark.parametrize(
    "text", ["", "bsmith:1", r"R2\bsmith", r"R2\bsmith:x", r"R2\bsmith:99999999999", r"R2\:1"]
)
def test_a_logon_session_in_another_form_is_refused(text: str) -> None:
    with pytest.raises(BadAnswer):
        LogonSession.parse(text)
