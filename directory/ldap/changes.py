"""Which objects have changed: DirSync, and update sequence numbers where it is refused.

DirSync reports the objects of which one of the attributes asked for has changed, with those of
them that did. Objects below a renamed container are not reported, nor the groups of an object
that was deleted or restored.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ldap3.core.exceptions import LDAPException, LDAPOperationResult
from ldap3.protocol.microsoft import dir_sync_control

from directory.ldap.connection import LdapConnection
from directory.ldap.entries import Entry
from directory.ldap.errors import DirectoryUnavailable
from directory.ldap.search import entries_of, search

DIR_SYNC_OID = "1.2.840.113556.1.4.841"
MOST_BYTES = 1_000_000  # of one answer's values, as far as the server goes by it
NOTHING = "(objectClass=nothing-of-that-name)"


class CookieRefused(DirectoryUnavailable):
    """The controller does not take the cookie: changes since then cannot be told."""

    code = "cookie_refused"


class DirSyncRefused(DirectoryUnavailable):
    """The controller does not offer DirSync to the reading account."""

    code = "dirsync_refused"


@dataclass(frozen=True)
class ChangesPage:
    """A part of the answer.

    Attributes:
        entries: Objects that changed, with the attributes that did.
        cookie: From where to go on.
        is_last: Whether this is all for now.
    """

    entries: tuple[Entry, ...]
    cookie: bytes
    is_last: bool


def read_changes(
    connection: LdapConnection,
    naming_context: str,
    cookie: bytes | None,
    attributes: Sequence[str] = (),
    *,
    object_security: bool = True,
    search_filter: str = "(objectClass=*)",
) -> Iterator[ChangesPage]:
    """What has changed since a cookie was given ([MS-ADTS] 3.1.1.3.4.1.3).

    Args:
        connection: A bound connection.
        naming_context: Its root; DirSync takes no other base.
        cookie: Of an earlier answer; None for everything there is.
        attributes: Which changes matter.
        object_security: Show what the account may read; without, it needs the right to replicate.
        search_filter: Which objects matter.

    Raises:
        CookieRefused: See there.
        DirSyncRefused: See there.
        DirectoryUnavailable: The controller stopped answering.
    """
    given = cookie or b""
    while True:
        control = dir_sync_control(  # type: ignore[no-untyped-call]
            True, object_security, False, False, False, MOST_BYTES, given
        )
        try:
            connection.search(
                naming_context, search_filter, attributes=list(attributes), controls=[control]
            )
        except LDAPOperationResult as error:
            if given:
                raise CookieRefused(
                    f"The cookie for {naming_context} was refused: {error.description}."
                ) from error
            raise DirSyncRefused(
                f"DirSync of {naming_context} was refused: {error.description}."
            ) from error
        except (LDAPException, OSError) as error:
            raise DirectoryUnavailable(
                f"The directory did not answer when asked for changes of {naming_context}.",
                remedy="Try again; if it stays, check the domain controller.",
            ) from error
        control_answer = (connection.result.get("controls") or {}).get(DIR_SYNC_OID)
        if control_answer is None:
            raise DirSyncRefused(f"The controller does not know DirSync of {naming_context}.")
        value = control_answer["value"]
        given = bytes(value["cookie"])
        page = ChangesPage(
            entries=tuple(entries_of(connection)),
            cookie=given,
            is_last=not value["more_results"],
        )
        yield page
        if page.is_last:
            return


def current_cookie(connection: LdapConnection, naming_context: str) -> bytes:
    """A cookie for now: what a search that finds nothing leaves.

    Raises:
        DirSyncRefused, DirectoryUnavailable: As :func:`read_changes`.
    """
    cookie = b""
    for page in read_changes(connection, naming_context, None, search_filter=NOTHING):
        cookie = page.cookie
    return cookie


def read_changed_since(
    connection: LdapConnection, naming_context: str, usn: int
) -> Iterator[Entry]:
    """The objects that one controller has written since an update sequence number of its own.

    Deleted objects are among them where the account may read CN=Deleted Objects.

    Raises:
        DirectoryUnavailable: The controller stopped answering.
    """
    return search(
        connection,
        naming_context,
        f"(uSNChanged>={usn + 1})",
        ("objectGUID",),
        with_deleted=True,
    )
