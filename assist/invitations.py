"""Invitations: kept encrypted for a few minutes, handed to one person, wiped."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from assist import audit
from assist.actors import Actor
from assist.errors import InvitationGone, NotConfigured, OfferNotFound
from assist.lifecycle import State
from assist.models import Invitation, LogFollowing, Offer
from assist.remote_assistance.connection_string import parse_connection_string
from assist.remote_assistance.invitation_file import new_password, write_freerdp, write_windows

WINDOWS = "windows"
FREERDP = "freerdp"


@dataclass(frozen=True)
class InvitationFile:
    """What the expert's browser downloads.

    Attributes:
        file_name: A name that file systems take.
        content: The .msrcIncident file.
        password: What FreeRDP asks for; None for Windows' own viewer.
    """

    file_name: str
    content: bytes
    password: str | None


def require_keys() -> None:
    """Make sure that an invitation could be kept.

    Raises:
        NotConfigured: There is no usable key to encrypt it with.
    """
    _keys()


def keep(offer: Offer, connection_string: str, *, now: datetime) -> None:
    """Encrypt and store what the novice's computer returned, within the caller's transaction.

    Args:
        offer: The offer it belongs to.
        connection_string: Connection string 2 as it came.
        now: An aware time.

    Raises:
        NotConfigured: There is no key to encrypt with.
    """
    keys = _keys()
    password = new_password() if offer.viewer == FREERDP else ""
    columns = {
        "connection_string": keys.encrypt(connection_string.encode()),
        "password": keys.encrypt(password.encode()) if password else b"",
        "created_at": now,
        "expires_at": now + timedelta(seconds=settings.INVITATION_LIFETIME_SECONDS),
        "wiped_at": None,
    }
    Invitation.objects.bulk_create(
        [Invitation(offer=offer, **columns)],
        update_conflicts=True,
        unique_fields=["offer"],
        update_fields=list(columns),
    )


def wipe(offer: Offer, *, now: datetime) -> None:
    """Empty both secrets of an offer's invitation, if that has not been done."""
    wiped = Invitation.objects.filter(offer=offer, wiped_at__isnull=True).update(
        connection_string=b"", password=b"", wiped_at=now
    )
    if wiped:
        audit.record("invitation.wiped", actor=Actor.portal(), offer=offer, now=now)


def wipe_expired(now: datetime) -> int:
    """Empty the secrets of every invitation whose time has passed; returns how many."""
    expired = Invitation.objects.filter(wiped_at__isnull=True, expires_at__lte=now)
    count = 0
    for invitation in expired.select_related("offer"):
        with transaction.atomic():
            wipe(invitation.offer, now=now)
        count += 1
    return count


@transaction.atomic
def invitation_take(*, actor: Actor, offer: Offer, now: datetime | None = None) -> InvitationFile:
    """The invitation as a file in the form for the viewer of this offer.

    Args:
        actor: Must be the expert whom the offer belongs to; a manager may read the offer but
            never has its invitation.
        offer: The offer.
        now: An aware time; the present if None.

    Returns:
        The file. It may be taken again until it expires; each time is an audit event.

    Raises:
        OfferNotFound: The offer is not the actor's own.
        InvitationGone: Not there yet, or not any more.
    """
    now = now or timezone.now()
    invitation = _open_invitation(actor, offer, now)
    text = _decrypt(invitation.connection_string)
    connection_string = parse_connection_string(text)
    password = _decrypt(invitation.password) if invitation.password else None
    novice_name = offer.novice_name or offer.computer_name
    lifetime = invitation.expires_at - invitation.created_at
    if password is None:
        content = write_windows(
            connection_string,
            novice_name=novice_name,
            now=invitation.created_at,
            lifetime=lifetime,
        )
    else:
        content = write_freerdp(
            connection_string,
            password=password,
            novice_name=novice_name,
            now=invitation.created_at,
            lifetime=lifetime,
        )
    LogFollowing.objects.filter(offer=offer).hasten(now)  # the expert opens it next
    audit.record(
        "invitation.taken", actor=actor, offer=offer, data={"viewer": offer.viewer}, now=now
    )
    return InvitationFile(f"{_safe(offer.computer_name)}.msrcIncident", content, password)


def invitation_password(*, actor: Actor, offer: Offer, now: datetime | None = None) -> str | None:
    """The password to show beside a FreeRDP invitation; None for Windows' own viewer.

    Raises:
        OfferNotFound: The offer is not the actor's own.
        InvitationGone: Not there yet, or not any more.
    """
    invitation = _open_invitation(actor, offer, now or timezone.now())
    return _decrypt(invitation.password) if invitation.password else None


def _open_invitation(actor: Actor, offer: Offer, now: datetime) -> Invitation:
    if not actor.sid or actor.sid != offer.expert_sid:
        raise OfferNotFound
    # The row is read anew: the offer in the caller's hand may be older than a wipe.
    invitation = (
        Invitation.objects.select_related("offer")
        .filter(offer_id=offer.pk, wiped_at__isnull=True, expires_at__gt=now)
        .filter(offer__state__in=[State.OFFERED.value, State.ANSWERING.value])
        .first()
    )
    if invitation is None:
        raise InvitationGone(
            "The invitation is not there, or not there any more.",
            remedy="An invitation lives for a few minutes; ask for a new offer if you need one.",
        )
    return invitation


def _keys() -> MultiFernet:
    try:
        return MultiFernet([Fernet(key) for key in settings.INVITATION_KEYS])
    except ValueError as error:
        raise NotConfigured(
            "INVITATION_KEYS is missing or is not a list of Fernet keys.",
            remedy="Make one with `python manage.py invitation_key` and set INVITATION_KEYS.",
        ) from error


def _decrypt(stored: bytes | memoryview) -> str:
    try:
        return _keys().decrypt(bytes(stored)).decode()
    except InvalidToken:
        raise InvitationGone(
            "The invitation was encrypted with a key that the portal no longer has.",
            remedy="Ask for a new offer; keep old keys at the end of INVITATION_KEYS for a day.",
        ) from None


def _safe(name: str) -> str:
    return "".join(c if c.isascii() and (c.isalnum() or c in "-_") else "-" for c in name)
