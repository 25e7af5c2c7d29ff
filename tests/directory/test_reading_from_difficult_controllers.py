"""Controllers that cut, refuse, break off or talk nonsense: the whole answer, or an error."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from directory.configuration import connection_settings
from directory.ldap.changes import (
    CookieRefused,
    DirSyncRefused,
    current_cookie,
    read_changes,
)
from directory.ldap.connection import (
    LdapConnection,
    ServerAddress,
    close_connection,
    open_connection,
    received_bytes,
)
from directory.ldap.entries import Entry
from directory.ldap.errors import DirectoryUnavailable
from directory.ldap.extended_names import EXTENDED_DN_OID, parse_reference
from directory.ldap.root import read_root
from directory.ldap.search import read_one, search, search_by_guid
from tests.directory.scripted_ldap import (
    SERVER_NAME,
    Answer,
    Close,
    Request,
    ScriptedLdap,
    Silence,
    Step,
    dirsync,
    element,
    number,
    paging,
    scripted_ldap,
)

BASE = "DC=r2,DC=local"
GROUP = f"CN=Everybody,{BASE}"
ADDRESS = ServerAddress(SERVER_NAME, "127.0.0.1")
IMPATIENT_SECONDS = 0.5


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ScriptedLdap]:
    with scripted_ldap(tmp_path) as running:
        monkeypatch.setattr("directory.ldap.connection.LDAPS_PORT", running.port)
        yield running


def connect(server: ScriptedLdap, *, patience: float = 10.0) -> LdapConnection:
    settings = replace(connection_settings(), ca_file=server.ca_file, read_timeout_seconds=patience)
    return open_connection(settings, [ADDRESS])


@pytest.fixture
def connection(server: ScriptedLdap) -> Iterator[LdapConnection]:
    opened = connect(server)
    yield opened
    close_connection(opened)


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
    server: ScriptedLdap, connection: LdapConnection, count: int, long: bool
) -> None:
    server.answer = in_pages(names(count), 1000, long=long)
    assert [entry.distinguished_name for entry in reading(connection)] == names(count)
    assert len(server.requests) == max(1, (count + 999) // 1000)


def test_what_was_received_is_counted(server: ScriptedLdap, connection: LdapConnection) -> None:
    before = received_bytes(connection)
    sent: list[bytes] = []

    def answer(request: Request) -> list[Step]:
        sent.extend([request.entry(names(1)[0], {"cn": [b"x" * 70_000]})])
        sent.append(request.done(0, paging(b"")))
        return list(sent)

    server.answer = answer
    assert len(reading(connection)) == 1
    assert received_bytes(connection) - before == len(b"".join(sent))


def test_referrals_to_other_partitions_are_left_out(
    server: ScriptedLdap, connection: LdapConnection
) -> None:
    server.answer = lambda request: [
        request.reference("ldaps://other/DC=other"),
        request.entry(GROUP, {}),
        request.reference("ldaps://another/DC=another"),
        request.done(0, paging(b"")),
    ]
    assert [entry.distinguished_name for entry in reading(connection)] == [GROUP]


def test_a_base_that_is_not_there_has_nothing_below_it(
    server: ScriptedLdap, connection: LdapConnection
) -> None:
    server.answer = lambda request: [request.done(32)]
    assert reading(connection) == []
    assert read_one(connection, GROUP, ["cn"]) == Entry(GROUP, {})


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
    server: ScriptedLdap, connection: LdapConnection, answer: Answer
) -> None:
    server.answer = answer
    with pytest.raises(DirectoryUnavailable) as failure:
        reading(connection)
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
    server: ScriptedLdap, connection: LdapConnection, answer: Answer
) -> None:
    server.answer = answer
    with pytest.raises(DirectoryUnavailable):
        reading(connection)
    server.answer = in_pages(names(3), 2)
    with pytest.raises(DirectoryUnavailable):  # what is left in the pipe answers nothing
        reading(connection)
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


# --- attributes in ranges -------------------------------------------------------------------------


def member_name(index: int) -> bytes:
    guid = uuid.UUID(int=index)
    return f"<GUID={guid}>;<SID=S-1-5-21-1-2-3-{index}>;CN=Member {index},{BASE}".encode()


def ranging(count: int, limit: int = 1500) -> Answer:
    """As Active Directory does: 1,500 values at a time ([MS-ADTS] 3.1.1.3.1.3.3)."""

    def members(request: Request, start: int) -> dict[str, list[bytes]]:
        values = [member_name(index) for index in range(start, min(start + limit, count))]
        if EXTENDED_DN_OID not in request.controls:
            values = [value.rpartition(b">;")[2] for value in values]
        end = "*" if start + limit >= count else str(start + limit - 1)
        if not start and end == "*":
            return {"member": values}
        return {"member": [], f"member;range={start}-{end}": values}

    def answer(request: Request) -> list[Step]:
        asked = re.fullmatch(r"member;range=(\d+)-\*", request.attributes[-1])
        start = int(asked[1]) if asked else 0
        controls = [] if asked else [paging(b"")]
        return [request.entry(GROUP, members(request, start)), request.done(0, *controls)]

    return answer


@pytest.mark.parametrize("count", [0, 1500, 1501, 4321])
def test_members_in_ranges_are_read_with_guid_and_sid_to_the_last(
    server: ScriptedLdap, connection: LdapConnection, count: int
) -> None:
    server.answer = ranging(count)
    (entry,) = reading(connection, with_extended_names=True)
    expected = [(uuid.UUID(int=n).hex, f"S-1-5-21-1-2-3-{n}") for n in range(count)]
    assert [parse_reference(raw) for raw in entry.all("member")] == expected
    assert {request.base for request in server.requests[1:]} <= {GROUP}


def test_members_in_ranges_are_read_without_extended_names_too(
    server: ScriptedLdap, connection: LdapConnection
) -> None:
    server.answer = ranging(3001)
    (entry,) = reading(connection)
    assert entry.all("member")[-1] == f"CN=Member 3000,{BASE}".encode()
    assert len(entry.all("member")) == 3001


def test_a_group_that_vanishes_between_its_ranges_is_not_read_in_part(
    server: ScriptedLdap, connection: LdapConnection
) -> None:
    whole = ranging(4000)
    server.answer = lambda request: (
        [request.done(32)] if "range" in request.attributes[-1] else whole(request)
    )
    with pytest.raises(DirectoryUnavailable, match="in part"):
        reading(connection)


# --- by GUID --------------------------------------------------------------------------------------


def test_objects_are_asked_for_by_guid_a_hundred_at_a_time(
    server: ScriptedLdap, connection: LdapConnection
) -> None:
    server.answer = lambda request: [request.entry(GROUP, {}), request.done(0, paging(b""))]
    found = list(search_by_guid(connection, BASE, [uuid.uuid4() for _ in range(250)], ["cn"]))
    assert len(found) == len(server.requests) == 3
    assert list(search_by_guid(connection, BASE, [], ["cn"])) == []


# --- changes --------------------------------------------------------------------------------------


def changes(connection: LdapConnection, cookie: bytes | None) -> list[tuple[str, bytes]]:
    return [
        (entry.distinguished_name, page.cookie)
        for page in read_changes(connection, BASE, cookie, ["cn", "name"])
        for entry in page.entries
    ]


def test_changes_are_read_page_by_page_each_with_its_cookie(
    server: ScriptedLdap, connection: LdapConnection
) -> None:
    one, two, three = names(3)

    def answer(request: Request) -> list[Step]:
        if len(server.requests) == 1:
            cookie = dirsync(b"first", is_last=False)
            return [request.entry(one, {}), request.entry(two, {}), request.done(0, cookie)]
        return [request.entry(three, {}), request.done(0, dirsync(b"second"))]

    server.answer = answer
    assert changes(connection, b"start") == [(one, b"first"), (two, b"first"), (three, b"second")]
    sent = [request.controls["1.2.840.113556.1.4.841"] for request in server.requests]
    assert [b"start" in sent[0], b"first" in sent[1]] == [True, True]


def test_only_the_values_that_are_wanted_are_kept(
    server: ScriptedLdap, connection: LdapConnection
) -> None:
    guid = uuid.uuid4()
    values = {"objectGUID": [guid.bytes_le], "name": [b"x"], "member": [b"y" * 1000]}
    server.answer = lambda request: [request.entry(GROUP, values), request.done(0, dirsync(b"c"))]
    (page,) = read_changes(connection, BASE, None, keep=["Name"])
    assert set(page.entries[0].values) == {"objectguid", "name"}
    assert page.entries[0].guid == guid
    (page,) = read_changes(connection, BASE, None)
    assert set(page.entries[0].values) == {"objectguid", "name", "member"}


@pytest.mark.parametrize(
    ("cookie", "code", "error"),
    [
        (b"cookie", 12, CookieRefused),
        (b"cookie", 53, CookieRefused),
        (b"cookie", 50, DirSyncRefused),
        (None, 12, DirSyncRefused),
        (None, 50, DirSyncRefused),
        (None, 53, DirSyncRefused),
    ],
)
def test_a_refusal_says_whether_the_cookie_is_at_fault(
    server: ScriptedLdap,
    connection: LdapConnection,
    cookie: bytes | None,
    code: int,
    error: type[DirectoryUnavailable],
) -> None:
    server.answer = lambda request: [request.done(code)]
    with pytest.raises(error) as refusal:
        changes(connection, cookie)
    assert type(refusal.value) is error
    assert refusal.value.remedy


@pytest.mark.parametrize("code", [3, 4, 11, 51, 52])
def test_a_controller_that_is_busy_does_not_cost_the_cookie(
    server: ScriptedLdap, connection: LdapConnection, code: int
) -> None:
    server.answer = lambda request: [request.entry(GROUP, {}), request.done(code)]
    with pytest.raises(DirectoryUnavailable) as failure:
        changes(connection, b"cookie")
    assert type(failure.value) is DirectoryUnavailable


def test_a_controller_that_ignores_dirsync_is_found_out(
    server: ScriptedLdap, connection: LdapConnection
) -> None:
    server.answer = lambda request: [request.entry(GROUP, {}), request.done()]
    with pytest.raises(DirSyncRefused):
        current_cookie(connection, BASE)


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


def test_a_controller_says_what_it_is(server: ScriptedLdap, connection: LdapConnection) -> None:
    identity = uuid.uuid4()
    server.answer = root_answer(invocationId=[identity.bytes_le])
    root = read_root(connection)
    assert (root.default_naming_context, root.dns_host_name) == (BASE, SERVER_NAME)
    assert (root.invocation_id, root.highest_committed_usn) == (identity, 12_345_678_901)
    assert root.domain_functionality == 7


def test_a_controller_that_hides_its_identity_is_refused(
    server: ScriptedLdap, connection: LdapConnection
) -> None:
    server.answer = root_answer()
    with pytest.raises(DirectoryUnavailable, match=re.escape(SERVER_NAME)):
        read_root(connection)


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
