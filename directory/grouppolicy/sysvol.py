"""Reading Group Policy files from a domain controller's SYSVOL share.

The only file that imports smbprotocol. SMB 2 and 3 with signing, authenticated by Kerberos: the
ticket is for ``cifs/<controller's name>``, so that a host that merely answers at its address can
neither read the password nor pass off policies of its own. There is no fall-back to NTLM.
"""

from __future__ import annotations

import math
import re
import uuid
from types import TracebackType
from typing import Self

from gssapi.exceptions import GSSError
from krb5 import Krb5Error
from smbprotocol.connection import Connection
from smbprotocol.exceptions import (
    NtStatus,
    SMBAuthenticationError,
    SMBException,
    SMBResponseException,
)
from smbprotocol.open import (
    CreateDisposition,
    CreateOptions,
    FilePipePrinterAccessMask,
    ImpersonationLevel,
    Open,
    ShareAccess,
)
from smbprotocol.session import Session
from smbprotocol.tree import TreeConnect
from spnego import KerberosKeytab

from directory.errors import PortalError
from directory.grouppolicy.registry_pol import MAXIMUM_FILE_BYTES

SMB_PORT = 445
SHARE = "sysvol"
# Samba and Windows both take 64 KB without negotiating multi-credit reads.
READ_BYTES = 65536
FILE_SYSTEM_PATH = re.compile(r"^\\\\(?P<host>[^\\/]+)\\sysvol\\(?P<path>.+)$", re.IGNORECASE)
MISSING = frozenset({NtStatus.STATUS_OBJECT_NAME_NOT_FOUND, NtStatus.STATUS_OBJECT_PATH_NOT_FOUND})


class SysvolUnavailable(PortalError):
    """SYSVOL or a file in it cannot be read."""

    code = "sysvol_unavailable"
    status = 503


class UntrustedPolicyPath(SysvolUnavailable):
    """A policy's gPCFileSysPath leads outside its own domain's SYSVOL."""

    code = "untrusted_policy_path"


def policy_path(file_system_path: str, domain: str) -> str:
    """The path below SYSVOL of a policy's folder.

    Args:
        file_system_path: gPCFileSysPath, ``\\\\r2.local\\sysvol\\r2.local\\Policies\\{...}``.
        domain: The DNS name of the policy's domain, the only host it may name.

    Raises:
        UntrustedPolicyPath: It names another host or share, or climbs out by ``..``.
    """
    found = FILE_SYSTEM_PATH.match(file_system_path)
    parts = found["path"].rstrip("\\").split("\\") if found else []
    if not found or found["host"].lower() != domain.lower() or not _are_plain(parts):
        raise UntrustedPolicyPath(
            f"The policy's folder {file_system_path!r} is not in the SYSVOL of {domain}.",
            remedy="Compare gPCFileSysPath of the policy with its domain.",
        )
    return "\\".join(parts)


def _are_plain(parts: list[str]) -> bool:
    return bool(parts) and all(
        part not in ("", ".", "..") and not any(character in part for character in '/:*?"<>|')
        for part in parts
    )


class Sysvol:
    """An open SYSVOL share; use it as a context manager.

    Args:
        server_name: DNS name of the controller: the Kerberos service is ``cifs/<server_name>``.
        ip: Where to connect.
        principal: The reading account, ``name@REALM``.
        password: Its password; empty where it has a keytab.
        keytab_file: The file with its keys. The tickets got with them stay in memory.
        connect_timeout_seconds: For the connection.
        read_timeout_seconds: For each answer.

    Raises:
        SysvolUnavailable: On entering: no connection, no ticket, or the share is refused.
    """

    def __init__(
        self,
        server_name: str,
        ip: str,
        *,
        principal: str,
        connect_timeout_seconds: float,
        read_timeout_seconds: float,
        password: str = "",
        keytab_file: str = "",
    ) -> None:
        self._server_name = server_name
        self._connect_timeout = math.ceil(connect_timeout_seconds)
        self._connection = Connection(uuid.uuid4(), ip, SMB_PORT, require_signing=True)
        # smbprotocol has no public setting for this; unset, a silent server holds us 20 minutes.
        self._connection._receive_timeout = max(1, math.ceil(read_timeout_seconds))
        self._principal = principal
        self._password = password
        self._keytab_file = keytab_file
        self._tree: TreeConnect | None = None

    def __enter__(self) -> Self:
        if not self._password and not self._keytab_file:
            raise SysvolUnavailable("SYSVOL is not read without a password or a keytab.")
        try:
            self._connection.connect(timeout=self._connect_timeout)
            session = Session(
                self._connection,
                username=self._credential(),
                password=None if self._keytab_file else self._password,
                require_encryption=False,
                hostname_override=self._server_name,
                auth_protocol="kerberos",
            )
            session.connect()
            tree = TreeConnect(session, rf"\\{self._server_name}\{SHARE}")
            tree.connect()
        except (SMBAuthenticationError, Krb5Error, GSSError) as error:
            # smbprotocol wraps what goes wrong with the ticket, but not with getting the first.
            self._disconnect()
            raise SysvolUnavailable(
                f"{self._server_name} does not let the reading account in to SYSVOL, or no "
                f"Kerberos ticket for cifs/{self._server_name} could be had.",
                remedy="Check the account's password or keytab, KRB5_CONFIG, and the clock.",
            ) from error
        except (SMBException, OSError, ValueError) as error:
            self._disconnect()
            raise SysvolUnavailable(
                f"SYSVOL of {self._server_name} cannot be reached ({type(error).__name__}).",
                remedy="Check that the controller's port 445 can be reached from here.",
            ) from error
        self._tree = tree
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._disconnect()

    def _credential(self) -> str | KerberosKeytab:
        if not self._keytab_file:
            return self._principal
        # smbprotocol hands its user name on to pyspnego, which takes credentials there as well.
        return KerberosKeytab(f"FILE:{self._keytab_file}", self._principal)

    def _disconnect(self) -> None:
        try:
            self._connection.disconnect(close=True, timeout=self._connect_timeout)
        except (SMBException, OSError, AttributeError):
            # Closing what was never open, or is gone: there is nothing left to do.
            return

    def read(self, path: str, limit: int = MAXIMUM_FILE_BYTES) -> bytes | None:
        """The content of a file; None when there is no such file.

        Args:
            path: Below the share, with backslashes.
            limit: The most bytes to accept.

        Raises:
            SysvolUnavailable: It cannot be read, or is larger than ``limit``.
        """
        if self._tree is None:
            raise SysvolUnavailable("SYSVOL is not open.")
        opened = Open(self._tree, path)
        try:
            opened.create(
                ImpersonationLevel.Impersonation,
                FilePipePrinterAccessMask.GENERIC_READ,
                0,
                ShareAccess.FILE_SHARE_READ | ShareAccess.FILE_SHARE_WRITE,
                CreateDisposition.FILE_OPEN,
                CreateOptions.FILE_NON_DIRECTORY_FILE,
            )
        except SMBResponseException as error:
            if error.status in MISSING:
                return None
            raise self._unreadable(path, error) from error
        except (SMBException, OSError) as error:
            raise self._unreadable(path, error) from error
        try:
            return self._read_open(opened, path, limit)
        except (SMBException, OSError) as error:
            raise self._unreadable(path, error) from error
        finally:
            self._close(opened)

    def _read_open(self, opened: Open, path: str, limit: int) -> bytes:
        size = int(opened.end_of_file)
        if size > limit:
            raise SysvolUnavailable(f"{path} in SYSVOL is larger than {limit} bytes.")
        content = bytearray()
        while len(content) < size:
            part = opened.read(len(content), min(READ_BYTES, size - len(content)))
            if not part:
                raise SysvolUnavailable(f"{path} in SYSVOL became shorter while it was read.")
            content += part
        return bytes(content)

    @staticmethod
    def _close(opened: Open) -> None:
        try:
            opened.close(get_attributes=False)
        except (SMBException, OSError):
            return

    def _unreadable(self, path: str, error: Exception) -> SysvolUnavailable:
        return SysvolUnavailable(
            f"{path} in SYSVOL cannot be read ({type(error).__name__}).",
            remedy="Check that the reading account may read the policy's folder.",
        )
