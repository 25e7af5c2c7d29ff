"""One run of the synchronisation, recorded from its start to its end."""

from __future__ import annotations

import time
from datetime import datetime, timedelta

import structlog
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from directory.configuration import DomainConfiguration
from directory.errors import PortalError
from directory.kept import put_together
from directory.models import Domain, ReplicationCursor, SyncProblem, SyncRun
from directory.signals import run_ended
from directory.synchronisation.batches import Problem, link_problem
from directory.synchronisation.errors import FullReadingNeeded, TooManyRemovals
from directory.synchronisation.full import read_everything
from directory.synchronisation.helper_lists import changed_lists, helper_lists
from directory.synchronisation.incremental import find_changes, read_changed, stale_policies
from directory.synchronisation.kinds import KINDS
from directory.synchronisation.locks import alone
from directory.synchronisation.permissions import NOW_NEEDED, are_new
from directory.synchronisation.progress import Progress, ReportProgress, ignore_progress
from directory.synchronisation.session import Session, open_session
from directory.synchronisation.staging import Staging
from directory.synchronisation.storing import Counts, Findings, store
from directory.synchronisation.sweep import sweep

log = structlog.get_logger(__name__)

RECORD_EVERY = timedelta(seconds=2)
MOST_PROBLEMS = 1000  # that are kept; all of them are counted


def run(
    configuration: DomainConfiguration,
    *,
    progress: ReportProgress = ignore_progress,
    kind: str = SyncRun.Kind.FULL,
    accept_removals: bool = False,
) -> SyncRun:
    """Read a domain and store what was read, all at once.

    Args:
        configuration: Of the domain.
        progress: Told how far the run is.
        kind: Of SyncRun.Kind. An incremental run reads everything where changes cannot be told.
        accept_removals: Store even if more than DIRECTORY_REMOVAL_LIMIT_PERCENT of a kind is gone.

    Returns:
        The run's record, succeeded. That of an incremental run that found nothing is not kept.

    Raises:
        SynchronisationRunning: Another run for the domain has not ended.
        TooManyRemovals: See above. Nothing was changed.
        PortalError: The directory could not be reached or read. Nothing was changed; the run's
            record says why.
    """
    domain = configuration.connection.domain
    with alone(domain):
        record = _begin(domain, kind, timezone.now())
        try:
            _Run(configuration, record, progress, accept_removals=accept_removals).go()
        except BaseException as error:  # an interrupted run, too, must not stay "running"
            _end_badly(record, error)
            raise
    return record


class _Run:
    """The course of one run."""

    def __init__(
        self,
        configuration: DomainConfiguration,
        record: SyncRun,
        progress: ReportProgress,
        *,
        accept_removals: bool,
    ) -> None:
        self._configuration = configuration
        self._record = record
        self._recorder = _Recorder(record, progress)
        self._limit = None if accept_removals else settings.DIRECTORY_REMOVAL_LIMIT_PERCENT
        self._staging = Staging()

    def go(self) -> None:
        """Read and store."""
        self._recorder.show(Progress("connecting"))
        with open_session(self._configuration, prefer=self._last_controller()) as session:
            self._record.controller = session.controller.dns_name
            findings = self._read(session)
            if findings is None:
                self._end_unchanged(session)
            else:
                self._store(session, findings)

    def _last_controller(self) -> str:
        domain = self._configuration.connection.domain
        cursor = ReplicationCursor.objects.filter(domain__dns_name_folded=domain).first()
        return cursor.controller if cursor else ""

    def _read(self, session: Session) -> Findings | None:
        """What is to be stored; None where nothing has changed."""
        wants_permissions = are_new(self._record.domain, needed=session.reads_permissions)
        if self._record.kind == SyncRun.Kind.SWEEP:
            if wants_permissions:
                self._read_all_because(NOW_NEEDED)
                return self._read_everything(session)
            if not ReplicationCursor.objects.filter(domain_id=session.head.entry.guid).exists():
                self._read_all_because("The domain has not been read before.")
                return self._read_everything(session)
            self._recorder.expect(_expected(session))
            return sweep(session, self._staging, self._recorder.read)
        if self._record.kind == SyncRun.Kind.INCREMENTAL:
            try:
                changes = find_changes(session)
            except FullReadingNeeded as reason:
                self._read_all_because(str(reason))
            else:
                changed = sum(len(each.guids) for each in changes.values())
                if not changed and not stale_policies(session) and not wants_permissions:
                    return None
                self._recorder.expect(changed)
                return read_changed(
                    session,
                    changes,
                    self._staging,
                    self._recorder.read,
                    with_all_computers=wants_permissions,
                )
        return self._read_everything(session)

    def _read_all_because(self, reason: str) -> None:
        self._record.kind = SyncRun.Kind.FULL
        self._record.reason = reason
        log.warning("directory_read_in_full", domain=self._record.domain_dns_name, reason=reason)

    def _read_everything(self, session: Session) -> Findings:
        self._recorder.expect(_expected(session))
        return read_everything(
            session,
            self._staging,
            self._recorder.read,
            connections=self._configuration.connections,
        )

    def _store(self, session: Session, findings: Findings) -> None:
        self._record.bytes_received = session.bytes_received
        of_head = link_problem("domains", session.head.entry)
        _keep_problems(self._record, [*([of_head] if of_head else []), *findings.problems])
        self._recorder.show(Progress("storing"))
        now = timezone.now()
        with transaction.atomic():
            before = helper_lists()
            put_together()
            domain, counts = store(
                session,
                findings,
                run=self._record.pk,
                now=now,
                removal_limit_percent=self._limit,
                report=self._recorder.stored,
            )
            if self._is_worth_telling(findings, counts):
                self._record.domain = domain
                self._record.counts = counts
                self._recorder.finish()
                changes = changed_lists(before, helper_lists())
                run_ended.send(SyncRun, run=self._record, helper_lists=changes)
            else:
                self._forget()
        self._staging.close()
        self._recorder.done()

    def _is_worth_telling(self, findings: Findings, counts: Counts) -> bool:
        """Whether an incremental run did more than to find all as it was.

        A policy whose files are of another version than its object is read again every time.
        """
        changed = any(
            numbers[what] for numbers in counts.values() for what in ("added", "changed", "removed")
        )
        return changed or bool(findings.problems) or self._record.kind != SyncRun.Kind.INCREMENTAL

    def _end_unchanged(self, session: Session) -> None:
        """Nothing to tell: only the time of the look is kept."""
        Domain.objects.filter(pk=session.head.entry.guid).update(synced_at=timezone.now())
        self._forget()
        self._recorder.done()

    def _forget(self) -> None:
        self._record.state = SyncRun.State.SUCCEEDED
        self._record.delete()


def _expected(session: Session) -> int:
    """How many objects the picture has of what is about to be read."""
    return sum(
        kind.model._default_manager.filter(
            is_present=True, **{kind.scope_column: session.scope(kind)}
        ).count()
        for kind in KINDS
    )


class _Recorder:
    """Passes progress on, and keeps the record's copy of it not older than some seconds."""

    def __init__(self, record: SyncRun, progress: ReportProgress) -> None:
        self._record = record
        self._progress = progress
        self._expected = 0
        self._stage_began = time.monotonic()

    def expect(self, objects: int) -> None:
        """How many objects the reading will probably be about."""
        self._expected = objects
        self.show(Progress("reading", 0, objects))

    def read(self, objects: int) -> None:
        self.show(Progress("reading", objects, self._expected))

    def stored(self, objects: int) -> None:
        # Inside the transaction that takes the picture over, the record could not be seen anyway.
        self._progress(Progress("storing", objects, self._expected))

    def show(self, progress: Progress) -> None:
        """Report, and record it if it is a new stage or some seconds have passed."""
        self._progress(progress)
        now = timezone.now()
        is_new_stage = progress.stage != self._record.stage
        if is_new_stage:
            self._end_stage()
        if is_new_stage or now - self._record.heartbeat_at >= RECORD_EVERY:
            self._record.stage = progress.stage
            self._record.progress = progress.percent
            self._record.objects_done = progress.done
            self._record.heartbeat_at = now
            self._record.save()

    def _end_stage(self) -> None:
        now = time.monotonic()
        if self._record.stage:
            self._record.seconds_by_stage[self._record.stage] = round(now - self._stage_began, 3)
        self._stage_began = now

    def finish(self) -> None:
        """Record that the run succeeded; in the transaction that stored what it read."""
        self._end_stage()
        record = self._record
        record.state = SyncRun.State.SUCCEEDED
        record.stage, record.progress = "done", 100
        record.finished_at = record.heartbeat_at = timezone.now()
        record.save()

    def done(self) -> None:
        self._progress(Progress("done"))


def _begin(domain_dns_name: str, kind: str, now: datetime) -> SyncRun:
    # Whoever was running has lost its process, or we would not hold the lock.
    SyncRun.objects.filter(domain_dns_name=domain_dns_name, state=SyncRun.State.RUNNING).update(
        state=SyncRun.State.ABANDONED, finished_at=now, error="The process of the run was lost."
    )
    return SyncRun.objects.create(
        domain_dns_name=domain_dns_name,
        domain=Domain.objects.filter(dns_name_folded=domain_dns_name).first(),
        kind=kind,
        started_at=now,
        heartbeat_at=now,
    )


def _keep_problems(record: SyncRun, problems: list[Problem]) -> None:
    record.problem_count = len(problems)
    SyncProblem.objects.bulk_create(
        SyncProblem(
            run=record,
            kind=problem.kind,
            guid=problem.guid,
            distinguished_name=problem.distinguished_name.replace("\x00", "\ufffd"),
            reason=problem.reason,
        )
        for problem in problems[:MOST_PROBLEMS]
    )


def _end_badly(record: SyncRun, error: BaseException) -> None:
    record.finished_at = timezone.now()
    record.state = (
        SyncRun.State.STOPPED if isinstance(error, TooManyRemovals) else SyncRun.State.FAILED
    )
    if isinstance(error, PortalError):
        record.error, record.error_code = error.sentence, error.code
        record.remedy = error.remedy
    else:
        record.error, record.error_code = type(error).__name__, "unexpected"
    record.counts = {}
    record.save()
    run_ended.send(SyncRun, run=record, helper_lists=())
