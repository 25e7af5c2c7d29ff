"""Any order of acts, contacts and time: what must hold of every offer, whatever happened."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from itertools import pairwise
from unittest import mock

import pytest
import time_machine
from django.conf import settings as django_settings
from django.db import transaction
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from assist.errors import InvalidInput, LaunchRefused, NotAllowed, OfferConflict, OfferNotFound
from assist.launch_links import new_signing_key
from assist.lifecycle import ENDS, OCCUPYING, Mode, State, may_follow
from assist.models import AuditEvent, EvidenceKind, LaunchLink, Offer, OfferTransition
from assist.offers import (
    launch_confirm,
    launch_link_make,
    launch_report,
    offer_approve,
    offer_cancel,
    offer_choose_session,
    offer_contact,
    offer_disapprove,
    offer_report,
    offer_retry,
    sweep,
)
from assist.remote_assistance.errors import RemoteAssistanceError
from tests.assist.cast import NOW, make_cast
from tests.assist.conftest import BOB, CAROL, CONNECTION_STRING
from tests.assist.protected import add_rule
from tests.environment import sample_size

EXPERTS = ("mjones", "nkhan")
TARGETS = ("XP191", "TILL1")  # the second is protected: it asks for an approval
KEY = new_signing_key()
BUSY = RemoteAssistanceError("It runs already.", remedy="Wait.")
BUSY.code = "busy"
LOST = RemoteAssistanceError("The connection was lost.", remedy="Try again.")
experts = st.sampled_from(EXPERTS)
picks = st.integers(0, 100)


class Lives(RuleBasedStateMachine):
    """Two experts, two computers, a manager, a worker that may be lost, and a clock."""

    def __init__(self) -> None:
        super().__init__()
        self.now: datetime = NOW
        self.started: dict[str, int] = {}
        self.tokens: list[str] = []
        self.reports: list[str] = []
        self.listing: object = (BOB,)
        self.starting: object = CONNECTION_STRING
        self.contacting: Offer | None = None

    @initialize()
    def begin(self) -> None:
        self.transaction = transaction.atomic()
        self.transaction.__enter__()
        self.clock = time_machine.travel(NOW, tick=False)
        self.coordinates = self.clock.start()
        module = "assist.offers.contact"
        self.patches = [
            mock.patch("assist.enqueue._send"),
            mock.patch(f"{module}.list_logon_sessions", self._list),
            mock.patch(f"{module}.start_remote_assistance", self._start),
            mock.patch(f"{module}.address_of", lambda computer: _Address(computer.dns_name)),
            mock.patch.object(django_settings, "OFFER_AUTHORITIES", ["service", "handoff"]),
            mock.patch.object(django_settings, "LAUNCH_SIGNING_KEY", KEY),
            mock.patch.object(django_settings, "DIRECTORY_MAXIMUM_AGE_SECONDS", 10**8),
            mock.patch.object(django_settings, "OFFERS_PER_COMPUTER_PER_HOUR", 10**6),
            mock.patch.object(django_settings, "OFFERS_PER_EXPERT_PER_HOUR", 10**6),
        ]
        for patch in self.patches:
            patch.start()
        self.cast = make_cast()
        till = self.cast.add_computer("TILL1")
        tills = self.cast.add_group("Tills")
        self.cast.join(tills, till)
        add_rule(self.cast, group=r"R2\Tills", needs_approval=True)

    def teardown(self) -> None:
        if not hasattr(self, "transaction"):
            return
        for patch in reversed(self.patches):
            patch.stop()
        self.clock.stop()
        transaction.set_rollback(True)
        self.transaction.__exit__(None, None, None)

    # What the novice's computer does.

    def _list(self, *_: object) -> object:
        if isinstance(self.listing, Exception):
            raise self.listing
        return self.listing

    def _start(self, *_: object) -> object:
        assert self.contacting is not None
        key = str(self.contacting.pk)
        self.started[key] = self.started.get(key, 0) + 1
        if isinstance(self.starting, BaseException):
            raise self.starting
        return self.starting

    # What people, workers, launchers and time do.

    @rule(
        name=experts,
        computer=st.sampled_from(TARGETS),
        mode=st.sampled_from(list(Mode)),
        authority=st.sampled_from(("service", "service", "handoff")),
        minutes=st.sampled_from((0, 0, 0, 5, 90)),
    )
    def ask(self, name: str, computer: str, mode: Mode, authority: str, minutes: int) -> None:
        self.cast.request(
            actor=self.cast.actor(name),
            target=computer,
            mode=mode,
            authority=authority,
            start_at=self.now + timedelta(minutes=minutes) if minutes else None,
            now=self.now,
        )

    @rule(name=experts, mode=st.sampled_from(list(Mode)))
    def ask_and_be_let_through(self, name: str, mode: Mode) -> None:
        """What usually happens, so that many a life comes far."""
        offer = self.cast.request(actor=self.cast.actor(name), mode=mode, now=self.now)
        self.listing, self.starting, self.contacting = (BOB,), CONNECTION_STRING, offer
        offer_contact(offer.pk)

    @rule(pick=picks)
    def see_and_end(self, pick: int) -> None:
        self.report(pick, "viewed")
        if pick % 2:
            self.report(pick, "ended")

    @rule(pick=picks)
    def try_again(self, pick: int) -> None:
        self._try(
            pick,
            lambda offer: offer_retry(
                actor=self._expert(offer), offer=offer, door="page", now=self.now
            ),
            *ENDS,
        )

    @rule(pick=picks)
    def cancel(self, pick: int) -> None:
        if pick % 3:
            return  # or few offers come far
        self._try(
            pick, lambda offer: offer_cancel(actor=self._expert(offer), offer=offer, now=self.now)
        )

    @rule(pick=picks, is_yes=st.booleans(), name=st.sampled_from(("tmanager", *EXPERTS)))
    def approve(self, pick: int, is_yes: bool, name: str) -> None:
        actor = self.cast.actor(name)
        if is_yes:
            self._try(
                pick,
                lambda offer: offer_approve(actor=actor, offer=offer, now=self.now),
                State.HELD,
            )
        else:
            self._try(
                pick,
                lambda offer: offer_disapprove(actor=actor, offer=offer, reason="No", now=self.now),
                State.HELD,
            )

    @rule(
        pick=picks,
        sessions=st.sampled_from(((BOB,), (BOB, CAROL), (), LOST)),
        answer=st.sampled_from((CONNECTION_STRING, CONNECTION_STRING, "nonsense", BUSY, LOST)),
    )
    def contact(self, pick: int, sessions: object, answer: object) -> None:
        self.listing, self.starting = sessions, answer
        self.contacting = self._offer(pick, State.QUEUED, State.CONTACTING)
        if self.contacting is not None:
            offer_contact(self.contacting.pk)

    @rule(pick=picks, is_before=st.booleans())
    def lose_the_worker(self, pick: int, is_before: bool) -> None:
        """It is killed while it contacts the computer: nothing that follows runs."""
        self.contacting = self._offer(pick, State.QUEUED, State.CONTACTING)
        if self.contacting is None:
            return
        self.listing = (BOB,)
        where = "list_logon_sessions" if is_before else "start_remote_assistance"

        def killed(*_: object) -> None:
            if not is_before:
                key = str(self.contacting.pk)  # type: ignore[union-attr]
                self.started[key] = self.started.get(key, 0) + 1
            raise SystemExit

        with mock.patch(f"assist.offers.contact.{where}", killed), suppress(SystemExit):
            offer_contact(self.contacting.pk)

    @rule(pick=picks, session=st.sampled_from((1, 2)))
    def choose(self, pick: int, session: int) -> None:
        self._try(
            pick,
            lambda offer: offer_choose_session(
                actor=self._expert(offer), offer=offer, logon_session_id=session, now=self.now
            ),
            State.CHOOSING,
        )

    @rule(pick=picks, kind=st.sampled_from(("viewed", "controlled", "declined", "ended")))
    def say(self, pick: int, kind: str) -> None:
        self.report(pick, kind)

    def report(self, pick: int, kind: str) -> None:
        """The expert says what she saw."""
        self._try(
            pick,
            lambda offer: offer_report(
                actor=self._expert(offer), offer=offer, kind=EvidenceKind(kind), now=self.now
            ),
            State.OFFERED,
            State.ANSWERING,
            State.ACCEPTED,
        )

    @rule(pick=picks)
    def make_a_link(self, pick: int) -> None:
        def make(offer: Offer) -> None:
            launch = launch_link_make(actor=self._expert(offer), offer=offer, now=self.now)
            if launch is not None:
                self.tokens.append(launch.url.partition("token=")[2].partition("&")[0])

        self._try(pick, make, State.QUEUED, State.OFFERED)

    @rule(pick=picks)
    def come_with_a_link(self, pick: int) -> None:
        if self.tokens:
            token = self.tokens[pick % len(self.tokens)]
            try:
                confirmed = launch_confirm(token=token, now=self.now)
            except LaunchRefused:
                return
            key = str(confirmed.offer_id)
            self.started[key] = self.started.get(key, 0) + 1
            self.reports.append(confirmed.report_token)

    @rule(pick=picks, event=st.sampled_from(("started", "failed", "ended")))
    def launcher_reports(self, pick: int, event: str) -> None:
        if self.reports:
            token = self.reports[pick % len(self.reports)]
            launch_report(token=token, event=event, now=self.now)

    @rule(seconds=st.sampled_from((1, 20, 120, 301, 700, 4000, 30_000)))
    def let_time_pass(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)
        self.coordinates.shift(timedelta(seconds=seconds))
        sweep()

    # What must hold.

    @invariant()
    def every_story_is_whole(self) -> None:
        for offer in Offer.objects.all():
            steps = list(OfferTransition.objects.filter(offer=offer).order_by("id"))
            assert steps[0].from_state == ""
            assert steps[-1].to_state == offer.state
            for before, after in pairwise(steps):
                assert before.to_state == after.from_state
                assert may_follow(State(after.from_state), State(after.to_state))
            events = AuditEvent.objects.filter(offer_id=offer.pk).order_by("id")
            kinds = [kind for kind in events.values_list("kind", flat=True) if _is_step(kind)]
            assert kinds == [f"offer.{step.to_state}" for step in steps]

    @invariant()
    def remote_assistance_was_started_at_most_once_for_each_offer(self) -> None:
        assert all(number == 1 for number in self.started.values())

    @invariant()
    def one_offer_occupies_a_computer(self) -> None:
        occupied = list(
            Offer.objects.filter(state__in=OCCUPYING).values_list("computer_id", flat=True)
        )
        assert len(occupied) == len(set(occupied))

    @invariant()
    def what_waits_has_a_deadline_and_what_ended_has_none(self) -> None:
        for offer in Offer.objects.all():
            is_ended = State(offer.state) in ENDS
            assert (offer.deadline_at is None) == is_ended, offer.state
            assert (offer.ended_at is not None) == is_ended
            assert bool(offer.end_code) == is_ended

    @invariant()
    def nothing_started_on_a_protected_computer_without_approval(self) -> None:
        for offer in Offer.objects.filter(computer_name="TILL1", starting_at__isnull=False):
            approval = offer.approvals.get(state="approved")
            assert approval.approver_name == r"R2\tmanager"

    @invariant()
    def a_link_is_confirmed_once(self) -> None:
        confirmed = LaunchLink.objects.filter(confirmed_at__isnull=False)
        offers = list(confirmed.values_list("offer_id", flat=True))
        assert len(offers) == len(set(offers))

    def _try(self, pick: int, act: Callable[[Offer], object], *states: State) -> None:
        """What the state does not permit is refused, which is all right."""
        offer = self._offer(pick, *states)
        if offer is None:
            return
        with suppress(OfferConflict, OfferNotFound, NotAllowed, InvalidInput):
            act(offer)

    def _offer(self, pick: int, *states: State) -> Offer | None:
        """An offer in one of the states that suit an act; now and then any of the latest."""
        offers = Offer.objects.order_by("-requested_at", "pk")
        if states and pick % 5:
            offers = offers.filter(state__in=states)
        found = list(offers[:4])
        return found[pick % len(found)] if found else None

    def _expert(self, offer: Offer) -> object:
        name = offer.expert_name.rpartition("\\")[2]
        return self.cast.actor(name)


class _Address:
    ip = "127.0.11.191"

    def __init__(self, dns_name: str) -> None:
        self.dns_name = dns_name


def _is_step(kind: str) -> bool:
    return kind.startswith("offer.") and kind.removeprefix("offer.") in set(State)


@pytest.mark.django_db
def test_whatever_happens_in_whatever_order() -> None:
    run_state_machine_as_test(
        Lives,
        settings=settings(
            max_examples=sample_size(6, soak=600), stateful_step_count=40, deadline=None
        ),
    )
