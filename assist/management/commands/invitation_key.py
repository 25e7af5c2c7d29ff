"""Prints a new key for INVITATION_KEYS."""

from __future__ import annotations

from typing import Any

from cryptography.fernet import Fernet
from django.core.management.base import BaseCommand


class Command(BaseCommand):
    help = (
        "Print a new key for INVITATION_KEYS. Put it first and keep the old ones behind it, "
        "separated by commas, until their invitations have expired."
    )
    requires_system_checks: list[str] = []  # it is the way out of a failed check

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(Fernet.generate_key().decode())
