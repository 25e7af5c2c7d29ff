r"""Storing helper lists, each line with whom it names.

Windows does not check a line when it is written into a policy; a line that names nobody stays
there and helps nobody. What is resolved here is what the computer's own look-up would find in the
domain: ``R2\Helpdesk``, ``r2.local\mjones``, ``mjones@r2.local``, a SID or a bare name.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from django.db.models import Q

from directory.comparison import fold_name
from directory.grouppolicy.remote_assistance import ListedHelper
from directory.models import Account, Domain, Group, HelperEntry
from directory.name_forms import (
    AccountName,
    InvalidName,
    PrincipalName,
    Sid,
    parse_account_name,
)
from directory.synchronisation.reading import DomainContent

LOCAL_DOMAINS = frozenset({"builtin", "nt authority", ".", "nt service"})


@dataclass(frozen=True)
class Resolution:
    """Whom a line names, or why nobody."""

    account: Account | None = None
    group: Group | None = None
    problem: str = ""


def store_helper_entries(content: DomainContent, domain: Domain) -> dict[str, int]:
    """Make the helper lists of a domain's policies those that were read.

    Returns:
        Counts: all, and those that name nobody.
    """
    wanted = list(_entries(content, domain))
    existing = {
        _identity(entry): entry.pk for entry in HelperEntry.objects.filter(policy__domain=domain)
    }
    kept = {_identity(entry) for entry in wanted}
    HelperEntry.objects.filter(
        pk__in=[pk for identity, pk in existing.items() if identity not in kept]
    ).delete()
    HelperEntry.objects.bulk_create(entry for entry in wanted if _identity(entry) not in existing)
    unresolved = sum(1 for entry in wanted if entry.problem)
    return {"read": len(wanted), "unresolved": unresolved}


def _identity(entry: HelperEntry) -> tuple[object, ...]:
    return (
        entry.policy_id,
        entry.position,
        entry.text,
        entry.account_id,
        entry.group_id,
        entry.problem,
    )


def _entries(content: DomainContent, domain: Domain) -> Iterator[HelperEntry]:
    for policy in content.policies:
        for position, helper in enumerate(policy.remote_assistance.helpers, start=1):
            resolution = resolve_helper(helper, domain)
            yield HelperEntry(
                policy_id=policy.entry.guid,
                position=position,
                text=helper.data or helper.name,
                account=resolution.account,
                group=resolution.group,
                problem=resolution.problem,
            )


def resolve_helper(helper: ListedHelper, domain: Domain) -> Resolution:
    """Whom a line of a helper list names.

    Args:
        helper: As the policy has it.
        domain: The policy's domain, where bare names are looked for.
    """
    if not helper.is_consistent:
        return Resolution(
            problem=f"The value is named {helper.name} but holds {helper.data or 'no text'}; "
            "which of the two Windows takes is not documented."
        )
    local, separator, _ = helper.data.partition("\\")
    if separator and fold_name(local) in LOCAL_DOMAINS:
        return Resolution(problem="It names a group of each computer, not one of the domain.")
    try:
        parsed = parse_account_name(helper.data, field="helper")
    except InvalidName:
        return Resolution(problem="It is not a name that Windows would accept.")
    if isinstance(parsed, AccountName) and parsed.domain and not _knows(parsed.domain):
        return Resolution(problem=f"The domain {parsed.domain} is not known here.")
    return _look_up(parsed, domain)


def _knows(domain: str) -> bool:
    folded = fold_name(domain)
    return Domain.objects.filter(
        Q(netbios_name_folded=folded) | Q(dns_name_folded=folded), is_present=True
    ).exists()


def _look_up(parsed: AccountName | PrincipalName | Sid, domain: Domain) -> Resolution:
    accounts = list(Account.objects.filter(_query(parsed, domain, for_accounts=True))[:2])
    groups = list(Group.objects.filter(_query(parsed, domain, for_accounts=False))[:2])
    if len(accounts) + len(groups) > 1:
        return Resolution(problem="More than one account or group has that name.")
    if accounts:
        return Resolution(account=accounts[0])
    if not groups:
        return Resolution(problem="No account or group has that name.")
    if not groups[0].is_security:
        return Resolution(
            group=groups[0], problem="It is a distribution group, which grants nothing."
        )
    return Resolution(group=groups[0])


def _query(parsed: AccountName | PrincipalName | Sid, domain: Domain, *, for_accounts: bool) -> Q:
    present = Q(is_present=True)
    if isinstance(parsed, Sid):
        return present & Q(sid=parsed.text)
    same_name = Q(sam_account_name_folded=fold_name(parsed.name))
    if isinstance(parsed, PrincipalName):
        query = same_name & Q(domain__dns_name_folded=fold_name(parsed.suffix))
        if for_accounts:
            query |= Q(user_principal_name_folded=fold_name(str(parsed)))
        return present & query
    if not parsed.domain:
        return present & same_name & Q(domain=domain)
    folded = fold_name(parsed.domain)
    return (
        present
        & same_name
        & (Q(domain__netbios_name_folded=folded) | Q(domain__dns_name_folded=folded))
    )
