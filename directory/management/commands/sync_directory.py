"""``manage.py sync_directory``: read the directory now."""

from __future__ import annotations

import json
import time
from argparse import ArgumentParser
from typing import IO, Any, cast

from django.core.checks import Tags
from django.core.management.base import BaseCommand, CommandError
from rich.console import Console
from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from directory import synchronisation
from directory.configuration import (
    DomainConfiguration,
    UnknownDomain,
    configured_domains,
    domain_configuration,
)
from directory.errors import PortalError
from directory.models import SyncRun
from directory.synchronisation import Progress, TooManyRemovals


class Command(BaseCommand):
    """Reads what has changed in the configured domains, or everything, and says what came of it.

    With ``--json`` the last line of standard output is one object: ``domain``, ``state``
    (succeeded, failed or stopped), ``kind`` (full, incremental or sweep: what was done, which may
    be more than was asked), ``reason`` (why more), ``seconds``, ``seconds_by_stage``, ``counts``
    (by kind of object: read, added, changed, removed), ``bytes``, ``problems`` (a number), and
    where it did not succeed ``code``, ``error``, ``remedy``. Where several domains were read, it
    is an object with ``state`` (the worst) and ``domains`` (a list of such objects). Exit 0 only
    when all succeeded.
    """

    help = "Read accounts, groups, computers and policies from Active Directory."
    # The settings only: loading pages and API to look at them takes as long as a small domain.
    requires_system_checks = (Tags.security,)

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--domain", help="DNS name of the domain; all configured ones if left")
        how = parser.add_mutually_exclusive_group()
        how.add_argument("--full", action="store_true", help="read everything, not changes only")
        how.add_argument(
            "--sweep",
            action="store_true",
            help="look for every object by its key: finds deletions that nobody told of",
        )
        parser.add_argument(
            "--accept-removals",
            action="store_true",
            help="store even if more objects are gone than one run may remove",
        )
        parser.add_argument("--json", action="store_true", help="end with one line of JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            chosen = (
                (domain_configuration(options["domain"]),)
                if options["domain"]
                else configured_domains()
            )
        except UnknownDomain as error:
            raise CommandError(f"{error.sentence} {error.remedy}", returncode=2) from None
        kind = SyncRun.Kind.INCREMENTAL
        if options["full"]:
            kind = SyncRun.Kind.FULL
        elif options["sweep"]:
            kind = SyncRun.Kind.SWEEP
        results = [
            self._read(configuration, kind, accept_removals=options["accept_removals"])
            for configuration in chosen
        ]
        if options["json"]:
            self.stdout.write(json.dumps(_together(results)))
        failures = [result for result in results if result["state"] != "succeeded"]
        if failures:
            raise CommandError(
                "\n".join(
                    f"{failure['domain']}: {failure['error']} {failure['remedy']}".strip()
                    for failure in failures
                )
            )

    def _read(
        self, configuration: DomainConfiguration, kind: str, *, accept_removals: bool
    ) -> dict[str, Any]:
        domain = configuration.connection.domain
        started = time.monotonic()
        with _Display(self, domain) as display:
            try:
                run = synchronisation.run(
                    configuration, progress=display, kind=kind, accept_removals=accept_removals
                )
            except PortalError as error:
                return _failed(domain, kind, started, error)
        self._show(run)
        return {
            "domain": domain,
            "state": run.state,
            "kind": run.kind,
            "reason": run.reason,
            "seconds": round(time.monotonic() - started, 3),
            "seconds_by_stage": run.seconds_by_stage,
            "counts": run.counts,
            "bytes": run.bytes_received,
            "problems": run.problem_count,
        }

    def _show(self, run: SyncRun) -> None:
        if run.reason:
            self.stdout.write(f"Everything was read: {run.reason}")
        if not run.counts:
            self.stdout.write(f"{run.domain_dns_name}: nothing has changed.")
        for kind, numbers in run.counts.items():
            shown = ", ".join(f"{number} {what}" for what, number in numbers.items() if number)
            self.stdout.write(f"{kind:<27} {shown}")
        if run.problem_count:
            self.stdout.write(f"{run.problem_count} objects could not be taken over:")
            for problem in run.problems.all()[:20]:
                self.stdout.write(f"  {problem.distinguished_name}: {problem.reason}")


class _Display:
    """A bar on a terminal; elsewhere one line for each stage."""

    def __init__(self, command: Command, domain: str) -> None:
        self._command = command
        self._stage = ""
        self._bar = Bar(
            TextColumn("{task.fields[domain]} {task.description}"),
            BarColumn(),
            TaskProgressColumn(),
            TextColumn("{task.fields[done]} objects {task.fields[rate]}"),
            TimeRemainingColumn(),
            console=Console(file=cast(IO[str], command.stdout)),
            disable=not command.stdout.isatty(),
        )
        self._task = self._bar.add_task("connecting", total=100, domain=domain, done=0, rate="")
        self._stage_began = time.monotonic()

    def __enter__(self) -> _Display:
        self._bar.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._bar.stop()

    def __call__(self, progress: Progress) -> None:
        now = time.monotonic()
        if progress.stage != self._stage:
            self._stage, self._stage_began = progress.stage, now
            if self._bar.disable:
                self._command.stdout.write(f"{progress.percent:3d} % {progress.stage}")
        seconds = now - self._stage_began
        self._bar.update(
            self._task,
            description=progress.stage,
            completed=progress.percent,
            done=progress.done,
            rate=f"{progress.done / seconds:,.0f}/s" if seconds > 1 else "",
        )


def _failed(domain: str, kind: str, started: float, error: PortalError) -> dict[str, Any]:
    return {
        "domain": domain,
        "state": "stopped" if isinstance(error, TooManyRemovals) else "failed",
        "kind": kind,
        "seconds": round(time.monotonic() - started, 3),
        "code": error.code,
        "error": error.sentence,
        "remedy": error.remedy,
    }


def _together(results: list[dict[str, Any]]) -> dict[str, Any]:
    if len(results) == 1:
        return results[0]
    states = {result["state"] for result in results}
    worst = next(state for state in ("failed", "stopped", "succeeded") if state in states)
    return {"state": worst, "domains": results}
