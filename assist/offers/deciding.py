"""The decision on an offer, and where it leads: on its way, into waiting, or to its end."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.utils import timezone

from assist import audit, enqueue
from assist.actors import Actor
from assist.authority import handing
from assist.authority.delegating import Delegation
from assist.eligibility import Asked, explain
from assist.eligibility.decision import Decision
from assist.eligibility.protection import APPROVAL_NEEDED
from assist.lifecycle import Authority, Mode, State
from assist.models import Approval, Offer
from assist.offers.limits import take_turns, watch_bursts
from assist.offers.transitions import move, note_step
from directory.models import Account, Computer


def decide_at_request(
    offer: Offer,
    actor: Actor,
    account: Account,
    computer: Computer,
    *,
    now: datetime,
    delegation: Delegation | None = None,
) -> None:
    """Decide on a new offer and record it, within the caller's transaction.

    Args:
        offer: Not saved yet.
        actor: The expert.
        account: Hers.
        computer: The computer.
        now: An aware time.
        delegation: What the domain said of calling as the expert, if it was asked.

    Raises:
        IntegrityError: Another offer took its place on the computer meanwhile.
    """
    take_turns(offer)
    # A program that calls the API is not where the expert is.
    address = actor.source_address if offer.door == "page" else None
    decision = explain(
        account,
        computer,
        Mode(offer.mode),
        now=now,
        expert_address=address,
        asked=asked_of(offer, now, is_released=False),
        authority=Authority(offer.authority),
    )
    if delegation is not None:
        decision = delegation.added_to(decision)
    offer.decision = decision.to_json()
    offer.unit_guid = computer.ou_id
    offer.unit_name = computer.ou.distinguished_name if computer.ou else ""
    team = decision.team
    offer.team_sid, offer.team_name = (team.id, team.name) if team else ("", "")
    offer.state = State.REQUESTED.value
    offer.save(force_insert=True)
    note_step(
        offer,
        "",
        actor=actor,
        now=now,
        data=_asked_for(offer),
        personal={"reason": offer.reason},  # whatever she typed
    )
    note_decision(offer, offer.decision, request_id=actor.request_id, now=now)
    watch_bursts(offer, now=now)
    if decision.is_allowed:
        if delegation is not None and delegation.ticket is not None:
            handing.hand_over(offer, delegation.ticket, now=now)
        lead_on(offer, decision, now=now, request_id=actor.request_id)
    else:
        refuse(offer, decision, now=now, request_id=actor.request_id)


def note_decision(
    offer: Offer, decision: Mapping[str, Any], *, request_id: str = "", now: datetime
) -> None:
    """The audit event of a decision."""
    audit.record(
        "offer.decided",
        actor=Actor.portal(request_id),
        offer=offer,
        data={"decision": decision},
        now=now,
    )


def asked_of(offer: Offer, now: datetime, *, is_released: bool) -> Asked:
    """What an offer says of itself, for the decision.

    Args:
        offer: The offer.
        now: An aware time; hours are asked for a start that lies ahead, else for the moment.
        is_released: Nothing is left to wait for.
    """
    at = offer.start_at if offer.start_at and offer.start_at > now else None
    return Asked(ticket=offer.ticket, reason=offer.reason, at=at, is_released=is_released)


def lead_on(offer: Offer, decision: Decision, *, now: datetime, request_id: str = "") -> None:
    """Queue an offer that is allowed, or have it wait for an approval or its time.

    Args:
        offer: ``requested`` or ``held``.
        decision: That allows it.
        now: An aware time.
        request_id: What joins the events to the request.
    """
    actor = Actor.portal(request_id)
    waits_for = _approvals_needed(offer, decision, now)
    is_early = offer.start_at is not None and offer.start_at > now
    if waits_for or is_early:
        if offer.state == State.HELD:
            return
        starts = f"It starts at {timezone.localtime(offer.start_at):%Y-%m-%d %H:%M %Z}."
        move(
            offer,
            State.HELD,
            actor=actor,
            now=now,
            sentence=" ".join(
                [f"It waits for an approval: {', '.join(waits_for)}."] * bool(waits_for)
                + [starts] * is_early
            ),
            data={"rules": waits_for, "start_at": _iso(offer.start_at)},
            let_through_at=now,
        )
        set_held_deadline(offer, now)
        return
    move(
        offer,
        State.QUEUED,
        actor=actor,
        now=now,
        sentence=decision.sentence,
        let_through_at=now,
    )
    if not offer.is_handed_off:
        enqueue.contact_novice(offer.pk, now=now)


def set_held_deadline(offer: Offer, now: datetime) -> None:
    """When waiting ends: for the approval first, then for a start that is not to be late."""
    start = offer.start_at or now
    if offer.approvals.filter(state=Approval.State.WAITING).exists():
        last = max(now + timedelta(seconds=settings.APPROVAL_TIMEOUT_SECONDS), start)
    else:
        last = start + timedelta(seconds=settings.LATE_START_TIMEOUT_SECONDS)
    Offer.objects.filter(pk=offer.pk, state=State.HELD.value).update(deadline_at=last)
    offer.deadline_at = last


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


def _approvals_needed(offer: Offer, decision: Decision, now: datetime) -> list[str]:
    """The names of the rules whose approval is missing; each is asked for once."""
    rules = {
        int(reference.id): reference.name
        for finding in decision.findings
        if finding.rule == APPROVAL_NEEDED
        for reference in finding.evidence
        if reference.kind == "rule"
    }
    waiting = offer.approvals.filter(state=Approval.State.WAITING)
    known = set(waiting.values_list("rule_id", flat=True))
    waiting.exclude(rule_id__in=rules).delete()  # a rule that asks no more
    Approval.objects.bulk_create(
        Approval(
            offer=offer,
            rule_id=rule,
            rule_name=name,
            expert_sid=offer.expert_sid,
            computer_id=offer.computer_id,
            mode=offer.mode,
            asked_at=now,
        )
        for rule, name in rules.items()
        if rule not in known
    )
    return sorted(rules.values())


def _asked_for(offer: Offer) -> dict[str, Any]:
    return {
        "door": offer.door,
        "mode": offer.mode,
        "authority": offer.authority,
        "target": offer.target,
        "wanted_user": offer.wanted_user,
        "start_at": _iso(offer.start_at),
        "retry_of": str(offer.retry_of_id or ""),
    }


def _iso(at: datetime | None) -> str:
    return at.isoformat() if at else ""
