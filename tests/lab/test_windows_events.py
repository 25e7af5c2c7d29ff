"""Events on their way to a collector that is not always there."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from lab.windows import events
from lab.windows.events import EventLog


class Collector(ThreadingHTTPServer):
    """Refuses as many posts as it is told to, then takes them."""

    refusals = 0

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), CollectorHandler)
        self.posts: list[tuple[str, list[dict[str, Any]]]] = []


class CollectorHandler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        collector = self.server
        assert isinstance(collector, Collector)
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if collector.refusals > 0:
            collector.refusals -= 1
            self.send_error(503)
            return
        collector.posts.append((self.headers["Authorization"], body["events"]))
        self.send_response(202)
        self.end_headers()

    def log_message(self, *arguments: object) -> None:
        """Silent."""


@pytest.fixture
def collector() -> Iterator[Collector]:
    server = Collector()
    Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture(autouse=True)
def _short_delays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "RETRY_DELAYS_SECONDS", (0.01, 0.01))


def _forward(folder: Path, collector: Collector | None, wanted: int) -> None:
    """Logs three events and forwards until as many arrived."""

    async def story() -> None:
        if collector is not None:
            url = f"http://127.0.0.1:{collector.server_port}/"
            (folder / "collector.json").write_text(json.dumps({"url": url, "token": "t0ken"}))
        log = EventLog("XP191.r2.local", folder / "events.jsonl", folder / "collector.json")
        forwarding = asyncio.create_task(log.forward())
        for event_id in (31, 13, 33):
            log.log(event_id, 4242, "S-1-5-21-1-2-3-1107")
        async with asyncio.timeout(10):
            while collector is not None and len(collector.posts) < wanted:
                await asyncio.sleep(0.01)
        forwarding.cancel()

    asyncio.run(story())


def test_events_arrive_in_order_also_after_refusals(tmp_path: Path, collector: Collector) -> None:
    collector.refusals = 2
    _forward(tmp_path, collector, 3)
    assert [one["EventID"] for _, posted in collector.posts for one in posted] == [31, 13, 33]
    assert {authorization for authorization, _ in collector.posts} == {"Bearer t0ken"}


def test_an_event_that_cannot_be_sent_is_given_up_and_the_next_goes_on(
    tmp_path: Path, collector: Collector
) -> None:
    collector.refusals = 3
    _forward(tmp_path, collector, 2)
    assert [one["EventID"] for _, posted in collector.posts for one in posted] == [13, 33]


def test_events_are_kept_without_a_collector_and_counted_on_after_a_restart(
    tmp_path: Path,
) -> None:
    _forward(tmp_path, None, 0)
    _forward(tmp_path, None, 0)
    lines = (tmp_path / "events.jsonl").read_text().splitlines()
    numbers = [json.loads(line)["EventRecordID"] for line in lines]
    assert numbers == list(range(numbers[0], numbers[0] + 6))
