"""A check that a person asked for: of one computer, with or without a look at its logon sessions.

The look activates RASrv there, as an offer does, and starts nothing a user would see. It is made
only for who may offer help on the computer, and recorded.
"""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta

import structlog
from django.db import transaction
from django.utils import timezone

from assist import audit, enqueue
from assist.actors import Actor
from assist.eligibility import explain
from assist.errors import NotAllowed
from assist.lifecycle import Mode
from assist.models import ComputerReadiness
from assist.offers.contact import call_limits, service_credential
from assist.readiness.checking import check, store
from assist.readiness.facts import LiveFacts, NameFacts
from assist.remote_assistance.client import NoviceTarget, list_logon_sessions
from assist.remote_assistance.errors import RemoteAssistanceError
from directory.models import Account, Computer

GIVE_UP = timedelta(minutes=2)  # after which a person may ask again
log = structlog.get_logger()


def readiness_request(
    *, actor: Actor, computer: Computer, with_sessions: bool = False, now: datetime | None = None
) -> ComputerReadiness:
    """Have a worker check a computer, unless a check that was asked for is under way.

    Args:
        actor: Who asks.
        computer: Of the directory.
        with_sessions: Also look who is logged on, which activates RASrv on the computer.
        now: An aware time; the present if None.

    Raises:
        NotAllowed: The look is only for who may offer help there.
    """
    now = now or timezone.now()
    if with_sessions:
        _require_helper(actor, computer, now)
    elif (waiting := _under_way(computer, now)) is not None:
        return waiting
    with transaction.atomic():
        readiness, _ = ComputerReadiness.objects.update_or_create(
            computer=computer, defaults={"requested_at": now, "request_failed": ""}
        )
        audit.record(
            "readiness.sessions_asked" if with_sessions else "readiness.check_asked",
            actor=actor,
            subject_kind="computer",
            subject_id=str(computer.pk),
            subject_name=computer.name,
            now=now,
        )
        enqueue.check_readiness(computer.pk, actor.sid if with_sessions else "")
    return readiness


def readiness_check(computer_guid: uuid.UUID, looker_sid: str = "") -> None:
    """Check one computer and store what was found. Runs in a worker; may run twice.

    Args:
        computer_guid: The computer.
        looker_sid: Who asked for a look at its logon sessions; empty: nobody.
    """
    computer = Computer.objects.select_related("domain", "ou").filter(pk=computer_guid).first()
    if computer is None:
        log.warning("no such computer", computer=str(computer_guid))
        return
    try:
        may_look = bool(looker_sid) and _may_help(looker_sid, computer, timezone.now())
        look = _look if may_look else None
        store(check([computer], now=timezone.now, look=look), now=timezone.now())
    except Exception:
        ComputerReadiness.objects.filter(pk=computer_guid).update(
            request_failed="The portal made a mistake while checking. Try again; if it happens "
            "again, tell the operator."
        )
        raise


def _under_way(computer: Computer, now: datetime) -> ComputerReadiness | None:
    """The check that was asked for and may still come about."""
    found = ComputerReadiness.objects.filter(pk=computer.pk).first()
    if found is None or not found.is_waiting or found.requested_at is None:
        return None
    return found if now - found.requested_at < GIVE_UP else None


def _require_helper(actor: Actor, computer: Computer, now: datetime) -> None:
    if actor.account is None:
        raise NotAllowed("Your account is not in the directory.")
    decision = explain(
        actor.account, computer, Mode.VIEW, now=now, expert_address=actor.source_address
    )
    if not decision.is_allowed:
        raise NotAllowed(
            f"You may not look who is logged on, because you may not offer help there: "
            f"{decision.sentence}",
            remedy="Ask somebody who may offer help on this computer.",
        )


def _may_help(sid: str, computer: Computer, now: datetime) -> bool:
    account = Account.objects.filter(sid=sid, is_present=True).first()
    return account is not None and explain(account, computer, Mode.VIEW, now=now).is_allowed


def _look(computer: Computer, names: NameFacts) -> LiveFacts:
    """Who is logged on, by GetSessionInfo at the address that was looked up."""
    if not names.permitted:
        return LiveFacts(None, "unreachable", "the name leads to no address that may be called.")
    target = NoviceTarget(
        dns_name=names.dns_name.lower(),
        address=names.permitted[0],
        other_addresses=tuple(names.permitted[1:]),
    )
    try:
        sessions = list_logon_sessions(target, service_credential(), call_limits())
    except RemoteAssistanceError as error:
        return LiveFacts(None, error.code, error.sentence, error.remedy)
    found = (f"{session.domain_name}\\{session.user_name}" for session in sessions)
    return LiveFacts(tuple(dict.fromkeys(found)))
