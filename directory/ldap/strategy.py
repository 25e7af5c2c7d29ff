"""How ldap3 receives answers here: search results are decoded by :mod:`directory.ldap.decoding`.

Everything else - sending, binding, results, controls - stays ldap3's own.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import ldap3
from ldap3.core.exceptions import LDAPSocketReceiveError
from ldap3.strategy.base import RESPONSE_COMPLETE, SESSION_TERMINATED_BY_SERVER
from ldap3.strategy.sync import SyncStrategy
from ldap3.utils.asn1 import decode_message_fast

from directory.ldap.decoding import decode_search_entries, message_size
from directory.ldap.entries import Entry
from directory.ldap.values import MalformedValue

RECEIVE_BYTES = 262_144
# A group of a million members; what is larger is not an answer but an attack or a fault.
MOST_MESSAGE_BYTES = 256 * 1024 * 1024
NOTICE_OF_DISCONNECTION = "1.3.6.1.4.1.1466.20036"  # RFC 4511 4.4.1
SEARCH_ENTRY = "searchResEntry"
# What ldap3's decoder raises on bytes that are no LDAP; it looks at no length before it slices.
UNDECODABLE = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)


class EntryStrategy(SyncStrategy):
    """Synchronous; search results are one ``{"type": "searchResEntry", "entries": [Entry, ...]}``.

    Attributes:
        received_bytes: What came so far, without what TLS adds.
        seconds_per_message: How long one message may take from its first byte to its last; None
            for no limit. The socket's own limit is for each piece of it.
        keep: Attributes, in lower case, that search results are cut down to as they come; None
            for all.
    """

    def __init__(self, connection: ldap3.Connection) -> None:
        super().__init__(connection)
        self.received_bytes = 0
        self.seconds_per_message: float | None = None
        self.keep: frozenset[str] | None = None
        self._buffer = b""
        self._position = 0  # in the buffer, of the next message

    @property
    def has_unread_bytes(self) -> bool:
        """Whether something came that nobody has read yet."""
        return self._position < len(self._buffer)

    def open(self, *arguments: Any, **options: Any) -> None:
        """Open the socket; nothing of an earlier one is left in the buffer."""
        self._buffer, self._position = b"", 0
        super().open(*arguments, **options)

    def _get_response(self, message_id: int, timeout: float) -> Any:
        answers: list[Any] = []
        entries: list[Entry] = []
        while True:
            seen = len(entries)
            try:
                self._position, size = decode_search_entries(
                    self._buffer, self._position, message_id, entries
                )
            except MalformedValue as error:
                raise self._broken(error.sentence) from error
            if self.keep is not None:
                entries[seen:] = [_cut_down(entry, self.keep) for entry in entries[seen:]]
            if size is None:
                if not self._receive_message():
                    return SESSION_TERMINATED_BY_SERVER
                continue
            start = self._position
            self._position = start + size
            answered, answer = self._decode_other(self._buffer[start : start + size])
            if answered == 0 and answer.get("responseName") == NOTICE_OF_DISCONNECTION:
                return SESSION_TERMINATED_BY_SERVER
            if answered != message_id:
                raise self._broken("an answer to something that was not asked")
            if answer["type"] not in ("searchResRef", "intermediateResponse"):
                if entries:
                    answers.append({"type": SEARCH_ENTRY, "entries": entries})
                return [*answers, answer, RESPONSE_COMPLETE]
            answers.append(answer)

    def _decode_other(self, message: bytes) -> tuple[int, dict[str, Any]]:
        try:
            decoded = decode_message_fast(message)  # type: ignore[no-untyped-call]
            answer = self.decode_response_fast(decoded)  # type: ignore[no-untyped-call]
            return int(decoded["messageID"]), answer
        except UNDECODABLE as error:
            raise self._broken("an answer that is no LDAP") from error

    def _receive_message(self) -> bool:
        """Have the next message whole in the buffer; False when the server ended the connection."""
        parts = [self._buffer[self._position :]]
        have = len(parts[0])
        size = self._size()
        limit = self.seconds_per_message
        deadline = None if limit is None else time.monotonic() + limit
        while size is None or have < size:
            part = self._read()
            if not part:
                return False
            if deadline is not None and time.monotonic() > deadline:
                raise self._broken("an answer that does not end in time")
            parts.append(part)
            have += len(part)
            if size is None:
                self._buffer, self._position = b"".join(parts), 0
                parts = [self._buffer]
                size = self._size()
        self._buffer, self._position = b"".join(parts), 0
        return True

    def _size(self) -> int | None:
        try:
            size = message_size(self._buffer, self._position)
        except MalformedValue as error:
            raise self._broken(error.sentence) from error
        if size is not None and size > MOST_MESSAGE_BYTES:
            raise self._broken("an answer of impossible length")
        return size

    def _read(self) -> bytes:
        try:
            part: bytes = self.connection.socket.recv(RECEIVE_BYTES)
        except (OSError, AttributeError) as error:
            raise self._broken(f"error receiving data: {error}") from error
        self.received_bytes += len(part)
        return part

    def _broken(self, reason: str) -> LDAPSocketReceiveError:
        """Let go of a connection whose further bytes could not be told apart; returns the error."""
        self.close()
        return LDAPSocketReceiveError(reason)


def _cut_down(entry: Entry, keep: frozenset[str]) -> Entry:
    values = entry.values
    return replace(entry, values={name: values[name] for name in keep if name in values})


@contextmanager
def keeping(connection: ldap3.Connection, attributes: Collection[str] | None) -> Iterator[None]:
    """Keep only these attributes of what is found, and objectGUID; everything when None."""
    strategy: EntryStrategy = connection.strategy
    if attributes is not None:
        strategy.keep = frozenset(name.lower() for name in (*attributes, "objectGUID"))
    try:
        yield
    finally:
        strategy.keep = None


def install(connection: ldap3.Connection) -> EntryStrategy:
    """Let a connection receive this way; before it is opened.

    ldap3 chooses among its own strategies by name, and copies their methods to the connection.
    """
    strategy = EntryStrategy(connection)
    connection.strategy = strategy
    connection.send = strategy.send
    connection.open = strategy.open
    connection.get_response = strategy.get_response
    connection.post_send_single_response = strategy.post_send_single_response
    connection.post_send_search = strategy.post_send_search
    return strategy
