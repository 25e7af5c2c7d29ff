"""The activation properties BLOB ([MS-DCOM] 2.2.22), in and out."""

from __future__ import annotations

import struct
import uuid
from dataclasses import dataclass

from lab.windows import orpc
from lab.windows.ndr import NdrError, NdrReader, NdrWriter, deserialize_type, serialize_type


def _com(number: int) -> uuid.UUID:
    return uuid.UUID(f"{number:08x}-0000-0000-c000-000000000046")


CLSID_PROPERTIES_IN, IID_PROPERTIES_IN = _com(0x338), _com(0x1A2)
CLSID_PROPERTIES_OUT, IID_PROPERTIES_OUT = _com(0x339), _com(0x1A3)
CLSID_INSTANTIATION = _com(0x1AB)
CLSID_SPECIAL = _com(0x1B9)
CLSID_SCM_REPLY = _com(0x1B6)
NO_SESSION = 0xFFFFFFFF
DESTINATION_CONTEXT = 2  # MSHCTX_DIFFERENTMACHINE


@dataclass(frozen=True)
class ActivationRequest:
    """What a caller asks to be made. ``session_id`` is None when it named none."""

    class_id: uuid.UUID
    interfaces: tuple[uuid.UUID, ...]
    session_id: int | None


@dataclass(frozen=True)
class ActivationReply:
    """What was made.

    Attributes:
        interfaces: Interface ids with the object reference of each.
        oxid: The object exporter.
        bindings: Its packed DUALSTRINGARRAY.
        rem_unknown: IPID of its IRemUnknown.
        authentication_hint: The level the server suggests. Windows names a low one, and callers
            must not lower theirs to it.
        version: The computer's COM version.
    """

    interfaces: tuple[tuple[uuid.UUID, bytes], ...]
    oxid: int
    bindings: bytes
    rem_unknown: uuid.UUID
    authentication_hint: int
    version: tuple[int, int] = orpc.VERSION


def split_blob(blob: bytes) -> dict[uuid.UUID, bytes]:
    """The properties of an activation BLOB by their class.

    Raises:
        NdrError: the BLOB is malformed.
    """
    outer = NdrReader(blob)
    size = outer.u32()
    outer.u32()
    if size > outer.remaining():
        raise NdrError(f"activation BLOB of {outer.remaining()} bytes announces {size}")
    content = outer.take(outer.remaining())
    header = deserialize_type(content)
    header.u32()  # totalSize
    header_size = header.u32()
    header.u32()
    header.u32()
    count = header.u32()
    header.guid()
    class_pointer, size_pointer, _ = header.u32(), header.u32(), header.u32()
    if not class_pointer or not size_pointer:
        raise NdrError("activation BLOB without properties")
    if header.count(16) != count:
        raise NdrError("another number of classes than properties")
    classes = [header.guid() for _ in range(count)]
    if header.count(4) != count:
        raise NdrError("another number of sizes than properties")
    sizes = [header.u32() for _ in range(count)]
    rest = NdrReader(content[header_size:])
    return {class_id: rest.take(length) for class_id, length in zip(classes, sizes, strict=True)}


def parse_activation(blob: bytes) -> ActivationRequest:
    """Reads InstantiationInfoData and SpecialPropertiesData.

    Raises:
        NdrError: one is malformed, or the first is missing.
    """
    properties = split_blob(blob)
    if CLSID_INSTANTIATION not in properties:
        raise NdrError("no InstantiationInfoData")
    reader = deserialize_type(properties[CLSID_INSTANTIATION])
    class_id = reader.guid()
    for _ in range(3):
        reader.u32()  # classCtx, actvflags, fIsSurrogate
    count = reader.u32()
    reader.u32()  # instFlag
    pointer = reader.u32()
    reader.u32()  # thisSize
    reader.u32()  # clientCOMVersion
    if not pointer or reader.count(16) != count:
        raise NdrError("no interfaces asked for")
    interfaces = tuple(reader.guid() for _ in range(count))
    session_id = None
    if CLSID_SPECIAL in properties:
        special = deserialize_type(properties[CLSID_SPECIAL])
        number, is_named = special.u32(), special.i32()
        if is_named and number != NO_SESSION:
            session_id = number
    return ActivationRequest(class_id, interfaces, session_id)


def _pack_outputs(reply: ActivationReply) -> bytes:
    """PropsOutInfo ([MS-DCOM] 2.2.22.2.9)."""
    writer = NdrWriter()
    writer.u32(len(reply.interfaces))
    for _ in range(3):
        writer.pointer()
    writer.u32(len(reply.interfaces))
    for interface, _ in reply.interfaces:
        writer.guid(interface)
    writer.u32(len(reply.interfaces))
    for _ in reply.interfaces:
        writer.u32(0)
    writer.u32(len(reply.interfaces))
    for _ in reply.interfaces:
        writer.pointer()
    for _, reference in reply.interfaces:
        orpc.write_interface_pointer(writer, reference)
        writer.align(4)
    return writer.getvalue()


def _pack_scm_reply(reply: ActivationReply) -> bytes:
    """ScmReplyInfoData ([MS-DCOM] 2.2.22.2.8)."""
    writer = NdrWriter()
    writer.u32(0)
    writer.pointer()
    writer.u64(reply.oxid)
    writer.pointer()
    writer.guid(reply.rem_unknown)
    writer.u32(reply.authentication_hint)
    for number in reply.version:
        writer.u16(number)
    orpc.write_dual_string_array(writer, reply.bindings)
    return writer.getvalue()


def pack_blob(properties: list[tuple[uuid.UUID, bytes]]) -> bytes:
    """An activation BLOB of serialized properties."""
    sizes = [len(data) for _, data in properties]

    def header(header_size: int) -> bytes:
        writer = NdrWriter()
        writer.u32(header_size + sum(sizes))
        writer.u32(header_size)
        writer.u32(0)
        writer.u32(DESTINATION_CONTEXT)
        writer.u32(len(properties))
        writer.guid(uuid.UUID(int=0))
        writer.pointer()
        writer.pointer()
        writer.u32(0)
        writer.u32(len(properties))
        for class_id, _ in properties:
            writer.guid(class_id)
        writer.u32(len(properties))
        for size in sizes:
            writer.u32(size)
        return serialize_type(writer.getvalue())

    content = header(len(header(0))) + b"".join(data for _, data in properties)
    return struct.pack("<II", len(content), 0) + content


def pack_reply(reply: ActivationReply) -> bytes:
    """The object reference that RemoteCreateInstance returns."""
    blob = pack_blob(
        [  # in the order of Windows: public clients read them by position
            (CLSID_PROPERTIES_OUT, serialize_type(_pack_outputs(reply))),
            (CLSID_SCM_REPLY, serialize_type(_pack_scm_reply(reply))),
        ]
    )
    return orpc.pack_custom_objref(IID_PROPERTIES_OUT, CLSID_PROPERTIES_OUT, blob)
