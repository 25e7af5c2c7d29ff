"""A service ticket for one computer: from the portal's keytab, or one obtained before.

MIT Kerberos asks for the tickets, into a memory cache made for this one ticket. Where the
domain's Kerberos servers are is written in krb5.conf (``KRB5_CONFIG``).
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

import gssapi
import krb5
from impacket.krb5 import constants
from impacket.krb5.asn1 import TGS_REP, EncryptedData, seq_set
from impacket.krb5.asn1 import Ticket as TicketAsn1
from impacket.krb5.crypto import Key, _enctype_table
from impacket.krb5.types import Principal
from pyasn1.codec.der import decoder, encoder

from assist.remote_assistance.errors import (
    AuthenticationFailed,
    DirectoryUnreachable,
    NoTicketForComputer,
    RemoteAssistanceError,
)

KRB5_ERRORS_BEGIN = -1765328384  # RFC 4120 7.5.9's numbers, as MIT's library offsets them
KDC_UNREACHABLE = -1765328228
REALM_UNKNOWN = -1765328230
_AES = (
    constants.EncryptionTypes.aes256_cts_hmac_sha1_96.value,
    constants.EncryptionTypes.aes128_cts_hmac_sha1_96.value,
)
# KDC_ERR_S_PRINCIPAL_UNKNOWN, KDC_ERR_ETYPE_NOSUPP: no other computer's tickets are concerned.
_NOT_FOR_THAT_COMPUTER = (7, 14)
Ticket = TypeVar("Ticket")
_SENTENCES = {
    6: "The domain knows no such account.",
    7: "The domain knows no service host/ of that computer.",
    18: "The portal's account is disabled or locked.",
    24: "The keytab does not hold the account's present key.",
    37: "The clocks of portal and domain differ too much.",
}


@dataclass(frozen=True)
class KeytabCredential:
    """An account and the file that holds its keys.

    Attributes:
        principal: As ``name@REALM``.
        keytab_path: The keytab file; read anew for every contact, so that keys can be changed.
        may_use_ntlm: Whether NTLM may stand in for a computer that gets no tickets.
    """

    principal: str
    keytab_path: str
    may_use_ntlm: bool = False

    @property
    def name(self) -> str:
        return self.principal.rpartition("@")[0]

    @property
    def realm(self) -> str:
        return self.principal.rpartition("@")[2].upper()


@dataclass(frozen=True)
class ObtainedTicket:
    """A ticket that another process obtained: it opens one service and makes no other ticket.

    Attributes:
        service: As ``host/computer.domain``.
        ends_at: An aware time.
        marshalled: The ticket and its session key, in the form of MIT's caches (version 4).
    """

    service: str
    ends_at: datetime
    marshalled: bytes = field(repr=False)


@dataclass(frozen=True)
class ServiceTicket:
    """A ticket for one service, unpacked for use.

    Attributes:
        service: As ``host/computer.domain``.
        name: The account's.
        realm: The account's.
        material: The ticket and its session key in impacket's own form.
    """

    service: str
    name: str
    realm: str
    material: dict[str, Any]

    def __repr__(self) -> str:
        return f"ServiceTicket({self.service} for {self.name}@{self.realm})"


Credential = KeytabCredential | ObtainedTicket | ServiceTicket


def service_ticket(credential: Credential, service: str, seconds: float) -> ServiceTicket:
    """Asks the domain for a ticket; one that was obtained before is used as it is.

    Args:
        credential: Who asks.
        service: As ``host/computer.domain``.
        seconds: How long it may take.

    Raises:
        AuthenticationFailed: The keytab is unusable or the domain refuses; the ticket is for
            another service.
        DirectoryUnreachable: No Kerberos server answers in time.
    """
    if not isinstance(credential, KeytabCredential):
        if credential.service.lower() != service.lower():
            raise AuthenticationFailed(
                f"The ticket is for {credential.service}, not for {service}."
            )
        return credential if isinstance(credential, ServiceTicket) else _unpacked(credential)
    return within(seconds, lambda: _ask(credential, service))


def _unpacked(obtained: ObtainedTicket) -> ServiceTicket:
    try:
        stored = krb5.unmarshal_credentials(krb5.init_context(), obtained.marshalled)
    except krb5.Krb5Error as error:
        raise AuthenticationFailed("The ticket cannot be read.") from error
    name, _, realm = str(stored.client).rpartition("@")
    return ServiceTicket(obtained.service, name, realm, _material(stored))


def _ask(credential: KeytabCredential, service: str) -> ServiceTicket:
    context = krb5.init_context()
    cache = krb5.cc_new_unique(context, b"MEMORY")
    try:
        client = krb5.parse_name_flags(context, credential.principal.encode())
        granting = granting_ticket(context, credential)
        krb5.cc_initialize(context, cache, client)
        krb5.cc_store_cred(context, cache, granting)
        fetch_ticket(cache, f"{service}@{credential.realm}")
        stored = find_ticket(cache, f"{service}@{credential.realm}")
        return ServiceTicket(service, credential.name, credential.realm, _material(stored))
    except krb5.Krb5Error as error:
        raise refusal(error.err_code, str(error)) from error
    except gssapi.exceptions.GSSError as error:
        raise refusal(signed(error.min_code), str(error)) from error
    finally:
        krb5.cc_destroy(context, cache)


def granting_ticket(context: krb5.Context, credential: KeytabCredential) -> krb5.Creds:
    """The account's ticket-granting ticket, by the keys in its keytab."""
    client = krb5.parse_name_flags(context, credential.principal.encode())
    keytab = krb5.kt_resolve(context, f"FILE:{credential.keytab_path}".encode())
    options = krb5.get_init_creds_opt_alloc(context)
    krb5.get_init_creds_opt_set_etype_list(options, list(_AES))
    return krb5.get_init_creds_keytab(context, client, options, keytab=keytab)


def find_ticket(cache: krb5.CCache, service: str) -> krb5.Creds:
    """The cache's ticket for a service, named with its realm.

    Raises:
        AuthenticationFailed: There is none.
    """
    for stored in cache:
        if str(stored.server).lower() == service.lower():
            return stored
    raise AuthenticationFailed(f"The domain gave no ticket for {service}.")


def fetch_ticket(cache: krb5.CCache, service: str) -> None:
    """Lets GSSAPI ask for the service's ticket, which it leaves in the cache."""
    name = gssapi.Name(service, name_type=gssapi.NameType.kerberos_principal)
    store = {b"ccache": b"MEMORY:" + (cache.name or b"")}
    credentials = gssapi.Credentials(usage="initiate", store=store)
    gssapi.SecurityContext(
        name=name, creds=credentials, usage="initiate", mech=gssapi.MechType.kerberos
    ).step()


def _material(stored: krb5.Creds) -> dict[str, Any]:
    """The ticket as impacket takes it: inside a reply of which it reads nothing else."""
    cipher = _enctype_table[stored.keyblock.enctype]
    reply = TGS_REP()
    reply["pvno"] = 5
    reply["msg-type"] = int(constants.ApplicationTagNumbers.TGS_REP.value)
    reply["crealm"] = "UNUSED"
    unused = Principal("unused", type=constants.PrincipalNameType.NT_PRINCIPAL.value)
    seq_set(reply, "cname", unused.components_to_asn1)
    ticket, _ = decoder.decode(stored.ticket, asn1Spec=TicketAsn1())
    seq_set(reply, "ticket", lambda part: _copy(part, ticket))
    seq_set(reply, "enc-part", _fill_unused)
    return {
        "KDC_REP": encoder.encode(reply),
        "cipher": cipher,
        "sessionKey": Key(cipher.enctype, stored.keyblock.data),
    }


def _copy(target: Any, source: Any) -> Any:
    for name in ("tkt-vno", "realm", "sname", "enc-part"):
        target[name] = source[name]
    return target


def _fill_unused(part: EncryptedData) -> EncryptedData:
    part["etype"] = _AES[0]
    part["cipher"] = b""
    return part


def signed(code: int) -> int:
    """GSSAPI gives the library's negative numbers as unsigned ones."""
    return code - (1 << 32) if code >= 1 << 31 else code


def refusal(code: int, text: str) -> RemoteAssistanceError:
    """The error that a number of MIT's library means."""
    if code in (KDC_UNREACHABLE, REALM_UNKNOWN):
        return DirectoryUnreachable()
    sentence = _SENTENCES.get(code - KRB5_ERRORS_BEGIN)
    if code - KRB5_ERRORS_BEGIN in _NOT_FOR_THAT_COMPUTER:
        return NoTicketForComputer(sentence or "")
    return AuthenticationFailed(sentence or f"The portal's account got no ticket: {text}.")


def within(seconds: float, ask: Callable[[], Ticket]) -> Ticket:
    """Runs the exchange with a limit: the library's own is longer than an expert waits.

    A thread that hangs is left behind as a daemon; it holds nothing that another offer uses.
    """
    outcome: list[Ticket | Exception] = []

    def run() -> None:
        try:
            outcome.append(ask())
        except Exception as error:  # raised again in the waiting thread
            outcome.append(error)

    thread = threading.Thread(target=run, name="kerberos", daemon=True)
    thread.start()
    thread.join(seconds)
    if not outcome:
        raise DirectoryUnreachable("The Kerberos server does not answer.")
    result = outcome[0]
    if isinstance(result, Exception):
        raise result
    return result
