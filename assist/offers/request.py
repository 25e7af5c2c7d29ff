"""What the expert does: ask for an offer, ask again, choose a logon session, cancel."""

from __future__ import annotations

from datetime import datetime, timedelta

import structlog
from django.conf import settings
from django.db import DatabaseError, IntegrityError, transaction
from django.utils import timezone

from assist import enqueue
from assist.actors import Actor
from assist.authority.delegating import Delegation, delegate
from assist.eligibility import explain
from assist.errors import InvalidInput, NotAllowed, NotRecorded, OfferConflict
from assist.lifecycle import Authority, Mode, State
from assist.models import LogonSessionChoice, Offer
from assist.offers.deciding import asked_of, decide_at_request
from assist.offers.reading import require_own
from assist.offers.transitions import move
from assist.offers.validation import (
    require_choice,
    require_reason,
    require_start,
    require_ticket,
    require_wanted_user,
)
from assist.remote_assistance.delegation import SignInTicket
from directory.models import Account, Computer
from directory.names import find_computer

log = structlog.get_logger()

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
    authority: str = "",
    start_at: datetime | None = None,
    sign_in: SignInTicket | None = None,
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
        authority: Whose account calls the computer, one of ``settings.OFFER_AUTHORITIES``; empty:
            the first of them.
        start_at: Not before then, an aware time; at once if None.
        sign_in: The ticket that she signed in with, which *delegated* needs.
        now: An aware time; the present if None.

    Returns:
        The offer: queued, held, or refused by the decision, which is recorded in any case.

    Raises:
        InvalidInput: Something typed cannot be used; nothing is recorded.
        PortalError: The computer or the wanted user is unknown or ambiguous; ``field`` names it.
        NotAllowed: The actor has no account in the directory.
        NotRecorded: It could not be written down with its audit events; nothing was.
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
    authority = require_choice(
        "authority", authority or settings.OFFER_AUTHORITIES[0], settings.OFFER_AUTHORITIES
    )
    start_at = require_start(start_at, now)
    if authority == Authority.DELEGATED:
        _require_ticket_until(start_at, now)
    computer = find_computer(target, field="target")
    offer = Offer(
        mode=asked.value,
        authority=authority,
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
        start_at=start_at,
    )
    _record(offer, actor, actor.account, computer, now, sign_in)
    return offer


def offer_retry(
    *,
    actor: Actor,
    offer: Offer,
    door: str,
    authority: str = "",
    sign_in: SignInTicket | None = None,
    now: datetime | None = None,
) -> Offer:
    """Make an offer that has ended once more: the same, decided anew, linked to the first try.

    Args:
        actor: The expert whom the offer belongs to.
        offer: An offer that has ended.
        door: Through which door she came: ``page``, ``api`` or ``command``.
        authority: Another authority; empty: the same, or the first where that is not allowed now.
        sign_in: The ticket that she signed in with, which *delegated* needs.
        now: An aware time; the present if None.

    Returns:
        The new offer.

    Raises:
        OfferNotFound: The offer is not the actor's own.
        OfferConflict: It has not ended, or its computer is gone.
        PortalError: As of :func:`offer_request`.
    """
    require_own(actor, offer)
    now = now or timezone.now()
    offer.refresh_from_db()
    if not offer.is_ended:
        raise OfferConflict("The offer has not ended.", remedy="Go on with it, or cancel it first.")
    if actor.account is None or offer.computer is None or not offer.computer.is_present:
        raise OfferConflict(
            f"{offer.computer_name} is not in the directory any more.",
            remedy="Look for the computer under its present name.",
        )
    if not authority and offer.authority in settings.OFFER_AUTHORITIES:
        authority = offer.authority
    again = Offer(
        mode=offer.mode,
        authority=require_choice(
            "authority", authority or settings.OFFER_AUTHORITIES[0], settings.OFFER_AUTHORITIES
        ),
        viewer=offer.viewer,
        door=door,
        expert=actor.account,
        expert_sid=actor.sid,
        expert_name=actor.name,
        computer=offer.computer,
        computer_name=offer.computer.name,
        target=offer.target,
        wanted_user=require_wanted_user(offer.wanted_user, offer.computer),
        ticket=offer.ticket,
        reason=offer.reason,
        requested_at=now,
        retry_of_id=offer.retry_of_id or offer.pk,
    )
    _record(again, actor, actor.account, offer.computer, now, sign_in)
    return again


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


def _record(
    offer: Offer,
    actor: Actor,
    account: Account,
    computer: Computer,
    now: datetime,
    sign_in: SignInTicket | None,
) -> None:
    delegation = _delegation(offer, actor, account, computer, now, sign_in)

    @transaction.atomic
    def decide() -> None:
        decide_at_request(offer, actor, account, computer, now=now, delegation=delegation)

    try:
        try:
            decide()
        except IntegrityError:
            # Somebody else's offer to this computer took its place since the decision; the
            # decision taken now sees it and says so.
            decide()
    except DatabaseError as error:
        log.exception("an offer could not be recorded")
        raise NotRecorded from error


def _require_ticket_until(start_at: datetime | None, now: datetime) -> None:
    """Refuse a start for which the ticket, got now, would be too old: later nobody is there.

    Raises:
        InvalidInput: It is.
    """
    lifetime = timedelta(seconds=settings.HANDED_TICKET_LIFETIME_SECONDS)
    if start_at is not None and start_at >= now + lifetime:
        raise InvalidInput(
            "An offer by which the portal calls as you cannot start that late.",
            remedy=f"Choose a start within {lifetime.total_seconds() / 60:.0f} minutes, or ask "
            "for the offer then.",
            field="start_at",
        )


def _delegation(
    offer: Offer,
    actor: Actor,
    account: Account,
    computer: Computer,
    now: datetime,
    sign_in: SignInTicket | None,
) -> Delegation | None:
    """The ticket that calling as the expert takes, asked for once the portal would let her.

    Before the decision that counts, since that is taken within a transaction and behind locks.
    """
    if offer.authority != Authority.DELEGATED:
        return None
    decision = explain(
        account,
        computer,
        Mode(offer.mode),
        now=now,
        asked=asked_of(offer, now, is_released=False),
        authority=Authority.DELEGATED,
    )
    return delegate(account, computer, sign_in, now=now) if decision.is_allowed else None
