"""IPCHService: its bytes, and whole offers at the lab's computer with Windows XP."""

from __future__ import annotations

import json
import struct
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assist.remote_assistance import automation, errors
from assist.remote_assistance.client import (
    CallLimits,
    KeytabCredential,
    LogonSession,
    Means,
    NoviceTarget,
    list_logon_sessions,
    start_remote_assistance,
)
from assist.remote_assistance.connection_string import parse_connection_string
from lab import world
from tests.conftest import Lab

LIMITS = CallLimits(connect_seconds=3, call_seconds=5, total_seconds=15)
XP = "WPG-XP-06"
ORPC_THAT = bytes(8)
IDISPATCH = UUID("00020400-0000-0000-c000-000000000046")
BOB = LogonSession("R2", "bsmith", 1)


def test_the_users_blob_is_as_the_specification_gives_it() -> None:
    r"""[MS-RAI] 3.1.4.1.1: ``13;UNSOLICITED=118;ID=EXDOMAIN\EXUSER``."""
    assert automation.user_help_blob(r"EXDOMAIN\EXUSER") == r"13;UNSOLICITED=118;ID=EXDOMAIN\EXUSER"


def test_the_connection_string_of_windows_xp_is_taken_apart() -> None:
    """The example of [MS-RAI] 2.2.1."""
    text = (
        "65538,1,172.31.243.138:3389;MIKE_HOME:3389,*,"
        "Uj7RpOlU80SibpRwRZ9+z1vbh7nIgVn89X1AiKp15Vc=,*,*,RcfwecK8dpcT1fjZ6iQ5M0+q7iU="
    )
    parsed = parse_connection_string(text)
    assert parsed.version == 1
    assert [(str(one.address), one.port) for one in parsed.listeners] == [("172.31.243.138", 3389)]
    assert parsed.authorization_id == "Uj7RpOlU80SibpRwRZ9+z1vbh7nIgVn89X1AiKp15Vc="
    assert parsed.key_hash == "RcfwecK8dpcT1fjZ6iQ5M0+q7iU="
    assert parsed.to_version_1() == text


@pytest.mark.parametrize(
    "text",
    [
        "65538,1,172.31.243.138:3389,*,id,*,*",
        "65538,1,172.31.243.138:3389,*,id,*,*,hash,more",
        "65538,1,MIKE_HOME:3389,*,id,*,*,hash",
        "65538,1,172.31.243.138:99999,*,id,*,*,hash",
        "65538,1,999.31.243.138:3389,*,id,*,*,hash",
        "65538,1,172.31.243.138:3389,secret,id,*,*,hash",
        "65538,1,172.31.243.138:3389,*,an id,*,*,hash",
        "65538,1,172.31.243.138:3389,*,id,*,*,ha\nsh",
    ],
)
def test_what_is_no_connection_string_of_windows_xp_is_refused(text: str) -> None:
    with pytest.raises(errors.BadAnswer):
        parse_connection_string(text)


def test_the_arguments_of_remote_connection_parms_are_three_bstrs_and_a_number() -> None:
    """[MS-OAUT] 2.2.23: "User", maximum, bytes, characters, text; each at a multiple of four."""
    assert automation.pack_connection_parameters("bob", "R2", 7, "x") == (
        bytes.fromhex("55736572 03000000 06000000 03000000 62006f006200 0000")
        + bytes.fromhex("55736572 02000000 04000000 02000000 52003200")
        + bytes.fromhex("07000000")
        + bytes.fromhex("55736572 01000000 02000000 01000000 7800 0000")
    )


def object_reference(interface: UUID = IDISPATCH) -> bytes:
    """OBJREF_STANDARD ([MS-DCOM] 2.2.18.4) with empty bindings."""
    standard = struct.pack("<IIQQ16s", 0, 5, 7, 8, b"\x11" * 16)
    return (
        b"MEOW"
        + struct.pack("<I", 1)
        + interface.bytes_le
        + standard
        + struct.pack("<HHHH", 2, 1, 0, 0)
    )


def item_answer(reference: bytes, kind: int = automation.VT_DISPATCH) -> bytes:
    """A wireVARIANT ([MS-OAUT] 2.2.29.1) with an object behind a full pointer."""
    head = ORPC_THAT + bytes.fromhex("55736572 00000000")
    head += struct.pack("<IIHHHHII", 16, 0, kind, 0, 0, 0, kind, 0x20000)
    body = struct.pack("<II", len(reference), len(reference)) + reference
    return head + body + bytes(-len(body) % 4) + bytes(4)


def test_an_item_of_the_collection_is_an_object_in_a_variant() -> None:
    answer = automation.parse_item(item_answer(object_reference()))
    assert answer.value == automation.ObjectReference(IDISPATCH, 5, 7, b"\x11" * 16)


def test_an_item_that_is_no_object_is_refused() -> None:
    with pytest.raises(errors.BadAnswer):
        automation.parse_item(item_answer(object_reference(), kind=8))


def test_a_failing_answer_is_its_hresult_whatever_else_it_holds() -> None:
    answer = automation.parse_item(b"\xff" * 40 + struct.pack("<I", 0x80070005))
    assert (answer.hresult, answer.value) == (0x80070005, None)


@given(st.binary(max_size=300))
def test_no_bytes_break_a_parser(stub: bytes) -> None:
    for parse in (
        automation.parse_item,
        automation.parse_object,
        automation.parse_text,
        automation.parse_number,
        automation.parse_state,
        automation.parse_query_interface,
    ):
        try:
            parse(stub)
        except errors.BadAnswer:
            continue


@given(st.integers(min_value=0, max_value=200), st.binary(min_size=1, max_size=8))
def test_a_damaged_item_is_read_or_refused(at: int, damage: bytes) -> None:
    whole = item_answer(object_reference())
    damaged = whole[:at] + damage + whole[at + len(damage) :]
    try:
        automation.parse_item(damaged)
    except errors.BadAnswer:
        return


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=50))
def test_a_text_comes_back_as_it_went(text: str) -> None:
    stub = ORPC_THAT + automation.pack_bstr(text) + bytes(4)
    assert automation.parse_text(stub).value == text.rstrip("\0")


@pytest.fixture
def credential(lab: Lab) -> KeytabCredential:
    keytab = lab.directory / "keytabs" / "svc-ra-portal.keytab"
    return KeytabCredential("svc-ra-portal@R2.LOCAL", str(keytab))


def target() -> NoviceTarget:
    computer = world.computer(XP)
    return NoviceTarget(computer.dns_name, computer.address)


def journal(lab: Lab) -> list[str]:
    return (lab.directory / "calls.jsonl").read_text().splitlines()


def heard(lab: Lab, since: int) -> list[dict[str, object]]:
    """What the computer has heard after so many lines, connections left out."""
    calls = [json.loads(line) for line in journal(lab)[since:]]
    return [one for one in calls if one["computer"] == XP and one["call"] != "connect"]


@pytest.mark.lab
def test_windows_xp_is_asked_by_the_older_interface_after_the_newer(
    lab: Lab, credential: KeytabCredential
) -> None:
    before = len(journal(lab))
    means = Means()
    assert list_logon_sessions(target(), credential, LIMITS, means) == (BOB,)
    assert means == Means(world.computer(XP).address, "Kerberos", "IPCHService")
    names = [one["call"] for one in heard(lab, before)]
    assert names == [
        "RemoteCreateInstance",  # of RASrv: refused
        "RemoteCreateInstance",
        "RemoteUserSessionInfo",
        "Count",
        "Item",
        "RemQueryInterface",
        "SessionState",
        "SessionID",
        "DomainName",
        "UserName",
        "RemRelease",
    ]


@pytest.mark.lab
def test_an_offer_at_windows_xp_gives_a_connection_string_of_its_kind(
    lab: Lab, credential: KeytabCredential
) -> None:
    before = len(journal(lab))
    means = Means()
    list_logon_sessions(target(), credential, LIMITS, means)
    text = start_remote_assistance(target(), credential, BOB, LIMITS, means, r"R2\mjones")
    parsed = parse_connection_string(text)
    assert parsed.version == 1
    assert str(parsed.listeners[0].address) == world.computer(XP).address
    calls = [one["call"] for one in heard(lab, before)]
    assert calls[-3:] == ["RemoteCreateInstance", "RemoteConnectionParms", "RemRelease"]
    with pytest.raises(errors.Busy):
        start_remote_assistance(target(), credential, BOB, LIMITS, means, r"R2\mjones")


@pytest.mark.lab
def test_a_user_whom_windows_xp_does_not_know_is_no_session(credential: KeytabCredential) -> None:
    with pytest.raises(errors.NoSuchSession) as refused:
        start_remote_assistance(target(), credential, LogonSession("R2", "ghost", 1), LIMITS)
    assert not refused.value.may_have_started
