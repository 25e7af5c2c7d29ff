"""What time does to offers: sends again what a broker lost, ends what outlived its deadline."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import structlog
from django.db import transaction
from django.utils import timezone

from assist import enqueue, invitations
from assist.actors import Actor
from assist.authority import handing, sign_in_tickets
from assist.errors import OfferConflict
from assist.lifecycle import Authority, State
from assist.models import Approval, Evidence, EvidenceKind, EvidenceSource, Grade, Offer
from assist.offers.evidence import add, settle
from assist.offers.following import wants_last_look, was_read_until
from assist.offers.holding import release_due
from assist.offers.limits import take_turns
from assist.offers.transitions import move, waiting_time

log = structlog.get_logger()

MOST_LOSSES = 3
_SEND_AGAIN_AFTER = timedelta(seconds=15)  # a worker that is free takes an offer at once
_PORTAL = Actor.portal()


def sweep(now: datetime | None = None) -> None:
    """Everything that waits for a time to pass. Any number may run at once.

    Args:
        now: An aware time; the present if None.
    """
    now = now or timezone.now()
    for offer in Offer.objects.filter(deadline_at__lte=now).open():
        try:
            _expire(offer, now)
        except OfferConflict:
            log.info("offer moved on meanwhile", offer_id=str(offer.pk))
    release_due(now)
    _send_again(now)
    invitations.wipe_expired(now)
    handing.wipe_expired(now)
    sign_in_tickets.forget_ended(now)


def _send_again(now: datetime) -> None:
    """Offers that wait for a worker and whose message may be lost.

    One that is only late arrives twice then, which is harmless: an offer is claimed once.
    """
    waiting = Offer.objects.filter(
        state__in=[State.QUEUED.value, State.CONTACTING.value],
        claimed_at__isnull=True,
        starting_at__isnull=True,
        deadline_at__gt=now,
        enqueued_at__lte=now - _SEND_AGAIN_AFTER,
    ).exclude(authority=Authority.HANDOFF.value)
    for offer in waiting:
        with transaction.atomic():
            enqueue.contact_novice(offer.pk, now=now)


def _expire(offer: Offer, now: datetime) -> None:
    match State(offer.state):
        case State.HELD:
            _expire_held(offer, now)
        case State.QUEUED if offer.is_handed_off:
            _end(
                offer,
                State.CANCELLED,
                now,
                code="not_launched",
                sentence="The expert did not start Remote Assistance in time.",
                remedy="Ask again, and start it on the offer's page.",
            )
        case State.QUEUED:
            _end_without_worker(offer, now)
        case State.CONTACTING:
            _expire_contact(offer, now)
        case State.CHOOSING:
            _end(
                offer,
                State.CANCELLED,
                now,
                code="not_chosen",
                sentence="Nobody chose a logon session in time.",
                remedy="Ask for the offer anew, and name the user if you know him.",
            )
        case State.OFFERED | State.ANSWERING if wants_last_look(offer, now):
            return
        case State.OFFERED:
            _assume(offer, EvidenceKind.CLOSED, "No viewer connected in time.", now)
        case State.ANSWERING:
            _assume(offer, EvidenceKind.UNANSWERED, "Nothing was heard of an answer in time.", now)
        case State.ACCEPTED:
            _assume(offer, EvidenceKind.ENDED, "Nothing was heard of an end in time.", now)
        case _:
            Offer.objects.filter(pk=offer.pk).update(deadline_at=None)


@transaction.atomic
def _expire_held(offer: Offer, now: datetime) -> None:
    take_turns(offer)  # an approval at the last moment moves the deadline
    offer.refresh_from_db()
    if offer.state != State.HELD or offer.deadline_at is None or offer.deadline_at > now:
        return
    if offer.approvals.filter(state=Approval.State.WAITING).exists():
        _end(
            offer,
            State.CANCELLED,
            now,
            code="approval_expired",
            sentence="Nobody approved the offer in time.",
            remedy="Ask again, and tell whoever may approve.",
        )
    else:
        _end(
            offer,
            State.CANCELLED,
            now,
            code="start_missed",
            sentence="The portal could not start the offer at its time, and later is too late.",
            remedy="Ask again; if it happens again, ask the operator whether workers run.",
        )


def _expire_contact(offer: Offer, now: datetime) -> None:
    if offer.starting_at is not None:
        _end(
            offer,
            State.INTERRUPTED,
            now,
            code="worker_lost",
            sentence="The worker was lost after it may have started Remote Assistance there.",
            remedy="Ask the user whether a window of Remote Assistance is open, then try again.",
        )
    elif offer.claimed_at is None:
        _end_without_worker(offer, now)
    elif offer.losses + 1 >= MOST_LOSSES:
        _end(
            offer,
            State.FAILED,
            now,
            code="worker_lost",
            sentence=f"{offer.losses + 1} workers were lost while contacting the computer.",
            remedy="Show the offer to the operator.",
            losses=offer.losses + 1,
        )
    else:
        _release(offer, now)


def _end_without_worker(offer: Offer, now: datetime) -> None:
    _end(
        offer,
        State.FAILED,
        now,
        code="no_worker",
        sentence="No worker took the offer in time.",
        remedy="Ask the operator whether workers and the message broker run.",
    )


def _release(offer: Offer, now: datetime) -> None:
    """Let another worker take an offer whose worker was lost before the marker.

    The number to write under rises, so that a worker that was only slow finds the offer no longer
    its own. The offer waits for the next one as long as it would in the queue.
    """
    with transaction.atomic():
        won = Offer.objects.filter(
            pk=offer.pk,
            state=State.CONTACTING.value,
            attempts=offer.attempts,
            starting_at__isnull=True,
            deadline_at=offer.deadline_at,
        ).update(
            claimed_at=None,
            attempts=offer.attempts + 1,
            losses=offer.losses + 1,
            deadline_at=now + waiting_time(),
        )
        if won:
            enqueue.contact_novice(offer.pk, now=now)


def _assume(offer: Offer, kind: EvidenceKind, sentence: str, now: datetime) -> None:
    """The clock speaks where nobody else did; kept as evidence of the lowest grade.

    Where the computer's log was read up to the deadline, its silence says more than a guess.
    """
    deadline = offer.deadline_at or now
    is_known = kind != EvidenceKind.ENDED and was_read_until(offer, deadline)
    with transaction.atomic():
        known = Evidence.objects.filter(offer=offer, source=EvidenceSource.PORTAL, kind=kind)
        if not known.exists():
            add(
                offer,
                kind,
                source=EvidenceSource.PORTAL,
                grade=Grade.INFERRED if is_known else Grade.ASSUMED,
                sentence=sentence,
                at=now,
                actor=_PORTAL,
                now=now,
            )
    settle(offer.pk, now=now)


def _end(
    offer: Offer,
    state: State,
    now: datetime,
    *,
    code: str,
    sentence: str,
    remedy: str,
    **columns: Any,
) -> None:
    move(
        offer,
        state,
        actor=_PORTAL,
        now=now,
        code=code,
        sentence=sentence,
        remedy=remedy,
        **columns,
    )
