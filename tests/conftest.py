"""The lab for whoever asks: brought up once a run, taken down again unless LAB_KEEP is set."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from assist.audit.kinds import KINDS, Kind
from tests import audit_flush
from tests.environment import LAB_DIR, LAB_OBJECTS, ROOT
from tests.fixtures_directory import directory_rows, sockets, synced_directory

__all__ = ["directory_rows", "sockets", "synced_directory"]

audit_flush.install()
# Events that tests of the trail itself record, of no act.
KINDS.update(
    (name, Kind(name, "A test did something."))
    for name in ("test.done", "test.forged", "test.after", "test.kept")
)


@dataclass(frozen=True)
class Lab:
    """The running lab: where its files are, and its settings for the portal."""

    directory: Path
    env: dict[str, str]

    def answer(self, computer: str, answer: str) -> None:
        """What the novice at that computer says from now on; ``reset`` takes it back."""
        _lab("answer", computer, answer)


def _lab(*arguments: str) -> None:
    subprocess.run([sys.executable, "-m", "lab", *arguments], cwd=ROOT, check=True)


def _status() -> int:
    return subprocess.run(
        [sys.executable, "-m", "lab", "status", "--domain-only"],
        cwd=ROOT,
        check=False,
        capture_output=True,
    ).returncode


def _read_env(path: Path) -> dict[str, str]:
    lines = path.read_text(encoding="utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line and line[0] != "#")


@pytest.fixture(scope="session")
def lab_domain() -> Iterator[Lab]:
    """The Samba domain alone, for tests that contact no computer."""
    was_up = _status() == 0
    population = ("--objects", str(LAB_OBJECTS)) if LAB_OBJECTS else ()
    _lab("up", "--domain-only", *population)
    yield Lab(LAB_DIR, _read_env(LAB_DIR / "lab.env"))
    if not was_up and not os.environ.get("LAB_KEEP"):
        _lab("down")


@pytest.fixture(scope="session")
def lab(lab_domain: Lab) -> Lab:
    """The Samba domain and the simulated computers."""
    _lab("up")
    return lab_domain
