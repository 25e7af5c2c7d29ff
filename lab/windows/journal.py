"""What reached the computers: one line of JSON per connection and per call.

Tests judge callers by it: who called, at what level, for which session, what came of it - and
that nothing came where nothing should be sent.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

from lab.windows.caller import Caller


def now_text(ahead_seconds: float = 0.0) -> str:
    """The time as Windows event XML writes it, in UTC, by a clock that may be ahead."""
    now = datetime.now(UTC) + timedelta(seconds=ahead_seconds)
    return now.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


class Journal:
    """Appends to ``calls.jsonl``, which is there from the start."""

    def __init__(self, file: Path) -> None:
        self._file = file
        file.touch()

    def _write(self, record: dict[str, object]) -> None:
        with self._file.open("a") as file:
            file.write(json.dumps({"time": now_text()} | record) + "\n")

    def connection(self, computer: str, port: int, peer: str) -> None:
        self._write({"computer": computer, "call": "connect", "port": port, "peer": peer})

    def call(
        self,
        computer: str,
        name: str,
        caller: Caller | None,
        level: int,
        session_id: int | None,
        result: int,
        *,
        is_fault: bool = False,
    ) -> None:
        """One RPC call; ``result`` is its HRESULT, or the fault's status."""
        self._write(
            {
                "computer": computer,
                "call": name,
                "caller": None if caller is None else caller.name,
                "caller_sid": None if caller is None else caller.sid,
                "authentication": None if caller is None else caller.by,
                "auth_level": level,
                "session_id": session_id,
                "result": f"0x{result:08X}",
                "is_fault": is_fault,
            }
        )
