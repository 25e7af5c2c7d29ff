"""The door through which a collector delivers Windows events."""

from __future__ import annotations

from typing import Any

import pytest

from assist.models import AuditEvent, WindowsEvent
from tests.assist.api.conftest import Program, require_problem


def _event(record: int = 17, **changes: Any) -> dict[str, Any]:
    return {
        "Provider": "Microsoft-Windows-RemoteAssistance",
        "Channel": "Microsoft-Windows-RemoteAssistance/Operational",
        "EventID": 22,
        "EventRecordID": record,
        "Computer": "XP191.r2.local",
        "TimeCreated": "2026-11-23T07:00:00.123456Z",
        "ProcessID": 4242,
        "UserID": "S-1-5-21-1004336348-1177238915-682003330-1105",
        "EventData": {},
    } | changes


def test_events_are_kept_once(collector: Program) -> None:
    events = {"events": [_event(1), _event(2), _event(3, Computer="XP999.r2.local")]}
    first = collector.post("windows-events", events)
    assert first.status == 200, first.document
    assert first.document == {"stored": 3, "duplicate": 0, "unknown_computer": 1}
    again = collector.post("windows-events", events)
    assert again.document["stored"] == 0
    assert again.document["duplicate"] == 3
    assert WindowsEvent.objects.count() == 3


def test_a_delivery_is_recorded_with_where_it_came_from(collector: Program) -> None:
    collector.post("windows-events", {"events": [_event()]})
    recorded = AuditEvent.objects.get(kind="windows_events.received")
    assert recorded.source_address == "127.0.0.1"
    assert recorded.request_id
    assert recorded.actor_name.startswith("collector ")


@pytest.mark.parametrize(
    ("document", "field"),
    [
        ({}, "events"),
        ({"events": []}, "events"),
        ({"events": {}}, "events"),
        ({"events": None}, "events"),
        ({"events": [_event(), 5]}, "events[1]"),
        ({"events": [{}], "more": 1}, "more"),
    ],
)
def test_a_delivery_of_another_shape_is_refused(
    collector: Program, document: object, field: str
) -> None:
    require_problem(collector.post("windows-events", document), 400, "invalid_input", field)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("EventID", "x"),
        ("EventID", -1),
        ("EventRecordID", None),
        ("EventRecordID", 2**64),
        ("TimeCreated", "yesterday"),
        ("TimeCreated", "2026-11-23T07:00:00"),
        ("Computer", ""),
        ("Computer", 5),
        ("Computer", "x" * 300),
        ("Channel", "Security"),
        ("EventData", []),
        ("EventData", {"x": "y" * 9000}),
        ("UserID", 5),
        ("UserID", "mjones"),
        ("UserID", "S-1-5-" + "9" * 400),
        ("ProcessID", "4242"),
        ("Provider", "Microsoft-Windows-Security-Auditing"),
    ],
)
def test_an_error_names_the_event_and_its_field(
    collector: Program, name: str, value: object
) -> None:
    answer = collector.post("windows-events", {"events": [_event(1), _event(2, **{name: value})]})
    problem = require_problem(answer, 400, "invalid_input")
    assert "1" in problem["field"]
    assert name in problem["field"]
    assert not WindowsEvent.objects.exists()


def test_a_delivery_holds_a_thousand_events_at_most(collector: Program) -> None:
    events = [_event(number) for number in range(1001)]
    require_problem(
        collector.post("windows-events", {"events": events}), 400, "invalid_input", "events"
    )
    assert collector.post("windows-events", {"events": events[:1000]}).document["stored"] == 1000
