"""Verifies the audit trail's hash chain."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import IO, Any, cast

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from assist import audit
from assist.actors import Actor
from assist.audit.signing import (
    Checkpoint,
    parse_private_key,
    parse_public_key,
    read_checkpoints,
)
from assist.audit.verifying import Verification, end_of_chain
from directory.errors import PortalError

MOST_CONNECTIONS = 4
LONG = 200_000  # events; a shorter chain is not worth another connection


class Command(BaseCommand):
    help = (
        "Verify the audit trail and name the first event that was edited, removed, inserted, "
        "reordered or cut off. Exit 0: it holds; 1: it does not; 2: it cannot be told."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--checkpoint",
            type=Path,
            help="file of signed checkpoints; only against them can a cut tail be seen",
        )
        parser.add_argument(
            "--public-key",
            type=Path,
            help="PEM file of the key that signed them, and the stubs of removed ranges "
            "(of AUDIT_CHECKPOINT_KEY if not given)",
        )
        parser.add_argument(
            "--from",
            dest="first",
            default="1",
            help="position to begin at, or 'checkpoint': after the last one",
        )
        parser.add_argument("--to", dest="last", type=int, help="position to end at")
        parser.add_argument(
            "--json",
            action="store_true",
            help="end with one JSON object: holds, first, count, seconds, checkpoints, "
            "unsealed, first_bad {position, event_id, kind, sentence} or null",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        began = time.monotonic()
        try:
            key = _public_key(options["public_key"])
            checkpoints = _checkpoints(options["checkpoint"], key)
        except PortalError as error:
            raise CommandError(f"{error.sentence} {error.remedy}".strip(), returncode=2) from None
        first = _first(options["first"], checkpoints)
        last: int | None = options["last"]
        if last is not None and last < first:
            raise CommandError("--to: must not be before --from.", returncode=2)
        end = end_of_chain()
        if first > end + 1 and not checkpoints:
            raise CommandError(f"--from: the chain ends at position {end}.", returncode=2)
        result = self._verify(first, last, checkpoints, key)
        audit.record(
            "audit.verified",
            actor=Actor.portal(),
            data={"first": first, "count": result.count, "holds": result.holds},
        )
        if options["json"]:
            seconds = round(time.monotonic() - began, 3)
            self.stdout.write(json.dumps(_answer(result, checkpoints, seconds)))
        else:
            self._say(result, checkpoints)
        if not result.holds:
            sys.exit(1)

    def _verify(
        self,
        first: int,
        last: int | None,
        checkpoints: list[Checkpoint],
        key: Ed25519PublicKey | None,
    ) -> Verification:
        end = end_of_chain()
        total = max((end if last is None else min(last, end)) - first + 1, 0)
        bar = Progress(
            TextColumn("verifying"),
            BarColumn(),
            TaskProgressColumn(),
            TextColumn("{task.completed:,} events"),
            TimeRemainingColumn(),
            console=Console(file=cast(IO[str], self.stderr)),
            disable=not self.stderr.isatty(),
            transient=True,
        )
        task = bar.add_task("verifying", total=total or 1)
        with bar:
            return audit.verify(
                lambda count: bar.update(task, completed=count),
                first=first,
                last=last,
                checkpoints=checkpoints,
                connections=_connections(total),
                public_key=key,
            )

    def _say(self, result: Verification, checkpoints: list[Checkpoint]) -> None:
        bad = result.first_bad
        since = f" from position {result.first}" if result.first > 1 else ""
        if bad is None:
            self.stdout.write(f"The chain holds{since}: {result.count} events.")
        else:
            self.stdout.write(f"{bad.place} {bad.sentence}")
            self.stdout.write(f"The {result.count} events before it{since} hold.")
        if result.removed:
            self.stdout.write(f"{result.removed} removed by retention, under signed stubs.")
        if checkpoints and bad is None:
            self.stdout.write(f"It agrees with {len(checkpoints)} checkpoints.")
        if result.unsealed:
            self.stdout.write(f"{result.unsealed} events are not sealed yet.")


def _checkpoints(path: Path | None, key: Ed25519PublicKey | None) -> list[Checkpoint]:
    if path is None:
        return []
    lines = _text_of(path).splitlines()
    if key is None:
        key = parse_private_key(settings.AUDIT_CHECKPOINT_KEY).public_key()
    checkpoints = read_checkpoints(lines, key)
    if not checkpoints:
        raise CommandError(f"{path} has no checkpoint.", returncode=2)
    return checkpoints


def _public_key(path: Path | None) -> Ed25519PublicKey | None:
    return None if path is None else parse_public_key(_text_of(path))


def _text_of(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"Cannot be read: {error}", returncode=2) from None


def _first(text: str, checkpoints: list[Checkpoint]) -> int:
    if text == "checkpoint":
        if not checkpoints:
            raise CommandError("--from checkpoint: needs --checkpoint.", returncode=2)
        return max(checkpoint.position for checkpoint in checkpoints) + 1
    if not (text.isascii() and text.isdigit() and 0 < int(text) < 2**63):
        raise CommandError("--from: a position from 1, or 'checkpoint'.", returncode=2)
    return int(text)


def _connections(total: int) -> int:
    """One more than there are processors: PostgreSQL writes while Python hashes."""
    return min((os.cpu_count() or 1) + 1, MOST_CONNECTIONS) if total > LONG else 1


def _answer(
    result: Verification, checkpoints: list[Checkpoint], seconds: float
) -> dict[str, object]:
    bad = result.first_bad
    return {
        "holds": result.holds,
        "first": result.first,
        "count": result.count,
        "seconds": seconds,
        "checkpoints": len(checkpoints),
        "removed": result.removed,
        "unsealed": result.unsealed,
        "first_bad": vars(bad) if bad else None,
    }
