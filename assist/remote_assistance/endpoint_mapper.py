"""Asks where an interface is served: ept_map, as pure functions ([C706] appendices L and O)."""

from __future__ import annotations

import struct
from uuid import UUID

from assist.remote_assistance.errors import BadAnswer
from assist.remote_assistance.ndr import Reader

ENDPOINT_MAPPER = UUID("e1af8308-5d1f-11c9-91a4-08002b14a0fa")
VERSION = (3, 0)
EPT_MAP = 3
NOT_REGISTERED = 0x16C9A0D6  # ept_s_not_registered
MOST_TOWERS = 16
LARGEST_TOWER = 4096
_NDR = (UUID("8a885d04-1ceb-11c9-9fe8-08002b104860"), (2, 0))
_UUID_FLOOR, _RPC_FLOOR, _TCP_FLOOR, _IP_FLOOR = 0x0D, 0x0B, 0x07, 0x09


def _floor(left: bytes, right: bytes) -> bytes:
    return struct.pack("<H", len(left)) + left + struct.pack("<H", len(right)) + right


def _syntax(interface: UUID, version: tuple[int, int]) -> bytes:
    left = struct.pack("<B16sH", _UUID_FLOOR, interface.bytes_le, version[0])
    return _floor(left, struct.pack("<H", version[1]))


def pack_map(interface: UUID, version: tuple[int, int]) -> bytes:
    """The arguments of ept_map for an interface over TCP."""
    tower = (
        struct.pack("<H", 5)
        + _syntax(interface, version)
        + _syntax(*_NDR)
        + _floor(bytes([_RPC_FLOOR]), bytes(2))
        + _floor(bytes([_TCP_FLOOR]), struct.pack(">H", 135))
        + _floor(bytes([_IP_FLOOR]), bytes(4))
    )
    nil_object = struct.pack("<I16s", 1, bytes(16))
    packed = nil_object + struct.pack("<III", 2, len(tower), len(tower)) + tower
    return packed + bytes(-len(packed) % 4) + bytes(20) + struct.pack("<I", MOST_TOWERS)


def parse_map(stub: bytes, interface: UUID) -> int | None:
    """Reads ept_map's answer.

    Only the port is taken: the address that is called stays the one that the directory gave.

    Args:
        stub: The response's stub.
        interface: What was asked for.

    Returns:
        The TCP port, or None where the interface is not registered.

    Raises:
        BadAnswer: It is not such an answer.
    """
    reader = Reader(stub)
    reader.take(20)
    count = reader.u32()
    reader.u32()
    reader.u32()
    if reader.u32() != count or count > MOST_TOWERS:
        raise BadAnswer(f"The computer's endpoint mapper names {count} places.")
    referents = [reader.u32() for _ in range(count)]
    ports = []
    for referent in referents:
        if not referent:
            continue
        conformance, length = reader.u32(), reader.u32()
        if length > conformance or length > LARGEST_TOWER:
            raise BadAnswer("The computer's endpoint mapper names a place too long.")
        ports.append(_port(reader.take(length), interface))
        reader.align(4)
    status = reader.u32()
    if status not in (0, NOT_REGISTERED):
        raise BadAnswer(f"The computer's endpoint mapper answered with error 0x{status:08X}.")
    return next((port for port in ports if port), None)


def _port(tower: bytes, interface: UUID) -> int | None:
    """The TCP port of a tower; None where it is another interface's or not TCP."""
    floors = []
    at = 2
    for _ in range(min(int.from_bytes(tower[:2], "little"), 8)):
        parts = []
        for _ in range(2):
            size = int.from_bytes(tower[at : at + 2], "little")
            if at + 2 + size > len(tower):
                raise BadAnswer("The computer's endpoint mapper names half a place.")
            parts.append(tower[at + 2 : at + 2 + size])
            at += 2 + size
        floors.append(parts)
    if len(floors) < 4 or floors[0][0][1:17] != interface.bytes_le:
        return None
    protocol, address = floors[3]
    if protocol != bytes([_TCP_FLOOR]) or len(address) != 2:
        return None
    return int.from_bytes(address, "big") or None
