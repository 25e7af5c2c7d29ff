"""Network Data Representation, little-endian, 32-bit pointers ([C706] chapter 14)."""

from __future__ import annotations

import struct
import uuid


class NdrError(ValueError):
    """The bytes are not what the interface definition asks for."""


class NdrReader:
    """Reads primitive values, each at its natural alignment from the start of the data."""

    def __init__(self, data: bytes | memoryview) -> None:
        self._data = memoryview(data)
        self.offset = 0

    def remaining(self) -> int:
        return len(self._data) - self.offset

    def align(self, size: int) -> None:
        self.offset += -self.offset % size

    def take(self, size: int) -> bytes:
        if size < 0 or self.remaining() < size:
            raise NdrError(f"{size} bytes wanted at {self.offset}, {self.remaining()} left")
        part = self._data[self.offset : self.offset + size]
        self.offset += size
        return bytes(part)

    def _number(self, form: str, size: int) -> int:
        self.align(size)
        return int(struct.unpack(form, self.take(size))[0])

    def u16(self) -> int:
        return self._number("<H", 2)

    def u32(self) -> int:
        return self._number("<I", 4)

    def i32(self) -> int:
        return self._number("<i", 4)

    def u64(self) -> int:
        return self._number("<Q", 8)

    def guid(self) -> uuid.UUID:
        self.align(4)
        return uuid.UUID(bytes_le=self.take(16))

    def count(self, element_size: int) -> int:
        """A conformance; raises NdrError when that many elements cannot follow."""
        number = self.u32()
        if number * element_size > self.remaining():
            raise NdrError(f"{number} elements of {element_size} bytes announced")
        return number

    def wide_string(self) -> str:
        """A conformant varying string of UTF-16, its terminating zero taken off."""
        maximum, offset, actual = self.u32(), self.u32(), self.u32()
        if offset != 0 or actual > maximum:
            raise NdrError(f"string of {actual} characters at {offset} in {maximum}")
        text = self.take(actual * 2).decode("utf-16-le", "replace")
        if not text.endswith("\0"):
            raise NdrError("string without its terminating zero")
        return text[:-1]


class NdrWriter:
    """Writes primitive values, each at its natural alignment; pointers get referent numbers."""

    def __init__(self) -> None:
        self._data = bytearray()
        self._referents = 0

    def getvalue(self) -> bytes:
        return bytes(self._data)

    def __len__(self) -> int:
        return len(self._data)

    def align(self, size: int) -> None:
        self._data += bytes(-len(self._data) % size)

    def raw(self, data: bytes) -> None:
        self._data += data

    def _number(self, form: str, size: int, value: int) -> None:
        self.align(size)
        self._data += struct.pack(form, value)

    def u16(self, value: int) -> None:
        self._number("<H", 2, value)

    def u32(self, value: int) -> None:
        self._number("<I", 4, value)

    def i32(self, value: int) -> None:
        self._number("<i", 4, value)

    def u64(self, value: int) -> None:
        self._number("<Q", 8, value)

    def guid(self, value: uuid.UUID) -> None:
        self.align(4)
        self._data += value.bytes_le

    def pointer(self) -> None:
        """The referent of a pointer that is not null; the caller writes what it points to."""
        self._referents += 1
        self.u32(0x00020000 + 4 * (self._referents - 1))

    def wide_string(self, text: str) -> None:
        data = (text + "\0").encode("utf-16-le")
        for number in (len(data) // 2, 0, len(data) // 2):
            self.u32(number)
        self.raw(data)


# [MS-RPCE] 2.2.6.1: version 1, little-endian.
SERIALIZATION_HEADER = bytes.fromhex("01100800cccccccc")


def serialize_type(body: bytes) -> bytes:
    """Type serialization version 1 ([MS-RPCE] 2.2.6): headers, and the body padded to 8 bytes."""
    body += bytes(-len(body) % 8)
    return SERIALIZATION_HEADER + struct.pack("<II", len(body), 0) + body


def deserialize_type(data: bytes | memoryview) -> NdrReader:
    """A reader of the body of a type serialization.

    Raises:
        NdrError: the headers are not those of version 1, or the body is cut short.
    """
    reader = NdrReader(data)
    if reader.take(4) != SERIALIZATION_HEADER[:4]:
        raise NdrError("not a type serialization of version 1")
    reader.take(4)
    length = reader.u32()
    reader.take(4)
    return NdrReader(reader.take(length))
