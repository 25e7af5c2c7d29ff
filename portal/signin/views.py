"""Sign in and out."""

from __future__ import annotations

from dataclasses import replace

from django.contrib.auth import authenticate, login, logout
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST

from assist import audit
from assist.actors import Actor
from assist.authority import sign_in_tickets
from assist.forms import show_error
from assist.source_address import source_address
from assist.views.access import actor_for, request_id_of
from directory.errors import PortalError
from directory.signin import SignInRefused
from portal.models import User
from portal.signin.forms import SignInForm
from portal.signin.limits import forgive, named_account, note_attempt
from portal.signin.next_page import next_page
from portal.signin.recording import note_sign_in
from portal.signin.single_sign_on import is_offered


@login_not_required
@sensitive_post_parameters("password")
def sign_in(request: HttpRequest) -> HttpResponse:
    """The form, and what becomes of it. Every refusal reads the same, whoever was named."""
    if request.user.is_authenticated:
        return redirect(next_page(request))
    form = SignInForm(request.POST or None)
    status = 200
    if request.method == "POST" and form.is_valid():
        try:
            _let_in(request, form.cleaned_data["username"], form.cleaned_data["password"])
        except PortalError as error:
            show_error(form, error)
            status = error.status
        else:
            return HttpResponseRedirect(next_page(request))
    elif request.method == "POST":
        status = 422
    context = {
        "form": form,
        "next": request.POST.get("next") or request.GET.get("next", ""),
        "has_single_sign_on": is_offered(request),
    }
    return render(request, "portal/sign_in.html", context, status=status)


@login_not_required
@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    """By POST alone: a link or an image elsewhere must not sign anybody out."""
    if request.user.is_authenticated:
        audit.record("sign_out", actor=actor_for(request))
    sign_in_tickets.forget(request)
    logout(request)
    signed_out = redirect("sign-in")
    signed_out.delete_cookie(sign_in_tickets.cookie_name(), samesite="Strict")
    return signed_out


def _let_in(request: HttpRequest, name: str, password: str) -> None:
    """Check name and password, begin the session, and record either outcome.

    Raises:
        SignInRefused: They let nobody in.
        TooManyAttempts: The directory was not asked.
        DirectoryUnavailable: No domain controller could be asked.
    """
    now = timezone.now()
    address = source_address(request)
    account = named_account(name)
    try:
        attempt = note_attempt(name, account, address, now=now)
        user = authenticate(request, username=name, password=password)
        if not isinstance(user, User):
            raise SignInRefused(
                "Name or password is not right, or the account may not be used.",
                remedy="Check both. If they are right, ask who administers your account.",
                field="password",
            )
    except PortalError as error:
        # A name that nobody has is not kept: it may be a password in the wrong field.
        audit.record(
            "sign_in.refused",
            actor=replace(Actor.portal(request_id_of(request)), source_address=address),
            subject_kind="account",
            subject_id=account.sid if account else "",
            subject_name=str(account) if account else "nobody of the directory",
            data={"code": error.code},
            now=now,
        )
        raise
    forgive(attempt)
    sign_in_tickets.forget(request)
    login(request, user)
    note_sign_in(request, user, method="password", now=now)
