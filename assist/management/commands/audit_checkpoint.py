"""Writes a signed checkpoint of the audit trail now."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from assist import audit
from assist.errors import NotConfigured


class Command(BaseCommand):
    help = "Sign what the audit trail is now and send it to the sinks. Prints the signed line."

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            checkpoint = audit.checkpoint_write()
        except NotConfigured as error:
            raise CommandError(f"{error.sentence} {error.remedy}", returncode=2) from None
        self.stdout.write(checkpoint.document)
        if checkpoint.error:
            raise CommandError(checkpoint.error)
