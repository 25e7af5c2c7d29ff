"""Who calls, and what is at fault in what they send."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from rest_framework.request import Request

from assist.actors import Actor
from assist.api.authentication import Principal
from assist.errors import InvalidInput, NotAllowed
from directory.errors import PortalError
from directory.models import Account
from directory.names import find_account


def principal_of(request: Request) -> Principal:
    """The token behind a request, and whom it acts as."""
    # What the permissions of every view here have made sure of.
    assert isinstance(request.user, Principal)  # noqa: S101
    return request.user


def actor_of(request: Request) -> Actor:
    """Whom a request acts as."""
    return principal_of(request).actor


def own_account(actor: Actor, name: str | None) -> Account:
    """The caller's own account, if that is the one named.

    Raises:
        NotAllowed: Another is, or nobody: which of the two is not said.
    """
    account = actor.account
    if account is None:
        raise NotAllowed(
            "The token acts as nobody in the directory.", remedy="Use a token of scope expert."
        )
    if name is None:
        return account
    try:
        is_own = find_account(name).sid == account.sid
    except PortalError:
        is_own = False
    if not is_own:
        raise NotAllowed(
            f"This token explains offers of {account} alone.",
            remedy="Leave out expert, or use that expert's own token.",
        )
    return account


@contextmanager
def input_at_fault(field_names: Mapping[str, str]) -> Iterator[None]:
    """Names input as the API does, and answers 400 for what is unknown or ambiguous in it.

    The 404 of ``UnknownName`` would say that the endpoint is not there.
    """
    try:
        yield
    except PortalError as error:
        field = field_names.get(error.field, error.field)
        if not field or error.status not in (404, 409):
            error.field = field
            raise
        refusal = InvalidInput(error.sentence, remedy=error.remedy, field=field)
        refusal.code = error.code
        raise refusal from error
