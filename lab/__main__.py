"""``python -m lab``: a small Active Directory with simulated Windows computers, on loopback."""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import json
import os
import sys
import time
from collections.abc import Callable, Iterator

from lab import changes, controller, forests, load, prerequisites, processes, world
from lab.errors import LabError
from lab.paths import LabPaths

COMPUTERS = "windows"
SIMULATED = tuple(computer.name for computer in world.COMPUTERS if computer.behaviour)
ANSWERS = ("accept", "accept-control", "decline", "ignore", "reset")


def up(paths: LabPaths, *, domain_only: bool, objects: int | None = None) -> None:
    """Brings up what does not run yet; a half-made or outdated domain is made anew.

    Args:
        paths: The lab.
        domain_only: Leave the simulated computers out.
        objects: How many computers without a simulation there are beside them, with accounts and
            groups in proportion; a domain of another number is made anew. None: as it is, a new
            domain without.
    """
    prerequisites.require()
    began = time.monotonic()

    def say(what: str) -> None:
        print(f"{time.monotonic() - began:7.1f} s  {what}", flush=True)

    if not forests.is_built(paths, objects):
        down(paths)
        forests.build(paths, objects or 0)
        say(f"domains {' and '.join(domain.dns_name for domain in world.DOMAINS)} made")
    paths.make()
    missing = [domain for domain in world.DOMAINS if not controller.runs(paths, domain)]
    for domain in missing:
        controller.stop(paths, domain)
    controller.start(paths, *missing)
    for domain in missing:
        say(f"domain controller {domain.controller.name} answers at {domain.controller.address}")
    if not domain_only and not _computers_run(paths):
        _start_computers(paths)
        say(f"{len(SIMULATED)} simulated computers listen")


def _computers_run(paths: LabPaths) -> bool:
    return processes.runs(paths, COMPUTERS) and paths.computers_ready.exists()


def _start_computers(paths: LabPaths) -> None:
    processes.stop(paths, COMPUTERS)
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
    processes.stop_all(paths)
    paths.computers_ready.unlink(missing_ok=True)


def kill(paths: LabPaths, name: str) -> None:
    """Ends a domain controller as a power cut would; ``start`` brings it back as it was."""
    controller.kill(paths, _domain_of(name))
    print(f"{name}: killed")


def start(paths: LabPaths, name: str) -> None:
    """Starts a domain controller that was killed, if it does not run."""
    domain = _domain_of(name)
    if not paths.of_controller(domain.controller).smb_conf.exists():
        raise LabError(f"There is no {name} yet. Make it: python -m lab up")
    if not controller.runs(paths, domain):
        controller.stop(paths, domain)
        controller.start(paths, domain)
    print(f"{name}: answers at {domain.controller.address}")


def replace(paths: LabPaths, name: str) -> None:
    """Puts a domain controller back to when it was made, as one restored from a backup is."""
    domain = _domain_of(name)
    forests.replace(paths, domain)
    controller.start(paths, domain)
    print(f"{name}: restored from backup, answers at {domain.controller.address}")


def _domain_of(name: str) -> world.Domain:
    return next(domain for domain in world.DOMAINS if domain.controller.name == name)


@contextlib.contextmanager
def _alone(paths: LabPaths) -> Iterator[None]:
    """Waits for whoever else brings this lab up or takes it down."""
    paths.root.mkdir(parents=True, exist_ok=True)
    with paths.lock.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def status(paths: LabPaths, *, domain_only: bool) -> bool:
    """Prints what runs; returns whether all of it does."""
    parts = {"domains made from the present world": forests.is_built(paths)}
    for domain in world.DOMAINS:
        one = domain.controller
        parts[f"domain controller {one.name} {one.address}"] = controller.runs(paths, domain)
    if not domain_only:
        parts["simulated computers"] = _computers_run(paths)
    for what, runs in parts.items():
        print(f"{'up  ' if runs else 'down'}  {what}")
    return all(parts.values())


def answer(paths: LabPaths, computer: str, text: str) -> None:
    """What the novice at that computer says when asked, until ``reset``."""
    name = computer.upper()
    if name not in SIMULATED:
        raise LabError(f"Nobody sits at {computer}. Simulated are: {', '.join(SIMULATED)}")
    paths.make()
    file = paths.answers / f"{name}.json"
    if text == "reset":
        file.unlink(missing_ok=True)
    else:
        file.write_text(json.dumps({"answer": text}))
    print(f"{name}: {text}")


def change(paths: LabPaths, *, seed: int, count: int) -> None:
    """Makes random changes; the last line of output is one JSON object of counts by kind."""
    made = changes.make(paths, seed=seed, count=count)
    print("\n".join(made.lines))
    print(json.dumps({"changes": sum(made.counts.values()), "counts": dict(made.counts)}))


CONTROLLERS = tuple(domain.controller.name for domain in world.DOMAINS)
CONTROLLER_COMMANDS: dict[str, tuple[Callable[[LabPaths, str], None], str]] = {
    "kill": (kill, "end a domain controller by SIGKILL"),
    "start": (start, "start a domain controller that was killed"),
    "replace": (replace, "put a domain controller back to when it was made, as from a backup"),
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m lab", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for command, what in (
        ("up", "bring up what does not run yet"),
        ("status", "say what runs; exit 0 when all of it does"),
    ):
        parser_of_it = commands.add_parser(command, help=what)
        parser_of_it.add_argument(
            "--domain-only", action="store_true", help="leave the computers out"
        )
        if command == "up":
            parser_of_it.add_argument(
                "--objects",
                type=int,
                metavar="N",
                help="N computers below r2.local's OU=Bulk, N/5 accounts, 50 groups or more; with "
                "another number all is made anew (default: as it is; when made anew: none)",
            )
    loading = commands.add_parser("computers", help="start many like computers, for load")
    loading.add_argument("--count", type=int, required=True, help="how many; 0 stops them")
    loading.add_argument(
        "--ntlm", type=int, default=0, help="how many more, without Kerberos tickets (0)"
    )
    loading.add_argument(
        "--delegated", action="store_true", help="let the web account act for others at them"
    )
    loading.add_argument("--processes", type=int, default=4, help="in how many processes (4)")
    loading.add_argument(
        "--opening-seconds", type=float, default=60.0, help="how long an invitation waits (60)"
    )
    loading.add_argument(
        "--pause-seconds", type=float, default=0.0, help="before each answer of a computer (0)"
    )
    commands.add_parser("down", help="stop everything")
    for command, (_, what) in CONTROLLER_COMMANDS.items():
        commands.add_parser(command, help=what).add_argument("controller", choices=CONTROLLERS)
    answering = commands.add_parser("answer", help="script what a novice says")
    answering.add_argument("computer")
    answering.add_argument("answer", choices=ANSWERS)
    changing = commands.add_parser("change", help="make random changes below OU=Bulk")
    changing.add_argument("--seed", type=int, required=True, help="which changes")
    changing.add_argument("--count", type=int, required=True, help="how many")
    arguments = parser.parse_args()
    paths = LabPaths.from_environment()
    try:
        match arguments.command:
            case "up":
                with _alone(paths):
                    up(paths, domain_only=arguments.domain_only, objects=arguments.objects)
            case "down":
                with _alone(paths):
                    down(paths)
            case "answer":
                answer(paths, arguments.computer, arguments.answer)
            case "computers":
                with _alone(paths):
                    print(
                        load.as_json(
                            load.start(
                                paths,
                                count=arguments.count,
                                process_count=arguments.processes,
                                opening_seconds=arguments.opening_seconds,
                                pause_seconds=arguments.pause_seconds,
                                ntlm=arguments.ntlm,
                                delegated=arguments.delegated,
                            )
                        )
                    )
            case "change":
                change(paths, seed=arguments.seed, count=arguments.count)
            case "kill" | "start" | "replace" as command:
                with _alone(paths):
                    CONTROLLER_COMMANDS[command][0](paths, arguments.controller)
            case "status":
                return 0 if status(paths, domain_only=arguments.domain_only) else 1
    except LabError as error:
        print(f"lab: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
