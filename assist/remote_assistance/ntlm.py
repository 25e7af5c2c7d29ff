"""NTLM for the portal's own account, by the hash in its keytab ([MS-NLMP]).

Only where SERVICE_NTLM_ALLOWED is on, and only for a computer for which the domain gives no
Kerberos ticket. NTLMv2 with message integrity code, signing and sealing, or nothing. The security
context is pyspnego's; what a challenge must offer is decided here.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field

import krb5
import spnego
from spnego.exceptions import SpnegoError
from spnego.iov import BufferType

from assist.remote_assistance.errors import AuthenticationFailed, BadAnswer
from assist.remote_assistance.exporter import parse_challenge
from assist.remote_assistance.kerberos import KeytabCredential

RC4 = 23  # the key of this encryption type is the NT hash (RFC 4757 2)
SIGNATURE_SIZE = 16
# What a challenge must offer ([MS-NLMP] 2.2.2.5), so that nobody on the way takes it out: signing,
# sealing, extended session security, target information, 128 bits, key exchange.
REQUIRED_FLAGS = {
    0x00000010: "signing",
    0x00000020: "sealing",
    0x00080000: "extended session security",
    0x00800000: "target information",
    0x20000000: "128-bit keys",
    0x40000000: "key exchange",
}
LOWEST_COMPATIBILITY = 3  # of LM_COMPAT_LEVEL: NTLMv2 responses only


@dataclass(frozen=True)
class NtlmAccount:
    """An account and what proves it."""

    name: str
    realm: str
    nt_hash: bytes = field(repr=False)


def ntlm_account(credential: KeytabCredential) -> NtlmAccount:
    """The account with the newest RC4 key of its keytab.

    Raises:
        AuthenticationFailed: The keytab cannot be read or has none.
    """
    newest, nt_hash = -1, b""
    try:
        keytab = krb5.kt_resolve(krb5.init_context(), f"FILE:{credential.keytab_path}".encode())
        for entry in keytab:
            is_account = str(entry.principal).lower() == credential.principal.lower()
            if is_account and entry.key.enctype == RC4 and entry.kvno > newest:
                newest, nt_hash = entry.kvno, bytes(entry.key.data)
    except krb5.Krb5Error as error:
        raise AuthenticationFailed("The keytab cannot be read.") from error
    if not nt_hash:
        raise AuthenticationFailed(
            "The keytab has no RC4 key, which NTLM needs.",
            remedy="Add the account's arcfour-hmac key to the keytab, or switch "
            "SERVICE_NTLM_ALLOWED off.",
        )
    return NtlmAccount(credential.name, credential.realm, nt_hash)


class NtlmContext:
    """The initiator's side of one security context.

    Args:
        account: Who calls.
        host: The computer's DNS name in the directory. The response is bound to it, and no
            response goes to a computer that calls itself otherwise.
    """

    def __init__(self, account: NtlmAccount, host: str) -> None:
        if int(os.environ.get("LM_COMPAT_LEVEL", "3")) < LOWEST_COMPATIBILITY:
            raise AuthenticationFailed(
                "LM_COMPAT_LEVEL in the worker's environment asks for NTLMv1, which is not used.",
                remedy="Take LM_COMPAT_LEVEL out of the worker's environment.",
            )
        self._host = host
        name = f"{account.realm}\\{account.name}"
        self._context = spnego.client(
            spnego.NTLMHash(name, nt_hash=account.nt_hash.hex()),
            hostname=host,
            service="host",
            protocol="ntlm",
            options=spnego.NegotiateOptions.use_ntlm,
            context_req=spnego.ContextReq.confidentiality | spnego.ContextReq.integrity,
        )

    def negotiate(self) -> bytes:
        """NEGOTIATE_MESSAGE."""
        return self._context.step() or b""

    def authenticate(self, challenge: bytes) -> bytes:
        """AUTHENTICATE_MESSAGE, bound to the computer's service principal name.

        Raises:
            BadAnswer: The challenge is malformed.
            AuthenticationFailed: It offers too little, or comes from another computer. Nothing
                that the account's hash went into has left.
        """
        self._require(challenge)
        try:
            return self._context.step(challenge) or b""
        except Exception as error:  # whatever the library trips over
            raise BadAnswer("The computer's NTLM challenge makes no sense.") from error

    def _require(self, challenge: bytes) -> None:
        told = parse_challenge(challenge)
        flags = int.from_bytes(challenge[20:24], "little")
        missing = [name for flag, name in REQUIRED_FLAGS.items() if not flags & flag]
        if missing:
            raise AuthenticationFailed(
                f"The computer offers NTLM without {', '.join(missing)}; such is not used."
            )
        if told.clock is None:
            raise AuthenticationFailed(
                "The computer's NTLM challenge has no time, so the exchange could not be "
                "protected against changes on its way."
            )
        if told.dns_name.lower() != self._host.lower():
            raise AuthenticationFailed(
                f"What answers there calls itself {told.dns_name or 'nothing'}, not {self._host}.",
                remedy="Check the computer's address in DNS.",
            )

    def seal(self, before: bytes, data: bytes, after: bytes) -> tuple[bytes, bytes]:
        """Encrypts; the signature covers what lies around the data too."""
        wrapped = self._context.wrap_iov(
            [
                (BufferType.sign_only, before),
                (BufferType.data, data),
                (BufferType.sign_only, after),
                BufferType.header,
            ]
        )
        return bytes(wrapped.buffers[1].data or b""), bytes(wrapped.buffers[3].data or b"")

    def unseal(self, before: bytes, data: bytes, after: bytes, signature: bytes) -> bytes:
        """Decrypts and verifies signature and sequence number.

        Raises:
            BadAnswer: It is not what the computer sealed as its next answer.
        """
        try:
            opened = self._context.unwrap_iov(
                [
                    (BufferType.sign_only, before),
                    (BufferType.data, data),
                    (BufferType.sign_only, after),
                    (BufferType.header, signature),
                ]
            )
        except SpnegoError as error:
            raise BadAnswer("The computer's answer was changed on its way.") from error
        return bytes(opened.buffers[1].data or b"")
