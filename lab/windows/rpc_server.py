"""A DCE/RPC server connection: binding, authentication, fragments, sealing, dispatch."""

from __future__ import annotations

import asyncio
import logging
import struct
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from lab.windows import pdu
from lab.windows.caller import Caller
from lab.windows.ndr import NdrError
from lab.windows.security import AuthenticationFailed, Authenticator, SecurityContext

LARGEST_REQUEST = 1 << 20  # bytes of stub; the calls served here need a few kilobytes
log = logging.getLogger(__name__)


class RpcFault(Exception):
    """A call answered by a fault instead of results."""

    def __init__(self, status: int) -> None:
        super().__init__(f"fault {status:#x}")
        self.status = status


@dataclass(frozen=True)
class Call:
    """One request, put together and decrypted. ``caller`` None is anonymous."""

    interface: uuid.UUID
    opnum: int
    stub: bytes
    object_uuid: uuid.UUID | None
    caller: Caller | None
    level: int


class Service(Protocol):
    """What listens at a port."""

    @property
    def interfaces(self) -> frozenset[uuid.UUID]:
        """The interfaces served here."""

    async def answer(self, call: Call) -> bytes:
        """Returns the stub of the response; raises RpcFault."""


@dataclass
class _Authentication:
    context: SecurityContext
    level: int
    signs_headers: bool = False
    failed: bool = False

    @property
    def covers_headers(self) -> bool:
        return self.signs_headers or self.context.covers_headers


@dataclass
class _Assembly:
    """The fragments of one request so far."""

    header: pdu.RequestHeader
    stub: bytearray
    authentication: _Authentication | None


class RpcConnection:
    """Serves one TCP connection until the peer closes it.

    Args:
        service: Answers the calls.
        authenticator: Makes security contexts.
        port: The port's number, for the secondary address in bind_ack.
        pause: Awaited before every answer; a slow computer's slowness.
    """

    def __init__(
        self,
        service: Service,
        authenticator: Authenticator,
        port: int,
        pause: Callable[[], Awaitable[None]],
    ) -> None:
        self._service = service
        self._authenticator = authenticator
        self._port = port
        self._pause = pause
        self._interfaces: dict[int, uuid.UUID] = {}
        self._authentications: dict[int, _Authentication] = {}
        self._assembly: _Assembly | None = None
        self._fragment = pdu.MAXIMUM_FRAGMENT
        self._group = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Reads fragments and writes answers; returns at the peer's end or its nonsense."""
        try:
            while True:
                header = await reader.readexactly(pdu.HEADER_SIZE)
                rest = await reader.readexactly(pdu.fragment_length(header) - pdu.HEADER_SIZE)
                answers = await self._take(pdu.parse_pdu(header + rest))
                if answers:
                    await self._pause()
                for fragment in answers:
                    writer.write(fragment)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        except (pdu.PduError, NdrError) as error:
            log.warning("connection to port %d dropped: %s", self._port, error)

    async def _take(self, received: pdu.Pdu) -> list[bytes]:
        match received.kind:
            case pdu.BIND | pdu.ALTER_CONTEXT:
                return [self._bind(received)]
            case pdu.AUTH3:
                self._finish_authentication(received)
                return []
            case pdu.REQUEST:
                return await self._request(received)
        raise pdu.PduError(f"PDU type {received.kind}")

    def _bind(self, received: pdu.Pdu) -> bytes:
        both = pdu.FIRST_FRAGMENT | pdu.LAST_FRAGMENT
        bind = pdu.parse_bind(received.body)
        trailer = None
        signing = 0
        if received.trailer is not None:
            asked = received.trailer
            if asked.context_id not in self._authentications:
                context = self._authenticator.context(asked.kind)
                if context is None:
                    nak = pdu.pack_bind_nak(pdu.AUTHENTICATION_TYPE_NOT_RECOGNIZED)
                    return pdu.pack_pdu(pdu.BIND_NAK, both, received.call_id, nak)
                self._authentications[asked.context_id] = _Authentication(context, asked.level)
            authentication = self._authentications[asked.context_id]
            if received.flags & pdu.SUPPORTS_HEADER_SIGNING:
                authentication.signs_headers = True
                signing = pdu.SUPPORTS_HEADER_SIGNING
            try:
                token = authentication.context.step(asked.credentials)
            except AuthenticationFailed as error:
                log.warning("authentication failed: %s", error)
                authentication.failed = True
                return pdu.pack_fault(received.call_id, 0, pdu.FAULT_ACCESS_DENIED)
            trailer = pdu.SecurityTrailer(asked.kind, asked.level, 0, asked.context_id, token)
        results = []
        for offered in bind.contexts:
            result = pdu.answer_context(offered, self._service.interfaces)
            if result.result == pdu.ACCEPTANCE:
                self._interfaces[offered.context_id] = offered.interface
            results.append(result)
        first = received.kind == pdu.BIND
        if first:
            self._fragment = max(1432, min(bind.maximum_receive, pdu.MAXIMUM_FRAGMENT))
            self._group = bind.association_group or 0x1000 + self._port
        body = pdu.pack_bind_ack(
            self._fragment, self._group, str(self._port) if first else "", results
        )
        if trailer is not None:
            padding = -len(body) % 4
            body += bytes(padding)
            trailer = pdu.SecurityTrailer(
                trailer.kind, trailer.level, padding, trailer.context_id, trailer.credentials
            )
        kind = pdu.BIND_ACK if first else pdu.ALTER_CONTEXT_RESPONSE
        return pdu.pack_pdu(kind, both | signing, received.call_id, body, trailer)

    def _finish_authentication(self, received: pdu.Pdu) -> None:
        trailer = received.trailer
        if trailer is None or trailer.context_id not in self._authentications:
            raise pdu.PduError("auth3 without a bind before it")
        authentication = self._authentications[trailer.context_id]
        try:
            authentication.context.step(trailer.credentials)
        except AuthenticationFailed as error:
            log.warning("authentication failed: %s", error)
            authentication.failed = True

    async def _request(self, received: pdu.Pdu) -> list[bytes]:
        header = pdu.parse_request_header(received)
        try:
            stub, authentication = self._unseal(received, header)
            if received.flags & pdu.FIRST_FRAGMENT:
                self._assembly = _Assembly(header, bytearray(), authentication)
            assembly = self._assembly
            if assembly is None or assembly.header.opnum != header.opnum:
                raise pdu.PduError("fragment of no request")
            assembly.stub += stub
            if len(assembly.stub) > LARGEST_REQUEST:
                raise pdu.PduError("request too large")
            if not received.flags & pdu.LAST_FRAGMENT:
                return []
            self._assembly = None
            answer = await self._dispatch(assembly)
        except RpcFault as fault:
            self._assembly = None
            return [pdu.pack_fault(received.call_id, header.context_id, fault.status)]
        return self._respond(received, header, answer, authentication)

    def _unseal(
        self, received: pdu.Pdu, header: pdu.RequestHeader
    ) -> tuple[bytes, _Authentication | None]:
        trailer = received.trailer
        if trailer is None:
            return received.data[header.size :], self._of_connection()
        authentication = self._authentications.get(trailer.context_id)
        if (
            authentication is None
            or authentication.failed
            or authentication.context.caller is None
            or trailer.level != authentication.level
        ):
            raise RpcFault(pdu.FAULT_ACCESS_DENIED)
        if trailer.level != pdu.LEVEL_PRIVACY:
            # Not checked: every service here refuses it, and the journal still names the caller.
            return b"", authentication
        end = len(received.data) - len(trailer.credentials) - pdu.TRAILER_SIZE
        covered = authentication.covers_headers
        before = received.data[: header.size] if covered else b""
        try:
            plain = authentication.context.unseal(
                before, received.data[header.size : end], trailer.pack(), trailer.credentials
            )
        except AuthenticationFailed as error:
            log.warning("a sealed request could not be opened: %s", error)
            raise RpcFault(pdu.FAULT_SECURITY_PACKAGE) from error
        if trailer.padding > len(plain):
            raise pdu.PduError("more padding than data")
        return plain[: len(plain) - trailer.padding], authentication

    def _of_connection(self) -> _Authentication | None:
        """At RPC_C_AUTHN_LEVEL_CONNECT the caller is known and requests carry no trailer."""
        known = [one for one in self._authentications.values() if one.level == pdu.LEVEL_CONNECT]
        usable = [one for one in known if not one.failed and one.context.caller is not None]
        return usable[-1] if usable else None

    async def _dispatch(self, assembly: _Assembly) -> bytes:
        interface = self._interfaces.get(assembly.header.context_id)
        if interface is None:
            raise RpcFault(pdu.FAULT_UNKNOWN_INTERFACE)
        authentication = assembly.authentication
        call = Call(
            interface,
            assembly.header.opnum,
            bytes(assembly.stub),
            assembly.header.object_uuid,
            None if authentication is None else authentication.context.caller,
            pdu.LEVEL_NONE if authentication is None else authentication.level,
        )
        try:
            return await self._service.answer(call)
        except NdrError as error:
            log.warning("bad stub data: %s", error)
            raise RpcFault(pdu.FAULT_BAD_STUB_DATA) from error

    def _respond(
        self,
        received: pdu.Pdu,
        header: pdu.RequestHeader,
        stub: bytes,
        authentication: _Authentication | None,
    ) -> list[bytes]:
        # 128 bytes are enough for headers, padding and the longest credentials (AES: 76).
        room = (self._fragment - 128) & ~15
        fragments = []
        for start in range(0, max(len(stub), 1), room):
            part = stub[start : start + room]
            flags = (pdu.FIRST_FRAGMENT if start == 0 else 0) | (
                pdu.LAST_FRAGMENT if start + room >= len(stub) else 0
            )
            prefix = struct.pack("<IHBB", len(stub) - start, header.context_id, 0, 0)
            if authentication is None or received.trailer is None:
                fragment = pdu.pack_pdu(pdu.RESPONSE, flags, received.call_id, prefix + part)
            else:
                fragment = self._seal(received, received.trailer, flags, prefix, part)
            fragments.append(fragment)
        return fragments

    def _seal(
        self,
        received: pdu.Pdu,
        asked: pdu.SecurityTrailer,
        flags: int,
        prefix: bytes,
        part: bytes,
    ) -> bytes:
        authentication = self._authentications[asked.context_id]
        padding = -len(part) % 16
        part += bytes(padding)
        trailer = pdu.SecurityTrailer(asked.kind, asked.level, padding, asked.context_id)
        before = b""
        size = authentication.context.verifier_size(b"", part, b"")
        length = pdu.HEADER_SIZE + len(prefix) + len(part) + pdu.TRAILER_SIZE + size
        head = pdu.pack_header(pdu.RESPONSE, flags, received.call_id, length, size) + prefix
        if authentication.covers_headers:
            before = head
        sealed, credentials = authentication.context.seal(before, part, trailer.pack())
        if len(credentials) != size:
            raise pdu.PduError(f"credentials of {len(credentials)} bytes, {size} announced")
        return head + sealed + trailer.pack() + credentials
