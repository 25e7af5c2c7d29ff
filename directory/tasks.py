"""The synchronisation as tasks of Celery."""

from __future__ import annotations

from datetime import timedelta

import structlog
from celery import current_app, shared_task
from django.conf import settings
from django.utils import timezone

from directory import synchronisation
from directory.configuration import configured_domains, domain_configuration
from directory.errors import PortalError
from directory.models import SyncRun
from directory.synchronisation.schedule import due

log = structlog.get_logger(__name__)

EXPIRES_SECONDS = 60  # from being due to being taken by a worker


@shared_task(name="directory.sync_due_domains")
def sync_due_domains() -> None:
    """Have the domains read whose time has come."""
    for run in due(configured_domains(), timezone.now()):
        # One that no worker has taken by then is asked for again.
        current_app.send_task(
            "directory.sync_directory", (run.domain, run.kind), expires=EXPIRES_SECONDS
        )


@shared_task(name="directory.forget_old_runs")
def forget_old_runs() -> None:
    """Delete the records of runs that nobody will ask about any more."""
    before = timezone.now() - timedelta(days=settings.DIRECTORY_RUN_RETENTION_DAYS)
    deleted, _ = SyncRun.objects.filter(started_at__lt=before).delete()
    log.info("old_sync_runs_deleted", rows=deleted)


@shared_task(name="directory.sync_directory")
def sync_directory(
    domain: str, kind: str = SyncRun.Kind.INCREMENTAL, accept_removals: bool = False
) -> None:
    """Synchronise one domain. How it went is in SyncRun and in the log."""
    try:
        run = synchronisation.run(
            domain_configuration(domain), kind=kind, accept_removals=accept_removals
        )
    except synchronisation.SynchronisationRunning as error:
        log.info("directory_sync_running", domain=domain, reason=error.sentence)
    except PortalError as error:
        log.error("directory_sync_failed", domain=domain, code=error.code, reason=error.sentence)
    else:
        if run.counts:
            log.info("directory_synced", domain=domain, kind=run.kind, counts=run.counts)
