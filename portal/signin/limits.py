"""How often one may try: counted in the database, the same for every process of the portal."""

from __future__ import annotations

from datetime import datetime, timedelta
from hashlib import sha256

from django.conf import settings
from django.db.models import QuerySet

from directory.comparison import fold_name
from directory.errors import PortalError
from directory.models import Account
from directory.signin import account_signing_in
from portal.models import SignInAttempt

TICKET = "ticket"  # stands for the account that a ticket is of before it has been looked at


class TooManyAttempts(PortalError):
    """This name or this address has been refused too often of late."""

    code = "too_many_attempts"
    status = 429

    def __init__(self) -> None:
        minutes = max(1, round(settings.SIGN_IN_WINDOW_SECONDS / 60))
        super().__init__(
            "Too many sign-ins were refused.",
            remedy=f"Wait {minutes} minutes, then try again.",
            field="password",
        )


def named_account(name: str) -> Account | None:
    """The account that a name means, in whatever form; None where it means nobody."""
    try:
        return account_signing_in(name)
    except PortalError:
        return None


def note_attempt(
    name: str, account: Account | None, source_address: str | None, *, now: datetime
) -> SignInAttempt:
    """Count an attempt before the directory is asked, so that many at once are counted too.

    Args:
        name: As typed.
        account: Whom it means, if anybody: every spelling counts against the one account.
        source_address: Where it comes from; not counted when unknown.
        now: An aware time.

    Returns:
        The attempt: forget it with :func:`forgive` once it let somebody in.

    Raises:
        TooManyAttempts: The directory is not to be asked. Whether the account exists plays no
            part in it.
    """
    began = now - timedelta(seconds=settings.SIGN_IN_WINDOW_SECONDS)
    SignInAttempt.objects.filter(at__lt=began).delete()
    key = account.sid if account else sha256(fold_name(name.strip()).encode()).hexdigest()
    attempt = SignInAttempt.objects.create(account_key=key, source_address=source_address, at=now)
    recent = SignInAttempt.objects.filter(at__gte=began)
    of_account = recent.filter(account_key=key)
    if _is_beyond(of_account, settings.SIGN_IN_REFUSALS_PER_ACCOUNT):
        raise TooManyAttempts
    if source_address is not None and _is_beyond(
        recent.filter(source_address=source_address), settings.SIGN_IN_REFUSALS_PER_ADDRESS
    ):
        raise TooManyAttempts
    return attempt


def note_ticket(source_address: str | None, *, now: datetime) -> SignInAttempt:
    """Count a Kerberos ticket before it is looked at; against its address alone.

    Raises:
        TooManyAttempts: It is not to be looked at.
    """
    began = now - timedelta(seconds=settings.SIGN_IN_WINDOW_SECONDS)
    SignInAttempt.objects.filter(at__lt=began).delete()
    attempt = SignInAttempt.objects.create(
        account_key=TICKET, source_address=source_address, at=now
    )
    recent = SignInAttempt.objects.filter(at__gte=began, source_address=source_address)
    if source_address is not None and _is_beyond(recent, settings.SIGN_IN_REFUSALS_PER_ADDRESS):
        raise TooManyAttempts
    return attempt


def forgive(attempt: SignInAttempt) -> None:
    """A right password: nothing is held against the account any more.

    What other names were tried from the same address still counts against the address.
    """
    SignInAttempt.objects.filter(account_key=attempt.account_key).delete()


def _is_beyond(attempts: QuerySet[SignInAttempt], limit: int) -> bool:
    return attempts.count() > limit
