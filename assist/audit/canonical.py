"""The bytes that seals are computed over: docs/audit-format.md in code, without the database."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

VERSION = 2
ALGORITHM = "sha256"
GENESIS = "0" * 64
ALGORITHMS: Mapping[str, Callable[[bytes], Any]] = {
    "sha256": hashlib.sha256,
    "sha3-256": hashlib.sha3_256,
}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
# As PostgreSQL's COPY writes text, so that it can write the canonical form by itself.
_ESCAPES = str.maketrans(
    {
        "\\": "\\\\",
        "\b": "\\b",
        "\f": "\\f",
        "\n": "\\n",
        "\r": "\\r",
        "\t": "\\t",
        "\v": "\\v",
    }
)


@dataclass(frozen=True)
class EventFields:
    """Every column of an event, as the database has them."""

    id: int
    at: datetime
    kind: str
    actor_sid: str
    actor_name: str
    subject_kind: str
    subject_id: str
    subject_name: str
    offer_id: str | None
    ticket: str
    source_address: str | None
    request_id: str
    data: Any


def event_line(event: EventFields) -> bytes:
    """The event's part of the canonical form, version 2: its columns with tabs between them."""
    columns = (
        str(event.id),
        str(microseconds(event.at)),
        event.kind,
        event.actor_sid,
        event.actor_name,
        event.subject_kind,
        event.subject_id,
        event.subject_name,
        event.offer_id,
        event.ticket,
        event.source_address,
        event.request_id,
        data_text(event.data),
    )
    return "\t".join(
        "\\N" if column is None else column.translate(_ESCAPES) for column in columns
    ).encode("utf-8", "surrogatepass")


def seal_line(position: int, previous: str, sealed_at_us: int, event: bytes) -> bytes:
    """The canonical form, version 2, of a seal over the event's part.

    Args:
        position: In the chain, from 1.
        previous: The hash before it.
        sealed_at_us: Microseconds since 1970 in UTC.
        event: From ``event_line``.
    """
    return b"%d\t%s\t%d\t%s\t%d\t%s" % (
        VERSION,
        ALGORITHM.encode(),
        position,
        previous.encode(),
        sealed_at_us,
        event,
    )


def seal_hash(
    version: int,
    algorithm: str,
    *,
    position: int,
    previous: str,
    sealed_at: datetime,
    event: EventFields,
) -> str:
    """The hash of a seal, in hexadecimal, by the canonical form it was made with.

    Raises:
        ValueError: No such version or algorithm.
    """
    if (version, algorithm) == (1, "sha256"):
        return hashlib.sha256(_first_form(position, previous, sealed_at, event)).hexdigest()
    if version != VERSION or algorithm not in ALGORITHMS:
        raise ValueError(f"no canonical form {version} with {algorithm}")
    line = b"%d\t%s\t%d\t%s\t%d\t%s" % (
        version,
        algorithm.encode(),
        position,
        previous.encode("utf-8", "surrogatepass"),
        microseconds(sealed_at),
        event_line(event),
    )
    return str(ALGORITHMS[algorithm](line).hexdigest())


def data_text(value: Any) -> str:
    """JSON as PostgreSQL's jsonb writes it: shorter keys first, then by their bytes."""
    return json.dumps(_ordered(value), ensure_ascii=False, allow_nan=False)


def personal_digest(name: str, salt: str, value: str) -> str:
    """What the chain holds of a personal value: HMAC-SHA256 in hexadecimal.

    Args:
        name: Of the value, as ``novice``.
        salt: 32 hexadecimal digits; as text they are the key.
        value: In the clear.
    """
    content = f"{name}={value}".encode("utf-8", "surrogatepass")
    return hmac.digest(salt.encode("utf-8", "surrogatepass"), content, "sha256").hex()


def microseconds(moment: datetime) -> int:
    """Since 1970 in UTC."""
    return (moment - _EPOCH) // _MICROSECOND


def require_canonical(value: object) -> None:
    """Refuse what databases do not give back as it was: fractions, NUL, lone surrogates.

    Raises:
        TypeError: It holds one of them.
    """
    if isinstance(value, dict):
        for key, item in value.items():
            require_canonical(key)
            require_canonical(item)
    elif isinstance(value, list | tuple):
        for item in value:
            require_canonical(item)
    elif isinstance(value, str):
        if "\x00" in value or any(0xD800 <= ord(character) <= 0xDFFF for character in value):
            raise TypeError("audit data: text with NUL or half a surrogate pair")
    elif value is not None and not isinstance(value, bool | int):
        raise TypeError(f"audit data: {type(value).__name__} is not text, a whole number or a list")


def _ordered(value: Any) -> Any:
    if isinstance(value, dict):
        keys = sorted(value, key=_key_order)
        return {key: _ordered(value[key]) for key in keys}
    if isinstance(value, list):
        return [_ordered(item) for item in value]
    return value


def _key_order(key: str) -> tuple[int, bytes]:
    encoded = key.encode("utf-8", "surrogatepass")
    return len(encoded), encoded


def _first_form(position: int, previous: str, sealed_at: datetime, event: EventFields) -> bytes:
    """Version 1: one JSON object, keys sorted, no white space."""
    content = {
        "version": 1,
        "position": position,
        "previous": previous,
        "sealed_at": _time(sealed_at),
        "event": vars(event) | {"at": _time(event.at)},
    }
    return json.dumps(
        content, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    ).encode("utf-8", "surrogatepass")


def _time(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
