"""Bearer tokens: which program calls, and as whom."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from django.utils import timezone
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from assist.actors import Actor
from assist.models import ApiToken, TokenScope
from assist.source_address import source_address
from assist.tokens import token_find
from directory.models import Account

log = logging.getLogger(__name__)

REALM = 'Bearer realm="api"'


@dataclass(frozen=True)
class Principal:
    """Who calls: ``request.user`` of every authenticated request.

    Attributes:
        token: The token that was presented.
        actor: Whom it acts as. A collector acts as nobody: its actor has no SID and no role.
    """

    token: ApiToken
    actor: Actor

    is_authenticated = True  # asked for by rest_framework.permissions.IsAuthenticated

    @property
    def is_collector(self) -> bool:
        return self.token.scope == TokenScope.COLLECTOR.value


class TokenAuthentication(BaseAuthentication):
    """``Authorization: Bearer rap_...`` (RFC 6750, section 2.1)."""

    def authenticate(self, request: Request) -> tuple[Principal, ApiToken] | None:
        """The principal behind the token, or None where no bearer token was sent.

        Raises:
            AuthenticationFailed: The token cannot be used, or its account cannot. Unknown,
                expired and revoked look the same, so that a guess learns nothing.
        """
        scheme, _, text = get_authorization_header(request).partition(b" ")
        if scheme.lower() != b"bearer":
            return None
        token = token_find(text.strip().decode("latin-1"), timezone.now())
        if token is None:
            log.warning("a token was refused, from %s", source_address(request._request))
            raise AuthenticationFailed("The token is not known, has expired or was revoked.")
        return Principal(token, _actor_of(token, request)), token

    def authenticate_header(self, request: Request) -> str:
        return REALM


def _actor_of(token: ApiToken, request: Request) -> Actor:
    address = source_address(request._request)
    request_id = str(request.META.get("portal.request_id", ""))
    if token.scope == TokenScope.COLLECTOR.value:
        return Actor(
            sid="",
            name=f"collector {token.name}",
            source_address=address,
            request_id=request_id,
        )
    if token.account is None or not _is_usable(token.account):
        raise AuthenticationFailed(
            "The account that the token acts as is disabled, expired, locked or gone.",
            code="account_not_usable",
        )
    return Actor.of_account(token.account, source_address=address, request_id=request_id)


def _is_usable(account: Account) -> bool:
    """Whether Active Directory would let this account sign in, as far as was last read."""
    now = timezone.now()
    return (
        account.is_present
        and account.is_enabled
        and not account.is_locked(now)
        and not account.is_expired(now)
    )
