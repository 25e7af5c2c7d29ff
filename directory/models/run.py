"""A run of the synchronisation: what it did, how far it is, how it ended."""

from __future__ import annotations

from django.db import models

from directory.models.domain import Domain


class SyncRun(models.Model):
    class Kind(models.TextChoices):
        FULL = "full"
        INCREMENTAL = "incremental"

    class State(models.TextChoices):
        RUNNING = "running"
        SUCCEEDED = "succeeded"
        FAILED = "failed"
        STOPPED = "stopped", "stopped: it would have removed too much"
        ABANDONED = "abandoned", "abandoned: its process was lost"

    domain = models.ForeignKey(
        Domain, on_delete=models.SET_NULL, null=True, blank=True, related_name="runs"
    )
    domain_dns_name = models.CharField(max_length=255)
    kind = models.CharField(max_length=16, choices=Kind.choices, default=Kind.FULL)
    state = models.CharField(max_length=16, choices=State.choices, default=State.RUNNING)
    started_at = models.DateTimeField()
    heartbeat_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)
    stage = models.CharField(max_length=64, blank=True)
    progress = models.PositiveIntegerField(default=0, help_text="Per cent of the whole, estimated.")
    counts = models.JSONField(default=dict)
    error = models.TextField(blank=True)
    error_code = models.CharField(max_length=64, blank=True)
    remedy = models.TextField(blank=True)

    class Meta:
        ordering = ("-started_at",)
        get_latest_by = "started_at"
        constraints = (
            models.UniqueConstraint(
                fields=("domain_dns_name",),
                condition=models.Q(state="running"),
                name="one_running_sync_per_domain",
            ),
        )

    def __str__(self) -> str:
        return f"{self.domain_dns_name} {self.started_at:%Y-%m-%d %H:%M} {self.state}"
