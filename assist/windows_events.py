"""Events of Windows' RemoteAssistance log, as a collector delivers them."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from assist import audit
from assist.actors import Actor
from assist.errors import InvalidInput, NotAllowed
from assist.models import ApiToken, Offer, TokenScope, WindowsEvent
from assist.offers.evidence import evidence_from_windows, settle
from assist.outcomes import MEANING
from directory.comparison import fold_name
from directory.models import Computer

MAX_EVENTS = 1000
MAX_DATA = 8192  # bytes; an event of this provider carries a path or a list of addresses
LATE = timedelta(minutes=15)  # how long after its end an offer still takes events
CLOCKS_DIFFER = timedelta(minutes=5)  # as much as Kerberos tolerates within a domain
ENDED_EVENT = 30
SETTLING = timedelta(seconds=2)  # the last events of one run, which may come out of order
PROVIDER = "Microsoft-Windows-RemoteAssistance"
_FRACTION = re.compile(r"(\.\d{6})\d+")  # Windows writes 100 ns; databases keep microseconds
# [MS-DTYP] 2.4.2.1: an authority of 48 bits, at most 15 sub-authorities of 32; fits the column.
_SID = re.compile(r"S-1-[0-9]{1,15}(-[0-9]{1,10}){1,15}")
_PERSON = "S-1-5-21-"  # an account of a domain or computer, not a service's well-known SID
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
) -> tuple[Received, set[uuid.UUID]]:
    """Store what is new with the evidence it is; also the offers whose outcome may change."""
    computers = _computers({event.computer_name for event in parsed})
    to_settle: set[uuid.UUID] = set()
    new = _new_only(parsed)
    for event in new:
        event.computer = computers.get(fold_name(event.computer_name))
        event.offer = _offer_of(event)
        event.pk = None
        event.save(force_insert=True)
        if evidence_from_windows(event, now) is not None and event.offer is not None:
            to_settle.add(event.offer.pk)
    received = Received(
        stored=len(new),
        duplicate=len(parsed) - len(new),
        unknown_computer=sum(event.computer is None for event in new),
    )
    if new:
        _record(token, actor, received, now)
    return received, to_settle


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


def _computers(names: set[str]) -> dict[str, Computer]:
    """Computers by the folded name that events give: a DNS name, or a bare one."""
    folded = {fold_name(name) for name in names}
    found = Computer.objects.filter(
        Q(dns_name_folded__in=folded) | Q(name_folded__in=folded), is_present=True
    )
    by_name: dict[str, Computer] = {}
    ambiguous = set[str]()
    for computer in found:
        for name in filter(None, (computer.dns_name_folded, computer.name_folded)):
            if name in by_name and by_name[name] != computer:
                ambiguous.add(name)
            by_name[name] = computer
    return {name: computer for name, computer in by_name.items() if name not in ambiguous}


def _new_only(events: Iterable[WindowsEvent]) -> list[WindowsEvent]:
    """The events that are neither stored yet nor repeated in the delivery, the oldest first."""
    new: dict[tuple[str, str, int, datetime], WindowsEvent] = {}
    for event in events:
        new.setdefault((event.computer_name, event.channel, event.record_id, event.at), event)
    known = WindowsEvent.objects.filter(
        computer_name__in={key[0] for key in new}, record_id__in={key[2] for key in new}
    ).values_list("computer_name", "channel", "record_id", "at")
    for key in known:
        new.pop(key, None)
    return sorted(new.values(), key=lambda event: (event.at, event.record_id))


def _offer_of(event: WindowsEvent) -> Offer | None:
    """The offer that an event belongs to: same computer, novice and time.

    The event names no expert and the computer's clock may differ, so the last offer started before
    the event is meant; where there is none, one started shortly after it by our clock.
    """
    if event.computer is None or event.event_id not in MEANING:
        return None
    started = Offer.objects.filter(computer=event.computer, starting_at__isnull=False).filter(
        Q(ended_at__isnull=True) | Q(ended_at__gt=event.at - LATE)
    )
    if event.user_sid.startswith(_PERSON):
        started = started.filter(Q(novice_sid="") | Q(novice_sid=event.user_sid))
    offer = started.filter(starting_at__lte=event.at).order_by("-starting_at").first()
    if offer is None:
        offer = (
            started.filter(starting_at__lte=event.at + CLOCKS_DIFFER)
            .order_by("starting_at")
            .first()
        )
    return None if offer is None or _is_of_a_later_run(event, offer) else offer


def _is_of_a_later_run(event: WindowsEvent, offer: Offer) -> bool:
    """Whether Remote Assistance had ended for this offer, so that somebody started it again.

    Helpers offer help past the portal too; what they are answered is nothing of this offer's.
    """
    return WindowsEvent.objects.filter(
        offer=offer, event_id=ENDED_EVENT, at__lt=event.at - SETTLING
    ).exists()
