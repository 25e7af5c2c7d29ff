"""What every object read from the directory has."""

from __future__ import annotations

from django.db import models


class DirectoryObject(models.Model):
    """An object of the directory, known by its objectGUID for as long as it lives.

    Objects that vanish from the directory stay here with ``is_present`` False, so that what the
    audit trail and past offers speak of can still be named.
    """

    guid = models.UUIDField(primary_key=True, help_text="objectGUID")
    distinguished_name = models.TextField()
    is_present = models.BooleanField(default=True)
    recorded_at = models.DateTimeField(
        null=True, blank=True, help_text="When a synchronisation last found it changed."
    )
    recorded_run = models.BigIntegerField(
        default=0, help_text="The number of that synchronisation's run."
    )

    class Meta:
        abstract = True
