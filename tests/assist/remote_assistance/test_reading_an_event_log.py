"""The event log's client against the lab's computers."""

from __future__ import annotations

import json
import struct
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest

from assist.remote_assistance import endpoint_mapper, errors, event_log_errors
from assist.remote_assistance.client import (
    CallLimits,
    KeytabCredential,
    NoviceTarget,
    list_logon_sessions,
    start_remote_assistance,
)
from assist.remote_assistance.event_log import (
    EVENT_SERVICE,
    LogPosition,
    last_position,
    read_from,
)
from assist.remote_assistance.event_log_errors import for_error
from lab import world
from lab.windows.endpoint_mapper import pack_tower
from tests.conftest import Lab

LIMITS = CallLimits(connect_seconds=3, call_seconds=5, total_seconds=15)
COMPUTER = "WPG-SRV-14"


@pytest.fixture
def credential(lab: Lab) -> KeytabCredential:
    keytab = lab.directory / "keytabs" / "svc-ra-portal.keytab"
    return KeytabCredential("svc-ra-portal@R2.LOCAL", str(keytab))


@pytest.fixture
def script(lab: Lab) -> Iterator[Path]:
    """What the computer is told to be like; nothing runs there before and afterwards."""
    file = lab.directory / "answers" / f"{COMPUTER}.json"
    _have_it_end(lab, file)  # what a test of offers has left open
    yield file
    _have_it_end(lab, file)


def _have_it_end(lab: Lab, script: Path) -> None:
    script.write_text(json.dumps({"end": True}))
    events = lab.directory / "events" / f"{COMPUTER}.jsonl"
    deadline = time.monotonic() + 10
    while events.exists() and time.monotonic() < deadline:
        ids = [json.loads(line)["EventID"] for line in events.read_text().splitlines()]
        if ids.count(31) == ids.count(32):
            break
        time.sleep(0.05)
    script.unlink()


def target(name: str = COMPUTER) -> NoviceTarget:
    computer = world.computer(name)
    return NoviceTarget(computer.dns_name, computer.address)


@pytest.mark.lab
def test_what_an_offer_leaves_in_the_log_is_read_from_the_record_before_it(
    credential: KeytabCredential, script: Path
) -> None:
    before = last_position(target(), credential, LIMITS)
    assert read_from(target(), credential, LIMITS, before).records == ()
    (session,) = list_logon_sessions(target(), credential, LIMITS)
    start_remote_assistance(target(), credential, session, LIMITS)
    reading = read_from(target(), credential, LIMITS, before)
    assert [record.event_id for record in reading.records] == [31, 13, 33]
    assert not reading.was_cleared
    assert {record.computer for record in reading.records} == {"WPG-SRV-14.r2.local"}
    assert reading.records[1].data["FuncName"].startswith("-Embedding")
    assert reading.position == LogPosition(
        reading.records[-1].record_id, reading.records[-1].created_at
    )
    assert read_from(target(), credential, LIMITS, reading.position).records == ()


@pytest.mark.lab
def test_a_log_that_was_cleared_is_read_anew_and_what_is_older_left_out(
    credential: KeytabCredential, script: Path
) -> None:
    before = last_position(target(), credential, LIMITS)
    (session,) = list_logon_sessions(target(), credential, LIMITS)
    start_remote_assistance(target(), credential, session, LIMITS)
    cleared = LogPosition(before.record_id + 1_000_000, before.created_at)
    reading = read_from(target(), credential, LIMITS, cleared)
    assert reading.was_cleared
    assert [record.event_id for record in reading.records][-3:] == [31, 13, 33]
    assert before.created_at is None or all(
        record.created_at > before.created_at for record in reading.records
    )


@pytest.mark.lab
def test_the_port_is_asked_for_once_and_again_when_it_has_changed(
    lab: Lab, credential: KeytabCredential, script: Path
) -> None:
    def mapped() -> int:
        lines = (lab.directory / "calls.jsonl").read_text().splitlines()
        calls = map(json.loads, lines)
        return sum(one["computer"] == COMPUTER and one["call"] == "ept_map" for one in calls)

    position = last_position(target(), credential, LIMITS)
    before = mapped()
    assert read_from(target(), credential, LIMITS, position).position.port == position.port
    assert mapped() == before
    for port in (1, 135):  # nobody is there; somebody else is
        moved = LogPosition(position.record_id, position.created_at, port)
        found = read_from(target(), credential, LIMITS, moved)
        assert found.position.port == position.port
    assert mapped() == before + 2


@pytest.mark.lab
@pytest.mark.parametrize(
    ("state", "error"),
    [
        ("denied", event_log_errors.EventLogDenied),
        ("closed", event_log_errors.EventLogClosed),
    ],
)
def test_what_keeps_the_log_from_being_read_is_named(
    credential: KeytabCredential,
    script: Path,
    state: str,
    error: type[event_log_errors.EventLogError],
) -> None:
    script.write_text(json.dumps({"event_log": state}))
    with pytest.raises(error) as refused:
        last_position(target(), credential, LIMITS)
    assert refused.value.sentence
    assert refused.value.remedy


@pytest.mark.lab
@pytest.mark.parametrize(
    ("computer", "error"),
    [
        ("WPG-XP-06", event_log_errors.EventLogClosed),
        ("WPG-OFF-09", errors.Unreachable),
        ("WPG-MUTE-10", errors.TimedOut),
        ("WPG-BAD-12", errors.BadAnswer),
    ],
)
def test_computers_without_an_event_log_are_told_apart(
    credential: KeytabCredential, computer: str, error: type[errors.RemoteAssistanceError]
) -> None:
    short = CallLimits(connect_seconds=1, call_seconds=1, total_seconds=2)
    with pytest.raises(error):
        last_position(target(computer), credential, short)


def test_every_error_has_a_code_a_sentence_and_a_remedy() -> None:
    kinds = [for_error(number) for number in (5, 0x3A98, 0x3A9F, 0x1069, 0x57)]
    kinds += [event_log_errors.for_log_fault(number) for number in (5, 0x1C010003, 0x6F7)]  # type: ignore[list-item]
    assert [one.code for one in kinds] == [
        "event_log_denied",
        "event_log_missing",
        "event_log_missing",
        "event_log_closed",
        "event_log_error",
        "event_log_denied",
        "event_log_closed",
        "request_rejected",
    ]
    assert all(one.sentence and one.remedy for one in kinds)


def _mapped(towers: list[bytes], status: int = 0) -> bytes:
    """ept_map's answer, written out from its definition ([C706] appendix O)."""
    stub = bytes(20) + struct.pack("<IIII", len(towers), 16, 0, len(towers))
    stub += b"".join(struct.pack("<I", 3 + index) for index in range(len(towers)))
    for tower in towers:
        stub += bytes(-len(stub) % 4) + struct.pack("<II", len(tower), len(tower)) + tower
    return stub + bytes(-len(stub) % 4) + struct.pack("<I", status)


def test_the_endpoint_mapper_gives_the_port_of_the_interface_alone() -> None:
    other = pack_tower(UUID(int=1), (1, 0), 50_000, "10.0.0.1")
    ours = pack_tower(EVENT_SERVICE, (1, 0), 50_001, "10.0.0.1")
    assert endpoint_mapper.parse_map(_mapped([other, ours]), EVENT_SERVICE) == 50_001
    assert endpoint_mapper.parse_map(_mapped([other]), EVENT_SERVICE) is None
    not_registered = _mapped([], endpoint_mapper.NOT_REGISTERED)
    assert endpoint_mapper.parse_map(not_registered, EVENT_SERVICE) is None


@pytest.mark.parametrize("cut", [1, 8, 30, 60])
def test_half_an_answer_of_the_endpoint_mapper_is_refused(cut: int) -> None:
    answer = _mapped([pack_tower(EVENT_SERVICE, (1, 0), 50_001, "10.0.0.1")])
    with pytest.raises(errors.BadAnswer):
        endpoint_mapper.parse_map(answer[:-cut], EVENT_SERVICE)


def test_an_answer_with_too_many_places_is_refused() -> None:
    with pytest.raises(errors.BadAnswer):
        endpoint_mapper.parse_map(_mapped([b""] * 17), EVENT_SERVICE)
