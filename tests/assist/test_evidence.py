"""From Windows' events and the expert's word to the state and the outcome of an offer."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
import time_machine

from assist.errors import InvalidInput, NotAllowed, OfferConflict
from assist.lifecycle import State
from assist.models import ApiToken, AuditEvent, Evidence, EvidenceKind, Offer, WindowsEvent
from assist.offers import offer_cancel, offer_contact, offer_report, recording, sweep
from assist.windows_events import Received, windows_events_receive
from tests.assist.cast import NOW, Cast
from tests.assist.conftest import ScriptedNovice

pytestmark = [pytest.mark.usefixtures("clock"), pytest.mark.django_db]


@pytest.fixture
def collector(db: None) -> ApiToken:
    return ApiToken.objects.create(
        name="collector", prefix="rap_x", digest="d", scope="collector", created_at=NOW
    )


@pytest.fixture
def offer(cast: Cast, novice: ScriptedNovice) -> Offer:
    return make_offer(cast)


def make_offer(cast: Cast, **arguments: Any) -> Offer:
    offer = cast.request(**arguments)
    offer_contact(offer.pk)
    offer.refresh_from_db()
    assert offer.state == State.OFFERED
    return offer


def event(event_id: int, record_id: int, seconds: float = 1, **changes: Any) -> dict[str, Any]:
    at = NOW + timedelta(seconds=seconds)
    return {
        "Provider": "Microsoft-Windows-RemoteAssistance",
        "Channel": "Microsoft-Windows-RemoteAssistance/Operational",
        "EventID": event_id,
        "EventRecordID": record_id,
        "Computer": "XP191.r2.local",
        "TimeCreated": f"{at:%Y-%m-%dT%H:%M:%S}.1234567Z",
        "ProcessID": 4242,
        "UserID": "",
        "EventData": {},
    } | changes


def log(*event_ids: int, start: int = 1) -> list[dict[str, Any]]:
    """These events as the computer logs them, one a second."""
    return [
        event(number, start + index, seconds=start + index)
        for index, number in enumerate(event_ids)
    ]


def deliver(collector: ApiToken, events: list[dict[str, Any]]) -> Received:
    return windows_events_receive(events=events, token=collector)


def states(offer: Offer) -> list[str]:
    return [step.to_state for step in offer.transitions.all()][3:]


def outcome(offer: Offer) -> tuple[str, str, str]:
    offer.refresh_from_db()
    return offer.state, offer.outcome, offer.outcome_grade


ACCEPTED_STORY = (31, 13, 33, 15, 16, 22, 21, 18, 30, 32)


@pytest.mark.parametrize(
    ("story", "reached", "result"),
    [
        ((31, 13, 33), ["offered"], ("offered", "", "")),
        ((31, 15), ["offered", "answering"], ("answering", "", "")),
        (
            (31, 15, 22),
            ["offered", "answering", "accepted"],
            ("accepted", "accepted", "strong"),
        ),
        (
            ACCEPTED_STORY,
            ["offered", "answering", "accepted", "ended"],
            ("ended", "accepted", "strong"),
        ),
        (
            (31, 13, 15, 19, 30, 32),
            ["offered", "answering", "declined"],
            ("declined", "declined", "inferred"),
        ),
        (
            (31, 13, 15, 24, 30, 32),
            ["offered", "answering", "unanswered"],
            ("unanswered", "unanswered", "strong"),
        ),
        ((31, 13, 24, 30), ["offered", "unopened"], ("unopened", "unopened", "strong")),
    ],
)
def test_a_story_in_one_delivery(
    offer: Offer,
    collector: ApiToken,
    story: tuple[int, ...],
    reached: list[str],
    result: tuple[str, str, str],
) -> None:
    events = log(*story)
    assert deliver(collector, list(reversed(events))) == Received(len(story), 0, 0)
    assert states(offer) == reached
    assert outcome(offer) == result


@pytest.mark.parametrize("story", [ACCEPTED_STORY, (31, 15, 19, 30), (31, 15, 24, 30)])
@pytest.mark.parametrize("is_reversed", [False, True])
def test_a_story_event_by_event_comes_to_the_same_outcome(
    offer: Offer, collector: ApiToken, story: Sequence[int], is_reversed: bool
) -> None:
    events = log(*story)
    for one in reversed(events) if is_reversed else events:
        deliver(collector, [one])
    expected = {22: "accepted", 19: "declined", 24: "unanswered"}
    wanted = next(value for number, value in expected.items() if number in story)
    assert outcome(offer)[1] == wanted


def test_the_times_of_viewing_and_control_are_kept(offer: Offer, collector: ApiToken) -> None:
    deliver(collector, log(15, 22, 21))
    offer.refresh_from_db()
    assert offer.viewed_at is not None
    assert offer.controlled_at is not None
    assert offer.viewed_at < offer.controlled_at
    assert AuditEvent.objects.get(kind="offer.controlled").data["is_control_violation"] is False


def test_control_on_a_view_only_offer_is_a_violation(
    cast: Cast, novice: ScriptedNovice, collector: ApiToken
) -> None:
    from assist.lifecycle import Mode

    offer = make_offer(cast, mode=Mode.VIEW)
    deliver(collector, log(15, 22, 21))
    offer.refresh_from_db()
    assert offer.is_control_violation
    assert AuditEvent.objects.get(kind="offer.controlled").data["is_control_violation"] is True


def test_an_event_delivered_twice_counts_once(offer: Offer, collector: ApiToken) -> None:
    events = log(31, 15, 22)
    assert deliver(collector, [*events, events[0]]) == Received(3, 1, 0)
    before = (Evidence.objects.count(), AuditEvent.objects.count())
    assert deliver(collector, events) == Received(0, 3, 0)
    assert (Evidence.objects.count(), AuditEvent.objects.count()) == before


def test_better_evidence_corrects_the_outcome_and_leaves_the_state(
    offer: Offer, collector: ApiToken
) -> None:
    deliver(collector, log(31, 15, 19, 30))
    assert outcome(offer) == ("declined", "declined", "inferred")
    deliver(collector, [event(22, 99, seconds=3)])
    assert outcome(offer) == ("declined", "accepted", "strong")
    correction = AuditEvent.objects.get(kind="outcome.corrected")
    assert correction.data["from"] == {"outcome": "declined", "grade": "inferred"}
    assert correction.data["to"] == {"outcome": "accepted", "grade": "strong"}
    assert Evidence.objects.filter(offer=offer).count() == 5


def test_the_record_corrects_the_clock(
    offer: Offer, collector: ApiToken, clock: time_machine.Coordinates
) -> None:
    assert offer.deadline_at is not None
    clock.move_to(offer.deadline_at)
    sweep()
    assert outcome(offer) == ("unopened", "unopened", "assumed")
    deliver(collector, log(31, 15, 19, 30))
    assert outcome(offer) == ("unopened", "declined", "inferred")


def test_a_cancelled_offer_is_corrected_only_by_proof_of_acceptance(
    cast: Cast, offer: Offer, collector: ApiToken
) -> None:
    offer_cancel(actor=cast.actor(), offer=offer)
    deliver(collector, log(31, 15, 19, 30))
    assert outcome(offer)[:2] == ("cancelled", "cancelled")
    deliver(collector, [event(22, 99)])
    assert outcome(offer)[:2] == ("cancelled", "accepted")


def test_another_users_events_are_not_this_offers(
    cast: Cast, offer: Offer, collector: ApiToken
) -> None:
    deliver(collector, [event(22, 1, UserID=cast.cwong.sid)])
    assert outcome(offer)[0] == "offered"
    deliver(collector, [event(22, 2, UserID=cast.bsmith.sid)])
    assert outcome(offer)[0] == "accepted"


def test_a_services_sid_says_nothing_of_the_novice(offer: Offer, collector: ApiToken) -> None:
    deliver(collector, [event(22, 1, UserID="S-1-5-18")])
    assert outcome(offer)[0] == "accepted"


def test_another_computers_events_are_not_this_offers(
    cast: Cast, offer: Offer, collector: ApiToken
) -> None:
    cast.add_computer("XP192")
    deliver(collector, [event(22, 1, Computer="XP192.r2.local")])
    assert outcome(offer)[0] == "offered"


def test_events_of_an_unknown_computer_are_kept(offer: Offer, collector: ApiToken) -> None:
    assert deliver(collector, [event(22, 1, Computer="XP999.r2.local")]) == Received(1, 0, 1)
    assert WindowsEvent.objects.get().offer is None


def test_names_of_computers_compare_as_in_windows(offer: Offer, collector: ApiToken) -> None:
    deliver(collector, [event(22, 1, Computer="xp191.R2.LOCAL")])
    assert outcome(offer)[0] == "accepted"


def test_events_long_before_or_after_are_not_this_offers(
    cast: Cast, offer: Offer, collector: ApiToken
) -> None:
    deliver(collector, [event(22, 1, seconds=-301)])
    assert outcome(offer)[0] == "offered"
    offer_cancel(actor=cast.actor(), offer=offer)
    deliver(collector, [event(22, 2, seconds=16 * 60)])
    assert outcome(offer)[1] == "cancelled"


def test_what_happens_after_its_run_has_ended_is_nothing_of_this_offers(
    offer: Offer, collector: ApiToken
) -> None:
    """Another helper, past the portal, is let in a minute after Mary was declined."""
    deliver(collector, log(31, 15, 19, 30))
    deliver(collector, [event(31, 50, seconds=60), event(22, 51, seconds=65)])
    assert outcome(offer) == ("declined", "declined", "inferred")
    assert WindowsEvent.objects.get(record_id=51).offer is None


def test_of_two_offers_the_event_belongs_to_the_one_started_before_it(
    cast: Cast,
    offer: Offer,
    collector: ApiToken,
    novice: ScriptedNovice,
    clock: time_machine.Coordinates,
) -> None:
    offer_cancel(actor=cast.actor(), offer=offer)
    clock.shift(timedelta(seconds=30))
    second = make_offer(cast)
    deliver(collector, [event(30, 1, seconds=29), event(22, 2, seconds=31)])
    assert WindowsEvent.objects.get(record_id=1).offer == offer
    assert outcome(second)[0] == "accepted"
    assert outcome(offer)[1] == "cancelled"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"EventID": "22"}, "events[1].EventID"),
        ({"EventID": True}, "events[1].EventID"),
        ({"EventRecordID": -1}, "events[1].EventRecordID"),
        ({"EventRecordID": 2**64}, "events[1].EventRecordID"),
        ({"Computer": ""}, "events[1].Computer"),
        ({"Computer": "x\x00"}, "events[1].Computer"),
        ({"Computer": None}, "events[1].Computer"),
        ({"Channel": "Security"}, "events[1].Channel"),
        ({"Provider": "Other"}, "events[1].Provider"),
        ({"TimeCreated": "yesterday"}, "events[1].TimeCreated"),
        ({"TimeCreated": "2026-13-45T00:00:00Z"}, "events[1].TimeCreated"),
        ({"TimeCreated": "2026-11-23T07:00:00"}, "events[1].TimeCreated"),
        ({"TimeCreated": "0001-01-01T00:00:00+14:00"}, "events[1].TimeCreated"),
        ({"TimeCreated": "9999-12-31T23:59:59-14:00"}, "events[1].TimeCreated"),
        ({"UserID": "bob"}, "events[1].UserID"),
        ({"ProcessID": "x"}, "events[1].ProcessID"),
        ({"EventData": {"a": "x\x00"}}, "events[1].EventData"),
        ({"EventData": {"a": "\ud800"}}, "events[1].EventData"),
        ({"EventData": {"a": float("nan")}}, "events[1].EventData"),
    ],
)
def test_a_malformed_event_is_named_and_nothing_is_stored(
    offer: Offer, collector: ApiToken, changes: dict[str, Any], field: str
) -> None:
    with pytest.raises(InvalidInput) as refusal:
        deliver(collector, [event(31, 1), event(22, 2) | changes])
    assert refusal.value.field == field
    assert refusal.value.remedy
    assert not WindowsEvent.objects.exists()


def test_only_a_collector_delivers(offer: Offer, collector: ApiToken) -> None:
    collector.scope = "expert"
    with pytest.raises(NotAllowed):
        deliver(collector, log(22))


def test_the_experts_word_moves_the_offer_and_is_graded(cast: Cast, offer: Offer) -> None:
    offer_report(actor=cast.actor(), offer=offer, kind=EvidenceKind.VIEWED)
    assert states(offer) == ["offered", "answering", "accepted"]
    assert outcome(offer) == ("accepted", "accepted", "stated")
    offer_report(actor=cast.actor(), offer=offer, kind=EvidenceKind.ENDED)
    assert outcome(offer) == ("ended", "accepted", "stated")


def test_a_step_that_rests_on_the_experts_word_does_not_claim_a_viewer(
    cast: Cast, offer: Offer
) -> None:
    offer_report(actor=cast.actor(), offer=offer, kind=EvidenceKind.DECLINED)
    assert "The expert says" in offer.transitions.get(to_state="answering").sentence


def test_a_step_that_rests_on_windows_record_says_that_a_viewer_connected(
    cast: Cast, offer: Offer, collector: ApiToken
) -> None:
    deliver(collector, log(31, 15))
    assert "A viewer connected" in offer.transitions.get(to_state="answering").sentence


def test_windows_raises_the_grade_of_what_the_expert_said(
    cast: Cast, offer: Offer, collector: ApiToken
) -> None:
    offer_report(actor=cast.actor(), offer=offer, kind=EvidenceKind.VIEWED)
    deliver(collector, log(15, 22))
    assert outcome(offer) == ("accepted", "accepted", "strong")


def test_what_the_expert_said_yields_to_windows_record(
    cast: Cast, offer: Offer, collector: ApiToken
) -> None:
    offer_report(actor=cast.actor(), offer=offer, kind=EvidenceKind.VIEWED)
    deliver(collector, log(31, 15, 24, 30))
    assert outcome(offer) == ("ended", "unanswered", "strong")


def test_saying_it_twice_changes_nothing(cast: Cast, offer: Offer) -> None:
    for _ in range(2):
        offer_report(actor=cast.actor(), offer=offer, kind=EvidenceKind.DECLINED)
    assert Evidence.objects.filter(offer=offer).count() == 1


@pytest.mark.parametrize("kind", ["started", "connected", "closed", "exploded"])
def test_an_expert_cannot_say_what_only_windows_knows(cast: Cast, offer: Offer, kind: str) -> None:
    with pytest.raises(InvalidInput):
        offer_report(actor=cast.actor(), offer=offer, kind=kind)  # type: ignore[arg-type]


def test_nothing_can_be_said_before_the_invitation_or_of_an_end_that_never_began(
    cast: Cast, offer: Offer
) -> None:
    with pytest.raises(OfferConflict):
        offer_report(actor=cast.actor(), offer=offer, kind=EvidenceKind.ENDED)
    offer_cancel(actor=cast.actor(), offer=offer)
    with pytest.raises(OfferConflict):
        offer_report(actor=cast.actor(), offer=offer, kind=EvidenceKind.VIEWED)
    queued = cast.request()
    with pytest.raises(OfferConflict):
        offer_report(actor=cast.actor(), offer=queued, kind=EvidenceKind.VIEWED)


def test_the_same_delivery_twice_at_once_is_stored_once(
    offer: Offer, collector: ApiToken, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both look before either has written: the second one meets the database's constraint.

    Here both share the test's transaction, so what the other wrote goes with the first attempt.
    """
    look = recording._new_only

    def look_before_the_other(events: list[WindowsEvent]) -> list[WindowsEvent]:
        monkeypatch.setattr(recording, "_new_only", look)
        new = look(events)
        deliver(collector, log(31, 15, 22))
        return new

    monkeypatch.setattr(recording, "_new_only", look_before_the_other)
    assert deliver(collector, log(31, 15, 22)) == Received(3, 0, 0)
    assert WindowsEvent.objects.count() == Evidence.objects.count() == 3
    assert outcome(offer)[0] == "accepted"
