"""One service ticket as the expert, from the ticket she signed in with ([MS-SFU] S4U2proxy).

The browser's ticket for the portal's web account goes to the domain as evidence that she is here;
the domain, not the portal, decides whether the web account may act for her at that computer.
S4U2self, by which an account would need no evidence, is not used anywhere.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from datetime import UTC, datetime

import gssapi
import krb5
from impacket.krb5.asn1 import EncTicketPart
from impacket.krb5.crypto import InvalidChecksum, Key, _enctype_table
from pyasn1.codec.der import decoder
from pyasn1.error import PyAsn1Error

from assist.remote_assistance.der import DerError, content, part, parts
from assist.remote_assistance.errors import DelegationRefused, RemoteAssistanceError
from assist.remote_assistance.kerberos import (
    KRB5_ERRORS_BEGIN,
    KeytabCredential,
    ObtainedTicket,
    fetch_ticket,
    find_ticket,
    granting_ticket,
    refusal,
    signed,
    within,
)

AP_REQ, TICKET = 0x6E, 0x61  # [APPLICATION 14] and [APPLICATION 1], RFC 4120 5.10
FORWARDABLE = 0x40000000  # KDCOptions and TicketFlags, RFC 4120 5.3
KEY_USAGE_TICKET = 2  # RFC 4120 7.5.1
NT_PRINCIPAL = 1
_BAD_OPTION, _POLICY, _MUST_USE_ANOTHER = 13, 12, 27
IMPERSONATOR = b"proxy_impersonator"  # how MIT's caches mark that their account acts for another


@dataclass(frozen=True)
class SignInTicket:
    """A ticket for the portal's web account, without its session key.

    By itself it opens nothing; with the web account's keys it is evidence to the domain.

    Attributes:
        client: Whose it is, as ``name@REALM``.
        ticket: As it came, in DER; encrypted with the web account's key.
        ends_at: An aware time.
        is_forwardable: Whether the domain lets others act on it.
    """

    client: str
    ticket: bytes = field(repr=False)
    ends_at: datetime
    is_forwardable: bool


def read_sign_in_ticket(request: bytes, account: KeytabCredential) -> SignInTicket:
    """The ticket in an AP-REQ that was accepted.

    Args:
        request: The AP-REQ (RFC 4120 5.5.1).
        account: The web account: its keytab opens the ticket.

    Raises:
        ValueError: The request holds no ticket that the keytab opens.
    """
    try:
        ticket = part(parts(content(request, AP_REQ), 0x30), 0xA3)
        opened, _ = decoder.decode(_decrypt(ticket, account), asn1Spec=EncTicketPart())
        names = [str(text) for text in opened["cname"]["name-string"]]
        return SignInTicket(
            client=f"{'/'.join(names)}@{opened['crealm']}",
            ticket=ticket,
            ends_at=_time(str(opened["endtime"])),
            is_forwardable=bool(opened["flags"][1]),
        )
    except (DerError, InvalidChecksum, PyAsn1Error, krb5.Krb5Error, LookupError) as error:
        raise ValueError(f"no ticket that the keytab opens: {error}") from error


def _decrypt(ticket: bytes, account: KeytabCredential) -> bytes:
    sealed = parts(part(parts(content(ticket, TICKET), 0x30), 0xA3), 0x30)
    kind = int.from_bytes(content(part(sealed, 0xA0), 0x02), "big")
    version = int.from_bytes(content(sealed[0xA1], 0x02), "big") if 0xA1 in sealed else 0
    cipher = _enctype_table[kind]
    context = krb5.init_context()
    keytab = krb5.kt_resolve(context, f"FILE:{account.keytab_path}".encode())
    # Keytabs name the account or its services, as they were exported: the key is the same.
    for entry in keytab:
        if entry.key.enctype == kind and (not version or entry.kvno & 0xFF == version & 0xFF):
            try:
                key = Key(kind, entry.key.data)
                plain: bytes = cipher.decrypt(
                    key, KEY_USAGE_TICKET, content(part(sealed, 0xA2), 0x04)
                )
            except InvalidChecksum:
                continue
            return plain
    raise LookupError(f"no key of version {version}")


def _time(text: str) -> datetime:
    return datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC)


def delegated_ticket(
    account: KeytabCredential,
    sign_in: SignInTicket,
    service: str,
    seconds: float,
    realm: str = "",
) -> ObtainedTicket:
    """Asks the domain for a ticket as the expert.

    Args:
        account: The web account, which may be delegated to the service.
        sign_in: The expert's own ticket for that account.
        service: As ``host/computer.domain``.
        seconds: How long it may take.
        realm: Of the service; the account's if empty. Another takes resource-based delegation.

    Raises:
        DelegationRefused: The expert, or the web account there, may not be delegated.
        AuthenticationFailed: The keytab is unusable.
        DirectoryUnreachable: No Kerberos server answers in time.
    """
    if not sign_in.is_forwardable:
        raise DelegationRefused(
            f"{sign_in.client} may not be delegated: the domain gave a ticket that nobody else "
            "may act on.",
        )
    return within(seconds, lambda: _ask(account, sign_in, service, realm or account.realm))


def _ask(
    account: KeytabCredential, sign_in: SignInTicket, service: str, realm: str
) -> ObtainedTicket:
    context = krb5.init_context()
    cache = krb5.cc_new_unique(context, b"MEMORY")
    try:
        client = krb5.parse_name_flags(context, sign_in.client.encode())
        granting = granting_ticket(context, account)
        krb5.cc_initialize(context, cache, client)
        krb5.cc_store_cred(context, cache, granting)
        # MIT's library looks for the evidence under the account's name, whatever the ticket says.
        evidence = _evidence(sign_in, account.principal)
        krb5.cc_store_cred(context, cache, krb5.unmarshal_credentials(context, evidence))
        krb5.cc_set_config(context, cache, None, IMPERSONATOR, account.principal.encode())
        fetch_ticket(cache, f"{service}@{realm}")
        found = find_ticket(cache, f"{service}@{realm}")
        return ObtainedTicket(
            service, datetime.fromtimestamp(found.times.endtime, UTC), _alone(found)
        )
    except krb5.Krb5Error as error:
        raise _refused(error.err_code, str(error), sign_in, account, service) from error
    except gssapi.exceptions.GSSError as error:
        code = signed(error.min_code)
        raise _refused(code, str(error), sign_in, account, service) from error
    finally:
        krb5.cc_destroy(context, cache)


def _refused(
    code: int, text: str, sign_in: SignInTicket, account: KeytabCredential, service: str
) -> RemoteAssistanceError:
    if code - KRB5_ERRORS_BEGIN in (_BAD_OPTION, _POLICY, _MUST_USE_ANOTHER):
        # [MS-SFU] 3.2.5.2.1: the answer is the same whether it is her ticket or the account.
        return DelegationRefused(
            f"The domain does not let {account.name} act for {sign_in.client} at {service}."
        )
    return refusal(code, text)


def _evidence(sign_in: SignInTicket, account: str) -> bytes:
    """The ticket in the form of MIT's caches, with a session key of zeros.

    The domain reads the ticket alone, so that nothing else of it needs to be kept.
    """
    ends = int(sign_in.ends_at.timestamp())
    key = struct.pack(">HI", 18, 32) + bytes(32)
    times = struct.pack(">IIII", 0, 0, ends, 0)
    return _marshalled(sign_in.client, account, key, times, FORWARDABLE, sign_in.ticket)


def _alone(found: krb5.Creds) -> bytes:
    """A ticket without what the library keeps beside it: the evidence that it was got with."""
    key = bytes(found.keyblock.data)
    return _marshalled(
        str(found.client),
        str(found.server),
        struct.pack(">H", found.keyblock.enctype) + _counted(key),
        struct.pack(">IIII", *(max(0, time) for time in found.times)),
        found.ticket_flags_raw,
        bytes(found.ticket),
    )


def _marshalled(
    client: str, server: str, key: bytes, times: bytes, flags: int, ticket: bytes
) -> bytes:
    """A credential as MIT's caches of version 4 have it."""
    return b"".join(
        (
            _principal(client),
            _principal(server),
            key,
            times,
            struct.pack(">BI", 0, flags),
            struct.pack(">II", 0, 0),  # addresses, authorization data
            _counted(ticket),
            _counted(b""),  # a second ticket
        )
    )


def _principal(text: str) -> bytes:
    name, _, realm = text.rpartition("@")
    components = name.split("/")
    return b"".join(
        (
            struct.pack(">II", NT_PRINCIPAL, len(components)),
            *(_counted(each.encode()) for each in (realm, *components)),
        )
    )


def _counted(data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + data
