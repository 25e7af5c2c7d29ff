"""Prints a new key for checkpoints, or the public half of the one in use."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from assist.audit.signing import new_key, parse_private_key, public_pem
from assist.errors import NotConfigured


class Command(BaseCommand):
    help = (
        "Print a new key for AUDIT_CHECKPOINT_KEY. Store it in a file only the portal reads. "
        "With --public: print the public key of the one that is set, for whoever verifies."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--public", action="store_true", help="the public key in use")

    def handle(self, *args: Any, **options: Any) -> None:
        if not options["public"]:
            self.stdout.write(new_key(), ending="")
            return
        try:
            key = parse_private_key(settings.AUDIT_CHECKPOINT_KEY)
        except NotConfigured as error:
            raise CommandError(f"{error.sentence} {error.remedy}", returncode=2) from None
        self.stdout.write(public_pem(key.public_key()), ending="")
