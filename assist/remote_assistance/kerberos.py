"""A service ticket for one computer, from the portal's keytab, kept in memory alone."""

from __future__ import annotations

import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from impacket.krb5 import constants
from impacket.krb5.crypto import InvalidChecksum, Key
from impacket.krb5.kerberosv5 import KerberosError, getKerberosTGS, getKerberosTGT
from impacket.krb5.keytab import Keytab
from impacket.krb5.types import Principal
from pyasn1.error import PyAsn1Error

from assist.remote_assistance.errors import (
    AuthenticationFailed,
    DirectoryUnreachable,
    RemoteAssistanceError,
)

_AES = (
    constants.EncryptionTypes.aes256_cts_hmac_sha1_96.value,
    constants.EncryptionTypes.aes128_cts_hmac_sha1_96.value,
)
# RFC 4120 7.5.9: what each of the KDC's answers means for the person who reads it.
_SENTENCES = {
    constants.ErrorCodes.KDC_ERR_C_PRINCIPAL_UNKNOWN.value: "The domain knows no such account.",
    constants.ErrorCodes.KDC_ERR_S_PRINCIPAL_UNKNOWN.value: (
        "The domain knows no service host/ of that computer."
    ),
    constants.ErrorCodes.KDC_ERR_PREAUTH_FAILED.value: (
        "The keytab does not hold the account's present key."
    ),
    constants.ErrorCodes.KDC_ERR_CLIENT_REVOKED.value: (
        "The portal's account is disabled or locked."
    ),
    constants.ErrorCodes.KRB_AP_ERR_SKEW.value: "The clocks of portal and domain differ too much.",
}


@dataclass(frozen=True)
class KeytabCredential:
    """An account and the file that holds its keys.

    Attributes:
        principal: As ``name@REALM``.
        keytab_path: The keytab file; read anew for every offer, so that keys can be changed.
        kdc_addresses: Addresses or names of the domain's Kerberos servers, tried in order.
    """

    principal: str
    keytab_path: str
    kdc_addresses: tuple[str, ...]

    @property
    def name(self) -> str:
        return self.principal.rpartition("@")[0]

    @property
    def realm(self) -> str:
        return self.principal.rpartition("@")[2].upper()


@dataclass(frozen=True)
class ServiceTicket:
    """A ticket for one service, with what uses it. ``material`` is impacket's own form."""

    name: str
    realm: str
    material: dict[str, Any]

    def __repr__(self) -> str:
        return f"ServiceTicket({self.name}@{self.realm})"


def service_ticket(credential: KeytabCredential, service: str, seconds: float) -> ServiceTicket:
    """Asks the domain for a ticket.

    Args:
        credential: Who asks.
        service: As ``host/computer.domain``.
        seconds: How long all of it may take.

    Raises:
        AuthenticationFailed: The keytab is unusable or the domain refuses.
        DirectoryUnreachable: No Kerberos server answers in time.
    """
    key = _key(credential)
    failure: RemoteAssistanceError = DirectoryUnreachable()
    for kdc in credential.kdc_addresses:
        try:
            return _within(seconds, lambda kdc=kdc: _ask(credential, key, service, kdc))
        except DirectoryUnreachable as error:
            failure = error
    raise failure


def _key(credential: KeytabCredential) -> bytes:
    try:
        keytab = Keytab.loadFile(credential.keytab_path)
    except OSError as error:
        raise AuthenticationFailed(
            f"The keytab cannot be read: {error.strerror}.",
            remedy="Check SERVICE_KEYTAB_FILE and that the worker's account may read it.",
        ) from error
    except (struct.error, IndexError, ValueError) as error:
        raise AuthenticationFailed("The keytab is not a keytab.") from error
    for kind in _AES:
        block = keytab.getKey(credential.principal, kind)
        if block:
            return bytes(block["keyvalue"])
    raise AuthenticationFailed(
        f"The keytab holds no AES key of {credential.principal}.",
        remedy="Export it anew with AES keys.",
    )


def _ask(credential: KeytabCredential, key: bytes, service: str, kdc: str) -> ServiceTicket:
    client = Principal(credential.name, type=constants.PrincipalNameType.NT_PRINCIPAL.value)
    server = Principal(service, type=constants.PrincipalNameType.NT_SRV_INST.value)
    try:
        granting, cipher, _, session_key = getKerberosTGT(
            client, "", credential.realm, b"", b"", aesKey=key, kdcHost=kdc
        )
        ticket, cipher, _, session_key = getKerberosTGS(
            server, credential.realm, kdc, granting, cipher, session_key
        )
    except KerberosError as error:
        sentence = _SENTENCES.get(error.getErrorCode(), f"The domain refuses: {error}.")
        raise AuthenticationFailed(sentence) from error
    except (OSError, struct.error) as error:
        raise DirectoryUnreachable() from error
    except (PyAsn1Error, InvalidChecksum, ValueError, KeyError) as error:
        raise AuthenticationFailed("The Kerberos server's answer makes no sense.") from error
    return ServiceTicket(
        credential.name,
        credential.realm,
        {
            "KDC_REP": ticket,
            "cipher": cipher,
            "sessionKey": Key(cipher.enctype, session_key.contents),
        },
    )


def _within(seconds: float, ask: Callable[[], ServiceTicket]) -> ServiceTicket:
    """Runs the exchange with a limit: the library sets none on its sockets.

    A thread that hangs is left behind as a daemon; it holds nothing that another offer uses.
    """
    outcome: list[ServiceTicket | BaseException] = []

    def run() -> None:
        try:
            outcome.append(ask())
        except BaseException as error:
            outcome.append(error)

    thread = threading.Thread(target=run, name="kerberos", daemon=True)
    thread.start()
    thread.join(seconds)
    if not outcome:
        raise DirectoryUnreachable("The Kerberos server does not answer.")
    if isinstance(outcome[0], BaseException):
        raise outcome[0]
    return outcome[0]
