"""What the novice does when asked."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from lab import world

ACCEPT, ACCEPT_CONTROL, DECLINE, IGNORE = "accept", "accept-control", "decline", "ignore"
DENIED, CLOSED = "denied", "closed"
ANSWERS = (ACCEPT, ACCEPT_CONTROL, DECLINE, IGNORE)


@dataclass(frozen=True)
class Script:
    """What ``answers/<COMPUTER>.json`` says now.

    Attributes:
        answer: One of ANSWERS; None where the file says nothing.
        closes_window: Whether the novice ends Remote Assistance at once, at any time (``end``).
        opening_seconds: How long an invitation waits to be opened; None for the usual time.
        clock_ahead_seconds: How far the computer's clock is ahead: in events, and as it says.
        event_log: ``denied`` lets nobody read it over the network, ``closed`` keeps its service
            from being found.
        logged_on: Who is logged on instead of those whom the world names; None for those.
        is_busy: Whether Remote Assistance runs there already, for somebody else.
    """

    answer: str | None = None
    closes_window: bool = False
    opening_seconds: float | None = None
    clock_ahead_seconds: float = 0.0
    event_log: str = ""
    logged_on: tuple[world.LoggedOn, ...] | None = None
    is_busy: bool = False


def read_script(file: Path) -> Script:
    """Reads the file; absent or malformed it says nothing."""
    try:
        found = json.loads(file.read_text())
        answer = found.get("answer")
        opening = found.get("opening_seconds")
        logged_on = found.get("logged_on")
        return Script(
            answer if answer in ANSWERS else None,
            bool(found.get("end", False)),
            None if opening is None else float(opening),
            float(found.get("clock_ahead_seconds", 0.0)),
            str(found.get("event_log", "")),
            None if logged_on is None else tuple(world.LoggedOn(*one) for one in logged_on),
            bool(found.get("busy", False)),
        )
    except (OSError, ValueError, TypeError, AttributeError):
        return Script()
