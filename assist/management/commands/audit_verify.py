"""Verifies the audit trail's hash chain."""

from __future__ import annotations

import json
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from assist import audit


class Command(BaseCommand):
    help = "Verify the audit trail. Exit 0: the chain holds; 1: it does not."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--json",
            action="store_true",
            help="end with one JSON object: holds, count, "
            "unsealed, first_bad {position, event_id, kind, sentence} or null",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        result = audit.verify(progress=self._progress if sys.stderr.isatty() else None)
        if options["json"]:
            bad = result.first_bad
            answer = {
                "holds": result.holds,
                "count": result.count,
                "unsealed": result.unsealed,
                "first_bad": vars(bad) if bad else None,
            }
            self.stdout.write(json.dumps(answer))
        elif result.first_bad is None:
            self.stdout.write(f"The chain holds: {result.count} events.")
        else:
            bad = result.first_bad
            self.stdout.write(f"{bad.place} {bad.sentence}")
            self.stdout.write(f"The {result.count} events before it hold.")
        if result.unsealed and not options["json"]:
            self.stdout.write(f"{result.unsealed} events are not sealed yet.")
        if not result.holds:
            sys.exit(1)

    def _progress(self, count: int) -> None:
        self.stderr.write(f"{count} events hold", ending="\r")
