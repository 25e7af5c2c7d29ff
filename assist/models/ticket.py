"""Kerberos tickets that rest in the database for a while, sealed."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.db import models


class KeptSignInTicket(models.Model):
    """The ticket by which somebody signed in with Windows.

    Half of what opens it is in a cookie of her browser, so that it opens in her own requests only.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    sid = models.CharField(max_length=184, help_text="Of whoever signed in.")
    sealed = models.BinaryField()
    expires_at = models.DateTimeField(db_index=True)

    class Meta:
        ordering: ClassVar[list[str]] = ["expires_at"]

    def __str__(self) -> str:
        return f"sign-in ticket of {self.sid}"


class HandedTicket(models.Model):
    """A ticket as the expert for one computer, handed to the workers; empty once wiped."""

    offer = models.OneToOneField(
        "assist.Offer", on_delete=models.CASCADE, related_name="handed_ticket"
    )
    service = models.CharField(max_length=300, help_text="As host/computer.domain.")
    sealed = models.BinaryField()
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    wiped_at = models.DateTimeField(null=True)

    class Meta:
        indexes: ClassVar[list[models.Index]] = [
            models.Index(
                fields=["expires_at"],
                condition=models.Q(wiped_at__isnull=True),
                name="handed_ticket_to_wipe",
            )
        ]

    def __str__(self) -> str:
        return f"ticket of {self.offer_id}"
