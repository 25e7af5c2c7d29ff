"""What a novice does with a viewer, and the events Windows would log; without a domain."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from lab.windows.answers import Script
from lab.windows.certificate import KeyHashes
from lab.windows.events import EventLog
from lab.windows.novice import Novice, RemoteAssistance, Timing

ADDRESS = "127.0.11.250"
QUICK = Timing(
    opening_seconds=0.3,
    thinking_seconds=0.05,
    answer_window_seconds=0.2,
    reconnection_seconds=0.05,
)
PATIENT = Timing(
    opening_seconds=20, thinking_seconds=0.05, answer_window_seconds=0.2, reconnection_seconds=0.05
)
Visit = Callable[[str, int], Awaitable[None]]
STARTED = [31, 13, 33]


def _run(
    folder: Path, visit: Visit, *, answer: str, control: bool = True, timing: Timing = PATIENT
) -> list[int]:
    """One Remote Assistance with one visitor; returns the ids of its events."""
    script = {"now": Script()}

    async def story() -> None:
        log = EventLog("XP191.r2.local", folder / "events.jsonl", folder / "collector.json")
        novice = Novice(
            user=r"R2\bsmith",
            user_sid="S-1-5-21-1-2-3-1107",
            session_id=1,
            script=lambda: script["now"],
            answer=answer,
            may_share_control=control,
            desktop=None,
            key_hashes=KeyHashes("a2V5", "a2V5"),
        )
        assistance = RemoteAssistance(ADDRESS, novice, log, timing, lambda port, peer: None)
        text = await assistance.start()
        found = re.search(r'<L P="(\d+)" N="([^"]+)"/>', text)
        assert found is not None
        running = asyncio.create_task(assistance.run())
        await visit(found[2], int(found[1]))
        if visit is close_the_window:
            script["now"] = Script(closes_window=True)
        await asyncio.wait_for(running, 10)

    asyncio.run(story())
    lines = (folder / "events.jsonl").read_text().splitlines()
    return [json.loads(line)["EventID"] for line in lines]


async def look_and_leave(address: str, port: int) -> None:
    """A viewer that speaks, stays past the answer, and goes."""
    reader, writer = await asyncio.open_connection(address, port)
    writer.write(b"\x03\x00")
    try:
        async with asyncio.timeout(0.5):
            await reader.read()
    except TimeoutError:
        pass
    writer.close()


async def leave_before_the_answer(address: str, port: int) -> None:
    _, writer = await asyncio.open_connection(address, port)
    writer.write(b"\x03\x00")
    await writer.drain()
    writer.close()


async def knock_only(address: str, port: int) -> None:
    """Connects and says nothing, as a port scanner does."""
    _, writer = await asyncio.open_connection(address, port)
    writer.close()


async def stay_away(address: str, port: int) -> None:
    """Nobody opens the invitation."""


async def close_the_window(address: str, port: int) -> None:
    """The novice closes Remote Assistance before anybody came."""


@pytest.mark.parametrize(
    ("answer", "visit", "expected"),
    [
        ("accept", look_and_leave, [15, 16, 22, 18]),
        ("accept-control", look_and_leave, [15, 16, 22, 21, 18]),
        ("decline", look_and_leave, [15, 16, 19]),
        ("ignore", look_and_leave, [15, 16, 24]),
        ("accept", leave_before_the_answer, [15, 16, 18]),
        ("accept", close_the_window, [19]),
    ],
)
def test_the_events_tell_what_the_novice_did(
    tmp_path: Path, answer: str, visit: Visit, expected: list[int]
) -> None:
    assert _run(tmp_path, visit, answer=answer) == [*STARTED, *expected, 30, 32]


def test_control_that_policy_forbids_is_blocked(tmp_path: Path) -> None:
    events = _run(tmp_path, look_and_leave, answer="accept-control", control=False)
    assert events == [*STARTED, 15, 16, 22, 27, 18, 30, 32]


@pytest.mark.parametrize("visit", [stay_away, knock_only])
def test_a_novice_whom_no_viewer_reaches_is_not_asked(tmp_path: Path, visit: Visit) -> None:
    events = _run(tmp_path, visit, answer="accept", timing=QUICK)
    assert events == [*STARTED, 24, 30, 32]
