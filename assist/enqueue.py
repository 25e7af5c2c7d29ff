"""Sends tasks by name, once the transaction they belong to is committed.

The database is the truth and the broker only the messenger: a message that cannot be sent is
logged and left to ``assist.sweep_offers``, which finds what waits without one.
"""

from __future__ import annotations

import uuid
from datetime import datetime
from functools import partial

import structlog
from celery import current_app
from django.db import transaction
from kombu.exceptions import OperationalError

from assist.models import Offer

log = structlog.get_logger()

CONTACT_NOVICE = "assist.contact_novice"
READ_DIRECTORY = "directory.sync_directory"
CHECK_READINESS = "assist.check_readiness"
SWEEP_READINESS = "assist.sweep_readiness"
SWEEP_EXPIRES_SECONDS = 60  # the scheduler asks again every 30; without it messages would pile up
ANSWER_WHAT_IF = "assist.answer_what_if"
READ_EVENT_LOGS = "assist.read_event_logs"
LOOK_EXPIRES_SECONDS = 30  # what was not looked at by then is due again


def contact_novice(offer_id: uuid.UUID, *, now: datetime) -> None:
    """Have a worker contact the computer of this offer, after the commit."""
    Offer.objects.filter(pk=offer_id).update(enqueued_at=now)
    transaction.on_commit(partial(_send, CONTACT_NOVICE, str(offer_id)))


def read_directory(domain: str, kind: str, *, accept_removals: bool) -> None:
    """Have a worker read a domain, after the commit."""
    transaction.on_commit(partial(_send, READ_DIRECTORY, domain, kind, accept_removals))


def check_readiness(computer_guid: uuid.UUID, looker_sid: str) -> None:
    """Have a worker check one computer, after the commit."""
    transaction.on_commit(partial(_send, CHECK_READINESS, str(computer_guid), looker_sid))


def sweep_readiness(sweep_id: uuid.UUID) -> None:
    """Have a worker go on with a sweep, after the commit."""
    transaction.on_commit(
        partial(_send, SWEEP_READINESS, str(sweep_id), expires=SWEEP_EXPIRES_SECONDS)
    )


def answer_what_if(what_if_id: uuid.UUID) -> None:
    """Have a worker answer a what-if, after the commit."""
    transaction.on_commit(
        partial(_send, ANSWER_WHAT_IF, str(what_if_id), expires=SWEEP_EXPIRES_SECONDS)
    )


def read_event_logs(offer_ids: list[uuid.UUID]) -> None:
    """Have a worker look at the logs of these offers' computers, after the commit."""
    transaction.on_commit(
        partial(_send, READ_EVENT_LOGS, list(map(str, offer_ids)), expires=LOOK_EXPIRES_SECONDS)
    )


def _send(task_name: str, *args: str | bool | list[str], expires: int | None = None) -> None:
    try:
        # retry=False: a person waits for the answer; the sweep sends again soon enough.
        current_app.send_task(task_name, args=args, retry=False, expires=expires)
    except (OperationalError, OSError) as error:
        log.warning(
            "task not sent, the sweep will", task=task_name, task_args=args, error=str(error)
        )
