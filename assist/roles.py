"""What someone is in the portal, by membership in groups of Active Directory."""

from __future__ import annotations

from collections.abc import Iterable

from django.conf import settings

from directory.comparison import fold_name
from directory.membership import group_paths
from directory.models import Account

EXPERT = "expert"
MANAGER = "manager"
AUDITOR = "auditor"
OPERATOR = "operator"
APPROVER = "approver"


def roles_of(account: Account) -> frozenset[str]:
    """The roles of an account, through direct and nested security groups.

    Args:
        account: An account of the directory.

    Returns:
        Names of ``settings.ROLE_GROUPS`` one of whose groups the account is a member of.
    """
    groups = [path.group for path in group_paths(account)]
    return roles_of_groups(
        (domain_name, group.sam_account_name)
        for group in groups
        for domain_name in (group.domain.netbios_name, group.domain.dns_name)
    )


def roles_of_groups(groups: Iterable[tuple[str, str]]) -> frozenset[str]:
    """The roles that membership in these groups gives.

    Args:
        groups: Domain and name of each, by the domain's NetBIOS and its DNS name.
    """
    names = {fold_name(f"{domain_name}\\{name}") for domain_name, name in groups}
    return frozenset(
        role
        for role, group_names in settings.ROLE_GROUPS.items()
        if any(fold_name(name) in names for name in group_names)
    )
