"""Values in BinXml as canonical text ([MS-EVEN6] 2.2.12.3, 3.1.4.7.3)."""

from __future__ import annotations

import struct
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from assist.remote_assistance.errors import BadAnswer

NULL, STRING, ANSI = 0x00, 0x01, 0x02
_EPOCH = datetime(1601, 1, 1, tzinfo=UTC)


def render(kind: int, data: bytes) -> str:
    """A value as canonical text.

    Raises:
        BadAnswer: Its length is not one that its type has.
    """
    if kind == NULL:
        return ""
    if kind == STRING:
        return data.decode("utf-16-le", "replace").rstrip("\0")
    if kind == ANSI:
        return data.decode("cp1252", "replace").rstrip("\0")
    known = _TYPES.get(kind)
    if known is None:
        return data.hex()  # a type of later versions is shown, not refused
    sizes, text_of = known
    if sizes and len(data) not in sizes:
        raise BadAnswer(f"The computer sent a value of type 0x{kind:02X} in {len(data)} bytes.")
    return text_of(data)


def members_of(kind: int, data: bytes) -> list[bytes]:
    """The members of an array (3.1.4.7.5)."""
    if kind in (STRING, ANSI):
        width = 2 if kind == STRING else 1
        found, start = [], 0
        for at in range(0, len(data) - width + 1, width):
            if data[at : at + width] == bytes(width):
                found.append(data[start:at])
                start = at + width
        if start < len(data):
            found.append(data[start:])
        return found
    if kind == 0x13:
        return _sids(data)
    known = _TYPES.get(kind)
    if known is None or not known[0]:
        raise BadAnswer(f"The computer sent an array of type 0x{kind:02X}.")
    size = max(known[0]) if kind != 0x0D else 1
    if len(data) % size:
        raise BadAnswer(f"The computer sent an array of type 0x{kind:02X} that is cut short.")
    return [data[at : at + size] for at in range(0, len(data), size)]


def _sids(data: bytes) -> list[bytes]:
    found, at = [], 0
    while at < len(data):
        if at + 8 > len(data):
            raise BadAnswer("The computer sent a SID that is cut short.")
        size = 8 + 4 * data[at + 1]
        found.append(data[at : at + size])
        at += size
    return found


def _signed(data: bytes) -> str:
    return str(int.from_bytes(data, "little", signed=True))


def _unsigned(data: bytes) -> str:
    return str(int.from_bytes(data, "little"))


def _hexadecimal(data: bytes) -> str:
    return f"0x{int.from_bytes(data, 'little'):x}"


def _real(data: bytes) -> str:
    return str(struct.unpack("<f" if len(data) == 4 else "<d", data)[0])


def _boolean(data: bytes) -> str:
    return "true" if any(data) else "false"


def _guid(data: bytes) -> str:
    return f"{{{uuid.UUID(bytes_le=data)}}}"


def _filetime(data: bytes) -> str:
    """With all seven digits that Windows counts: they tell records apart."""
    ticks = int.from_bytes(data, "little")
    try:
        moment = _EPOCH + timedelta(microseconds=ticks // 10)
    except OverflowError:
        raise BadAnswer("The computer sent a time that no calendar has.") from None
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{ticks % 10_000_000:07d}Z"


def _systemtime(data: bytes) -> str:
    year, month, _, day, hour, minute, second, milliseconds = struct.unpack("<8H", data)
    return (
        f"{year:04d}-{month:02d}-{day:02d}T{hour:02d}:{minute:02d}:{second:02d}.{milliseconds:03d}Z"
    )


def _sid(data: bytes) -> str:
    """[MS-DTYP] 2.4.2.2"""
    if len(data) < 8 or len(data) < 8 + 4 * data[1] or data[1] > 15:
        raise BadAnswer("The computer sent a SID that is cut short.")
    parts = struct.unpack_from(f"<{data[1]}I", data, 8)
    return "-".join(["S", str(data[0]), str(int.from_bytes(data[2:8], "big")), *map(str, parts)])


# By ValueType: the sizes it comes in, empty for any, and how it is written.
_TYPES: dict[int, tuple[tuple[int, ...], Callable[[bytes], str]]] = {
    0x03: ((1,), _signed),
    0x04: ((1,), _unsigned),
    0x05: ((2,), _signed),
    0x06: ((2,), _unsigned),
    0x07: ((4,), _signed),
    0x08: ((4,), _unsigned),
    0x09: ((8,), _signed),
    0x0A: ((8,), _unsigned),
    0x0B: ((4,), _real),
    0x0C: ((8,), _real),
    0x0D: ((1, 4), _boolean),  # the specification has one byte, Windows' own structures four
    0x0E: ((), bytes.hex),
    0x0F: ((16,), _guid),
    0x10: ((4, 8), _hexadecimal),
    0x11: ((8,), _filetime),
    0x12: ((16,), _systemtime),
    0x13: ((), _sid),
    0x14: ((4,), _hexadecimal),
    0x15: ((8,), _hexadecimal),
}
