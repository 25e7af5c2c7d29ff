"""Searches that hold no more than a page in memory, and attributes longer than one answer."""

from __future__ import annotations

import itertools
import re
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

from ldap3.core.exceptions import LDAPException, LDAPNoSuchObjectResult
from ldap3.core.results import RESULT_SUCCESS

from directory.ldap.connection import LdapConnection
from directory.ldap.entries import Entry
from directory.ldap.errors import DirectoryUnavailable
from directory.ldap.extended_names import AS_TEXT, EXTENDED_DN_OID
from directory.ldap.strategy import SEARCH_ENTRY

PAGE_SIZE = 1000  # Active Directory's MaxPageSize
RANGE = re.compile(r"^(?P<attribute>[^;]+);range=(?P<first>\d+)-(?P<last>\d+|\*)$", re.IGNORECASE)
# [MS-ADTS] 3.1.1.3.4.1.11: owner, group and DACL. Without it a reader who may not see the SACL
# is sent no security descriptor at all.
SD_FLAGS_OID = "1.2.840.113556.1.4.801"
Control = tuple[str, bool, bytes | None]
SD_FLAGS: list[Control] = [(SD_FLAGS_OID, True, b"\x30\x03\x02\x01\x07")]
SHOW_DELETED_OID = "1.2.840.113556.1.4.417"  # [MS-ADTS] 3.1.1.3.4.1.14
PAGING_OID = "1.2.840.113556.1.4.319"  # RFC 2696
GUIDS_PER_SEARCH = 100
Scope = Literal["BASE", "LEVEL", "SUBTREE"]
ReadAttribute = Callable[[str, str], Entry]


def search(
    connection: LdapConnection,
    base: str,
    search_filter: str,
    attributes: Sequence[str],
    *,
    scope: Scope = "SUBTREE",
    with_security_descriptor: bool = False,
    with_extended_names: bool = False,
    with_deleted: bool = False,
    page_size: int = PAGE_SIZE,
) -> Iterator[Entry]:
    """Entries below ``base``, page by page, each attribute complete.

    Args:
        connection: A bound connection.
        base: Where to start.
        search_filter: An LDAP filter. Put outside text into it by :func:`escape` only.
        attributes: What to ask for.
        scope: How deep.
        with_security_descriptor: Ask so that nTSecurityDescriptor comes without its SACL.
        with_extended_names: Have names come with GUID and SID (see extended_names), that of the
            entry itself too: its ``guid`` and ``sid()`` then need no attributes.
        with_deleted: Find deleted objects too, where the account may read them.
        page_size: Objects in one answer.

    Raises:
        DirectoryUnavailable: The controller stopped answering or refused the search.
    """
    controls: list[Control] = list(SD_FLAGS) if with_security_descriptor else []
    if with_extended_names:
        controls.append((EXTENDED_DN_OID, True, AS_TEXT))
    if with_deleted:
        controls.append((SHOW_DELETED_OID, True, None))

    def read_attribute(name: str, attribute: str) -> Entry:
        # With the same controls: the rest of a range must be of the form of its beginning.
        return _read_base(connection, name, [attribute], controls)

    cookie = before = None
    while True:
        page = _ask(
            connection,
            base,
            search_filter,
            attributes,
            scope=scope,
            controls=controls,
            page_size=None if scope == "BASE" else page_size,
            cookie=cookie,
        )
        if page is None and cookie is None:
            return  # the base is not there
        if scope != "BASE":
            before, cookie = cookie, _next_cookie(connection.result, base)
            if cookie and cookie == before and not page:
                raise _unanswered(base, "it sends empty pages without end")
        for entry in page or ():
            yield complete_ranges(entry, read_attribute)
        if not cookie:
            return


def read_one(connection: LdapConnection, base: str, attributes: Sequence[str]) -> Entry:
    """The entry at ``base`` itself; without values when it cannot be seen.

    Raises:
        DirectoryUnavailable: The controller stopped answering or refused the search.
    """
    return _read_base(connection, base, attributes, [])


def _read_base(
    connection: LdapConnection, base: str, attributes: Sequence[str], controls: list[Control]
) -> Entry:
    found = _ask(connection, base, "(objectClass=*)", attributes, scope="BASE", controls=controls)
    return found[0] if found else Entry(base, {})


def _ask(
    connection: LdapConnection,
    base: str,
    search_filter: str,
    attributes: Sequence[str],
    *,
    scope: Scope,
    controls: list[Control],
    page_size: int | None = None,
    cookie: bytes | None = None,
) -> list[Entry] | None:
    """One request, whole or not at all; None where the base is not there."""
    try:
        connection.search(
            base,
            search_filter,
            search_scope=scope,
            attributes=list(attributes),
            paged_size=page_size,
            # A server that cannot page must say so instead of sending what fits in one answer.
            paged_criticality=True,
            paged_cookie=cookie,
            controls=controls or None,
        )
    except LDAPNoSuchObjectResult:
        return None
    except (LDAPException, OSError) as error:
        raise _unanswered(base, type(error).__name__) from error
    require_success(connection, base)
    return entries_of(connection)


def require_success(connection: LdapConnection, base: str) -> None:
    """Refuse half an answer: ldap3 reports a limit or a referral as if all were well.

    Raises:
        DirectoryUnavailable: The search ended before it was done.
    """
    if connection.result["result"] != RESULT_SUCCESS:
        raise _unanswered(base, connection.result["description"])


def _unanswered(base: str, reason: str) -> DirectoryUnavailable:
    return DirectoryUnavailable(
        f"The directory did not answer a search below {base or 'its root'}: {reason}.",
        remedy="Try again; if it stays, check the domain controller and the reading account's "
        "rights.",
    )


def entries_of(connection: LdapConnection) -> list[Entry]:
    """The objects that the connection's last search found, once; referrals are left out."""
    answers = connection.response or ()
    connection.response = None  # or this page would be kept until the next has come
    for answer in answers:
        if answer["type"] == SEARCH_ENTRY:
            entries: list[Entry] = answer["entries"]
            return entries
    return []


def _next_cookie(result: Mapping[str, Any], base: str) -> bytes | None:
    control = (result.get("controls") or {}).get(PAGING_OID)
    if control is None:
        raise _unanswered(base, "it does not say whether there is more")
    return control["value"]["cookie"] or None


def complete_ranges(entry: Entry, read: ReadAttribute) -> Entry:
    """The entry with attributes that came in part ([MS-ADTS] 3.1.1.3.1.3.3) read to their end.

    Active Directory answers a multi-valued attribute such as member with 1,500 values under the
    name ``member;range=0-1499`` and expects to be asked for ``member;range=1500-*``.

    Args:
        entry: As found by a search.
        read: Reads one attribute, with its range option, of one entry.

    Raises:
        DirectoryUnavailable: The server answers a range that does not continue the last one.
    """
    if ";" not in "".join(entry.values):  # one look instead of one for each attribute
        return entry
    partial = [match for name in entry.values if (match := RANGE.match(name))]
    if not partial:
        return entry
    values = {name: raw for name, raw in entry.values.items() if not RANGE.match(name)}
    for match in partial:
        attribute = match["attribute"].lower()
        collected = list(entry.values[match.string])
        while match["last"] != "*":
            start = int(match["last"]) + 1
            answer = read(entry.distinguished_name, f"{attribute};range={start}-*")
            match, more = _range_answer(answer, attribute)
            if int(match["first"]) != start or not more:
                raise DirectoryUnavailable(
                    f"{entry.distinguished_name}: the directory does not continue {attribute} "
                    f"at value {start}.",
                    remedy="Run the synchronisation again.",
                )
            collected.extend(more)
        values[attribute] = tuple(collected)
    return replace(entry, values=values)


def _range_answer(answer: Entry, attribute: str) -> tuple[re.Match[str], Sequence[bytes]]:
    for name, raw in answer.values.items():
        match = RANGE.match(name)
        if match and match["attribute"].lower() == attribute:
            return match, raw
    raise DirectoryUnavailable(
        f"{answer.distinguished_name}: the directory sent {attribute} in part only.",
        remedy="Run the synchronisation again.",
    )


def search_by_guid(
    connection: LdapConnection,
    base: str,
    guids: Iterable[uuid.UUID],
    attributes: Sequence[str],
    *,
    search_filter: str = "(objectClass=*)",
    with_security_descriptor: bool = False,
    with_extended_names: bool = False,
) -> Iterator[Entry]:
    """The objects of these GUIDs that a filter lets through; others are left out in silence.

    Args:
        connection: A bound connection.
        base: Where to look.
        guids: objectGUIDs.
        attributes: What to ask for.
        search_filter: What else must hold of them.
        with_security_descriptor, with_extended_names: As for :func:`search`.

    Raises:
        DirectoryUnavailable: The controller stopped answering or refused the search.
    """
    wanted = iter(guids)
    while batch := list(itertools.islice(wanted, GUIDS_PER_SEARCH)):
        terms = "".join(f"(objectGUID={_escape_bytes(guid.bytes_le)})" for guid in batch)
        yield from search(
            connection,
            base,
            f"(&{search_filter}(|{terms}))",
            attributes,
            with_security_descriptor=with_security_descriptor,
            with_extended_names=with_extended_names,
        )


def _escape_bytes(raw: bytes) -> str:
    return "".join(f"\\{byte:02x}" for byte in raw)


def escape(text: str) -> str:
    """Text as a value inside an LDAP filter (RFC 4515 3)."""
    return "".join(
        f"\\{byte:02x}" if byte in b"\x00()*\\" or byte > 0x7E else chr(byte)
        for byte in text.encode()
    )
