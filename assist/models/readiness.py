"""Readiness of computers: the latest results, sweeps over many computers, saved searches."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.db import models

STATE_CHOICES = [
    ("ready", "Ready"),
    ("not_ready", "Not ready"),
    ("warning", "Warning"),
    ("unknown", "Unknown"),
]


class ComputerReadiness(models.Model):
    """The latest result of every check on one computer.

    ``results`` holds them as :meth:`assist.readiness.results.Result.to_json` writes them, by the
    check's code; what reports count by is in columns and in :class:`ReadinessCause`.
    """

    computer = models.OneToOneField(
        "directory.Computer", primary_key=True, on_delete=models.CASCADE, related_name="readiness"
    )
    state = models.CharField(
        max_length=16, choices=STATE_CHOICES, blank=True, help_text="Empty: not checked yet."
    )
    cause = models.CharField(
        max_length=64, blank=True, help_text="The first check that says why it is not ready."
    )
    results = models.JSONField(default=dict, blank=True)
    checked_at = models.DateTimeField(null=True, blank=True, db_index=True)
    sweep = models.ForeignKey(
        "ReadinessSweep",
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="computers",
        help_text="The sweep that checked it last; empty: a person asked, or it is gone.",
    )
    requested_at = models.DateTimeField(
        null=True, blank=True, help_text="When a person last asked for a check."
    )
    request_failed = models.TextField(
        blank=True, help_text="Why the check that was asked for last did not come about."
    )

    class Meta:
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["state", "cause"], name="readiness_by_cause"),
        ]

    def __str__(self) -> str:
        return f"{self.computer_id}: {self.state or 'not checked'}"

    @property
    def is_waiting(self) -> bool:
        """A check was asked for, and has neither come about nor failed."""
        if self.requested_at is None or self.request_failed:
            return False
        return self.checked_at is None or self.checked_at < self.requested_at


class ReadinessCause(models.Model):
    """One check that says ``not_ready`` or ``warning`` of one computer."""

    readiness = models.ForeignKey(
        ComputerReadiness, on_delete=models.CASCADE, related_name="causes"
    )
    check_code = models.CharField(max_length=64)
    state = models.CharField(max_length=16, choices=STATE_CHOICES)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["readiness", "check_code"], name="one_cause_per_check")
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["check_code", "state"], name="readiness_cause_by_check"),
        ]

    def __str__(self) -> str:
        return f"{self.readiness_id}: {self.check_code} {self.state}"


class SavedSearch(models.Model):
    """A named set of computers: those that meet everything that is filled in."""

    name = models.CharField(max_length=100, unique=True)
    text = models.CharField(max_length=256, blank=True, help_text="Part of the computer's name.")
    unit = models.ForeignKey(
        "directory.OrganizationalUnit",
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="saved_searches",
        help_text="In this unit or one below it.",
    )
    operating_system = models.CharField(
        max_length=256, blank=True, help_text="Part of the operating system's name."
    )
    made_by = models.CharField(max_length=256, blank=True)
    made_at = models.DateTimeField()

    class Meta:
        ordering: ClassVar[list[str]] = ["name"]
        verbose_name_plural = "saved searches"

    def __str__(self) -> str:
        return self.name


class ReadinessSweep(models.Model):
    """A check of many computers, done by workers a slice at a time.

    ``cursor`` is the GUID of the last computer whose result is stored: a sweep whose worker was
    lost goes on behind it.
    """

    class State(models.TextChoices):
        RUNNING = "running"
        DONE = "done"
        CANCELLED = "cancelled"
        FAILED = "failed"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    scope_kind = models.CharField(max_length=16, help_text="all, unit or search")
    scope_id = models.CharField(max_length=64, blank=True, help_text="The unit's or search's key.")
    scope_name = models.CharField(max_length=256)
    state = models.CharField(max_length=16, choices=State.choices, default=State.RUNNING)
    requested_by = models.CharField(max_length=256)
    requested_by_sid = models.CharField(max_length=184, blank=True)
    started_at = models.DateTimeField()
    heartbeat_at = models.DateTimeField(
        null=True, blank=True, help_text="When its worker last stored something."
    )
    worker = models.UUIDField(
        null=True, blank=True, help_text="Who works at it; each slice has a number of its own."
    )
    turn = models.PositiveSmallIntegerField(
        null=True,
        blank=True,
        unique=True,
        help_text="1 while a worker is at it: unique, so that one at a time is worked at.",
    )
    finished_at = models.DateTimeField(null=True, blank=True)
    ignores_window = models.BooleanField(
        default=False, help_text="A person said that it shall not wait for the permitted hours."
    )
    cursor = models.UUIDField(null=True, blank=True)
    total = models.PositiveIntegerField(default=0)
    done = models.PositiveIntegerField(default=0)
    ready = models.PositiveIntegerField(default=0)
    not_ready = models.PositiveIntegerField(default=0)
    unknown = models.PositiveIntegerField(default=0)
    error = models.TextField(blank=True)

    class Meta:
        ordering: ClassVar[list[str]] = ["-started_at"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["scope_kind", "scope_id"],
                condition=models.Q(state="running"),
                name="one_running_sweep_per_scope",
            )
        ]

    def __str__(self) -> str:
        return f"sweep of {self.scope_name} ({self.state})"

    @property
    def percent(self) -> int:
        return 100 if not self.total else min(100, 100 * self.done // self.total)

    @property
    def is_running(self) -> bool:
        return self.state == self.State.RUNNING
