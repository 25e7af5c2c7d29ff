"""The invitation of an offer, encrypted, for a few minutes."""

from __future__ import annotations

from django.db import models


class Invitation(models.Model):
    """What lets the expert's viewer in. Both secrets are Fernet tokens, empty once wiped."""

    offer = models.OneToOneField(
        "assist.Offer", on_delete=models.CASCADE, related_name="invitation"
    )
    connection_string = models.BinaryField(help_text="Encrypted connection string 2.")
    password = models.BinaryField(help_text="Encrypted password of a FreeRDP invitation.")
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    wiped_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"invitation of {self.offer_id}"
