"""Controllers that cut, refuse, break off or talk nonsense: the whole answer, or an error."""

from __future__ import annotations

import hashlib
import re
import uuid
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from directory.configuration import connection_settings
from directory.ldap.certificates import describe_certificate
from directory.ldap.connection import (
    LdapConnection,
    close_connection,
    open_connection,
    received_bytes,
)
from directory.ldap.entries import Entry
from directory.ldap.errors import CertificateRefused, DirectoryUnavailable
from directory.ldap.root import read_root
from directory.ldap.search import read_one, search
from tests.directory.scripted_ldap import (
    ADDRESS,
    SERVER_NAME,
    Answer,
    Close,
    Request,
    ScriptedLdap,
    Silence,
    Step,
    connect,
    element,
    number,
    paging,
    scripted_ldap,
)

BASE = "DC=r2,DC=local"
GROUP = f"CN=Everybody,{BASE}"
IMPATIENT_SECONDS = 0.5


def reading(connection: LdapConnection, **options: bool) -> list[Entry]:
    return list(search(connection, BASE, "(objectClass=*)", ["cn", "member"], **options))


def names(count: int, first: int = 0) -> list[str]:
    return [f"CN=Object {index},{BASE}" for index in range(first, first + count)]


# --- pages ----------------------------------------------------------------------------------------


def in_pages(all_names: list[str], size: int, *, long: bool = False) -> Answer:
    def answer(request: Request) -> list[Step]:
        start = int(request.cookie or b"0")
        end = start + size
        sent: list[Step] = [
            request.entry(name, {"cn": [name.encode()]}, long=long) for name in all_names[start:end]
        ]
        cookie = str(end).encode() if end < len(all_names) else b""
        return [*sent, request.done(0, paging(cookie))]

    return answer


@pytest.mark.parametrize("long", [False, True])
@pytest.mark.parametrize("count", [0, 1, 999, 1000, 1001, 2500])
def test_every_page_is_read(
    server: ScriptedLdap, scripted: LdapConnection, count: int, long: bool
) -> None:
    server.answer = in_pages(names(count), 1000, long=long)
    assert [entry.distinguished_name for entry in reading(scripted)] == names(count)
    assert len(server.requests) == max(1, (count + 999) // 1000)


def test_what_was_received_is_counted(server: ScriptedLdap, scripted: LdapConnection) -> None:
    before = received_bytes(scripted)
    sent: list[bytes] = []

    def answer(request: Request) -> list[Step]:
        sent.extend([request.entry(names(1)[0], {"cn": [b"x" * 70_000]})])
        sent.append(request.done(0, paging(b"")))
        return list(sent)

    server.answer = answer
    assert len(reading(scripted)) == 1
    assert received_bytes(scripted) - before == len(b"".join(sent))


def test_referrals_to_other_partitions_are_left_out(
    server: ScriptedLdap, scripted: LdapConnection
) -> None:
    server.answer = lambda request: [
        request.reference("ldaps://other/DC=other"),
        request.entry(GROUP, {}),
        request.reference("ldaps://another/DC=another"),
        request.done(0, paging(b"")),
    ]
    assert [entry.distinguished_name for entry in reading(scripted)] == [GROUP]


def test_a_base_that_is_not_there_has_nothing_below_it(
    server: ScriptedLdap, scripted: LdapConnection
) -> None:
    server.answer = lambda request: [request.done(32)]
    assert reading(scripted) == []
    assert read_one(scripted, GROUP, ["cn"]) == Entry(GROUP, {})


def partly(code: int) -> Answer:
    return lambda request: [request.entry(GROUP, {}), request.done(code)]


def never_moving(request: Request) -> list[Step]:
    return [request.done(0, paging(b"again"))]


def vanishing(request: Request) -> list[Step]:
    if request.cookie:
        return [request.done(32)]
    return [request.entry(GROUP, {}), request.done(0, paging(b"more"))]


INCOMPLETE: dict[str, Answer] = {
    "operations error": partly(1),
    "time limit exceeded": partly(3),
    "size limit exceeded": partly(4),
    "referral": partly(10),
    "administrative limit exceeded": partly(11),
    "cannot page": partly(12),
    "busy": partly(51),
    "unavailable": partly(52),
    "unknown result": partly(123),
    "no word of further pages": partly(0),
    "empty pages without end": never_moving,
    "base vanishes between pages": vanishing,
}


@pytest.mark.parametrize("answer", INCOMPLETE.values(), ids=list(INCOMPLETE))
def test_half_an_answer_is_never_taken_for_the_whole(
    server: ScriptedLdap, scripted: LdapConnection, answer: Answer
) -> None:
    server.answer = answer
    with pytest.raises(DirectoryUnavailable) as failure:
        reading(scripted)
    assert BASE in failure.value.sentence
    assert failure.value.remedy


def cut(request: Request) -> list[Step]:
    whole = request.entry(GROUP, {"cn": [b"x" * 500]})
    return [request.entry(GROUP, {}), whole[:200], Close()]


def of_another_search(request: Request) -> list[Step]:
    other = replace(request, message_id=request.message_id + 1)
    return [other.entry(GROUP, {}), request.done(0, paging(b""))]


def end_of_another_search(request: Request) -> list[Step]:
    return [replace(request, message_id=request.message_id + 1).done(0, paging(b""))]


def disconnecting(request: Request) -> list[Step]:
    result = element(0x0A, b"\x34") + element(0x04, b"") + element(0x04, b"shutting down")
    name = element(0x8A, b"1.3.6.1.4.1.1466.20036")
    return [element(0x30, number(0) + element(0x78, result + name))]


NONSENSE: dict[str, Answer] = {
    "closed at once": lambda request: [Close()],
    "closed in the middle": cut,
    "another protocol": lambda request: [b"HTTP/1.1 400 Bad Request\r\n\r\n"],
    "endless length": lambda request: [b"\x30\x84\xff\xff\xff\xff" + b"\x00" * 100],
    "length of nine bytes": lambda request: [b"\x30\x89" + b"\x01" * 20],
    "broken entry": lambda request: [
        request.entry(GROUP, {"cn": [b"value"]}).replace(b"\x31\x07", b"\x31\x77")
    ],
    "broken result": lambda request: [element(0x30, number(request.message_id) + b"\x65\x00")],
    "no operation": lambda request: [element(0x30, number(request.message_id))],
    "unknown operation": lambda request: [
        element(0x30, number(request.message_id) + element(0x7E, b""))
    ],
    "result of another search": of_another_search,
    "end of another search": end_of_another_search,
    "notice of disconnection": disconnecting,
}


@pytest.mark.parametrize("answer", NONSENSE.values(), ids=list(NONSENSE))
def test_nonsense_ends_the_connection_with_an_error(
    server: ScriptedLdap, scripted: LdapConnection, answer: Answer
) -> None:
    server.answer = answer
    with pytest.raises(DirectoryUnavailable):
        reading(scripted)
    server.answer = in_pages(names(3), 2)
    with pytest.raises(DirectoryUnavailable):  # what is left in the pipe answers nothing
        reading(scripted)
    again = connect(server)
    assert len(reading(again)) == 3
    close_connection(again)


@pytest.mark.parametrize(
    "begun", [b"", b"\x30", b"\x30\x84\x00\x00\x10\x00\x02\x01"], ids=["nothing", "a byte", "more"]
)
def test_silence_ends_with_an_error_in_time(server: ScriptedLdap, begun: bytes) -> None:
    server.answer = lambda request: [begun, Silence()] if begun else [Silence()]
    connection = connect(server, patience=IMPATIENT_SECONDS)
    with pytest.raises(DirectoryUnavailable):
        reading(connection)
    close_connection(connection)


def test_an_answer_that_trickles_in_ends_with_an_error_in_time(server: ScriptedLdap) -> None:
    """Each byte comes in time, the message never does."""
    connection = connect(server, patience=IMPATIENT_SECONDS)

    def trickle(request: Request) -> Iterator[Step]:
        for byte in request.entry(GROUP, {"cn": [b"x" * 5000]}):
            if server.over.wait(IMPATIENT_SECONDS / 10):
                return
            yield bytes([byte])

    server.answer = trickle  # type: ignore[assignment]
    with pytest.raises(DirectoryUnavailable):
        reading(connection)
    server.over.set()
    close_connection(connection)


# --- what a controller is -------------------------------------------------------------------------


def root_answer(**service: list[bytes]) -> Answer:
    def answer(request: Request) -> list[Step]:
        if request.base:
            return [request.entry(request.base, service), request.done()]
        attributes = {
            "defaultNamingContext": [BASE.encode()],
            "configurationNamingContext": [f"CN=Configuration,{BASE}".encode()],
            "rootDomainNamingContext": [BASE.encode()],
            "namingContexts": [BASE.encode(), f"CN=Configuration,{BASE}".encode()],
            "dnsHostName": [SERVER_NAME.encode()],
            "dsServiceName": [f"CN=NTDS Settings,{BASE}".encode()],
            "highestCommittedUSN": [b"12345678901"],
            "domainFunctionality": [b"7"],
            "forestFunctionality": [b"7"],
        }
        return [request.entry("", attributes), request.done()]

    return answer


def test_a_controller_says_what_it_is(server: ScriptedLdap, scripted: LdapConnection) -> None:
    identity = uuid.uuid4()
    server.answer = root_answer(invocationId=[identity.bytes_le])
    root = read_root(scripted)
    assert (root.default_naming_context, root.dns_host_name) == (BASE, SERVER_NAME)
    assert (root.invocation_id, root.highest_committed_usn) == (identity, 12_345_678_901)
    assert root.domain_functionality == 7


def test_a_controller_that_hides_its_identity_is_refused(
    server: ScriptedLdap, scripted: LdapConnection
) -> None:
    server.answer = root_answer()
    with pytest.raises(DirectoryUnavailable, match=re.escape(SERVER_NAME)):
        read_root(scripted)


# --- StartTLS -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "injected", [b"", b"\x30\x0c\x02\x01\x02\x65\x07\x0a\x01\x00\x04\x00\x04\x00"]
)
def test_nothing_from_before_tls_is_taken_for_an_answer_inside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, injected: bytes
) -> None:
    with scripted_ldap(tmp_path, starttls=True) as server:
        monkeypatch.setattr("directory.ldap.connection.LDAP_PORT", server.port)
        server.before_tls = injected
        settings = replace(connection_settings(), ca_file=server.ca_file, tls="starttls")
        if injected:
            with pytest.raises(DirectoryUnavailable):
                open_connection(settings, [ADDRESS])
            assert server.binds == []
        else:
            close_connection(open_connection(settings, [ADDRESS]))
            assert len(server.binds) == 1


# --- certificates ---------------------------------------------------------------------------------


@pytest.mark.parametrize("tls", ["ldaps", "starttls"])
def test_a_certificate_that_has_expired_is_named_with_its_dates(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tls: str
) -> None:
    ended = datetime.now(UTC) - timedelta(hours=1)
    starttls = tls == "starttls"
    with scripted_ldap(tmp_path, starttls=starttls, ends_at=ended) as server:
        port = "LDAP_PORT" if starttls else "LDAPS_PORT"
        monkeypatch.setattr(f"directory.ldap.connection.{port}", server.port)
        settings = replace(
            connection_settings(),
            ca_file=server.ca_file,
            tls="starttls" if starttls else "ldaps",
        )
        with pytest.raises(CertificateRefused) as refusal:
            open_connection(settings, [ADDRESS])
        assert server.binds == []
    sentence = refusal.value.sentence
    assert "certificate has expired" in sentence
    assert f"CN={SERVER_NAME}" in sentence
    assert "issued by CN=Scripted authority" in sentence
    assert f"to {ended:%Y-%m-%d %H:%M} UTC" in sentence
    assert re.search(r"SHA-256 ([0-9A-F]{2}:){31}[0-9A-F]{2}\.", sentence)


@given(st.binary(max_size=300))
def test_a_certificate_that_cannot_be_read_still_has_a_fingerprint(raw: bytes) -> None:
    assert hashlib.sha256(raw).hexdigest().upper() in describe_certificate(raw).replace(":", "")
