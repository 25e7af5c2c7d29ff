"""Takes the name of a novice out of what the portal keeps."""

from __future__ import annotations

import getpass
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from assist.actors import Actor
from assist.pseudonyms import Pseudonymised, novice_named, novice_pseudonymise
from directory.errors import PortalError


class Command(BaseCommand):
    help = (
        "Put a pseudonym in the place of a novice's name and SID, for good: in offers, their "
        "steps, evidence and decisions, and by erasing salts and values of the audit trail, whose "
        "chain holds as before."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--novice", required=True, help=r"the person: R2\bob, bob@r2.local or a SID"
        )
        parser.add_argument("--reason", required=True, help="why, for the audit trail")
        parser.add_argument(
            "--dry-run", action="store_true", help="say what would be done, and do nothing"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            done = novice_pseudonymise(
                actor=Actor(sid="", name=f"{getpass.getuser()} at the console"),
                novice=novice_named(options["novice"]),
                reason=options["reason"],
                dry_run=options["dry_run"],
            )
        except PortalError as error:
            raise CommandError(f"{error.sentence} {error.remedy}".strip()) from None
        self._say(done, "would be" if options["dry_run"] else "were")

    def _say(self, done: Pseudonymised, were: str) -> None:
        self.stdout.write(f"{done.pseudonym} stands for the person.")
        self.stdout.write(
            f"{done.offers} offers and {done.rows} other rows {were} rewritten, "
            f"{done.personal} personal values of the audit trail {were} erased."
        )
        if done.in_chain:
            where = f", the first at position {done.first_in_chain}" if done.first_in_chain else ""
            self.stdout.write(
                f"{done.in_chain} audit events hold the name or the SID in the chain "
                f"itself{where}. They cannot be changed; retention alone removes them."
            )
        self.stdout.write(
            "Log files, backups and exports made before keep the name, and so does the directory."
        )
