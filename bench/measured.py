"""Programs run as processes of their own, with the time and memory that they took."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

COUNT = "for _ in range(10_000_000): pass"
LAUNCHER = Path(__file__).with_name("launcher.py")


class BenchError(Exception):
    """A measurement could not be made; the text says why."""


@dataclass(frozen=True)
class Measured:
    """What a program took, from its start to its end.

    Attributes:
        wall_s: Seconds that passed.
        cpu_s: Seconds of processor time, its own and the system's for it.
        peak_rss_mb: Most memory it had at once (its largest process), in MiB.
        output: What it wrote to standard output; empty where that was not kept.
    """

    wall_s: float
    cpu_s: float
    peak_rss_mb: float
    output: str = ""


def processors_together() -> float:
    """How fast each processor counts while all of them do, to one of them alone.

    1.0 where they are as good as they are many. Virtual machines get less: two processors at 0.5
    do no more than one, and then nothing can be gained by working on both.
    """
    alone = _count_on(1)
    return alone / _count_on(os.cpu_count() or 1)


def _count_on(processors: int) -> float:
    """Seconds until that many processes have counted."""
    began = time.perf_counter()
    counting = [
        subprocess.Popen([sys.executable, "-S", "-I", "-c", COUNT]) for _ in range(processors)
    ]
    for process in counting:
        process.wait()
    return time.perf_counter() - began


def measure(
    command: Sequence[str], environment: Mapping[str, str], *, keep_output: bool = True
) -> Measured:
    """Runs a program to its end.

    Args:
        command: The program and its arguments.
        environment: All of its environment.
        keep_output: Return what it writes; else it goes to /dev/null.

    Raises:
        BenchError: It failed.
    """
    with tempfile.NamedTemporaryFile(mode="r", encoding="utf-8") as result:
        # -S -E -I keep the launcher small: nothing is imported that it does not need.
        done = subprocess.run(
            [sys.executable, "-S", "-I", str(LAUNCHER), result.name, *command],
            stdout=subprocess.PIPE if keep_output else subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            env=dict(environment),
            check=False,
        )
        if done.returncode != 0:
            said = f"{done.stdout or ''}"[-1500:] + done.stderr[-1500:]
            raise BenchError(f"{' '.join(command[:3])} ended with {done.returncode}:\n{said}")
        return Measured(**json.load(result), output=done.stdout or "")
