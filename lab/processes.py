"""Background processes of the lab, each known by a file with its process id.

What a process leaves behind when it dies is found by the session it led, and by a variable that
the lab puts into its environment and that its children inherit.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from lab.errors import LabError
from lab.paths import CHECKOUT, LabPaths

MARK = "LAB_PROCESS"


def start(paths: LabPaths, name: str, command: list[str], environment: dict[str, str]) -> None:
    """Starts a process in a session of its own, its output in ``log/NAME.log``."""
    with (paths.logs / f"{name}.log").open("ab") as log:
        process = subprocess.Popen(
            command,
            cwd=CHECKOUT,
            env=environment | {MARK: _mark(paths, name)},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    _pid_file(paths, name).write_text(f"{process.pid} {_started_at(process.pid)}")


def runs(paths: LabPaths, name: str) -> bool:
    """Whether the process lives; a number that another process got since does not count."""
    return _pid(paths, name) is not None


def stop(paths: LabPaths, name: str, seconds: float = 15) -> None:
    """Ends the process and all that it started, even if it died and left them behind.

    Args:
        paths: The lab.
        name: The process.
        seconds: How long they may take after being asked, before they are killed.
    """
    _signal(_members(paths, name), signal.SIGTERM)
    deadline = time.monotonic() + seconds
    while _members(paths, name):
        if time.monotonic() > deadline:
            _signal(_members(paths, name), signal.SIGKILL)
        time.sleep(0.05)
    _pid_file(paths, name).unlink(missing_ok=True)


def stop_all(paths: LabPaths) -> None:
    """Ends everything that the lab ever started here, by whatever name it went then."""
    for file in sorted(paths.pids.glob("*.pid")):
        stop(paths, file.stem)


def kill(paths: LabPaths, name: str) -> None:
    """Ends the process and all that it started at once, with no chance to write anything."""
    while members := _members(paths, name):
        _signal(members, signal.SIGKILL)
        time.sleep(0.02)
    _pid_file(paths, name).unlink(missing_ok=True)


def wait_until(
    condition: Callable[[], bool], what: str, paths: LabPaths, name: str, seconds: float = 30
) -> None:
    """Waits for the condition; raises LabError when the process ends or the time is over."""
    deadline = time.monotonic() + seconds
    while not condition():
        if not runs(paths, name):
            raise LabError(f"{what}: {name} ended; see {paths.logs / name}.log")
        if time.monotonic() > deadline:
            raise LabError(f"{what}: not within {seconds:g} s; see {paths.logs / name}.log")
        time.sleep(0.05)


def _pid_file(paths: LabPaths, name: str) -> Path:
    return paths.pids / f"{name}.pid"


def _mark(paths: LabPaths, name: str) -> str:
    return f"{paths.root}:{name}"


def _state(pid: int) -> list[str]:
    """The fields of a process's ``stat`` from its state on (proc(5): state is the third)."""
    return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()


def _started_at(pid: int) -> str:
    """The kernel's start time of a process, which tells it from a later one of the same number."""
    return _state(pid)[19]


def _pid(paths: LabPaths, name: str) -> int | None:
    try:
        pid, started_at = _pid_file(paths, name).read_text().split()
        state = _state(int(pid))
    except (FileNotFoundError, ProcessLookupError, ValueError):
        return None
    return int(pid) if state[19] == started_at and state[0] != "Z" else None


def _session(paths: LabPaths, name: str) -> int | None:
    """The session that the process leads or led; None once its number is another process's."""
    try:
        pid, started_at = _pid_file(paths, name).read_text().split()
    except (FileNotFoundError, ValueError):
        return None
    try:
        return int(pid) if _started_at(int(pid)) == started_at else None
    except (FileNotFoundError, ProcessLookupError):
        return int(pid)


def _members(paths: LabPaths, name: str) -> list[int]:
    """The living processes that the named one started, itself included."""
    session = _session(paths, name)
    mark = f"{MARK}={_mark(paths, name)}".encode()
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            state = _state(int(folder.name))
            environment = (folder / "environ").read_bytes().split(b"\0")
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
        if state[0] != "Z" and (int(state[3]) == session or mark in environment):
            found.append(int(folder.name))
    return found


def _signal(pids: list[int], number: signal.Signals) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
