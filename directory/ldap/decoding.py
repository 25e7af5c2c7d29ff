"""Search results straight from their bytes.

ldap3 decodes each value twice and looks settings up for each of them; for 100,000 objects that is
most of a synchronisation's time. Here a result becomes an :class:`Entry` of raw values in one pass
over its BER (RFC 4511 4.5.2, X.690 8). Every length is checked before it is believed.
"""

from __future__ import annotations

from collections.abc import Sequence

from directory.ldap.entries import Entry
from directory.ldap.extended_names import split_extended_name
from directory.ldap.values import MalformedValue

SEQUENCE = 0x30
SET = 0x31
INTEGER = 0x02
OCTET_STRING = 0x04
SEARCH_RESULT_ENTRY = 0x64  # [APPLICATION 4]
# Names of attributes, and of attributes with options, as they come in every object.
_names: dict[bytes, str] = {}
MOST_NAMES = 10_000


def message_size(head: bytes) -> int | None:
    """How long the message is that begins so; None when more of it is needed to tell.

    Raises:
        MalformedValue: It is no LDAP message.
    """
    if len(head) < 2:
        return None
    if head[0] != SEQUENCE:
        raise MalformedValue("The directory sent something that is no LDAP message.")
    first = head[1]
    if first < 0x80:
        return 2 + first
    count = first & 0x7F
    if not 0 < count <= 4:
        raise MalformedValue("The directory sent a message of impossible length.")
    if len(head) < 2 + count:
        return None
    return 2 + count + int.from_bytes(head[2 : 2 + count], "big")


def decode_search_entry(message: bytes) -> tuple[int, Entry] | None:
    """A message that is a search result, with its message id; None for any other.

    Args:
        message: One whole LDAPMessage.

    Raises:
        MalformedValue: Lengths or types do not fit.
    """
    position, end = _content(message, 0, len(message), SEQUENCE)
    position, stop = _content(message, position, end, INTEGER)
    message_id = int.from_bytes(message[position:stop], "big")
    if stop >= end or message[stop] != SEARCH_RESULT_ENTRY:
        return None
    position, end = _content(message, stop, end, SEARCH_RESULT_ENTRY)
    position, stop = _content(message, position, end, OCTET_STRING)
    name = message[position:stop]
    position, end = _content(message, stop, end, SEQUENCE)
    try:
        values = _attributes(message, position, end)
    except IndexError as error:
        raise MalformedValue("A search result ends in the middle of an element.") from error
    if name[:1] == b"<":
        name, guid, sid = split_extended_name(name)
        if guid is not None:
            values.setdefault("objectguid", (guid,))
        if sid is not None:
            values.setdefault("objectsid", (sid,))
    return message_id, Entry(name.decode("utf-8", "replace"), values)


def _attributes(message: bytes, position: int, end: int) -> dict[str, Sequence[bytes]]:
    """The attributes between two places: SEQUENCEs of a name and a SET of values.

    :func:`_content` is written out here three times over: a large directory spends most of its
    reading in these lines, and the calls alone would double it. No end is believed that lies
    behind the end of what it is in; a header behind the message's end is an IndexError.
    """
    values: dict[str, Sequence[bytes]] = {}
    while position < end:
        is_sequence = message[position] == SEQUENCE
        length = message[position + 1]
        position += 2
        if length >= 0x80:
            length, position = _long_length(message, position, length)
        attribute_end = position + length
        is_name = message[position] == OCTET_STRING
        length = message[position + 1]
        position += 2
        if length >= 0x80:
            length, position = _long_length(message, position, length)
        stop = position + length
        name = message[position:stop]
        is_set = message[stop] == SET
        length = message[stop + 1]
        position = stop + 2
        if length >= 0x80:
            length, position = _long_length(message, position, length)
        stop = position + length
        if not (is_sequence and is_name and is_set) or stop != attribute_end or stop > end:
            raise MalformedValue("A search result is not made as it should be.")
        found: list[bytes] = []
        while position < stop:
            is_value = message[position] == OCTET_STRING
            length = message[position + 1]
            position += 2
            if length >= 0x80:
                length, position = _long_length(message, position, length)
            value_end = position + length
            if not is_value or value_end > stop:
                raise MalformedValue("A search result has a value longer than itself.")
            found.append(message[position:value_end])
            position = value_end
        values[_names.get(name) or _name(name)] = found
    return values


def _long_length(message: bytes, position: int, first: int) -> tuple[int, int]:
    """A length of several bytes, and where what it measures begins (X.690 8.1.3.5)."""
    count = first & 0x7F
    if not 0 < count <= 4 or position + count > len(message):
        raise MalformedValue("A search result has an element of impossible length.")
    return int.from_bytes(message[position : position + count], "big"), position + count


def _content(message: bytes, position: int, end: int, tag: int) -> tuple[int, int]:
    """Where the content of the element at ``position`` begins and ends."""
    if position + 2 > end or message[position] != tag:
        raise MalformedValue("A search result is not made as it should be.")
    length = message[position + 1]
    position += 2
    if length >= 0x80:
        length, position = _long_length(message, position, length)
    if position + length > end:
        raise MalformedValue("A search result has an element longer than itself.")
    return position, position + length


def _name(raw: bytes) -> str:
    name = raw.decode("utf-8", "replace").lower()
    if len(_names) < MOST_NAMES:  # a hostile server may invent names without end
        _names[raw] = name
    return name
