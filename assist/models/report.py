"""What readers of reports keep."""

from __future__ import annotations

from typing import ClassVar

from django.db import models


class SavedView(models.Model):
    """A table of offers that somebody comes back to: its filters and columns, by a name."""

    owner_sid = models.CharField(max_length=184)
    name = models.CharField(max_length=100)
    query = models.CharField(max_length=4000, help_text="As in the page's address.")
    saved_at = models.DateTimeField()

    class Meta:
        ordering: ClassVar[list[str]] = ["name"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["owner_sid", "name"], name="one_view_per_name")
        ]

    def __str__(self) -> str:
        return self.name


class OfferTally(models.Model):
    """Offers added up over a day or a month by one dimension; see ``assist.reports.tallies``."""

    class Level(models.IntegerChoices):
        DAY = 0
        MONTH = 1

    level = models.PositiveSmallIntegerField(choices=Level)
    start = models.DateField(help_text="The day, or the month's first.")
    dimension = models.CharField(max_length=8)
    key = models.CharField(max_length=184)
    name = models.CharField(max_length=1024)
    offers = models.BigIntegerField(default=0)
    control = models.BigIntegerField(default=0)
    going_on = models.BigIntegerField(default=0)
    accepted = models.BigIntegerField(default=0)
    declined = models.BigIntegerField(default=0)
    unanswered = models.BigIntegerField(default=0)
    unopened = models.BigIntegerField(default=0)
    refused = models.BigIntegerField(default=0)
    blocked = models.BigIntegerField(default=0)
    prompted = models.BigIntegerField(default=0)
    violations = models.BigIntegerField(default=0)

    class Meta:
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["dimension", "level", "start"], name="tally_by_span"),
            models.Index(fields=["dimension", "key", "level", "start"], name="tally_by_key"),
        ]

    def __str__(self) -> str:
        return f"{self.dimension} {self.key} on {self.start}: {self.offers}"


class TallySpan(models.Model):
    """A day or month that is added up."""

    level = models.PositiveSmallIntegerField(choices=OfferTally.Level)
    start = models.DateField()
    zone = models.CharField(max_length=64, help_text="The time zone that its days are of.")

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["level", "start"], name="one_row_per_span")
        ]

    def __str__(self) -> str:
        return f"{self.start} ({self.get_level_display()})"


class TallyMark(models.Model):
    """Says that an offer asked for at this time has changed. Written by triggers alone."""

    at = models.DateTimeField(help_text="When the offer was asked for.")

    def __str__(self) -> str:
        return f"changed: {self.at}"


class ReportSchedule(models.Model):
    """The overview of every day, week or month, sent to one reader."""

    class Cadence(models.TextChoices):
        DAILY = "daily", "every day, of the day before"
        WEEKLY = "weekly", "every Monday, of the week before"
        MONTHLY = "monthly", "on the first, of the month before"

    cadence = models.CharField(max_length=8, choices=Cadence)
    recipient_sid = models.CharField(max_length=184)
    recipient_name = models.CharField(max_length=256)
    made_by = models.CharField(max_length=256)
    made_at = models.DateTimeField()
    sent_for = models.DateField(null=True, help_text="The first day of the period sent last.")
    sent_at = models.DateTimeField(null=True)
    claimed_at = models.DateTimeField(null=True, help_text="When a worker took it to send it.")
    failure = models.CharField(max_length=500, blank=True, help_text="Why it was not sent last.")

    class Meta:
        ordering: ClassVar[list[str]] = ["recipient_name", "cadence"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["recipient_sid", "cadence"], name="one_schedule_per_reader_and_cadence"
            )
        ]

    def __str__(self) -> str:
        return f"{self.cadence} to {self.recipient_name}"
