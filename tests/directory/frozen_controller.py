"""The lab's domain controller, made to fall silent without closing a connection."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lab import controller, world
from tests.environment import LAB_DIR


def _descendants(root: int) -> list[int]:
    children: dict[int, list[int]] = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = status.read_text().rpartition(")")[2].split()
        except OSError:  # it has ended meanwhile
            continue
        children.setdefault(int(fields[1]), []).append(int(status.parent.name))
    found, waiting = [root], [root]
    while waiting:
        for child in children.get(waiting.pop(), ()):
            found.append(child)
            waiting.append(child)
    return found


@contextmanager
def thawed_at_the_end() -> Iterator[list[int]]:
    """Whoever is frozen within it goes on after it."""
    frozen: list[int] = []
    try:
        yield frozen
    finally:
        for process in frozen:
            os.kill(process, signal.SIGCONT)


def freeze(frozen: list[int]) -> None:
    """Stop every process of the domain controller where it is."""
    if frozen:
        return
    name = controller.process_name(world.R2.controller)
    root = int((LAB_DIR / "pids" / f"{name}.pid").read_text().split()[0])
    for process in _descendants(root):
        os.kill(process, signal.SIGSTOP)
        frozen.append(process)
