"""Port 135 without credentials: byte for byte, and what hostile or broken computers answer."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assist.remote_assistance.errors import BadAnswer
from assist.remote_assistance.exporter import (
    IOBJECT_EXPORTER,
    Challenge,
    ask_exporter,
    pack_bind_body,
    pack_negotiate,
    parse_challenge,
    parse_server_alive_2,
    require_accepted,
)

HOST = "127.0.0.1"
BIND_ACK = bytes.fromhex(
    "05000c03100000003c00000001000000"  # version 5.0, bind_ack, whole, little-endian, 60, 0, 1
    "d016d01601000000"  # fragments of 5840, association group 1
    "0400313335000000"  # secondary address "135", padding
    "0100000000000000"  # one result: accepted
    "045d888aeb1cc9119fe808002b10486002000000"  # NDR 2
)
REFUSED = BIND_ACK[:36] + bytes.fromhex("02000100") + BIND_ACK[40:]
BINDINGS = "XP191\0".encode("utf-16-le")
ALIVE_STUB = (
    bytes.fromhex("05000700000002000c0000000c0008000700")  # COMVERSION 5.7, 12 words
    + BINDINGS
    + bytes.fromhex("00000a00ffff000000000000000000000000")
)


def response(stub: bytes) -> bytes:
    head = struct.pack("<BBBBIHHI", 5, 0, 2, 3, 0x10, 24 + len(stub), 0, 2)
    return head + struct.pack("<IHBB", len(stub), 0, 0, 0) + stub


def fault(status: int) -> bytes:
    body = struct.pack("<IHBBII", 0, 0, 0, 0, status, 0)
    return struct.pack("<BBBBIHHI", 5, 0, 3, 3, 0x10, 16 + len(body), 0, 2) + body


def challenge(pairs: bytes, *, offset: int = 48) -> bytes:
    head = b"NTLMSSP\0" + struct.pack("<I", 2) + bytes(8) + struct.pack("<I", 0x00828205)
    return head + bytes(16) + struct.pack("<HHI", len(pairs), len(pairs), offset) + pairs


def pair(kind: int, value: bytes) -> bytes:
    return struct.pack("<HH", kind, len(value)) + value


@contextmanager
def computer(*answers: bytes) -> Iterator[int]:
    """Listens once; sends an answer to each packet that comes, and closes after the last."""
    with socket.create_server((HOST, 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                for answer in answers:
                    if connection.recv(65536):
                        connection.sendall(answer)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield server.getsockname()[1]
        thread.join(5)
        assert not thread.is_alive()


def test_a_bind_is_what_the_specification_says() -> None:
    assert pack_bind_body(IOBJECT_EXPORTER) == bytes.fromhex(
        "d016d01600000000"
        "0100000000000100"
        "c4fefc9960521b10bbcb00aa0021347a00000000"
        "045d888aeb1cc9119fe808002b10486002000000"
    )
    assert pack_negotiate() == bytes.fromhex("4e544c4d5353500001000000058288a0" + 24 * "00")


def test_a_bind_that_is_accepted_or_not() -> None:
    require_accepted(BIND_ACK)
    with pytest.raises(BadAnswer, match="does not know"):
        require_accepted(REFUSED)
    for length in range(16, 38):
        with pytest.raises(BadAnswer):
            require_accepted(BIND_ACK[:length])


def test_the_names_of_an_exporter_are_read() -> None:
    assert parse_server_alive_2(ALIVE_STUB) == ("XP191",)
    for length in range(len(ALIVE_STUB) - 8):
        with pytest.raises(BadAnswer):
            parse_server_alive_2(ALIVE_STUB[:length])


def test_bindings_that_contradict_themselves_are_refused() -> None:
    with pytest.raises(BadAnswer, match="contradicts"):
        parse_server_alive_2(bytes.fromhex("0500070000000200040000000c000800"))


def test_a_challenge_tells_name_and_time() -> None:
    ticks = struct.pack("<Q", 134_000_000_000_000_000)
    name = "xp191.r2.local".encode("utf-16-le")
    token = challenge(pair(2, b"R\0") + pair(3, name) + pair(7, ticks) + pair(0, b""))
    clock = datetime(1601, 1, 1, tzinfo=UTC) + timedelta(seconds=13_400_000_000)
    assert parse_challenge(token) == Challenge("xp191.r2.local", clock)
    assert parse_challenge(challenge(b"")) == Challenge()


@pytest.mark.parametrize(
    "token",
    [
        b"",
        b"NTLMSSP\0" + bytes(60),
        challenge(b"")[:47],
        challenge(pair(3, b"x"), offset=4000),
        challenge(struct.pack("<HH", 3, 200) + b"x"),
    ],
)
def test_a_broken_challenge_is_refused(token: bytes) -> None:
    with pytest.raises(BadAnswer):
        parse_challenge(token)


def test_a_time_that_no_calendar_has_is_no_time() -> None:
    assert parse_challenge(challenge(pair(7, b"\xff" * 8))).clock is None


@given(st.binary(max_size=300))
def test_whatever_comes_is_read_or_refused(data: bytes) -> None:
    reading: tuple[Callable[[bytes], object], ...] = (
        parse_server_alive_2,
        parse_challenge,
        lambda found: parse_challenge(challenge(found)),
        lambda found: parse_server_alive_2(ALIVE_STUB[:8] + found),
    )
    for read in reading:
        with suppress(BadAnswer):
            read(data)


def test_an_exporter_that_answers() -> None:
    with computer(BIND_ACK, response(ALIVE_STUB)) as port:
        answer = ask_exporter(HOST, seconds=3, port=port, with_challenge=False)
    assert (answer.is_connected, answer.is_answering) == (True, True)
    assert (answer.host_names, answer.sentence) == (("XP191",), "")


def test_an_exporter_that_refuses_is_there_all_the_same() -> None:
    with computer(BIND_ACK, fault(5)) as port:
        answer = ask_exporter(HOST, seconds=3, port=port, with_challenge=False)
    assert (answer.is_answering, answer.refusal) == (True, 5)


@pytest.mark.parametrize(
    ("answers", "words"),
    [
        ((b"SSH-2.0-OpenSSH_9.2p1\r\n",), "no object exporter"),
        ((b"\x05\x00\x0c\x03\x10\0\0\0\xff\xff\0\0\1\0\0\0",), "no object exporter"),
        ((REFUSED,), "no object exporter"),
        ((BIND_ACK, BIND_ACK), "no object exporter"),
        ((BIND_ACK, response(b"\1")), "no object exporter"),
        ((BIND_ACK,), "closes"),
        ((BIND_ACK[:20],), "closes"),
    ],
)
def test_what_is_no_exporter_is_told_apart(answers: tuple[bytes, ...], words: str) -> None:
    with computer(*answers) as port:
        answer = ask_exporter(HOST, seconds=3, port=port, with_challenge=False)
    assert (answer.is_connected, answer.is_answering) == (True, False)
    assert words in answer.sentence


def test_silence_ends_at_the_deadline() -> None:
    with socket.create_server((HOST, 0)) as server:
        port = server.getsockname()[1]
        answer = ask_exporter(HOST, seconds=0.3, port=port, with_challenge=False)
    assert (answer.is_connected, answer.is_answering) == (True, False)
    assert "answers nothing" in answer.sentence


def test_a_closed_port_is_refused() -> None:
    with socket.create_server((HOST, 0)) as server:
        port = server.getsockname()[1]
    answer = ask_exporter(HOST, seconds=1, port=port)
    assert (answer.is_connected, "refuses connections" in answer.sentence) == (False, True)
