"""SAFEARRAY(BSTR)* on the wire ([MS-OAUT] 2.2.30, 2.2.23).

How the pointer begins is the one thing the specification and generated code may see differently:
read literally it is one referent; code that MIDL makes marshals LPSAFEARRAY as a user type and
puts 0x72657355 ("User") before it. A computer takes one form and calls the other bad stub data.
"""

from __future__ import annotations

from dataclasses import dataclass

from lab.windows.ndr import NdrError, NdrReader, NdrWriter

USER_MARSHAL_PREFIX = 0x72657355
FADF_BSTR, FADF_HAVEVARTYPE = 0x0100, 0x0080
VT_BSTR = SF_BSTR = 8
NULL_BSTR = 0xFFFFFFFF
MOST_CELLS = 4096


@dataclass(frozen=True)
class TextArray:
    """A vector of BSTRs; a cell may be null."""

    cells: tuple[str | None, ...]
    features: int = FADF_BSTR | FADF_HAVEVARTYPE
    element_size: int = 4
    lower_bound: int = 0


def read_array_pointer(reader: NdrReader, *, two_referents: bool) -> TextArray | None:
    """Reads one, in the one form that is taken.

    Args:
        reader: Stands where the pointer begins.
        two_referents: Whether "User" must come before the array's own referent.

    Returns:
        The array; None for a null pointer.

    Raises:
        NdrError: it has the other form or is malformed.
    """
    first = reader.u32()
    if two_referents:
        if first == 0:
            return None
        if first != USER_MARSHAL_PREFIX:
            raise NdrError("one referent, two expected")
        if reader.u32() == 0:
            return None
    elif first == 0:
        return None
    return _read_array(reader)


def _read_array(reader: NdrReader) -> TextArray:
    conformance = reader.u32()
    dimensions, features = reader.u16(), reader.u16()
    if (conformance, dimensions) != (1, 1):
        raise NdrError(f"{conformance} and {dimensions} dimensions, one expected")
    if not features & FADF_BSTR:
        raise NdrError(f"features {features:#x} are not those of BSTRs")
    element_size, locks, kind = reader.u32(), reader.u32(), reader.u32()
    if element_size not in (4, 8) or kind != SF_BSTR:
        raise NdrError(f"elements of kind {kind} and {element_size} bytes")
    if features & FADF_HAVEVARTYPE and locks >> 16 != VT_BSTR:
        raise NdrError(f"element type {locks >> 16} in cLocks")
    size, pointer = reader.u32(), reader.u32()
    if not pointer:
        raise NdrError("array of BSTRs is null")
    cells, lower_bound = reader.u32(), reader.i32()
    count = reader.u32()
    if not size == cells == count or count > MOST_CELLS:
        raise NdrError(f"{size}, {cells} and {count} cells")
    present = [reader.u32() for _ in range(count)]
    return TextArray(
        tuple(_read_text(reader) if pointer else None for pointer in present),
        features,
        element_size,
        lower_bound,
    )


def _read_text(reader: NdrReader) -> str | None:
    """FLAGGED_WORD_BLOB ([MS-OAUT] 2.2.23.1)."""
    conformance, size, characters = reader.u32(), reader.u32(), reader.u32()
    if conformance != characters:
        raise NdrError(f"text of {conformance} and {characters} characters")
    data = reader.take(characters * 2)
    if size == NULL_BSTR:
        return None
    if size != len(data):
        raise NdrError(f"text of {size} bytes in {characters} characters")
    return data.decode("utf-16-le", "replace")


def write_array_pointer(writer: NdrWriter, array: TextArray | None, *, two_referents: bool) -> None:
    """Writes one in the form that is taken."""
    if array is None:
        writer.u32(0)
        return
    if two_referents:
        writer.u32(USER_MARSHAL_PREFIX)
        writer.u32(1)
    else:
        writer.pointer()
    writer.u32(1)
    writer.u16(1)
    writer.u16(array.features | FADF_BSTR)
    writer.u32(array.element_size)
    writer.u32(VT_BSTR << 16 if array.features & FADF_HAVEVARTYPE else 0)
    writer.u32(SF_BSTR)
    writer.u32(len(array.cells))
    writer.pointer()
    writer.u32(len(array.cells))
    writer.i32(array.lower_bound)
    writer.u32(len(array.cells))
    for cell in array.cells:
        if cell is None:
            writer.u32(0)
        else:
            writer.pointer()
    for cell in array.cells:
        if cell is not None:
            data = cell.encode("utf-16-le")
            writer.u32(len(data) // 2)
            writer.u32(len(data))
            writer.u32(len(data) // 2)
            writer.raw(data)
    writer.align(4)
