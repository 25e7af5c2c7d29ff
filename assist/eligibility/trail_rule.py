"""No audit, no access: the rule by which offers wait for the audit trail. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from assist.eligibility.decision import Effect, Finding, Reference
from assist.eligibility.spans import in_words

AUDIT_BEHIND = "portal.audit_behind"
_OPERATOR = "Show this to the portal's operator: "


@dataclass(frozen=True)
class TrailFacts:
    """How the audit trail stands, where offers depend on it.

    Attributes:
        sealer_lag: How long the oldest event waits for its seal.
        maximum_lag: The longest it may.
        has_sink: Checkpoints have a place outside the database.
        delivered_at: When one last got there, an aware time; None: never.
        maximum_age: The longest that may be ago.
    """

    sealer_lag: timedelta
    maximum_lag: timedelta
    has_sink: bool
    delivered_at: datetime | None
    maximum_age: timedelta


def trail_findings(trail: TrailFacts | None, now: datetime) -> Iterator[Finding]:
    """Whether the trail is near enough to now.

    Args:
        trail: None where offers do not depend on it.
        now: An aware time.
    """
    if trail is None:
        return
    setting = (Reference("setting", "AUDIT_REQUIRED_FOR_OFFERS", "AUDIT_REQUIRED_FOR_OFFERS"),)
    is_well = True
    if trail.sealer_lag > trail.maximum_lag:
        is_well = False
        yield Finding(
            AUDIT_BEHIND,
            Effect.DENY,
            f"Audit events have waited for their seal for {in_words(trail.sealer_lag)}, "
            f"and no offer is made after {in_words(trail.maximum_lag)}.",
            setting,
            f"{_OPERATOR}a worker for the queue timers and beat have to run.",
        )
    if trail.has_sink and (
        trail.delivered_at is None or now - trail.delivered_at > trail.maximum_age
    ):
        is_well = False
        since = (
            f"for {in_words(now - trail.delivered_at)}"
            if trail.delivered_at is not None
            else "so far"
        )
        yield Finding(
            AUDIT_BEHIND,
            Effect.DENY,
            f"No checkpoint of the audit trail has left the database {since}, "
            f"and no offer is made after {in_words(trail.maximum_age)}.",
            setting,
            f"{_OPERATOR}`manage.py audit_checkpoint` says what is wrong.",
        )
    if is_well:
        yield Finding("portal.audit_trail", Effect.ALLOW, "The audit trail is up to date.", setting)
