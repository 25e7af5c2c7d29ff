"""The lab's domain over LDAP: as ldap3 itself reads it, and what DirSync tells of changes."""

from __future__ import annotations

import ssl
from collections.abc import Iterator

import ldap3
import pytest

from directory.configuration import connection_settings
from directory.ldap.changes import (
    CookieRefused,
    DirSyncRefused,
    current_cookie,
    read_changed_since,
    read_changes,
)
from directory.ldap.connection import (
    LdapConnection,
    ServerAddress,
    close_connection,
    open_connection,
)
from directory.ldap.entries import Entry
from directory.ldap.extended_names import parse_extended_name
from directory.ldap.root import read_root
from directory.ldap.search import escape, read_one, search, search_by_guid
from directory.ldap.values import parse_guid, parse_sid
from tests.conftest import Lab
from tests.directory.administrator import Administrator, administrator

pytestmark = pytest.mark.lab

BASE = "DC=r2,DC=local"
CONTROLLER = ServerAddress("dc1.r2.local", "127.0.10.1")
EVERYTHING = "(objectClass=*)"


@pytest.fixture
def connection(lab_domain: Lab) -> Iterator[LdapConnection]:
    opened = open_connection(connection_settings(), [CONTROLLER])
    yield opened
    close_connection(opened)


@pytest.fixture
def admin(lab_domain: Lab) -> Iterator[Administrator]:
    with administrator(lab_domain.env["DIRECTORY_CA_FILE"]) as working:
        yield working


@pytest.fixture
def stock(lab_domain: Lab) -> Iterator[ldap3.Connection]:
    """ldap3 as it comes, as the same account."""
    settings = connection_settings()
    tls = ldap3.Tls(validate=ssl.CERT_REQUIRED, ca_certs_file=settings.ca_file)
    tls.valid_names = [CONTROLLER.dns_name]
    server = ldap3.Server(CONTROLLER.ip, use_ssl=True, tls=tls, get_info=ldap3.NONE)
    with ldap3.Connection(
        server,
        settings.bind_name,
        settings.bind_password,
        auto_bind=True,
        check_names=False,
        return_empty_attributes=False,
    ) as opened:
        yield opened


def read_by_ldap3(stock: ldap3.Connection, base: str) -> dict[str, dict[str, list[bytes]]]:
    found = stock.extend.standard.paged_search(
        base, EVERYTHING, attributes=["*"], paged_size=500, generator=True
    )
    return {
        result["dn"]: {
            name.lower(): sorted(raw) for name, raw in result["raw_attributes"].items() if raw
        }
        for result in found
        if result["type"] == "searchResEntry"
    }


def sorted_values(entry: Entry) -> dict[str, list[bytes]]:
    return {name: sorted(raw) for name, raw in entry.values.items() if raw}


@pytest.mark.parametrize(
    "base",
    [BASE, f"CN=Configuration,{BASE}", f"DC=DomainDnsZones,{BASE}", f"DC=ForestDnsZones,{BASE}"],
)
def test_a_partition_is_what_ldap3_reads_of_it(
    connection: LdapConnection, stock: ldap3.Connection, base: str
) -> None:
    ours = {
        entry.distinguished_name: sorted_values(entry)
        for entry in search(connection, base, EVERYTHING, ["*"], page_size=77)
    }
    theirs = read_by_ldap3(stock, base)
    assert len(ours) > 10
    assert ours.keys() == theirs.keys()
    # A sign-in of the reading account may change its own object in between.
    differing = [name for name in ours if ours[name] != theirs[name]]
    assert [name for name in differing if "svc-ra-directory" not in name] == []


def test_extended_names_carry_guid_and_sid_of_object_and_members(
    connection: LdapConnection,
) -> None:
    plain = {
        entry.distinguished_name: entry
        for entry in search(connection, BASE, EVERYTHING, ["objectGUID", "objectSid"])
        if entry.values  # a few objects show nothing of themselves to a plain account
    }
    checked = members = 0
    asked = ["member", "managedBy"]
    for entry in search(connection, BASE, EVERYTHING, asked, with_extended_names=True):
        known = plain.get(entry.distinguished_name)
        if known is None:
            continue
        assert (entry.guid, entry.guid_hex) == (known.guid, known.guid.hex)
        assert entry.sid() == known.sid()
        checked += 1
        for raw in (*entry.all("member"), *entry.all("managedBy")):
            name = parse_extended_name(raw)
            target = plain[name.distinguished_name]
            assert (name.guid, name.sid) == (target.guid, target.sid())
            members += 1
    assert checked == len(plain)
    assert members > 20


def test_objects_are_found_by_guid(connection: LdapConnection) -> None:
    users = list(search(connection, BASE, "(objectCategory=person)", ["objectGUID"]))
    found = search_by_guid(
        connection,
        BASE,
        [user.guid for user in users],
        ["objectSid"],
        search_filter="(sAMAccountName=mjones)",
        with_extended_names=True,
    )
    (mary,) = found
    raw = mary.first("objectSid")
    assert raw is not None
    assert parse_sid(raw) == mary.sid()
    assert mary.guid in {user.guid for user in users}


def test_the_controller_says_what_it_is(connection: LdapConnection) -> None:
    root = read_root(connection)
    assert root.default_naming_context == root.root_domain_naming_context == BASE
    assert root.configuration_naming_context == f"CN=Configuration,{BASE}"
    assert f"DC=DomainDnsZones,{BASE}" in root.naming_contexts
    assert root.dns_host_name.lower() == CONTROLLER.dns_name
    assert root.highest_committed_usn > 3000
    assert root.invocation_id.int
    assert root.domain_functionality >= 4


# --- DirSync --------------------------------------------------------------------------------------


class Follower:
    """Asks again and again what has changed."""

    def __init__(self, connection: LdapConnection, *attributes: str) -> None:
        self._connection = connection
        self._attributes = attributes
        self._cookie = current_cookie(connection, BASE)

    def changes(self) -> dict[str, Entry]:
        found = {}
        for page in read_changes(self._connection, BASE, self._cookie, self._attributes):
            found |= {entry.distinguished_name: entry for entry in page.entries}
            self._cookie = page.cookie
        return found


def test_a_cookie_for_now_can_be_had_for_every_partition(connection: LdapConnection) -> None:
    for naming_context in read_root(connection).naming_contexts:
        cookie = current_cookie(connection, naming_context)
        pages = list(read_changes(connection, naming_context, cookie))
        assert [page.entries for page in pages] == [()]
        assert pages[-1].is_last


def test_dirsync_tells_what_is_new_changed_and_cleared(
    connection: LdapConnection, admin: Administrator
) -> None:
    follower = Follower(connection)
    account = admin.add_account("dirsync-new")
    new = follower.changes()
    assert new.keys() == {account}
    assert {"objectguid", "instancetype", "name", "parentguid"} <= new[account].values.keys()
    assert new[account].guid == admin.guid(account)
    admin.set(account, description="something")
    changed = follower.changes()[account]
    assert set(changed.values) == {"objectguid", "instancetype", "description"}
    admin.set(account, description=[])
    assert follower.changes()[account].all("description") == ()
    assert follower.changes() == {}


def test_dirsync_leaves_out_what_was_not_asked_for(
    connection: LdapConnection, admin: Administrator
) -> None:
    account = admin.add_account("dirsync-mail")
    follower = Follower(connection, "mail")
    admin.set(account, description="not asked for")
    assert follower.changes() == {}
    admin.set(account, mail="a@r2.local")
    assert follower.changes()[account].text("mail") == "a@r2.local"


def test_dirsync_tells_all_members_after_any_change_of_them(
    connection: LdapConnection, admin: Administrator
) -> None:
    one, two = admin.add_account("dirsync-one"), admin.add_account("dirsync-two")
    group = admin.add_group("dirsync-group", one)
    follower = Follower(connection, "member")
    admin.join(group, two)
    assert sorted(follower.changes()[group].texts("member")) == [one, two]
    admin.leave(group, one)
    assert follower.changes()[group].texts("member") == [two]
    admin.leave(group, two)
    assert follower.changes()[group].texts("member") == []
    admin.join(group, one)
    follower.changes()
    admin.delete(one)
    assert group not in follower.changes()  # the group is not told of: storing has to know


def test_dirsync_tells_of_moves_but_not_of_what_moved_along(
    connection: LdapConnection, admin: Administrator
) -> None:
    unit, other = admin.add_unit("Dirsync before"), admin.add_unit("Dirsync other")
    account = admin.add_account("dirsync-moving", parent=unit)
    follower = Follower(connection)
    renamed = admin.rename(unit, "OU=Dirsync after")
    assert set(follower.changes()) == {renamed}
    account = account.replace(unit, renamed)
    moved = admin.rename(account, "CN=dirsync-moving", parent=other)
    found = follower.changes()
    assert set(found) == {moved}
    raw = found[moved].first("parentGUID")
    assert raw is not None
    assert parse_guid(raw) == admin.guid(other)


def test_dirsync_and_numbers_tell_of_deletion_and_return(
    connection: LdapConnection, admin: Administrator
) -> None:
    account = admin.add_account("dirsync-deleted")
    guid = admin.guid(account)
    follower, usn = Follower(connection, "isDeleted"), read_root(connection).highest_committed_usn
    admin.delete(account)
    (gone,) = follower.changes().values()
    assert (gone.guid, gone.text("isDeleted")) == (guid, "TRUE")
    assert guid in {entry.guid for entry in read_changed_since(connection, BASE, usn)}
    admin.restore(guid, account)
    (back,) = follower.changes().values()
    assert (back.guid, back.distinguished_name) == (guid, account)
    assert back.all("isDeleted") == ()


def test_numbers_tell_of_changes_too(connection: LdapConnection, admin: Administrator) -> None:
    account = admin.add_account("dirsync-number")
    usn = read_root(connection).highest_committed_usn
    assert list(read_changed_since(connection, BASE, usn)) == []
    admin.set(account, description="changed")
    (changed,) = read_changed_since(connection, BASE, usn)
    assert changed.guid == admin.guid(account)


@pytest.mark.parametrize("cookie", [b"garbage", b"\x00", b"MSDS", b"MSDS\x03\x00\x00\x00" * 20])
def test_a_cookie_that_makes_no_sense_is_refused(connection: LdapConnection, cookie: bytes) -> None:
    with pytest.raises(CookieRefused):
        list(read_changes(connection, BASE, cookie))
    assert read_one(connection, BASE, ["name"]).text("name") == "r2"  # and the connection is fine


def test_a_cookie_of_another_controller_tells_of_everything(connection: LdapConnection) -> None:
    identity = read_root(connection).invocation_id.bytes_le
    cookie = current_cookie(connection, BASE)
    assert identity in cookie
    elsewhere = cookie.replace(identity, bytes(16))
    found = sum(
        len(page.entries) for page in read_changes(connection, BASE, elsewhere, ["name"], keep=())
    )
    assert found > 200


def test_without_object_security_it_needs_the_right_to_replicate(
    connection: LdapConnection,
) -> None:
    with pytest.raises(DirSyncRefused):
        list(read_changes(connection, BASE, None, object_security=False))
    with pytest.raises(DirSyncRefused):
        list(read_changes(connection, f"OU=Winnipeg,{BASE}", None))


def test_names_with_metacharacters_are_found_by_escaping(
    connection: LdapConnection, admin: Administrator
) -> None:
    name = r"a*b(c)d\e"
    admin.add(
        rf"CN=dirsync-escape,{admin.unit}", "contact", {"description": name, "sn": "Zoë \x7f"}
    )
    for attribute, value in (("description", name), ("sn", "Zoë \x7f")):
        (found,) = search(connection, admin.unit, f"({attribute}={escape(value)})", [attribute])
        assert found.text(attribute) == value
