"""Exports the sealed audit trail for somebody who has no portal."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import IO, Any, cast

from django.core.management.base import BaseCommand, CommandError, CommandParser
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from assist import audit
from assist.actors import Actor
from assist.audit.exporting import export, one_moment
from assist.audit.verifying import end_of_chain
from directory.errors import PortalError


class Command(BaseCommand):
    help = (
        "Export the sealed audit trail as JSON lines, with a signed checkpoint at the end where "
        "AUDIT_CHECKPOINT_KEY is set. docs/verify_audit.py verifies it without the portal."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, help="to write; '-' for standard output")
        parser.add_argument("--from", dest="first", type=int, default=1, help="first position")
        parser.add_argument("--to", dest="last", type=int, help="last position")
        parser.add_argument(
            "--without-personal",
            action="store_true",
            help="leave out what the digests of novices stand for",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        first, end = options["first"], end_of_chain()
        last = end if options["last"] is None else min(options["last"], end)
        if not 1 <= first <= last:
            raise CommandError(
                f"--from, --to: the chain has positions 1 to {end}; those asked for hold none.",
                returncode=2,
            )
        path, with_personal = options["file"], not options["without_personal"]
        try:
            if str(path) == "-":
                self._write(cast(IO[str], self.stdout), first, last, with_personal=with_personal)
            else:
                self._write_file(path, first, last, with_personal=with_personal)
        except PortalError as error:
            raise CommandError(f"{error.sentence} {error.remedy}".strip(), returncode=2) from None
        except OSError as error:
            raise CommandError(f"{path} cannot be written: {error.strerror}.") from None
        audit.record(
            "audit.exported",
            actor=Actor.portal(),
            data={"from": first, "to": last, "with_personal": with_personal},
        )
        if str(path) != "-":
            self.stdout.write(f"{last - first + 1} events are in {path}.")

    def _write_file(self, path: Path, first: int, last: int, *, with_personal: bool) -> None:
        """Whole or not at all: nobody takes half an export for a trail."""
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with open(descriptor, "w", encoding="utf-8") as file:
                self._write(file, first, last, with_personal=with_personal)
            os.replace(name, path)
        except BaseException:
            os.unlink(name)
            raise

    def _write(self, file: IO[str], first: int, last: int, *, with_personal: bool) -> None:
        bar = Progress(
            TextColumn("exporting"),
            BarColumn(),
            TaskProgressColumn(),
            TextColumn("{task.completed:,} events"),
            TimeRemainingColumn(),
            console=Console(file=sys.stderr),
            disable=not sys.stderr.isatty(),
            transient=True,
        )
        task = bar.add_task("exporting", total=last - first + 1)
        with bar, one_moment():
            for line in export(first=first, last=last, with_personal=with_personal):
                file.write(line + "\n")
                bar.advance(task)
