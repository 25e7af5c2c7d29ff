r"""From a name as people write it to the account or computer it means.

Names are compared as Windows does: ``R2\mjones``, ``r2.local\MJones`` and ``mjones@R2.LOCAL`` are
one account.
"""

from __future__ import annotations

from typing import TypeVar

from django.db.models import Case, IntegerField, Q, QuerySet, Value, When

from directory.addresses import computer_at
from directory.comparison import fold_name
from directory.errors import PortalError
from directory.models import Account, Computer, Group, GroupPolicy, OrganizationalUnit
from directory.name_forms import (
    AccountName,
    ComputerName,
    InvalidName,
    PrincipalName,
    Sid,
    parse_account_name,
    parse_computer_name,
)

__all__ = [
    "AmbiguousName",
    "InvalidName",
    "UnknownName",
    "find_account",
    "find_computer",
    "find_group",
    "find_policy",
    "find_unit",
    "search_computers",
]

Found = TypeVar("Found", Account, Group, Computer)


class UnknownName(PortalError):
    """Nothing in the directory has that name."""

    code = "unknown_name"
    status = 404


class AmbiguousName(PortalError):
    """More than one object answers to that name."""

    code = "ambiguous_name"
    status = 409


def find_account(name: str, *, field: str = "expert") -> Account:
    r"""The account that a name means.

    Args:
        name: ``R2\mjones``, ``r2.local\mjones``, ``mjones@r2.local`` (or an explicit user
            principal name), a SID, or ``mjones`` where only one domain has it. In any case.
        field: The name of the input, for errors.

    Raises:
        InvalidName: No account can have that name.
        UnknownName: No account has it.
        AmbiguousName: Several have it.
    """
    return _only_one(accounts_named(name, field=field).select_related("domain"), name, field)


def accounts_named(name: str, *, field: str = "expert") -> QuerySet[Account]:
    """The accounts that a name may mean, in the forms of :func:`find_account`.

    Raises:
        InvalidName: No account can have that name.
    """
    parsed = parse_account_name(name, field=field)
    query = _principal_query(parsed, with_principal_name=True)
    return Account.objects.filter(query, is_present=True)


def find_group(name: str, *, field: str = "group") -> Group:
    r"""The group that a name means, in the forms of :func:`find_account`."""
    parsed = parse_account_name(name, field=field)
    groups = Group.objects.filter(_principal_query(parsed, with_principal_name=False))
    return _only_one(groups.filter(is_present=True).select_related("domain"), name, field)


def find_computer(name: str, *, field: str = "computer") -> Computer:
    r"""The computer that a name or an IP address means.

    Args:
        name: ``XP191``, ``R2\XP191``, ``xp191$``, ``xp191.r2.local``, or an IPv4 or IPv6 address,
            which is looked up at the domain's DNS servers.
        field: The name of the input, for errors.

    Raises:
        InvalidName: No computer can have that name. Nothing was sent anywhere.
        UnknownName: No computer has it.
        AmbiguousName: Several have it.
        UnknownAddress: See :func:`directory.addresses.computer_at`.
    """
    parsed = parse_computer_name(name, field=field)
    if not isinstance(parsed, ComputerName):
        return computer_at(str(parsed), field=field)
    if parsed.is_dns_name:
        query = Q(dns_name_folded=fold_name(parsed.name))
    else:
        query = Q(name_folded=fold_name(parsed.name))
    if parsed.domain:
        query &= _domain_query(parsed.domain)
    computers = Computer.objects.filter(query, is_present=True).select_related("domain", "ou")
    return _only_one(computers, name, field)


def find_unit(name: str, *, field: str = "unit") -> OrganizationalUnit:
    """The organizational unit with a distinguished name, in any case.

    Args:
        name: As ``OU=Winnipeg,DC=r2,DC=local``.
        field: The name of the input, for errors.

    Raises:
        UnknownName: None has it.
    """
    wanted = fold_name(name.strip())
    units = OrganizationalUnit.objects.filter(is_present=True)
    for guid, distinguished_name in units.values_list("guid", "distinguished_name"):
        if fold_name(distinguished_name) == wanted:
            return units.get(pk=guid)
    raise UnknownName(
        f"The directory has no organizational unit {name.strip()}.",
        remedy="Write its distinguished name, as OU=Winnipeg,DC=r2,DC=local.",
        field=field,
    )


def find_policy(name: str, *, field: str = "policy") -> GroupPolicy:
    """The Group Policy object with a name, in any case, or with a GUID.

    Args:
        name: As ``WinnipegGPO``, or the GUID in its distinguished name.
        field: The name of the input, for errors.

    Raises:
        UnknownName: None has it.
        AmbiguousName: Several have it.
    """
    wanted = fold_name(name.strip())
    policies = GroupPolicy.objects.filter(is_present=True).select_related("domain")
    found = [
        policy
        for policy in policies
        if wanted in (fold_name(policy.display_name), str(policy.policy_guid), str(policy.guid))
        or wanted == f"{{{policy.policy_guid}}}"
    ]
    if not found:
        raise UnknownName(
            f"The directory has no Group Policy object {name.strip()}.",
            remedy="Write its name or its GUID.",
            field=field,
        )
    if len(found) > 1:
        choices = ", ".join(f"{policy} of {policy.domain} ({policy.guid})" for policy in found[:6])
        raise AmbiguousName(
            f"{name.strip()} may mean any of {choices}.", remedy="Write its GUID.", field=field
        )
    return found[0]


def search_computers(text: str, limit: int = 20) -> list[Computer]:
    """Computers for a search box: whose name or DNS name holds the text, names beginning so first.

    The people who manage a computer (managedBy) and its description lead to it as well.

    Args:
        text: Anything; what is no text gives nothing.
        limit: The most to return.
    """
    wanted = fold_name(text.strip()).replace("\x00", "")
    if not wanted:
        return []
    matches = (
        Q(name_folded__contains=wanted)
        | Q(dns_name_folded__contains=wanted)
        | Q(description__icontains=wanted)
        | Q(managed_by__sam_account_name_folded=wanted.rpartition("\\")[2])
        | Q(managed_by__display_name__icontains=wanted)
    )
    rank = Case(
        When(name_folded=wanted, then=Value(0)),
        When(name_folded__startswith=wanted, then=Value(1)),
        When(name_folded__contains=wanted, then=Value(2)),
        default=Value(3),
        output_field=IntegerField(),
    )
    computers = Computer.objects.filter(matches, is_present=True)
    return list(
        computers.select_related("domain", "ou").order_by(rank, "name_folded", "guid")[:limit]
    )


def _domain_query(domain: str) -> Q:
    folded = fold_name(domain.removesuffix("."))
    return Q(domain__netbios_name_folded=folded) | Q(domain__dns_name_folded=folded)


def _principal_query(parsed: AccountName | PrincipalName | Sid, *, with_principal_name: bool) -> Q:
    if isinstance(parsed, Sid):
        return Q(sid=parsed.text)
    same_name = Q(sam_account_name_folded=fold_name(parsed.name))
    if isinstance(parsed, PrincipalName):
        # Every account also answers to account@domain, whatever its explicit name is.
        query = same_name & Q(domain__dns_name_folded=fold_name(parsed.suffix))
        if with_principal_name:
            query |= Q(user_principal_name_folded=fold_name(str(parsed)))
        return query
    return same_name & _domain_query(parsed.domain) if parsed.domain else same_name


def _only_one(found: QuerySet[Found], name: str, field: str) -> Found:
    candidates = list(found[:6])
    if not candidates:
        raise UnknownName(
            f"The directory knows nobody and nothing by the name {name.strip()}.",
            remedy="Check the spelling; something created lately appears after the next "
            "synchronisation.",
            field=field,
        )
    if len(candidates) > 1:
        choices = ", ".join(
            f"{candidate.domain.netbios_name}\\{candidate.sam_account_name}"
            for candidate in candidates
        )
        raise AmbiguousName(
            f"{name.strip()} may mean any of {choices}.",
            remedy=r"Write the name with its domain, as DOMAIN\name.",
            field=field,
        )
    return candidates[0]
