"""Background processes of the lab, each known by a file with its process id."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from lab.errors import LabError
from lab.paths import CHECKOUT, LabPaths


def start(paths: LabPaths, name: str, command: list[str], environment: dict[str, str]) -> None:
    """Starts a process in a session of its own, its output in ``log/NAME.log``."""
    with (paths.logs / f"{name}.log").open("ab") as log:
        process = subprocess.Popen(
            command,
            cwd=CHECKOUT,
            env=environment,
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
    """Ends the process and all of its session: first asked, then killed after the seconds."""
    pid = _pid(paths, name)
    if pid is not None:
        os.killpg(pid, signal.SIGTERM)
        deadline = time.monotonic() + seconds
        while _session_lives(pid) and time.monotonic() < deadline:
            time.sleep(0.05)
        if _session_lives(pid):
            os.killpg(pid, signal.SIGKILL)
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


def _started_at(pid: int) -> str:
    """The kernel's start time of a process, which tells it from a later one of the same number."""
    text = Path(f"/proc/{pid}/stat").read_text()
    return text.rsplit(")", 1)[1].split()[19]


def _is_zombie(pid: int) -> bool:
    return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"


def _pid(paths: LabPaths, name: str) -> int | None:
    try:
        pid, started_at = _pid_file(paths, name).read_text().split()
        lives = _started_at(int(pid)) == started_at and not _is_zombie(int(pid))
    except (FileNotFoundError, ProcessLookupError, ValueError):
        return None
    return int(pid) if lives else None


def _session_lives(session: int) -> bool:
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rsplit(")", 1)[1].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(fields[3]) == session and fields[0] != "Z":
            return True
    return False
