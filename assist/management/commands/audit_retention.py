"""Removes the audit events that retention lets go."""

from __future__ import annotations

import getpass
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from assist import audit
from assist.actors import Actor
from directory.errors import PortalError


class Command(BaseCommand):
    help = (
        "Remove the audit events that are older than AUDIT_RETENTION_DAYS says, by whole ranges "
        "of the chain, and leave a signed stub of each. Beat does so daily."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--dry-run", action="store_true", help="say what would be removed, and remove nothing"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.AUDIT_RETENTION_DAYS:
            self.stdout.write("AUDIT_RETENTION_DAYS is not set: everything is kept.")
            return
        try:
            if options["dry_run"]:
                found, done = audit.removable(), "would be removed"
            else:
                actor = Actor(sid="", name=f"{getpass.getuser()} at the console")
                found, done = audit.remove_old(actor=actor), "were removed"
        except PortalError as error:
            raise CommandError(f"{error.sentence} {error.remedy}".strip()) from None
        for each in found:
            self.stdout.write(f"positions {each.first} to {each.last}: {each.count} events")
        self.stdout.write(f"{sum(each.count for each in found)} events {done}.")
