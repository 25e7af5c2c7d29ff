"""Tokens of programs that call the API: made, shown once, found again by their hash."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from assist import audit
from assist.actors import Actor
from assist.errors import InvalidInput
from assist.models import ApiToken, TokenScope
from directory.models import Account

_BEGINNING = "rap_"
_PREFIX_LENGTH = 12
_USE_RECORDED_EVERY = timedelta(minutes=1)


@transaction.atomic
def token_create(
    *,
    actor: Actor,
    name: str,
    scope: TokenScope,
    account: Account | None = None,
    expires_at: datetime | None = None,
    now: datetime | None = None,
) -> tuple[ApiToken, str]:
    """Make a token.

    Args:
        actor: Who makes it.
        name: What it is for, for a person.
        scope: What it may do.
        account: Whom it acts as; needed for, and only for, scope expert.
        expires_at: An aware time; None: until it is revoked.
        now: An aware time; the present if None.

    Returns:
        The token's row and its text, which is kept nowhere.

    Raises:
        InvalidInput: No name, an account too many or too few, an expiry in the past.
    """
    now = now or timezone.now()
    name = name.strip()
    if not name or len(name) > 128 or not name.isprintable():
        raise InvalidInput(
            "A token needs a name of 1 to 128 printable characters.",
            remedy="Name the program that will use it.",
            field="name",
        )
    if scope == TokenScope.EXPERT and account is None:
        raise InvalidInput(
            "A token of scope expert acts as somebody.",
            remedy="Name the account it belongs to.",
            field="account",
        )
    if scope == TokenScope.COLLECTOR and account is not None:
        raise InvalidInput(
            "A collector's token acts as nobody.", remedy="Leave out the account.", field="account"
        )
    if expires_at is not None and expires_at <= now:
        raise InvalidInput(
            "The token would already have expired.",
            remedy="Choose a time to come.",
            field="expires_at",
        )
    text = _BEGINNING + secrets.token_urlsafe(32)
    token = ApiToken.objects.create(
        name=name,
        prefix=text[:_PREFIX_LENGTH],
        digest=_digest(text),
        scope=scope,
        account=account,
        created_at=now,
        expires_at=expires_at,
    )
    audit.record(
        "token.created",
        actor=actor,
        subject_kind="token",
        subject_id=str(token.pk),
        subject_name=name,
        data={
            "scope": str(scope),
            "prefix": token.prefix,
            "account_sid": account.sid if account else "",
            "expires_at": expires_at.isoformat() if expires_at else "",
        },
        now=now,
    )
    return token, text


def token_find(text: str, now: datetime | None = None) -> ApiToken | None:
    """The token with this text, if it may be used now.

    Args:
        text: What the program sent.
        now: An aware time; the present if None.
    """
    now = now or timezone.now()
    if not text.startswith(_BEGINNING) or len(text) > 128:
        return None
    token = (
        ApiToken.objects.select_related("account__domain")
        .filter(digest=_digest(text), revoked_at__isnull=True)
        .filter(Q(expires_at__isnull=True) | Q(expires_at__gt=now))
        .first()
    )
    if token is None:
        return None
    # Written once a minute at most: a collector calls many times a second.
    if token.last_used_at is None or now - token.last_used_at >= _USE_RECORDED_EVERY:
        ApiToken.objects.filter(pk=token.pk).update(last_used_at=now)
        token.last_used_at = now
    return token


@transaction.atomic
def token_revoke(*, actor: Actor, token: ApiToken, now: datetime | None = None) -> None:
    """End a token's life. Revoking twice changes nothing."""
    now = now or timezone.now()
    if not ApiToken.objects.filter(pk=token.pk, revoked_at__isnull=True).update(revoked_at=now):
        return
    audit.record(
        "token.revoked",
        actor=actor,
        subject_kind="token",
        subject_id=str(token.pk),
        subject_name=token.name,
        now=now,
    )


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
