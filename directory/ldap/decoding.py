"""Search results straight from their bytes.

ldap3 decodes each value twice and looks settings up for each of them; for 100,000 objects that is
most of a synchronisation's time. Here a result becomes an :class:`Entry` of raw values in one pass
over its BER (RFC 4511 4.5.2, X.690 8), where it lies in what was received. Every length is checked
before it is believed.
"""

from __future__ import annotations

from directory.ldap.entries import Entry
from directory.ldap.extended_names import split_entry_name
from directory.ldap.values import MalformedValue

SEQUENCE = 0x30
SET = 0x31
INTEGER = 0x02
OCTET_STRING = 0x04
SEARCH_RESULT_ENTRY = 0x64  # [APPLICATION 4]
MOST_LENGTH_BYTES = 4  # Active Directory writes lengths of containers with 4 bytes always
MOST_NAMES = 10_000  # a hostile server may invent names without end
MOST_MESSAGE_ID_BYTES = 4  # RFC 4511 4.1.1.1: maxInt is 2**31 - 1


class _AttributeNames(dict[bytes, str]):
    """Attribute names in lower case, by what stands around them in a result.

    The key is the name as an OCTET STRING with the tag of the SET that follows, all of it short
    form: finding it checks three tags and a length at once.
    """

    def __missing__(self, key: bytes) -> str:
        if key[0] != OCTET_STRING or key[-1] != SET or key[1] != len(key) - 3:
            raise MalformedValue("A search result has an attribute that is not made as one.")
        name = key[2:-1].decode("utf-8", "replace").lower()
        if len(self) < MOST_NAMES:
            self[key] = name
        return name


_names = _AttributeNames()


def message_size(data: bytes, position: int = 0) -> int | None:
    """How long the LDAP message is that begins at ``position``; None when that cannot be told yet.

    Raises:
        MalformedValue: It is no LDAP message.
    """
    have = len(data) - position
    if have < 2:
        return None
    if data[position] != SEQUENCE:
        raise MalformedValue("The directory sent something that is no LDAP message.")
    length = data[position + 1]
    if length < 0x80:
        return 2 + length
    count = length & 0x7F
    if not 0 < count <= MOST_LENGTH_BYTES:
        raise MalformedValue("The directory sent a message of impossible length.")
    if have < 2 + count:
        return None
    return 2 + count + int.from_bytes(data[position + 2 : position + 2 + count], "big")


def decode_search_entries(
    data: bytes, position: int, message_id: int, entries: list[Entry]
) -> tuple[int, int | None]:
    """The search results at the beginning of what was received.

    Args:
        data: What was received.
        position: Where a message begins in it.
        message_id: Of the search.
        entries: What is found is added to it.

    Returns:
        Where the next message begins; its size when it is whole but no search result, else None.

    Raises:
        MalformedValue: Lengths or types do not fit, or it is the result of another search.
    """
    end = len(data)
    while (size := message_size(data, position)) is not None and position + size <= end:
        try:
            entry = _decode(data, position, position + size, message_id)
        except IndexError as error:
            raise MalformedValue("A search result breaks off.") from error
        if entry is None:
            return position, size
        entries.append(entry)
        position += size
    return position, None


def _decode(data: bytes, start: int, end: int, message_id: int) -> Entry | None:
    """A message that is a search result; None for any other."""
    position, stop = _content(data, start, end, SEQUENCE)
    position, stop = _content(data, position, end, INTEGER)
    if stop - position > MOST_MESSAGE_ID_BYTES:
        raise MalformedValue("A message of the directory has an impossible number.")
    if stop >= end or data[stop] != SEARCH_RESULT_ENTRY:
        return None
    if int.from_bytes(data[position:stop], "big") != message_id:
        raise MalformedValue("A search result answers something that was not asked.")
    # Controls may follow the entry (RFC 4511 4.1.11); none that is asked for here does.
    position, end = _content(data, stop, end, SEARCH_RESULT_ENTRY)
    position, stop = _content(data, position, end, OCTET_STRING)
    name, guid, sid = split_entry_name(data[position:stop])
    position, stop = _content(data, stop, end, SEQUENCE)
    if stop != end:
        raise MalformedValue("A search result goes on where it should end.")
    return Entry(name, _attributes(data, position, end), guid, sid)


def _attributes(data: bytes, position: int, end: int) -> dict[str, tuple[bytes, ...]]:
    """The attributes between two places: each a SEQUENCE of its name and the SET of its values.

    Written out without calls, since this is where the time of reading a large directory is spent.
    """
    values: dict[str, tuple[bytes, ...]] = {}
    names = _names
    while position < end:
        if data[position] != SEQUENCE:
            raise MalformedValue("A search result has something else than an attribute.")
        length = data[position + 1]
        position += 2
        if length >= 0x80:
            position, length = _long_length(data, position, length, end)
        attribute_end = position + length
        # The name: its tag and those around it are checked when it is looked up.
        length = data[position + 1]
        if length < 0x80:
            set_position = position + 2 + length
            name = names[data[position : set_position + 1]]
        else:
            name, set_position = _long_name(data, position, attribute_end)
        length = data[set_position + 1]
        position = set_position + 2
        if length >= 0x80:
            position, length = _long_length(data, position, length, attribute_end)
        if attribute_end > end or position + length != attribute_end:
            raise MalformedValue("A search result has an attribute longer or shorter than itself.")
        # Nearly all have one value, which then ends where the attribute does.
        if (
            2 <= length < 0x82
            and data[position + 1] == length - 2
            and data[position] == OCTET_STRING
        ):
            values[name] = (data[position + 2 : attribute_end],)
        else:
            values[name] = _values(data, position, attribute_end)
        position = attribute_end
    return values


def _long_name(data: bytes, position: int, end: int) -> tuple[str, int]:
    """An attribute's name whose length is in long form, and where it ends."""
    position, stop = _content(data, position, end, OCTET_STRING)
    if data[stop] != SET:
        raise MalformedValue("A search result has an attribute that is not made as one.")
    return data[position:stop].decode("utf-8", "replace").lower(), stop


def _values(data: bytes, position: int, end: int) -> tuple[bytes, ...]:
    """The OCTET STRINGs between two places."""
    found = []
    while position < end:
        if data[position] != OCTET_STRING:
            raise MalformedValue("A search result holds something that is no value.")
        length = data[position + 1]
        position += 2
        if length >= 0x80:
            position, length = _long_length(data, position, length, end)
        value_end = position + length
        if value_end > end:
            raise MalformedValue("A search result has a value longer than itself.")
        found.append(data[position:value_end])
        position = value_end
    return tuple(found)


def _content(data: bytes, position: int, end: int, tag: int) -> tuple[int, int]:
    """Where the content of the element at ``position`` begins and ends."""
    if position + 2 > end or data[position] != tag:
        raise MalformedValue("A search result is not made as it should be.")
    length = data[position + 1]
    position += 2
    if length >= 0x80:
        position, length = _long_length(data, position, length, end)
    if position + length > end:
        raise MalformedValue("A search result has an element longer than itself.")
    return position, position + length


def _long_length(data: bytes, position: int, first: int, end: int) -> tuple[int, int]:
    """Where the content begins and how long it is, of an element in long form (X.690 8.1.3.5).

    Args:
        data: What was received.
        position: Of the second byte of the length.
        first: Its first byte.
        end: Where the element must have ended.
    """
    count = first & 0x7F
    if not 0 < count <= MOST_LENGTH_BYTES or position + count > end:
        raise MalformedValue("A search result has an element of impossible length.")
    return position + count, int.from_bytes(data[position : position + count], "big")
