"""Tells what changes of Active Directory would give and take, before anybody makes them."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from assist.eligibility.many.changes import Change
from assist.eligibility.many.naming import (
    helper_added,
    helper_removed,
    inheritance_blocked,
    member_added,
    policy_enforced,
    policy_linked,
    policy_unlinked,
    trust_one_way,
    trust_removed,
)
from assist.eligibility.many.what_if import MOST_NAMES, Difference, Side, what_if
from directory.errors import PortalError

UNKNOWN_NAME = 2
# Option, its values, what makes a change of them, help.
OPTIONS: tuple[tuple[str, tuple[str, ...], Callable[..., Change], str], ...] = (
    ("--add-helper", ("POLICY", "WHO"), helper_added, "somebody more on a policy's helper list"),
    ("--remove-helper", ("POLICY", "WHO"), helper_removed, "somebody off a policy's helper list"),
    ("--add-member", ("GROUP", "WHO"), member_added, "an account, group or computer in a group"),
    ("--block-inheritance", ("UNIT",), inheritance_blocked, "a unit blocks inheritance"),
    ("--one-way", ("TRUSTING", "TRUSTED"), trust_one_way, "of a two-way trust one way is left"),
    ("--remove-trust", ("ONE", "OTHER"), trust_removed, "two domains no longer trust each other"),
    ("--link", ("POLICY", "CONTAINER"), policy_linked, "a policy linked to a unit or domain"),
    ("--link-enforced", ("POLICY", "CONTAINER"), policy_enforced, "the same, enforced"),
    ("--unlink", ("POLICY", "CONTAINER"), policy_unlinked, "a policy no longer linked there"),
)


class Command(BaseCommand):
    """Decides on all pairs as they are and as they would be; nothing is written anywhere.

    With ``--json`` the last line of standard output is one object: ``changes`` (sentences),
    ``gained`` and ``lost``, each by mode: ``pairs``, ``computers`` and ``experts`` (numbers),
    ``first_computers`` (names), ``first_experts`` (name, computers), ``reasons`` (pairs by the code
    of what refuses them without, or with, the change), and ``decided_at``.
    """

    help = (
        "Tell which experts and computers would gain or lose by changes of Active Directory. "
        "Exit 0: answered; 2: unknown or ambiguous name."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        for option, values, _, text in OPTIONS:
            parser.add_argument(
                option, nargs=len(values), metavar=values, action="append", default=[], help=text
            )
        parser.add_argument(
            "--names", type=int, default=MOST_NAMES, help="how many names to give at most"
        )
        parser.add_argument("--json", action="store_true", help="end with one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            changes = list(_changes(options))
        except PortalError as error:
            self.stderr.write(f"{error.sentence}\n{error.remedy}".strip())
            if options["json"]:
                said = {"code": error.code, "sentence": error.sentence, "remedy": error.remedy}
                self.stdout.write(json.dumps({"error": said}))
            sys.exit(UNKNOWN_NAME)
        if not changes:
            raise CommandError("Name at least one change; --help lists them.")
        answer = what_if(changes, now=timezone.now())
        if options["json"]:
            self.stdout.write(json.dumps(answer.to_json(options["names"]), ensure_ascii=False))
        else:
            self._print(answer, options["names"])

    def _print(self, answer: Difference, most: int) -> None:
        for change in answer.changes:
            self.stdout.write(f"If {change}:")
        for word, sides in (("gained", answer.gained), ("lost", answer.lost)):
            for mode, side in sides.items():
                self._print_side(f"{mode.value} {word}", side, most)

    def _print_side(self, title: str, side: Side, most: int) -> None:
        said = side.to_json(most)
        self.stdout.write(
            f"{title}: {said['pairs']} pairs, {said['experts']} experts, "
            f"{said['computers']} computers"
        )
        for item in said["first_experts"]:
            self.stdout.write(f"  {item['name']}: {item['computers']} computers")
        if said["first_computers"]:
            self.stdout.write(f"  on {', '.join(said['first_computers'])}")
        for code, number in said["reasons"].items():
            self.stdout.write(f"  {number} pairs: {code}")


def _changes(options: dict[str, Any]) -> Iterator[Change]:
    for option, _, make, _ in OPTIONS:
        for values in options[option.removeprefix("--").replace("-", "_")]:
            yield make(*values)
