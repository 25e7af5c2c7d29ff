"""One run of the synchronisation, recorded from its start to its end."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from directory.errors import PortalError
from directory.ldap import DirectoryConnectionSettings
from directory.models import Domain, SyncRun
from directory.synchronisation.applying import apply_content
from directory.synchronisation.errors import SynchronisationRunning, TooManyRemovals
from directory.synchronisation.progress import Progress, ReportProgress, ignore_progress
from directory.synchronisation.reading import read_domain

# A run that has not reported for this long lost its process. Storing, which reports nothing to
# the database, takes less even for directories of some 100,000 objects.
ABANDONED_AFTER = timedelta(minutes=15)
RECORD_EVERY = timedelta(seconds=2)


def run(
    domain_settings: DirectoryConnectionSettings,
    *,
    progress: ReportProgress = ignore_progress,
    full: bool = True,
    accept_removals: bool = False,
) -> SyncRun:
    """Read a domain and store what was read, all at once.

    Args:
        domain_settings: How to reach the domain.
        progress: Told how far the run is.
        full: Read everything. Every run does so far.
        accept_removals: Store even if more than DIRECTORY_REMOVAL_LIMIT_PERCENT of a kind is gone.

    Returns:
        The run's record, succeeded.

    Raises:
        SynchronisationRunning: Another run for the domain has not ended.
        TooManyRemovals: See above. Nothing was changed.
        PortalError: The directory could not be reached or read. Nothing was changed; the run's
            record says why.
    """
    record = _begin(domain_settings.domain, timezone.now())
    recorder = _Recorder(record, progress)
    try:
        content = read_domain(domain_settings, recorder)
        recorder(Progress("storing"))
        domain, counts = apply_content(
            content,
            generation=record.pk,
            removal_limit_percent=(
                None if accept_removals else settings.DIRECTORY_REMOVAL_LIMIT_PERCENT
            ),
            report=lambda stored: progress(Progress("storing", stored)),
        )
    except BaseException as error:  # an interrupted run, too, must not stay "running"
        _end_badly(record, error)
        raise
    _end_well(record, domain, counts)
    progress(Progress("done"))
    return record


class _Recorder:
    """Passes progress on, and keeps the record's copy of it not older than some seconds."""

    def __init__(self, record: SyncRun, progress: ReportProgress) -> None:
        self._record = record
        self._progress = progress

    def __call__(self, progress: Progress) -> None:
        self._progress(progress)
        now = timezone.now()
        is_new_stage = progress.stage != self._record.stage
        if is_new_stage or now - self._record.heartbeat_at >= RECORD_EVERY:
            self._record.stage = progress.stage
            self._record.progress = progress.percent
            self._record.heartbeat_at = now
            self._record.save(update_fields=["stage", "progress", "heartbeat_at"])


def _begin(domain_dns_name: str, now: datetime) -> SyncRun:
    running = SyncRun.objects.filter(domain_dns_name=domain_dns_name, state=SyncRun.State.RUNNING)
    running.filter(heartbeat_at__lt=now - ABANDONED_AFTER).update(
        state=SyncRun.State.ABANDONED, finished_at=now, error="The process of the run was lost."
    )
    try:
        with transaction.atomic():
            return SyncRun.objects.create(
                domain_dns_name=domain_dns_name,
                domain=Domain.objects.filter(dns_name_folded=domain_dns_name).first(),
                started_at=now,
                heartbeat_at=now,
            )
    except IntegrityError as error:
        raise SynchronisationRunning(
            f"{domain_dns_name} is being synchronised already.",
            remedy="Wait until that run ends. One whose process was lost is given up after "
            f"{ABANDONED_AFTER.seconds // 60} minutes.",
        ) from error


def _end_well(record: SyncRun, domain: Domain, counts: dict[str, dict[str, int]]) -> None:
    now = timezone.now()
    Domain.objects.filter(pk=domain.pk).update(synced_at=now)
    record.domain = domain
    record.state = SyncRun.State.SUCCEEDED
    record.stage, record.progress = "done", 100
    record.finished_at = record.heartbeat_at = now
    record.counts = counts
    record.save()


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
    record.save()
