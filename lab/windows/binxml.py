"""Encodes events as BinXml ([MS-EVEN6] 2.2.12): tokens of XML, templates and their values."""

from __future__ import annotations

import struct
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

FRAGMENT_HEADER = bytes.fromhex("0f010100")  # version 1.1, no flags
END_OF_FRAGMENT = b"\x00"
OPEN_START, CLOSE_START, CLOSE_EMPTY, END_ELEMENT = 0x01, 0x02, 0x03, 0x04
VALUE_TEXT, ATTRIBUTE, CHARACTER_REFERENCE, ENTITY_REFERENCE = 0x05, 0x06, 0x08, 0x09
TEMPLATE_INSTANCE, NORMAL_SUBSTITUTION, OPTIONAL_SUBSTITUTION = 0x0C, 0x0D, 0x0E
MORE = 0x40
NO_DEPENDENCY = 0xFFFF
EPOCH = datetime(1601, 1, 1, tzinfo=UTC)

NULL, STRING, UINT8, UINT16, UINT32, UINT64 = 0x00, 0x01, 0x04, 0x06, 0x08, 0x0A
GUID, FILETIME, SID, HEX_INT64, BINXML = 0x0F, 0x11, 0x13, 0x15, 0x21


@dataclass(frozen=True)
class Text:
    """Character data."""

    text: str


@dataclass(frozen=True)
class EntityReference:
    """``&name;``"""

    name: str


@dataclass(frozen=True)
class CharacterReference:
    """``&#number;``"""

    number: int


@dataclass(frozen=True)
class Substitution:
    """The place of a template's value; an optional one takes its element along when null."""

    index: int
    value_type: int
    is_optional: bool = True


Data = Text | EntityReference | CharacterReference | Substitution


@dataclass(frozen=True)
class Element:
    """An element, of a template's definition or not.

    Attributes:
        dependency: In a template: the value without which the element is left out.
    """

    name: str
    attributes: tuple[tuple[str, tuple[Data, ...]], ...] = ()
    content: tuple[Element | Data, ...] = ()
    dependency: int = NO_DEPENDENCY


@dataclass(frozen=True)
class Value:
    """A value of a template instance, as its bytes."""

    value_type: int
    data: bytes


def name_hash(name: str) -> int:
    """The low 16 bits of the hash that 2.2.12 gives under NameHash."""
    result = 0
    for unit in struct.unpack(f"<{len(name)}H", name.encode("utf-16-le")):
        result = result * 65599 + unit
    return result & 0xFFFF


def _name(name: str) -> bytes:
    return struct.pack("<HH", name_hash(name), len(name)) + name.encode("utf-16-le") + bytes(2)


def _data(items: Sequence[Element | Data], is_template: bool) -> bytes:
    """Content, or the data of an attribute. Text, references tell whether more of them follow."""
    encoded = b""
    for index, item in enumerate(items):
        following = items[index + 1] if index + 1 < len(items) else None
        more = 0 if following is None or isinstance(following, Element) else MORE
        match item:
            case Element():
                encoded += _element(item, is_template)
            case Text(text):
                units = text.encode("utf-16-le")
                head = struct.pack("<BBH", VALUE_TEXT | more, STRING, len(units) // 2)
                encoded += head + units
            case EntityReference(name):
                encoded += bytes([ENTITY_REFERENCE | more]) + _name(name)
            case CharacterReference(number):
                encoded += struct.pack("<BH", CHARACTER_REFERENCE | more, number)
            case Substitution(number, value_type, is_optional):
                token = OPTIONAL_SUBSTITUTION if is_optional else NORMAL_SUBSTITUTION
                encoded += struct.pack("<BHB", token, number, value_type)
    return encoded


def _element(element: Element, is_template: bool) -> bytes:
    body = _name(element.name)
    if element.attributes:
        attributes = b""
        for index, (name, data) in enumerate(element.attributes):
            more = MORE if index + 1 < len(element.attributes) else 0
            attributes += bytes([ATTRIBUTE | more]) + _name(name) + _data(data, is_template)
        body += struct.pack("<I", len(attributes)) + attributes
    if element.content:
        body += bytes([CLOSE_START]) + _data(element.content, is_template) + bytes([END_ELEMENT])
    else:
        body += bytes([CLOSE_EMPTY])
    start = bytes([OPEN_START | (MORE if element.attributes else 0)])
    if is_template:
        start += struct.pack("<H", element.dependency)
    return start + struct.pack("<I", len(body)) + body


def fragment(element: Element) -> bytes:
    """A fragment without templates, to its end token."""
    return FRAGMENT_HEADER + _element(element, is_template=False) + END_OF_FRAGMENT


def template_instance(
    template_id: uuid.UUID,
    definition: Element,
    values: Sequence[Value],
    *,
    header: bytes = FRAGMENT_HEADER,
    waste: bytes = b"",
) -> bytes:
    """A fragment that is an instance of a template, to its end token.

    Args:
        template_id: The template's GUID.
        definition: Its root element.
        values: What is substituted.
        header: What the definition begins with; it may be left out.
        waste: Bytes behind the definition's end that its length covers, as Windows leaves them.
    """
    body = header + _element(definition, is_template=True) + END_OF_FRAGMENT + waste
    encoded = FRAGMENT_HEADER + bytes([TEMPLATE_INSTANCE, 0]) + template_id.bytes_le
    encoded += struct.pack("<I", len(body)) + body + struct.pack("<I", len(values))
    for value in values:
        encoded += struct.pack("<HBB", len(value.data), value.value_type, 0)
    return encoded + b"".join(value.data for value in values) + END_OF_FRAGMENT


def null() -> Value:
    return Value(NULL, b"")


def string(text: str) -> Value:
    return Value(STRING, text.encode("utf-16-le"))


def number(value_type: int, value: int) -> Value:
    sizes = {UINT8: 1, UINT16: 2, UINT32: 4, UINT64: 8, HEX_INT64: 8}
    return Value(value_type, value.to_bytes(sizes[value_type], "little"))


def filetime(moment: datetime) -> Value:
    ticks = (moment - EPOCH) // timedelta(microseconds=1) * 10
    return Value(FILETIME, ticks.to_bytes(8, "little"))


def sid(text: str) -> Value:
    """A SID ([MS-DTYP] 2.4.2.2); null where there is none."""
    if not text:
        return null()
    _, revision, authority, *parts = text.split("-")
    data = struct.pack("<BB", int(revision), len(parts)) + int(authority).to_bytes(6, "big")
    return Value(SID, data + struct.pack(f"<{len(parts)}I", *map(int, parts)))
