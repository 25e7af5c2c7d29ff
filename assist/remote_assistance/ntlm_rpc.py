"""DCE/RPC over TCP with packet privacy by NTLM ([MS-RPCE] 2.2.2, 3.3.1.5.2; [C706] chapter 12)."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from assist.remote_assistance import errors
from assist.remote_assistance.errors import BadAnswer
from assist.remote_assistance.exporter import pack_bind_body, require_accepted
from assist.remote_assistance.ntlm import SIGNATURE_SIZE, NtlmAccount, NtlmContext
from assist.remote_assistance.rpc import (
    LARGEST_ANSWER,
    NOT_AUTHENTICATED,
    Deadline,
    RpcFaultError,
    Transport,
    translated,
)

REQUEST, RESPONSE, BIND, BIND_ACK, AUTH3 = 0, 2, 11, 12, 16
FIRST, LAST, HAS_OBJECT = 0x01, 0x02, 0x80
WINNT, PRIVACY = 10, 6
TRAILER_SIZE = 8
RESPONSE_HEADER_SIZE = 24
LARGEST_REQUEST = 4096  # bytes of stub: one fragment; an activation has a fifth of it
SECURITY_CONTEXT = 1


class NtlmConnection:
    """One sealed connection to one interface; what :class:`rpc.Connection` is under Kerberos.

    Args:
        address: The IP address to connect to.
        port: The TCP port there.
        host: The computer's DNS name.
        interface: The interface's UUID.
        account: Who calls.
        deadline: The end of the whole contact.
        version: The interface's version.
        other_addresses: Tried in order where the one before takes no connection.
    """

    def __init__(
        self,
        address: str,
        port: int,
        host: str,
        interface: UUID,
        account: NtlmAccount,
        deadline: Deadline,
        *,
        version: tuple[int, int] = (0, 0),
        other_addresses: tuple[str, ...] = (),
    ) -> None:
        self._transport = Transport((address, *other_addresses), port, host, None, deadline)
        self._bind_body = pack_bind_body(interface, version)
        self._context = NtlmContext(account, host)
        self._call_id = 0

    @property
    def address(self) -> str:
        """The address that took the connection."""
        return self._transport.address

    @contextmanager
    def opened(self) -> Iterator[NtlmConnection]:
        """Connects and binds; closes at the end, whatever happens."""
        try:
            self._transport.connect()
            with translated():
                self._transport.begin_call()
                try:
                    self._bind()
                except RpcFaultError as fault:
                    if fault.status in NOT_AUTHENTICATED:
                        raise errors.AuthenticationFailed() from fault
                    raise
            yield self
        finally:
            self._transport.disconnect()

    def _bind(self) -> None:
        self._call_id += 1
        self._send(BIND, FIRST | LAST, self._bind_body, self._context.negotiate())
        packet = self._transport.recv()
        if packet[2] != BIND_ACK:
            raise BadAnswer(f"The computer answered a bind with a packet of type {packet[2]}.")
        _require_interface(packet)
        size = int.from_bytes(packet[10:12], "little")
        if not size or RESPONSE_HEADER_SIZE + TRAILER_SIZE + size > len(packet):
            raise errors.AuthenticationFailed("The computer does not take NTLM.")
        self._send(
            AUTH3, FIRST | LAST, bytes(4), self._context.authenticate(packet[len(packet) - size :])
        )

    def _send(self, kind: int, flags: int, body: bytes, token: bytes) -> None:
        padding = -len(body) % 4
        trailer = struct.pack("<BBBBI", WINNT, PRIVACY, padding, 0, SECURITY_CONTEXT)
        head = self._header(kind, flags, len(body) + padding, len(token))
        self._transport.send(head + body + bytes(padding) + trailer + token)

    def _header(self, kind: int, flags: int, body_size: int, token_size: int) -> bytes:
        length = 16 + body_size + TRAILER_SIZE + token_size
        return struct.pack("<BBBBIHHI", 5, 0, kind, flags, 0x10, length, token_size, self._call_id)

    def call(self, operation: int, stub: bytes, object_id: bytes | None = None) -> bytes:
        """One call; as :meth:`rpc.Connection.call`."""
        with translated(faults=False):
            self._transport.begin_call()
            self._call_id += 1
            self._request(operation, stub, object_id or b"")
            return self._answer()

    def _request(self, operation: int, stub: bytes, object_id: bytes) -> None:
        if len(stub) > LARGEST_REQUEST:
            raise errors.RequestRejected("The request is too long to be sent.")
        flags = FIRST | LAST | (HAS_OBJECT if object_id else 0)
        padding = -len(stub) % 16
        opening = struct.pack("<IHH", len(stub), 0, operation) + object_id
        data = stub + bytes(padding)
        head = self._header(REQUEST, flags, len(opening) + len(data), SIGNATURE_SIZE) + opening
        trailer = struct.pack("<BBBBI", WINNT, PRIVACY, padding, 0, SECURITY_CONTEXT)
        sealed, signature = self._context.seal(head, data, trailer)
        self._transport.send(head + sealed + trailer + signature)

    def _answer(self) -> bytes:
        stub = b""
        while True:
            packet = self._transport.recv()
            if packet[2] != RESPONSE or int.from_bytes(packet[12:16], "little") != self._call_id:
                raise BadAnswer("The computer answered another call than it was asked.")
            if bool(packet[3] & FIRST) != (not stub):
                raise BadAnswer("The computer's answer has no beginning, or two.")
            stub += self._open(packet)
            if len(stub) > LARGEST_ANSWER:
                raise BadAnswer()
            if packet[3] & LAST:
                return stub

    def _open(self, packet: bytes) -> bytes:
        """One fragment; that it is sealed at all was seen by the transport."""
        at = len(packet) - SIGNATURE_SIZE - TRAILER_SIZE
        size = int.from_bytes(packet[10:12], "little")
        if size != SIGNATURE_SIZE or at < RESPONSE_HEADER_SIZE or packet[at] != WINNT:
            raise BadAnswer("The computer sent an answer without protection.")
        plain = self._context.unseal(
            packet[:RESPONSE_HEADER_SIZE],
            packet[RESPONSE_HEADER_SIZE:at],
            packet[at : at + TRAILER_SIZE],
            packet[at + TRAILER_SIZE :],
        )
        padding = packet[at + 2]
        if padding > len(plain):
            raise BadAnswer("The computer's answer has more padding than data.")
        return plain[: len(plain) - padding]


def _require_interface(packet: bytes) -> None:
    try:
        require_accepted(packet)
    except BadAnswer as error:
        raise errors.ProtocolUnsupported() from error
