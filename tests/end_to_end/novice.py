"""A simulated computer, the person at it, and the viewers that reach it."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

SECONDS = 40


def wait(until: Callable[[], bool], what: str, seconds: float = SECONDS) -> None:
    deadline = time.monotonic() + seconds
    while not until():
        assert time.monotonic() < deadline, what
        time.sleep(0.1)


@dataclass
class Novice:
    """Somebody at a computer, who does what a test says.

    Attributes:
        lab_directory: Where the lab's state is.
        computer: The computer's name.
    """

    lab_directory: Path
    computer: str
    viewers: list[socket.socket] = field(default_factory=list)

    @property
    def script(self) -> Path:
        return self.lab_directory / "answers" / f"{self.computer}.json"

    def does(self, **script: Any) -> None:
        self.script.write_text(json.dumps(script))

    def events(self) -> list[dict[str, Any]]:
        file = self.lab_directory / "events" / f"{self.computer}.jsonl"
        lines = file.read_text().splitlines() if file.exists() else []
        return [json.loads(line) for line in lines]

    def view(self, place: str = "") -> socket.socket:
        """A viewer comes to where the invitation says, and speaks.

        Args:
            place: As ``address:port``; by default what the computer wrote into its log.
        """
        if not place:
            told = [event for event in self.events() if event["EventID"] == 33][-1]
            place = told["EventData"]["FuncName"]
        address, _, port = place.rpartition(":")
        viewer = socket.create_connection((address, int(port)), 5)
        viewer.sendall(b"\x03\x00\x00\x13")
        self.viewers.append(viewer)
        return viewer

    def has(self, event_id: int) -> bool:
        """Whether the run that began last has come to that event."""
        numbers = [event["EventID"] for event in self.events()]
        return event_id in numbers[len(numbers) - numbers[::-1].index(31) :]

    def rests(self) -> None:
        """Remote Assistance has ended, whoever still looked."""
        for viewer in self.viewers:
            viewer.close()
        self.does(end=True)
        wait(lambda: self._count(31) == self._count(32), "Remote Assistance ends")
        self.script.unlink()

    def _count(self, event_id: int) -> int:
        return sum(event["EventID"] == event_id for event in self.events())
