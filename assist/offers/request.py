"""What the expert does: ask for an offer, choose a logon session, cancel."""

from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from assist import audit, enqueue
from assist.actors import Actor
from assist.eligibility import explain
from assist.eligibility.decision import Decision
from assist.errors import InvalidInput, NotAllowed, OfferConflict
from assist.lifecycle import Mode, State
from assist.models import LogonSessionChoice, Offer
from assist.offers.reading import require_own
from assist.offers.transitions import move, note_step
from assist.offers.validation import (
    require_choice,
    require_reason,
    require_ticket,
    require_wanted_user,
)
from directory.models import Account, Computer
from directory.names import find_computer

VIEWERS = ("windows", "freerdp")


def offer_request(
    *,
    actor: Actor,
    target: str,
    mode: Mode,
    viewer: str,
    door: str,
    wanted_user: str = "",
    ticket: str = "",
    reason: str = "",
    now: datetime | None = None,
) -> Offer:
    """Ask for an offer of Remote Assistance.

    Args:
        actor: The expert.
        target: The computer, as a name or an IP address. An address costs DNS queries to the
            domain's own servers; nothing else leaves this process here.
        mode: View or control.
        viewer: What the expert will open the invitation with: ``windows`` or ``freerdp``.
        door: Through which door she came: ``page``, ``api`` or ``command``.
        wanted_user: The novice, where only one of the computer's users is meant.
        ticket: A reference to the ticket.
        reason: Why, for the audit trail.
        now: An aware time; the present if None.

    Returns:
        The offer: queued, or refused by the decision, which is recorded either way.

    Raises:
        InvalidInput: Something typed cannot be used; nothing is recorded.
        PortalError: The computer or the wanted user is unknown or ambiguous; ``field`` names it.
        NotAllowed: The actor has no account in the directory.
    """
    now = now or timezone.now()
    if actor.account is None:
        raise NotAllowed(
            "Only somebody with an account in the directory may offer help.",
            remedy="Sign in with your account of the domain.",
        )
    asked = Mode(require_choice("mode", mode, [item.value for item in Mode]))
    viewer = require_choice("viewer", viewer, VIEWERS)
    ticket = require_ticket(ticket)
    reason = require_reason(reason)
    computer = find_computer(target, field="target")
    offer = Offer(
        mode=asked.value,
        authority=settings.AUTHORITY,
        viewer=viewer,
        door=door,
        expert=actor.account,
        expert_sid=actor.sid,
        expert_name=actor.name,
        computer=computer,
        computer_name=computer.name,
        target=target.strip(),
        wanted_user=require_wanted_user(wanted_user, computer),
        ticket=ticket,
        reason=reason,
        requested_at=now,
    )
    try:
        _decide(offer, actor, actor.account, computer, now)
    except IntegrityError:
        # Somebody else's offer to this computer took its place since the decision; the decision
        # taken now sees it and says so.
        _decide(offer, actor, actor.account, computer, now)
    return offer


def offer_choose_session(
    *, actor: Actor, offer: Offer, logon_session_id: int, now: datetime | None = None
) -> Offer:
    """The expert says which of the computer's users she wants to help.

    Args:
        actor: The expert whom the offer belongs to.
        offer: An offer that is ``choosing``.
        logon_session_id: One of those found on the computer.
        now: An aware time; the present if None.

    Raises:
        OfferNotFound: The offer is not the actor's own.
        OfferConflict: The offer does not wait for a choice.
        InvalidInput: There is no such logon session.
    """
    require_own(actor, offer)
    now = now or timezone.now()
    offer.refresh_from_db()
    if offer.state != State.CHOOSING:
        raise OfferConflict(
            "The offer does not wait for a choice.", remedy="Look at the offer's present state."
        )
    choice = LogonSessionChoice.objects.filter(offer=offer, session_id=logon_session_id).first()
    if choice is None:
        raise InvalidInput(
            f"There is no logon session {logon_session_id} on {offer.computer_name}.",
            remedy="Choose one of those listed.",
            field="logon_session_id",
        )
    novice = f"{choice.domain_name}\\{choice.user_name}"
    with transaction.atomic():
        move(
            offer,
            State.CONTACTING,
            actor=actor,
            now=now,
            sentence=f"{novice} was chosen.",
            data={"logon_session_id": logon_session_id, "novice": novice},
            logon_session_id=logon_session_id,
            novice_name=novice,
            claimed_at=None,
        )
        enqueue.contact_novice(offer.pk, now=now)
    return offer


def offer_cancel(*, actor: Actor, offer: Offer, now: datetime | None = None) -> Offer:
    """The expert takes her offer back, before the novice has accepted.

    Args:
        actor: The expert whom the offer belongs to.
        offer: The offer.
        now: An aware time; the present if None.

    Raises:
        OfferNotFound: The offer is not the actor's own.
        OfferConflict: It has been accepted or has ended.
    """
    require_own(actor, offer)
    now = now or timezone.now()
    for attempt in (1, 2, 3):
        offer.refresh_from_db()
        was_started = offer.starting_at is not None
        try:
            move(
                offer,
                State.CANCELLED,
                actor=actor,
                now=now,
                sentence=f"{actor.name} cancelled the offer.",
                remedy=(
                    "Remote Assistance may still wait on the computer; it closes by itself."
                    if was_started
                    else ""
                ),
            )
        except OfferConflict:
            # A worker moved it on meanwhile: look again, unless it can't be cancelled any more.
            offer.refresh_from_db()
            if attempt == 3 or not offer.may_be_cancelled:
                raise
        else:
            break
    return offer


def _decide(
    offer: Offer, actor: Actor, account: Account, computer: Computer, now: datetime
) -> Decision:
    # A program that calls the API is not where the expert is.
    address = actor.source_address if offer.door == "page" else None
    decision = explain(account, computer, Mode(offer.mode), now=now, expert_address=address)
    offer.decision = decision.to_json()
    offer.state = State.REQUESTED.value
    with transaction.atomic():
        offer.save(force_insert=True)
        note_step(
            offer,
            "",
            actor=actor,
            now=now,
            data={
                "door": offer.door,
                "mode": offer.mode,
                "authority": offer.authority,
                "target": offer.target,
                "wanted_user": offer.wanted_user,
                "reason": offer.reason,
            },
        )
        audit.record(
            "offer.decided",
            actor=Actor.portal(actor.request_id),
            offer=offer,
            data={"decision": offer.decision},
            now=now,
        )
        if decision.is_allowed:
            move(
                offer,
                State.QUEUED,
                actor=Actor.portal(actor.request_id),
                now=now,
                sentence=decision.sentence,
            )
            enqueue.contact_novice(offer.pk, now=now)
        else:
            refuse(offer, decision, now=now, request_id=actor.request_id)
    return decision


def refuse(offer: Offer, decision: Decision, *, now: datetime, request_id: str = "") -> None:
    """End an offer by a decision."""
    reason = decision.decisive
    move(
        offer,
        State.REFUSED,
        actor=Actor.portal(request_id),
        now=now,
        sentence=decision.sentence,
        remedy=reason.remedy if reason else "",
        code=reason.rule if reason else "not_allowed",
        data={"rule": reason.rule if reason else ""},
    )
