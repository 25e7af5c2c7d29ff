"""The synchronisation as a task of Celery."""

from __future__ import annotations

import structlog
from celery import shared_task

from directory import synchronisation
from directory.configuration import connection_settings
from directory.errors import PortalError

log = structlog.get_logger(__name__)


@shared_task(name="directory.sync_directory")
def sync_directory() -> None:
    """Synchronise the configured domain. How it went is in SyncRun and in the log."""
    try:
        run = synchronisation.run(connection_settings())
    except PortalError as error:
        log.warning("directory_sync_failed", code=error.code, reason=error.sentence)
    else:
        log.info("directory_synced", domain=run.domain_dns_name, counts=run.counts)
