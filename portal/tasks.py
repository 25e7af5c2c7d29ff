"""Housekeeping of the site."""

from __future__ import annotations

from celery import shared_task
from django.core.management import call_command


@shared_task(name="portal.clear_sessions")
def clear_sessions() -> None:
    """Removes sessions that have run out; Django leaves that to somebody else."""
    call_command("clearsessions")
