"""Tokens of programs that call the API."""

from __future__ import annotations

from django.db import models


class TokenScope(models.TextChoices):
    EXPERT = "expert", "Acts as the expert it belongs to"
    COLLECTOR = "collector", "Delivers Windows events, nothing else"


class ApiToken(models.Model):
    """A token; only its SHA-256 is kept (it has 256 random bits, so no slow hash is needed)."""

    name = models.CharField(max_length=128)
    prefix = models.CharField(max_length=16, help_text="The token's beginning, to recognise it by.")
    digest = models.CharField(max_length=64, unique=True)
    scope = models.CharField(max_length=16, choices=TokenScope)
    account = models.ForeignKey(
        "directory.Account", null=True, on_delete=models.CASCADE, related_name="api_tokens"
    )
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)
    last_used_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return self.name
