"""Tasks: an id in, one service called. Safe to run twice."""

from __future__ import annotations

import uuid

import structlog
from celery import shared_task
from django.utils import timezone

from assist import alerts, audit, enqueue, offers, settings_in_force, what_ifs
from assist.readiness import requesting, retention, sweeps
from assist.reports.adding_up import add_up
from assist.reports.schedules import send_due

log = structlog.get_logger()


@shared_task(name="assist.contact_novice")
def contact_novice(offer_id: str) -> None:
    """Contact the computer of a queued offer."""
    offers.offer_contact(uuid.UUID(offer_id))


@shared_task(name="assist.sweep_offers")
def sweep_offers() -> None:
    """End what outlived its deadline and send again what the broker lost."""
    offers.sweep()


@shared_task(name="assist.look_at_event_logs")
def look_at_event_logs() -> None:
    """Have the event logs read that are due."""
    for batch in offers.claim_due(timezone.now()):
        enqueue.read_event_logs(batch)


@shared_task(name="assist.read_event_logs")
def read_event_logs(offer_ids: list[str]) -> None:
    """Look once at the event logs of these offers' computers."""
    offers.look([uuid.UUID(offer_id) for offer_id in offer_ids])


@shared_task(name="assist.seal_audit_events")
def seal_audit_events() -> None:
    """Chain the audit events written since the last time."""
    audit.seal(wait=False)


@shared_task(name="assist.write_audit_checkpoint")
def write_audit_checkpoint() -> None:
    """Sign what the chain is and send it out of the database, where that is configured."""
    if audit.is_configured():
        audit.checkpoint_write()


@shared_task(name="assist.remove_old_audit_events")
def remove_old_audit_events() -> None:
    """Remove the audit events that retention lets go, each range with a signed stub."""
    removed = audit.remove_old()
    log.info("old_audit_events_removed", events=sum(each.count for each in removed))


@shared_task(name="assist.watch_audit_trail")
def watch_audit_trail() -> None:
    """Tell operators when the audit trail is behind."""
    alerts.watch_trail()


@shared_task(name="assist.note_settings")
def note_settings() -> None:
    """Tell the audit trail if the portal runs with other settings."""
    settings_in_force.note_settings()


@shared_task(name="assist.check_readiness")
def check_readiness(computer_guid: str, looker_sid: str = "") -> None:
    """Check the readiness of one computer, as a person asked."""
    requesting.readiness_check(uuid.UUID(computer_guid), looker_sid)


@shared_task(name="assist.sweep_readiness")
def sweep_readiness(sweep_id: str) -> None:
    """Do a slice of a sweep and have the next one done, of whichever sweep has its turn then."""
    sweeps.sweep_work(uuid.UUID(sweep_id))
    _go_on(sweeps.sweep_in_turn(timezone.now()))


@shared_task(name="assist.continue_readiness_sweeps")
def continue_readiness_sweeps() -> None:
    """Begin the sweep that is due, and go on when nobody works at one."""
    _go_on(sweeps.sweep_to_continue(timezone.now()))


def _go_on(sweep_id: uuid.UUID | None) -> None:
    if sweep_id is not None:
        enqueue.sweep_readiness(sweep_id)


@shared_task(name="assist.forget_old_readiness")
def forget_old_readiness() -> None:
    """Delete the records of sweeps, and of computers that are gone, that nobody will ask for."""
    forgotten = retention.forget_old(timezone.now())
    log.info("old_readiness_deleted", sweeps=forgotten.sweeps, computers=forgotten.computers)


@shared_task(name="assist.answer_what_if")
def answer_what_if(what_if_id: str) -> None:
    """Find out what changes would give and take, as a person asked."""
    what_ifs.what_if_work(uuid.UUID(what_if_id))


@shared_task(name="assist.continue_what_ifs")
def continue_what_ifs() -> None:
    """Have the what-ifs answered that no worker is at."""
    for what_if_id in what_ifs.what_ifs_to_continue(timezone.now()):
        enqueue.answer_what_if(what_if_id)


@shared_task(name="assist.add_up_offers")
def add_up_offers() -> None:
    """Add up the days that are over, and those of which something has changed since."""
    while add_up(timezone.now()).has_more:
        pass


@shared_task(name="assist.send_reports")
def send_reports() -> None:
    """Send the overviews that are due by e-mail."""
    send_due(timezone.now())
