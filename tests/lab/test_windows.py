"""The simulated computers let in whom Windows would, and nobody else."""

from __future__ import annotations

import json
import socket
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest

from lab import world
from tests.conftest import Lab
from tests.lab.impacket_caller import CONNECT, INTEGRITY, NTLM, Caller, Refused

pytestmark = pytest.mark.lab

E_ACCESSDENIED = 0x80070005
DISABLED_BY_POLICY = 0x800704EC
CLASS_NOT_REGISTERED = 0x80040154
NO_SUCH_SESSION = 0x8000401A
BUSY = 0x80070052
GET_NOVICE_USER_INFO, GET_SESSION_INFO = 7, 8
EMPTY_TEXT = struct.pack("<IIIIH2x", 0x20000, 1, 0, 1, 0)
NULL_TEXTS = 50
XP191 = world.computer("XP191")

SignIn = Callable[[str], Caller]


@pytest.fixture
def sign_in(lab: Lab, tmp_path: Path) -> SignIn:
    return lambda user: Caller(lab.directory, tmp_path, user)


@pytest.fixture
def portal(sign_in: SignIn) -> Caller:
    return sign_in(world.PORTAL_ACCOUNT)


def _texts(*prefix: int) -> bytes:
    """SAFEARRAY(BSTR)* of null cells, and Count; ``prefix`` are the referents before the body."""
    body = struct.pack("<IHHIII", 1, 1, 0x0180, 4, 8 << 16, 8)
    body += struct.pack("<IIIiI", NULL_TEXTS, 0x20004, NULL_TEXTS, 0, NULL_TEXTS)
    body += bytes(4 * NULL_TEXTS) + struct.pack("<i", NULL_TEXTS)
    return struct.pack(f"<{len(prefix)}I", *prefix) + body


TWO_REFERENTS = _texts(0x72657355, 1)
ONE_REFERENT = _texts(0x20000)


def _result(stub: bytes) -> int:
    return int(struct.unpack("<I", stub[-4:])[0])


def _connection_string(stub: bytes) -> ElementTree.Element:
    (count,) = struct.unpack("<I", stub[12:16])
    return ElementTree.fromstring(stub[16 : 16 + 2 * count].decode("utf-16-le").rstrip("\0"))


def _refusal(caller: Caller, computer: str) -> int | None:
    with pytest.raises(Refused) as refused:
        caller.activate(world.computer(computer))
    return refused.value.code


@pytest.mark.parametrize("user", ["mjones", "nkhan", world.PORTAL_ACCOUNT, "radmin"])
def test_who_is_on_the_helper_list_or_administers_the_domain_gets_in(
    sign_in: SignIn, user: str
) -> None:
    made = sign_in(user).activate(XP191)
    assert made.bindings == (f"XP191[{made.port}]", f"{XP191.address}[{made.port}]")


@pytest.mark.parametrize("user", ["eadams", "pwright", "bsmith"])
def test_who_is_on_no_helper_list_is_refused(sign_in: SignIn, user: str) -> None:
    assert _refusal(sign_in(user), "XP191") == E_ACCESSDENIED


@pytest.mark.parametrize("user", [world.PORTAL_ACCOUNT, "radmin"])
@pytest.mark.parametrize(
    ("computer", "code"),
    [
        ("GIM-W11-01", E_ACCESSDENIED),  # no policy
        ("CHU-W11-01", E_ACCESSDENIED),  # a policy whose WMI filter leaves it out
        ("ISO-W11-01", E_ACCESSDENIED),  # inheritance blocked
        ("SLK-W11-01", DISABLED_BY_POLICY),
    ],
)
def test_without_a_policy_that_allows_offers_nobody_gets_in(
    sign_in: SignIn, user: str, computer: str, code: int
) -> None:
    assert _refusal(sign_in(user), computer) == code


def test_a_policy_for_a_group_of_computers_is_in_force_on_its_member(portal: Caller) -> None:
    assert portal.activate(world.computer("FLF-W11-01")).port


def test_a_misspelt_helper_group_lets_nobody_in(sign_in: SignIn) -> None:
    assert _refusal(sign_in("mjones"), "TMP-W11-01") == E_ACCESSDENIED


@pytest.mark.parametrize("level", [CONNECT, INTEGRITY])
def test_a_level_below_packet_privacy_is_refused(portal: Caller, level: int) -> None:
    made = portal.activate(XP191)
    with pytest.raises(Refused, match="access_denied"):
        portal.activate(XP191, level=level)
    with pytest.raises(Refused, match="access_denied"):
        portal.call(XP191, made, GET_SESSION_INFO, TWO_REFERENTS, level=level)


def test_ntlm_with_privacy_lets_the_same_people_in(sign_in: SignIn) -> None:
    assert sign_in("mjones").activate(XP191, kind=NTLM).port
    with pytest.raises(Refused) as refused:
        sign_in("eadams").activate(XP191, kind=NTLM)
    assert refused.value.code == E_ACCESSDENIED


def test_ntlm_below_packet_privacy_is_refused(sign_in: SignIn) -> None:
    with pytest.raises(Refused, match="access_denied"):
        sign_in("mjones").activate(XP191, kind=NTLM, level=INTEGRITY)


def test_only_active_sessions_are_listed_with_null_cells_among_them(portal: Caller) -> None:
    computer = world.computer("WPG-W11-02")
    stub = portal.call(computer, portal.activate(computer), GET_SESSION_INFO, TWO_REFERENTS)
    assert _result(stub) == 0
    text = stub.decode("utf-16-le", "replace")
    assert r"R2\bsmith:2" in text
    assert r"R2\cwong:3" in text
    assert "dbrown" not in text
    (count,) = struct.unpack("<I", stub[-8:-4])
    assert count > 2


def test_an_array_with_a_single_referent_is_bad_stub_data(portal: Caller) -> None:
    with pytest.raises(Refused, match="bad_stub_data"):
        portal.call(XP191, portal.activate(XP191), GET_SESSION_INFO, ONE_REFERENT)


def test_a_session_that_is_not_there_or_not_active_is_refused(portal: Caller) -> None:
    for session_id in (1, 4):
        with pytest.raises(Refused) as refused:
            portal.activate(world.computer("WPG-W11-02"), session_id=session_id)
        assert refused.value.code == NO_SUCH_SESSION


def test_a_computer_with_only_the_old_interface_does_not_know_the_class(portal: Caller) -> None:
    assert _refusal(portal, "WPG-XP-06") == CLASS_NOT_REGISTERED


def test_a_busy_computer_says_so(portal: Caller) -> None:
    computer = world.computer("WPG-W7-04")
    made = portal.activate(computer, session_id=1)
    assert _result(portal.call(computer, made, GET_NOVICE_USER_INFO, EMPTY_TEXT)) == BUSY


@pytest.fixture
def script(lab: Lab) -> Iterator[Path]:
    """What WPG-SRV-14 is told to be like; nothing afterwards."""
    file = lab.directory / "answers" / "WPG-SRV-14.json"
    yield file
    file.unlink()


def test_a_script_says_who_is_logged_on(portal: Caller, script: Path) -> None:
    computer = world.computer("WPG-SRV-14")
    script.write_text(json.dumps({"logged_on": [["cwong", 7], ["dbrown", 8, "idle"]]}))
    stub = portal.call(computer, portal.activate(computer), GET_SESSION_INFO, TWO_REFERENTS)
    text = stub.decode("utf-16-le", "replace")
    assert r"R2\cwong:7" in text
    assert "dbrown" not in text
    assert "bsmith" not in text
    with pytest.raises(Refused) as refused:
        portal.activate(computer, session_id=8)
    assert refused.value.code == NO_SUCH_SESSION


def test_a_script_makes_a_computer_busy(portal: Caller, script: Path) -> None:
    computer = world.computer("WPG-SRV-14")
    script.write_text(json.dumps({"busy": True}))
    made = portal.activate(computer, session_id=1)
    assert _result(portal.call(computer, made, GET_NOVICE_USER_INFO, EMPTY_TEXT)) == BUSY


def test_an_offer_opens_a_listener_and_what_the_novice_says_becomes_events(
    lab: Lab, portal: Caller
) -> None:
    computer = world.computer("WPG-W11-11")
    lab.answer(computer.name, "reset")  # the world's answer: decline
    events = lab.directory / "events" / f"{computer.name}.jsonl"
    before = len(events.read_text().splitlines()) if events.exists() else 0
    made = portal.activate(computer, session_id=1)
    stub = portal.call(computer, made, GET_NOVICE_USER_INFO, EMPTY_TEXT)
    assert _result(stub) == 0
    again = portal.activate(computer, session_id=1)
    assert _result(portal.call(computer, again, GET_NOVICE_USER_INFO, EMPTY_TEXT)) == BUSY
    listener = _connection_string(stub).find("C/T/L")
    assert listener is not None
    assert listener.get("N") == computer.address
    with socket.create_connection((computer.address, int(listener.get("P", "0"))), 10) as viewer:
        viewer.settimeout(10)
        viewer.sendall(b"a viewer")
        assert viewer.recv(1) == b""
    # The next answer of the computer comes after the last event: it does one thing at a time.
    portal.activate(computer)
    ids = [json.loads(line)["EventID"] for line in events.read_text().splitlines()[before:]]
    assert ids == [31, 13, 33, 15, 16, 19, 30, 32]
