"""Reading invitation files: both forms, both encodings, and what people do to them.

The file of the older form follows FreeRDP's libfreerdp/common/test/TestCommonAssistance.c.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assist.remote_assistance.connection_string import parse_connection_string
from assist.remote_assistance.invitation_file import new_password, write_freerdp, write_windows
from assist.remote_assistance.invitation_reading import (
    LARGEST,
    BadInvitationFile,
    ReadInvitation,
    read_invitation,
)

NOW = datetime(2026, 11, 23, 7, 0, tzinfo=UTC)
FIVE_MINUTES = timedelta(minutes=5)
CONNECTION_STRING = parse_connection_string(
    '<E><A KH="aGFzaA==" ID="abc"/><C><T ID="1" SID="0"><L P="49700" N="127.0.11.191"/></T></C></E>'
)
TICKET_XP = (
    "65538,1,10.0.3.105:3389;winxpsp3.contoso3.com:3389,*,"
    "rb+v0oPmEISmi8N2zK/vuhgul/ABqlDt6wW0VxMyxK8=,*,*,IuaRySSbPDNna4+2mKcsKxsbJFI="
)
OLDER = (
    '<?xml version="1.0" encoding="Unicode" ?><UPLOADINFO TYPE="Escalated">'
    f'<UPLOADDATA USERNAME="Administrator" RCTICKET="{TICKET_XP}" RCTICKETENCRYPTED="1" '
    'DtStart="1314905741" DtLength="180" PassStub="RT=0PvIndan52*" L="0" /></UPLOADINFO>'
)


def freerdp(password: str) -> bytes:
    return write_freerdp(
        CONNECTION_STRING,
        password=password,
        novice_name=r"R2\bsmith",
        now=NOW,
        lifetime=FIVE_MINUTES,
    )


@pytest.mark.parametrize(
    "content",
    [
        OLDER.encode(),
        OLDER.encode() + b"\0",
        OLDER.encode("utf-8-sig"),
        OLDER.encode("utf-16"),
        OLDER.encode("utf-16-le"),
    ],
)
def test_the_older_form_is_read_in_every_encoding_it_comes_in(content: bytes) -> None:
    assert read_invitation(content) == ReadInvitation(
        novice_name="Administrator",
        ticket=TICKET_XP,
        encrypted_ticket=b"",
        needs_password=True,
        begins_at=datetime(2011, 9, 1, 19, 35, 41, tzinfo=UTC),
        ends_at=datetime(2011, 9, 1, 22, 35, 41, tzinfo=UTC),
    )


def test_what_is_written_for_freerdp_is_read_with_its_password() -> None:
    password = new_password()
    invitation = read_invitation(freerdp(password))
    assert invitation.needs_password
    assert invitation.connection_string(password) == CONNECTION_STRING


def test_what_is_written_for_freerdp_stays_closed_to_another_password() -> None:
    invitation = read_invitation(freerdp("ABCDEFGHJKLM"))
    with pytest.raises(BadInvitationFile, match="password"):
        invitation.connection_string("ABCDEFGHJKLN")


def test_what_is_written_for_windows_needs_no_password() -> None:
    content = write_windows(
        CONNECTION_STRING, novice_name=r"R2\bsmith", now=NOW, lifetime=FIVE_MINUTES
    )
    invitation = read_invitation(content)
    assert not invitation.needs_password
    assert invitation.ticket == CONNECTION_STRING.to_version_1()
    with pytest.raises(BadInvitationFile, match="older form"):
        invitation.connection_string("")


def test_an_invitation_ends_at_its_last_minute() -> None:
    invitation = read_invitation(freerdp(new_password()))
    assert not invitation.is_expired(NOW + FIVE_MINUTES - timedelta(seconds=1))
    assert invitation.is_expired(NOW + FIVE_MINUTES)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_curly_quotes_are_named_as_what_is_wrong(encoding: str) -> None:
    damaged = OLDER.replace('="', "=\u201d").replace('"', "\u2033")
    with pytest.raises(BadInvitationFile, match="curly") as refused:
        read_invitation(damaged.encode(encoding))
    assert "attachment" in refused.value.remedy


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "not XML"),
        (b"<UPLOADINFO", "not XML"),
        (b"<A/>", "no invitation"),
        (b"<UPLOADINFO/>", "no invitation"),
        (b"\xff\xfe\x00", "not text"),
        (b"\xc3\x28", "not text"),
        (b" " * (LARGEST + 1), "bytes"),
        (b'<!DOCTYPE U [<!ENTITY a "b">]><UPLOADINFO/>', "declarations"),
        (OLDER.replace("RCTICKET=", "X=").encode(), "no RCTICKET"),
        (OLDER.replace("1314905741", "").encode(), "no DtStart"),
        (OLDER.replace("1314905741", "-1").encode(), "DtStart"),
        (OLDER.replace("1314905741", "9999999999").encode(), "DtStart"),
        (OLDER.replace('"180"', '"4294967295"').encode(), "DtLength"),
        (OLDER.replace('L="0"', 'LHTICKET="XY"').encode(), "hexadecimal"),
        (OLDER.replace('L="0"', 'LHTICKET="00FF"').encode(), "cut off"),
    ],
)
def test_a_bad_file_is_refused_with_what_is_wrong(content: bytes, sentence: str) -> None:
    with pytest.raises(BadInvitationFile, match=sentence):
        read_invitation(content)


CUT_OR_CHANGED = st.one_of(
    st.binary(max_size=200),
    st.integers(0, len(OLDER)).map(lambda end: OLDER.encode()[:end]),
    st.text(max_size=60).map(
        lambda text: OLDER.replace("1314905741", text).encode(errors="replace")
    ),
    st.text(max_size=60).map(lambda text: OLDER.replace(">", text).encode("utf-16", "replace")),
)


@given(CUT_OR_CHANGED)
def test_no_bytes_make_the_reader_raise_anything_else(content: bytes) -> None:
    with suppress(BadInvitationFile):
        assert read_invitation(content).ticket
