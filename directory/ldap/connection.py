"""Connections to domain controllers: by TLS with a checked certificate, or not at all.

The only file that imports ldap3's connection classes. A connection goes to the address that the
domain's own DNS servers gave, while the certificate must be for the controller's *name*.
"""

from __future__ import annotations

import math
import re
import ssl
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import ldap3
from ldap3.core.exceptions import (
    LDAPBindError,
    LDAPException,
    LDAPInvalidCredentialsResult,
    LDAPOperationResult,
    LDAPStrongerAuthRequiredResult,
)

from directory.errors import PortalError
from directory.ldap import strategy
from directory.ldap.certificates import describe_certificate, fetch_certificate
from directory.ldap.errors import CertificateRefused, CredentialsRefused, DirectoryUnavailable
from directory.ldap.kerberos import bind_with_keytab, require_keytab
from directory.ldap.settings import DirectoryConnectionSettings
from directory.ldap.tls import TlsSocket, VerifiedTls

LdapConnection = ldap3.Connection

LDAPS_PORT = 636
LDAP_PORT = 389
# "80090308: LdapErr: DSID-0C0903A9, comment: AcceptSecurityContext error, data 52e, v1db1"
SUB_CODE = re.compile(r"\bdata ([0-9a-fA-F]{1,8})\b")


@dataclass(frozen=True)
class _Password:
    """What a simple bind sends."""

    name: str
    secret: str = field(repr=False)


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
        user: Who binds, in a form a simple bind takes; the reading account, by the method of the
            settings, when None.
        password: That account's password; the reading account's when None.

    Raises:
        CredentialsRefused: Name or password are wrong, or the password is empty (RFC 4513 5.1.2:
            a server takes that for an anonymous bind and reports success). Nothing is sent then.
            A keytab is at fault.
        CertificateRefused: Every controller that answered showed a certificate not to be trusted.
        DirectoryUnavailable: No controller answered.
    """
    credentials = _credentials(settings, user, password)
    if not Path(settings.ca_file).is_file():
        raise CertificateRefused(
            f"The file with the domain's certificate authority, {settings.ca_file or '(none)'}, "
            "is not there.",
            remedy="Set DIRECTORY_CA_FILE to a PEM file with the authority's certificate.",
        )
    refusals: list[DirectoryUnavailable] = []
    for address in addresses:
        try:
            return _open(settings, address, credentials)
        except DirectoryUnavailable as error:
            refusals.append(error)
    if refusals:
        # A certificate that is refused tells more than a controller that is switched off.
        raise min(refusals, key=lambda refusal: not isinstance(refusal, CertificateRefused))
    raise DirectoryUnavailable(
        f"No domain controller of {settings.domain} is known.",
        remedy="Set DIRECTORY_SERVERS, or let the domain's DNS servers list them.",
    )


def _credentials(
    settings: DirectoryConnectionSettings, user: str | None, password: str | None
) -> _Password | None:
    """Name and password; None to bind as the reading account by its keytab."""
    if settings.bind_method == "kerberos" and user is None and password is None:
        require_keytab(settings)
        return None
    name = settings.bind_name if user is None else user
    secret = settings.bind_password if password is None else password
    if not secret or not name:
        raise CredentialsRefused(
            "An empty name or password is never accepted.",
            remedy="Give both a name and a password.",
            field="password",
        )
    return _Password(name, secret)


def _open(
    settings: DirectoryConnectionSettings, address: ServerAddress, credentials: _Password | None
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
        user=credentials.name if credentials else None,
        password=credentials.secret if credentials else None,
        authentication=ldap3.SIMPLE if credentials else ldap3.ANONYMOUS,
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
        if credentials:
            connection.bind(read_server_info=False)
        else:
            bind_with_keytab(connection, settings, address.dns_name)
    except LDAPInvalidCredentialsResult as error:
        close_connection(connection)
        found = SUB_CODE.search(error.message or "")
        raise CredentialsRefused(
            "The directory does not accept that name and password."
            if credentials
            else f"The directory does not accept the Kerberos ticket of {settings.bind_principal}.",
            remedy="Check both. For the reading account: DIRECTORY_BIND_USER and its password, "
            "or its keytab.",
            sub_code=found.group(1).lower() if found else "",
        ) from error
    except PortalError:
        close_connection(connection)
        raise
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
        return _certificate_refused(settings, address, tls.refusal)
    if isinstance(error, LDAPStrongerAuthRequiredResult):
        reason = "it wants another way to bind"
    elif isinstance(error, LDAPOperationResult):
        reason = f"it answered {error.description}"
    elif tls.failure is not None:
        reason = f"the TLS handshake failed ({type(tls.failure).__name__})"
    else:
        reason = "it cannot be reached or did not answer in time"
    return DirectoryUnavailable(
        f"The domain controller {address.dns_name} ({address.ip}) of {settings.domain} is not "
        f"available: {reason}.",
        remedy="Check that it runs and that its LDAP port can be reached from here."
        if not isinstance(error, LDAPStrongerAuthRequiredResult)
        else "Allow binds inside TLS without signing at the domain controller, or choose the "
        "other bind method.",
    )


def _certificate_refused(
    settings: DirectoryConnectionSettings,
    address: ServerAddress,
    refusal: ssl.SSLCertVerificationError,
) -> CertificateRefused:
    ldaps = settings.tls == "ldaps"
    shown = fetch_certificate(
        address.ip,
        LDAPS_PORT if ldaps else LDAP_PORT,
        is_ldaps=ldaps,
        seconds=settings.connect_timeout_seconds,
    )
    return CertificateRefused(
        f"The certificate of {address.dns_name} ({address.ip}) is refused: "
        f"{refusal.verify_message.rstrip('.')}."
        + (f" {describe_certificate(shown)}" if shown else ""),
        remedy="Check that DIRECTORY_CA_FILE holds the authority that issued it, and that it "
        "is for that name and still valid.",
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
