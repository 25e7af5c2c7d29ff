"""Who is signed in: checked against Active Directory once, and against the directory ever after."""

from __future__ import annotations

from django.contrib.auth.backends import BaseBackend
from django.http import HttpRequest

from assist.views.access import usable_account
from directory.models import Account
from directory.signin import check_password
from portal.models import User

BACKEND = "portal.signin.backend.ActiveDirectoryBackend"


def user_of(account: Account) -> User:
    """Whoever an account belongs to, named as it is now."""
    user, _created = User.objects.update_or_create(
        sid=account.sid,
        defaults={"name": str(account), "display_name": account.display_name},
    )
    return user


class ActiveDirectoryBackend(BaseBackend):
    """Passwords are checked by the domain's controllers; people are known by their SID."""

    def authenticate(
        self,
        request: HttpRequest | None,
        username: str | None = None,
        password: str | None = None,
        **_: object,
    ) -> User | None:
        """The person whom a name and password belong to.

        Raises:
            SignInRefused: They let nobody in.
            DirectoryUnavailable: No domain controller could be asked.
        """
        if username is None or not password:
            return None  # an empty password binds anonymously, which would look like success
        user = user_of(check_password(username, password))
        return user if user.is_active else None

    def get_user(self, user_id: int) -> User | None:
        """The person of a session, at every request: nobody once the account may not be used."""
        user = User.objects.filter(pk=user_id, is_active=True).first()
        return user if user is not None and usable_account(user.sid) else None
