"""``python -m lab``: a small Active Directory with simulated Windows computers, on loopback."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time

from lab import controller, prerequisites, processes, world
from lab.errors import LabError
from lab.paths import LabPaths

COMPUTERS = "windows"
ANSWERS = ("accept", "accept-control", "decline", "ignore", "reset")


def up(paths: LabPaths, *, domain_only: bool) -> None:
    """Brings up what does not run yet; a half-made or outdated domain is made anew."""
    prerequisites.require()
    began = time.monotonic()

    def say(what: str) -> None:
        print(f"{time.monotonic() - began:7.1f} s  {what}", flush=True)

    if not controller.is_built(paths):
        down(paths)
        controller.build(paths)
        say(f"domain {world.DNS_NAME} provisioned and filled")
    paths.make()
    if not controller.runs(paths):
        controller.stop(paths)
        controller.start(paths)
        say(f"domain controller answers at {world.CONTROLLER_ADDRESS}")
    if not domain_only and not processes.runs(paths, COMPUTERS):
        _start_computers(paths)
        say(f"{sum(1 for c in world.COMPUTERS if c.behaviour)} simulated computers listen")


def _start_computers(paths: LabPaths) -> None:
    paths.computers_ready.unlink(missing_ok=True)
    processes.start(
        paths,
        COMPUTERS,
        [sys.executable, "-m", "lab.windows", "--lab-dir", str(paths.root)],
        os.environ | {"KRB5_CONFIG": str(paths.kerberos_settings)},
    )
    processes.wait_until(paths.computers_ready.exists, "the computers", paths, COMPUTERS, 60)


def down(paths: LabPaths) -> None:
    """Stops everything; what was made stays for the next time."""
    processes.stop(paths, COMPUTERS)
    controller.stop(paths)


def status(paths: LabPaths) -> bool:
    """Prints what runs; returns whether all of it does."""
    parts = {
        f"domain controller {world.CONTROLLER_ADDRESS}": controller.runs(paths),
        "simulated computers": processes.runs(paths, COMPUTERS) and paths.computers_ready.exists(),
        "domain made from the present world": controller.is_built(paths),
    }
    for what, runs in parts.items():
        print(f"{'up  ' if runs else 'down'}  {what}")
    return all(parts.values())


def answer(paths: LabPaths, computer: str, text: str) -> None:
    """What the novice at that computer says when asked, until ``reset``."""
    try:
        name = world.computer(computer).name
    except KeyError as error:
        names = ", ".join(c.name for c in world.COMPUTERS if c.behaviour)
        raise LabError(f"The lab has no computer {computer}. It has: {names}") from error
    paths.make()
    file = paths.answers / f"{name}.json"
    if text == "reset":
        file.unlink(missing_ok=True)
    else:
        file.write_text(json.dumps({"answer": text}))
    print(f"{name}: {text}")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m lab", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    starting = commands.add_parser("up", help="bring everything up")
    starting.add_argument("--domain-only", action="store_true", help="no simulated computers")
    commands.add_parser("status", help="say what runs; exit 0 when all of it does")
    commands.add_parser("down", help="stop everything")
    answering = commands.add_parser("answer", help="script what a novice says")
    answering.add_argument("computer")
    answering.add_argument("answer", choices=ANSWERS)
    arguments = parser.parse_args()
    paths = LabPaths.from_environment()
    try:
        match arguments.command:
            case "up":
                up(paths, domain_only=arguments.domain_only)
            case "down":
                down(paths)
            case "answer":
                answer(paths, arguments.computer, arguments.answer)
            case "status":
                return 0 if status(paths) else 1
    except LabError as error:
        print(f"lab: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
