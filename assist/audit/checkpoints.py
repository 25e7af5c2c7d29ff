"""Signed checkpoints, on a schedule, to where the database's administrator cannot reach.

A chain inside the database alone cannot stop that administrator: he can compute it anew. A
checkpoint that has left the database says what it was.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import structlog
from django.conf import settings
from django.utils import timezone

from assist.audit.canonical import GENESIS
from assist.audit.signing import Checkpoint, parse_private_key, sign
from assist.audit.sinks import append_to_file, post
from assist.errors import NotConfigured, SinkUnavailable
from assist.models import AuditCheckpoint, AuditSeal

log = structlog.get_logger()


def is_configured() -> bool:
    """Whether there is a key, and a place that checkpoints go to."""
    sinks = settings.AUDIT_CHECKPOINT_FILE or settings.AUDIT_CHECKPOINT_URL
    return bool(settings.AUDIT_CHECKPOINT_KEY and sinks)


def checkpoint_write(now: datetime | None = None) -> AuditCheckpoint:
    """Sign what the chain is now and send it to every sink.

    It is written even if nothing was added: that is news too, and shows that the sinks work.

    Args:
        now: An aware time; the present if None.

    Returns:
        The row that keeps what was sent. ``error`` says which sinks did not take it.

    Raises:
        NotConfigured: There is no key, or no sink.
    """
    if not is_configured():
        raise NotConfigured(
            "Checkpoints have no key or no place to go.",
            remedy="Set AUDIT_CHECKPOINT_KEY_FILE, and AUDIT_CHECKPOINT_FILE or _URL.",
        )
    key = parse_private_key(settings.AUDIT_CHECKPOINT_KEY)
    at = now or timezone.now()
    last = AuditSeal.objects.order_by("-position").first()
    position, digest = (last.position, last.hash) if last else (0, GENESIS)
    line = sign(Checkpoint(position, digest, at), key)
    error = " ".join(_send(line))
    if error:
        log.error("audit_checkpoint_not_delivered", position=position, error=error)
    return AuditCheckpoint.objects.create(
        position=position, hash=digest, at=at, document=line, is_delivered=not error, error=error
    )


def _send(line: str) -> list[str]:
    """What went wrong at the sinks, a sentence each; one that fails does not stop the other."""
    wrong = []
    if settings.AUDIT_CHECKPOINT_FILE:
        try:
            append_to_file(Path(settings.AUDIT_CHECKPOINT_FILE), line)
        except SinkUnavailable as error:
            wrong.append(error.sentence)
    if settings.AUDIT_CHECKPOINT_URL:
        try:
            post(
                settings.AUDIT_CHECKPOINT_URL,
                line,
                token=settings.AUDIT_CHECKPOINT_TOKEN,
                timeout=settings.AUDIT_CHECKPOINT_TIMEOUT_SECONDS,
            )
        except SinkUnavailable as error:
            wrong.append(error.sentence)
    return wrong
