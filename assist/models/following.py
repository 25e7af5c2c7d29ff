"""How the event log of an offer's computer is followed."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from django.db import models


class LogFollowingQuerySet(models.QuerySet["LogFollowing"]):
    def hasten(self, now: datetime) -> None:
        """Have these logs looked at soon and often: something is about to happen."""
        live = self.filter(look_at__isnull=False)
        live.update(news_at=now)
        live.filter(look_at__gt=now).update(look_at=now)


class LogFollowing(models.Model):
    """The place reached in a computer's RemoteAssistance log, and when to look there next.

    Made with the marker before Remote Assistance is started. Nobody waits: a look is a short task
    that is due at ``look_at``.
    """

    offer = models.OneToOneField(
        "assist.Offer", primary_key=True, on_delete=models.CASCADE, related_name="log_following"
    )
    start_record_id = models.PositiveBigIntegerField(
        null=True,
        help_text="The last record before the contact; empty: not known.",
    )
    record_id = models.PositiveBigIntegerField(default=0, help_text="The last record read.")
    record_at = models.DateTimeField(null=True, help_text="Its time, by the computer's clock.")
    port = models.PositiveIntegerField(
        default=0, help_text="Where the event log service was found last."
    )
    clock_ahead_seconds = models.FloatField(
        default=0,
        help_text="How far the computer's clock is ahead, as far as known.",
    )
    look_at = models.DateTimeField(
        null=True, db_index=True, help_text="When to look next; empty: not followed, or no longer."
    )
    looked_at = models.DateTimeField(null=True, help_text="When the log was last read.")
    news_at = models.DateTimeField(
        help_text="When something was last heard; looks get rarer after."
    )
    failures = models.PositiveSmallIntegerField(
        default=0, help_text="How often in a row it could not be read."
    )
    error_code = models.CharField(max_length=64, blank=True)
    error_sentence = models.CharField(max_length=500, blank=True)
    error_remedy = models.CharField(max_length=500, blank=True)

    objects = LogFollowingQuerySet.as_manager()

    class Meta:
        ordering: ClassVar[list[str]] = ["look_at"]

    def __str__(self) -> str:
        return f"log of offer {self.offer_id} from record {self.start_record_id}"

    @property
    def is_live(self) -> bool:
        """Whether it is looked at again."""
        return self.look_at is not None
