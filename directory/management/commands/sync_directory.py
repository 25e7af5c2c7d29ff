"""``manage.py sync_directory``: read the directory now."""

from __future__ import annotations

import json
import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from directory import synchronisation
from directory.configuration import connection_settings
from directory.errors import PortalError
from directory.models import SyncRun
from directory.synchronisation import Progress

BAR_WIDTH = 30


class Command(BaseCommand):
    """Reads the directory and says what came of it.

    With ``--json`` the last line of standard output is one object: ``state`` (succeeded, failed or
    stopped), ``domain``, ``seconds``, ``counts`` (by kind: read, added, removed; for memberships
    also skipped; for helper entries read, unresolved), and where it did not succeed ``code``,
    ``error``, ``remedy``. Exit 0 only when it succeeded.
    """

    help = "Read accounts, groups, computers and policies from Active Directory."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--domain", help="DNS name of the domain; the configured one if left")
        parser.add_argument("--full", action="store_true", help="read everything, not changes only")
        parser.add_argument(
            "--accept-removals",
            action="store_true",
            help="store even if more objects are gone than one run may remove",
        )
        parser.add_argument("--json", action="store_true", help="end with one line of JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        started = time.monotonic()
        domain = connection_settings()
        if options["domain"] and options["domain"].lower() != domain.domain:
            raise CommandError(
                f"{options['domain']} is not configured; {domain.domain} is.", returncode=2
            )
        display = _Display(self)
        try:
            run = synchronisation.run(
                domain,
                progress=display,
                full=options["full"],
                accept_removals=options["accept_removals"],
            )
        except PortalError as error:
            display.end()
            if options["json"]:
                self.stdout.write(json.dumps(_refusal(domain.domain, started, error)))
            raise CommandError(f"{error.sentence} {error.remedy}".strip()) from None
        display.end()
        self._show_counts(run)
        if options["json"]:
            result = {
                "state": run.state,
                "domain": run.domain_dns_name,
                "seconds": round(time.monotonic() - started, 2),
                "counts": run.counts,
            }
            self.stdout.write(json.dumps(result))

    def _show_counts(self, run: SyncRun) -> None:
        for kind, numbers in run.counts.items():
            shown = ", ".join(f"{number} {what}" for what, number in numbers.items())
            self.stdout.write(f"{kind:<21} {shown}")


class _Display:
    """A bar on a terminal; elsewhere one line for each stage."""

    def __init__(self, command: Command) -> None:
        self._command = command
        self._stage = ""
        self._is_terminal = command.stdout.isatty()

    def __call__(self, progress: Progress) -> None:
        if self._is_terminal:
            filled = BAR_WIDTH * progress.percent // 100
            bar = "#" * filled + "." * (BAR_WIDTH - filled)
            done = f" {progress.done}" if progress.done else ""
            self._command.stdout.write(
                f"\r[{bar}] {progress.percent:3d} % {progress.stage}{done}\x1b[K", ending=""
            )
            self._command.stdout.flush()
        elif progress.stage != self._stage:
            self._command.stdout.write(f"{progress.percent:3d} % {progress.stage}")
        self._stage = progress.stage

    def end(self) -> None:
        if self._is_terminal and self._stage:
            self._command.stdout.write("")


def _refusal(domain: str, started: float, error: PortalError) -> dict[str, object]:
    stopped = isinstance(error, synchronisation.TooManyRemovals)
    return {
        "state": "stopped" if stopped else "failed",
        "domain": domain,
        "seconds": round(time.monotonic() - started, 2),
        "code": error.code,
        "error": error.sentence,
        "remedy": error.remedy,
    }
