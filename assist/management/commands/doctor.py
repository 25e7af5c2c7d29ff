"""``manage.py doctor``: what the portal's own accounts may do that they need not."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from typing import Any

from django.core.checks import Tags
from django.core.management.base import BaseCommand

from assist.doctor import examine_accounts


class Command(BaseCommand):
    """Examines the accounts that call computers, take sign-ins with Windows, and read domains.

    With ``--json`` the last line of standard output is one object: ``accounts``, a list of
    ``account``, ``use``, ``is_sound`` and ``remarks`` (``code``, ``level`` - too much, missing,
    unknown or note - ``sentence``, ``remedy``). Exit 0 when all are sound, 1 when one may do too
    much or lacks something.
    """

    help = "Examine the rights of the portal's own accounts."
    requires_system_checks = (Tags.security,)

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--offline", action="store_true", help="by the portal's picture of the directory alone"
        )
        parser.add_argument("--json", action="store_true", help="end with one line of JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        examined = examine_accounts(asks_controller=not options["offline"])
        for one in examined:
            verdict = "sound" if one.is_sound else "not sound"
            self.stdout.write(f"{one.name} ({one.use.value}): {verdict}")
            for remark in one.remarks:
                self.stdout.write(
                    f"  {remark.level.value}: {remark.sentence} {remark.remedy}".rstrip()
                )
        if options["json"]:
            self.stdout.write(json.dumps({"accounts": [one.to_json() for one in examined]}))
        if not all(one.is_sound for one in examined):
            sys.exit(1)
