"""What an activation answers, read with every length looked at first. Pure.

[MS-DCOM] 3.1.2.5.2.3.3 (RemoteCreateInstance), 2.2.22 (activation properties BLOB).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from uuid import UUID

from assist.remote_assistance.automation import (
    LARGEST_REFERENCE,
    SIGNATURE,
    ObjectReference,
    parse_object_reference,
    read_interface_pointer,
)
from assist.remote_assistance.errors import BadAnswer
from assist.remote_assistance.ndr import Reader, skip_orpc_that

TCP = 7  # protocol sequence ncacn_ip_tcp in a binding
CUSTOM = 4  # OBJREF_CUSTOM
MOST_PROPERTIES = 16  # the specification knows eight
MOST_WORDS = LARGEST_REFERENCE // 2  # of an array of bindings
LARGEST_BLOB = 4 * LARGEST_REFERENCE
SCM_REPLY = UUID("000001b6-0000-0000-c000-000000000046")
PROPERTIES_OUT = UUID("00000339-0000-0000-c000-000000000046")
_PORT = re.compile(r"\[(\d{1,5})\]\Z")


@dataclass(frozen=True)
class ActivationReply:
    """What was made and where it is.

    Attributes:
        hresult: Of the activation; where it failed nothing else is set.
        reference: The interface pointer.
        remote_unknown: The IPID of the exporter's IRemUnknown.
        port: The exporter's TCP port. Only the port is taken: the address that is called stays
            the one that the directory gave, so that a hostile computer cannot send the portal
            elsewhere.
        version: The computer's COM version.
    """

    hresult: int
    reference: ObjectReference | None = None
    remote_unknown: bytes = b""
    port: int = 0
    version: tuple[int, int] = (5, 7)


def parse_activation_reply(stub: bytes) -> ActivationReply:
    """Reads RemoteCreateInstance's answer.

    Raises:
        BadAnswer: It is not such an answer.
    """
    if len(stub) < 16:
        raise BadAnswer("The computer's answer ends too early.")
    hresult = int.from_bytes(stub[-4:], "little")
    if hresult:
        return ActivationReply(hresult)
    reader = Reader(stub)
    skip_orpc_that(reader)
    if not reader.u32():
        raise BadAnswer("The computer made no object and calls that success.")
    size = reader.count(1, LARGEST_BLOB)
    reader.u32()
    properties = _properties(_custom(reader.take(size)))
    if SCM_REPLY not in properties or PROPERTIES_OUT not in properties:
        raise BadAnswer("The computer does not say where the object is.")
    made, reference = _outputs(_body(properties[PROPERTIES_OUT]))
    if made:
        return ActivationReply(made)
    remote_unknown, version, port = _scm_reply(_body(properties[SCM_REPLY]))
    return ActivationReply(0, reference, remote_unknown, port, version)


def _custom(data: bytes) -> bytes:
    """The data of an OBJREF_CUSTOM ([MS-DCOM] 2.2.18.6)."""
    reader = Reader(data)
    if reader.take(4) != SIGNATURE or reader.u32() != CUSTOM:
        raise BadAnswer("The computer sent an activation in a form unknown.")
    reader.take(16 + 16 + 4 + 4)
    return reader.rest()


def _body(data: bytes) -> Reader:
    """What follows the two headers of a type serialization ([MS-RPCE] 2.2.6)."""
    reader = Reader(data)
    if reader.take(2) != b"\x01\x10":
        raise BadAnswer("The computer sent a property in a form unknown.")
    reader.take(6)
    size = reader.count(1, LARGEST_BLOB)
    reader.u32()
    return Reader(reader.take(size))


def _properties(blob: bytes) -> dict[UUID, bytes]:
    outer = Reader(blob)
    outer.take(8)
    content = outer.rest()
    header = _body(content)
    header.u32()  # totalSize
    header_size = header.u32()
    header.take(8)
    count = header.u32()
    header.take(16)
    if not header.u32() or not header.u32():
        raise BadAnswer("The computer sent an activation without properties.")
    header.u32()
    if header.count(16, MOST_PROPERTIES) != count:
        raise BadAnswer("The computer's activation contradicts itself.")
    classes = [UUID(bytes_le=header.take(16)) for _ in range(count)]
    if header.count(4, MOST_PROPERTIES) != count:
        raise BadAnswer("The computer's activation contradicts itself.")
    sizes = [header.u32() for _ in range(count)]
    data = Reader(content)
    data.take(header_size)
    return {class_id: data.take(size) for class_id, size in zip(classes, sizes, strict=True)}


def _outputs(reader: Reader) -> tuple[int, ObjectReference | None]:
    """PropsOutInfo ([MS-DCOM] 2.2.22.2.9): the result and the pointer of the one interface."""
    count = reader.u32()
    pointers = [reader.u32() for _ in range(3)]
    if count != 1 or not all(pointers):
        raise BadAnswer("The computer made another number of interfaces than was asked for.")
    if reader.count(16) != count:
        raise BadAnswer("The computer's activation contradicts itself.")
    reader.take(16)
    if reader.count(4) != count:
        raise BadAnswer("The computer's activation contradicts itself.")
    hresult = reader.u32()
    if hresult:
        return hresult, None
    if reader.count(4) != count or not reader.u32():
        raise BadAnswer("The computer made no interface and calls that success.")
    return 0, parse_object_reference(read_interface_pointer(reader))


def _scm_reply(reader: Reader) -> tuple[bytes, tuple[int, int], int]:
    """ScmReplyInfoData ([MS-DCOM] 2.2.22.2.8): IRemUnknown, version, port of the exporter."""
    reader.u32()
    if not reader.u32():
        raise BadAnswer("The computer does not say where the object is.")
    reader.u64()  # OXID, which the reference has too
    has_bindings = reader.u32()
    remote_unknown = reader.take(16)
    reader.u32()  # authnHint: a low one must not lower the level
    version = (reader.u16(), reader.u16())
    if not has_bindings:
        raise BadAnswer("The computer names no TCP port for the object.")
    words = reader.count(2, MOST_WORDS)
    entries, security = reader.u16(), reader.u16()
    if entries != words or security > entries:
        raise BadAnswer("The computer's list of bindings contradicts itself.")
    return remote_unknown, version, _port(reader.take(2 * security))


def _port(bindings: bytes) -> int:
    for entry in bindings.decode("utf-16-le", errors="replace").split("\0"):
        if entry and ord(entry[0]) == TCP and (match := _PORT.search(entry)):
            port = int(match[1])
            if 0 < port < 65_536:
                return port
    raise BadAnswer("The computer names no TCP port for the object.")
