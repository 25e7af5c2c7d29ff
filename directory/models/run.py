"""A run of the synchronisation: what it did, how far it is, how it ended, and what follows it."""

from __future__ import annotations

from django.db import models

from directory.models.domain import Domain


class SyncRun(models.Model):
    """One reading of a domain. A look for changes that finds none leaves no run behind."""

    class Kind(models.TextChoices):
        FULL = "full", "full: everything was read"
        INCREMENTAL = "incremental", "incremental: what had changed was read"
        SWEEP = "sweep", "sweep: every object was looked for"

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
    reason = models.TextField(blank=True, help_text="Why everything was read, if not asked to.")
    state = models.CharField(max_length=16, choices=State.choices, default=State.RUNNING)
    controller = models.CharField(max_length=255, blank=True)
    started_at = models.DateTimeField()
    heartbeat_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)
    stage = models.CharField(max_length=64, blank=True)
    progress = models.PositiveIntegerField(default=0, help_text="Per cent of the whole, estimated.")
    objects_done = models.PositiveIntegerField(default=0)
    counts = models.JSONField(default=dict)
    seconds_by_stage = models.JSONField(default=dict)
    bytes_received = models.BigIntegerField(default=0)
    problem_count = models.PositiveIntegerField(default=0)
    error = models.TextField(blank=True)
    error_code = models.CharField(max_length=64, blank=True)
    remedy = models.TextField(blank=True)

    class Meta:
        ordering = ("-started_at", "-pk")
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

    @property
    def added(self) -> int:
        return self._sum("added")

    @property
    def changed(self) -> int:
        return self._sum("changed")

    @property
    def removed(self) -> int:
        return self._sum("removed")

    def _sum(self, what: str) -> int:
        """Over all kinds of objects."""
        return sum(numbers.get(what, 0) for numbers in self.counts.values())


class SyncProblem(models.Model):
    """An object that a run could not take over, and why. What was known of it stays."""

    run = models.ForeignKey(SyncRun, on_delete=models.CASCADE, related_name="problems")
    kind = models.CharField(max_length=64)
    guid = models.UUIDField(null=True, blank=True)
    distinguished_name = models.TextField()
    reason = models.TextField()

    class Meta:
        ordering = ("pk",)

    def __str__(self) -> str:
        return f"{self.distinguished_name}: {self.reason}"


class ReplicationCursor(models.Model):
    """How far a naming context has been followed.

    The cookie is the controller's own ([MS-ADTS] 3.1.1.3.4.1.3) and may be given to another one of
    the domain; the update sequence number is good only for the database named by
    ``invocation_id``, which a controller restored from backup gets anew.
    """

    domain = models.ForeignKey(Domain, on_delete=models.CASCADE, related_name="cursors")
    naming_context = models.TextField()
    cookie = models.BinaryField(null=True, blank=True, help_text="Empty: DirSync was refused.")
    controller = models.CharField(max_length=255)
    invocation_id = models.UUIDField()
    usn = models.BigIntegerField(help_text="highestCommittedUSN when the reading began.")
    taken_at = models.DateTimeField()

    class Meta:
        ordering = ("naming_context",)
        constraints = (
            models.UniqueConstraint(
                fields=("domain", "naming_context"), name="one_cursor_per_naming_context"
            ),
        )

    def __str__(self) -> str:
        return self.naming_context
