"""Connection strings and invitation files, against the vectors of FreeRDP's own tests.

The vectors are those of FreeRDP's libfreerdp/common/test/TestCommonAssistance.c: a file that
Windows 8 wrote, its password, and the connection string inside it.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assist.remote_assistance import invitation_file
from assist.remote_assistance.connection_string import parse_connection_string
from assist.remote_assistance.errors import BadAnswer

PASSWORD = "48BJQ853X3B4"
TICKET = bytes.fromhex(
    "20FCC407AA53E95F8505AB56D485D26835064B03AF86CDA326248FD304626AD4"
    "DBDBDFFE0C473228EFFF7A1E6CEB445BBEC429294BB6616BBB600854438DDFB5"
    "82FC377CF65A2060EB3221647643C9B29BF5EC320856180B34D1BE9827A528C7"
    "E8F0DCD53C8D38F974160FEE317458FAC9DBDBA7B972D21DF3BC5B1AF0E01878"
    "65F07A3B915618C03E6EAF843FC1185770A1208C29C836DBCA5A040CB276D3C4"
    "1DDE2FA8CA9627E5E74FA750A92C0E01AD6C3D1000A5B1479DEB899BF5BCD402"
    "CE3BB3BF104CE0286C3F985AA711943C88C5EEEEE86F35B63F68883A90ADBCFD"
    "CBBAE3EAB993EFD9148E1A21D092CE9498695943946236D65D20B4A38D724C61"
    "72319E38E19C04E98EBC03F56A4A190E971F8EAEBFE6B415A3A2D8F35F7BF785"
    "26B9BFAAB48D11BDD6C905EFE503D2265678E1EAD2F2F124E570667F04103180"
    "2F63587276C14E6A5AB436CE234F722CE7C9B5D244508F14C012E84A49FE6992"
    "3F30320ABB3641F1EFA66205F3EA709E7E1C3E6874BB9642486FB96D2730CDF4"
    "514AA738167F00FC13B2978AED1D6678413FDF62008B03DD729E36173BE02742"
    "B69CAD44938512D0F56335394759338AF6ADBCF39CE829116D97435085D05BB5"
    "9320A134698050DCDBE01305A6B4712FD6BD48958BD2DC497498FF35CAECC9A8"
    "2C97FD1A5B5EC4BAF5FFB75A1471B765C465B35A7C950019066BB219B391C6E9"
    "8AE8FD2038E774F36F226D9FB9A38BCC313785612165D1EF69D19E2B9CF6E0F7"
    "FE1ECCF00AB81F9E8B626363CA82FAC719A3B7D243325C9D6042B2488EC95B80"
    "A31273FF9B72FBBB86F946E6D3DF8816BE4533F0B547C8BC028309EA9784C1E6"
)
AUTHORIZATION = "+ULZ6ifjoCa6cGPMLQiGHRPwkg6VyJqGwxMnO6GcelwUh9a6/FBq3It5ADSndmLL"
KEY_HASH = "BNRjdu97DyczQSRuMRrDWoue+HA="
VERSION_1 = f"65538,1,192.168.1.200:49230;169.254.6.170:49231,*,{AUTHORIZATION},*,*,{KEY_HASH}"
NOW = datetime(2026, 11, 23, 7, 0, tzinfo=UTC)

ONE_LISTENER = (
    '<E><A KH="aGFzaA==" KH2="sha256:aGFzaA==" ID="abc"/>'
    '<C><T ID="1" SID="0"><L P="49700" N="127.0.11.191"/></T></C></E>'
)


def test_a_ticket_that_windows_encrypted_is_read_and_written_alike() -> None:
    text = invitation_file.decrypt(TICKET, PASSWORD)
    found = parse_connection_string(text)
    assert found.authorization_id == AUTHORIZATION
    assert found.key_hash == KEY_HASH
    assert found.key_hash_256 == ""
    assert [listener.port for listener in found.listeners] == [49228, 49229, 49230, 49231]
    assert found.to_version_1() == VERSION_1
    assert invitation_file.encrypt(text, PASSWORD) == TICKET


def test_a_wrong_password_does_not_open_a_ticket() -> None:
    with pytest.raises(ValueError, match=r"padding|decode"):
        invitation_file.decrypt(TICKET, "48BJQ853X3B5")


@given(
    text=st.text(st.characters(exclude_categories=["Cs"]), min_size=1),
    password=st.text("AB23", min_size=1),
)
def test_every_ticket_opens_with_its_own_password(text: str, password: str) -> None:
    assert invitation_file.decrypt(invitation_file.encrypt(text, password), password) == text


def attributes_of(content: bytes) -> dict[str, str]:
    root = ET.fromstring(content)
    assert root.tag == "UPLOADINFO"
    assert root.attrib == {"TYPE": "Escalated"}
    data = root.find("UPLOADDATA")
    assert data is not None
    return data.attrib


def test_the_file_for_freerdp_carries_the_encrypted_string_and_the_clock() -> None:
    content = invitation_file.write_freerdp(
        parse_connection_string(ONE_LISTENER), "SECRET", r"R2\bsmith", NOW, timedelta(seconds=301)
    )
    data = attributes_of(content)
    assert invitation_file.decrypt(bytes.fromhex(data["LHTICKET"]), "SECRET") == ONE_LISTENER
    assert data["RCTICKETENCRYPTED"] == "1"
    assert len(data["PassStub"]) == 14
    assert data["USERNAME"] == r"R2\bsmith"
    assert data["DtStart"] == "1795417200"
    assert data["DtLength"] == "6"
    assert b"SECRET" not in content


def test_the_file_for_windows_has_no_password_and_the_older_string() -> None:
    content = invitation_file.write_windows(
        parse_connection_string(ONE_LISTENER), 'Bob "B" <Smith>', NOW, timedelta(minutes=5)
    )
    data = attributes_of(content)
    assert data["RCTICKET"] == "65538,1,127.0.11.191:49700,*,abc,*,*,aGFzaA=="
    assert (data["RCTICKETENCRYPTED"], data["PassStub"]) == ("0", "")
    assert data["USERNAME"] == 'Bob "B" <Smith>'
    assert "LHTICKET" not in data


def test_an_ipv6_listener_alone_cannot_be_an_older_string_and_the_error_says_what_to_do() -> None:
    text = ONE_LISTENER.replace("127.0.11.191", "2001:db8::1")
    with pytest.raises(BadAnswer) as refused:
        parse_connection_string(text).to_version_1()
    assert "IPv4 address" in refused.value.remedy


@pytest.mark.parametrize(
    "text",
    [
        "",
        "<E>",
        "<E><C/></E>",
        '<!DOCTYPE E [<!ENTITY a "b">]>' + ONE_LISTENER,
        ONE_LISTENER.replace('ID="abc"', 'ID="a,b"'),
        ONE_LISTENER.replace('ID="abc"', ""),
        ONE_LISTENER.replace("49700", "0"),
        ONE_LISTENER.replace("49700", "70000"),
        ONE_LISTENER.replace("127.0.11.191", "evil.example"),
        ONE_LISTENER.replace("<L P", "<X P"),
        ONE_LISTENER + " " * 70_000,
    ],
)
def test_a_connection_string_that_no_viewer_could_open_is_refused(text: str) -> None:
    with pytest.raises(BadAnswer):
        parse_connection_string(text)


def test_a_web_socket_listener_is_passed_over() -> None:
    text = ONE_LISTENER.replace("<L P", '<L U="ws://x" N="127.0.0.1"/><L P')
    assert [listener.port for listener in parse_connection_string(text).listeners] == [49700]


@given(st.text(max_size=300))
def test_no_text_makes_the_parser_raise_anything_else(text: str) -> None:
    try:
        parse_connection_string(text)
    except BadAnswer as refused:
        assert refused.sentence


def test_passwords_are_random_and_can_be_read_aloud() -> None:
    passwords = {invitation_file.new_password() for _ in range(100)}
    assert len(passwords) == 100
    assert not set("".join(passwords)) & set("IO01")
