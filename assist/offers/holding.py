"""Held offers: released when their time has come and whoever has to has approved."""

from __future__ import annotations

from datetime import datetime, timedelta

import structlog
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone

from assist import audit
from assist.actors import Actor
from assist.eligibility import explain
from assist.errors import InvalidInput, NotAllowed, OfferConflict, OfferNotFound
from assist.lifecycle import Authority, Mode, State
from assist.models import Approval, Offer, ProtectionRule
from assist.offers.deciding import (
    asked_of,
    lead_on,
    note_decision,
    refuse,
    set_held_deadline,
)
from assist.offers.limits import take_turns
from assist.offers.transitions import move
from assist.offers.validation import require_reason
from directory.membership import group_paths

log = structlog.get_logger()


def release_due(now: datetime) -> None:
    """Release every held offer whose time has come and that waits for no approval.

    An approval that a rule no longer asks for, because it was taken away or switched off, is not
    waited for.

    Args:
        now: An aware time.
    """
    held = Offer.objects.held().filter(deadline_at__gt=now)
    due = held.filter(Q(start_at__isnull=True) | Q(start_at__lte=now))
    waiting = Approval.objects.filter(state=Approval.State.WAITING, rule__is_enabled=True)
    for offer in due.exclude(pk__in=waiting.values("offer_id")).order_by("requested_at"):
        try:
            offer_release(offer, now=now)
        except Exception:  # one that cannot be decided keeps no other waiting; it expires
            log.exception("releasing the offer broke", offer_id=str(offer.pk))


def offer_release(offer: Offer, *, now: datetime) -> None:
    """Decide anew on a held offer and let it go on, or refuse it.

    Safe to call at any time and by several at once: what still waits stays.

    Args:
        offer: A held offer.
        now: An aware time.
    """
    try:
        with transaction.atomic():
            _release(offer, now)
    except OfferConflict:
        log.info("offer moved on meanwhile", offer_id=str(offer.pk))
    except IntegrityError:
        # Somebody else's offer to the computer came first; the decision sees it now.
        offer.refresh_from_db()
        with transaction.atomic():
            _release(offer, now)


def _release(offer: Offer, now: datetime) -> None:
    take_turns(offer)
    offer.refresh_from_db()
    if offer.state != State.HELD:
        return
    if offer.expert is None or offer.computer is None:
        move(
            offer,
            State.REFUSED,
            actor=Actor.portal(),
            now=now,
            code="directory.gone",
            sentence="The directory does not know the expert or the computer any more.",
            remedy="Ask for the offer anew.",
        )
        return
    decision = explain(
        offer.expert,
        offer.computer,
        Mode(offer.mode),
        now=now,
        offer_id=offer.pk,
        asked=asked_of(offer, now, is_released=False),
        authority=Authority(offer.authority),
    )
    offer.release_decision = decision.to_json()
    Offer.objects.filter(pk=offer.pk).update(release_decision=offer.release_decision)
    note_decision(offer, offer.release_decision, now=now)
    if decision.is_allowed:
        lead_on(offer, decision, now=now)
        if offer.state == State.HELD:
            set_held_deadline(offer, now)
    else:
        refuse(offer, decision, now=now)


def offer_approve(
    *, actor: Actor, offer: Offer, reason: str = "", now: datetime | None = None
) -> Offer:
    """A second person lets a held offer go on, as far as the rules leave it to her.

    Args:
        actor: Whoever approves; never the expert herself.
        offer: A held offer.
        reason: Why, for the audit trail.
        now: An aware time; the present if None.

    Returns:
        The offer: queued, refused by the decision taken anew, or held for its time or for somebody
        else's approval.

    Raises:
        NotAllowed: The expert herself, or nobody whom a rule names.
        OfferConflict: It waits for no approval any more.
        InvalidInput: The reason cannot be used.
    """
    now, reason = now or timezone.now(), require_reason(reason)
    with transaction.atomic():
        take_turns(offer)
        for approval in _mine(actor, offer):
            _decide(approval, Approval.State.APPROVED, actor, reason, now)
        offer.refresh_from_db()
        set_held_deadline(offer, now)
    if offer.start_at is None or offer.start_at <= now:
        offer_release(offer, now=now)
    offer.refresh_from_db()
    return offer


def offer_disapprove(
    *, actor: Actor, offer: Offer, reason: str, now: datetime | None = None
) -> Offer:
    """A second person refuses a held offer, which ends it.

    Args:
        actor: Whoever may approve it.
        offer: A held offer.
        reason: Why; the expert reads it.
        now: An aware time; the present if None.

    Raises:
        NotAllowed: The expert herself, or nobody whom a rule names.
        OfferConflict: It waits for no approval any more.
        InvalidInput: No reason, or one that cannot be used.
    """
    now, reason = now or timezone.now(), require_reason(reason)
    if not reason:
        raise InvalidInput(
            "A refusal needs a reason.", remedy="Say why; the expert reads it.", field="reason"
        )
    sentence = f"{actor.name} did not approve the offer: {reason}"
    with transaction.atomic():
        take_turns(offer)
        for approval in _mine(actor, offer):
            _decide(approval, Approval.State.REFUSED, actor, reason, now)
        offer.refresh_from_db()
        move(
            offer,
            State.REFUSED,
            actor=actor,
            now=now,
            code="approval.refused",
            sentence=sentence,
            remedy=f"Talk to {actor.name}.",
            personal={"reason": reason, "sentence": sentence},
        )
    return offer


def approvals_for(actor: Actor) -> list[Offer]:
    """The held offers that an actor may approve or refuse, the oldest first.

    Args:
        actor: Anybody.
    """
    waiting = Approval.objects.filter(state=Approval.State.WAITING, offer__state=State.HELD)
    rules = {
        rule.pk
        for rule in ProtectionRule.objects.filter(
            pk__in=waiting.exclude(rule=None).values("rule_id").distinct()
        )
        if may_approve(actor, rule)
    }
    offers = waiting.filter(rule_id__in=rules).exclude(expert_sid=actor.sid).values("offer_id")
    return list(
        Offer.objects.filter(pk__in=offers)
        .select_related("computer__domain", "computer__ou")
        .prefetch_related("approvals")
        .order_by("requested_at")
    )


def may_approve(actor: Actor, rule: ProtectionRule) -> bool:
    """Whether an actor is one of those to whom a rule leaves it."""
    if not rule.approver_group_sid:
        return actor.may_approve
    if actor.account is None:
        return False
    return any(path.group.sid == rule.approver_group_sid for path in group_paths(actor.account))


def may_approve_anything(actor: Actor) -> bool:
    """Whether the page of approvals is anything to an actor: by a role, or by a rule's group."""
    if actor.may_approve:
        return True
    rules = ProtectionRule.objects.filter(is_enabled=True, needs_approval=True)
    sids = set(rules.exclude(approver_group_sid="").values_list("approver_group_sid", flat=True))
    if not sids or actor.account is None:
        return False
    return any(path.group.sid in sids for path in group_paths(actor.account))


def _mine(actor: Actor, offer: Offer) -> list[Approval]:
    """The approvals of an offer that the actor may give or refuse.

    Raises:
        OfferNotFound: There is none that is the actor's, which says nothing of the offer.
        NotAllowed: The offer is her own.
        OfferConflict: The offer waits for none any more.
    """
    if not actor.sid:
        raise OfferNotFound
    if actor.sid == offer.expert_sid:
        raise NotAllowed(
            "Nobody approves an offer of her own.",
            remedy="Ask somebody else who may approve.",
        )
    offer.refresh_from_db()
    # Those decided already are looked at too: whoever comes second is told, not turned away.
    asked = list(offer.approvals.select_related("rule").exclude(rule=None))
    allowed = {each.rule_id for each in asked if each.rule and may_approve(actor, each.rule)}
    if not allowed:
        raise OfferNotFound
    found = [
        each for each in asked if each.rule_id in allowed and each.state == Approval.State.WAITING
    ]
    if offer.state != State.HELD or not found:
        raise OfferConflict(
            "The offer does not wait for your approval any more.",
            remedy="Look at what is left under Approvals.",
        )
    return found


def _decide(
    approval: Approval, state: Approval.State, actor: Actor, reason: str, now: datetime
) -> None:
    minutes = approval.rule.approval_minutes if approval.rule else 0
    is_lasting = state is Approval.State.APPROVED and minutes > 0
    valid_until = now + timedelta(minutes=minutes) if is_lasting else None
    won = Approval.objects.filter(pk=approval.pk, state=Approval.State.WAITING).update(
        state=state,
        decided_at=now,
        approver_sid=actor.sid,
        approver_name=actor.name,
        reason=reason,
        valid_until=valid_until,
    )
    if won != 1:
        raise OfferConflict(
            "Somebody else was quicker.", remedy="Look at what is left under Approvals."
        )
    audit.record(
        f"approval.{state.value}",
        actor=actor,
        offer=approval.offer,
        data={
            "rule": approval.rule_name,
            "valid_until": valid_until.isoformat() if valid_until else "",
        },
        personal={"reason": reason},
        now=now,
    )
