"""How ldap3 receives answers here: search results are decoded by :mod:`directory.ldap.decoding`.

Everything else - sending, binding, results, controls - stays ldap3's own.
"""

from __future__ import annotations

from typing import Any

import ldap3
from ldap3.core.exceptions import LDAPSocketReceiveError
from ldap3.strategy.base import RESPONSE_COMPLETE, SESSION_TERMINATED_BY_SERVER
from ldap3.strategy.sync import SyncStrategy
from ldap3.utils.asn1 import decode_message_fast

from directory.ldap.decoding import decode_search_entry, message_size
from directory.ldap.values import MalformedValue

RECEIVE_BYTES = 65536
# A group of a million members; what is larger is not an answer but an attack or a fault.
MOST_MESSAGE_BYTES = 256 * 1024 * 1024
NOTICE_OF_DISCONNECTION = "1.3.6.1.4.1.1466.20036"  # RFC 4511 4.4.1


class EntryStrategy(SyncStrategy):
    """Synchronous, with an :class:`Entry` for every search result among the answers."""

    def __init__(self, connection: ldap3.Connection) -> None:
        super().__init__(connection)
        self.received_bytes = 0
        self._buffer = b""

    def open(self, *arguments: Any, **options: Any) -> None:
        """Open the socket; nothing of an earlier one is left in the buffer."""
        self._buffer = b""
        super().open(*arguments, **options)

    def _get_response(self, message_id: int, timeout: float) -> Any:
        answers: list[Any] = []
        while True:
            message = self._receive_message()
            if message is None:
                return SESSION_TERMINATED_BY_SERVER
            try:
                found = decode_search_entry(message)
            except MalformedValue as error:
                self.close()
                raise LDAPSocketReceiveError(error.sentence) from error
            if found is not None:
                answered, entry = found
                self._require(answered == message_id)
                answers.append(entry)
                continue
            decoded = decode_message_fast(message)  # type: ignore[no-untyped-call]
            answer = self.decode_response_fast(decoded)  # type: ignore[no-untyped-call]
            answered = int(decoded["messageID"])
            if answered == 0 and answer.get("responseName") == NOTICE_OF_DISCONNECTION:
                return SESSION_TERMINATED_BY_SERVER
            self._require(answered == message_id)
            answers.append(answer)
            if answer["type"] not in ("searchResRef", "intermediateResponse"):
                return [*answers, RESPONSE_COMPLETE]

    def _require(self, is_ours: bool) -> None:
        if not is_ours:
            self.close()
            raise LDAPSocketReceiveError("an answer to something that was not asked")

    def _receive_message(self) -> bytes | None:
        """The next whole message; None when the server closed the connection."""
        size = self._size()
        while size is None:
            if not self._receive():
                return None
            size = self._size()
        if len(self._buffer) < size:
            parts, have = [self._buffer], len(self._buffer)
            while have < size:
                part = self._read()
                if not part:
                    return None
                parts.append(part)
                have += len(part)
            self._buffer = b"".join(parts)
        message, self._buffer = self._buffer[:size], self._buffer[size:]
        return message

    def _size(self) -> int | None:
        try:
            size = message_size(self._buffer[:6])
            if size is not None and size > MOST_MESSAGE_BYTES:
                raise MalformedValue("The directory announced a message of impossible length.")
        except MalformedValue as error:
            self.close()
            raise LDAPSocketReceiveError(error.sentence) from error
        return size

    def _receive(self) -> bool:
        part = self._read()
        self._buffer += part
        return bool(part)

    def _read(self) -> bytes:
        try:
            part: bytes = self.connection.socket.recv(RECEIVE_BYTES)
        except (OSError, AttributeError) as error:
            self.close()
            raise LDAPSocketReceiveError(f"error receiving data: {error}") from error
        self.received_bytes += len(part)
        return part


def install(connection: ldap3.Connection) -> None:
    """Let a connection receive this way; before it is opened."""
    strategy = EntryStrategy(connection)
    connection.strategy = strategy
    connection.send = strategy.send
    connection.open = strategy.open
    connection.get_response = strategy.get_response
    connection.post_send_single_response = strategy.post_send_single_response
    connection.post_send_search = strategy.post_send_search
