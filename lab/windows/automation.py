"""BSTR, VARIANT and interface pointers as results of calls ([MS-OAUT] 2.2.23, 2.2.29)."""

from __future__ import annotations

from lab.windows import orpc
from lab.windows.ndr import NdrError, NdrReader, NdrWriter
from lab.windows.safearray import USER_MARSHAL_PREFIX

VT_DISPATCH = 9


def read_text(reader: NdrReader) -> str:
    """A BSTR argument: user-marshalled, a FLAGGED_WORD_BLOB behind the referent.

    Raises:
        NdrError: it is null or malformed.
    """
    if not reader.u32():
        raise NdrError("null BSTR")
    conformance, size, characters = reader.u32(), reader.u32(), reader.u32()
    if conformance != characters or size != 2 * characters:
        raise NdrError(f"BSTR of {size} bytes in {conformance} and {characters} characters")
    return reader.take(size).decode("utf-16-le", "replace")


def write_text(writer: NdrWriter, text: str) -> None:
    data = text.encode("utf-16-le")
    for number in (USER_MARSHAL_PREFIX, len(data) // 2, len(data), len(data) // 2):
        writer.u32(number)
    writer.raw(data)
    writer.align(4)


def write_object(writer: NdrWriter, reference: bytes) -> None:
    """An interface pointer that is not null."""
    writer.pointer()
    orpc.write_interface_pointer(writer, reference)
    writer.align(4)


def write_object_variant(writer: NdrWriter, reference: bytes) -> None:
    """A VARIANT of type VT_DISPATCH: wireVARIANT begins at a multiple of eight."""
    writer.u32(USER_MARSHAL_PREFIX)
    writer.align(8)
    writer.u32((20 + 4 + 8 + len(reference) + 7) // 8)
    writer.u32(0)
    for number in (VT_DISPATCH, 0, 0, 0):
        writer.u16(number)
    writer.u32(VT_DISPATCH)
    write_object(writer, reference)
