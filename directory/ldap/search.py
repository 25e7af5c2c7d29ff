"""Searches that hold no more than a page in memory, and attributes longer than one answer."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Literal

import ldap3
from ldap3.core.exceptions import LDAPException, LDAPNoSuchObjectResult

from directory.ldap.entries import Entry
from directory.ldap.errors import DirectoryUnavailable

PAGE_SIZE = 1000  # Active Directory's MaxPageSize
RANGE = re.compile(r"^(?P<attribute>[^;]+);range=(?P<first>\d+)-(?P<last>\d+|\*)$", re.IGNORECASE)
# [MS-ADTS] 3.1.1.3.4.1.11: owner, group and DACL. Without it a reader who may not see the SACL
# is sent no security descriptor at all.
SD_FLAGS_OID = "1.2.840.113556.1.4.801"
SD_FLAGS = [(SD_FLAGS_OID, True, b"\x30\x03\x02\x01\x07")]
Scope = Literal["BASE", "LEVEL", "SUBTREE"]
ReadAttribute = Callable[[str, str], Entry]


def search(
    connection: ldap3.Connection,
    base: str,
    search_filter: str,
    attributes: Sequence[str],
    *,
    scope: Scope = "SUBTREE",
    with_security_descriptor: bool = False,
) -> Iterator[Entry]:
    """Entries below ``base``, page by page, each attribute complete.

    Args:
        connection: A bound connection.
        base: Where to start.
        search_filter: An LDAP filter. Put outside text into it by :func:`escape` only.
        attributes: What to ask for.
        scope: How deep.
        with_security_descriptor: Ask so that nTSecurityDescriptor comes without its SACL.

    Raises:
        DirectoryUnavailable: The controller stopped answering or refused the search.
    """
    cookie: bytes | None = None
    controls = SD_FLAGS if with_security_descriptor else None
    while True:
        try:
            connection.search(
                base,
                search_filter,
                search_scope=scope,
                attributes=list(attributes),
                paged_size=None if scope == "BASE" else PAGE_SIZE,
                paged_cookie=cookie,
                controls=controls,
            )
        except LDAPNoSuchObjectResult:
            return
        except (LDAPException, OSError) as error:
            raise DirectoryUnavailable(
                f"The directory did not answer a search below {base}: {type(error).__name__}.",
                remedy="Try again; if it stays, check the domain controller and the reading "
                "account's rights.",
            ) from error
        page = [
            to_entry(result)
            for result in connection.response or ()
            if result["type"] == "searchResEntry"
        ]
        cookie = _next_cookie(connection.result)
        for entry in page:
            yield complete_ranges(entry, lambda dn, name: read_one(connection, dn, [name]))
        if not cookie:
            return


def read_one(connection: ldap3.Connection, base: str, attributes: Sequence[str]) -> Entry:
    """The entry at ``base`` itself; without values when it cannot be seen."""
    for entry in _search_base(connection, base, attributes):
        return entry
    return Entry(base, {})


def _search_base(
    connection: ldap3.Connection, base: str, attributes: Sequence[str]
) -> Iterator[Entry]:
    try:
        connection.search(base, "(objectClass=*)", search_scope="BASE", attributes=list(attributes))
    except LDAPNoSuchObjectResult:
        return
    except (LDAPException, OSError) as error:
        raise DirectoryUnavailable(
            f"The directory did not answer when asked for {base or 'its root'}.",
            remedy="Try again; if it stays, check the domain controller.",
        ) from error
    for result in connection.response or ():
        if result["type"] == "searchResEntry":
            yield to_entry(result)


def to_entry(result: Mapping[str, Any]) -> Entry:
    """One of ldap3's results with its raw values."""
    values = {name.lower(): tuple(raw) for name, raw in result["raw_attributes"].items()}
    return Entry(str(result["dn"]), values)


def _next_cookie(result: Mapping[str, Any]) -> bytes | None:
    controls = result.get("controls") or {}
    paging = controls.get("1.2.840.113556.1.4.319")
    return paging["value"]["cookie"] or None if paging else None


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
    return Entry(entry.distinguished_name, values)


def _range_answer(answer: Entry, attribute: str) -> tuple[re.Match[str], Sequence[bytes]]:
    for name, raw in answer.values.items():
        match = RANGE.match(name)
        if match and match["attribute"].lower() == attribute:
            return match, raw
    raise DirectoryUnavailable(
        f"{answer.distinguished_name}: the directory sent {attribute} in part only.",
        remedy="Run the synchronisation again.",
    )


def escape(text: str) -> str:
    """Text as a value inside an LDAP filter (RFC 4515 3)."""
    return "".join(
        f"\\{byte:02x}" if byte in b"\x00()*\\" or byte > 0x7E else chr(byte)
        for byte in text.encode()
    )
