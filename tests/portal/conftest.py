"""The cast, and a way to be signed in without a domain controller."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client

from portal.models import User
from tests.assist.cast import Cast, make_cast

SignedIn = Callable[[str], Client]


@pytest.fixture
def cast(db: None) -> Cast:
    return make_cast()


@pytest.fixture
def signed_in(cast: Cast) -> SignedIn:
    """A browser in which somebody of the cast has signed in."""

    def sign_in(name: str = "mjones") -> Client:
        account = cast.accounts[name]
        user, _ = User.objects.get_or_create(
            sid=account.sid, defaults={"name": str(account), "display_name": account.display_name}
        )
        client = Client(REMOTE_ADDR="192.0.2.7")
        client.force_login(user)
        return client

    return sign_in
