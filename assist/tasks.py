"""Tasks: an id in, one service called. Safe to run twice."""

from __future__ import annotations

import uuid

from celery import shared_task

from assist import audit, offers


@shared_task(name="assist.contact_novice")
def contact_novice(offer_id: str) -> None:
    """Contact the computer of a queued offer."""
    offers.offer_contact(uuid.UUID(offer_id))


@shared_task(name="assist.sweep_offers")
def sweep_offers() -> None:
    """End what outlived its deadline and send again what the broker lost."""
    offers.sweep()


@shared_task(name="assist.seal_audit_events")
def seal_audit_events() -> None:
    """Chain the audit events written since the last time."""
    audit.seal()
