"""Events of the RemoteAssistance provider: kept in a file, forwarded to a collector."""

from __future__ import annotations

import asyncio
import json
import logging
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lab.windows.journal import now_text

PROVIDER = "Microsoft-Windows-RemoteAssistance"
CHANNEL = PROVIDER + "/Operational"

STARTED = 13  # Remote Assistance started with: {FuncName} as the command line parameters
CONNECTED = 15  # an RDP connection was successfully made
PASSWORD_VERIFIED = 16  # the session has begun
DISCONNECTED_REMOTELY = 18
DISCONNECTED_LOCALLY = 19
INVITATION_CLOSED = 20
CONTROL_SHARED = 21
SCREEN_VIEWED = 22
TIME_LIMIT_REACHED = 24
CONTROL_BLOCKED = 27
ENDED = 30
COM_SERVER_STARTED, COM_SERVER_ENDED = 31, 32
TICKET_ADDRESSES = 33

RETRY_DELAYS_SECONDS = (0.2, 0.5, 1.0, 2.0, 4.0)
POST_TIMEOUT_SECONDS = 5.0
log = logging.getLogger(__name__)


class EventLog:
    """The event log of one computer.

    Args:
        computer_dns_name: Written into each event.
        file: One line of JSON per event, always written.
        collector: ``{"url": ..., "token": ...}``; read anew for each event, absent means none.
        clock_ahead: How many seconds the computer's clock is ahead now.
    """

    def __init__(
        self,
        computer_dns_name: str,
        file: Path,
        collector: Path,
        clock_ahead: Callable[[], float] = lambda: 0.0,
    ) -> None:
        self._computer = computer_dns_name
        self._file = file
        self._collector = collector
        self._clock_ahead = clock_ahead
        self._waiting: asyncio.Queue[dict[str, object]] = asyncio.Queue()
        self.events: list[dict[str, Any]] = _events(file)
        # One made anew repeats no number.
        self._record_id = self.events[-1]["EventRecordID"] if self.events else int(time.time())

    def log(
        self, event_id: int, process_id: int, user_sid: str, data: dict[str, str] | None = None
    ) -> None:
        """Writes an event and leaves it to be forwarded."""
        self._record_id += 1
        event: dict[str, object] = {
            "Provider": PROVIDER,
            "Channel": CHANNEL,
            "EventID": event_id,
            "EventRecordID": self._record_id,
            "Computer": self._computer,
            "TimeCreated": now_text(self._clock_ahead()),
            "ProcessID": process_id,
            "UserID": user_sid,
            "EventData": data or {},
        }
        with self._file.open("a") as file:
            file.write(json.dumps(event) + "\n")
        self.events.append(event)
        self._waiting.put_nowait(event)

    async def forward(self) -> None:
        """Posts events in their order until cancelled; one that cannot be sent is given up."""
        while True:
            event = await self._waiting.get()
            await self._send(event)

    async def _send(self, event: dict[str, object]) -> None:
        for delay in (*RETRY_DELAYS_SECONDS, None):
            try:
                target = json.loads(self._collector.read_text())
                post = _request(target["url"], target["token"], event)
            except FileNotFoundError:
                return
            except (ValueError, KeyError, TypeError) as error:
                log.warning("collector.json: %s", error)
                return
            try:
                await asyncio.to_thread(post)
            except OSError as error:
                log.warning("%s: event %s not taken: %s", self._computer, event["EventID"], error)
            else:
                return
            if delay is not None:
                await asyncio.sleep(delay)


def _events(file: Path) -> list[dict[str, Any]]:
    """What a restarted computer finds in its log."""
    lines = file.read_text().splitlines() if file.exists() else []
    return [json.loads(line) for line in lines]


def _request(url: str, token: str, event: dict[str, object]) -> Callable[[], None]:
    if not url.startswith(("http://", "https://")):
        raise ValueError(f"not an address to post to: {url}")
    request = urllib.request.Request(
        url,
        json.dumps({"events": [event]}).encode(),
        {"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
    )

    def post() -> None:
        with urllib.request.urlopen(request, timeout=POST_TIMEOUT_SECONDS) as response:
            response.read()

    return post
