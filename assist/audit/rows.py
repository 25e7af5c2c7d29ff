"""Reading events and seals in their canonical form, by PostgreSQL itself or by Python."""

from __future__ import annotations

from assist.audit.canonical import EventFields
from assist.models import AuditEvent

# What COPY writes of these columns is canonical.event_line: a test compares the two.
EVENT_COLUMNS = """
    event.id, (extract(epoch FROM event.at) * 1000000)::bigint, event.kind, event.actor_sid,
    event.actor_name, event.subject_kind, event.subject_id, event.subject_name, event.offer_id,
    event.ticket, host(event.source_address), event.request_id, event.data
"""


def fields_of(event: AuditEvent) -> EventFields:
    """The columns of an event."""
    return EventFields(
        id=event.pk,
        at=event.at,
        kind=event.kind,
        actor_sid=event.actor_sid,
        actor_name=event.actor_name,
        subject_kind=event.subject_kind,
        subject_id=event.subject_id,
        subject_name=event.subject_name,
        offer_id=str(event.offer_id) if event.offer_id else None,
        ticket=event.ticket,
        source_address=event.source_address,
        request_id=event.request_id,
        data=event.data,
    )
