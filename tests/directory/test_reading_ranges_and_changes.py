"""Attributes in ranges, and changes, from controllers that answer as the lab's never does."""

from __future__ import annotations

import re
import uuid

import pytest

from directory.ldap.changes import (
    CookieRefused,
    DirSyncRefused,
    current_cookie,
    read_changes,
)
from directory.ldap.connection import (
    LdapConnection,
)
from directory.ldap.entries import Entry
from directory.ldap.errors import DirectoryUnavailable
from directory.ldap.extended_names import EXTENDED_DN_OID, parse_reference
from directory.ldap.search import search, search_by_guid
from tests.directory.scripted_ldap import (
    Answer,
    Request,
    ScriptedLdap,
    Step,
    dirsync,
    paging,
)

BASE = "DC=r2,DC=local"
GROUP = f"CN=Everybody,{BASE}"
IMPATIENT_SECONDS = 0.5


def reading(connection: LdapConnection, **options: bool) -> list[Entry]:
    return list(search(connection, BASE, "(objectClass=*)", ["cn", "member"], **options))


def names(count: int) -> list[str]:
    return [f"CN=Object {index},{BASE}" for index in range(count)]


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
    server: ScriptedLdap, scripted: LdapConnection, count: int
) -> None:
    server.answer = ranging(count)
    (entry,) = reading(scripted, with_extended_names=True)
    expected = [(uuid.UUID(int=n).hex, f"S-1-5-21-1-2-3-{n}") for n in range(count)]
    assert [parse_reference(raw) for raw in entry.all("member")] == expected
    assert {request.base for request in server.requests[1:]} <= {GROUP}


def test_members_in_ranges_are_read_without_extended_names_too(
    server: ScriptedLdap, scripted: LdapConnection
) -> None:
    server.answer = ranging(3001)
    (entry,) = reading(scripted)
    assert entry.all("member")[-1] == f"CN=Member 3000,{BASE}".encode()
    assert len(entry.all("member")) == 3001


def test_a_group_that_vanishes_between_its_ranges_is_not_read_in_part(
    server: ScriptedLdap, scripted: LdapConnection
) -> None:
    whole = ranging(4000)
    server.answer = lambda request: (
        [request.done(32)] if "range" in request.attributes[-1] else whole(request)
    )
    with pytest.raises(DirectoryUnavailable, match="in part"):
        reading(scripted)


# --- by GUID --------------------------------------------------------------------------------------


def test_objects_are_asked_for_by_guid_a_hundred_at_a_time(
    server: ScriptedLdap, scripted: LdapConnection
) -> None:
    server.answer = lambda request: [request.entry(GROUP, {}), request.done(0, paging(b""))]
    found = list(search_by_guid(scripted, BASE, [uuid.uuid4() for _ in range(250)], ["cn"]))
    assert len(found) == len(server.requests) == 3
    assert list(search_by_guid(scripted, BASE, [], ["cn"])) == []


# --- changes --------------------------------------------------------------------------------------


def changes(connection: LdapConnection, cookie: bytes | None) -> list[tuple[str, bytes]]:
    return [
        (entry.distinguished_name, page.cookie)
        for page in read_changes(connection, BASE, cookie, ["cn", "name"])
        for entry in page.entries
    ]


def test_changes_are_read_page_by_page_each_with_its_cookie(
    server: ScriptedLdap, scripted: LdapConnection
) -> None:
    one, two, three = names(3)

    def answer(request: Request) -> list[Step]:
        if len(server.requests) == 1:
            cookie = dirsync(b"first", is_last=False)
            return [request.entry(one, {}), request.entry(two, {}), request.done(0, cookie)]
        return [request.entry(three, {}), request.done(0, dirsync(b"second"))]

    server.answer = answer
    assert changes(scripted, b"start") == [(one, b"first"), (two, b"first"), (three, b"second")]
    sent = [request.controls["1.2.840.113556.1.4.841"] for request in server.requests]
    assert [b"start" in sent[0], b"first" in sent[1]] == [True, True]


def test_only_the_values_that_are_wanted_are_kept(
    server: ScriptedLdap, scripted: LdapConnection
) -> None:
    guid = uuid.uuid4()
    values = {"objectGUID": [guid.bytes_le], "name": [b"x"], "member": [b"y" * 1000]}
    server.answer = lambda request: [request.entry(GROUP, values), request.done(0, dirsync(b"c"))]
    (page,) = read_changes(scripted, BASE, None, keep=["Name"])
    assert set(page.entries[0].values) == {"objectguid", "name"}
    assert page.entries[0].guid == guid
    (page,) = read_changes(scripted, BASE, None)
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
    scripted: LdapConnection,
    cookie: bytes | None,
    code: int,
    error: type[DirectoryUnavailable],
) -> None:
    server.answer = lambda request: [request.done(code)]
    with pytest.raises(error) as refusal:
        changes(scripted, cookie)
    assert type(refusal.value) is error
    assert refusal.value.remedy


@pytest.mark.parametrize("code", [3, 4, 11, 51, 52])
def test_a_controller_that_is_busy_does_not_cost_the_cookie(
    server: ScriptedLdap, scripted: LdapConnection, code: int
) -> None:
    server.answer = lambda request: [request.entry(GROUP, {}), request.done(code)]
    with pytest.raises(DirectoryUnavailable) as failure:
        changes(scripted, b"cookie")
    assert type(failure.value) is DirectoryUnavailable


def test_a_controller_that_ignores_dirsync_is_found_out(
    server: ScriptedLdap, scripted: LdapConnection
) -> None:
    server.answer = lambda request: [request.entry(GROUP, {}), request.done()]
    with pytest.raises(DirSyncRefused):
        current_cookie(scripted, BASE)
