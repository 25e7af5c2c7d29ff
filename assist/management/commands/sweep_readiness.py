"""``manage.py sweep_readiness``: check many computers, and see how far it is."""

from __future__ import annotations

import json
import time
from argparse import ArgumentParser
from typing import IO, Any, cast

from django.core.checks import Tags
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from assist.actors import Actor
from assist.errors import SweepRunning
from assist.models import ReadinessSweep
from assist.readiness.scopes import (
    EVERYTHING,
    Scope,
    scope_of_search,
    scope_of_unit,
    search_named,
    unit_named,
)
from assist.readiness.sweeps import sweep_cancel, sweep_in_turn, sweep_start, sweep_work
from directory.errors import PortalError

LOOK_SECONDS = 1.0


class Command(BaseCommand):
    """Checks computers and says what came of it; goes on with a sweep of the scope that runs.

    With ``--json`` the last line of standard output is one object: ``id``, ``scope``, ``state``
    (running, done, cancelled or failed), ``total``, ``done``, ``ready``, ``not_ready``,
    ``unknown``, ``seconds``, ``error``. Exit 0 when it is done, or left to the workers.
    """

    help = "Check the readiness of many computers."
    requires_system_checks = (Tags.security,)

    def add_arguments(self, parser: ArgumentParser) -> None:
        scope = parser.add_mutually_exclusive_group(required=True)
        scope.add_argument("--all", action="store_true", help="all computers")
        scope.add_argument("--ou", help="a unit by name or DN, with those below it")
        scope.add_argument("--search", help="a saved search by its name")
        parser.add_argument(
            "--now", action="store_true", help="do not wait for READINESS_SWEEP_HOURS"
        )
        parser.add_argument("--background", action="store_true", help="leave it to the workers")
        parser.add_argument("--cancel", action="store_true", help="end the sweep that runs")
        parser.add_argument("--json", action="store_true", help="end with one line of JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        began = time.monotonic()
        try:
            scope = _scope(options)
            sweep = self._sweep(scope, options)
        except PortalError as error:
            raise CommandError(f"{error.sentence} {error.remedy}".strip(), returncode=2) from None
        if not (options["background"] or options["cancel"]):
            self._work(sweep)
        sweep.refresh_from_db()
        self._tell(sweep, time.monotonic() - began, as_json=options["json"])
        if sweep.state == ReadinessSweep.State.FAILED:
            raise CommandError(sweep.error)

    def _sweep(self, scope: Scope, options: dict[str, Any]) -> ReadinessSweep:
        running = ReadinessSweep.objects.filter(
            scope_kind=scope.kind, scope_id=scope.id, state=ReadinessSweep.State.RUNNING
        )
        if options["cancel"]:
            sweep = running.first()
            if sweep is None:
                raise CommandError(f"No sweep of {scope.name} runs.", returncode=2)
            sweep_cancel(actor=Actor.portal(), sweep=sweep)
            return sweep
        try:
            return sweep_start(
                actor=Actor.portal(),
                scope=scope,
                ignores_window=options["now"],
                in_background=options["background"],
            )
        except SweepRunning:
            found = running.first()
            if found is None:
                raise
            self.stdout.write(f"A sweep of {scope.name} runs already; going on with it.")
            return found

    def _work(self, sweep: ReadinessSweep) -> None:
        """Do its slices, or watch whoever has it; Ctrl-C leaves it to the workers."""
        bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TaskProgressColumn(),
            TextColumn("{task.fields[counts]}"),
            TimeRemainingColumn(),
            console=Console(file=cast(IO[str], self.stdout)),
            disable=not self.stdout.isatty(),
        )
        task = bar.add_task(sweep.scope_name, total=sweep.total or 1, counts="")

        def show(_: int = 0) -> None:
            sweep.refresh_from_db()
            counts = f"{sweep.ready} ready, {sweep.not_ready} not, {sweep.unknown} not known"
            bar.update(task, completed=sweep.done, total=sweep.total or 1, counts=counts)

        try:
            with bar:
                while True:
                    # Another sweep may have its turn: then this one waits no longer for it.
                    turn = sweep_in_turn(timezone.now())
                    may_go_on = turn is not None and sweep_work(turn, progress=show)
                    show()
                    if not sweep.is_running:
                        return
                    if not may_go_on:
                        time.sleep(LOOK_SECONDS)  # a worker has the turn, or the hours are over
        except KeyboardInterrupt:
            self.stdout.write("The workers go on with it. --cancel ends it.")

    def _tell(self, sweep: ReadinessSweep, seconds: float, *, as_json: bool) -> None:
        self.stdout.write(
            f"{sweep.scope_name}: {sweep.state}, {sweep.done} of {sweep.total} computers checked: "
            f"{sweep.ready} ready, {sweep.not_ready} not ready, {sweep.unknown} not known."
        )
        if as_json:
            told = {
                "id": str(sweep.pk),
                "scope": sweep.scope_name,
                "state": sweep.state,
                "total": sweep.total,
                "done": sweep.done,
                "ready": sweep.ready,
                "not_ready": sweep.not_ready,
                "unknown": sweep.unknown,
                "seconds": round(seconds, 3),
                "error": sweep.error,
            }
            self.stdout.write(json.dumps(told))


def _scope(options: dict[str, Any]) -> Scope:
    if options["ou"]:
        return scope_of_unit(unit_named(options["ou"]))
    return scope_of_search(search_named(options["search"])) if options["search"] else EVERYTHING
