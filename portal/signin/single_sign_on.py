"""Sign-in with Windows: the browser shows a Kerberos ticket instead of a password (RFC 4559).

One request without a ticket is answered by a challenge, whose page is the form to sign in with a
password. One with a ticket ends signed in or at that form; it is never challenged again.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import structlog
from django.conf import settings
from django.contrib.auth import login
from django.contrib.auth.decorators import login_not_required
from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_safe

from assist import audit
from assist.actors import Actor
from assist.authority import sign_in_tickets
from assist.authority.delegating import web_credential
from assist.lifecycle import Authority
from assist.remote_assistance.delegation import read_sign_in_ticket
from assist.source_address import source_address
from assist.views.access import request_id_of
from directory.errors import PortalError
from directory.models import Account
from directory.signin import SignInRefused, account_of_ticket
from portal.models import ShownTicket, User
from portal.signin.backend import BACKEND, user_of
from portal.signin.forms import SignInForm
from portal.signin.kerberos import Accepted, TicketRefused, accept
from portal.signin.limits import note_ticket
from portal.signin.negotiate_token import NotKerberos, kerberos_request, parse_header
from portal.signin.next_page import next_page
from portal.signin.recording import note_sign_in

log = structlog.get_logger()

# Twice the five minutes by which clocks may differ (RFC 4120 8.2): older ones are refused anyway.
REMEMBERED = timedelta(minutes=10)


class NotATicket(PortalError):
    """The browser answered with something that is no Kerberos ticket."""

    code = "no_kerberos_ticket"
    status = 403


def is_offered(request: HttpRequest) -> bool:
    """Whether a ticket would be taken: only over TLS, except in development."""
    return bool(settings.SINGLE_SIGN_ON_KEYTAB_FILE) and (request.is_secure() or settings.DEBUG)


@login_not_required
@require_safe
def sign_in_with_windows(request: HttpRequest) -> HttpResponse:
    """The challenge, and what the browser answers to it."""
    if not is_offered(request) or request.headers.get("Sec-Fetch-Site") == "cross-site":
        # A page elsewhere must not begin a session here; the form's own link may.
        context = _context(request) | {"has_single_sign_on": is_offered(request)}
        return render(request, "portal/sign_in.html", context)
    if request.user.is_authenticated and not _lacks_ticket(request):
        return redirect(next_page(request))
    header = request.headers.get("Authorization")
    if header is None:
        context = _context(request) | {"is_challenge": True}
        page = render(request, "portal/sign_in.html", context, status=401)
        page["WWW-Authenticate"] = "Negotiate"
        return page
    try:
        return _let_in(request, header)
    except PortalError as error:
        context = _context(request) | {"refusal": error}
        return render(request, "portal/sign_in.html", context, status=_status(error))


def _let_in(request: HttpRequest, header: str) -> HttpResponse:
    """Check the ticket, begin the session, and record either outcome.

    What is no ticket is neither counted nor recorded: it names nobody and guesses nothing, and
    browsers outside the domain send it by themselves.

    Raises:
        NotATicket: It is none.
        SignInRefused: It lets nobody in.
        TooManyAttempts: It was not looked at.
    """
    token = _token(header)
    now = timezone.now()
    address = source_address(request)
    account: Account | None = None
    try:
        attempt = note_ticket(address, now=now)
        accepted = _accepted(token)
        _require_first_time(accepted, now)
        account = account_of_ticket(accepted.principal, accepted.sid)
        user = user_of(account)
        if not user.is_active:
            raise _nobody()
    except PortalError as error:
        audit.record(
            "sign_in.refused",
            actor=replace(Actor.portal(request_id_of(request)), source_address=address),
            subject_kind="account",
            subject_id=account.sid if account else "",
            subject_name=str(account) if account else "nobody of the directory",
            data={"code": error.code, "method": "kerberos"},
            now=now,
        )
        raise
    attempt.delete()
    return _begin(request, user, accepted, now)


def _token(header: str) -> bytes:
    try:
        token = parse_header(header)
        if token is None:
            raise NotKerberos("another scheme")
        kerberos_request(token)
    except NotKerberos as error:
        raise _not_a_ticket(error) from None
    return token


def _accepted(token: bytes) -> Accepted:
    try:
        return accept(token, settings.SINGLE_SIGN_ON_KEYTAB_FILE)
    except NotKerberos as error:
        raise _not_a_ticket(error) from None
    except TicketRefused as error:
        log.warning("a Kerberos ticket was refused", reason=str(error))
        raise _nobody() from None


def _not_a_ticket(error: NotKerberos) -> NotATicket:
    log.info("no Kerberos ticket", reason=str(error))
    return NotATicket(
        "This browser offered NTLM, which the portal does not take."
        if error.is_ntlm
        else "This browser has shown no Kerberos ticket.",
        remedy="The computer has to be in the domain and the browser has to trust "
        f"{settings.SINGLE_SIGN_ON_HOST}; or sign in with name and password.",
    )


def _nobody() -> SignInRefused:
    return SignInRefused(
        "Windows signed in nobody who may use the portal.",
        remedy="Sign in with name and password. If that fails too, ask who administers your "
        "account.",
    )


def _require_first_time(accepted: Accepted, now: datetime) -> None:
    """Refuse an authenticator that any process of the portal has taken before.

    Raises:
        SignInRefused: It was taken.
    """
    ShownTicket.objects.filter(at__lt=now - REMEMBERED).delete()
    try:
        with transaction.atomic():
            ShownTicket.objects.create(digest=accepted.digest, at=now)
    except IntegrityError:
        log.warning("a Kerberos authenticator was shown twice", principal=accepted.principal)
        raise _nobody() from None


def _begin(request: HttpRequest, user: User, accepted: Accepted, now: datetime) -> HttpResponse:
    sign_in_tickets.forget(request)
    login(request, user, backend=BACKEND)
    note_sign_in(request, user, method="kerberos", now=now)
    response = HttpResponseRedirect(next_page(request))
    # The other half of mutual authentication (RFC 4559 5).
    response["WWW-Authenticate"] = f"Negotiate {accepted.answer}"
    if Authority.DELEGATED in settings.OFFER_AUTHORITIES:
        _keep_ticket(request, response, user, accepted, now)
    return response


def _keep_ticket(
    request: HttpRequest, response: HttpResponse, user: User, accepted: Accepted, now: datetime
) -> None:
    """Keep what a delegated offer needs; without it she is signed in all the same."""
    try:
        ticket = read_sign_in_ticket(accepted.request, web_credential())
    except ValueError as error:
        log.warning("the ticket of a sign-in cannot be kept", reason=str(error))
        return
    sign_in_tickets.keep(request, response, user.sid, ticket, now=now)


def _lacks_ticket(request: HttpRequest) -> bool:
    """Whether somebody signed in with a password could gain by a ticket."""
    if Authority.DELEGATED not in settings.OFFER_AUTHORITIES or not isinstance(request.user, User):
        return False
    sid = request.user.sid
    return sign_in_tickets.sign_in_ticket(request, sid, now=timezone.now()) is None


def _context(request: HttpRequest) -> dict[str, object]:
    return {"form": SignInForm(), "next": request.GET.get("next", "")}


def _status(error: PortalError) -> int:
    """401 would ask the browser for another ticket, and some ask again and again."""
    return 403 if error.status == 401 else error.status
