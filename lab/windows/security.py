"""The acceptor's side of Kerberos on an RPC connection ([MS-RPCE] 3.3.1.5.2, [MS-KILE])."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from gssapi import raw

from lab.windows import pdu, spnego
from lab.windows.caller import Caller, parse_logon_information
from lab.windows.ndr import NdrError

LOGON_INFORMATION = b"urn:mspac:logon-info"


class AuthenticationFailed(Exception):
    """The caller could not show who it is."""


class SecurityContext(Protocol):
    """One security context of a connection, keyed there by its auth_context_id."""

    @property
    def covers_headers(self) -> bool:
        """Whether signatures cover the whole packet although that was not agreed."""

    @property
    def caller(self) -> Caller | None:
        """Who calls; None until the exchange is complete."""

    def step(self, token: bytes) -> bytes:
        """Takes the peer's token and returns the answer; raises AuthenticationFailed."""

    def verifier_size(self, before: bytes, stub: bytes, after: bytes) -> int:
        """How long the credentials of a sealed fragment will be."""

    def seal(self, before: bytes, stub: bytes, after: bytes) -> tuple[bytes, bytes]:
        """Returns the encrypted stub and the credentials, which sign the other two as well."""

    def unseal(self, before: bytes, stub: bytes, after: bytes, credentials: bytes) -> bytes:
        """Decrypts and checks a stub; raises AuthenticationFailed."""


class KerberosContext:
    """RPC_C_AUTHN_GSS_KERBEROS: three legs in DCE style, through MIT's acceptor.

    Signatures cover the headers where both sides agreed on that. The low-level interface is used
    because ``SecurityContext.actual_flags`` of python-gssapi 1.12 raises AttributeError half-way
    through the exchange.
    """

    covers_headers = False

    def __init__(self, credentials: raw.Creds) -> None:
        self._credentials = credentials
        self._context: Any = None
        self._caller: Caller | None = None

    @property
    def caller(self) -> Caller | None:
        return self._caller

    def step(self, token: bytes) -> bytes:
        try:
            result = raw.accept_sec_context(
                spnego.strip_framing(token), self._credentials, self._context
            )
            self._context = result.context
            if not result.more_steps:
                self._caller = self._read_caller(result.initiator_name)
        except (raw.GSSError, NdrError, spnego.SpnegoError) as error:
            raise AuthenticationFailed(str(error)) from error
        return result.token or b""

    def _read_caller(self, name: Any) -> Caller:
        attribute = raw.get_name_attribute(name, LOGON_INFORMATION)
        if not attribute.authenticated:
            raise AuthenticationFailed("the ticket's PAC is not signed for this computer")
        return parse_logon_information(attribute.values[0])

    def verifier_size(self, before: bytes, stub: bytes, after: bytes) -> int:
        buffers = self._buffers(None, before, stub, after)
        raw.wrap_iov_length(self._context, buffers)
        return len(buffers[-1].value)

    def seal(self, before: bytes, stub: bytes, after: bytes) -> tuple[bytes, bytes]:
        buffers = self._buffers(None, before, stub, after)
        raw.wrap_iov(self._context, buffers)
        return bytes(buffers[len(buffers) // 2 - 1].value), bytes(buffers[-1].value)

    def unseal(self, before: bytes, stub: bytes, after: bytes, credentials: bytes) -> bytes:
        buffers = self._buffers(credentials, before, stub, after)
        try:
            result = raw.unwrap_iov(self._context, buffers)
        except raw.GSSError as error:
            raise AuthenticationFailed(str(error)) from error
        if not result.encrypted:
            raise AuthenticationFailed("signed, not encrypted")
        return bytes(buffers[len(buffers) // 2 - 1].value)

    @staticmethod
    def _buffers(credentials: bytes | None, before: bytes, stub: bytes, after: bytes) -> raw.IOV:
        """Data and header, and, where headers are signed, what lies around the data."""
        kinds = raw.IOVBufferType
        header = (kinds.header, True) if credentials is None else (kinds.header, False, credentials)
        if not before:
            return raw.IOV(stub, header, std_layout=False)
        return raw.IOV(
            (kinds.sign_only, False, before),
            stub,
            (kinds.sign_only, False, after),
            header,
            std_layout=False,
        )

    def _exchange_codes(self, message: bytes, code: bytes) -> bytes:
        """Checks the peer's mechListMIC and returns this side's; both count in the sequence."""
        try:
            raw.verify_mic(self._context, message, code)
        except raw.GSSError as error:
            raise AuthenticationFailed("the list of mechanisms was changed") from error
        return bytes(raw.get_mic(self._context, message))


class NegotiatedContext(KerberosContext):
    """RPC_C_AUTHN_GSS_NEGOTIATE: the same in SPNEGO. NTLM is refused."""

    def __init__(self, credentials: raw.Creds) -> None:
        super().__init__(credentials)
        self._mechanism_list = b""

    def step(self, token: bytes) -> bytes:
        try:
            if spnego.is_initial(token):
                return self._begin(spnego.parse_initial(token))
            return self._continue(spnego.parse_response(token))
        except spnego.SpnegoError as error:
            raise AuthenticationFailed(str(error)) from error

    def _begin(self, initial: spnego.InitialToken) -> bytes:
        kerberos = (spnego.KERBEROS_OID, spnego.MICROSOFT_KERBEROS_OID)
        if not initial.mechanisms or initial.mechanisms[0] not in kerberos:
            raise AuthenticationFailed("only Kerberos is taken, and as the first mechanism")
        self._mechanism_list = initial.mechanism_list
        answer = super().step(initial.token)
        return spnego.pack_response(self._state(), initial.mechanisms[0], answer)

    def _continue(self, response: spnego.ResponseToken) -> bytes:
        answer = super().step(response.token) if self.caller is None else b""
        # impacket sends no mechListMIC; who sends one has it checked and gets one.
        code = b""
        if response.integrity_code:
            code = self._exchange_codes(self._mechanism_list, response.integrity_code)
        return spnego.pack_response(self._state(), b"", answer, code)

    def _state(self) -> int:
        return spnego.ACCEPT_COMPLETED if self.caller is not None else spnego.ACCEPT_INCOMPLETE


class Authenticator:
    """Makes the security contexts of one computer from its keytab.

    Args:
        keytab: The computer account's keys.
        ntlm: Makes the context of an NTLM bind.
    """

    def __init__(self, keytab: Path, ntlm: Callable[[], SecurityContext]) -> None:
        self._ntlm = ntlm
        store = {b"keytab": f"FILE:{keytab}".encode()}
        self._credentials = raw.acquire_cred_from(store, usage="accept").creds

    def context(self, kind: int) -> SecurityContext | None:
        """A new context for that authentication service; None when it is not served."""
        match kind:
            case pdu.AUTHENTICATION_NEGOTIATE:
                return NegotiatedContext(self._credentials)
            case pdu.AUTHENTICATION_KERBEROS:
                return KerberosContext(self._credentials)
            case pdu.AUTHENTICATION_NTLM:
                return self._ntlm()
        return None
