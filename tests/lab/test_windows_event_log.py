"""The computers' event log over the network, asked by impacket's client of [MS-EVEN6]."""

from __future__ import annotations

import json
import struct
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from impacket.dcerpc.v5 import epm, even6
from impacket.dcerpc.v5.rpcrt import DCERPCException

from lab import world
from lab.windows.event_records import encode_event
from lab.windows.events import CHANNEL, EventLog
from tests.conftest import Lab
from tests.lab.offer_client import OfferClient

pytestmark = pytest.mark.lab

COMPUTER = world.computer("WPG-SRV-14")
OLDEST_FIRST, NEWEST_FIRST = 0x101, 0x201
Client = Callable[..., OfferClient]


@pytest.fixture
def client(lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Client:
    """Makes a client for one of the lab's people."""
    monkeypatch.setenv("KRB5CCNAME", "")
    return lambda person=world.PORTAL_ACCOUNT: OfferClient(lab.directory, tmp_path, person)


def mapped_port(client: OfferClient, computer: world.Computer = COMPUTER) -> int:
    """What the endpoint mapper says to impacket, anonymously as Windows' clients ask."""
    binding = epm.hept_map(
        computer.address, even6.MSRPC_UUID_EVEN6, protocol="ncacn_ip_tcp", dce=None
    )
    return int(binding.partition("[")[2].rstrip("]"))


def connect(client: OfferClient, computer: world.Computer = COMPUTER, level: int = 6) -> Any:
    port = mapped_port(client, computer)
    return client.connect(computer, port, even6.MSRPC_UUID_EVEN6, level)


def events_of(answer: bytes) -> list[bytes]:
    """The result sets of EvtRpcQueryNext's answer, which impacket's class does not find."""
    (count,) = struct.unpack_from("<I", answer)
    if not count:
        return []
    offsets = struct.unpack_from(f"<{count}I", answer, 12)
    sizes = struct.unpack_from(f"<{count}I", answer, 20 + 4 * count)
    begin = 20 + 8 * count + 12
    return [
        answer[begin + offset : begin + offset + size]
        for offset, size in zip(offsets, sizes, strict=True)
    ]


def query(connection: Any, text: str, flags: int, path: str = CHANNEL) -> tuple[bytes, int]:
    """EvtRpcRegisterLogQuery: the query's handle and the result."""
    request = even6.EvtRpcRegisterLogQuery()
    request["Path"], request["Query"], request["Flags"] = path + "\0", text + "\0", flags
    connection.call(request.opnum, request.getData())
    answer = bytes(connection.recv())
    return answer[:20], int.from_bytes(answer[-4:], "little")


def following(connection: Any, handle: bytes, count: int = 100) -> tuple[list[bytes], int]:
    connection.call(11, handle + struct.pack("<III", count, 1000, 0))
    answer = bytes(connection.recv())
    return events_of(answer), int.from_bytes(answer[-4:], "little")


@pytest.fixture
def written(lab: Lab) -> list[dict[str, Any]]:
    """What is in the computer's log; at least the run that this starts."""
    file = lab.directory / "events" / f"{COMPUTER.name}.jsonl"
    lines = file.read_text().splitlines() if file.exists() else []
    return [json.loads(line) for line in lines]


def test_readers_get_the_records_in_either_order(
    client: Client, written: list[dict[str, Any]]
) -> None:
    connection = connect(client())
    for flags, wanted in ((OLDEST_FIRST, written), (NEWEST_FIRST, written[::-1])):
        handle, status = query(connection, "*", flags)
        assert status == 0
        found: list[bytes] = []
        while True:
            events, status = following(connection, handle, 3)
            if status:
                break
            found += events
        assert status == 0x103
        encoded = [one[20 : 20 + int.from_bytes(one[16:20], "little")] for one in found]
        assert encoded == [encode_event(event) for event in wanted]
        connection.call(13, handle)
        assert bytes(connection.recv())[-4:] == bytes(4)


@pytest.mark.parametrize("person", ["mjones", "eadams"])
def test_helpers_and_others_may_not_read(client: Client, person: str) -> None:
    handle, status = query(connect(client(person)), "*", OLDEST_FIRST)
    assert (handle, status) == (bytes(20), 5)


def test_administrators_may_read(client: Client) -> None:
    assert query(connect(client("radmin")), "*", OLDEST_FIRST)[1] == 0


@pytest.mark.parametrize(
    ("text", "flags", "path", "status"),
    [
        ("*", 0x1, CHANNEL, 0x57),
        ("*", 0x303, CHANNEL, 0x57),
        ("*[EventData", OLDEST_FIRST, CHANNEL, 0x3A99),
        ("*", OLDEST_FIRST, "No/Such", 0x3A9F),
        ("*[System[(EventRecordID > 9223372036854775807)]]", OLDEST_FIRST, CHANNEL, 0),
    ],
)
def test_queries_are_checked_as_the_specification_says(
    client: Client, text: str, flags: int, path: str, status: int
) -> None:
    assert query(connect(client()), text, flags, path)[1] == status


def test_less_than_privacy_is_refused(client: Client) -> None:
    with pytest.raises(DCERPCException, match="access_denied"):
        query(connect(client(), level=5), "*", OLDEST_FIRST)


def test_a_handle_that_was_not_given_is_refused(client: Client) -> None:
    connection = connect(client())
    assert following(connection, bytes(4) + uuid.uuid4().bytes)[1] == 0x57


def test_what_is_no_stub_is_a_fault(client: Client) -> None:
    connection = connect(client())
    connection.call(5, b"\x01")
    with pytest.raises(DCERPCException, match="bad_stub_data"):
        connection.recv()


def test_a_computer_of_old_has_no_such_log(client: Client) -> None:
    with pytest.raises(DCERPCException, match="0x16c9a0d6"):
        mapped_port(client(), world.computer("WPG-XP-06"))


def test_a_log_goes_on_counting_after_a_restart(tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl"
    EventLog("XP191.r2.local", file, tmp_path / "none").log(31, 4, "")
    again = EventLog("XP191.r2.local", file, tmp_path / "none")
    again.log(13, 4, "")
    first, second = (event["EventRecordID"] for event in again.events)
    assert second == first + 1
