"""Gathers what is known of the portal's accounts: from its picture, and from a controller now."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import structlog
from django.conf import settings
from django.utils import timezone

from assist.doctor.findings import AccountRights, Examined, Level, Remark, Use, remarks
from assist.lifecycle import Authority
from directory.browsing import live_entry
from directory.configuration import configured_domains
from directory.errors import PortalError
from directory.ldap.entries import Entry
from directory.ldap.values import MalformedValue
from directory.models import Account, Computer, Group, Membership
from directory.names import find_account

log = structlog.get_logger()


@dataclass(frozen=True)
class _Wanted:
    """An account that the settings name."""

    name: str
    use: Use
    keytab: str | None = None
    service: str = ""


def examine_accounts(*, asks_controller: bool = True) -> tuple[Examined, ...]:
    """Every account that the portal uses, with what is wrong with it.

    Args:
        asks_controller: Also read each from a domain controller; without that only the portal's
            picture counts, and adminCount is not known.
    """
    return tuple(_examine(wanted, asks_controller) for wanted in _accounts())


def _accounts() -> Iterator[_Wanted]:
    if settings.SERVICE_PRINCIPAL or Authority.SERVICE in settings.OFFER_AUTHORITIES:
        yield _Wanted(settings.SERVICE_PRINCIPAL, Use.SERVICE, settings.SERVICE_KEYTAB_FILE)
    if settings.SINGLE_SIGN_ON_PRINCIPAL:
        service = f"HTTP/{settings.SINGLE_SIGN_ON_HOST}"
        yield _Wanted(settings.SINGLE_SIGN_ON_PRINCIPAL, Use.WEB, None, service)
    names = (
        domain.connection.bind_user
        if "@" in domain.connection.bind_user or "\\" in domain.connection.bind_user
        else f"{domain.connection.bind_user}@{domain.dns_name}"
        for domain in configured_domains()
    )
    for name in dict.fromkeys(names):
        yield _Wanted(name, Use.READING)


def _examine(wanted: _Wanted, asks_controller: bool) -> Examined:
    try:
        account = find_account(wanted.name)
    except PortalError as error:
        named = wanted.name or "No account"
        remark = Remark(
            "account.not_found",
            Level.MISSING,
            f"{named}: {error.sentence}" if wanted.name else "No account is set for it.",
            error.remedy,
        )
        return Examined(named, wanted.use, (remark,))
    return Examined(str(account), wanted.use, remarks(_rights(account, wanted, asks_controller)))


def _rights(account: Account, wanted: _Wanted, asks_controller: bool) -> AccountRights:
    live = _live(account) if asks_controller else None
    keytab = wanted.keytab
    return AccountRights(
        name=str(account),
        use=wanted.use,
        domain_sid=account.domain.sid,
        usable=_why_not(account),
        flags=_number(live, "userAccountControl", account.user_account_control),
        groups=_groups(account),
        admin_count=_number(live, "adminCount", 0) if live is not None else None,
        delegates_to=live.texts("msDS-AllowedToDelegateTo") if live else account.delegates_to,
        services=live.texts("servicePrincipalName") if live else account.service_principal_names,
        controllers=frozenset(
            Computer.objects.filter(
                domain=account.domain, is_domain_controller=True, is_present=True
            ).values_list("dns_name_folded", flat=True)
        ),
        wanted_service=wanted.service,
        has_keytab=None if keytab is None else Path(keytab).is_file(),
    )


def _live(account: Account) -> Entry | None:
    try:
        return live_entry(account, str(account))
    except PortalError as error:
        log.warning("an account was examined by the picture alone", reason=error.sentence)
        return None


def _number(live: Entry | None, attribute: str, otherwise: int) -> int:
    """A number of the live object; what its absence means, where it has none."""
    if live is None or live.first(attribute) is None:
        return otherwise
    try:
        return int(live.text(attribute))
    except ValueError as error:
        raise MalformedValue(
            f"{attribute} of {live.distinguished_name} is no number.", remedy="Look at it."
        ) from error


def _why_not(account: Account) -> str:
    now = timezone.now()
    if not account.is_enabled:
        return "is disabled"
    if account.is_expired(now):
        return "has expired"
    return "is locked" if account.is_locked(now) else ""


def _groups(account: Account) -> dict[str, str]:
    """All groups above an account, those of the controllers' BUILTIN domain with them."""
    found: dict[str, str] = {}
    own = Group.objects.filter(sid=account.primary_group_sid, is_present=True)
    beyond = {account.sid, *account.sid_history}
    groups = list(own.select_related("domain"))
    while beyond or groups:
        edges = Membership.objects.filter(member_sid__in=beyond).values("group")
        groups += Group.objects.filter(pk__in=edges, is_present=True).select_related("domain")
        fresh = {group.sid: str(group) for group in groups if group.sid not in found}
        found |= fresh
        beyond, groups = set(fresh), []
    return found
