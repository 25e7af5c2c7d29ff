"""The few NDR forms that IRASrv uses, as pure functions ([C706] chapter 14, [MS-OAUT] 2.2).

Every reader checks what is left before it takes.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from assist.remote_assistance.errors import BadAnswer

USER_REFERENT = 0x72657355  # "User": what a user-marshalled pointer carries as its referent
VT_BSTR = 8
SAFEARRAY_OF_BSTR = 0x0100 | 0x0080  # FADF_BSTR | FADF_HAVEVARTYPE
NULL_BSTR = 0xFFFFFFFF
MOST_CELLS = 1024
MOST_CHARACTERS = 65_536
COM_VERSION = (5, 7)


class Reader:
    """Takes little-endian values from a stub, aligned from its beginning."""

    def __init__(self, stub: bytes) -> None:
        self._stub = memoryview(stub)
        self._at = 0

    def peek_u32(self, skip: int = 0) -> int:
        """The 32-bit number ``skip`` bytes ahead, without taking it."""
        self._require(skip + 4)
        return int.from_bytes(self._stub[self._at + skip : self._at + skip + 4], "little")

    def align(self, to: int) -> None:
        padding = -self._at % to
        self._require(padding)
        self._at += padding

    def u16(self) -> int:
        self.align(2)
        return int.from_bytes(self.take(2), "little")

    def u32(self) -> int:
        self.align(4)
        return int.from_bytes(self.take(4), "little")

    def i32(self) -> int:
        self.align(4)
        return int.from_bytes(self.take(4), "little", signed=True)

    def u64(self) -> int:
        self.align(8)
        return int.from_bytes(self.take(8), "little")

    def count(self, size: int, most: int = MOST_CELLS) -> int:
        """A number of elements of that size, of which no more than ``most`` and all must follow."""
        number = self.u32()
        if number > most:
            raise BadAnswer(f"The computer announced {number} elements.")
        self._require(number * size)
        return number

    def rest(self) -> bytes:
        return self.take(len(self._stub) - self._at)

    def take(self, count: int) -> bytes:
        self._require(count)
        taken = bytes(self._stub[self._at : self._at + count])
        self._at += count
        return taken

    def text(self, characters: int) -> str:
        """UTF-16 text of that many code units."""
        if characters > MOST_CHARACTERS:
            raise BadAnswer(f"The computer sent a text of {characters} characters.")
        try:
            return self.take(2 * characters).decode("utf-16-le")
        except UnicodeDecodeError as error:
            raise BadAnswer("The computer sent a text that is not Unicode.") from error

    def _require(self, count: int) -> None:
        if count < 0 or self._at + count > len(self._stub):
            raise BadAnswer("The computer's answer ends too early.")


@dataclass(frozen=True)
class SessionInfo:
    """What GetSessionInfo answers: the cells that are not null, the count, the HRESULT."""

    texts: tuple[str, ...]
    count: int
    hresult: int


@dataclass(frozen=True)
class NoviceUserInfo:
    """What GetNoviceUserInfo answers."""

    text: str
    hresult: int


def pack_orpc_this(causality_id: UUID, version: tuple[int, int] = COM_VERSION) -> bytes:
    """ORPCTHIS ([MS-DCOM] 2.2.13.3) without extensions."""
    return struct.pack("<HHII16sI", *version, 0, 0, causality_id.bytes_le, 0)


def skip_orpc_that(reader: Reader) -> None:
    """Takes ORPCTHAT ([MS-DCOM] 2.2.13.4) and whatever extensions it carries."""
    reader.u32()
    if not reader.u32():
        return
    size = reader.u32()
    reader.u32()
    if not reader.u32():
        return
    pointers = reader.u32()
    if pointers > MOST_CELLS or size > MOST_CELLS:
        raise BadAnswer("The computer's answer carries too many extensions.")
    present = [reader.u32() for _ in range(pointers)]
    for referent in present:
        if referent:
            length = reader.u32()
            reader.take(16)
            reader.u32()
            reader.take(length)
            reader.align(4)


def pack_session_info(cells: int, *, referents: int) -> bytes:
    """The arguments of GetSessionInfo: an array of null cells and their count.

    Args:
        cells: How many cells the caller provides.
        referents: 2 as MIDL generates it (user-marshalled LPSAFEARRAY inside a pointer), 1 as
            [MS-OAUT] 2.2.30 reads literally.
    """
    head = struct.pack("<II", USER_REFERENT, 1) if referents == 2 else struct.pack("<I", 0x20000)
    body = struct.pack("<IHHIIII", 1, 1, SAFEARRAY_OF_BSTR, 4, VT_BSTR << 16, VT_BSTR, cells)
    body += struct.pack("<IIi", 0x20004, cells, 0)  # the cells' array, one bound from 0
    body += struct.pack("<I", cells) + bytes(4 * cells)
    return head + body + struct.pack("<i", cells)


def parse_session_info(stub: bytes) -> SessionInfo:
    """Reads GetSessionInfo's answer, in either form of the array.

    Args:
        stub: The response's stub, ORPCTHAT included.

    Raises:
        BadAnswer: It is not such an answer.
    """
    reader = Reader(stub)
    skip_orpc_that(reader)
    texts = _safearray_of_bstr(reader)
    count = reader.u32()
    return SessionInfo(tuple(text for text in texts if text), count, reader.u32())


def _safearray_of_bstr(reader: Reader) -> list[str]:
    if not reader.u32():
        return []
    # What follows the first referent is zero only where it is a second one, of no array at all.
    if not reader.peek_u32():
        reader.u32()
        return []
    # Two referents: the number of dimensions alone comes eight bytes in. One: dimensions and
    # features share that place, and features are never zero.
    if reader.peek_u32(4) == 1:
        reader.u32()
    if reader.u32() != 1 or reader.u16() != 1:
        raise BadAnswer("The computer sent an array that has not one dimension.")
    reader.u16()
    reader.u32()
    reader.u32()
    if reader.u32() != VT_BSTR:
        raise BadAnswer("The computer sent an array that does not hold strings.")
    size = reader.u32()
    referent = reader.u32()
    reader.u32()
    reader.u32()
    if not referent:
        return []
    if reader.u32() != size or size > MOST_CELLS:
        raise BadAnswer(f"The computer sent an array of {size} cells.")
    return [read_bstr(reader) for referent in [reader.u32() for _ in range(size)] if referent]


def read_bstr(reader: Reader) -> str:
    """A FLAGGED_WORD_BLOB ([MS-OAUT] 2.2.23.1)."""
    most = reader.u32()
    in_bytes = reader.u32()
    length = reader.u32()
    if most != length:
        raise BadAnswer("The computer sent a string whose lengths disagree.")
    text = reader.text(length)
    reader.align(4)
    return "" if in_bytes == NULL_BSTR else text.rstrip("\0")


def pack_novice_user_info() -> bytes:
    """The argument of GetNoviceUserInfo: an empty text, because null may bring E_POINTER."""
    return struct.pack("<IIIIH", 0x20000, 1, 0, 1, 0)


def parse_novice_user_info(stub: bytes) -> NoviceUserInfo:
    """Reads GetNoviceUserInfo's answer.

    Raises:
        BadAnswer: It is not such an answer.
    """
    reader = Reader(stub)
    skip_orpc_that(reader)
    text = ""
    if reader.u32():
        most, offset, length = reader.u32(), reader.u32(), reader.u32()
        if offset or length > most:
            raise BadAnswer("The computer sent a string whose lengths disagree.")
        text = reader.text(length).rstrip("\0")
    return NoviceUserInfo(text, reader.u32())


def pack_release(references: Sequence[tuple[bytes, int]]) -> bytes:
    """The arguments of RemRelease ([MS-DCOM] 3.1.1.5.6.1.3).

    Args:
        references: IPIDs, each with the number of public references that are given back.
    """
    head = struct.pack("<HxxI", len(references), len(references))
    return head + b"".join(struct.pack("<16sii", ipid, count, 0) for ipid, count in references)
