"""What operators should look at: bursts of offers, an audit trail that is behind."""

from __future__ import annotations

from typing import ClassVar

from django.db import models


class OfferAlert(models.Model):
    """A burst of offers, or an audit trail that is behind, until somebody has looked at it."""

    class Kind(models.TextChoices):
        EXPERT = "expert_burst", "Many offers by one expert"
        COMPUTER = "computer_burst", "Many offers to one computer"
        TRAIL = "audit_behind", "The audit trail is behind"

    kind = models.CharField(max_length=16, choices=Kind)
    subject_id = models.CharField(max_length=184, help_text="SID or GUID.")
    subject_name = models.CharField(max_length=256)
    first_at = models.DateTimeField()
    last_at = models.DateTimeField()
    offers = models.PositiveIntegerField(help_text="The most within the span of a burst; else 0.")
    seen_at = models.DateTimeField(null=True)
    seen_by = models.CharField(max_length=256, blank=True)

    class Meta:
        ordering: ClassVar[list[str]] = ["-last_at", "-id"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["kind", "subject_id"],
                condition=models.Q(seen_at__isnull=True),
                name="one_unseen_alert_per_subject",
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.subject_name}"
