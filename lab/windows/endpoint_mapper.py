"""ept_map: at which port an interface is served ([C706] appendices L and O)."""

from __future__ import annotations

import struct
import uuid
from collections.abc import Mapping
from ipaddress import IPv4Address

from lab.windows.ndr import NdrError, NdrReader, NdrWriter
from lab.windows.pdu import NDR_SYNTAX

EPT_S_NOT_REGISTERED = 0x16C9A0D6
UUID_FLOOR, RPC_FLOOR, TCP_FLOOR, IP_FLOOR = 0x0D, 0x0B, 0x07, 0x09
LARGEST_TOWER = 4096


def _floor(left: bytes, right: bytes) -> bytes:
    return struct.pack("<H", len(left)) + left + struct.pack("<H", len(right)) + right


def _syntax(identifier: uuid.UUID, version: int, minor: int) -> bytes:
    left = struct.pack("<B16sH", UUID_FLOOR, identifier.bytes_le, version)
    return _floor(left, struct.pack("<H", minor))


def pack_tower(interface: uuid.UUID, version: tuple[int, int], port: int, address: str) -> bytes:
    """A protocol tower for ncacn_ip_tcp."""
    return (
        struct.pack("<H", 5)
        + _syntax(interface, *version)
        + _syntax(*NDR_SYNTAX, 0)
        + _floor(bytes([RPC_FLOOR]), bytes(2))
        + _floor(bytes([TCP_FLOOR]), struct.pack(">H", port))
        + _floor(bytes([IP_FLOOR]), IPv4Address(address).packed)
    )


def _interface(tower: bytes) -> uuid.UUID | None:
    """The interface that a tower asks for; None where it does not ask for TCP."""
    reader = NdrReader(tower)
    floors = []
    for _ in range(int.from_bytes(reader.take(2), "little")):
        left = reader.take(int.from_bytes(reader.take(2), "little"))
        reader.take(int.from_bytes(reader.take(2), "little"))
        floors.append(left)
    if len(floors) < 4 or len(floors[0]) != 19 or floors[0][0] != UUID_FLOOR:
        raise NdrError("not a tower of an interface")
    if floors[2][:1] != bytes([RPC_FLOOR]) or floors[3][:1] != bytes([TCP_FLOOR]):
        return None
    return uuid.UUID(bytes_le=floors[0][1:17])


def answer_map(
    stub: bytes, served: Mapping[uuid.UUID, tuple[tuple[int, int], int]], address: str
) -> tuple[bytes, int]:
    """Answers ept_map.

    Args:
        stub: The request's.
        served: By interface, its version and its port.
        address: Of this computer.

    Returns:
        The answer's stub and its status.

    Raises:
        NdrError: the stub is malformed.
    """
    reader = NdrReader(stub)
    if reader.u32():
        reader.guid()
    if not reader.u32():
        return _pack_answer([], 0)
    conformance, length = reader.u32(), reader.u32()
    if length > conformance or length > LARGEST_TOWER:
        raise NdrError("tower of another size than announced")
    wanted = _interface(reader.take(length))
    reader.u32()
    reader.guid()
    most = reader.u32()
    found = served.get(wanted) if wanted is not None else None
    towers = []
    if found is not None and wanted is not None and most:
        version, port = found
        towers.append(pack_tower(wanted, version, port, address))
    return _pack_answer(towers, most)


def _pack_answer(towers: list[bytes], most: int) -> tuple[bytes, int]:
    status = 0 if towers else EPT_S_NOT_REGISTERED
    writer = NdrWriter()
    writer.raw(bytes(20))
    writer.u32(len(towers))
    for number in (most, 0, len(towers)):
        writer.u32(number)
    for _ in towers:
        writer.pointer()
    for tower in towers:
        writer.u32(len(tower))
        writer.u32(len(tower))
        writer.raw(tower)
    writer.u32(status)
    return writer.getvalue(), status
