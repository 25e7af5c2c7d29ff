"""Structures of the object RPC layer ([MS-DCOM] 2.2)."""

from __future__ import annotations

import struct
import uuid
from dataclasses import dataclass

from lab.windows.ndr import NdrError, NdrReader, NdrWriter

TCP_TOWER = 0x07
OBJREF_SIGNATURE = 0x574F454D  # "MEOW"
OBJREF_STANDARD, OBJREF_CUSTOM = 1, 4
VERSION = (5, 7)  # COMVERSION of Windows since XP SP2
OLDER_VERSION = (5, 6)  # before it ([MS-DCOM] 2.2.11)


def read_orpcthis(reader: NdrReader) -> None:
    """ORPCTHIS ([MS-DCOM] 2.2.13.3) with its extensions, which are skipped.

    Raises:
        NdrError: the version is not 5, or the structure is cut short.
    """
    major, _ = reader.u16(), reader.u16()
    if major != VERSION[0]:
        raise NdrError(f"COM version {major}")
    reader.u32()
    reader.u32()
    reader.guid()
    if not reader.u32():
        return
    reader.u32()
    reader.u32()
    if not reader.u32():
        return
    present = [reader.u32() for _ in range(reader.count(4))]
    for pointer in present:
        if pointer:
            conformance = reader.count(1)
            reader.guid()
            size = reader.u32()
            if conformance != (size + 7) & ~7:
                raise NdrError("ORPC extension of another size than announced")
            reader.take(conformance)


def write_orpcthat(writer: NdrWriter) -> None:
    writer.u32(0)
    writer.u32(0)


def pack_dual_string_array(bindings: list[str]) -> bytes:
    """DUALSTRINGARRAY ([MS-DCOM] 2.2.19) from TCP bindings like ``XP191[49664]``.

    The security part names SPNEGO, NTLM and Kerberos without principal names, as Windows does.
    """
    strings = b"".join(
        struct.pack("<H", TCP_TOWER) + (binding + "\0").encode("utf-16-le") for binding in bindings
    )
    strings += b"\0\0"
    security = b"".join(struct.pack("<HHH", service, 0xFFFF, 0) for service in (9, 10, 16))
    security += b"\0\0"
    whole = strings + security
    return struct.pack("<HH", len(whole) // 2, len(strings) // 2) + whole


def write_dual_string_array(writer: NdrWriter, packed: bytes) -> None:
    """As the NDR structure: the conformance before it."""
    writer.u32((len(packed) - 4) // 2)
    writer.raw(packed)


def read_interface_pointer(reader: NdrReader) -> bytes:
    """MInterfacePointer ([MS-DCOM] 2.2.14): the object reference in it."""
    conformance = reader.count(1)
    size = reader.u32()
    if size > conformance:
        raise NdrError("object reference longer than its array")
    data = reader.take(conformance)
    return data[:size]


def write_interface_pointer(writer: NdrWriter, data: bytes) -> None:
    writer.u32(len(data))
    writer.u32(len(data))
    writer.raw(data)


@dataclass(frozen=True)
class StandardReference:
    """STDOBJREF ([MS-DCOM] 2.2.18.2)."""

    public_references: int
    oxid: int
    object_id: int
    ipid: uuid.UUID

    def pack(self) -> bytes:
        return (
            struct.pack("<IIQQ", 0, self.public_references, self.oxid, self.object_id)
            + self.ipid.bytes_le
        )


def pack_standard_objref(interface: uuid.UUID, reference: StandardReference, dual: bytes) -> bytes:
    """OBJREF_STANDARD ([MS-DCOM] 2.2.18.4)."""
    head = struct.pack("<II", OBJREF_SIGNATURE, OBJREF_STANDARD)
    return head + interface.bytes_le + reference.pack() + dual


def pack_custom_objref(interface: uuid.UUID, class_id: uuid.UUID, data: bytes) -> bytes:
    """OBJREF_CUSTOM ([MS-DCOM] 2.2.18.6)."""
    head = struct.pack("<II", OBJREF_SIGNATURE, OBJREF_CUSTOM)
    tail = struct.pack("<II", 0, len(data) + 8)
    return head + interface.bytes_le + class_id.bytes_le + tail + data


def parse_custom_objref(data: bytes) -> tuple[uuid.UUID, bytes]:
    """The class of an OBJREF_CUSTOM and its data; raises NdrError for any other reference."""
    reader = NdrReader(data)
    if (reader.u32(), reader.u32()) != (OBJREF_SIGNATURE, OBJREF_CUSTOM):
        raise NdrError("not a custom object reference")
    reader.guid()
    class_id = reader.guid()
    reader.take(8)
    return class_id, reader.take(reader.remaining())
