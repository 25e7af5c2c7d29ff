"""Limits of offers that hold when many ask at once, and the alert that bursts raise."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from django.db import connection, connections
from pytest_django import Settings

from assist.alerts import alert_see, sentence_of, unseen_alerts
from assist.errors import NotAllowed, OfferConflict
from assist.lifecycle import State
from assist.models import Approval, AuditEvent, Offer, OfferAlert, OfferTransition
from assist.offers import offer_approve, offer_cancel, offer_disapprove
from assist.offers.holding import offer_release
from tests.assist.cast import NOW, Cast, make_cast
from tests.assist.protected import add_rule

AT_ONCE = 8


def together(*acts: Callable[[], object]) -> list[object]:
    """What each act comes to, a result or a refusal, all begun at the same moment."""
    barrier = Barrier(len(acts))

    def run(act: Callable[[], object]) -> object:
        try:
            barrier.wait(10)
            return act()
        except OfferConflict as error:
            return error
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(run, acts))


@pytest.mark.services
@pytest.mark.django_db(transaction=True)
class TestAtOnce:
    """Real transactions side by side, on PostgreSQL."""

    @pytest.fixture
    def busy_cast(self) -> Cast:
        assert connection.vendor == "postgresql", "run through `python -m tests.services`"
        return make_cast()

    def test_the_limit_of_an_expert_is_not_exceeded(
        self, busy_cast: Cast, settings: Settings
    ) -> None:
        settings.OFFERS_PER_EXPERT_PER_HOUR = 3
        for number in range(AT_ONCE):
            busy_cast.add_computer(f"PC{number}")
        actor = busy_cast.actor()
        together(
            *(
                lambda n=n: busy_cast.request(actor=actor, target=f"PC{n}")  # type: ignore[misc]
                for n in range(AT_ONCE)
            )
        )
        ends = Counter(Offer.objects.values_list("state", "end_code"))
        assert ends == {("queued", ""): 3, ("refused", "portal.rate_limit"): AT_ONCE - 3}

    def test_the_limit_of_a_computer_is_not_exceeded(
        self, busy_cast: Cast, settings: Settings
    ) -> None:
        settings.OFFERS_PER_COMPUTER_PER_HOUR = 2
        later = NOW + timedelta(minutes=10)  # held offers do not keep others away
        helpdesk = busy_cast.groups["Helpdesk Winnipeg"]
        experts = busy_cast.groups["Remote Assistance Experts"]
        actors = []
        for number in range(AT_ONCE):
            account = busy_cast.add_account(f"expert{number}")
            busy_cast.join(helpdesk, account)
            busy_cast.join(experts, account)
            actors.append(busy_cast.actor(f"expert{number}"))
        together(
            *(
                lambda actor=actor: busy_cast.request(  # type: ignore[misc]
                    actor=actor, start_at=later
                )
                for actor in actors
            )
        )
        ends = Counter(Offer.objects.values_list("state", "end_code"))
        assert ends == {("held", ""): 2, ("refused", "portal.computer_rate_limit"): AT_ONCE - 2}

    def test_one_of_many_offers_to_a_computer_is_let_through_and_the_others_say_whose(
        self, busy_cast: Cast
    ) -> None:
        actors = [busy_cast.actor(name) for name in ("mjones", "nkhan", "radmin")] * 2
        together(
            *(lambda actor=actor: busy_cast.request(actor=actor) for actor in actors)  # type: ignore[misc]
        )
        winner = Offer.objects.occupying().get()
        others = Offer.objects.exclude(pk=winner.pk)
        assert set(others.values_list("state", "end_code")) == {("refused", "portal.active_offer")}
        for other in others:
            is_own = other.expert_sid == winner.expert_sid
            assert ("by you" if is_own else winner.expert_name) in other.end_sentence

    def test_of_approval_refusal_and_cancelling_one_wins(self, busy_cast: Cast) -> None:
        add_rule(busy_cast, needs_approval=True)
        offer = busy_cast.request()
        manager, mary = busy_cast.actor("tmanager"), busy_cast.actor()

        def fresh() -> Offer:
            return Offer.objects.get(pk=offer.pk)

        together(
            lambda: offer_approve(actor=manager, offer=fresh(), now=NOW),
            lambda: offer_disapprove(actor=manager, offer=fresh(), reason="No", now=NOW),
            lambda: offer_approve(actor=manager, offer=fresh(), now=NOW),
            lambda: offer_cancel(actor=mary, offer=fresh(), now=NOW),
        )
        states = list(OfferTransition.objects.values_list("to_state", flat=True))
        assert states in (
            ["requested", "held", "queued"],
            ["requested", "held", "queued", "cancelled"],
            ["requested", "held", "refused"],
            ["requested", "held", "cancelled"],
        )
        decided = AuditEvent.objects.filter(kind__startswith="approval.")
        assert decided.count() <= 1
        assert Approval.objects.count() == 1

    def test_a_held_offer_is_released_once(self, busy_cast: Cast) -> None:
        start = NOW + timedelta(minutes=10)
        offer = busy_cast.request(start_at=start)
        together(
            *(
                lambda: offer_release(Offer.objects.get(pk=offer.pk), now=start)
                for _ in range(AT_ONCE)
            )
        )
        states = list(OfferTransition.objects.values_list("to_state", flat=True))
        assert states == ["requested", "held", "queued"]

    def test_a_burst_at_once_raises_one_alert(self, busy_cast: Cast, settings: Settings) -> None:
        settings.OFFER_BURST_COUNT = 4
        actor = busy_cast.actor()
        together(*(lambda: busy_cast.request(actor=actor) for _ in range(AT_ONCE)))
        alerts = {alert.kind: alert.offers for alert in OfferAlert.objects.all()}
        assert alerts == {"expert_burst": AT_ONCE, "computer_burst": AT_ONCE}
        assert AuditEvent.objects.filter(kind="alert.offer_burst").count() == 2


@pytest.mark.usefixtures("clock")
class TestBursts:
    """What raises an alert, and who looks at it."""

    @pytest.fixture(autouse=True)
    def _small(self, settings: Settings) -> None:
        settings.OFFER_BURST_COUNT = 3
        settings.OFFER_BURST_SECONDS = 60

    def test_offers_of_one_expert_in_a_burst_raise_an_alert_even_if_refused(
        self, cast: Cast
    ) -> None:
        for number in range(3):
            cast.add_computer(f"PC{number}", ou=None)
            offer = cast.request(target=f"PC{number}", now=NOW + timedelta(seconds=20 * number))
            assert offer.state == State.REFUSED
            assert OfferAlert.objects.count() == (number == 2)
        event = AuditEvent.objects.get(kind="alert.offer_burst")
        assert (event.subject_kind, event.subject_name) == ("account", r"R2\mjones")
        assert event.data["offers"] == 3

    def test_offers_far_enough_apart_raise_none(self, cast: Cast) -> None:
        for number in range(6):
            cast.request(now=NOW + timedelta(seconds=40 * number))
        assert not OfferAlert.objects.exists()

    def test_offers_of_several_to_one_computer_raise_an_alert_too(self, cast: Cast) -> None:
        for name in ("mjones", "nkhan", "radmin"):
            cast.request(actor=cast.actor(name))
        (alert,) = unseen_alerts()
        assert (alert.kind, alert.subject_name) == ("computer_burst", "XP191")
        assert "3 offers to XP191" in sentence_of(alert)

    def test_a_burst_that_goes_on_is_one_alert_until_it_is_seen(self, cast: Cast) -> None:
        for number in range(5):
            cast.request(now=NOW + timedelta(seconds=number))
        alert = OfferAlert.objects.get(kind="expert_burst")
        assert (alert.offers, alert.last_at) == (5, NOW + timedelta(seconds=4))
        operator = cast.actor("ooperator")
        alert_see(actor=operator, alert=alert, now=NOW)
        alert_see(actor=operator, alert=alert, now=NOW)
        assert AuditEvent.objects.filter(kind="alert.seen").count() == 1
        cast.request(now=NOW + timedelta(seconds=5))
        assert OfferAlert.objects.filter(kind="expert_burst", seen_at=None).count() == 1

    def test_alerts_are_the_operators_to_see(self, cast: Cast) -> None:
        for _ in range(3):
            cast.request()
        with pytest.raises(NotAllowed):
            alert_see(actor=cast.actor("tmanager"), alert=unseen_alerts()[0])


@pytest.mark.usefixtures("clock")
def test_a_computer_is_offered_help_only_so_often(cast: Cast, settings: Settings) -> None:
    settings.OFFERS_PER_COMPUTER_PER_HOUR = 2
    for name in ("mjones", "nkhan"):
        offer_cancel(actor=cast.actor(name), offer=cast.request(actor=cast.actor(name)), now=NOW)
    refused = cast.request(actor=cast.actor("radmin"))
    assert refused.end_code == "portal.computer_rate_limit"
    assert "2 times of at most 2" in refused.end_sentence
    assert cast.request(now=NOW + timedelta(hours=1)).state == State.QUEUED
