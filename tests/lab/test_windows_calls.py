"""The simulated computers as callers meet them: who is let in, and what comes back."""

from __future__ import annotations

import json
import os
import socket
import struct
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from impacket.dcerpc.v5.rpcrt import DCERPCException

from lab import world
from lab.windows import rasrv, results
from tests.conftest import Lab
from tests.lab.offer_client import (
    COUNT,
    EMPTY_TEXT,
    FIFTY_NULLS,
    OfferClient,
    journal,
    read_names,
)

pytestmark = pytest.mark.lab

SERVER = world.computer("WPG-SRV-14")
Client = Callable[..., OfferClient]


@pytest.fixture
def client(lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Client:
    """Makes a client for one of the lab's people."""
    monkeypatch.setenv("KRB5CCNAME", "")
    return lambda person=world.PORTAL_ACCOUNT: OfferClient(lab.directory, tmp_path, person)


@pytest.fixture
def idle_server(lab: Lab) -> Iterator[None]:
    """Remote Assistance does not run on the server before the test and not after it."""
    script = lab.directory / "answers" / f"{SERVER.name}.json"
    _close_window(lab, script)
    yield
    _close_window(lab, script)


def _close_window(lab: Lab, script: Path) -> None:
    """The novice closes Remote Assistance, if it runs."""
    events = lab.directory / "events" / f"{SERVER.name}.jsonl"
    script.write_text(json.dumps({"end": True}))
    deadline = time.monotonic() + 10
    while events.exists() and time.monotonic() < deadline:
        ids = [json.loads(line)["EventID"] for line in events.read_text().splitlines()]
        if ids.count(31) == ids.count(32):
            break
        time.sleep(0.05)
    script.unlink()


@pytest.mark.parametrize(
    ("person", "computer", "result"),
    [
        (world.PORTAL_ACCOUNT, "WPG-SRV-14", results.S_OK),
        ("mjones", "WPG-SRV-14", results.S_OK),  # by her own name on the list
        ("nkhan", "WPG-SRV-14", results.S_OK),  # through a nested group
        ("radmin", "WPG-SRV-14", results.S_OK),  # Domain Admins
        ("eadams", "WPG-SRV-14", results.E_ACCESSDENIED),
        ("pwright", "WPG-SRV-14", results.E_ACCESSDENIED),  # only in a distribution group
        ("mjones", "TMP-W11-01", results.E_ACCESSDENIED),  # her group is misspelt there
        ("mjones", "GIM-W11-01", results.E_ACCESSDENIED),  # offers are not configured
        ("mjones", "ISO-W11-01", results.E_ACCESSDENIED),  # inheritance is blocked
        ("mjones", "CHU-W11-01", results.E_ACCESSDENIED),  # a desktop: the WMI filter says no
        ("mjones", "SLK-W11-01", results.DISABLED_BY_POLICY),
        ("mjones", "WPG-XP-06", results.CLASS_NOT_REGISTERED),
    ],
)
def test_windows_lets_in_whom_policy_names(
    client: Client, person: str, computer: str, result: int
) -> None:
    assert client(person).activate(world.computer(computer)).result == result


def test_a_class_that_is_not_there_is_not_registered(client: Client) -> None:
    made = client().activate(SERVER, class_id=uuid.uuid4())
    assert made.result == results.CLASS_NOT_REGISTERED


@pytest.mark.parametrize("level", [2, 5])
def test_activation_below_privacy_is_denied_and_journaled(
    client: Client, lab: Lab, level: int
) -> None:
    with pytest.raises(DCERPCException, match="access_denied"):
        client().activate(SERVER, level=level)
    last = [one for one in journal(lab.directory) if one["computer"] == SERVER.name][-1]
    assert (last["call"], last["auth_level"]) == ("RemoteCreateInstance", level)
    assert (last["result"], last["is_fault"]) == ("0x00000005", True)


def test_only_active_sessions_are_listed(client: Client) -> None:
    computer = world.computer("WPG-W11-02")
    caller = client()
    made = caller.activate(computer)
    answer = caller.call(computer, made, rasrv.GET_SESSION_INFO, FIFTY_NULLS + COUNT)
    assert read_names(answer) == [r"R2\bsmith:2", r"R2\cwong:3"]
    assert made.bindings == [f"{computer.name}[{made.port}]", f"{computer.address}[{made.port}]"]


def test_the_other_form_of_array_is_bad_stub_data(client: Client) -> None:
    caller = client()
    made = caller.activate(SERVER)
    literal = struct.pack("<I", 0x20000) + FIFTY_NULLS[8:]
    with pytest.raises(DCERPCException, match="bad_stub_data"):
        caller.call(SERVER, made, rasrv.GET_SESSION_INFO, literal + COUNT)


def test_a_null_name_is_a_null_pointer(client: Client) -> None:
    caller = client()
    answer = caller.call(SERVER, caller.activate(SERVER, 1), 7, bytes(4))
    assert struct.unpack("<I", answer[-4:])[0] == results.E_POINTER


@pytest.mark.parametrize(("session", "result"), [(9, results.NO_SUCH_SESSION), (1, results.S_OK)])
def test_a_session_must_exist(client: Client, session: int, result: int) -> None:
    assert client().activate(SERVER, session).result == result


def test_remote_assistance_starts_once_and_is_busy_then(
    client: Client, lab: Lab, idle_server: None
) -> None:
    caller = client()
    first = caller.call(SERVER, caller.activate(SERVER, 1), 7, EMPTY_TEXT)
    text = first[24:].decode("utf-16-le", "ignore")
    assert struct.unpack("<I", first[-4:])[0] == results.S_OK
    assert text.startswith("<E><A KH=")
    assert f'N="{SERVER.address}"' in text
    second = caller.call(SERVER, caller.activate(SERVER, 1), 7, EMPTY_TEXT)
    assert struct.unpack("<I", second[-4:])[0] == results.BUSY
    heard = [one for one in journal(lab.directory) if one.get("call") == "GetNoviceUserInfo"][-2:]
    assert [one["result"] for one in heard] == ["0x00000000", "0x80070052"]
    assert {(one["caller"], one["session_id"]) for one in heard} == {
        (rf"{world.NETBIOS_NAME}\{world.PORTAL_ACCOUNT}", 1)
    }


def test_a_computer_in_use_is_busy(client: Client) -> None:
    computer = world.computer("WPG-W7-04")
    caller = client()
    answer = caller.call(computer, caller.activate(computer, 1), 7, EMPTY_TEXT)
    assert struct.unpack("<I", answer[-4:])[0] == results.BUSY


def test_a_request_in_many_fragments_is_put_together(client: Client) -> None:
    assert client().activate(SERVER, fragment=64).result == results.S_OK


def test_a_released_object_is_gone(client: Client) -> None:
    caller = client()
    made = caller.activate(SERVER)
    unknown = uuid.UUID("00000131-0000-0000-c000-000000000046").bytes_le + bytes(4)
    connection = caller.connect(SERVER, made.port, unknown)
    orpcthis = bytes.fromhex("0500070000000000 00000000") + bytes(20)
    count = struct.pack("<HHI", 1, 0, 1)
    connection.call(5, orpcthis + count + made.ipid + struct.pack("<II", 5, 0), made.rem_unknown)
    assert connection.recv()[-4:] == bytes(4)
    with pytest.raises(DCERPCException):
        caller.call(SERVER, made, rasrv.GET_SESSION_INFO, FIFTY_NULLS + COUNT)


def test_an_anonymous_activation_is_denied(lab: Lab) -> None:
    from impacket.dcerpc.v5 import dcomrt, transport

    connection = transport.DCERPCTransportFactory(
        f"ncacn_ip_tcp:{SERVER.address}[135]"
    ).get_dce_rpc()
    connection.connect()
    connection.bind(dcomrt.IID_IRemoteSCMActivator)
    connection.call(4, bytes(32))
    with pytest.raises(DCERPCException, match="access_denied"):
        connection.recv()


SAMBA_CLIENT = """
import sys
from samba.credentials import MUST_USE_KERBEROS, Credentials
from samba.dcerpc import epmapper
from samba.param import LoadParm
binding, conf, person, password = sys.argv[1:]
parameters = LoadParm()
parameters.load(conf)
credentials = Credentials()
credentials.guess(parameters)
credentials.set_username(person)
credentials.set_realm("R2.LOCAL")
credentials.set_password(password)
credentials.set_kerberos_state(MUST_USE_KERBEROS)
connection = epmapper.epmapper(binding, parameters, credentials)
print(connection.request(3, bytes(64)).hex())
"""


@pytest.mark.parametrize("security", ["krb5", "spnego"])
def test_sambas_own_client_speaks_sealed_to_a_computer(
    lab: Lab, tmp_path: Path, security: str
) -> None:
    """Written by others: raw Kerberos and SPNEGO, signed headers, checked mechanism lists."""
    conf = tmp_path / "smb.conf"
    conf.write_text("[global]\nrealm = R2.LOCAL\nworkgroup = R2\n")
    options = f"135,seal,{security},target_hostname={SERVER.dns_name}"
    done = subprocess.run(
        [
            *["/usr/bin/python3", "-c", SAMBA_CLIENT],
            *[f"ncacn_ip_tcp:{SERVER.address}[{options}]", str(conf)],
            *["mjones", world.PERSON_PASSWORD],
        ],
        env=os.environ | {"KRB5_CONFIG": str(lab.directory / "krb5.conf")},
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )
    assert done.stdout.strip().endswith("d6a0c916")  # EPT_S_NOT_REGISTERED


def _exchange(computer: str, data: bytes, seconds: float) -> bytes | None:
    """What comes back; None when nothing does within the time."""
    with socket.create_connection((world.computer(computer).address, 135), 5) as connection:
        connection.sendall(data)
        connection.settimeout(seconds)
        try:
            return connection.recv(4096)
        except TimeoutError:
            return None


BIND = bytes.fromhex(
    "05000b03100000004800000001000000b810b810000000000100000000000100"
    "c4fefc9960521b10bbcb00aa0021347a00000000045d888aeb1cc9119fe808002b10486002000000"
)


@pytest.mark.parametrize(
    ("computer", "is_answer"),
    [
        ("WPG-MUTE-10", lambda data: data is None),
        ("WPG-BAD-12", lambda data: data is not None and data[:3] != b"\x05\x00\x0c"),
        ("WPG-SRV-14", lambda data: data is not None and data[:3] == b"\x05\x00\x0c"),
    ],
)
def test_silent_broken_and_sound_computers_answer_a_bind(
    lab: Lab, computer: str, is_answer: Callable[[Any], bool]
) -> None:
    assert is_answer(_exchange(computer, BIND, 1.0))


def test_nonsense_closes_the_connection_and_is_journaled(lab: Lab) -> None:
    before = len(journal(lab.directory))
    assert _exchange(SERVER.name, b"GET / HTTP/1.1\r\n\r\n", 5.0) == b""
    heard = [one for one in journal(lab.directory)[before:] if one["computer"] == SERVER.name]
    assert {"connect"} == {one["call"] for one in heard}
    assert {135} == {one["port"] for one in heard}
