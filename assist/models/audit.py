"""The audit trail: events that are only ever added, and the seals that chain them."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models
from django.db.models.functions import Now


class AuditEvent(models.Model):
    """One act. Database triggers refuse UPDATE and DELETE, and note it in ``AuditUnsealed``.

    ``data["personal"]`` holds salted digests; ``AuditPersonal`` has what they are of.
    """

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

    @property
    def details(self) -> dict[str, Any]:
        """``data`` for a reader: personal values in place of their digests, while they are kept."""
        shown = {name: value for name, value in self.data.items() if name != "personal"}
        digests = self.data.get("personal")
        if isinstance(digests, dict):
            kept = {row.name: row.value for row in self.personal.all()}
            shown |= {name: kept.get(name, "erased") for name in digests}
        return shown


class AuditPersonal(models.Model):
    """A personal value of a novice, with the salt of its digest in the event.

    To pseudonymise a person her rows are deleted. The chain holds digests alone, which without
    the salt tell nobody anything, and stays as it is. Database triggers refuse UPDATE.
    """

    event = models.ForeignKey(
        AuditEvent, on_delete=models.DO_NOTHING, db_constraint=False, related_name="personal"
    )
    name = models.CharField(max_length=32)
    salt = models.CharField(max_length=32)
    value = models.TextField()

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["event", "name"], name="one_value_of_a_name")
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(
                fields=["value"], condition=models.Q(name="novice_sid"), name="events_of_a_novice"
            )
        ]

    def __str__(self) -> str:
        return f"{self.name} of event {self.event_id}"


class AuditUnsealed(models.Model):
    """An event that waits for its seal. A database trigger adds it, the sealer takes it away."""

    event = models.OneToOneField(
        AuditEvent,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        primary_key=True,
        related_name="waiting",
    )
    since = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return f"event {self.event_id}"


class AuditSeal(models.Model):
    """An event's place in the hash chain. Written by the one sealer, never changed."""

    position = models.PositiveBigIntegerField(primary_key=True)
    event = models.OneToOneField(AuditEvent, on_delete=models.PROTECT, related_name="seal")
    previous_hash = models.CharField(max_length=64)
    hash = models.CharField(max_length=64)
    sealed_at = models.DateTimeField()
    version = models.PositiveSmallIntegerField(
        default=1, db_default=1, help_text="Of the canonical form, see docs/audit-format.md."
    )
    algorithm = models.CharField(max_length=16, default="sha256", db_default="sha256")

    class Meta:
        ordering: ClassVar[list[str]] = ["position"]

    def __str__(self) -> str:
        return f"{self.position}: {self.hash[:12]}"


class AuditCheckpoint(models.Model):
    """A checkpoint that was signed, and whether every sink took it.

    These rows prove nothing, being in the database: they are for showing, and for noticing that a
    sink is down.
    """

    at = models.DateTimeField(db_index=True)
    position = models.PositiveBigIntegerField()
    hash = models.CharField(max_length=64)
    document = models.TextField(help_text="The signed line.")
    is_delivered = models.BooleanField()
    error = models.TextField(blank=True)

    class Meta:
        ordering: ClassVar[list[str]] = ["id"]

    def __str__(self) -> str:
        return f"position {self.position} at {self.at:%Y-%m-%d %H:%M:%S}"


class AuditStub(models.Model):
    """What stands for a range of old events that was removed. Database triggers guard it too.

    They refuse to change or remove a stub, refuse one that is not exactly of a sealed range, and
    let nothing be deleted from the trail but what a stub covers.
    """

    first_position = models.PositiveBigIntegerField(unique=True)
    last_position = models.PositiveBigIntegerField(unique=True)
    count = models.PositiveBigIntegerField()
    previous_hash = models.CharField(max_length=64)
    first_hash = models.CharField(max_length=64)
    last_hash = models.CharField(max_length=64)
    at = models.DateTimeField()
    document = models.TextField(help_text="The signed line.")

    class Meta:
        ordering: ClassVar[list[str]] = ["first_position"]

    def __str__(self) -> str:
        return f"positions {self.first_position} to {self.last_position}"
