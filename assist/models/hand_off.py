"""Launch links of offers that are handed off to the expert's own Windows."""

from __future__ import annotations

from typing import ClassVar

from django.db import models


class LaunchLink(models.Model):
    """One link; of its two tokens only the SHA-256 is kept.

    The launch token is used up when the launcher has the link confirmed; the report token, which it
    gets then, only lets it say what became of Remote Assistance.
    """

    offer = models.ForeignKey("assist.Offer", on_delete=models.CASCADE, related_name="links")
    digest = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    confirmed_at = models.DateTimeField(null=True)
    launcher_address = models.GenericIPAddressField(null=True)
    report_digest = models.CharField(max_length=64, null=True, unique=True)  # noqa: DJ001 - unique
    started_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    exit_code = models.BigIntegerField(null=True)

    class Meta:
        ordering: ClassVar[list[str]] = ["created_at", "id"]

    def __str__(self) -> str:
        return f"launch link of {self.offer_id}"
