"""Explains for many at once who may offer help where."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any, cast

from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from assist.actors import Actor
from assist.eligibility.many.answers import (
    Counts,
    Listing,
    Progress,
    UnitCounts,
    computers_for,
    counts,
    experts_for,
)
from assist.eligibility.telling import note_listed
from assist.lifecycle import Mode
from directory.errors import PortalError
from directory.names import find_account, find_computer, find_unit

UNKNOWN_NAME = 2


class Command(BaseCommand):
    """Answers from the directory as it was last synchronised; nothing is recorded or contacted.

    With ``--json`` the last line of standard output is one object. With ``--expert`` or
    ``--computer``: ``expert`` or ``computer`` (kind, id, name), ``allowed`` (id, name, mode, and
    the reason why not control), ``counts`` (by mode, the most that is allowed), ``refused`` (how
    many of the others, by the code of the finding that decides), ``decided_at``. Otherwise:
    ``experts``, ``computers``, ``helpable`` (computers where somebody may help, by mode),
    ``pairs`` (of expert and computer that are allowed, by mode), ``refused`` (pairs by code), the
    same for each of ``units``, and ``decided_at``.
    """

    help = (
        "Explain which computers EXPERT may help, who may help on COMPUTER, or both in numbers for "
        "each organizational unit. Exit 0: answered; 2: unknown or ambiguous name."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        what = parser.add_mutually_exclusive_group()
        what.add_argument("--expert", help=r"every computer for R2\mjones")
        what.add_argument("--computer", help="every expert for a computer")
        what.add_argument(
            "--counts",
            action="store_true",
            help="all experts and computers in numbers for each organizational unit (the default)",
        )
        parser.add_argument(
            "--mode",
            choices=[mode.value for mode in Mode],
            help="only this mode; left out: the most that is allowed",
        )
        parser.add_argument("--ou", help="distinguished name: only computers in it or below")
        parser.add_argument("--json", action="store_true", help="end with one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            answer = self._answer(options)
        except PortalError as error:
            self.stderr.write(f"{error.sentence}\n{error.remedy}".strip())
            if options["json"]:
                said = {"code": error.code, "sentence": error.sentence, "field": error.field}
                self.stdout.write(json.dumps({"error": said | {"remedy": error.remedy}}))
            sys.exit(UNKNOWN_NAME)
        self._note(answer, options)
        if options["json"]:
            self.stdout.write(json.dumps(answer.to_json(), ensure_ascii=False))
        elif isinstance(answer, Listing):
            self._print_listing(answer)
        else:
            self._print_counts(answer)

    def _answer(self, options: dict[str, Any]) -> Listing | Counts:
        now = timezone.now()
        mode = Mode(options["mode"]) if options["mode"] else None
        unit = find_unit(options["ou"], field="ou").pk if options["ou"] else None
        if options["expert"]:
            expert = find_account(options["expert"], field="expert")
            return computers_for(expert, now=now, mode=mode, unit=unit)
        if options["computer"]:
            return experts_for(find_computer(options["computer"]), now=now, mode=mode)
        with self._bar() as progress:
            return counts(now=now, mode=mode, unit=unit, progress=progress)

    def _note(self, answer: Listing | Counts, options: dict[str, Any]) -> None:
        asked = {name: options[name] for name in ("expert", "computer", "ou", "mode")}
        question = "computers" if options["expert"] else "experts"
        if isinstance(answer, Counts):
            note_listed(Actor.portal(), "counts", asked, len(answer.units))
        else:
            note_listed(Actor.portal(), question, asked, len(answer.allowed))

    @contextmanager
    def _bar(self) -> Iterator[Progress]:
        bar = Bar(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=Console(file=cast(IO[str], self.stderr)),
            disable=not self.stderr.isatty(),
        )
        with bar:
            task = bar.add_task("computers", total=None)
            yield lambda done, total: bar.update(task, completed=done, total=total)

    def _print_listing(self, answer: Listing) -> None:
        for item in answer.allowed:
            why = f"  (control: {item.reason})" if item.reason else ""
            self.stdout.write(f"{item.mode.value:<8} {item.who.name}{why}")
        by_mode = ", ".join(f"{answer.in_mode(mode)} to {mode.value}" for mode in Mode)
        self.stdout.write(f"{len(answer.allowed)} allowed ({by_mode})")
        self._print_refused(answer.refused)

    def _print_counts(self, answer: Counts) -> None:
        for unit in answer.units.values():
            self.stdout.write(unit.name)
            self._print_unit(unit)
        self.stdout.write(f"\nAll, with {answer.experts} experts")
        self._print_unit(answer.total)
        self._print_refused(answer.total.refused)

    def _print_unit(self, unit: UnitCounts) -> None:
        helpable = ", ".join(f"{unit.helpable[mode.value]} with {mode.value}" for mode in Mode)
        pairs = ", ".join(f"{unit.pairs[mode.value]} to {mode.value}" for mode in Mode)
        self.stdout.write(f"  {unit.computers} computers; somebody may help on {helpable}")
        self.stdout.write(f"  pairs allowed: {pairs}; refused: {unit.refused.total()}")

    def _print_refused(self, refused: Any) -> None:
        for code, number in refused.most_common():
            self.stdout.write(f"{number:>9} refused: {code}")
