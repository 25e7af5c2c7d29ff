"""Checking a person's password against Active Directory."""

from __future__ import annotations

from directory.comparison import fold_name
from directory.configuration import connection_settings
from directory.controllers import controller_addresses
from directory.errors import PortalError
from directory.ldap.connection import close_connection, open_connection
from directory.ldap.errors import CredentialsRefused
from directory.models import Account
from directory.name_forms import AccountName, InvalidName, PrincipalName, parse_account_name
from directory.names import AmbiguousName, UnknownName, find_account

# From the Win32 error in the bind's message ([MS-ERREF] 2.2). Active Directory sends
# these two only when the password was right, so saying them tells a guesser nothing.
EXPIRED = "532"
MUST_CHANGE = "773"


class SignInRefused(PortalError):
    """Name and password do not let anybody in. The sentence is the same for every reason."""

    code = "sign_in_refused"
    status = 401


def check_password(name: str, password: str) -> Account:
    r"""The account that a name and password belong to.

    The password goes to a domain controller in a simple bind over verified TLS, and nowhere else.
    Names that the directory does not know are sent as well, so that the time of the answer does
    not tell which names exist.

    Args:
        name: ``R2\mjones``, ``mjones@r2.local`` or ``mjones``, in any case.
        password: As typed. An empty one is refused here: a directory takes a bind with it for an
            anonymous one and reports success (RFC 4513 5.1.2).

    Raises:
        SignInRefused: Wrong, disabled, expired, locked or unknown - it is not said which.
        DirectoryUnavailable: No domain controller could be asked.
    """
    if not password or "\x00" in password:
        raise _refused()
    try:
        parsed = parse_account_name(name, field="username")
        account = find_account(name, field="username")
    except InvalidName:
        raise _refused() from None
    except AmbiguousName as error:
        raise SignInRefused(
            "That name is not unique.", remedy=error.remedy, field="username"
        ) from None
    except UnknownName:
        account = None
    _bind(_bind_name(account, parsed), password)
    if account is None:
        raise SignInRefused(
            "Your password is right, but the portal does not know your account yet.",
            remedy="Try again after the next synchronisation with the directory.",
            field="username",
        )
    return account


def _bind_name(account: Account | None, parsed: object) -> str:
    if account is not None:
        return f"{account.domain.netbios_name}\\{account.sam_account_name}"
    if isinstance(parsed, PrincipalName):
        return str(parsed)
    if isinstance(parsed, AccountName):
        return f"{parsed.name}@{fold_name(connection_settings().domain)}"
    return f"nobody@{connection_settings().domain}"


def _bind(name: str, password: str) -> None:
    domain = connection_settings()
    try:
        connection = open_connection(
            domain, controller_addresses(domain), user=name, password=password
        )
    except CredentialsRefused as error:
        if error.sub_code in (EXPIRED, MUST_CHANGE):
            raise SignInRefused(
                "Your password has expired.",
                remedy="Change it in Windows, then sign in here again.",
                field="password",
            ) from None
        raise _refused() from None
    close_connection(connection)


def _refused() -> SignInRefused:
    return SignInRefused(
        "Name or password is not right, or the account may not be used.",
        remedy="Check both. If they are right, ask who administers your account.",
        field="password",
    )
