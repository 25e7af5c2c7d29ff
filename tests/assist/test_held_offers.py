"""Offers that wait: for a later time, for a second person's approval, or for both."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.conf import settings
from pytest_django import Settings

from assist import enqueue
from assist.errors import InvalidInput, NotAllowed, OfferConflict, OfferNotFound
from assist.lifecycle import Mode, State
from assist.models import Approval, AuditEvent, Offer
from assist.offers import (
    approvals_for,
    holding,
    offer_approve,
    offer_cancel,
    offer_contact,
    offer_disapprove,
    sweep,
)
from assist.offers.holding import offer_release
from assist.protection import choice_of, protection_delete, protection_save
from directory.models import Account, Computer
from tests.assist.cast import NOW, Cast
from tests.assist.conftest import ScriptedNovice
from tests.assist.protected import add_rule

pytestmark = pytest.mark.usefixtures("clock")
SOON = NOW + timedelta(minutes=10)


@pytest.fixture(autouse=True)
def sent(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The offers for which a worker was called."""
    found: list[str] = []
    monkeypatch.setattr(
        enqueue, "contact_novice", lambda offer_id, now: found.append(str(offer_id))
    )
    return found


def after(delay: timedelta, clock: time_machine.Coordinates) -> None:
    clock.shift(delay)
    sweep()


def kinds(offer: Offer) -> list[str]:
    events = AuditEvent.objects.filter(offer_id=offer.pk).order_by("id")
    return list(events.values_list("kind", flat=True))


def test_an_offer_for_later_is_held_and_starts_then_decided_anew(
    cast: Cast, clock: time_machine.Coordinates, sent: list[str]
) -> None:
    offer = cast.request(start_at=SOON)
    assert (offer.state, sent) == (State.HELD, [])
    assert offer.deadline_at == SOON + timedelta(seconds=settings.LATE_START_TIMEOUT_SECONDS)
    after(timedelta(minutes=9), clock)
    offer.refresh_from_db()
    assert offer.state == State.HELD
    after(timedelta(minutes=1), clock)
    offer.refresh_from_db()
    assert (offer.state, sent) == (State.QUEUED, [str(offer.pk)])
    assert offer.release_decision["verdict"] == "allowed"
    assert offer.let_through_at == SOON
    assert kinds(offer) == [
        *("offer.requested", "offer.decided", "offer.held", "offer.decided", "offer.queued"),
    ]


def test_a_held_offer_keeps_nobody_from_the_computer_until_it_starts(
    cast: Cast, clock: time_machine.Coordinates
) -> None:
    held = cast.request(start_at=SOON)
    other = cast.request(actor=cast.actor("nkhan"), now=NOW + timedelta(minutes=8))
    assert other.state == State.QUEUED
    after(timedelta(minutes=10), clock)
    held.refresh_from_db()
    assert (held.state, held.end_code) == (State.REFUSED, "portal.active_offer")
    assert r"R2\nkhan" in held.end_sentence


def test_what_was_allowed_when_asked_may_be_refused_when_released(
    cast: Cast, clock: time_machine.Coordinates, sent: list[str]
) -> None:
    offer = cast.request(start_at=SOON)
    cast.groups["Helpdesk Winnipeg"].memberships.all().delete()
    after(timedelta(minutes=10), clock)
    offer.refresh_from_db()
    assert (offer.state, offer.end_code, sent) == (State.REFUSED, "helper.not_listed", [])


def test_an_expert_holds_one_offer_for_a_computer(cast: Cast) -> None:
    cast.request(start_at=SOON)
    again = cast.request()
    assert (again.state, again.end_code) == (State.REFUSED, "portal.held_offer")
    assert cast.request(actor=cast.actor("nkhan"), start_at=SOON).state == State.HELD


def test_a_start_that_was_missed_by_far_cancels(
    cast: Cast, clock: time_machine.Coordinates, sent: list[str]
) -> None:
    offer = cast.request(start_at=SOON)
    after(timedelta(minutes=10, seconds=settings.LATE_START_TIMEOUT_SECONDS + 1), clock)
    offer.refresh_from_db()
    assert (offer.state, offer.end_code, sent) == (State.CANCELLED, "start_missed", [])


@pytest.mark.parametrize("delay", [timedelta(0), timedelta(seconds=-1), timedelta(days=8)])
def test_a_start_in_the_past_or_too_far_ahead_is_refused(cast: Cast, delay: timedelta) -> None:
    with pytest.raises(InvalidInput) as refusal:
        cast.request(start_at=NOW + delay)
    assert refusal.value.field == "start_at"
    assert not Offer.objects.exists()


def test_a_protected_computer_waits_for_a_second_person(cast: Cast, sent: list[str]) -> None:
    add_rule(cast, unit="Winnipeg", needs_approval=True)
    offer = cast.request()
    assert (offer.state, sent) == (State.HELD, [])
    assert offer.deadline_at == NOW + timedelta(seconds=settings.APPROVAL_TIMEOUT_SECONDS)
    assert approvals_for(cast.actor("tmanager")) == [offer]
    offer_approve(actor=cast.actor("tmanager"), offer=offer, reason="Go on")
    assert (offer.state, sent) == (State.QUEUED, [str(offer.pk)])
    approval = Approval.objects.get()
    assert (approval.state, approval.approver_name) == ("approved", r"R2\tmanager")
    event = AuditEvent.objects.get(kind="approval.approved")
    assert (event.actor_name, event.data["rule"], event.details["reason"]) == (
        r"R2\tmanager",
        "Tills",
        "Go on",
    )
    assert approvals_for(cast.actor("tmanager")) == []


def test_the_contact_finds_the_approval(cast: Cast, novice: ScriptedNovice) -> None:
    add_rule(cast, needs_approval=True)
    offer = cast.request()
    offer_approve(actor=cast.actor("tmanager"), offer=offer)
    offer_contact(offer.pk)
    offer.refresh_from_db()
    assert offer.state == State.OFFERED
    rules = [finding["rule"] for finding in offer.contact_decision["findings"]]
    assert "protection.approved" in rules


def test_a_rule_made_before_the_contact_refuses(cast: Cast, novice: ScriptedNovice) -> None:
    offer = cast.request()
    add_rule(cast, needs_approval=True)
    offer_contact(offer.pk)
    offer.refresh_from_db()
    assert (offer.state, offer.end_code) == (State.REFUSED, "protection.not_approved")
    assert novice.started == []


def test_nobody_approves_her_own_offer(cast: Cast) -> None:
    cast.join(cast.groups["Remote Assistance Managers"], cast.mjones)
    add_rule(cast, needs_approval=True)
    offer = cast.request()
    assert approvals_for(cast.actor()) == []
    with pytest.raises(NotAllowed):
        offer_approve(actor=cast.actor(), offer=offer)
    with pytest.raises(NotAllowed):
        offer_disapprove(actor=cast.actor(), offer=offer, reason="x")


@pytest.mark.parametrize("name", ["nkhan", "bsmith", "aauditor", "ooperator"])
def test_who_may_not_approve_is_told_of_no_offer(cast: Cast, name: str) -> None:
    add_rule(cast, needs_approval=True)
    offer = cast.request()
    assert approvals_for(cast.actor(name)) == []
    with pytest.raises(OfferNotFound):
        offer_approve(actor=cast.actor(name), offer=offer)
    offer.refresh_from_db()
    assert offer.state == State.HELD


def test_the_role_approver_comes_from_a_group(cast: Cast, settings: Settings) -> None:
    settings.ROLE_GROUPS = settings.ROLE_GROUPS | {"approver": [r"R2\Helpdesk Night"]}
    add_rule(cast, needs_approval=True)
    offer = cast.request()
    assert approvals_for(cast.actor("nkhan")) == [offer]


def test_a_rule_names_a_group_of_its_own_and_nested_members_count(cast: Cast) -> None:
    outer = cast.add_group("Till Keepers")
    cast.join(outer, cast.groups["Helpdesk Night"])
    add_rule(cast, needs_approval=True, approver_group=r"R2\Till Keepers")
    offer = cast.request()
    with pytest.raises(OfferNotFound):
        offer_approve(actor=cast.actor("tmanager"), offer=offer)
    offer_approve(actor=cast.actor("nkhan"), offer=offer)
    assert offer.state == State.QUEUED


def test_every_rule_wants_its_own_approval_and_one_person_may_give_several(cast: Cast) -> None:
    add_rule(cast, "A", needs_approval=True)
    add_rule(cast, "B", needs_approval=True)
    add_rule(cast, "C", needs_approval=True, approver_group=r"R2\Helpdesk Night")
    offer = cast.request()
    offer_approve(actor=cast.actor("tmanager"), offer=offer)
    assert offer.state == State.HELD
    states = dict(Approval.objects.values_list("rule_name", "state"))
    assert states == {"A": "approved", "B": "approved", "C": "waiting"}
    with pytest.raises(OfferConflict):
        offer_approve(actor=cast.actor("tmanager"), offer=offer)
    offer_approve(actor=cast.actor("nkhan"), offer=offer)
    assert offer.state == State.QUEUED


def test_a_refusal_needs_a_reason_and_ends_the_offer(cast: Cast) -> None:
    add_rule(cast, needs_approval=True)
    offer = cast.request()
    with pytest.raises(InvalidInput):
        offer_disapprove(actor=cast.actor("tmanager"), offer=offer, reason=" ")
    offer_disapprove(actor=cast.actor("tmanager"), offer=offer, reason="Shop is open")
    offer.refresh_from_db()
    assert (offer.state, offer.end_code) == (State.REFUSED, "approval.refused")
    assert "Shop is open" in offer.end_sentence
    assert "approval.refused" in kinds(offer)


def test_an_approval_counts_for_minutes_for_this_expert_computer_and_mode(
    cast: Cast, clock: time_machine.Coordinates
) -> None:
    add_rule(cast, needs_approval=True, approval_minutes=30)
    pc2 = cast.add_computer("PC2")
    first = cast.request(mode=Mode.VIEW)
    offer_approve(actor=cast.actor("tmanager"), offer=first)
    offer_cancel(actor=cast.actor(), offer=first)
    clock.shift(timedelta(minutes=29))
    now = NOW + timedelta(minutes=29)
    control = cast.request(now=now)
    assert control.state == State.HELD, "approved for view alone"
    offer_cancel(actor=cast.actor(), offer=control)
    assert cast.request(now=now, actor=cast.actor("nkhan"), mode=Mode.VIEW).state == State.HELD
    assert cast.request(now=now, target=pc2.name, mode=Mode.VIEW).state == State.HELD
    again = cast.request(now=now, mode=Mode.VIEW)
    assert again.state == State.QUEUED
    offer_cancel(actor=cast.actor(), offer=again)
    late = cast.request(now=NOW + timedelta(minutes=30), mode=Mode.VIEW)
    assert late.state == State.HELD


def test_an_approval_for_one_offer_counts_for_no_other(cast: Cast) -> None:
    add_rule(cast, needs_approval=True)
    first = cast.request()
    offer_approve(actor=cast.actor("tmanager"), offer=first)
    offer_cancel(actor=cast.actor(), offer=first)
    assert cast.request().state == State.HELD


def test_what_was_approved_before_a_rule_changed_counts_no_more(
    cast: Cast, clock: time_machine.Coordinates
) -> None:
    rule = add_rule(cast, needs_approval=True, approval_minutes=60)
    offer = cast.request(start_at=SOON)
    offer_approve(actor=cast.actor("tmanager"), offer=offer)
    assert offer.state == State.HELD, "its time has not come"
    clock.shift(timedelta(minutes=5))
    protection_save(actor=cast.actor("ooperator"), choice=choice_of(rule), rule=rule)
    after(timedelta(minutes=5), clock)
    offer.refresh_from_db()
    assert offer.state == State.HELD
    assert offer.approvals.filter(state="waiting").count() == 1
    offer_approve(actor=cast.actor("tmanager"), offer=offer)
    assert offer.state == State.QUEUED


def test_nobody_approves_in_time(cast: Cast, clock: time_machine.Coordinates) -> None:
    add_rule(cast, needs_approval=True)
    offer = cast.request()
    after(timedelta(seconds=settings.APPROVAL_TIMEOUT_SECONDS), clock)
    offer.refresh_from_db()
    assert (offer.state, offer.end_code) == (State.CANCELLED, "approval_expired")
    with pytest.raises(OfferConflict):
        offer_approve(actor=cast.actor("tmanager"), offer=offer)


def test_an_offer_for_later_waits_for_its_approval_until_then(
    cast: Cast, clock: time_machine.Coordinates, sent: list[str]
) -> None:
    add_rule(cast, needs_approval=True)
    start = NOW + timedelta(hours=5)
    offer = cast.request(start_at=start)
    assert offer.deadline_at == start
    after(timedelta(hours=4), clock)
    offer_approve(actor=cast.actor("tmanager"), offer=offer)
    assert (offer.state, sent) == (State.HELD, [])
    after(timedelta(hours=1), clock)
    offer.refresh_from_db()
    assert (offer.state, sent) == (State.QUEUED, [str(offer.pk)])


@pytest.mark.parametrize("is_deleted", [True, False])
def test_an_offer_goes_on_when_the_rule_it_waits_for_is_gone(
    cast: Cast, is_deleted: bool, sent: list[str]
) -> None:
    rule = add_rule(cast, needs_approval=True)
    offer = cast.request()
    if is_deleted:
        protection_delete(actor=cast.actor("ooperator"), rule=rule)
    else:
        rule.is_enabled = False
        rule.save()
    sweep()
    offer.refresh_from_db()
    assert (offer.state, sent) == (State.QUEUED, [str(offer.pk)])
    assert not offer.approvals.filter(state="waiting").exists()


def test_a_held_offer_can_be_cancelled_and_is_never_released(
    cast: Cast, clock: time_machine.Coordinates, sent: list[str]
) -> None:
    offer = cast.request(start_at=SOON)
    offer_cancel(actor=cast.actor(), offer=Offer.objects.get(pk=offer.pk))
    offer_release(offer, now=SOON)
    after(timedelta(minutes=10), clock)
    offer.refresh_from_db()
    assert (offer.state, sent) == (State.CANCELLED, [])


def test_a_held_offer_of_somebody_whom_the_directory_forgot_is_refused(
    cast: Cast, clock: time_machine.Coordinates
) -> None:
    offer = cast.request(start_at=SOON)
    Offer.objects.filter(pk=offer.pk).update(expert=None)
    after(timedelta(minutes=10), clock)
    offer.refresh_from_db()
    assert (offer.state, offer.end_code) == (State.REFUSED, "directory.gone")


def test_one_offer_that_cannot_be_released_keeps_no_other_waiting(
    cast: Cast, clock: time_machine.Coordinates, monkeypatch: pytest.MonkeyPatch
) -> None:
    cast.add_computer("PC2")
    broken, other = cast.request(start_at=SOON), cast.request(target="PC2", start_at=SOON)
    decide = holding.explain

    def explain(account: Account, computer: Computer, *args: Any, **more: Any) -> Any:
        if computer.name == "XP191":
            raise RuntimeError("a row that nobody foresaw")
        return decide(account, computer, *args, **more)

    monkeypatch.setattr(holding, "explain", explain)
    after(timedelta(minutes=10), clock)
    broken.refresh_from_db()
    other.refresh_from_db()
    assert (broken.state, other.state) == (State.HELD, State.QUEUED)
    after(timedelta(seconds=settings.LATE_START_TIMEOUT_SECONDS), clock)
    broken.refresh_from_db()
    assert (broken.state, broken.end_code) == (State.CANCELLED, "start_missed")


def test_held_offers_released_together_still_meet_the_limit(
    cast: Cast, clock: time_machine.Coordinates, settings: Settings
) -> None:
    settings.OFFERS_PER_EXPERT_PER_HOUR = 2
    held = []
    for number in range(4):
        target = cast.add_computer(f"PC{number}").name
        start = NOW + timedelta(hours=5)
        held.append(cast.request(target=target, now=NOW + timedelta(hours=number), start_at=start))
    assert [offer.state for offer in held] == [State.HELD] * 4
    after(timedelta(hours=5, minutes=1), clock)
    states = sorted(Offer.objects.values_list("state", flat=True))
    assert states == ["queued", "queued", "refused", "refused"]
