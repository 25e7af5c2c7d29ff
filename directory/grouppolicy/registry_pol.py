"""Registry.pol: the registry settings of a Group Policy object ([MS-GPREG] 2.2.1).

A header (``PReg``, version 1), then entries ``[key;value;type;size;data]`` in UTF-16LE, in the
order in which Windows carries them out.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass

from directory.errors import PortalError

SIGNATURE = b"PReg"
VERSION = 1
# Windows writes Registry.pol files of a few hundred KB even with every administrative template
# set; a domain controller's owner could still offer anything.
MAXIMUM_FILE_BYTES = 8 * 1024 * 1024
MAXIMUM_NAME_CHARACTERS = 32767  # longer names cannot exist in the registry

REG_SZ = 1
REG_EXPAND_SZ = 2
REG_DWORD = 4

_OPEN = "[".encode("utf-16-le")
_SEPARATOR = ";".encode("utf-16-le")
_CLOSE = "]".encode("utf-16-le")
_NUL = b"\x00\x00"


class MalformedRegistryPolicy(PortalError):
    """The bytes are not a Registry.pol file."""

    code = "malformed_registry_policy"
    status = 502


@dataclass(frozen=True)
class RegistryPolicyEntry:
    """One instruction.

    Attributes:
        key: Below HKEY_LOCAL_MACHINE, in the file's own spelling; compare without case.
        name: Of the value, or an instruction such as ``**delvals.``.
        type: Registry type, ``REG_SZ`` ...; unknown numbers are kept.
        data: Raw.
    """

    key: str
    name: str
    type: int
    data: bytes

    @property
    def dword(self) -> int | None:
        """Its number, or None when it is not a REG_DWORD of four bytes."""
        if self.type != REG_DWORD or len(self.data) != 4:
            return None
        return int(struct.unpack("<I", self.data)[0])

    @property
    def text(self) -> str | None:
        """Its text without the closing NUL, or None when it is not one."""
        if self.type not in (REG_SZ, REG_EXPAND_SZ) or len(self.data) % 2:
            return None
        try:
            return self.data.decode("utf-16-le").removesuffix("\x00")
        except UnicodeDecodeError:
            return None


def parse_registry_policy(raw: bytes) -> tuple[RegistryPolicyEntry, ...]:
    """The entries of a Registry.pol file, in order.

    Args:
        raw: The whole file.

    Raises:
        MalformedRegistryPolicy: Wrong header, a length that does not fit, a missing mark.
    """
    if len(raw) > MAXIMUM_FILE_BYTES:
        raise MalformedRegistryPolicy("Registry.pol is larger than any real one.")
    if len(raw) < 8 or raw[:4] != SIGNATURE:
        raise MalformedRegistryPolicy("Registry.pol does not begin with its signature.")
    if struct.unpack_from("<I", raw, 4)[0] != VERSION:
        raise MalformedRegistryPolicy("Registry.pol has an unknown version.")
    reader = _Reader(raw, 8)
    entries = []
    while not reader.at_end:
        entries.append(reader.entry())
    return tuple(entries)


def write_registry_policy(entries: Iterable[RegistryPolicyEntry]) -> bytes:
    """A Registry.pol file with these entries; what :func:`parse_registry_policy` reads."""
    parts = [SIGNATURE, struct.pack("<I", VERSION)]
    for entry in entries:
        fields = (
            f"{entry.key}\0".encode("utf-16-le"),
            f"{entry.name}\0".encode("utf-16-le"),
            struct.pack("<I", entry.type),
            struct.pack("<I", len(entry.data)),
            entry.data,
        )
        parts += [_OPEN, _SEPARATOR.join(fields), _CLOSE]
    return b"".join(parts)


class _Reader:
    def __init__(self, raw: bytes, position: int) -> None:
        self._raw = raw
        self._position = position

    @property
    def at_end(self) -> bool:
        return self._position == len(self._raw)

    def entry(self) -> RegistryPolicyEntry:
        self._expect(_OPEN)
        key = self._name()
        self._expect(_SEPARATOR)
        name = self._name()
        self._expect(_SEPARATOR)
        kind = self._number()
        self._expect(_SEPARATOR)
        size = self._number()
        self._expect(_SEPARATOR)
        data = self._take(size)
        self._expect(_CLOSE)
        return RegistryPolicyEntry(key, name, kind, data)

    def _take(self, count: int) -> bytes:
        if count > len(self._raw) - self._position:
            raise MalformedRegistryPolicy("Registry.pol ends in the middle of an entry.")
        taken = self._raw[self._position : self._position + count]
        self._position += count
        return taken

    def _expect(self, mark: bytes) -> None:
        if self._take(len(mark)) != mark:
            raise MalformedRegistryPolicy("Registry.pol has a mark where none may be.")

    def _number(self) -> int:
        return int(struct.unpack("<I", self._take(4))[0])

    def _name(self) -> str:
        # A name ends with NUL; the search goes by code units so that it cannot stop in between.
        start = self._position
        end = start
        while True:
            if end - start > 2 * MAXIMUM_NAME_CHARACTERS:
                raise MalformedRegistryPolicy("Registry.pol has a name without an end.")
            if self._raw[end : end + 2] == _NUL:
                break
            if end + 2 > len(self._raw):
                raise MalformedRegistryPolicy("Registry.pol ends in the middle of a name.")
            end += 2
        self._position = end + 2
        try:
            return self._raw[start:end].decode("utf-16-le")
        except UnicodeDecodeError as error:
            raise MalformedRegistryPolicy("Registry.pol has a name that is not text.") from error
