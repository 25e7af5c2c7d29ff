"""The authority *handoff*: the portal decides and signs, the expert's own Windows calls.

A link may be made anew until a launcher has had one confirmed. That is the marker before Remote
Assistance is started: no second one follows for the offer.
"""

from __future__ import annotations

import hashlib
import secrets
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from assist import audit, launch_links
from assist.actors import Actor
from assist.eligibility import explain
from assist.errors import InvalidInput, LaunchRefused, NotAllowed, OfferConflict
from assist.lifecycle import Authority, Mode, State
from assist.models import EvidenceKind, EvidenceSource, Grade, LaunchLink, Offer
from assist.offers.deciding import asked_of, note_decision, refuse
from assist.offers.evidence import add, settle
from assist.offers.limits import take_turns
from assist.offers.reading import require_own
from assist.offers.transitions import move

REPORTS = ("started", "failed", "ended")


@dataclass(frozen=True)
class Launch:
    """A link, shown once.

    Attributes:
        url: Of the launcher's scheme.
        expires_at: An aware time.
    """

    url: str
    expires_at: datetime


@dataclass(frozen=True)
class Confirmation:
    """What a launcher is told about the link it was started with.

    Attributes:
        offer_id: The offer.
        computer: DNS name that Remote Assistance is to be offered to.
        report_token: With which it says what came of it.
    """

    offer_id: uuid.UUID
    computer: str
    report_token: str


def launch_link_make(*, actor: Actor, offer: Offer, now: datetime | None = None) -> Launch | None:
    """Sign a launch link for an offer, deciding anew; older links of the offer end.

    Args:
        actor: The expert whom the offer belongs to.
        offer: Of the authority *handoff*, queued or handed off without a launcher having come.
        now: An aware time; the present if None.

    Returns:
        The link; None where the decision now refuses a queued offer, which has ended thereby.

    Raises:
        OfferNotFound: The offer is not the actor's own.
        OfferConflict: It is not to be handed off, or a launcher has come already.
        NotAllowed: The decision now refuses an offer that was handed off before.
        NotConfigured: There is no key to sign with.
    """
    require_own(actor, offer)
    now = now or timezone.now()
    launch_links.signing_key()  # before anything is written
    with transaction.atomic():
        take_turns(offer)
        offer.refresh_from_db()
        computer = _require_launchable(offer)
        if not _is_allowed(offer, actor, now):
            return None
        if offer.state == State.QUEUED:
            move(
                offer,
                State.OFFERED,
                actor=actor,
                now=now,
                sentence=f"Handed off: {offer.expert_name}'s own Windows offers help on "
                f"{offer.computer_name}, once the launcher is started.",
                offered_at=now,
            )
        token = secrets.token_urlsafe(32)
        expires_at = now + timedelta(seconds=settings.LAUNCH_LINK_LIFETIME_SECONDS)
        offer.links.filter(expires_at__gt=now).update(expires_at=now)
        LaunchLink.objects.create(
            offer=offer, digest=_digest(token), created_at=now, expires_at=expires_at
        )
        audit.record(
            "launch.signed",
            actor=actor,
            offer=offer,
            data={"computer": computer, "expires_at": expires_at.isoformat()},
            now=now,
        )
    return Launch(launch_links.launch_link(offer.pk, computer, token, expires_at), expires_at)


def launch_confirm(
    *, token: str, source_address: str | None = None, now: datetime | None = None
) -> Confirmation:
    """Use up a launch token, on the launcher's question.

    Args:
        token: Of the link.
        source_address: Where the launcher is.
        now: An aware time; the present if None.

    Raises:
        LaunchRefused: Unknown, used, too late, or the offer has moved on: which is not said.
    """
    now = now or timezone.now()
    report_token = secrets.token_urlsafe(32)
    with transaction.atomic():
        link = LaunchLink.objects.select_related("offer__computer").filter(digest=_digest(token))
        found = link.filter(confirmed_at=None, expires_at__gt=now).first()
        if found is None or found.offer.computer is None:
            raise LaunchRefused
        offer, computer = found.offer, found.offer.computer.dns_name
        # The marker; whoever comes second finds it.
        marked = Offer.objects.filter(
            pk=offer.pk, state=State.OFFERED.value, starting_at__isnull=True
        ).update(
            starting_at=now,
            deadline_at=now + timedelta(seconds=settings.OPENING_TIMEOUT_SECONDS),
        )
        used = LaunchLink.objects.filter(pk=found.pk, confirmed_at=None).update(
            confirmed_at=now,
            launcher_address=source_address,
            report_digest=_digest(report_token),
        )
        if not marked or not used or not launch_links.is_launchable(computer):
            raise LaunchRefused
        audit.record(
            "offer.starting",
            actor=_launcher(source_address),
            offer=offer,
            data={"authority": offer.authority, "principal": offer.expert_name},
            now=now,
        )
    return Confirmation(offer.pk, computer, report_token)


def launch_report(
    *,
    token: str,
    event: str,
    exit_code: int | None = None,
    source_address: str | None = None,
    now: datetime | None = None,
) -> None:
    """Take what a launcher says became of Remote Assistance; a repeated report changes nothing.

    It runs on the expert's computer, so it weighs what her own word weighs.

    Args:
        token: The report token.
        event: ``started``, ``failed`` (it could not be started) or ``ended``.
        exit_code: Of msra.exe, at the end; Microsoft documents none.
        source_address: Where the launcher is.
        now: An aware time; the present if None.

    Raises:
        LaunchRefused: The token is not known.
        InvalidInput: There is no such event.
    """
    now = now or timezone.now()
    if event not in REPORTS:
        raise InvalidInput(
            "That is nothing a launcher reports.",
            remedy=f"Report one of {', '.join(REPORTS)}.",
            field="event",
        )
    link = LaunchLink.objects.select_related("offer").filter(report_digest=_digest(token)).first()
    if link is None:
        raise LaunchRefused
    actor = _launcher(source_address)
    with transaction.atomic():
        if event == "started":
            _note_start(link, actor, now)
        elif event == "ended":
            _note_end(link, actor, exit_code, now)
        else:
            _note_failure(link, actor, now)
    settle(link.offer.pk, now=now)


def _note_start(link: LaunchLink, actor: Actor, now: datetime) -> None:
    if LaunchLink.objects.filter(pk=link.pk, started_at=None).update(started_at=now):
        sentence = "The launcher started msra.exe on the expert's computer."
        _evidence(link, EvidenceKind.STARTED, sentence, actor, now)


def _note_end(link: LaunchLink, actor: Actor, exit_code: int | None, now: datetime) -> None:
    ended = LaunchLink.objects.filter(pk=link.pk, ended_at=None)
    if ended.update(ended_at=now, exit_code=exit_code):
        code = "" if exit_code is None else f", exit code {exit_code}"
        sentence = f"msra.exe ended on the expert's computer{code}."
        _evidence(link, EvidenceKind.ENDED, sentence, actor, now)


def _note_failure(link: LaunchLink, actor: Actor, now: datetime) -> None:
    ended = LaunchLink.objects.filter(pk=link.pk, ended_at=None, started_at=None)
    if not ended.update(ended_at=now):
        return
    try:
        move(
            link.offer,
            State.FAILED,
            actor=actor,
            now=now,
            code="not_launched",
            sentence="The launcher could not start msra.exe on the expert's computer.",
            remedy="See that Windows Remote Assistance is installed there, then try again.",
        )
    except OfferConflict:
        return  # cancelled meanwhile


def _evidence(
    link: LaunchLink, kind: EvidenceKind, sentence: str, actor: Actor, now: datetime
) -> None:
    add(
        link.offer,
        kind,
        source=EvidenceSource.LAUNCHER,
        grade=Grade.STATED,
        sentence=sentence,
        at=now,
        actor=actor,
        now=now,
    )


def _require_launchable(offer: Offer) -> str:
    """The DNS name of the computer, if a link may be signed for the offer's state.

    Raises:
        OfferConflict: It may not.
    """
    if not offer.is_handed_off or offer.state not in (State.QUEUED, State.OFFERED):
        raise OfferConflict(
            "The offer is not to be started by a launcher now.",
            remedy="Look at the offer's present state.",
        )
    if offer.starting_at is not None:
        raise OfferConflict(
            "The launcher has been started already.",
            remedy="Cancel the offer and try again if Remote Assistance did not open.",
        )
    name = offer.computer.dns_name if offer.computer else ""
    if not launch_links.is_launchable(name):
        raise OfferConflict(
            f"{offer.computer_name} has no DNS name that Windows could be given.",
            remedy="Whoever administers the domain can set dNSHostName of the computer.",
        )
    return name


def _is_allowed(offer: Offer, actor: Actor, now: datetime) -> bool:
    """Decide anew; the portal signs for nothing it would refuse.

    Raises:
        NotAllowed: The offer was handed off before and would be refused now.
    """
    if offer.expert is None or offer.computer is None:
        return False
    decision = explain(
        offer.expert,
        offer.computer,
        Mode(offer.mode),
        now=now,
        offer_id=offer.pk,
        asked=asked_of(offer, now, is_released=True),
        authority=Authority.HANDOFF,
    )
    offer.contact_decision = decision.to_json()
    Offer.objects.filter(pk=offer.pk).update(contact_decision=offer.contact_decision)
    note_decision(offer, offer.contact_decision, request_id=actor.request_id, now=now)
    if decision.is_allowed:
        return True
    if offer.state == State.QUEUED:
        refuse(offer, decision, now=now, request_id=actor.request_id)
        return False
    reason = decision.decisive
    raise NotAllowed(decision.sentence, remedy=reason.remedy if reason else "")


def _launcher(source_address: str | None) -> Actor:
    return Actor(sid="", name="launcher", source_address=source_address)


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
