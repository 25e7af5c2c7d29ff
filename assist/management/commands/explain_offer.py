"""Explains whether an expert may offer help on a computer, and why."""

from __future__ import annotations

import json
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone

from assist.eligibility import Decision, explain
from assist.lifecycle import Mode
from directory.errors import PortalError
from directory.names import find_account, find_computer

ALLOWED, REFUSED, UNKNOWN_NAME = 0, 1, 2


class Command(BaseCommand):
    help = (
        "Explain whether EXPERT may offer help on COMPUTER. "
        "Exit 0: allowed; 1: refused; 2: unknown or ambiguous name."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("expert", help=r"as R2\mjones, r2.local\mjones or mjones@r2.local")
        parser.add_argument("computer", help="its name, DNS name or IP address")
        parser.add_argument(
            "--mode", choices=[mode.value for mode in Mode], default=Mode.CONTROL.value
        )
        parser.add_argument(
            "--json",
            action="store_true",
            help="end with the decision as one JSON object: verdict,"
            " sentence, mode, expert, computer, findings, decided_at",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            account = find_account(options["expert"])
            computer = find_computer(options["computer"])
        except PortalError as error:
            self.stderr.write(f"{error.sentence}\n{error.remedy}".strip())
            if options["json"]:
                answer = {"error": {"code": error.code, "sentence": error.sentence}}
                answer["error"] |= {"field": error.field, "remedy": error.remedy}
                self.stdout.write(json.dumps(answer))
            sys.exit(UNKNOWN_NAME)
        decision = explain(account, computer, Mode(options["mode"]), now=timezone.now())
        if options["json"]:
            self.stdout.write(json.dumps(decision.to_json(), ensure_ascii=False))
        else:
            self._print(decision)
        if not decision.is_allowed:
            sys.exit(REFUSED)

    def _print(self, decision: Decision) -> None:
        self.stdout.write(f"{decision.verdict.upper()}: {decision.sentence}")
        decisive = decision.decisive
        if decisive and decisive.remedy:
            self.stdout.write(f"What can be done: {decisive.remedy}")
        self.stdout.write("")
        for finding in decision.findings:
            self.stdout.write(f"{finding.effect.value:<8} {finding.rule}")
            self.stdout.write(f"         {finding.sentence}")
            for item in finding.evidence:
                self.stdout.write(f"         - {item.kind} {item.name} [{item.id}]")
            if finding.remedy:
                self.stdout.write(f"         {finding.remedy}")
