"""Explains whether an expert may offer help on a computer, and why."""

from __future__ import annotations

import json
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone

from assist.actors import Actor
from assist.eligibility import Decision, explain
from assist.eligibility.telling import note_explained
from assist.lifecycle import Mode
from assist.policy_in_force import PolicyInForce, policy_in_force
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
            " sentence, mode, expert, computer, findings, decided_at, and policy: settings, lines,"
            " further_lines, links",
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
        note_explained(Actor.portal(), account, computer, [decision])
        policy = policy_in_force(computer)
        if options["json"]:
            answer = decision.to_json() | {"policy": policy.to_json()}
            self.stdout.write(json.dumps(answer, ensure_ascii=False))
        else:
            self._print(decision)
            self._print_policy(policy)
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

    def _print_policy(self, policy: PolicyInForce) -> None:
        """The chain, value by value; then the helper list and the links on the way."""
        self.stdout.write("\nPolicy in force")
        for row in policy.settings:
            value = "not known" if row.open else row.value
            self.stdout.write(f"  {row.name} = {value}, set by {row.source or 'no policy'}")
            for overridden in row.overridden:
                self.stdout.write(f"    instead of {overridden}")
            for item in row.open:
                self.stdout.write(f"    {item.sentence}\n    {item.remedy}")
        self.stdout.write("Helper list")
        for line in policy.lines:
            state = {True: "listed", False: f"taken off by {line.overridden_by}", None: "not known"}
            names = line.names or "nobody"
            self.stdout.write(f"  {line.text} -> {names}; {state[line.is_in_force]}; {line.source}")
        for item in policy.further_lines:
            self.stdout.write(f"  and perhaps others: {item.sentence}")
        self.stdout.write("Links, the one with the last word first")
        for link in policy.links:
            enforced = ", enforced" if link.is_enforced else ""
            self.stdout.write(
                f"  {link.policy} -> {link.container}, link order {link.order}{enforced}: "
                f"{link.effect}. {link.reason}"
            )
