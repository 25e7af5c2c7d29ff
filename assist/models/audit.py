"""The audit trail: events that are only ever added, and the seals that chain them."""

from __future__ import annotations

from typing import ClassVar

from django.db import models


class AuditEvent(models.Model):
    """One act. Database triggers refuse UPDATE and DELETE."""

    at = models.DateTimeField(db_index=True)
    kind = models.CharField(max_length=64, db_index=True)
    actor_sid = models.CharField(max_length=184, blank=True, help_text="Empty: the portal itself.")
    actor_name = models.CharField(max_length=256)
    subject_kind = models.CharField(max_length=32, blank=True)
    subject_id = models.CharField(max_length=184, blank=True)
    subject_name = models.CharField(max_length=256, blank=True)
    offer_id = models.UUIDField(null=True, db_index=True)
    ticket = models.CharField(max_length=64, blank=True)
    source_address = models.GenericIPAddressField(null=True)
    request_id = models.CharField(max_length=64, blank=True)
    data = models.JSONField(default=dict)

    class Meta:
        ordering: ClassVar[list[str]] = ["id"]

    def __str__(self) -> str:
        return f"{self.kind} by {self.actor_name}"


class AuditSeal(models.Model):
    """An event's place in the hash chain. Written by the one sealer, never changed."""

    position = models.PositiveBigIntegerField(primary_key=True)
    event = models.OneToOneField(AuditEvent, on_delete=models.PROTECT, related_name="seal")
    previous_hash = models.CharField(max_length=64)
    hash = models.CharField(max_length=64)
    sealed_at = models.DateTimeField()

    class Meta:
        ordering: ClassVar[list[str]] = ["position"]

    def __str__(self) -> str:
        return f"{self.position}: {self.hash[:12]}"
