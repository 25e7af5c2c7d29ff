"""Whose events are forwarded when two installations run beside one lab."""

from __future__ import annotations

import json
from pathlib import Path

from lab.demo.collector import Collector


def _url(folder: Path) -> str:
    return str(json.loads((folder / "collector.json").read_text())["url"])


def test_an_installation_that_ends_gives_the_place_back(tmp_path: Path) -> None:
    first, second = Collector(tmp_path), Collector(tmp_path)
    first.connect("http://127.0.0.1:1", "a")
    second.connect("http://127.0.0.1:2", "b")
    assert _url(tmp_path) == "http://127.0.0.1:2/api/v1/windows-events"

    second.disconnect()
    assert _url(tmp_path) == "http://127.0.0.1:1/api/v1/windows-events"

    first.disconnect()
    assert not (tmp_path / "collector.json").exists()


def test_the_place_of_a_later_one_is_left_alone(tmp_path: Path) -> None:
    first, second = Collector(tmp_path), Collector(tmp_path)
    first.connect("http://127.0.0.1:1", "a")
    second.connect("http://127.0.0.1:2", "b")

    first.disconnect()

    assert _url(tmp_path) == "http://127.0.0.1:2/api/v1/windows-events"


def test_one_that_never_connected_takes_nothing_away(tmp_path: Path) -> None:
    Collector(tmp_path).connect("http://127.0.0.1:1", "a")

    Collector(tmp_path).disconnect()

    assert _url(tmp_path) == "http://127.0.0.1:1/api/v1/windows-events"
