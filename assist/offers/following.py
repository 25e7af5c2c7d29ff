"""Follows the novice computer's event log, from the record that was last before the offer.

No worker waits: ``look_at`` says when a log is due, a scheduled task claims those that are and
sends them to workers in batches, and each look takes a moment. Looks get rarer while nothing
happens. Running a look twice changes nothing, and a lost one is due again by itself.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils import timezone

from assist import audit
from assist.actors import Actor
from assist.lifecycle import ENDS, State
from assist.models import EventRoute, LogFollowing, Offer, WindowsEvent
from assist.offers.evidence import settle
from assist.offers.recording import ENDED_EVENT, LATE, store_events
from assist.remote_assistance.client import (
    CallLimits,
    Credential,
    KeytabCredential,
    NoviceTarget,
)
from assist.remote_assistance.errors import BadAnswer, RemoteAssistanceError
from assist.remote_assistance.event_log import (
    CHANNEL,
    LogPosition,
    LogReading,
    last_position,
    read_from,
)
from assist.remote_assistance.event_log_errors import EventLogFirewalled
from assist.remote_assistance.event_log_records import EventRecord
from directory.comparison import fold_name
from directory.errors import PortalError

BATCH = 16  # computers in one task
AT_ONCE = 8  # of them at the same time, so that one that is silent holds up few
MOST_DUE = 512  # claimed by one run of the scheduled task; the rest is due still
LEASE = timedelta(seconds=30)  # longer than a batch takes; a lost one is due again after it
LAST_LOOK = timedelta(seconds=15)  # how long a deadline waits for the look behind it
REMEMBERED = timedelta(days=1)  # that a log could not be read
RARER = 0.2  # the next look is after this share of the time since the last news
ANSWER_SECONDS = 5.0  # the most between two looks while the novice is asked
MOST_EVENTS = 2000  # of one offer; a session writes some ten
WRONGEST_CLOCK = timedelta(days=3653)
PROVIDER = "Microsoft-Windows-RemoteAssistance"
FAILURES = 6  # in a row, after which a log is given up once its offer has ended
_PORTAL = Actor.portal()

log = structlog.get_logger()


class PositionReading:
    """Reads a log's last record beside the contact that goes on meanwhile.

    Args:
        target: The computer.
        credential: Whose right the log is read by.
    """

    def __init__(self, target: NoviceTarget, credential: Credential) -> None:
        self._position: LogPosition | None = None
        self._error: PortalError = EventLogFirewalled("The event log was not read in time.")
        self._thread = threading.Thread(
            target=self._read, args=(target, credential), name="event-log", daemon=True
        )
        self._thread.start()

    def _read(self, target: NoviceTarget, credential: Credential) -> None:
        try:
            self._position = last_position(target, credential, log_limits())
        except PortalError as error:
            self._error = error
        except Exception:
            log.exception("reading an event log broke")
            self._error = PortalError(
                "The portal made a mistake while reading the computer's event log.",
                remedy="Show the offer to the operator.",
            )

    def result(self, offer: Offer) -> LogPosition | PortalError:
        """The position, or why there is none; a reading that is under way is waited for.

        Args:
            offer: About to be started on that computer.
        """
        if self._thread.is_alive():
            self._thread.join(start_wait_seconds(offer, timezone.now()))
        return self._error if self._position is None else self._position


def start_wait_seconds(offer: Offer, now: datetime) -> float:
    """How long an offer waits for the log's last record, when all else is ready.

    Not at all where the log of this computer could not be read the last time: on most computers
    the firewall drops such connections until policy opens it.
    """
    last = (
        LogFollowing.objects.filter(offer__computer=offer.computer_id, news_at__gt=now - REMEMBERED)
        .order_by("-news_at")
        .first()
    )
    if last is not None and last.error_code and last.looked_at is None:
        return 0.0
    return float(settings.EVENT_LOG_START_WAIT_SECONDS)


def reader_credential() -> KeytabCredential:
    """The portal's own account, whoever offers: the right to read logs is that account's."""
    return KeytabCredential(
        principal=settings.SERVICE_PRINCIPAL,
        keytab_path=settings.SERVICE_KEYTAB_FILE,
        may_use_ntlm=settings.SERVICE_NTLM_ALLOWED,
    )


def log_limits() -> CallLimits:
    """The limits of one look, from the settings."""
    seconds = settings.EVENT_LOG_TIMEOUT_SECONDS
    return CallLimits(
        connect_seconds=min(seconds, settings.CONTACT_CONNECT_TIMEOUT_SECONDS),
        call_seconds=seconds,
        total_seconds=seconds,
    )


def follow(offer: Offer, position: LogPosition | PortalError | None, now: datetime) -> None:
    """Begin to follow an offer's computer, within the transaction of its marker.

    Args:
        offer: About to be started.
        position: The log's last record; or why it could not be read, which is kept to be said;
            None where logs are not followed.
        now: An aware time.
    """
    if position is None:
        return
    values: dict[str, object]
    if isinstance(position, PortalError):
        values = {**_error_columns(position), "look_at": None, "start_record_id": None}
        data = {"code": position.code, "sentence": position.sentence}
        audit.record("event_log.not_followed", actor=_PORTAL, offer=offer, data=data, now=now)
    else:
        values = {
            "start_record_id": position.record_id,
            "record_id": position.record_id,
            "record_at": position.created_at,
            "port": position.port,
            "look_at": now + timedelta(seconds=settings.EVENT_LOG_INTERVAL_SECONDS),
        }
    values["news_at"] = now
    LogFollowing.objects.bulk_create(
        [LogFollowing(offer=offer, **values)],
        update_conflicts=True,
        unique_fields=["offer"],
        update_fields=list(values),
    )


def claim_due(now: datetime) -> list[list[uuid.UUID]]:
    """The offers whose logs are due, in batches; each is given to one caller for a while.

    Args:
        now: An aware time.
    """
    due = LogFollowing.objects.filter(look_at__lte=now).order_by("look_at")
    claimed = [
        offer_id
        for offer_id, look_at in due.values_list("offer_id", "look_at")[:MOST_DUE]
        if LogFollowing.objects.filter(offer_id=offer_id, look_at=look_at).update(
            look_at=now + LEASE
        )
    ]
    return [claimed[at : at + BATCH] for at in range(0, len(claimed), BATCH)]


def wants_last_look(offer: Offer, now: datetime) -> bool:
    """Whether a deadline should wait for the log to be read once more; has it read if so."""
    following = LogFollowing.objects.filter(offer=offer, look_at__isnull=False).first()
    deadline = offer.deadline_at
    if following is None or deadline is None or now > deadline + LAST_LOOK:
        return False
    if following.looked_at is not None and following.looked_at >= deadline:
        return False
    LogFollowing.objects.filter(pk=offer.pk).hasten(now)
    return True


def was_read_until(offer: Offer, moment: datetime) -> bool:
    """Whether the log is known to hold nothing more up to then."""
    return LogFollowing.objects.filter(
        offer=offer, start_record_id__isnull=False, looked_at__gte=moment
    ).exists()


@dataclass(frozen=True)
class _Look:
    """One computer to look at; no database from here on."""

    offer_id: uuid.UUID
    target: NoviceTarget
    position: LogPosition


def look(offer_ids: Sequence[uuid.UUID], now: datetime | None = None) -> None:
    """Read the logs of these offers' computers and draw the conclusions.

    Args:
        offer_ids: From :func:`claim_due`.
        now: An aware time; the present if None.
    """
    rows = {
        row.offer_id: row
        for row in LogFollowing.objects.filter(
            offer_id__in=list(offer_ids), look_at__isnull=False
        ).select_related("offer__computer")
    }
    looks = [made for row in rows.values() if (made := _look_of(row)) is not None]
    if not looks:
        return
    credential = reader_credential()

    def read(one: _Look) -> LogReading | PortalError:
        try:
            return read_from(one.target, credential, log_limits(), one.position)
        except PortalError as error:
            return error
        except Exception:
            log.exception("reading an event log broke", offer_id=str(one.offer_id))
            return PortalError("The portal made a mistake while reading the event log.", remedy="")

    with ThreadPoolExecutor(max_workers=min(AT_ONCE, len(looks))) as pool:
        for one, found in zip(looks, pool.map(read, looks), strict=True):
            row, moment = rows[one.offer_id], now or timezone.now()
            try:
                _keep(row, found, moment)
            except Exception:  # the others of the batch are not to suffer
                log.exception("keeping an event log's records broke", offer_id=str(one.offer_id))
                _fail(row, PortalError("The portal made a mistake with the event log."), moment)


def _look_of(row: LogFollowing) -> _Look | None:
    offer = row.offer
    if offer.computer is None or not offer.address or not offer.computer.dns_name:
        _stop(row)
        return None
    target = NoviceTarget(dns_name=offer.computer.dns_name, address=offer.address)
    return _Look(offer.pk, target, LogPosition(row.record_id, row.record_at, row.port))


def _keep(row: LogFollowing, found: LogReading | PortalError, now: datetime) -> None:
    """What one look came to; one that was overtaken by another is dropped."""
    with structlog.contextvars.bound_contextvars(offer_id=str(row.offer_id)):
        if isinstance(found, PortalError):
            _fail(row, found, now)
            return
        try:
            touched = _store(row, found, now)
        except IntegrityError:
            # A collector delivered the same at this moment; the other's are known by now.
            touched = _store(row, found, now)
        except BadAnswer as error:
            _fail(row, error, now)
            _stop(row)
            return
        if touched is None:
            return
        # Its own in any case: a worker may have been lost between records and conclusions.
        for offer_id in touched | {row.offer_id}:
            settle(offer_id, now=now)
        _plan(row, now, has_news=bool(found.records))


@transaction.atomic
def _store(row: LogFollowing, found: LogReading, now: datetime) -> frozenset[uuid.UUID] | None:
    """Keep what was read; the offers that it concerns, None if another look was faster."""
    columns = {
        "record_id": found.position.record_id,
        "record_at": found.position.created_at,
        "port": found.position.port,
        "looked_at": now,
        "failures": 0,
        "error_code": "",
        "error_sentence": "",
        "error_remedy": "",
    }
    if found.was_cleared:
        columns["start_record_id"] = None  # numbers tell nothing any more
    unchanged = LogFollowing.objects.filter(pk=row.pk, record_id=row.record_id)
    if not unchanged.update(**columns):
        return None
    if found.was_cleared:
        audit.record("event_log.cleared", actor=_PORTAL, offer=row.offer, now=now)
    records = [record for record in found.records if _is_of(record, row, now)]
    if records:
        _require_few(row, len(records))
    return store_events([_event(record, row.offer, now) for record in records], now).offers


def _require_few(row: LogFollowing, new: int) -> None:
    """A computer that never stops telling is not believed to.

    Raises:
        BadAnswer: It told more than any session leaves.
    """
    kept = WindowsEvent.objects.filter(
        computer=row.offer.computer_id,
        route=EventRoute.READ,
        received_at__gte=row.offer.requested_at,
    )
    if kept.count() + new > MOST_EVENTS:
        raise BadAnswer("The computer's event log never ends.")


def _is_of(record: EventRecord, row: LogFollowing, now: datetime) -> bool:
    """Whether a record is of this provider and of this computer, and has a time to reckon with.

    A computer could claim that others wrote it; only what it says of itself counts.
    """
    computer = row.offer.computer
    if computer is None or record.provider != PROVIDER or record.channel.lower() != CHANNEL.lower():
        return False
    if abs(record.created_at - now) > WRONGEST_CLOCK:
        return False
    return fold_name(record.computer) in (computer.dns_name_folded, computer.name_folded)


def _event(record: EventRecord, offer: Offer, now: datetime) -> WindowsEvent:
    return WindowsEvent(
        computer=offer.computer,
        computer_name=record.computer,
        channel=record.channel,
        record_id=record.record_id,
        event_id=record.event_id,
        process_id=record.process_id,
        user_sid=record.user_sid,
        at=record.created_at,
        data=dict(record.data),
        received_at=now,
        route=EventRoute.READ,
    )


def _fail(row: LogFollowing, error: PortalError, now: datetime) -> None:
    """Try again later; what the computer refuses, it will refuse again."""
    log.info("event log not read", code=error.code, sentence=error.sentence)
    mine = LogFollowing.objects.filter(pk=row.pk, record_id=row.record_id)
    mine.update(**_error_columns(error), failures=F("failures") + 1)
    row.refresh_from_db()
    if isinstance(error, RemoteAssistanceError) and error.is_refusal:
        _stop(row)
    else:
        _plan(row, now, has_news=False)


def _plan(row: LogFollowing, now: datetime, *, has_news: bool) -> None:
    """When to look next, or never again."""
    offer = Offer.objects.get(pk=row.offer_id)
    row.refresh_from_db()
    if has_news:
        row.news_at = now
    if _is_over(row, offer, now):
        _stop(row)
        return
    shortest, longest = (
        settings.EVENT_LOG_INTERVAL_SECONDS,
        settings.EVENT_LOG_LONGEST_INTERVAL_SECONDS,
    )
    silent = (now - row.news_at).total_seconds() * RARER
    if State(offer.state) in ENDS:
        silent = longest  # what is left is the end of the run
    elif offer.state == State.ANSWERING:
        silent = min(silent, ANSWER_SECONDS)  # the expert waits for it
    seconds = min(max(shortest, silent), longest)
    LogFollowing.objects.filter(pk=row.pk, look_at__isnull=False).update(
        look_at=now + timedelta(seconds=seconds), news_at=row.news_at
    )


def _is_over(row: LogFollowing, offer: Offer, now: datetime) -> bool:
    """Whether the log can tell nothing more of this offer."""
    if State(offer.state) not in ENDS:
        return False
    if offer.ended_at is None or now > offer.ended_at + LATE or row.failures >= FAILURES:
        return True
    if offer.offered_at is None and State(offer.state) not in (State.INTERRUPTED, State.CANCELLED):
        return True
    return WindowsEvent.objects.filter(offer=offer, event_id=ENDED_EVENT).exists()


def _stop(row: LogFollowing) -> None:
    LogFollowing.objects.filter(pk=row.pk).update(look_at=None)


def _error_columns(error: PortalError) -> dict[str, str]:
    return {
        "error_code": error.code,
        "error_sentence": error.sentence[:500],
        "error_remedy": error.remedy[:500],
    }
