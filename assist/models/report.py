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
