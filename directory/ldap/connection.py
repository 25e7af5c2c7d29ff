"""Connections to domain controllers: by TLS with a checked certificate, or not at all.

The only file that imports ldap3's connection classes. A connection goes to the address that the
domain's own DNS servers gave, while the certificate must be for the controller's *name*.
"""

from __future__ import annotations

import math
import re
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import ldap3
from ldap3.core.exceptions import (
    LDAPBindError,
    LDAPException,
    LDAPInvalidCredentialsResult,
    LDAPOperationResult,
)

from directory.ldap import strategy
from directory.ldap.errors import CertificateRefused, CredentialsRefused, DirectoryUnavailable
from directory.ldap.settings import DirectoryConnectionSettings
from directory.ldap.tls import TlsSocket, VerifiedTls

LdapConnection = ldap3.Connection

LDAPS_PORT = 636
LDAP_PORT = 389
# "80090308: LdapErr: DSID-0C0903A9, comment: AcceptSecurityContext error, data 52e, v1db1"
SUB_CODE = re.compile(r"\bdata ([0-9a-fA-F]{1,8})\b")


@dataclass(frozen=True)
class ServerAddress:
    """A domain controller: the name its certificate must carry, and the address to connect to."""

    dns_name: str
    ip: str


def open_connection(
    settings: DirectoryConnectionSettings,
    addresses: Sequence[ServerAddress],
    *,
    user: str | None = None,
    password: str | None = None,
) -> ldap3.Connection:
    """A bound connection to the first domain controller that answers.

    Args:
        settings: How to reach the domain.
        addresses: The controllers to try, in order.
        user: Who binds, in a form a simple bind takes; the reading account when None.
        password: That account's password; the reading account's when None.

    Raises:
        CredentialsRefused: Name or password are wrong, or the password is empty (RFC 4513 5.1.2:
            a server takes that for an anonymous bind and reports success). Nothing is sent then.
        CertificateRefused: Every controller that answered showed a certificate not to be trusted.
        DirectoryUnavailable: No controller answered.
    """
    name = settings.bind_name if user is None else user
    secret = settings.bind_password if password is None else password
    if not secret or not name:
        raise CredentialsRefused(
            "An empty name or password is never accepted.",
            remedy="Give both a name and a password.",
            field="password",
        )
    if not Path(settings.ca_file).is_file():
        raise CertificateRefused(
            f"The file with the domain's certificate authority, {settings.ca_file or '(none)'}, "
            "is not there.",
            remedy="Set DIRECTORY_CA_FILE to a PEM file with the authority's certificate.",
        )
    refusals: list[DirectoryUnavailable] = []
    for address in addresses:
        try:
            return _open(settings, address, name, secret)
        except DirectoryUnavailable as error:
            refusals.append(error)
    if refusals:
        # A certificate that is refused tells more than a controller that is switched off.
        raise min(refusals, key=lambda refusal: not isinstance(refusal, CertificateRefused))
    raise DirectoryUnavailable(
        f"No domain controller of {settings.domain} is known.",
        remedy="Set DIRECTORY_SERVERS, or let the domain's DNS servers list them.",
    )


def _open(
    settings: DirectoryConnectionSettings, address: ServerAddress, name: str, secret: str
) -> ldap3.Connection:
    ldaps = settings.tls == "ldaps"
    try:
        tls = VerifiedTls(address.dns_name, settings)
    except (ssl.SSLError, OSError) as error:
        raise CertificateRefused(
            f"{settings.ca_file} holds no certificate that can be read.",
            remedy="Set DIRECTORY_CA_FILE to a PEM file with the authority's certificate.",
        ) from error
    server = ldap3.Server(
        address.ip,
        port=LDAPS_PORT if ldaps else LDAP_PORT,
        use_ssl=ldaps,
        tls=tls,
        get_info=ldap3.NONE,
        connect_timeout=settings.connect_timeout_seconds,
    )
    connection = ldap3.Connection(
        server,
        user=name,
        password=secret,
        authentication=ldap3.SIMPLE,
        auto_bind=ldap3.AUTO_BIND_NONE,
        auto_referrals=False,  # a referral would carry the password elsewhere
        read_only=True,
        raise_exceptions=True,
        check_names=False,
        return_empty_attributes=False,
        auto_range=False,  # search follows ranges itself, and checks that they continue
        receive_timeout=max(1, math.ceil(settings.read_timeout_seconds)),
    )
    strategy.install(connection).seconds_per_message = settings.read_timeout_seconds
    try:
        connection.open(read_server_info=False)
        if not ldaps:
            connection.start_tls(read_server_info=False)
        if not isinstance(connection.socket, TlsSocket):
            raise DirectoryUnavailable(f"{address.dns_name} does not speak TLS.")
        connection.bind(read_server_info=False)
    except LDAPInvalidCredentialsResult as error:
        close_connection(connection)
        found = SUB_CODE.search(error.message or "")
        raise CredentialsRefused(
            "The directory does not accept that name and password.",
            remedy="Check both. For the reading account: DIRECTORY_BIND_USER and its password.",
            sub_code=found.group(1).lower() if found else "",
        ) from error
    except (LDAPBindError, LDAPException, OSError) as error:
        close_connection(connection)
        raise _unavailable(settings, address, tls, error) from error
    return connection


def _unavailable(
    settings: DirectoryConnectionSettings,
    address: ServerAddress,
    tls: VerifiedTls,
    error: Exception,
) -> DirectoryUnavailable:
    if tls.refusal is not None:
        return CertificateRefused(
            f"The certificate of {address.dns_name} is refused: {tls.refusal.verify_message}.",
            remedy="Check that DIRECTORY_CA_FILE holds the authority that issued it, and that it "
            "is for that name and still valid.",
        )
    if isinstance(error, LDAPOperationResult):
        reason = f"it answered {error.description}"
    elif tls.failure is not None:
        reason = f"the TLS handshake failed ({type(tls.failure).__name__})"
    else:
        reason = "it cannot be reached or did not answer in time"
    return DirectoryUnavailable(
        f"The domain controller {address.dns_name} ({address.ip}) of {settings.domain} is not "
        f"available: {reason}.",
        remedy="Check that it runs and that its LDAP port can be reached from here.",
    )


def close_connection(connection: ldap3.Connection) -> None:
    """Say goodbye where the controller still listens, and let go in any case."""
    try:
        connection.unbind()
    except (LDAPException, OSError):
        connection.strategy.close()


def received_bytes(connection: LdapConnection) -> int:
    """How many bytes came over a connection so far, without those of TLS."""
    return int(connection.strategy.received_bytes)
