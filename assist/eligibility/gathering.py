"""Gathers the facts of a decision from the database, in a fixed number of queries."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from django.conf import settings

from assist.eligibility.decision import Reference
from assist.eligibility.facts import (
    AccountFacts,
    Activity,
    Caller,
    ComputerFacts,
    Facts,
    Memberships,
)
from assist.eligibility.firewall_facts import firewall_facts, hardening_facts
from assist.eligibility.policy_facts import policy_facts
from assist.lifecycle import State
from assist.models import Offer
from assist.roles import roles_of_groups
from directory.errors import PortalError
from directory.membership import GroupPath, group_paths
from directory.models import (
    Account,
    Computer,
    Domain,
    Group,
    Membership,
)
from directory.names import find_account
from directory.policies import resultant_policy

DOMAIN_ADMINS = 512  # relative id, [MS-DTYP] 2.4.2.4


def gather(
    account: Account,
    computer: Computer,
    now: datetime,
    offer_id: uuid.UUID | None = None,
    expert_address: str | None = None,
) -> Facts:
    """What a decision on this expert and computer rests on, as the database has it now.

    Args:
        account: The expert. Read anew: the one in hand may be from the start of a session.
        computer: The computer; read anew too.
        now: An aware time.
        offer_id: The offer that is being decided, which does not stand in its own way.
        expert_address: Where the expert is, if known.
    """
    account = Account.objects.select_related("domain").get(pk=account.pk)
    computer = Computer.objects.select_related("domain", "ou").get(pk=computer.pk)
    paths = group_paths(account)
    policy = resultant_policy(computer)
    oldest = min((account.domain, computer.domain), key=_synced_at)
    return Facts(
        expert=_account_facts(account, paths, now),
        expert_memberships=_memberships(account, paths),
        computer=_computer_facts(computer),
        administrators_sid=f"{computer.domain.sid}-{DOMAIN_ADMINS}",
        policy=policy_facts(policy),
        caller=_caller(),
        activity=_activity(account, computer, now, offer_id),
        oldest_domain=_domain_reference(oldest),
        synced_at=oldest.synced_at,
        maximum_age=timedelta(seconds=settings.DIRECTORY_MAXIMUM_AGE_SECONDS),
        firewall=firewall_facts(policy, settings.WORKER_ADDRESSES, expert_address),
        hardening=hardening_facts(policy),
    )


def _synced_at(domain: Domain) -> datetime:
    return domain.synced_at or datetime.min.replace(tzinfo=UTC)


def account_reference(account: Account) -> Reference:
    return Reference("account", account.sid, str(account))


def computer_reference(computer: Computer) -> Reference:
    return Reference("computer", str(computer.guid), computer.name)


def _group_reference(group: Group) -> Reference:
    return Reference("group", group.sid, str(group))


def _domain_reference(domain: Domain) -> Reference:
    return Reference("domain", str(domain.guid), domain.dns_name)


def _account_facts(account: Account, paths: Iterable[GroupPath], now: datetime) -> AccountFacts:
    return AccountFacts(
        reference=account_reference(account),
        domain=_domain_reference(account.domain),
        is_present=account.is_present,
        is_enabled=account.is_enabled,
        is_locked=account.is_locked(now),
        expires_at=account.expires_at,
        roles=roles_of_groups(path.group for path in paths),
    )


def _computer_facts(computer: Computer) -> ComputerFacts:
    return ComputerFacts(
        reference=computer_reference(computer),
        domain=_domain_reference(computer.domain),
        is_present=computer.is_present,
        is_enabled=computer.is_enabled,
        operating_system=computer.operating_system,
        operating_system_version=computer.operating_system_version,
        is_domain_controller=computer.is_domain_controller,
    )


def _memberships(account: Account, paths: list[GroupPath]) -> Memberships:
    """Groups by SID, and those that only a distribution group leads to, up to two steps away."""
    by_sid = {
        path.group.sid: tuple(_group_reference(group) for group in path.path) for path in paths
    }
    edges = Membership.objects.filter(
        member_sid__in=[account.sid, *by_sid], group__is_security=False, group__is_present=True
    ).select_related("group__domain")
    barred: dict[str, tuple[Reference, ...]] = {
        edge.group.sid: (_group_reference(edge.group),) for edge in edges
    }
    above = Membership.objects.filter(
        member_sid__in=list(barred), group__is_present=True
    ).select_related("group__domain")
    for edge in above:
        way = (*barred[edge.member_sid], _group_reference(edge.group))
        barred.setdefault(edge.group.sid, way)
    return Memberships(
        paths=by_sid, barred={sid: way for sid, way in barred.items() if sid not in by_sid}
    )


def _caller() -> Caller:
    name = settings.SERVICE_PRINCIPAL
    try:
        account = find_account(name) if name else None
    except PortalError:
        account = None
    if account is None:
        return Caller(None, name, None)
    return Caller(account_reference(account), name, _memberships(account, group_paths(account)))


def _activity(
    account: Account, computer: Computer, now: datetime, offer_id: uuid.UUID | None
) -> Activity:
    others = Offer.objects.exclude(pk=offer_id) if offer_id else Offer.objects.all()
    active = others.active().filter(computer=computer).first()
    let_through = (
        others.of_expert(account.sid)
        .filter(requested_at__gt=now - timedelta(hours=1))
        .exclude(state=State.REFUSED.value)
    )
    return Activity(
        active_offer=Reference("offer", str(active.pk), active.expert_name) if active else None,
        offers_in_last_hour=let_through.count(),
        limit_per_hour=settings.OFFERS_PER_EXPERT_PER_HOUR,
    )
