"""How far the audit trail is behind: the sealer, and the checkpoints that leave the database."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.utils import timezone

from assist.audit.checkpoints import is_configured
from assist.audit.sealing import sealer_lag
from assist.models import AuditCheckpoint


@dataclass(frozen=True)
class Standing:
    """The trail at a moment.

    Attributes:
        sealer_lag: How long the oldest event waits for its seal.
        has_sink: Checkpoints are configured.
        delivered_at: When the last checkpoint reached every sink; None: none ever did.
        at: The moment, an aware time.
    """

    sealer_lag: timedelta
    has_sink: bool
    delivered_at: datetime | None
    at: datetime

    @property
    def is_sealer_behind(self) -> bool:
        """Longer than AUDIT_SEALER_MAXIMUM_LAG_SECONDS."""
        return self.sealer_lag > timedelta(seconds=settings.AUDIT_SEALER_MAXIMUM_LAG_SECONDS)

    @property
    def is_sink_behind(self) -> bool:
        """Longer than AUDIT_SINK_MAXIMUM_AGE_SECONDS, or since ever."""
        if not self.has_sink:
            return False
        if self.delivered_at is None:
            return True
        most = timedelta(seconds=settings.AUDIT_SINK_MAXIMUM_AGE_SECONDS)
        return self.at - self.delivered_at > most


def standing(now: datetime | None = None) -> Standing:
    """How the trail stands; two queries at most.

    Args:
        now: An aware time; the present if None.
    """
    at = now or timezone.now()
    has_sink = is_configured()
    delivered_at = None
    if has_sink:
        delivered = AuditCheckpoint.objects.filter(is_delivered=True).order_by("-at")
        delivered_at = delivered.values_list("at", flat=True).first()
    return Standing(sealer_lag(at), has_sink, delivered_at, at)
