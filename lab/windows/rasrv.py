"""IRASrv ([MS-RAI] 3.3.4.1): who is logged on, and start Remote Assistance there."""

from __future__ import annotations

import uuid

from lab.windows import orpc, results
from lab.windows.ndr import NdrReader, NdrWriter
from lab.windows.safearray import TextArray, read_array_pointer, write_array_pointer

CLSID_RASRV = uuid.UUID("3C3A70A7-A468-49B9-8ADA-28E11FCCAD5D")
IID_IRASRV = uuid.UUID("F120A684-B926-447F-9DF4-C966CB785648")
GET_NOVICE_USER_INFO, GET_SESSION_INFO = 7, 8


def read_session_info_request(stub: bytes, *, two_referents: bool) -> TextArray | None:
    """The array the caller brought; None for a null pointer.

    Raises:
        NdrError: the pointer has the other form, or something is malformed.
    """
    reader = NdrReader(stub)
    orpc.read_orpcthis(reader)
    array = read_array_pointer(reader, two_referents=two_referents)
    reader.u32()  # Count as the caller had it
    return array


def fill_cells(names: list[str], capacity: int) -> tuple[tuple[str | None, ...], int]:
    """Puts names into cells with a null one before each; returns the cells and Count.

    Callers must skip null cells ([MS-RAI] 3.3.4.1.2). Count reaches past the last name.
    """
    cells: list[str | None] = []
    for name in names:
        cells += [None, name]
    count = len(cells)
    return tuple(cells + [None] * (capacity - count)), count


def pack_session_info(
    array: TextArray | None, count: int, result: int, *, two_referents: bool
) -> bytes:
    writer = NdrWriter()
    orpc.write_orpcthat(writer)
    write_array_pointer(writer, array, two_referents=two_referents)
    writer.u32(count)
    writer.u32(result)
    return writer.getvalue()


def read_novice_user_info_request(stub: bytes) -> str | None:
    """The text the caller brought in szName; None for a null pointer."""
    reader = NdrReader(stub)
    orpc.read_orpcthis(reader)
    return reader.wide_string() if reader.u32() else None


def pack_novice_user_info(connection_string: str | None, result: int = results.S_OK) -> bytes:
    writer = NdrWriter()
    orpc.write_orpcthat(writer)
    if connection_string is None:
        writer.u32(0)
    else:
        writer.pointer()
        writer.wide_string(connection_string)
        writer.align(4)
    writer.u32(result)
    return writer.getvalue()
