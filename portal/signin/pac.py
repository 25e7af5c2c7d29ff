"""Whose ticket it is, by the SID that the domain controller signed ([MS-PAC] 2.5)."""

from __future__ import annotations

import struct

HEADERS = 16  # of type serialization version 1, [MS-RPCE] 2.2.6
_STRINGS_BEFORE, _STRINGS_AFTER = 6, 2
_TIMES = 6 * 8
_REST = 8 + 4 + 4 + 8 + 8 + 4 + 4 + 4 + 4 + 4 + 4 + 4  # behind LogonDomainId
MOST_GROUPS = 10_000  # Windows refuses tokens of more than 1,015
MOST_SUB_AUTHORITIES = 15


class PacError(ValueError):
    """The bytes are no KERB_VALIDATION_INFO."""


class _Reader:
    """NDR, little-endian, of what follows the headers."""

    def __init__(self, data: bytes) -> None:
        self._data = memoryview(data)
        self._position = 0

    def take(self, count: int) -> bytes:
        end = self._position + count
        if end > len(self._data):
            raise PacError("cut short")
        taken = bytes(self._data[self._position : end])
        self._position = end
        return taken

    def number(self) -> int:
        self._position += -self._position % 4
        found: int = struct.unpack("<I", self.take(4))[0]
        return found

    def string_pointer(self) -> int:
        self.number()  # Length, MaximumLength
        return self.number()

    def skip_string(self) -> None:
        _, _, actual = self.number(), self.number(), self.number()
        self.take(2 * actual)


def parse_user_sid(data: bytes) -> str:
    """The account's SID in the KERB_VALIDATION_INFO of a PAC.

    Raises:
        PacError: The bytes are something else.
    """
    if len(data) < HEADERS or data[:4] != b"\x01\x10\x08\x00":
        raise PacError("not serialized as a PAC's parts are")
    reader = _Reader(data[HEADERS:])
    reader.number()  # the structure's own pointer
    reader.take(_TIMES)
    before = [reader.string_pointer() for _ in range(_STRINGS_BEFORE)]
    reader.number()  # LogonCount, BadPasswordCount
    user_id = reader.number()
    reader.number()  # PrimaryGroupId
    reader.number()  # GroupCount
    groups = reader.number()
    reader.take(4 + 16)  # UserFlags, UserSessionKey
    after = [reader.string_pointer() for _ in range(_STRINGS_AFTER)]
    domain = reader.number()
    reader.take(_REST)
    for pointer in before:
        if pointer:
            reader.skip_string()
    if groups:
        count = reader.number()
        if count > MOST_GROUPS:
            raise PacError("too many groups")
        reader.take(8 * count)
    for pointer in after:
        if pointer:
            reader.skip_string()
    if not domain:
        raise PacError("no domain SID")
    return f"{_sid(reader)}-{user_id}"


def _sid(reader: _Reader) -> str:
    """An RPC_SID ([MS-DTYP] 2.4.2.3)."""
    count = reader.number()
    revision, declared = reader.take(2)
    if revision != 1 or declared != count or count > MOST_SUB_AUTHORITIES:
        raise PacError("a SID that is none")
    authority = int.from_bytes(reader.take(6), "big")
    return "-".join(["S", "1", str(authority), *(str(reader.number()) for _ in range(count))])
