"""Sweeps: many computers checked in slices, gently, by whichever worker is free.

Sweeps take turns: while one has its slice, no other is worked at, so that all together keep to the
pace of one. The database sees to it, by the unique column ``turn``.

A sweep never activates RASrv. What is stored after each batch is the results, the counts and the
cursor, in one transaction, under the number of the worker's slice: a worker that was thought lost
and comes back stores nothing.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from datetime import datetime, timedelta

import structlog
from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from assist import audit, enqueue
from assist.actors import Actor
from assist.errors import NotAllowed, SweepRunning
from assist.models import ReadinessSweep
from assist.readiness.checking import Pace, Readiness, check, store
from assist.readiness.gathering import background
from assist.readiness.results import State
from assist.readiness.scopes import EVERYTHING, Scope, computers_in, scope_of_sweep
from directory.errors import PortalError

SLICE_SECONDS = 50.0
BATCH = 40
LOST = timedelta(minutes=5)  # longer than a batch whose computers are all silent
THE_TURN = 1
_PORTAL = Actor.portal()
log = structlog.get_logger()


class _Overtaken(Exception):
    """The sweep was cancelled, or another worker took it."""


def sweep_start(
    *,
    actor: Actor,
    scope: Scope,
    ignores_window: bool = False,
    in_background: bool = True,
    now: datetime | None = None,
) -> ReadinessSweep:
    """Begin a sweep.

    Args:
        actor: A manager or an operator, or the portal itself.
        scope: Which computers.
        ignores_window: Do not wait for the hours of READINESS_SWEEP_HOURS.
        in_background: Send it to the workers; else whoever calls does the work.
        now: An aware time; the present if None.

    Raises:
        NotAllowed: The actor has neither role.
        SweepRunning: One of the same scope has not ended.
        InvalidInput: The scope is gone.
    """
    _require_manager(actor)
    now = now or timezone.now()
    total = computers_in(scope).count()
    try:
        with transaction.atomic():
            sweep = ReadinessSweep.objects.create(
                scope_kind=scope.kind,
                scope_id=scope.id,
                scope_name=scope.name,
                requested_by=actor.name,
                requested_by_sid=actor.sid,
                started_at=now,
                ignores_window=ignores_window,
                total=total,
            )
            _record("readiness.sweep_started", sweep, actor, now)
            if in_background:
                enqueue.sweep_readiness(sweep.pk)
    except IntegrityError as error:
        raise SweepRunning(
            f"A sweep of {scope.name} has not ended.",
            remedy="Wait for it, or cancel it.",
        ) from error
    return sweep


def sweep_cancel(*, actor: Actor, sweep: ReadinessSweep, now: datetime | None = None) -> None:
    """End a sweep before all its computers were checked; what was found stays.

    Raises:
        NotAllowed: The actor is neither a manager nor an operator.
    """
    _require_manager(actor)
    now = now or timezone.now()
    with transaction.atomic():
        running = ReadinessSweep.objects.filter(pk=sweep.pk, state=ReadinessSweep.State.RUNNING)
        # Its worker keeps the turn until it is through with the computers that it asks.
        if running.update(state=ReadinessSweep.State.CANCELLED, finished_at=now):
            _record("readiness.sweep_cancelled", sweep, actor, now)


def sweep_work(
    sweep_id: uuid.UUID,
    *,
    seconds: float = SLICE_SECONDS,
    now: Callable[[], datetime] = timezone.now,
    progress: Callable[[int], None] = lambda done: None,
) -> bool:
    """Do a slice of a sweep.

    Args:
        sweep_id: The sweep.
        seconds: After how long to stop between two batches.
        now: Gives an aware time.
        progress: Called with the number of computers that were just checked.

    Returns:
        Whether it should go on; False when the sweep has ended, it was not its turn, or the hours
        of READINESS_SWEEP_HOURS are over.
    """
    sweep = ReadinessSweep.objects.filter(pk=sweep_id).first()
    if sweep is None or not is_permitted(sweep, now()):
        return False
    worker = uuid.uuid4()
    if not _claim(sweep_id, worker, now()):
        return False
    sweep.refresh_from_db()
    try:
        return _slice(sweep, worker, seconds, now, progress)
    except _Overtaken:
        return False
    except PortalError as error:
        _mine(sweep_id, worker).update(
            state=ReadinessSweep.State.FAILED,
            error=f"{error.sentence} {error.remedy}".strip(),
            finished_at=now(),
        )
        return False
    finally:
        ReadinessSweep.objects.filter(pk=sweep_id, worker=worker).update(worker=None, turn=None)


def sweep_in_turn(now: datetime) -> uuid.UUID | None:
    """The running sweep that has waited longest and may go on; None while one is worked at."""
    if ReadinessSweep.objects.filter(turn__isnull=False).exclude(_lost(now)).exists():
        return None
    waiting = ReadinessSweep.objects.filter(state=ReadinessSweep.State.RUNNING).order_by(
        F("heartbeat_at").asc(nulls_first=True), "started_at", "pk"
    )
    return next((sweep.pk for sweep in waiting if is_permitted(sweep, now)), None)


def sweep_to_continue(now: datetime) -> uuid.UUID | None:
    """Begins a sweep that is due; the one whose turn it is."""
    _start_when_due(now)
    return sweep_in_turn(now)


def is_permitted(sweep: ReadinessSweep, now: datetime) -> bool:
    """Whether the hour is one in which sweeps may run."""
    hours = settings.READINESS_SWEEP_HOURS
    return sweep.ignores_window or not hours or timezone.localtime(now).hour in hours


def _slice(
    sweep: ReadinessSweep,
    worker: uuid.UUID,
    seconds: float,
    now: Callable[[], datetime],
    progress: Callable[[int], None],
) -> bool:
    ends_at = time.monotonic() + seconds
    pace = Pace(float(settings.READINESS_SWEEP_PER_SECOND), settings.READINESS_SWEEP_AT_ONCE)
    computers = computers_in(scope_of_sweep(sweep)).select_related("domain", "ou")
    behind = background(with_picture=True)
    cursor = sweep.cursor
    may_go_on = True
    while may_go_on:  # at least one batch, however long reading what is behind it took
        left = computers.filter(guid__gt=cursor) if cursor else computers
        batch = list(left.order_by("guid")[:BATCH])
        if not batch:
            _mine(sweep.pk, worker).update(
                state=ReadinessSweep.State.DONE, finished_at=now(), total=F("done")
            )
            return False
        cursor = batch[-1].pk
        found = check(batch, now=now, behind=behind, pace=pace)
        _keep(sweep.pk, worker, found, cursor, now())
        progress(len(batch))
        if not is_permitted(sweep, now()):
            return False
        may_go_on = time.monotonic() < ends_at
    return True


@transaction.atomic
def _keep(
    sweep_id: uuid.UUID,
    worker: uuid.UUID,
    found: list[Readiness],
    cursor: uuid.UUID,
    now: datetime,
) -> None:
    states = [item.state for item in found]
    changed = _mine(sweep_id, worker).update(
        cursor=cursor,
        heartbeat_at=now,
        done=F("done") + len(found),
        ready=F("ready") + states.count(State.READY),
        not_ready=F("not_ready") + states.count(State.NOT_READY),
        unknown=F("unknown") + states.count(State.UNKNOWN),
    )
    if not changed:
        raise _Overtaken
    store(found, now=now, sweep_id=sweep_id)


def _claim(sweep_id: uuid.UUID, worker: uuid.UUID, now: datetime) -> bool:
    running = ReadinessSweep.objects.filter(
        pk=sweep_id, state=ReadinessSweep.State.RUNNING, turn__isnull=True
    )
    try:
        with transaction.atomic():
            ReadinessSweep.objects.filter(_lost(now)).update(worker=None, turn=None)
            return running.update(worker=worker, turn=THE_TURN, heartbeat_at=now) == 1
    except IntegrityError:  # another sweep has the turn
        return False


def _mine(sweep_id: uuid.UUID, worker: uuid.UUID) -> QuerySet[ReadinessSweep]:
    return ReadinessSweep.objects.filter(
        pk=sweep_id, worker=worker, state=ReadinessSweep.State.RUNNING
    )


def _lost(now: datetime) -> Q:
    return Q(turn__isnull=False, heartbeat_at__lt=now - LOST)


def _start_when_due(now: datetime) -> None:
    every = settings.READINESS_SWEEP_EVERY_HOURS
    if not every:
        return
    recent = ReadinessSweep.objects.filter(
        scope_kind=EVERYTHING.kind, started_at__gt=now - timedelta(hours=every)
    )
    if not recent.exists():
        try:
            sweep_start(actor=_PORTAL, scope=EVERYTHING, in_background=False, now=now)
        except SweepRunning:
            log.info("the sweep that is due waits for the one before it")


def _require_manager(actor: Actor) -> None:
    if not (actor.is_portal or actor.may_manage_readiness):
        raise NotAllowed(
            "Sweeps are for managers and the portal's operators.",
            remedy="Ask one of them, or check a single computer on its page.",
        )


def _record(kind: str, sweep: ReadinessSweep, actor: Actor, now: datetime) -> None:
    audit.record(
        kind,
        actor=actor,
        subject_kind="sweep",
        subject_id=str(sweep.pk),
        subject_name=sweep.scope_name,
        data={"scope": sweep.scope_kind, "computers": sweep.total, "done": sweep.done},
        now=now,
    )
