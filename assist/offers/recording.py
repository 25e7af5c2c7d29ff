"""Windows events: stored once, tied to the offer that they belong to, recorded as evidence.

A record may come twice, read from the computer's log and forwarded by a collector: it is one
fact. Which offer it belongs to follows from its number where the log's last record before the
offer is known, else from the time.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q

from assist.lifecycle import State
from assist.models import EventRoute, LogFollowing, Offer, WindowsEvent
from assist.offers.evidence import evidence_from_windows
from assist.outcomes import MEANING, STARTED
from directory.comparison import fold_name
from directory.models import Computer

LATE = timedelta(minutes=15)  # how long after its end an offer still takes events
CLOCKS_DIFFER = timedelta(minutes=5)  # as much as Kerberos tolerates within a domain
SAME_MOMENT = timedelta(seconds=1)  # collectors write fewer digits of a second than the log
ENDED_EVENT = 30
SETTLING = timedelta(seconds=2)  # the last events of one run, which may come out of order
RECENT_OFFERS = 20  # of one computer; the older ones are over
OPERATIONAL = "/Operational"
# One that the computer refused, because somebody else is helped there for one, has no events.
_MAY_HAVE_STARTED = Q(offered_at__isnull=False) | Q(
    state__in=[State.CONTACTING.value, State.INTERRUPTED.value, State.CANCELLED.value]
)
FIRST_RECORDS = 4  # behind the last one before the offer: where the start of its run is
_PERSON = "S-1-5-21-"  # an account of a domain or computer, not a service's well-known SID


@dataclass(frozen=True)
class Stored:
    """What became of some events.

    Attributes:
        new: Those that were not known yet, as they are in the database now.
        duplicate: How many were known already.
        offers: The offers that have new evidence; the caller settles them.
    """

    new: tuple[WindowsEvent, ...]
    duplicate: int
    offers: frozenset[uuid.UUID]


@transaction.atomic
def store_events(events: Iterable[WindowsEvent], now: datetime) -> Stored:
    """Store what is new, with the evidence it is.

    Args:
        events: Not saved yet; ``computer`` may be set, else the name is looked up.
        now: An aware time.

    Raises:
        IntegrityError: The same events came twice at once: call it again.
    """
    parsed = list(events)
    computers = _computers({event.computer_name for event in parsed if event.computer is None})
    for event in parsed:
        if event.computer is None:
            event.computer = computers.get(fold_name(event.computer_name))
    offers: set[uuid.UUID] = set()
    new = _new_only(parsed)
    for event in new:
        event.offer = _offer_of(event)
        event.pk = None
        event.save(force_insert=True)
        if event.offer is not None:
            _compare_clocks(event, event.offer, now)
        if evidence_from_windows(event, now) is not None and event.offer is not None:
            offers.add(event.offer.pk)
    return Stored(tuple(new), len(parsed) - len(new), frozenset(offers))


def _computers(names: set[str]) -> dict[str, Computer]:
    """Computers by the folded name that events give: a DNS name, or a bare one."""
    folded = {fold_name(name) for name in names}
    if not folded:
        return {}
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


Key = tuple[str, str, int]


def _key(event: WindowsEvent) -> Key:
    """What two reports of one record have in common, but for the time."""
    computer = str(event.computer_id or fold_name(event.computer_name))
    return computer, event.channel.lower(), event.record_id


def _new_only(events: list[WindowsEvent]) -> list[WindowsEvent]:
    """The events that are neither stored yet nor repeated among themselves, the oldest first.

    Numbers alone do not tell: a log that was cleared may count anew. What was read from a log is
    in its order, which the clock is not when it was set back; what is forwarded comes in any order.
    """
    known: dict[Key, list[datetime]] = {}
    stored = WindowsEvent.objects.filter(record_id__in={event.record_id for event in events})
    for event in stored.filter(
        Q(computer__in={event.computer_id for event in events if event.computer_id})
        | Q(computer_name__in={event.computer_name for event in events})
    ):
        known.setdefault(_key(event), []).append(event.at)
    new = []
    if any(event.route == EventRoute.FORWARDED for event in events):
        events = sorted(events, key=lambda event: (event.at, event.record_id))
    for event in events:
        times = known.setdefault(_key(event), [])
        if not any(abs(event.at - at) < SAME_MOMENT for at in times):
            times.append(event.at)
            new.append(event)
    return new


def _offer_of(event: WindowsEvent) -> Offer | None:
    """The offer that an event belongs to.

    The event names no expert, so the last offer started before it is meant. Where it is not known
    by numbers what came before, the computer's clock decides, which may differ: then one that was
    started shortly after the event by our clock is taken too.
    """
    if event.computer is None or event.event_id not in MEANING:
        return None
    offers = list(
        Offer.objects.filter(computer=event.computer, starting_at__isnull=False)
        .filter(_MAY_HAVE_STARTED)
        .select_related("log_following")
        .order_by("-starting_at")[:RECENT_OFFERS]
    )
    if event.user_sid.startswith(_PERSON):
        offers = [offer for offer in offers if offer.novice_sid in ("", event.user_sid)]
    offer = next((offer for offer in offers if _is_after_start(event, offer)), None)
    if offer is None:
        nearly = [offer for offer in offers if _is_shortly_before_start(event, offer)]
        offer = nearly[-1] if nearly else None
    if offer is None or _is_too_late(event, offer) or _is_of_a_later_run(event, offer):
        return None
    return offer


def _start_record(event: WindowsEvent, offer: Offer) -> int | None:
    """The number of the last record before the offer, in the log that the event is from."""
    following = _following(offer)
    if following is None or not event.channel.endswith(OPERATIONAL):
        return None
    return following.start_record_id


def _following(offer: Offer) -> LogFollowing | None:
    return getattr(offer, "log_following", None)


def _is_after_start(event: WindowsEvent, offer: Offer) -> bool:
    start = _start_record(event, offer)
    if start is not None:
        return event.record_id > start
    return offer.starting_at is not None and offer.starting_at <= event.at


def _is_shortly_before_start(event: WindowsEvent, offer: Offer) -> bool:
    if _start_record(event, offer) is not None or offer.starting_at is None:
        return False
    return offer.starting_at <= event.at + CLOCKS_DIFFER


def _is_too_late(event: WindowsEvent, offer: Offer) -> bool:
    following = _following(offer)
    ahead = timedelta(seconds=following.clock_ahead_seconds) if following else timedelta(0)
    return offer.ended_at is not None and offer.ended_at <= event.at - ahead - LATE


def _is_of_a_later_run(event: WindowsEvent, offer: Offer) -> bool:
    """Whether Remote Assistance had ended for this offer, so that somebody started it again.

    Helpers offer help past the portal too; what they are answered is nothing of this offer's.
    """
    return WindowsEvent.objects.filter(
        offer=offer, event_id=ENDED_EVENT, at__lt=event.at - SETTLING
    ).exists()


def _compare_clocks(event: WindowsEvent, offer: Offer, now: datetime) -> None:
    """Learn how far the computer's clock is off, from the one moment that both clocks know.

    Remote Assistance starts between the marker and the computer's answer to the call. Within that
    time, the clocks agree as far as anybody can tell.
    """
    following = _following(offer)
    if following is None or following.start_record_id is None or offer.starting_at is None:
        return
    if MEANING.get(event.event_id) != STARTED:
        return
    if not 0 < event.record_id - following.start_record_id <= FIRST_RECORDS:
        return
    latest = offer.offered_at or now
    if event.at < offer.starting_at:
        ahead = event.at - offer.starting_at
    else:
        ahead = max(event.at - latest, timedelta(0))
    seconds = round(ahead.total_seconds(), 3)
    if abs(seconds) >= abs(following.clock_ahead_seconds):
        following.clock_ahead_seconds = seconds
        following.save(update_fields=["clock_ahead_seconds"])
