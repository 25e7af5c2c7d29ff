"""Why we believe an outcome."""

from __future__ import annotations

from typing import ClassVar

from django.db import models


class EvidenceKind(models.TextChoices):
    STARTED = "started", "Remote Assistance started"
    CONNECTED = "connected", "A viewer connected"
    VIEWED = "viewed", "The user let the expert see the screen"
    CONTROLLED = "controlled", "The user shared control"
    DECLINED = "declined", "The user declined"
    UNANSWERED = "unanswered", "The user did not answer"
    CLOSED = "closed", "The invitation was closed"
    ENDED = "ended", "Remote Assistance ended"
    BLOCKED = "blocked", "Settings do not allow an invitation"
    CONTROL_BLOCKED = "control_blocked", "Settings do not allow control"
    FIREWALLED = "firewalled", "The computer's firewall may stop Remote Assistance"


class EvidenceSource(models.TextChoices):
    WINDOWS_EVENT = "windows_event", "Windows event log"
    EXPERT = "expert", "The expert's word"
    LAUNCHER = "launcher", "The launcher on the expert's computer"
    PORTAL = "portal", "The portal's clock"


class Grade(models.TextChoices):
    STRONG = "strong", "recorded by Windows"
    INFERRED = "inferred", "inferred from what Windows recorded"
    STATED = "stated", "stated by the expert"
    ASSUMED = "assumed", "assumed, nothing said otherwise in time"


class EventRoute(models.TextChoices):
    FORWARDED = "forwarded", "forwarded"
    READ = "read", "read from the log"


class WindowsEvent(models.Model):
    """One event of a RemoteAssistance channel, once, by whichever way it came first."""

    computer = models.ForeignKey("directory.Computer", null=True, on_delete=models.SET_NULL)
    computer_name = models.CharField(max_length=256)
    channel = models.CharField(max_length=256)
    record_id = models.PositiveBigIntegerField()
    event_id = models.PositiveIntegerField()
    process_id = models.PositiveIntegerField(null=True)
    user_sid = models.CharField(max_length=184, blank=True)
    at = models.DateTimeField(help_text="The computer's own clock.")
    data = models.JSONField(default=dict)
    received_at = models.DateTimeField()
    route = models.CharField(max_length=16, choices=EventRoute, default=EventRoute.FORWARDED)
    offer = models.ForeignKey(
        "assist.Offer", null=True, on_delete=models.SET_NULL, related_name="windows_events"
    )

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["computer_name", "channel", "record_id", "at"], name="one_row_per_event"
            )
        ]

    def __str__(self) -> str:
        return f"{self.computer_name} event {self.event_id}"


class Evidence(models.Model):
    """One piece of evidence. Kept for ever; better evidence is added, never put in its place."""

    offer = models.ForeignKey("assist.Offer", on_delete=models.CASCADE, related_name="evidence")
    kind = models.CharField(max_length=16, choices=EvidenceKind)
    source = models.CharField(max_length=16, choices=EvidenceSource)
    grade = models.CharField(max_length=16, choices=Grade)
    sentence = models.CharField(max_length=500, blank=True)
    at = models.DateTimeField(help_text="When it happened, as the source says.")
    recorded_at = models.DateTimeField()
    windows_event = models.ForeignKey(WindowsEvent, null=True, on_delete=models.SET_NULL)

    class Meta:
        ordering: ClassVar[list[str]] = ["at", "id"]

    def __str__(self) -> str:
        return f"{self.kind} ({self.grade})"
