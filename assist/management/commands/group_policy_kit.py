"""Writes the Group Policy kit, or compares a policy with it."""

from __future__ import annotations

import getpass
import json
import uuid
from pathlib import Path
from typing import Any

from django.core.checks import Tags
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction
from django.utils import timezone

from assist.actors import Actor
from assist.group_policy_kit import drift, find_policy, kit_archive, known_helpers, record_kit
from directory.errors import PortalError
from directory.grouppolicy.kit import Generation, KitChoice, Profile, kit_files


class Command(BaseCommand):
    """Writes the kit to a folder or a ZIP archive; or, with ``--compare-with``, only compares.

    With ``--json`` the last line of standard output is one object: ``files`` (paths written),
    ``remarks``; or ``policy`` and ``differences`` (each with ``code`` and ``sentence``). Exit 0:
    written, or no difference; 1: there are differences; 2: bad input.
    """

    help = "Make the Group Policy that lets helpers offer Remote Assistance, as files to import."
    requires_system_checks = (Tags.security,)

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--name", default="Offer Remote Assistance", help="of the policy")
        parser.add_argument("--helper", action="append", required=True, help=r"DOMAIN\group")
        mode = parser.add_mutually_exclusive_group(required=True)
        mode.add_argument("--control", action="store_true", help="helpers may ask for control")
        mode.add_argument("--view", action="store_true", help="helpers only view")
        parser.add_argument(
            "--profile", action="append", choices=list(Profile), help="domain, if left"
        )
        parser.add_argument(
            "--windows", action="append", choices=list(Generation), help="vista, if left"
        )
        parser.add_argument("--session-logging", choices=["on", "off"])
        parser.add_argument("--view-message", default="")
        parser.add_argument("--control-message", default="")
        parser.add_argument("--event-log", action="store_true", help="let the event log be read")
        what = parser.add_mutually_exclusive_group(required=True)
        what.add_argument("--output", type=Path, help="a new folder, or a file named *.zip")
        what.add_argument("--compare-with", help="a policy's name or GUID")
        parser.add_argument("--json", action="store_true", help="end with one line of JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            helpers = known_helpers(options["helper"])
            choice = _choice(options, helpers.names)
            if options["compare_with"]:
                self._compare(choice, options)
                return
            paths = _take(choice, options["output"])
        except (PortalError, OSError) as error:
            sentence = error.sentence if isinstance(error, PortalError) else str(error)
            remedy = error.remedy if isinstance(error, PortalError) else ""
            raise CommandError(f"{sentence} {remedy}".strip(), returncode=2) from None
        for remark in helpers.remarks:
            self.stderr.write(remark)
        if options["json"]:
            self.stdout.write(json.dumps({"files": paths, "remarks": list(helpers.remarks)}))
        else:
            self.stdout.write(f"Written to {options['output']}. Begin with README.md.")

    def _compare(self, choice: KitChoice, options: dict[str, Any]) -> None:
        policy = find_policy(options["compare_with"])
        found = drift(choice, policy)
        if options["json"]:
            listed = [{"code": item.code, "sentence": item.sentence} for item in found]
            self.stdout.write(json.dumps({"policy": str(policy), "differences": listed}))
        else:
            for item in found:
                self.stdout.write(item.sentence)
        if found:
            raise CommandError(f"{policy} differs in {len(found)} ways.", returncode=1)
        if not options["json"]:
            self.stdout.write(f"{policy} says what was chosen.")


def _choice(options: dict[str, Any], helpers: tuple[str, ...]) -> KitChoice:
    logging = options["session_logging"]
    return KitChoice(
        name=options["name"],
        control=options["control"],
        helpers=helpers,
        profiles=frozenset(map(Profile, options["profile"] or [Profile.DOMAIN])),
        generations=frozenset(map(Generation, options["windows"] or [Generation.VISTA])),
        session_logging=None if logging is None else logging == "on",
        view_message=options["view_message"],
        control_message=options["control_message"],
        event_log=options["event_log"],
    )


def _take(choice: KitChoice, output: Path) -> list[str]:
    is_archive = output.suffix.lower() == ".zip"
    actor = Actor(sid="", name=f"{getpass.getuser()} at the console")
    with transaction.atomic():
        record_kit(actor, choice, form="zip" if is_archive else "folder")
        return _write(choice, output, is_archive=is_archive)


def _write(choice: KitChoice, output: Path, *, is_archive: bool) -> list[str]:
    now = timezone.now()
    files = kit_files(choice, backup_id=uuid.uuid4(), now=now)
    if is_archive:
        with output.open("xb") as archive:
            archive.write(kit_archive(files, now))
        return list(files)
    output.mkdir(parents=True)
    for path, content in files.items():
        file = output / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    return list(files)
