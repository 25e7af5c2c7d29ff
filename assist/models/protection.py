"""Protected computers: the rules for them, and what second persons approved."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from assist.models.offer import MODE_CHOICES


class ProtectionRule(models.Model):
    """What an offer to some computers needs besides.

    Computers are named by the unit's GUID or the group's SID and not by a reference: a rule shall
    not vanish with an object that was deleted by mistake, and holds again when that comes back.
    """

    class Scope(models.TextChoices):
        ALL = "all", "Every computer"
        UNIT = "unit", "Computers in a unit"
        GROUP = "group", "Computers in a group"

    name = models.CharField(max_length=100, unique=True)
    is_enabled = models.BooleanField(default=True)
    scope_kind = models.CharField(max_length=8, choices=Scope)
    scope_id = models.CharField(
        max_length=184, blank=True, help_text="GUID of the unit, or SID of the group."
    )
    scope_name = models.CharField(max_length=1024, blank=True)
    needs_ticket = models.BooleanField(default=False)
    ticket_pattern = models.CharField(max_length=200, blank=True)
    needs_reason = models.BooleanField(default=False)
    hours = models.CharField(
        max_length=500, blank=True, help_text="As Mon-Fri 08:00-18:00; empty: at any time."
    )
    time_zone = models.CharField(max_length=64, blank=True, help_text="IANA name.")
    needs_approval = models.BooleanField(default=False)
    approver_group_sid = models.CharField(
        max_length=184, blank=True, help_text="Empty: whoever has the role approver or manager."
    )
    approver_group_name = models.CharField(max_length=512, blank=True)
    approval_minutes = models.PositiveIntegerField(
        default=0,
        help_text="Minutes an approval counts for this pair; 0: for one offer.",
    )
    changed_at = models.DateTimeField()
    changed_by = models.CharField(max_length=256)

    class Meta:
        ordering: ClassVar[list[str]] = ["name"]

    def __str__(self) -> str:
        return self.name


class Approval(models.Model):
    """What one rule wants for one offer, and what a second person said to it."""

    class State(models.TextChoices):
        WAITING = "waiting", "Waiting"
        APPROVED = "approved", "Approved"
        REFUSED = "refused", "Refused"

    offer = models.ForeignKey("assist.Offer", on_delete=models.CASCADE, related_name="approvals")
    rule = models.ForeignKey(ProtectionRule, null=True, on_delete=models.SET_NULL)
    rule_name = models.CharField(max_length=100)
    state = models.CharField(max_length=8, choices=State, default=State.WAITING)
    expert_sid = models.CharField(max_length=184)
    computer = models.ForeignKey("directory.Computer", null=True, on_delete=models.SET_NULL)
    mode = models.CharField(max_length=8, choices=MODE_CHOICES)
    asked_at = models.DateTimeField()
    decided_at = models.DateTimeField(null=True)
    approver_sid = models.CharField(max_length=184, blank=True)
    approver_name = models.CharField(max_length=256, blank=True)
    reason = models.CharField(max_length=500, blank=True)
    valid_until = models.DateTimeField(
        null=True, help_text="Until when it counts for further offers; empty: its own."
    )

    class Meta:
        ordering: ClassVar[list[str]] = ["asked_at", "id"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["offer", "rule"],
                condition=models.Q(state="waiting"),
                name="one_waiting_approval_per_rule",
            )
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["expert_sid", "computer", "state"], name="approval_by_pair"),
        ]

    def __str__(self) -> str:
        return f"{self.rule_name}: {self.state}"
