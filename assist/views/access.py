"""Who asks for a page, and which offer she may have."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec

from django.contrib.auth import get_user_model
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from assist.actors import Actor
from assist.errors import NotAllowed
from assist.models import Offer
from assist.offers import offer_for
from assist.source_address import source_address
from directory.models import Account

P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, P], HttpResponse]  # its first argument by place

_CACHE = "_assist_actor"


def usable_account(sid: str) -> Account | None:
    """The account with this SID, if the directory has it and it may be used now."""
    account = Account.objects.select_related("domain").filter(sid=sid, is_present=True).first()
    if account is None or not account.is_enabled or account.is_expired(timezone.now()):
        return None
    return account


def request_id_of(request: HttpRequest) -> str:
    """What joins the request's log lines and audit events."""
    return str(request.META.get("portal.request_id", ""))


def actor_for(request: HttpRequest) -> Actor:
    """Whoever is signed in, with the roles that the directory gives her at this request.

    Args:
        request: Of a view that asks for a sign-in.

    Raises:
        NotAllowed: Her account left the directory or was disabled since.
    """
    known = getattr(request, _CACHE, None)
    if isinstance(known, Actor):
        return known
    user = request.user
    account = usable_account(user.sid) if isinstance(user, get_user_model()) else None
    if account is None:
        raise NotAllowed(
            "Your account may not be used any more.",
            remedy="Ask who administers your account.",
        )
    actor = Actor.of_account(
        account,
        source_address=source_address(request),
        request_id=request_id_of(request),
    )
    setattr(request, _CACHE, actor)
    return actor


def actor_with_role(request: HttpRequest) -> Actor:
    """Whoever is signed in, if she has any part in the portal.

    Everybody of the domain can sign in; the directory's computers are not everybody's to search.

    Raises:
        NotAllowed: She has no role.
    """
    actor = actor_for(request)
    if not actor.roles:
        raise NotAllowed(
            "You have no role in the portal.",
            remedy="Ask the portal's operator to put your account into one of the groups that "
            "give a role.",
        )
    return actor


def offer_of(request: HttpRequest, offer_id: uuid.UUID) -> Offer:
    """The offer, if whoever asks may see it.

    Raises:
        OfferNotFound: There is none, or it is another expert's: both look the same.
    """
    return offer_for(actor_for(request), offer_id)


def for_operators(view: View[P]) -> View[P]:
    """Lets operators through, nobody else."""

    @wraps(view)
    def guarded(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        if not actor_for(request).is_operator:
            raise NotAllowed(
                "This page is for the portal's operators.",
                remedy="Ask one of them for what you want to know, or for the role.",
            )
        return view(request, *args, **kwargs)

    return guarded


def for_readers_of_the_audit_trail(view: View[P]) -> View[P]:
    """Lets managers and auditors through, nobody else."""

    @wraps(view)
    def guarded(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        if not actor_for(request).may_read_audit_trail:
            raise NotAllowed(
                "The audit trail is for managers and auditors.",
                remedy="Ask one of them, or the portal's operator for the role.",
            )
        return view(request, *args, **kwargs)

    return guarded


def require_manager(request: HttpRequest) -> Actor:
    """Whoever is signed in, if she is a manager or an operator.

    Raises:
        NotAllowed: She is neither.
    """
    actor = actor_for(request)
    if not actor.may_manage_readiness:
        raise NotAllowed(
            "The readiness of all computers is for managers and the portal's operators.",
            remedy="Ask one of them, or look at a single computer's page.",
        )
    return actor


def for_managers(view: View[P]) -> View[P]:
    """Lets managers and operators through, nobody else."""

    @wraps(view)
    def guarded(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        require_manager(request)
        return view(request, *args, **kwargs)

    return guarded
