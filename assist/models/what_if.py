"""What-ifs: changes that somebody asked about, and what they would give and take."""

from __future__ import annotations

import math
import uuid
from typing import ClassVar

from django.db import models


class WhatIf(models.Model):
    """A question about changes that nobody has made, answered by a worker.

    ``changes`` holds a list of ``kind`` and ``names`` as they were written, ``result`` what
    :meth:`assist.eligibility.many.what_if.Difference.to_json` writes.
    """

    class State(models.TextChoices):
        RUNNING = "running"
        DONE = "done"
        CANCELLED = "cancelled"
        FAILED = "failed"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    state = models.CharField(max_length=16, choices=State.choices, default=State.RUNNING)
    changes = models.JSONField()
    sentences = models.JSONField(help_text="The changes for a person, as they were understood.")
    requested_by = models.CharField(max_length=256)
    requested_by_sid = models.CharField(max_length=184)
    requested_at = models.DateTimeField(db_index=True)
    started_at = models.DateTimeField(
        null=True, blank=True, help_text="When a worker last began it."
    )
    worker = models.UUIDField(null=True, blank=True, help_text="Who works at it.")
    heartbeat_at = models.DateTimeField(
        null=True, blank=True, help_text="When its worker last stored something."
    )
    attempts = models.PositiveSmallIntegerField(
        default=0, help_text="How many workers have begun it."
    )
    finished_at = models.DateTimeField(null=True, blank=True)
    total = models.PositiveIntegerField(default=0, help_text="Computers.")
    done = models.PositiveIntegerField(default=0)
    result = models.JSONField(null=True, blank=True)
    error = models.TextField(blank=True)

    class Meta:
        ordering: ClassVar[list[str]] = ["-requested_at"]
        verbose_name = "what-if"
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["requested_by_sid"],
                condition=models.Q(state="running"),
                name="one_running_what_if_per_person",
            )
        ]

    def __str__(self) -> str:
        return "; ".join(self.sentences)

    @property
    def percent(self) -> int:
        return 0 if not self.total else min(100, 100 * self.done // self.total)

    @property
    def is_running(self) -> bool:
        return self.state == self.State.RUNNING

    @property
    def seconds(self) -> int:
        """How long the answer took, rounded up; 0 where there is none."""
        if self.started_at is None or self.finished_at is None:
            return 0
        return math.ceil((self.finished_at - self.started_at).total_seconds())
