"""What a worker does with a queued offer: contact the novice's computer, once."""

from __future__ import annotations

import uuid
from datetime import datetime

import structlog
from django.conf import settings
from django.db import DatabaseError, transaction
from django.utils import timezone

from assist import audit, invitations
from assist.actors import Actor
from assist.authority import handing
from assist.eligibility import explain
from assist.errors import NotConfigured, NotRecorded, OfferConflict
from assist.lifecycle import Authority, Mode, State
from assist.models import Evidence, LogonSessionChoice, Offer
from assist.offers.deciding import asked_of, refuse
from assist.offers.evidence import settle
from assist.offers.following import PositionReading, follow, reader_credential
from assist.offers.transitions import contact_time, move
from assist.offers.validation import is_same_user
from assist.remote_assistance.client import (
    CallLimits,
    Credential,
    KeytabCredential,
    LogonSession,
    Means,
    NoviceTarget,
    list_logon_sessions,
    start_remote_assistance,
    with_ticket,
)
from assist.remote_assistance.connection_string import parse_connection_string
from assist.remote_assistance.contact import NTLM
from assist.remote_assistance.errors import AccessDenied, RemoteAssistanceError
from assist.remote_assistance.event_log import LogPosition
from directory.addresses import address_of
from directory.comparison import fold_name
from directory.errors import PortalError
from directory.models import Account

log = structlog.get_logger()

# How each failure of the client ends an offer; what is not named here is FAILED.
ENDS_BY_CODE = {
    "unreachable": State.UNREACHABLE,
    "timed_out": State.UNREACHABLE,
    "unknown_address": State.UNREACHABLE,
    "access_denied": State.BLOCKED,
    "disabled_by_policy": State.BLOCKED,
    "busy": State.BUSY,
    "no_such_session": State.NOBODY,
}
REMEDY_OF_HELPERS = (
    "The portal's picture of the helper list differs from what is in force there: wait until the "
    "policy has arrived, and check the group Offer Remote Assistance Helpers on the computer."
)
_PORTAL = Actor.portal()


def offer_contact(offer_id: uuid.UUID, now: datetime | None = None) -> None:
    """Contact the computer of an offer and bring the offer to what came of it.

    Runs in a worker; running it twice, or after the offer was cancelled, does nothing the second
    time. No transaction is open while the network is used.

    Args:
        offer_id: The offer.
        now: When it is taken up, an aware time; the present if None.
    """
    known = Offer.objects.select_related("expert__domain", "computer__domain")
    offer = known.filter(pk=offer_id).first()
    if offer is None:
        log.warning("no such offer", offer_id=str(offer_id))
        return
    if not _claim(offer, now or timezone.now()):
        return
    with structlog.contextvars.bound_contextvars(offer_id=str(offer_id)):
        try:
            _contact(offer)
        except OfferConflict:
            log.info("offer moved on meanwhile", state=offer.state)
        except PortalError as error:
            _end_by(offer, error)
        except Exception:
            log.exception("contacting the computer broke")
            _end_by(
                offer,
                PortalError(
                    "The portal made a mistake while contacting the computer.",
                    remedy="Try again; if it happens again, show the offer to the operator.",
                ),
            )


def _claim(offer: Offer, now: datetime) -> bool:
    """Take the offer for this worker alone; false when there is nothing to take."""
    if offer.is_handed_off:
        return False  # the expert's own Windows makes the call
    if offer.state == State.QUEUED:
        try:
            move(
                offer,
                State.CONTACTING,
                actor=_PORTAL,
                now=now,
                claimed_at=now,
                attempts=offer.attempts + 1,
            )
        except OfferConflict:
            return False
        return True
    if offer.state != State.CONTACTING or offer.starting_at is not None:
        return False
    # After a choice of session, or after a worker was lost: the state is here already.
    won = Offer.objects.filter(
        pk=offer.pk,
        state=State.CONTACTING.value,
        attempts=offer.attempts,
        claimed_at__isnull=True,
        starting_at__isnull=True,
    ).update(
        claimed_at=now,
        attempts=offer.attempts + 1,
        deadline_at=now + contact_time(),
    )
    if not won:
        return False
    offer.refresh_from_db()
    return True


def _contact(offer: Offer) -> None:
    if offer.expert is None or offer.computer is None:
        raise PortalError(
            "The directory does not know the expert or the computer any more.",
            remedy="Ask for the offer anew.",
        )
    invitations.require_keys()  # before, not after, the novice's computer was bothered
    now = timezone.now()
    decision = explain(
        offer.expert,
        offer.computer,
        Mode(offer.mode),
        now=now,
        offer_id=offer.pk,
        asked=asked_of(offer, now, is_released=True),
        authority=Authority(offer.authority),
    )
    offer.contact_decision = decision.to_json()  # written with what comes of it
    if not decision.is_allowed:
        _write(offer, contact_decision=offer.contact_decision)
        refuse(offer, decision, now=timezone.now())
        return
    address = address_of(offer.computer)
    _write(offer, contact_decision=offer.contact_decision, address=address.ip)
    target = NoviceTarget(
        dns_name=address.dns_name, address=address.ip, other_addresses=address.others
    )
    limits = call_limits()
    credential = with_ticket(target, _credential(offer), limits)
    # Beside the contact, so that the expert does not wait for it.
    reading = None
    if settings.EVENT_LOG_FOLLOW and settings.SERVICE_PRINCIPAL:
        is_own = offer.authority == Authority.SERVICE
        reading = PositionReading(target, credential if is_own else reader_credential())
    means = Means()
    sessions = list_logon_sessions(target, credential, limits, means)
    if means.address and means.address != address.ip:
        _write(offer, address=means.address)
    session = _choose(offer, sessions)
    if session is None:
        return
    position = None if reading is None else reading.result(offer)
    _mark_start(offer, session, means, position)
    text = start_remote_assistance(
        target, credential, session, limits, means, _helper_name(offer.expert)
    )
    # What no viewer could open is an error here, not on the expert's desk.
    parse_connection_string(text).to_version_1()
    _invite(offer, text, means)


def _credential(offer: Offer) -> Credential:
    """What the call is made with.

    Raises:
        TicketGone: The expert's ticket for this computer is not there any more.
    """
    if offer.authority == Authority.DELEGATED:
        return handing.take(offer, now=timezone.now())
    return service_credential()


def service_credential() -> KeytabCredential:
    """The portal's own account, by its keytab: the authority *service*.

    Raises:
        NotConfigured: It has none.
    """
    if not settings.SERVICE_PRINCIPAL:
        raise NotConfigured(
            "The portal has no account of its own to call computers with.",
            remedy="Set SERVICE_PRINCIPAL and SERVICE_KEYTAB_FILE, if it shall.",
        )
    return KeytabCredential(
        principal=settings.SERVICE_PRINCIPAL,
        keytab_path=settings.SERVICE_KEYTAB_FILE,
        may_use_ntlm=settings.SERVICE_NTLM_ALLOWED,
    )


def call_limits() -> CallLimits:
    """The limits of one contact, from the settings."""
    return CallLimits(
        connect_seconds=settings.CONTACT_CONNECT_TIMEOUT_SECONDS,
        call_seconds=settings.CONTACT_CALL_TIMEOUT_SECONDS,
        total_seconds=settings.CONTACT_TOTAL_TIMEOUT_SECONDS,
    )


def _choose(offer: Offer, sessions: tuple[LogonSession, ...]) -> LogonSession | None:
    """The one logon session to start in; None when the offer went elsewhere instead."""
    now = timezone.now()
    candidates = list(sessions)
    if offer.wanted_user:
        candidates = [
            session
            for session in sessions
            if is_same_user(offer.wanted_user, session.domain_name, session.user_name)
        ]
    if offer.logon_session_id is not None:
        candidates = [
            session
            for session in candidates
            if session.session_id == offer.logon_session_id
            and is_same_user(offer.novice_name, session.domain_name, session.user_name)
        ]
    if not candidates:
        sentence, remedy = _nobody(offer, sessions)
        move(offer, State.NOBODY, actor=_PORTAL, now=now, sentence=sentence, remedy=remedy)
        return None
    if len(candidates) == 1:
        return candidates[0]
    with transaction.atomic():
        LogonSessionChoice.objects.filter(offer=offer).delete()
        LogonSessionChoice.objects.bulk_create(
            LogonSessionChoice(
                offer=offer,
                domain_name=session.domain_name,
                user_name=session.user_name,
                session_id=session.session_id,
            )
            for session in candidates
        )
        move(
            offer,
            State.CHOOSING,
            actor=_PORTAL,
            now=now,
            sentence=f"{len(candidates)} users are logged on: choose whom to help.",
            personal={"logon_sessions": ", ".join(map(_name, candidates))},
        )
    return None


def _nobody(offer: Offer, sessions: tuple[LogonSession, ...]) -> tuple[str, str]:
    remedy = "Windows lists active logon sessions only: idle and disconnected users do not count."
    if offer.logon_session_id is not None:
        sentence = f"{offer.novice_name} is not logged on to {offer.computer_name} any more."
    elif offer.wanted_user and sessions:
        sentence = f"{offer.wanted_user} is not logged on to {offer.computer_name}; others are."
        remedy = "Ask for the offer without naming a user to choose among those logged on."
    else:
        sentence = f"Nobody is logged on to {offer.computer_name}."
    return sentence, remedy


def _mark_start(
    offer: Offer,
    session: LogonSession,
    means: Means,
    position: LogPosition | PortalError | None,
) -> None:
    """Commit the marker before the call that starts Remote Assistance there.

    From here on a lost worker may have started it, so the offer is never tried again by itself.

    Raises:
        OfferConflict: The offer is not this worker's any more.
        NotRecorded: The marker or its audit event could not be written.
    """
    now = timezone.now()
    novice = f"{session.domain_name}\\{session.user_name}"
    columns = {
        "starting_at": now,
        "logon_session_id": session.session_id,
        "novice_name": novice,
        "novice_sid": _sid_of(session),
    }
    before = {name: getattr(offer, name) for name in columns}
    try:
        with transaction.atomic():
            mine = Offer.objects.filter(
                pk=offer.pk,
                state=State.CONTACTING.value,
                attempts=offer.attempts,
                starting_at__isnull=True,
            )
            if mine.update(**columns) != 1:
                raise OfferConflict("The offer moved on meanwhile.")
            for name, value in columns.items():
                setattr(offer, name, value)
            handing.wipe(offer, now=now)  # the call is the last that may be made with it
            audit.record(
                "offer.starting",
                actor=_PORTAL,
                offer=offer,
                data={
                    "logon_session_id": session.session_id,
                    "address": offer.address or "",
                    "authority": offer.authority,
                    "authentication": means.authentication,
                    "interface": means.interface,
                    "principal": _principal(offer),
                },
                personal={"novice": novice, "novice_sid": offer.novice_sid},
                now=now,
            )
            follow(offer, position, now)
    except DatabaseError as error:
        # Nothing was committed, so nothing was started there.
        for name, value in before.items():
            setattr(offer, name, value)
        raise NotRecorded from error


def _principal(offer: Offer) -> str:
    """Whom the computer sees."""
    if offer.authority == Authority.DELEGATED:
        return offer.expert_name
    return str(settings.SERVICE_PRINCIPAL)


def _invite(offer: Offer, connection_string: str, means: Means) -> None:
    now = timezone.now()
    by_ntlm = " The computer was called by NTLM: the domain has no Kerberos ticket for it."
    with transaction.atomic():
        invitations.keep(offer, connection_string, now=now)
        move(
            offer,
            State.OFFERED,
            actor=_PORTAL,
            now=now,
            sentence=f"Remote Assistance runs on {offer.computer_name} for {offer.novice_name}; "
            "the user is asked when the invitation is opened."
            + (by_ntlm if means.authentication == NTLM else ""),
            data={"authentication": means.authentication, "interface": means.interface},
            offered_at=now,
        )
    if Evidence.objects.filter(offer=offer).exists():  # Windows told more quickly than we wrote
        settle(offer.pk, now=now)


def _end_by(offer: Offer, error: PortalError) -> None:
    """End the offer by what went wrong; leave it where it is if it has moved on."""
    state = ENDS_BY_CODE.get(error.code, State.FAILED)
    sentence, remedy = error.sentence, error.remedy
    if isinstance(error, AccessDenied) and offer.authority == Authority.DELEGATED:
        sentence = f"The computer refused: {offer.expert_name} is not a helper there."
        remedy = REMEDY_OF_HELPERS
    # Only the client knows whether its request may have arrived; anything else that breaks after
    # the marker may have broken after Remote Assistance was started.
    started = offer.starting_at is not None and (
        error.may_have_started if isinstance(error, RemoteAssistanceError) else True
    )
    if started and state not in (State.BUSY, State.BLOCKED, State.NOBODY):
        state = State.INTERRUPTED
        remedy = "Remote Assistance may have started on the computer. Ask the user, then try again."
    try:
        move(
            offer,
            state,
            actor=_PORTAL,
            now=timezone.now(),
            sentence=sentence,
            remedy=remedy,
            code=error.code,
            contact_decision=offer.contact_decision,
        )
    except OfferConflict:
        log.info("offer moved on meanwhile", code=error.code)


def _write(offer: Offer, **columns: object) -> None:
    """Write columns that are not the state, while the offer is still this worker's.

    Raises:
        OfferConflict: It is not.
    """
    mine = Offer.objects.filter(pk=offer.pk, state=State.CONTACTING.value, attempts=offer.attempts)
    if mine.update(**columns) != 1:
        raise OfferConflict("The offer moved on meanwhile.")
    for name, value in columns.items():
        setattr(offer, name, value)


def _sid_of(session: LogonSession) -> str:
    """The novice's SID, or nothing where the directory does not know him."""
    accounts = Account.objects.filter(
        domain__netbios_name_folded=fold_name(session.domain_name),
        sam_account_name_folded=fold_name(session.user_name),
        is_present=True,
    )
    return accounts.values_list("sid", flat=True).first() or ""


def _helper_name(expert: Account) -> str:
    """Whom the older interface tells the novice's computer."""
    return f"{expert.domain.netbios_name}\\{expert.sam_account_name}"


def _name(session: LogonSession) -> str:
    return f"{session.domain_name}\\{session.user_name}:{session.session_id}"
