"""Events of Windows' RemoteAssistance log, as a collector delivers them."""

from __future__ import annotations

import json
import re
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from assist import audit
from assist.actors import Actor
from assist.errors import InvalidInput, NotAllowed
from assist.models import ApiToken, TokenScope, WindowsEvent
from assist.offers.evidence import settle
from assist.offers.recording import store_events

MAX_EVENTS = 1000
MAX_DATA = 8192  # bytes; an event of this provider carries a path or a list of addresses
PROVIDER = "Microsoft-Windows-RemoteAssistance"
_FRACTION = re.compile(r"(\.\d{6})\d+")  # Windows writes 100 ns; databases keep microseconds
# [MS-DTYP] 2.4.2.1: an authority of 48 bits, at most 15 sub-authorities of 32; fits the column.
_SID = re.compile(r"S-1-[0-9]{1,15}(-[0-9]{1,10}){1,15}")
_LARGEST = 2**63 - 1


@dataclass(frozen=True)
class Received:
    """What became of a delivery.

    Attributes:
        stored: Events that were new.
        duplicate: Events that were known already.
        unknown_computer: Stored events whose computer the directory does not know.
    """

    stored: int
    duplicate: int
    unknown_computer: int


def windows_events_receive(
    *,
    events: list[dict[str, Any]],
    token: ApiToken,
    actor: Actor | None = None,
    now: datetime | None = None,
) -> Received:
    """Take a delivery: store each event once, find its offer, draw the conclusions.

    Events may come in any order and more than once. All of a delivery is looked at before any
    outcome is derived, so that their order within it plays no part.

    Args:
        events: As the collector wrote them, with Windows' own field names.
        token: The collector's.
        actor: Who delivers, with the address and request it came by; by default the token alone.
        now: An aware time; the present if None.

    Raises:
        NotAllowed: The token is not a collector's.
        InvalidInput: An event is malformed; ``field`` says which and where. Nothing was stored.
    """
    if token.scope != TokenScope.COLLECTOR:
        raise NotAllowed(
            "This token may not deliver Windows events.",
            remedy="Use a token of scope collector.",
        )
    now = now or timezone.now()
    actor = actor or Actor(sid="", name=f"collector {token.name}")
    if not isinstance(events, list) or len(events) > MAX_EVENTS:
        raise InvalidInput(
            f"events must be a list of at most {MAX_EVENTS} events.",
            remedy="Deliver them in several requests.",
            field="events",
        )
    parsed = [_parse(event, f"events[{index}]", now) for index, event in enumerate(events)]
    try:
        received, to_settle = _store(parsed, token, actor, now)
    except IntegrityError:
        # The same events came twice at once; the other delivery's are known by now.
        received, to_settle = _store(parsed, token, actor, now)
    for offer_id in to_settle:
        settle(offer_id, now=now)
    return received


@transaction.atomic
def _store(
    parsed: list[WindowsEvent], token: ApiToken, actor: Actor, now: datetime
) -> tuple[Received, frozenset[uuid.UUID]]:
    """Store what is new; also the offers whose outcome may change."""
    stored = store_events(parsed, now)
    received = Received(
        stored=len(stored.new),
        duplicate=stored.duplicate,
        unknown_computer=sum(event.computer is None for event in stored.new),
    )
    if stored.new:
        _record(token, actor, received, now)
    return received, stored.offers


def _record(token: ApiToken, actor: Actor, received: Received, now: datetime) -> None:
    audit.record(
        "windows_events.received",
        actor=actor,
        subject_kind="token",
        subject_id=str(token.pk),
        subject_name=token.name,
        data=vars(received),
        now=now,
    )


def _parse(event: object, where: str, now: datetime) -> WindowsEvent:
    if not isinstance(event, dict):
        raise _malformed(where, "is not an object")
    provider = event.get("Provider", PROVIDER)
    if provider != PROVIDER:
        raise _malformed(f"{where}.Provider", f"is not {PROVIDER}")
    data = event.get("EventData")
    data = {} if data is None else data
    if not isinstance(data, dict) or not _is_storable(data):
        raise _malformed(f"{where}.EventData", "is not an object of at most 8 kB of text")
    process_id = event.get("ProcessID")
    user_sid = event.get("UserID")
    user_sid = "" if user_sid is None else user_sid
    if not isinstance(user_sid, str) or (user_sid and not _SID.fullmatch(user_sid)):
        raise _malformed(f"{where}.UserID", "is not a SID")
    channel = _text(event, "Channel", where, 256)
    if not channel.startswith(f"{PROVIDER}/"):
        raise _malformed(f"{where}.Channel", f"is not a channel of {PROVIDER}")
    return WindowsEvent(
        computer_name=_text(event, "Computer", where, 256),
        channel=channel,
        record_id=_number(event, "EventRecordID", where, _LARGEST),
        event_id=_number(event, "EventID", where, 65535),
        process_id=None if process_id is None else _number(event, "ProcessID", where, 2**31 - 1),
        user_sid=user_sid,
        at=_time(event, where, now),
        data=data,
        received_at=now,
    )


def _is_storable(data: dict[str, Any]) -> bool:
    """Whether a JSON column of every database takes it: no NaN, no NUL, no half surrogate pair."""
    try:
        written = json.dumps(data, allow_nan=False, ensure_ascii=False).encode("utf-8")
    except (ValueError, TypeError, RecursionError):
        return False
    return len(written) <= MAX_DATA and b"\\u0000" not in written


def _text(event: dict[str, Any], name: str, where: str, longest: int) -> str:
    value = event.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= longest or not value.isprintable():
        raise _malformed(f"{where}.{name}", f"is not a text of 1 to {longest} characters")
    return value


def _number(event: dict[str, Any], name: str, where: str, largest: int) -> int:
    value = event.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= largest:
        raise _malformed(f"{where}.{name}", f"is not a whole number from 0 to {largest}")
    return value


def _time(event: dict[str, Any], where: str, now: datetime) -> datetime:
    value = event.get("TimeCreated")
    try:
        moment = parse_datetime(_FRACTION.sub(r"\1", value)) if isinstance(value, str) else None
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise _malformed(
            f"{where}.TimeCreated", "is not a time with its zone, as 2026-11-23T07:00:00.123456Z"
        )
    if moment.year < 2000 or moment > now + timedelta(days=1):
        raise _malformed(f"{where}.TimeCreated", "is not a time that an event can have")
    return moment.astimezone(UTC)


def _malformed(field: str, what: str) -> InvalidInput:
    return InvalidInput(
        f"{field} {what}.",
        remedy="Send events as in the API's documentation; nothing of this delivery was stored.",
        field=field,
    )
