"""Slices DER, looking before each slice: what comes in a browser's header is anybody's."""

from __future__ import annotations

from collections.abc import Iterator

MOST_LENGTH_BYTES = 4


class DerError(ValueError):
    """The bytes are not the DER that was expected."""


def content(data: bytes, tag: int) -> bytes:
    """The content of the one element that ``data`` is.

    Raises:
        DerError: It has another tag, or is cut short, or something follows.
    """
    found, inside, end = _element(data, 0)
    if found != tag or end != len(data):
        raise DerError(f"expected one element 0x{tag:02X}, found 0x{found:02X}")
    return inside


def elements(data: bytes) -> Iterator[tuple[int, bytes, bytes]]:
    """Tag, content and the whole of each element in the content of a constructed one."""
    position = 0
    while position < len(data):
        tag, inside, end = _element(data, position)
        yield tag, inside, data[position:end]
        position = end


def parts(data: bytes, tag: int) -> dict[int, bytes]:
    """The content of each element in the one element ``data``, by tag; of equals the last."""
    return {found: inside for found, inside, _ in elements(content(data, tag))}


def part(found: dict[int, bytes], tag: int) -> bytes:
    """One of :func:`parts`.

    Raises:
        DerError: There is none.
    """
    if tag not in found:
        raise DerError(f"no element 0x{tag:02X}")
    return found[tag]


def _element(data: bytes, position: int) -> tuple[int, bytes, int]:
    header = data[position : position + 2]
    if len(header) < 2:
        raise DerError("cut short")
    tag, length = header
    position += 2
    if length & 0x80:
        count = length & 0x7F
        if not 1 <= count <= MOST_LENGTH_BYTES or position + count > len(data):
            raise DerError("a length that is none")
        length = int.from_bytes(data[position : position + count], "big")
        position += count
    end = position + length
    if end > len(data):
        raise DerError("cut short")
    return tag, data[position:end], end
