"""Checking a person's password against Active Directory."""

from __future__ import annotations

from django.utils import timezone

from directory.comparison import fold_name
from directory.configuration import DomainConfiguration, configured_domains, domain_configuration
from directory.controllers import first_answer
from directory.errors import PortalError
from directory.ldap.connection import close_connection, open_connection
from directory.ldap.errors import CredentialsRefused
from directory.models import Account, Domain
from directory.name_forms import AccountName, InvalidName, PrincipalName, Sid, parse_account_name
from directory.names import AmbiguousName, UnknownName, find_account

# From the Win32 error in the bind's message ([MS-ERREF] 2.2). Active Directory sends
# these two only when the password was right, so saying them tells a guesser nothing.
EXPIRED = "532"
MUST_CHANGE = "773"


class SignInRefused(PortalError):
    """Name and password do not let anybody in. The sentence is the same for every reason."""

    code = "sign_in_refused"
    status = 401


def account_signing_in(name: str) -> Account:
    r"""The account that a person means by the name in the sign-in form.

    As :func:`directory.names.find_account`, but a bare name is first looked for in the default
    domain, as Windows' own sign-in does; only one that it does not have may be another domain's.

    Raises:
        InvalidName, UnknownName, AmbiguousName: As :func:`directory.names.find_account`.
        WrongConfiguration: No default domain can be made out.
    """
    parsed = parse_account_name(name, field="username")
    if isinstance(parsed, AccountName) and not parsed.domain:
        try:
            return find_account(
                f"{domain_configuration().dns_name}\\{parsed.name}", field="username"
            )
        except UnknownName:
            pass
    return find_account(name, field="username")


def account_of_ticket(principal: str, sid: str) -> Account:
    """The account that a Kerberos ticket is for.

    Ticket and SID must agree: a name that was given to somebody else since leads to nobody, until
    the directory has been read.

    Args:
        principal: As ``name@REALM``; the realm is the domain's DNS name.
        sid: From the ticket's PAC.

    Raises:
        SignInRefused: Nobody of a configured domain, or an account that may not be used.
    """
    name, _, realm = principal.rpartition("@")
    account = (
        Account.objects.select_related("domain")
        .filter(sid=sid, is_present=True, domain__dns_name_folded=fold_name(realm))
        .first()
        if _configured(realm)
        else None
    )
    now = timezone.now()
    if (
        account is None
        or fold_name(name) not in _names_of(account)
        or not account.is_enabled
        or account.is_expired(now)
        or account.is_locked(now)
    ):
        raise SignInRefused(
            "Windows signed in nobody who may use the portal.",
            remedy="Sign in with name and password. If that fails too, ask who administers your "
            "account.",
        )
    return account


def _names_of(account: Account) -> set[str]:
    """What a domain controller may call an account in a ticket ([MS-KILE] 3.3.5.6.1)."""
    prefix, _, _ = account.user_principal_name_folded.rpartition("@")
    return {account.sam_account_name_folded, prefix}


def check_password(name: str, password: str) -> Account:
    r"""The account that a name and password belong to.

    The password goes to a domain controller of the account's own domain in a simple bind over
    verified TLS, and nowhere else. Names that the directory does not know are sent as well, so
    that the time of the answer does not tell which names exist.

    Args:
        name: ``R2\mjones``, ``mjones@r2.local``, ``mjones`` or a user principal name whose suffix
            is no domain, in any case.
        password: As typed. An empty one is refused here: a directory takes a bind with it for an
            anonymous one and reports success (RFC 4513 5.1.2).

    Raises:
        SignInRefused: Wrong, disabled, expired, locked or unknown - it is not said which.
        DirectoryUnavailable: No domain controller could be asked.
        NameServiceUnavailable: No DNS server of the domain answered.
        WrongConfiguration: No domain can be made out.
    """
    if not password or "\x00" in password:
        raise _refused()
    account: Account | None
    try:
        parsed = parse_account_name(name, field="username")
        account = account_signing_in(name)
    except InvalidName:
        raise _refused() from None
    except AmbiguousName as error:
        raise SignInRefused(
            "That name is not unique.", remedy=error.remedy, field="username"
        ) from None
    except UnknownName:
        account = None
    home = _configured(account.domain.dns_name) if account else None
    if account is None or home is None:
        # Where its domain is configured no longer, an account is nobody's.
        account, home = None, _home_of_unknown(parsed)
        bind_name = _bind_name_of_unknown(parsed, home)
    else:
        bind_name = f"{account.domain.netbios_name}\\{account.sam_account_name}"
    _bind(home, bind_name, password)
    if account is None:
        raise SignInRefused(
            "Your password is right, but the portal does not know your account yet.",
            remedy="Try again after the next synchronisation with the directory.",
            field="username",
        )
    return account


def _home_of_unknown(parsed: AccountName | PrincipalName | Sid) -> DomainConfiguration:
    """The domain that a name tells; the default one where it tells none that is configured."""
    told = ""
    if isinstance(parsed, AccountName):
        told = parsed.domain
    elif isinstance(parsed, PrincipalName):
        told = parsed.suffix
    return (_configured(told) if told else None) or domain_configuration()


def _configured(name: str) -> DomainConfiguration | None:
    """A domain by its DNS name, or by the NetBIOS name that was read of it."""
    folded = fold_name(name.removesuffix("."))
    names = {folded} | set(
        Domain.objects.filter(netbios_name_folded=folded, is_present=True).values_list(
            "dns_name_folded", flat=True
        )
    )
    return next((each for each in configured_domains() if each.dns_name in names), None)


def _bind_name_of_unknown(
    parsed: AccountName | PrincipalName | Sid, home: DomainConfiguration
) -> str:
    if isinstance(parsed, PrincipalName):
        return str(parsed)
    if isinstance(parsed, Sid):
        return f"nobody@{home.dns_name}"
    if parsed.domain and _configured(parsed.domain) is None:
        # Not name@home: that would try the password on another account.
        return f"{parsed.domain}\\{parsed.name}"
    return f"{parsed.name}@{home.dns_name}"


def _bind(domain: DomainConfiguration, name: str, password: str) -> None:
    try:
        connection = first_answer(
            domain,
            lambda address: open_connection(
                domain.connection, [address], user=name, password=password
            ),
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
