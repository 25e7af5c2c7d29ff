"""The novice computer's log: followed from the record before the offer, without anybody waiting."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.utils import timezone
from pytest_django import Settings

from assist.lifecycle import Mode, State
from assist.models import (
    ApiToken,
    AuditEvent,
    Evidence,
    EvidenceSource,
    LogFollowing,
    Offer,
    WindowsEvent,
)
from assist.offers import claim_due, look, offer_cancel, offer_contact, offer_report, sweep
from assist.offers.evidence import settle
from assist.offers.following import reader_credential, start_wait_seconds
from assist.remote_assistance.errors import TimedOut, Unreachable
from assist.remote_assistance.event_log import LogPosition, LogReading
from assist.remote_assistance.event_log_errors import EventLogDenied
from assist.remote_assistance.event_log_records import EventRecord
from assist.windows_events import windows_events_receive
from tests.assist.cast import NOW, Cast
from tests.assist.conftest import ScriptedNovice

pytestmark = [pytest.mark.usefixtures("clock"), pytest.mark.django_db]

BEFORE = LogPosition(100, NOW - timedelta(days=3))


@pytest.fixture(autouse=True)
def _short_ways(settings: Settings) -> None:
    settings.EVENT_LOG_INTERVAL_SECONDS = 2
    settings.EVENT_LOG_LONGEST_INTERVAL_SECONDS = 30


def make_offer(cast: Cast, novice: ScriptedNovice, **arguments: Any) -> Offer:
    novice.log = BEFORE
    offer = cast.request(**arguments)
    offer_contact(offer.pk)
    offer.refresh_from_db()
    assert offer.state == State.OFFERED
    return offer


@pytest.fixture
def offer(cast: Cast, novice: ScriptedNovice) -> Offer:
    return make_offer(cast, novice)


def record(event_id: int, record_id: int, seconds: float = 1, **changes: Any) -> EventRecord:
    values: dict[str, Any] = {
        "record_id": record_id,
        "event_id": event_id,
        "provider": "Microsoft-Windows-RemoteAssistance",
        "channel": "Microsoft-Windows-RemoteAssistance/Operational",
        "computer": "XP191.r2.local",
        "created_at": NOW + timedelta(seconds=seconds),
        "process_id": 4242,
    }
    return EventRecord(**(values | changes))


def run(*event_ids: int, start: int = 101, seconds: float = 0) -> list[EventRecord]:
    """These events as the computer logs them, one a second."""
    return [
        record(number, start + index, seconds=seconds + index)
        for index, number in enumerate(event_ids)
    ]


def reading(*records: EventRecord, was_cleared: bool = False) -> LogReading:
    last = records[-1]
    return LogReading(records, LogPosition(last.record_id, last.created_at), was_cleared)


def following(offer: Offer) -> LogFollowing:
    return LogFollowing.objects.get(pk=offer.pk)


def look_when_due(clock: time_machine.Coordinates, offer: Offer) -> None:
    """Time passes until the next look is due, and it is taken."""
    due = following(offer).look_at
    assert due is not None
    now = max(due, timezone.now())
    clock.move_to(now)
    (batch,) = claim_due(now)
    look(batch)


def outcome(offer: Offer) -> tuple[str, str, str]:
    offer.refresh_from_db()
    return offer.state, offer.outcome, offer.outcome_grade


@pytest.mark.parametrize(
    ("events", "result"),
    [
        ((31, 13, 33), ("offered", "", "")),
        ((31, 13, 33, 15, 16), ("answering", "", "")),
        ((31, 13, 33, 15, 16, 22), ("accepted", "accepted", "strong")),
        ((31, 13, 15, 22, 21, 18, 30, 32), ("ended", "accepted", "strong")),
        ((31, 13, 15, 16, 19, 30, 32), ("declined", "declined", "inferred")),
        ((31, 13, 15, 16, 18, 30, 32), ("unanswered", "unanswered", "inferred")),
        ((31, 13, 15, 16, 24, 30, 32), ("unanswered", "unanswered", "strong")),
        ((31, 13, 24, 30, 32), ("unopened", "unopened", "strong")),
        ((31, 13, 26, 30), ("blocked", "blocked", "strong")),
        ((31, 13, 28, 24, 30), ("blocked", "blocked", "inferred")),
    ],
)
def test_what_the_log_holds_becomes_the_outcome(
    offer: Offer,
    novice: ScriptedNovice,
    clock: time_machine.Coordinates,
    events: tuple[int, ...],
    result: tuple[str, str, str],
) -> None:
    novice.readings = [reading(*run(*events))]
    look_when_due(clock, offer)
    assert outcome(offer) == result
    assert novice.looked_from == [BEFORE]
    assert following(offer).record_id == 100 + len(events)


def test_it_goes_on_where_it_was(
    offer: Offer, novice: ScriptedNovice, clock: time_machine.Coordinates
) -> None:
    records = run(31, 13, 15, 16, 22)
    novice.readings = [reading(*records[:3]), reading(*records[3:])]
    look_when_due(clock, offer)
    assert outcome(offer)[0] == "answering"
    look_when_due(clock, offer)
    assert outcome(offer)[0] == "accepted"
    assert novice.looked_from == [BEFORE, LogPosition(103, records[2].created_at)]


def test_looks_get_rarer_while_nothing_happens_and_frequent_again_after_news(
    offer: Offer, novice: ScriptedNovice, clock: time_machine.Coordinates
) -> None:
    waits = []
    for _ in range(25):
        before = following(offer).look_at
        look_when_due(clock, offer)
        after = following(offer).look_at
        assert before is not None
        assert after is not None
        waits.append((after - before).total_seconds())
    assert waits == sorted(waits)
    assert (waits[0], waits[-1]) == (2, 30)
    novice.readings = [reading(*run(31, 13, 15))]
    look_when_due(clock, offer)
    due = following(offer).look_at
    assert due is not None
    assert following(offer).news_at == due - timedelta(seconds=2)


@pytest.mark.parametrize("is_allowed", [True, False])
def test_a_log_is_read_by_ntlm_where_offers_may_be_made_so(
    settings: Settings, is_allowed: bool
) -> None:
    settings.SERVICE_NTLM_ALLOWED = is_allowed
    assert reader_credential().may_use_ntlm is is_allowed


def test_a_due_log_is_claimed_once_and_is_due_again_if_the_look_is_lost(
    offer: Offer, clock: time_machine.Coordinates
) -> None:
    assert claim_due(NOW + timedelta(seconds=1)) == []
    assert claim_due(NOW + timedelta(seconds=2)) == [[offer.pk]]
    assert claim_due(NOW + timedelta(seconds=3)) == []
    assert claim_due(NOW + timedelta(seconds=33)) == [[offer.pk]]


def test_a_look_taken_twice_changes_nothing(
    offer: Offer, novice: ScriptedNovice, clock: time_machine.Coordinates
) -> None:
    found = reading(*run(31, 13, 15, 16, 22))
    novice.readings = [found, found]
    clock.shift(timedelta(seconds=2))
    look([offer.pk])
    before = (Evidence.objects.count(), AuditEvent.objects.count(), WindowsEvent.objects.count())
    look([offer.pk])
    assert before == (
        Evidence.objects.count(),
        AuditEvent.objects.count(),
        WindowsEvent.objects.count(),
    )


def test_a_log_that_cannot_be_read_stops_no_offer_and_is_said(
    cast: Cast, novice: ScriptedNovice
) -> None:
    novice.log = EventLogDenied()
    offer = cast.request()
    offer_contact(offer.pk)
    assert outcome(offer)[0] == "offered"
    assert following(offer).error_code == "event_log_denied"
    assert "Event Log Readers" in following(offer).error_remedy
    assert not following(offer).is_live
    told = AuditEvent.objects.get(kind="event_log.not_followed")
    assert told.data["code"] == "event_log_denied"


def test_an_offer_waits_for_a_log_only_where_it_could_be_read_before(
    cast: Cast, offer: Offer, clock: time_machine.Coordinates
) -> None:
    assert start_wait_seconds(offer, NOW) == 1
    LogFollowing.objects.filter(pk=offer.pk).update(error_code="event_log_unreachable")
    assert start_wait_seconds(offer, NOW) == 0
    assert start_wait_seconds(offer, NOW + timedelta(days=2)) == 1
    LogFollowing.objects.filter(pk=offer.pk).update(looked_at=NOW)
    assert start_wait_seconds(offer, NOW) == 1


def test_a_log_that_does_not_answer_holds_up_no_offer(
    cast: Cast, novice: ScriptedNovice, settings: Settings
) -> None:
    settings.EVENT_LOG_START_WAIT_SECONDS = 0.01
    released = threading.Event()
    novice.while_reading_log = released.wait
    try:
        offer = cast.request()
        offer_contact(offer.pk)
    finally:
        released.set()
    assert outcome(offer)[0] == "offered"
    assert following(offer).error_code == "event_log_unreachable"


def test_logs_are_not_followed_where_that_is_switched_off(
    cast: Cast, novice: ScriptedNovice, settings: Settings
) -> None:
    settings.EVENT_LOG_FOLLOW = False
    offer = cast.request()
    offer_contact(offer.pk)
    assert outcome(offer)[0] == "offered"
    assert not LogFollowing.objects.exists()


def test_a_computer_that_is_out_of_reach_for_a_while_is_looked_at_again(
    offer: Offer, novice: ScriptedNovice, clock: time_machine.Coordinates
) -> None:
    novice.readings = [Unreachable(), TimedOut(), reading(*run(31, 13, 15, 22))]
    look_when_due(clock, offer)
    assert following(offer).error_code == "unreachable"
    look_when_due(clock, offer)
    assert following(offer).failures == 2
    look_when_due(clock, offer)
    assert outcome(offer)[0] == "accepted"
    assert (following(offer).failures, following(offer).error_code) == (0, "")


def test_a_right_that_was_taken_away_ends_it(
    offer: Offer, novice: ScriptedNovice, clock: time_machine.Coordinates
) -> None:
    novice.readings = [EventLogDenied()]
    look_when_due(clock, offer)
    assert not following(offer).is_live
    assert following(offer).error_sentence


def test_it_ends_with_remote_assistance(
    offer: Offer, novice: ScriptedNovice, clock: time_machine.Coordinates
) -> None:
    novice.readings = [reading(*run(31, 13, 15, 22, 18)), reading(*run(30, 32, start=106))]
    look_when_due(clock, offer)
    assert outcome(offer)[0] == "ended"
    assert following(offer).is_live
    look_when_due(clock, offer)
    assert not following(offer).is_live


def test_a_cancelled_offer_is_followed_for_a_while_and_no_longer(
    cast: Cast, offer: Offer, novice: ScriptedNovice, clock: time_machine.Coordinates
) -> None:
    offer_cancel(actor=cast.actor(), offer=offer)
    for _ in range(100):
        if not following(offer).is_live:
            break
        look_when_due(clock, offer)
    passed = (following(offer).looked_at or NOW) - NOW
    assert timedelta(minutes=15) <= passed <= timedelta(minutes=16)


def test_records_before_the_offer_are_not_its_own(
    offer: Offer, novice: ScriptedNovice, clock: time_machine.Coordinates
) -> None:
    """Its clock is an hour ahead, so by time they would be."""
    novice.readings = [reading(record(22, 99, seconds=3600), record(31, 101, seconds=3601))]
    look_when_due(clock, offer)
    assert outcome(offer)[0] == "offered"
    assert WindowsEvent.objects.get(record_id=99).offer is None


@pytest.mark.parametrize("ahead", [-7200, -30, 0, 30, 7200])
def test_a_clock_that_is_off_is_found_out_and_corrected(
    offer: Offer, novice: ScriptedNovice, clock: time_machine.Coordinates, ahead: float
) -> None:
    novice.readings = [reading(*run(31, 13, 15, 22, seconds=ahead))]
    look_when_due(clock, offer)
    assert outcome(offer) == ("accepted", "accepted", "strong")
    assert following(offer).clock_ahead_seconds == pytest.approx(ahead, abs=2)
    assert offer.viewed_at is not None
    assert abs((offer.viewed_at - NOW).total_seconds()) <= 5


@pytest.mark.parametrize("reads", [1, 2])
def test_a_clock_that_is_set_back_during_the_session_does_not_hide_its_end(
    offer: Offer, novice: ScriptedNovice, clock: time_machine.Coordinates, reads: int
) -> None:
    begun, over = run(31, 13, 15, 16, 22, seconds=3600), run(19, 30, 32, start=106, seconds=9)
    novice.readings = [reading(*begun, *over)] if reads == 1 else [reading(*begun), reading(*over)]
    for _ in range(reads):
        look_when_due(clock, offer)
    assert outcome(offer) == ("ended", "accepted", "strong")


def test_another_users_session_on_the_same_computer_is_not_this_offers(
    cast: Cast, offer: Offer, novice: ScriptedNovice, clock: time_machine.Coordinates
) -> None:
    other = [
        record(number, 101 + index, user_sid=cast.cwong.sid)
        for index, number in enumerate((31, 13, 15, 22))
    ]
    novice.readings = [reading(*other)]
    look_when_due(clock, offer)
    assert outcome(offer)[0] == "offered"
    assert Evidence.objects.filter(offer=offer).count() == 0


def test_another_helper_after_the_end_is_not_this_offers(
    offer: Offer, novice: ScriptedNovice, clock: time_machine.Coordinates
) -> None:
    novice.readings = [
        reading(*run(31, 13, 15, 19, 30, 32), *run(31, 13, 15, 22, start=107, seconds=60))
    ]
    clock.shift(timedelta(seconds=90))
    look([offer.pk])
    assert outcome(offer) == ("declined", "declined", "inferred")
    assert WindowsEvent.objects.get(record_id=110).offer is None


def test_a_second_offer_gets_the_records_behind_its_own_start(
    cast: Cast, offer: Offer, novice: ScriptedNovice, clock: time_machine.Coordinates
) -> None:
    offer_cancel(actor=cast.actor(), offer=offer)
    clock.shift(timedelta(seconds=30))
    first = run(31, 13, 30, 32)
    novice.log = LogPosition(104, first[-1].created_at)
    second = cast.request()
    offer_contact(second.pk)
    novice.readings = [reading(*first, *run(31, 13, 15, 22, start=105, seconds=31))]
    look([offer.pk])
    assert outcome(offer)[:2] == ("cancelled", "cancelled")
    assert outcome(second)[0] == "accepted"


def test_what_another_helper_is_answered_is_not_an_offers_that_the_computer_refused(
    cast: Cast, novice: ScriptedNovice, collector: ApiToken
) -> None:
    from assist.remote_assistance.errors import Busy

    novice.log = BEFORE
    novice.starting_error = Busy()
    offer = cast.request()
    offer_contact(offer.pk)
    assert outcome(offer)[0] == "busy"
    deliver(collector, record(22, 101))
    assert outcome(offer)[:2] == ("busy", "busy")


def test_a_record_that_names_another_computer_or_provider_is_dropped(
    cast: Cast, offer: Offer, novice: ScriptedNovice, clock: time_machine.Coordinates
) -> None:
    cast.add_computer("XP192")
    novice.readings = [
        reading(
            record(22, 101, computer="XP192.r2.local"),
            record(22, 102, provider="Other"),
            record(22, 103, channel="Security"),
        )
    ]
    look_when_due(clock, offer)
    assert outcome(offer)[0] == "offered"
    assert not WindowsEvent.objects.exists()


@pytest.mark.parametrize("year", [1601, 9999])
def test_a_record_of_a_time_beyond_reckoning_is_dropped(
    offer: Offer, novice: ScriptedNovice, clock: time_machine.Coordinates, year: int
) -> None:
    moment = datetime(year, 12, 31, 23, 59, tzinfo=UTC)
    novice.readings = [reading(record(22, 101, created_at=moment))]
    look_when_due(clock, offer)
    assert outcome(offer)[0] == "offered"
    assert following(offer).is_live


def test_a_log_that_never_ends_is_given_up(
    offer: Offer,
    novice: ScriptedNovice,
    clock: time_machine.Coordinates,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("assist.offers.following.MOST_EVENTS", 6)
    novice.readings = [reading(*run(31, 13, 15, 15)), reading(*run(15, 15, 15, start=105))]
    look_when_due(clock, offer)
    assert following(offer).is_live
    look_when_due(clock, offer)
    assert not following(offer).is_live
    assert following(offer).error_code == "bad_answer"


def test_conclusions_that_a_lost_worker_did_not_draw_are_drawn_at_the_next_look(
    offer: Offer,
    novice: ScriptedNovice,
    clock: time_machine.Coordinates,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    module = "assist.offers.following.settle"
    with monkeypatch.context() as patched:
        patched.setattr(module, lambda *_, **__: None)
        novice.readings = [reading(*run(31, 13, 15, 22))]
        look_when_due(clock, offer)
    assert outcome(offer)[0] == "offered"
    look_when_due(clock, offer)
    assert outcome(offer)[0] == "accepted"


def test_one_log_that_breaks_the_portal_leaves_the_others_of_the_batch_alone(
    cast: Cast, offer: Offer, novice: ScriptedNovice, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = Offer.objects.get(pk=offer.pk)
    copy.pk, copy.computer = None, cast.add_computer("PC001")
    copy._state.adding = True
    copy.save()
    LogFollowing.objects.create(offer=copy, start_record_id=0, look_at=NOW, news_at=NOW)
    settled = settle

    def break_once(offer_id: object, **arguments: Any) -> None:
        if offer_id == copy.pk:
            raise RuntimeError
        settled(offer_id, **arguments)  # type: ignore[arg-type]

    monkeypatch.setattr("assist.offers.following.settle", break_once)
    look([copy.pk, offer.pk])
    assert following(copy).error_sentence
    assert following(offer).error_sentence == ""
    assert following(offer).looked_at is not None


def test_a_log_that_was_cleared_is_followed_by_time(
    offer: Offer, novice: ScriptedNovice, clock: time_machine.Coordinates
) -> None:
    novice.readings = [reading(*run(15, 16, 22, start=1, seconds=3), was_cleared=True)]
    look_when_due(clock, offer)
    assert outcome(offer)[0] == "accepted"
    assert AuditEvent.objects.filter(kind="event_log.cleared").exists()


@pytest.fixture
def collector(db: None) -> ApiToken:
    return ApiToken.objects.create(
        name="collector", prefix="rap_x", digest="d", scope="collector", created_at=NOW
    )


def deliver(collector: ApiToken, *records: EventRecord, digits: int = 7) -> tuple[int, int]:
    """The same records as a collector forwards them; returns new and known ones."""
    events = [
        {
            "Channel": one.channel,
            "EventID": one.event_id,
            "EventRecordID": one.record_id,
            "Computer": one.computer.upper(),
            "TimeCreated": f"{one.created_at:%Y-%m-%dT%H:%M:%S}.{'1234567'[:digits]}Z",
            "ProcessID": one.process_id,
            "UserID": one.user_sid,
        }
        for one in records
    ]
    received = windows_events_receive(events=events, token=collector)
    return received.stored, received.duplicate


@pytest.mark.parametrize("digits", [7, 3])
@pytest.mark.parametrize("is_forwarded_first", [True, False])
def test_a_record_read_and_forwarded_is_one_fact(
    offer: Offer,
    novice: ScriptedNovice,
    collector: ApiToken,
    clock: time_machine.Coordinates,
    digits: int,
    is_forwarded_first: bool,
) -> None:
    records = [
        record(one.event_id, one.record_id, created_at=one.created_at.replace(microsecond=123456))
        for one in run(31, 13, 15, 22)
    ]
    novice.readings = [reading(*records)]
    clock.shift(timedelta(seconds=10))
    if is_forwarded_first:
        assert deliver(collector, *records, digits=digits) == (4, 0)
    look([offer.pk])
    if not is_forwarded_first:
        assert deliver(collector, *records, digits=digits) == (0, 4)
    assert WindowsEvent.objects.count() == Evidence.objects.filter(offer=offer).count() == 4
    assert outcome(offer)[0] == "accepted"


def test_a_forwarded_record_from_before_the_offer_is_not_its_own_whatever_the_clock_says(
    offer: Offer, collector: ApiToken
) -> None:
    assert deliver(collector, record(22, 100, seconds=60)) == (1, 0)
    assert outcome(offer)[0] == "offered"


def test_silence_of_a_log_that_was_read_to_the_deadline_is_more_than_a_guess(
    offer: Offer, novice: ScriptedNovice, clock: time_machine.Coordinates
) -> None:
    assert offer.deadline_at is not None
    clock.move_to(offer.deadline_at)
    sweep()
    assert outcome(offer)[0] == "offered"  # one more look comes first
    look_when_due(clock, offer)
    sweep()
    assert outcome(offer) == ("unopened", "unopened", "inferred")


def test_a_connected_viewer_and_nothing_within_the_answer_time_is_no_answer(
    offer: Offer, novice: ScriptedNovice, clock: time_machine.Coordinates
) -> None:
    novice.readings = [reading(*run(31, 13, 15, 16))]
    look_when_due(clock, offer)
    offer.refresh_from_db()
    assert offer.deadline_at is not None
    clock.move_to(offer.deadline_at)
    sweep()
    look_when_due(clock, offer)
    sweep()
    assert outcome(offer) == ("unanswered", "unanswered", "inferred")
    item = Evidence.objects.get(offer=offer, source=EvidenceSource.PORTAL)
    assert item.grade == "inferred"


def test_a_deadline_does_not_wait_for_a_log_for_ever(
    offer: Offer, novice: ScriptedNovice, clock: time_machine.Coordinates
) -> None:
    assert offer.deadline_at is not None
    clock.move_to(offer.deadline_at + timedelta(seconds=16))
    sweep()
    assert outcome(offer) == ("unopened", "unopened", "assumed")


def test_what_the_log_tells_after_the_deadline_corrects_the_outcome(
    offer: Offer, novice: ScriptedNovice, clock: time_machine.Coordinates
) -> None:
    assert offer.deadline_at is not None
    clock.move_to(offer.deadline_at + timedelta(seconds=16))
    sweep()
    novice.readings = [reading(*run(31, 13, 15, 22, seconds=100))]
    look_when_due(clock, offer)
    assert outcome(offer) == ("unopened", "accepted", "strong")
    assert AuditEvent.objects.filter(kind="outcome.corrected").exists()


def test_control_taken_late_on_a_view_only_offer_is_a_violation_all_the_same(
    cast: Cast, novice: ScriptedNovice, clock: time_machine.Coordinates
) -> None:
    offer = make_offer(cast, novice, mode=Mode.VIEW)
    novice.readings = [reading(*run(31, 13, 15, 22, 18)), reading(*run(21, 30, start=106))]
    look_when_due(clock, offer)
    assert outcome(offer)[0] == "ended"
    look_when_due(clock, offer)
    offer.refresh_from_db()
    assert offer.is_control_violation
    assert AuditEvent.objects.get(kind="offer.controlled").data["is_control_violation"] is True


def test_an_interrupted_offers_log_tells_what_became_of_it(
    cast: Cast, novice: ScriptedNovice, clock: time_machine.Coordinates
) -> None:
    novice.log = BEFORE
    novice.starting_error = TimedOut()
    novice.starting_error.may_have_started = True
    offer = cast.request()
    offer_contact(offer.pk)
    assert outcome(offer)[0] == "interrupted"
    novice.readings = [reading(*run(31, 13, 24, 30))]
    look_when_due(clock, offer)
    assert outcome(offer)[0] == "interrupted"
    kinds = list(Evidence.objects.filter(offer=offer).values_list("kind", flat=True))
    assert "started" in kinds


def test_taking_the_invitation_has_the_log_looked_at_soon(
    cast: Cast, offer: Offer, novice: ScriptedNovice, clock: time_machine.Coordinates
) -> None:
    from assist.invitations import invitation_take

    for _ in range(10):
        look_when_due(clock, offer)
    invitation_take(actor=cast.actor(), offer=offer)
    assert claim_due(following(offer).news_at) == [[offer.pk]]


def test_five_hundred_waiting_offers_hold_nothing_and_are_read_in_batches(
    cast: Cast, novice: ScriptedNovice, offer: Offer, clock: time_machine.Coordinates
) -> None:
    for number in range(499):
        copy = Offer.objects.get(pk=offer.pk)
        copy.pk, copy.computer = None, cast.add_computer(f"PC{number:03d}")
        copy._state.adding = True
        copy.save()
        LogFollowing.objects.create(offer=copy, start_record_id=0, look_at=NOW, news_at=NOW)
    LogFollowing.objects.filter(pk=offer.pk).update(look_at=NOW)
    batches = claim_due(NOW)
    assert sum(map(len, batches)) == 500
    assert max(map(len, batches)) == 16
    look(batches[0])
    assert LogFollowing.objects.filter(looked_at__isnull=False).count() == 16


def test_the_expert_is_contradicted_and_both_are_kept(
    cast: Cast, offer: Offer, novice: ScriptedNovice, clock: time_machine.Coordinates
) -> None:
    from assist.models import EvidenceKind

    offer_report(actor=cast.actor(), offer=offer, kind=EvidenceKind.DECLINED)
    novice.readings = [reading(*run(31, 13, 15, 22))]
    look_when_due(clock, offer)
    assert outcome(offer) == ("declined", "accepted", "strong")
    assert Evidence.objects.filter(offer=offer, kind="declined").exists()
