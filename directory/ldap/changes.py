"""Which objects have changed: DirSync, and update sequence numbers where it is refused.

DirSync ([MS-ADTS] 3.1.1.3.4.1.3) reports the objects of which one of the attributes asked for has
changed since a cookie, with those of them that did. With LDAP_DIRSYNC_OBJECT_SECURITY any account
may use it and is shown what it may read. What comes then, as measured with Samba 4.17 and an
account without further rights:

- objectGUID and instanceType always; name and parentGUID, where asked for, of objects that are
  new, renamed or moved; the attribute that names an object (cn, ou) never;
- an attribute that was cleared, without values; one that may not be read, without values too;
- member as a whole after any change of it, without values when it is empty now;
- deleted objects, under their name below CN=Deleted Objects and with isDeleted, to those alone who
  may list and read that container; restored objects with name, parentGUID and an empty isDeleted;
- not the objects below a container that was renamed or moved, which is itself reported;
- not the groups that an object has left by being deleted, nor those it is in again once restored;
- all in one answer, whatever size is asked for: Windows divides it.

A cookie that makes no sense is refused (unavailableCriticalExtension), but not every cookie that
was tampered with: what its numbers say is believed. One given by another controller, or before
the database was restored under a new invocationId, makes Samba report every object; Windows goes
on from what both are known to hold.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from ldap3.core.exceptions import LDAPException, LDAPOperationResult
from ldap3.core.results import (
    RESULT_ADMIN_LIMIT_EXCEEDED,
    RESULT_BUSY,
    RESULT_INSUFFICIENT_ACCESS_RIGHTS,
    RESULT_UNAVAILABLE,
)
from ldap3.protocol.microsoft import dir_sync_control

from directory.ldap.connection import LdapConnection
from directory.ldap.entries import Entry
from directory.ldap.errors import DirectoryUnavailable
from directory.ldap.search import entries_of, require_success, search
from directory.ldap.strategy import keeping

DIR_SYNC_OID = "1.2.840.113556.1.4.841"
MOST_BYTES = 1_000_000  # of one answer's values, as far as the server goes by it
# Of these the cookie is not at fault.
PASSING = frozenset({RESULT_ADMIN_LIMIT_EXCEEDED, RESULT_BUSY, RESULT_UNAVAILABLE})
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
    keep: Collection[str] | None = None,
) -> Iterator[ChangesPage]:
    """What has changed since a cookie was given ([MS-ADTS] 3.1.1.3.4.1.3).

    Args:
        connection: A bound connection.
        naming_context: Its root; DirSync takes no other base.
        cookie: Of an earlier answer; None for everything there is.
        attributes: Which changes matter; empty for those of any attribute.
        object_security: Show what the account may read; without, it needs the right to replicate.
        search_filter: Which objects matter.
        keep: Attributes whose values are kept, objectGUID aside; the others only decide which
            objects are reported. None keeps all. A server may send every object of a large
            directory in one answer.

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
            with keeping(connection, keep):
                connection.search(
                    naming_context,
                    search_filter,
                    attributes=list(attributes) or ["*"],
                    controls=[control],
                )
        except LDAPOperationResult as error:
            raise _refusal(naming_context, given, error) from error
        except (LDAPException, OSError) as error:
            raise DirectoryUnavailable(
                f"The directory did not answer when asked for changes of {naming_context}.",
                remedy="Try again; if it stays, check the domain controller.",
            ) from error
        require_success(connection, naming_context)
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


def _refusal(
    naming_context: str, cookie: bytes, error: LDAPOperationResult
) -> DirectoryUnavailable:
    if error.result in PASSING:
        return DirectoryUnavailable(
            f"The directory did not tell the changes of {naming_context}: {error.description}.",
            remedy="Try again; if it stays, check the domain controller.",
        )
    if cookie and error.result != RESULT_INSUFFICIENT_ACCESS_RIGHTS:
        return CookieRefused(
            f"The cookie for {naming_context} was refused: {error.description}.",
            remedy="Read the whole domain again.",
        )
    return DirSyncRefused(
        f"DirSync of {naming_context} was refused: {error.description}.",
        remedy="Changes are found by update sequence numbers instead.",
    )


def current_cookie(connection: LdapConnection, naming_context: str) -> bytes:
    """A cookie for now: what a search that finds nothing leaves, in milliseconds.

    Raises:
        DirSyncRefused, DirectoryUnavailable: As :func:`read_changes`.
    """
    cookie = b""
    for page in read_changes(connection, naming_context, None, search_filter=NOTHING, keep=()):
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
