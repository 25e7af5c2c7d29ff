"""Records of an event log: out of a query's answer, into values ([MS-EVEN6] 2.2.13, 2.2.17)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from assist.remote_assistance.errors import BadAnswer
from assist.remote_assistance.event_log_binxml import Element, decode

HEADER_SIZE = 0x10
MOST_DATA = 16  # values of an event; those of this provider carry one
LONGEST_TEXT = 2048  # characters of one value; the rest is cut off
_NUMBER = re.compile(r"[0-9]{1,20}")
# [MS-DTYP] 2.4.2.1: an authority of 48 bits, at most 15 sub-authorities of 32.
_SID = re.compile(r"S-1-[0-9]{1,15}(-[0-9]{1,10}){1,15}")


@dataclass(frozen=True)
class EventRecord:
    """One record.

    Attributes:
        record_id: Its number in the log.
        event_id: What happened.
        provider: Who wrote it.
        channel: Where.
        computer: The computer's name, as the record says.
        created_at: When, by the computer's clock, to the microsecond.
        process_id: The process that wrote it, or None.
        user_sid: The account that it ran as, or empty.
        data: The event's own values by name.
    """

    record_id: int
    event_id: int
    provider: str
    channel: str
    computer: str
    created_at: datetime
    process_id: int | None = None
    user_sid: str = ""
    data: Mapping[str, str] = field(default_factory=dict)


def parse_result(data: bytes) -> EventRecord:
    """One event of an answer: its header, and the BinXml in it.

    Args:
        data: From its offset in the buffer, as long as the answer says.

    Raises:
        BadAnswer: It is not such an event.
    """
    if len(data) < HEADER_SIZE + 4:
        raise BadAnswer("The computer sent an event that ends too early.")
    total, header, offset = (int.from_bytes(data[at : at + 4], "little") for at in (0, 4, 8))
    if header != HEADER_SIZE or offset != HEADER_SIZE or total > len(data):
        raise BadAnswer("The computer sent an event with another header.")
    size = int.from_bytes(data[offset : offset + 4], "little")
    if size > total - offset - 4:
        raise BadAnswer("The computer sent an event that ends too early.")
    return parse_event(decode(data[offset + 4 : offset + 4 + size]))


def parse_event(event: Element) -> EventRecord:
    """The values of an event's XML.

    Raises:
        BadAnswer: It lacks what every event has.
    """
    system = event.child("System")
    if event.name != "Event" or system is None:
        raise BadAnswer("The computer sent something that is no event.")
    process = _attribute(system, "Execution", "ProcessID")
    user = _attribute(system, "Security", "UserID")
    return EventRecord(
        record_id=_number(_text(system, "EventRecordID"), 2**63 - 1),
        event_id=_number(_text(system, "EventID"), 65_535),
        provider=_attribute(system, "Provider", "Name"),
        channel=_text(system, "Channel"),
        computer=_text(system, "Computer"),
        created_at=_time(_attribute(system, "TimeCreated", "SystemTime")),
        process_id=_process(process),
        user_sid=user if _SID.fullmatch(user) else "",
        data=_data(event),
    )


def _text(system: Element, name: str) -> str:
    found = system.child(name)
    return "" if found is None else _printable(found.text)


def _attribute(system: Element, name: str, attribute: str) -> str:
    found = system.child(name)
    return "" if found is None else _printable(found.get(attribute))


def _printable(text: str) -> str:
    """Without what neither a page nor a database takes."""
    kept = "".join(
        character if character.isprintable() else "\ufffd"
        for character in text[:LONGEST_TEXT].strip()
    )
    return kept.encode("utf-8", "replace").decode()


def _number(text: str, largest: int) -> int:
    if not _NUMBER.fullmatch(text) or int(text) > largest:
        raise BadAnswer("The computer sent an event with a number that is none.")
    return int(text)


def _process(text: str) -> int | None:
    """A process id; Windows' own stay far below what a column of a database holds."""
    number = _number(text, 2**32 - 1) if text else 2**31
    return number if number < 2**31 else None


def _time(text: str) -> datetime:
    """Cut to the microsecond, as forwarded events are, so that a record is known again."""
    head, _, fraction = text.removesuffix("Z").partition(".")
    try:
        moment = datetime.fromisoformat(head).replace(tzinfo=UTC)
        return moment.replace(microsecond=int((fraction + "000000")[:6]))
    except ValueError:
        raise BadAnswer("The computer sent an event without a time.") from None


def _data(event: Element) -> dict[str, str]:
    """EventData's values, or the elements in UserData."""
    found: dict[str, str] = {}
    holder = event.child("EventData")
    if holder is None and (user_data := event.child("UserData")) is not None:
        holder = next(iter(user_data.children), None)
    if holder is None:
        return found
    for index, value in enumerate(holder.children[:MOST_DATA]):
        name = _printable(value.get("Name")) if value.name == "Data" else _printable(value.name)
        found[name or f"Data{index}"] = _printable(value.text)
    return found
