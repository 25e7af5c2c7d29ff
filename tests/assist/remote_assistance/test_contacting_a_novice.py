"""The client against the lab's computers, and against peers that break the rules."""

from __future__ import annotations

import os
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from assist.remote_assistance import errors
from assist.remote_assistance.client import (
    CallLimits,
    KeytabCredential,
    LogonSession,
    NoviceTarget,
    list_logon_sessions,
    start_remote_assistance,
)
from assist.remote_assistance.connection_string import parse_connection_string
from lab import world
from tests.conftest import Lab

pytestmark = pytest.mark.lab

LIMITS = CallLimits(connect_seconds=3, call_seconds=5, total_seconds=15)
SHORT = CallLimits(connect_seconds=1, call_seconds=1, total_seconds=2)


@pytest.fixture
def credential(lab: Lab) -> KeytabCredential:
    keytab = lab.directory / "keytabs" / "svc-ra-portal.keytab"
    return KeytabCredential("svc-ra-portal@R2.LOCAL", str(keytab))


def target(name: str) -> NoviceTarget:
    computer = world.computer(name)
    return NoviceTarget(computer.dns_name, computer.address)


@pytest.mark.parametrize(
    ("computer", "sessions"),
    [
        ("XP191", [r"R2\bsmith:1"]),
        ("WPG-W11-02", [r"R2\bsmith:2", r"R2\cwong:3"]),
        ("WPG-W10-03", []),
    ],
)
def test_the_sessions_in_use_are_listed(
    credential: KeytabCredential, computer: str, sessions: list[str]
) -> None:
    found = list_logon_sessions(target(computer), credential, LIMITS)
    assert [str(session) for session in found] == sessions


def test_remote_assistance_starts_in_the_session_chosen(credential: KeytabCredential) -> None:
    # Nobody opens it: the lab's computer ends it by itself, and only this test starts it there.
    text = start_remote_assistance(
        target("WPG-SRV-14"), credential, LogonSession("R2", "bsmith", 1), LIMITS
    )
    listener = parse_connection_string(text).listeners[0]
    assert str(listener.address) == world.computer("WPG-SRV-14").address


@pytest.mark.parametrize(
    ("computer", "error"),
    [
        ("WPG-W7-04", errors.Busy),
        ("GIM-W11-01", errors.AccessDenied),
        ("WPG-OFF-09", errors.Unreachable),
        ("WPG-BAD-12", errors.BadAnswer),
    ],
)
def test_what_the_computer_refuses_is_named(
    credential: KeytabCredential, computer: str, error: type[errors.RemoteAssistanceError]
) -> None:
    with pytest.raises(error) as refused:
        start_remote_assistance(
            target(computer), credential, LogonSession("R2", "bsmith", 1), LIMITS
        )
    assert refused.value.sentence
    assert refused.value.remedy
    assert not refused.value.may_have_started


def test_a_session_that_is_gone_is_said_to_be_gone(credential: KeytabCredential) -> None:
    with pytest.raises(errors.NoSuchSession):
        start_remote_assistance(
            target("XP191"), credential, LogonSession("R2", "nobody", 9), LIMITS
        )


def test_a_computer_that_never_answers_ends_in_time(credential: KeytabCredential) -> None:
    with pytest.raises(errors.TimedOut):
        list_logon_sessions(target("WPG-MUTE-10"), credential, SHORT)


def test_a_name_without_a_service_is_an_authentication_failure(
    credential: KeytabCredential,
) -> None:
    with pytest.raises(errors.AuthenticationFailed, match="no service"):
        list_logon_sessions(NoviceTarget("nowhere.r2.local", "127.0.11.191"), credential, LIMITS)


def test_a_ticket_for_another_computer_is_refused_by_this_one(
    credential: KeytabCredential,
) -> None:
    misnamed = NoviceTarget(world.computer("WPG-W11-02").dns_name, world.computer("XP191").address)
    with pytest.raises((errors.AuthenticationFailed, errors.AccessDenied)):
        list_logon_sessions(misnamed, credential, LIMITS)


def test_a_keytab_that_is_missing_is_said_to_be_missing() -> None:
    with pytest.raises(errors.AuthenticationFailed):
        list_logon_sessions(
            target("XP191"), KeytabCredential("svc-ra-portal@R2.LOCAL", "/nonexistent"), LIMITS
        )


def test_no_ticket_stays_behind_in_files(
    credential: KeytabCredential, tmp_path: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KRB5CCNAME", f"FILE:{tmp_path}/default-cache")
    list_logon_sessions(target("XP191"), credential, LIMITS)
    assert os.listdir(str(tmp_path)) == []


Peer = Callable[[socket.socket], None]


@contextmanager
def peer(behave: Peer) -> Iterator[int]:
    """A TCP server on loopback that treats each connection as told."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection:
                    try:
                        behave(connection)
                    except OSError:
                        continue

        threading.Thread(target=serve, daemon=True).start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)


def header(kind: int, length: int, flags: int = 3) -> bytes:
    return struct.pack("<BBBBIHHI", 5, 0, kind, flags, 0x10, length, 0, 1)


def closes(connection: socket.socket) -> None:
    connection.recv(10)


def talks_nonsense(connection: socket.socket) -> None:
    connection.recv(10)
    connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n" * 10)


def acknowledges_nothing(connection: socket.socket) -> None:
    connection.recv(4096)
    connection.sendall(header(12, 40) + bytes(24))


def refuses_to_bind(connection: socket.socket) -> None:
    connection.recv(4096)
    connection.sendall(header(13, 20) + struct.pack("<I", 2))


def claims_a_short_packet(connection: socket.socket) -> None:
    connection.recv(4096)
    connection.sendall(header(12, 4))


@pytest.mark.parametrize(
    ("behave", "error"),
    [
        (closes, errors.Unreachable),
        (talks_nonsense, errors.BadAnswer),
        (acknowledges_nothing, errors.RemoteAssistanceError),
        (refuses_to_bind, errors.RemoteAssistanceError),
        (claims_a_short_packet, errors.BadAnswer),
    ],
)
def test_a_peer_that_breaks_the_rules_is_an_error_of_ours(
    credential: KeytabCredential, behave: Peer, error: type[Exception]
) -> None:
    with peer(behave) as port, pytest.raises(error):
        list_logon_sessions(NoviceTarget("xp191.r2.local", "127.0.0.1", port), credential, LIMITS)
