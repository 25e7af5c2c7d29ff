"""What IPCHService and its objects exchange: BSTRs, VARIANTs, object references. Pure.

Sources: [MS-OAUT] 2.2.23 (BSTR), 2.2.29 (VARIANT), [MS-DCOM] 2.2.18 (OBJREF), 2.2.21.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar
from uuid import UUID

from assist.remote_assistance.errors import BadAnswer
from assist.remote_assistance.ndr import USER_REFERENT, Reader, read_bstr, skip_orpc_that

SIGNATURE = b"MEOW"
STANDARD = 1  # OBJREF_STANDARD
VT_DISPATCH, VT_UNKNOWN = 9, 13
LARGEST_REFERENCE = 16_384  # bytes; one with the bindings of a hundred addresses has a third
Value = TypeVar("Value")


@dataclass(frozen=True)
class ObjectReference:
    """A standard object reference ([MS-DCOM] 2.2.18.4), without its bindings.

    Attributes:
        interface: What the pointer is of.
        public_references: How many it gives; all are to be released.
        oxid: The object exporter.
        ipid: 16 bytes.
    """

    interface: UUID
    public_references: int
    oxid: int
    ipid: bytes


@dataclass(frozen=True)
class Answer:
    """An HRESULT; what else came is None where it fails."""

    hresult: int
    value: object = None


def parse_object_reference(data: bytes) -> ObjectReference:
    """Reads an OBJREF of the standard kind.

    Raises:
        BadAnswer: It is none.
    """
    reader = Reader(data)
    if reader.take(4) != SIGNATURE or reader.u32() != STANDARD:
        raise BadAnswer("The computer sent an object in a form unknown.")
    interface = UUID(bytes_le=reader.take(16))
    reader.u32()
    public_references = reader.u32()
    oxid, _ = reader.u64(), reader.u64()
    return ObjectReference(interface, public_references & 0x7FFFFFFF, oxid, reader.take(16))


def read_interface_pointer(reader: Reader) -> bytes:
    """An MInterfacePointer ([MS-DCOM] 2.2.14)."""
    conformance = reader.count(1, LARGEST_REFERENCE)
    size = reader.u32()
    if size != conformance:
        raise BadAnswer("The computer sent an object whose lengths disagree.")
    return reader.take(size)


def pack_bstr(text: str) -> bytes:
    """A BSTR as generated code sends it: a user-marshalled FLAGGED_WORD_BLOB."""
    data = text.encode("utf-16-le")
    words = len(data) // 2
    head = struct.pack("<IIII", USER_REFERENT, words, len(data), words)
    return head + data + bytes(-len(data) % 4)


def pack_connection_parameters(user: str, domain: str, session_id: int, blob: str) -> bytes:
    """The arguments of RemoteConnectionParms ([MS-RAI] 3.1.4.1.1)."""
    return pack_bstr(user) + pack_bstr(domain) + struct.pack("<I", session_id) + pack_bstr(blob)


def user_help_blob(expert: str) -> str:
    r"""Who offers help, as bstrUserHelpBlob wants it ([MS-RAI] 3.1.4.1.1).

    Args:
        expert: As ``DOMAIN\\user``.
    """
    name = f"ID={expert}"
    return f"13;UNSOLICITED=1{len(name)};{name}"


def parse_text(stub: bytes) -> Answer:
    """The answer of a method that returns a BSTR."""
    return _answer(stub, lambda reader: read_bstr(reader) if reader.u32() else "")


def parse_number(stub: bytes) -> Answer:
    """The answer of a method that returns a 32-bit number."""
    return _answer(stub, lambda reader: reader.u32())


def parse_state(stub: bytes) -> Answer:
    """The answer of SessionState: an enumeration, which NDR sends in 16 bits."""
    return _answer(stub, lambda reader: reader.u16())


def parse_object(stub: bytes) -> Answer:
    """The answer of a method that returns an interface pointer; None for a null one."""
    return _answer(stub, _pointer)


def parse_item(stub: bytes) -> Answer:
    """The answer of IPCHCollection's Item: an object in a VARIANT; None for an empty one."""

    def variant(reader: Reader) -> ObjectReference | None:
        if not reader.u32():
            return None
        reader.align(8)
        reader.u32()  # clSize, in units of 8 bytes
        reader.u32()
        kind = reader.u16()
        reader.take(6)
        if reader.u32() != kind or kind not in (VT_DISPATCH, VT_UNKNOWN):
            raise BadAnswer("The computer's list of logon sessions holds something else.")
        return _pointer(reader)

    return _answer(stub, variant)


def _pointer(reader: Reader) -> ObjectReference | None:
    if not reader.u32():
        return None
    return parse_object_reference(read_interface_pointer(reader))


def _answer(stub: bytes, read: Callable[[Reader], object]) -> Answer:
    """Reads an answer whose last four bytes are its HRESULT; nothing else counts if it failed."""
    if len(stub) < 12:
        raise BadAnswer("The computer's answer ends too early.")
    hresult = int.from_bytes(stub[-4:], "little")
    if hresult & 0x80000000:
        return Answer(hresult)
    reader = Reader(stub)
    skip_orpc_that(reader)
    value = read(reader)
    if reader.u32() != hresult:
        raise BadAnswer("The computer's answer has parts that none has.")
    return Answer(hresult, value)


def pack_query_interface(ipid: bytes, interface: UUID) -> bytes:
    """The arguments of RemQueryInterface for one interface ([MS-DCOM] 3.1.1.5.6.1.1)."""
    return struct.pack("<16sIHxxI16s", ipid, 1, 1, 1, interface.bytes_le)


def parse_query_interface(stub: bytes) -> Answer:
    """The answer of RemQueryInterface: the number of references and the IPID."""

    def results(reader: Reader) -> tuple[int, bytes] | None:
        if not reader.u32() or reader.count(48) != 1:
            return None
        reader.align(8)
        hresult = reader.u32()
        reader.align(8)
        reader.u32()
        references = reader.u32()
        reader.take(16)
        ipid = reader.take(16)
        return None if hresult else (references & 0x7FFFFFFF, ipid)

    return _answer(stub, results)
