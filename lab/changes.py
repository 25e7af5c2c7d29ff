"""Random changes of the lab's directory, for whoever follows changes."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass

from lab.controller import DEBIAN_PYTHON
from lab.errors import LabError
from lab.paths import CHECKOUT, LabPaths


@dataclass(frozen=True)
class Changes:
    """What was changed.

    Attributes:
        counts: How many changes of each kind.
        plan: A digest of what was done to what; the same seed on the same state gives the same.
        lines: What each change was, in order.
    """

    counts: Mapping[str, int]
    plan: str
    lines: tuple[str, ...]


def make(paths: LabPaths, *, seed: int, count: int) -> Changes:
    """Makes changes of every kind, in random order, below OU=Bulk and to things made for it.

    The controller may run; accounts, policies and computers of the lab's story stay as they are.

    Args:
        paths: A lab with a population (``--objects``).
        seed: Which changes.
        count: How many; from 80 on, each kind is among them.

    Raises:
        LabError: A change was refused. Those before it have been made.
    """
    script = str(CHECKOUT / "lab/samba/changes.py")
    options = ["--seed", str(seed), "--count", str(count), "--verbose"]
    done = subprocess.run(
        [DEBIAN_PYTHON, script, str(paths.smb_conf), *options],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise LabError(f"changing failed:\n{done.stdout[-1000:]}{done.stderr[-2000:]}")
    *lines, last = done.stdout.splitlines()
    result = json.loads(last)
    return Changes(result["counts"], result["plan"], tuple(lines))
