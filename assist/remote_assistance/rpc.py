"""DCE/RPC over TCP with packet privacy, on impacket's low level ([MS-RPCE], [C706]).

One connection belongs to one offer and one interface; nothing is shared. What impacket leaves
open is closed here: every wait has a deadline, every answer a greatest size, and an answer that
is not sealed is refused.
"""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from impacket.dcerpc.v5.rpcrt import (
    RPC_C_AUTHN_GSS_NEGOTIATE,
    RPC_C_AUTHN_LEVEL_PKT_PRIVACY,
    DCERPC_v5,
)
from impacket.krb5.crypto import InvalidChecksum
from impacket.krb5.kerberosv5 import KerberosError, SessionKeyDecryptionError
from pyasn1.error import PyAsn1Error

from assist.remote_assistance import errors
from assist.remote_assistance.kerberos import ServiceTicket
from assist.remote_assistance.sealing import CheckedSealing

HEADER_SIZE = 16
LARGEST_ANSWER = 1_048_576  # bytes; the largest honest one, a thousand sessions, is below 100 KiB
_RESPONSE, _FAULT, _BIND_NAK = 2, 3, 13
# What a computer answers to a ticket that it does not accept: ERROR_ACCESS_DENIED,
# RPC_S_SEC_PKG_ERROR ([MS-ERREF] 2.2). Who may help is decided later, call by call.
NOT_AUTHENTICATED = (5, 0x721)
_SEALING = "_DCERPC_v5__gss"  # impacket's private name; a test notices when it changes


@dataclass(frozen=True)
class CallLimits:
    """How long the parts of a contact may take, in seconds."""

    connect_seconds: float
    call_seconds: float
    total_seconds: float


class Deadline:
    """The end of a whole contact, on the monotonic clock."""

    def __init__(self, limits: CallLimits) -> None:
        self.limits = limits
        self._ends_at = time.monotonic() + limits.total_seconds

    def is_over(self) -> bool:
        return time.monotonic() >= self._ends_at

    def left(self, at_most: float) -> float:
        """Seconds left, and no more than ``at_most``.

        Raises:
            TimedOut: None are left.
        """
        left = min(at_most, self._ends_at - time.monotonic())
        if left <= 0:
            raise errors.TimedOut()
        return left


class RpcFaultError(Exception):
    """The other side refused a call or a bind with this status."""

    def __init__(self, status: int) -> None:
        super().__init__(f"0x{status:08X}")
        self.status = status


class Transport:
    """One TCP connection, in the form that impacket's DCERPC_v5 asks of a transport.

    Every packet comes whole, within its call's time, and sealed if it answers a call; faults are
    raised. They are not sealed: somebody on the way could make one up.
    """

    def __init__(
        self,
        addresses: tuple[str, ...],
        port: int,
        host: str,
        ticket: ServiceTicket | None,
        deadline: Deadline,
    ) -> None:
        self._places = [(address, port) for address in addresses]
        self.address = addresses[0]
        self._host = host
        self._ticket = ticket
        self._deadline = deadline
        self._call_ends_at = 0.0
        self._buffer = b""
        self._received = 0
        self._socket: socket.socket | None = None

    def connect(self) -> None:
        self._socket = self._connected()
        # Without it each leg of the authentication waits for a delayed acknowledgement.
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def _connected(self) -> socket.socket:
        """Connects to the first address that takes a connection.

        Raises:
            Unreachable: None does.
            TimedOut: No time is left.
        """
        failures: list[str] = []
        for place in self._places:
            if failures and self._deadline.is_over():
                break
            limit = self._deadline.left(self._deadline.limits.connect_seconds)
            try:
                connected = socket.create_connection(place, limit)
            except OSError as error:
                failures.append(_connect_sentence(error, place))
            else:
                self.address = place[0]
                return connected
        raise errors.Unreachable(" ".join(failures))

    def disconnect(self) -> None:
        if self._socket:
            self._socket.close()

    def begin_call(self) -> None:
        """Starts the clock of one call and the count of its answer's bytes."""
        limit = self._deadline.left(self._deadline.limits.call_seconds)
        self._call_ends_at = time.monotonic() + limit
        self._received = 0

    # impacket's names, from here on
    def get_credentials(self) -> tuple[Any, ...]:
        ticket = self._ticket
        if ticket is None:
            raise RuntimeError("no ticket")
        return (ticket.name, "", ticket.realm, "", "", "", None, ticket.material)

    def getRemoteName(self) -> str:  # noqa: N802
        return self._host

    def get_kdcHost(self) -> None:  # noqa: N802
        return None

    def send(self, data: bytes, forceWriteAndx: int = 0, forceRecv: int = 0) -> None:  # noqa: N803
        self._wait_limit().sendall(data)

    def recv(self, forceRecv: int = 0, count: int = 0) -> bytes:  # noqa: N803
        if not self._buffer:
            self._buffer = self._whole_packet()
        taken, self._buffer = self._buffer[: count or None], self._buffer[count or None :]
        if not count:
            self._buffer = b""
        return taken

    def _whole_packet(self) -> bytes:
        header = self._exactly(HEADER_SIZE)
        kind, length, sealed = header[2], *struct.unpack_from("<HH", header, 8)
        self._received += length
        if length < HEADER_SIZE or header[0] != 5 or self._received > LARGEST_ANSWER:
            raise errors.BadAnswer()
        packet = header + self._exactly(length - HEADER_SIZE)
        if kind == _FAULT and length >= 28:
            raise RpcFaultError(int.from_bytes(packet[24:28], "little"))
        if kind == _BIND_NAK:
            raise RpcFaultError(int.from_bytes(packet[16:18], "little"))
        if kind == _RESPONSE:
            self._require_seal(packet, sealed)
        return packet

    @staticmethod
    def _require_seal(packet: bytes, length: int) -> None:
        """impacket would take an answer without a verifier for a genuine one."""
        trailer = len(packet) - length - 8
        if not length or trailer < HEADER_SIZE + 8:
            raise errors.BadAnswer("The computer sent an answer without protection.")
        if packet[trailer + 1] != RPC_C_AUTHN_LEVEL_PKT_PRIVACY:
            raise errors.BadAnswer("The computer sent an answer with too little protection.")

    def _exactly(self, count: int) -> bytes:
        parts = bytearray()
        while len(parts) < count:
            received = self._wait_limit().recv(count - len(parts))
            if not received:
                raise ConnectionResetError
            parts += received
        return bytes(parts)

    def _wait_limit(self) -> socket.socket:
        if self._socket is None:
            raise RuntimeError("not connected")
        left = min(self._call_ends_at - time.monotonic(), self._deadline.left(float("inf")))
        if left <= 0:
            raise errors.TimedOut()
        self._socket.settimeout(left)
        return self._socket


class Connection:
    """One authenticated and sealed connection to one interface.

    Args:
        address: The IP address to connect to.
        port: The TCP port there.
        host: The computer's DNS name, which the ticket is for.
        interface: The interface's UUID.
        ticket: Authenticates both sides to each other.
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
        ticket: ServiceTicket,
        deadline: Deadline,
        *,
        version: tuple[int, int] = (0, 0),
        other_addresses: tuple[str, ...] = (),
    ) -> None:
        self._transport = Transport((address, *other_addresses), port, host, ticket, deadline)
        self._syntax = interface.bytes_le + struct.pack("<HH", *version)
        self._rpc = DCERPC_v5(self._transport)

    @property
    def address(self) -> str:
        """The address that took the connection."""
        return self._transport.address

    @contextmanager
    def opened(self) -> Iterator[Connection]:
        """Connects and binds; closes at the end, whatever happens."""
        try:
            self._transport.connect()
            with translated():
                self._transport.begin_call()
                self._rpc.set_auth_type(RPC_C_AUTHN_GSS_NEGOTIATE)
                self._rpc.set_auth_level(RPC_C_AUTHN_LEVEL_PKT_PRIVACY)
                try:
                    self._rpc.bind(self._syntax)
                except (AttributeError, PyAsn1Error, InvalidChecksum, KerberosError) as error:
                    # What impacket raises when the acceptor's token is an error or missing.
                    raise errors.AuthenticationFailed() from error
                except RpcFaultError as fault:
                    if fault.status in NOT_AUTHENTICATED:
                        raise errors.AuthenticationFailed() from fault
                    raise
                self._check_sealing()
            yield self
        finally:
            self._transport.disconnect()

    def _check_sealing(self) -> None:
        """Puts the checks of :mod:`sealing` where impacket opens answers without them."""
        inner = getattr(self._rpc, _SEALING, None)
        if inner is None:
            raise errors.AuthenticationFailed()
        setattr(self._rpc, _SEALING, CheckedSealing(inner))

    def call(self, operation: int, stub: bytes, object_id: bytes | None = None) -> bytes:
        """One call.

        Args:
            operation: The operation's number in the interface.
            stub: Its marshalled arguments.
            object_id: The IPID of the object, 16 bytes, for calls on objects.

        Returns:
            The answer's stub.

        Raises:
            RpcFaultError: The other side refused.
            RemoteAssistanceError: The call failed otherwise.
        """
        with translated(faults=False):
            self._transport.begin_call()
            self._rpc.call(operation, stub, object_id)
            return bytes(self._rpc.recv())


@contextmanager
def translated(*, faults: bool = True) -> Iterator[None]:
    """Turns what sockets and impacket raise into this package's errors.

    Args:
        faults: Also translate RPC faults; off for callers that look at their status.
    """
    try:
        yield
    except RpcFaultError as error:
        if not faults:
            raise
        raise errors.for_fault(error.status) from error
    except (KerberosError, SessionKeyDecryptionError) as error:
        raise errors.AuthenticationFailed() from error
    except TimeoutError as error:
        raise errors.TimedOut() from error
    except OSError as error:
        raise errors.Unreachable("The computer closed the connection.") from error
    except InvalidChecksum as error:
        raise errors.BadAnswer("The computer's answer was changed on its way.") from error
    except errors.RemoteAssistanceError:
        raise
    except Exception as error:
        # impacket parses without looking: what it trips over, which may be a bare Exception, is
        # not the protocol. Nothing of it may leave, least of all while an object is released.
        raise errors.BadAnswer() from error


def _connect_sentence(error: OSError, place: tuple[str, int]) -> str:
    where = f"{place[0]}, TCP port {place[1]}"
    if isinstance(error, TimeoutError):
        return f"Nothing answers at {where}: switched off, or a firewall drops the connection."
    if isinstance(error, ConnectionRefusedError):
        return f"{where} refuses connections."
    return f"There is no way to {where}: {error.strerror or error}."
