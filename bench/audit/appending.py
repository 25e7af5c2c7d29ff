"""How many events writers append at the same time, beside plain rows and beside django-auditlog.

Every writer is a process with a connection of its own, and every event is a transaction of its
own that is on disk before the next begins.
"""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Barrier, Event
from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.db import connection
from django.utils import timezone

from assist import audit
from assist.actors import Actor
from assist.models import AuditEvent
from bench.report import Report

WRITERS = (1, 4, 16)
SECONDS = 2.0  # that each number of writers appends
SEAL_SECONDS = 0.5
_HAS_AUDITLOG = find_spec("auditlog") is not None
_PLAIN = "CREATE TABLE IF NOT EXISTS bench_plain (LIKE assist_auditevent INCLUDING ALL)"
_INSERT = """
INSERT INTO bench_plain (at, kind, actor_sid, actor_name, subject_kind, subject_id, subject_name,
                         offer_id, ticket, source_address, request_id, data)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
"""
ACTOR = Actor(
    sid="S-1-5-21-7-8-9-1107",
    name=r"BENCH\expert0007",
    source_address="192.0.2.7",
    request_id="0f2c8a7e5d1b4c39",
)
DATA = {"from": "contacting", "to": "offered", "sentence": "Remote Assistance runs on PC00191."}


def append(database: str, say: Report) -> dict[str, Any]:
    """Events per second with each number of writers.

    Args:
        database: Name of a migrated database, which is filled.
        say: Says what is done.
    """
    connection.close()
    connection.settings_dict["NAME"] = database
    with connection.cursor() as cursor:
        cursor.execute(_PLAIN)
    content_type = ContentType.objects.get_for_model(AuditEvent).pk
    figures: dict[str, Any] = {"append_events_s": {}, "plain_rows_s": {}, "append_ratio": {}}
    figures["auditlog_events_s"] = {} if _HAS_AUDITLOG else None
    if not _HAS_AUDITLOG:
        say("django-auditlog is not installed: left out")
    lag = 0.0
    for writers in WRITERS:
        plain, _ = _rate(writers, _plain_row, is_sealed=False)
        events, waited = _rate(writers, _event, is_sealed=True)
        lag = max(lag, waited)
        figures["plain_rows_s"][str(writers)] = round(plain)
        figures["append_events_s"][str(writers)] = round(events)
        figures["append_ratio"][str(writers)] = round(events / plain, 2)
        said = f"{writers} writers: {events:.0f} events/s, {plain:.0f} plain rows/s"
        if _HAS_AUDITLOG:
            peer, _ = _rate(writers, lambda: _auditlog_entry(content_type), is_sealed=False)
            figures["auditlog_events_s"][str(writers)] = round(peer)
            said += f", django-auditlog {peer:.0f}/s"
        say(said)
    figures["sealer_lag_s"] = round(lag, 2)
    audit.seal()
    found = audit.verify()
    if not found.holds or found.unsealed:
        raise RuntimeError(f"the chain does not hold after appending: {found}")
    say(f"the chain of {found.count} appended events holds; longest lag of the sealer {lag:.1f} s")
    return figures


def _rate(writers: int, act: Callable[[], None], *, is_sealed: bool) -> tuple[float, float]:
    """Acts per second of all writers together, and the longest that an event waited for a seal."""
    connection.close()
    fork = multiprocessing.get_context("fork")
    barrier, done = fork.Barrier(writers + 1 + is_sealed), fork.Event()
    counts: Queue[int] = fork.Queue()
    lags: Queue[float] = fork.Queue()
    processes = [
        fork.Process(target=_write, args=(act, barrier, done, counts)) for _ in range(writers)
    ]
    sealer = fork.Process(target=_seal, args=(barrier, done, lags))
    for process in processes + [sealer] * is_sealed:
        process.start()
    barrier.wait()
    began = time.perf_counter()
    done.wait(SECONDS)
    done.set()
    total = sum(counts.get(timeout=60) for _ in processes)
    seconds = time.perf_counter() - began
    lag = lags.get(timeout=60) if is_sealed else 0.0
    for process in processes + [sealer] * is_sealed:
        process.join()
    return total / seconds, lag


def _write(act: Callable[[], None], barrier: Barrier, done: Event, counts: Queue[int]) -> None:
    connection.ensure_connection()
    act()
    count = 0
    barrier.wait()
    while not done.is_set():
        act()
        count += 1
    counts.put(count)
    connection.close()


def _seal(barrier: Barrier, done: Event, lags: Queue[float]) -> None:
    lag = 0.0
    connection.ensure_connection()
    barrier.wait()
    audit.seal()  # what waited for the slowest process to start
    while not done.wait(SEAL_SECONDS):
        lag = max(lag, audit.sealer_lag().total_seconds())
        audit.seal(wait=False)
    audit.seal()  # what is left would wait for the next number of writers
    lags.put(lag)
    connection.close()


def _event() -> None:
    audit.record(
        "offer.offered",
        actor=ACTOR,
        subject_kind="computer",
        subject_id="11111111-2222-3333-4444-555555555555",
        subject_name="PC00191",
        data=DATA,
    )


def _plain_row() -> None:
    event = AuditEvent(
        at=timezone.now(),
        kind="offer.offered",
        actor_sid=ACTOR.sid,
        actor_name=ACTOR.name,
        subject_kind="computer",
        subject_id="11111111-2222-3333-4444-555555555555",
        subject_name="PC00191",
        source_address=ACTOR.source_address,
        request_id=ACTOR.request_id,
        data=DATA,
    )
    fields = [field for field in AuditEvent._meta.concrete_fields if field.column != "id"]
    values = [field.get_db_prep_save(getattr(event, field.attname), connection) for field in fields]
    with connection.cursor() as cursor:
        cursor.execute(_INSERT, values)


def _auditlog_entry(content_type: int) -> None:
    entries = import_module("auditlog.models").LogEntry  # only where it is installed
    entries.objects.create(
        content_type_id=content_type,
        object_pk="11111111-2222-3333-4444-555555555555",
        object_repr="PC00191",
        action=entries.Action.UPDATE,
        changes={"state": ["contacting", "offered"]},
        remote_addr=ACTOR.source_address,
        cid=ACTOR.request_id,
        additional_data=DATA | {"actor_sid": ACTOR.sid, "actor_name": ACTOR.name},
    )
