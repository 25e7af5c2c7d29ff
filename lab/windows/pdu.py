"""Connection-oriented DCE/RPC version 5 PDUs ([C706] chapter 12, [MS-RPCE] 2.2.2)."""

from __future__ import annotations

import struct
import uuid
from dataclasses import dataclass

from lab.windows.ndr import NdrError, NdrReader

HEADER_SIZE = 16
TRAILER_SIZE = 8
MAXIMUM_FRAGMENT = 5840  # what Windows offers over TCP

REQUEST, RESPONSE, FAULT = 0, 2, 3
BIND, BIND_ACK, BIND_NAK = 11, 12, 13
ALTER_CONTEXT, ALTER_CONTEXT_RESPONSE, AUTH3 = 14, 15, 16

FIRST_FRAGMENT, LAST_FRAGMENT = 0x01, 0x02
SUPPORTS_HEADER_SIGNING = 0x04  # in bind and alter_context
OBJECT_UUID = 0x80

NDR_SYNTAX = (uuid.UUID("8a885d04-1ceb-11c9-9fe8-08002b104860"), 2)
FEATURE_NEGOTIATION_PREFIX = "6cb71c2c-9812-4540-"

ACCEPTANCE, PROVIDER_REJECTION, NEGOTIATE_ACK = 0, 2, 3
ABSTRACT_SYNTAX_NOT_SUPPORTED, TRANSFER_SYNTAXES_NOT_SUPPORTED = 1, 2
AUTHENTICATION_TYPE_NOT_RECOGNIZED = 8

AUTHENTICATION_KERBEROS, AUTHENTICATION_NEGOTIATE, AUTHENTICATION_NTLM = 16, 9, 10
LEVEL_NONE, LEVEL_CONNECT, LEVEL_INTEGRITY, LEVEL_PRIVACY = 1, 2, 5, 6

FAULT_ACCESS_DENIED = 0x00000005
FAULT_BAD_STUB_DATA = 0x000006F7
FAULT_OPNUM_RANGE = 0x1C010002
FAULT_PROTOCOL_ERROR = 0x1C01000B
FAULT_UNKNOWN_INTERFACE = 0x1C010003
FAULT_NO_SUCH_OBJECT = 0x80010108  # RPC_E_DISCONNECTED
FAULT_SECURITY_PACKAGE = 0x00000721


class PduError(Exception):
    """Bytes that are no PDU this server takes; the connection is closed."""


@dataclass(frozen=True)
class SecurityTrailer:
    """sec_trailer ([MS-RPCE] 2.2.2.11) with its credentials."""

    kind: int
    level: int
    padding: int
    context_id: int
    credentials: bytes = b""

    def pack(self) -> bytes:
        return struct.pack("<BBBBI", self.kind, self.level, self.padding, 0, self.context_id)


@dataclass(frozen=True)
class Pdu:
    """One fragment as received. ``data`` is the whole of it."""

    kind: int
    flags: int
    call_id: int
    data: bytes
    trailer: SecurityTrailer | None

    @property
    def body(self) -> bytes:
        """What lies between the common header and the security trailer, padding included."""
        end = len(self.data)
        if self.trailer is not None:
            end -= len(self.trailer.credentials) + TRAILER_SIZE
        return self.data[HEADER_SIZE:end]


def fragment_length(header: bytes) -> int:
    """The announced length of the fragment that begins with this common header.

    Raises:
        PduError: it is not DCE/RPC 5.0, not little-endian, or too short or long.
    """
    major, minor, _, _, representation, length = struct.unpack("<BBBBIH", header[:10])
    if (major, minor) not in ((5, 0), (5, 1)) or representation & 0xFF != 0x10:
        raise PduError(f"version {major}.{minor}, data representation {representation:#x}")
    if not HEADER_SIZE <= length <= MAXIMUM_FRAGMENT:
        raise PduError(f"fragment of {length} bytes")
    return int(length)


def parse_pdu(data: bytes) -> Pdu:
    """Splits a fragment into its parts.

    Raises:
        PduError: the security trailer does not fit.
    """
    kind, flags = data[2], data[3]
    authentication_length, call_id = struct.unpack("<HI", data[10:16])
    trailer = None
    if authentication_length:
        start = len(data) - authentication_length - TRAILER_SIZE
        if start < HEADER_SIZE:
            raise PduError(f"security trailer of {authentication_length} bytes")
        auth_type, level, padding, _, context_id = struct.unpack(
            "<BBBBI", data[start : start + TRAILER_SIZE]
        )
        trailer = SecurityTrailer(
            auth_type, level, padding, context_id, data[start + TRAILER_SIZE :]
        )
    return Pdu(kind, flags, call_id, data, trailer)


def pack_pdu(
    kind: int,
    flags: int,
    call_id: int,
    body: bytes,
    trailer: SecurityTrailer | None = None,
) -> bytes:
    """A fragment. The body must already be padded as the trailer says."""
    tail = b"" if trailer is None else trailer.pack() + trailer.credentials
    return (
        pack_header(
            kind,
            flags,
            call_id,
            HEADER_SIZE + len(body) + len(tail),
            0 if trailer is None else len(trailer.credentials),
        )
        + body
        + tail
    )


def pack_header(kind: int, flags: int, call_id: int, length: int, credentials: int) -> bytes:
    return struct.pack("<BBBBIHHI", 5, 0, kind, flags, 0x10, length, credentials, call_id)


@dataclass(frozen=True)
class PresentationContext:
    """p_cont_elem_t: an interface and the transfer syntaxes the client knows."""

    context_id: int
    interface: uuid.UUID
    version: int
    transfer_syntaxes: tuple[tuple[uuid.UUID, int], ...]


@dataclass(frozen=True)
class Bind:
    """The body of bind and alter_context."""

    maximum_transmit: int
    maximum_receive: int
    association_group: int
    contexts: tuple[PresentationContext, ...]


def parse_bind(body: bytes) -> Bind:
    """Raises NdrError when the body is cut short."""
    reader = NdrReader(body)
    transmit, receive, group = reader.u16(), reader.u16(), reader.u32()
    count = reader.take(4)[0]
    contexts = []
    for _ in range(count):
        reader.align(4)
        context_id = reader.u16()
        syntaxes = reader.take(2)[0]
        interface, version = reader.guid(), reader.u32()
        contexts.append(
            PresentationContext(
                context_id,
                interface,
                version,
                tuple((reader.guid(), reader.u32()) for _ in range(syntaxes)),
            )
        )
    return Bind(transmit, receive, group, tuple(contexts))


@dataclass(frozen=True)
class ContextResult:
    """p_result_t; ``reason`` holds the feature bits in a negotiate_ack."""

    result: int
    reason: int = 0
    syntax: tuple[uuid.UUID, int] = (uuid.UUID(int=0), 0)


def answer_context(context: PresentationContext, interfaces: frozenset[uuid.UUID]) -> ContextResult:
    """What this server says to one offered presentation context."""
    offered = context.transfer_syntaxes
    if len(offered) == 1 and str(offered[0][0]).startswith(FEATURE_NEGOTIATION_PREFIX):
        # Bind time feature negotiation ([MS-RPCE] 3.3.1.5.3): none of the features.
        return ContextResult(NEGOTIATE_ACK)
    if context.interface not in interfaces:
        return ContextResult(PROVIDER_REJECTION, ABSTRACT_SYNTAX_NOT_SUPPORTED)
    if NDR_SYNTAX not in offered:
        return ContextResult(PROVIDER_REJECTION, TRANSFER_SYNTAXES_NOT_SUPPORTED)
    return ContextResult(ACCEPTANCE, 0, NDR_SYNTAX)


def pack_bind_ack(
    maximum_fragment: int, association_group: int, port: str, results: list[ContextResult]
) -> bytes:
    """The body of bind_ack and alter_context_resp; the latter has an empty port."""
    address = port.encode("ascii") + b"\0" if port else b""
    body = struct.pack("<HHIH", maximum_fragment, maximum_fragment, association_group, len(address))
    body += address
    body += bytes(-(HEADER_SIZE + len(body)) % 4)
    body += struct.pack("<BBH", len(results), 0, 0)
    for result in results:
        body += struct.pack("<HH", result.result, result.reason)
        body += result.syntax[0].bytes_le + struct.pack("<I", result.syntax[1])
    return body


def pack_bind_nak(reason: int) -> bytes:
    return struct.pack("<HBBB", reason, 1, 5, 0) + bytes(3)


def pack_fault(call_id: int, context_id: int, status: int) -> bytes:
    """A fault that was not executed; sent without a security trailer, as for refused callers."""
    body = struct.pack("<IHBBII", 0, context_id, 0, 0, status, 0)
    return pack_pdu(FAULT, FIRST_FRAGMENT | LAST_FRAGMENT, call_id, body)


@dataclass(frozen=True)
class RequestHeader:
    """What follows the common header in a request."""

    context_id: int
    opnum: int
    object_uuid: uuid.UUID | None
    size: int  # with the common header: where the stub begins in the fragment


def parse_request_header(pdu: Pdu) -> RequestHeader:
    """Raises PduError when the request is cut short."""
    reader = NdrReader(pdu.body)
    try:
        reader.u32()
        context_id, opnum = reader.u16(), reader.u16()
        object_uuid = reader.guid() if pdu.flags & OBJECT_UUID else None
    except NdrError as error:
        raise PduError(str(error)) from error
    return RequestHeader(context_id, opnum, object_uuid, HEADER_SIZE + reader.offset)
