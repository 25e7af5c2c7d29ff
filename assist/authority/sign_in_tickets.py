"""Where the ticket of a sign-in rests between the sign-in and an offer.

Any web process may serve the offer, so it cannot rest in the memory of one. It rests in the
database, sealed with a key of two halves: the portal's SECRET_KEY, and 32 random bytes that only
the browser has, in a cookie. Whoever has the database, or a worker, lacks the cookie; whoever has
the cookie lacks the rest. The ticket has no session key and is worth something only to the web
account's own key. It goes at sign-out, and at its end by the sweep.
"""

from __future__ import annotations

import binascii
import json
import secrets
from base64 import b64decode, b64encode, urlsafe_b64decode, urlsafe_b64encode
from datetime import datetime, timedelta

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from assist.authority.sealing import CannotOpen, derive_key, seal, unseal
from assist.models import KeptSignInTicket
from assist.remote_assistance.delegation import SignInTicket

SESSION_KEY = "sign_in_ticket"
_PURPOSE = "sign-in ticket"


def cookie_name() -> str:
    """``__Host-`` keeps other hosts of the domain from setting it; browsers want HTTPS for it."""
    return "__Host-ticket-key" if settings.HTTPS else "ticket-key"


def keep(
    request: HttpRequest, response: HttpResponse, sid: str, ticket: SignInTicket, *, now: datetime
) -> None:
    """Keep the ticket of the sign-in that this request has just made.

    Args:
        request: With the new session.
        response: Takes the browser's half of the key.
        sid: Of whoever signed in.
        ticket: Hers.
        now: An aware time.
    """
    forget(request)
    lifetime = timedelta(seconds=settings.SESSION_COOKIE_AGE)
    row = KeptSignInTicket(sid=sid, expires_at=min(ticket.ends_at, now + lifetime))
    half = secrets.token_bytes(32)
    row.sealed = seal(_key(half), _pack(ticket), _bound_to(row))
    row.save(force_insert=True)
    request.session[SESSION_KEY] = str(row.pk)
    response.set_cookie(
        cookie_name(),
        urlsafe_b64encode(half).decode(),
        max_age=max(0, round((row.expires_at - now).total_seconds())),
        secure=settings.HTTPS,
        httponly=True,
        samesite="Strict",
    )


def sign_in_ticket(request: HttpRequest, sid: str, *, now: datetime) -> SignInTicket | None:
    """The ticket with which this browser signed in; None without one, or when it has ended.

    Args:
        request: Of whoever signed in.
        sid: Hers.
        now: An aware time.
    """
    kept = str(request.session.get(SESSION_KEY, ""))
    if not kept:
        return None
    row = KeptSignInTicket.objects.filter(pk=kept, sid=sid, expires_at__gt=now).first()
    if row is None:
        return None
    try:
        half = urlsafe_b64decode(request.COOKIES.get(cookie_name(), ""))
        return _unpack(unseal([_key(half)], bytes(row.sealed), _bound_to(row)))
    except (CannotOpen, binascii.Error):
        return None


def forget(request: HttpRequest) -> None:
    """At sign-out: what is left in the browser opens nothing any more."""
    kept = request.session.pop(SESSION_KEY, None)
    if kept is not None:
        KeptSignInTicket.objects.filter(pk=kept).delete()


def forget_ended(now: datetime) -> None:
    """Tickets whose time has passed, whoever had them."""
    KeptSignInTicket.objects.filter(expires_at__lte=now).delete()


def _key(half: bytes) -> bytes:
    return derive_key(half, settings.SECRET_KEY.encode(), _PURPOSE)


def _bound_to(row: KeptSignInTicket) -> str:
    return f"{_PURPOSE}|{row.pk}|{row.sid}|{row.expires_at.timestamp():.0f}"


def _pack(ticket: SignInTicket) -> bytes:
    return json.dumps(
        {
            "client": ticket.client,
            "ticket": b64encode(ticket.ticket).decode(),
            "ends_at": ticket.ends_at.isoformat(),
            "is_forwardable": ticket.is_forwardable,
        }
    ).encode()


def _unpack(content: bytes) -> SignInTicket:
    data = json.loads(content)
    return SignInTicket(
        client=data["client"],
        ticket=b64decode(data["ticket"]),
        ends_at=datetime.fromisoformat(data["ends_at"]),
        is_forwardable=data["is_forwardable"],
    )
