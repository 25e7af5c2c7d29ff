"""Prints a new key for launch links."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from assist.launch_links import new_signing_key


class Command(BaseCommand):
    help = "Print a new key for LAUNCH_SIGNING_KEY. Store it in a file only the portal reads."
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(new_signing_key(), ending="")
