"""Gathers the facts of a decision from the database, in a fixed number of queries."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta

from django.conf import settings

from assist.eligibility.decision import Reference
from assist.eligibility.facts import (
    AccountFacts,
    Activity,
    Caller,
    ComputerFacts,
    Facts,
)
from assist.eligibility.firewall_facts import firewall_facts, hardening_facts
from assist.eligibility.membership_facts import At, memberships, names_of_groups
from assist.eligibility.policy_facts import policy_facts
from assist.lifecycle import State
from assist.models import Offer
from assist.roles import roles_of_groups
from directory.errors import PortalError
from directory.models import Account, Computer, Domain
from directory.names import find_account
from directory.policies import ResultantPolicy, resultant_policy
from directory.tokens import Above
from directory.trusts import TrustMap, TrustWay
from directory.trusts.loading import domain_map, trust_map
from directory.trusts.shapes import DomainNode

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
    above, caller = Above(account), caller_account()
    policy = resultant_policy(computer)
    trusts = _trusts(account, computer, caller)
    at = At(computer.domain_id, computer.allowed_to_authenticate, trusts, helpers_named(policy))
    expert = memberships(above, at)
    roles = roles_of_groups(names_of_groups(above.plain(), trusts))
    oldest = oldest_domain(expert.way)
    return Facts(
        expert=account_facts(account, roles, now),
        expert_memberships=expert,
        computer=computer_facts(computer),
        administrators_sid=f"{computer.domain.sid}-{DOMAIN_ADMINS}",
        policy=policy_facts(policy),
        caller=caller_facts(Above(caller) if caller else None, at),
        activity=_activity(account, computer, now, offer_id),
        oldest_domain=Reference("domain", str(oldest.guid), oldest.dns_name),
        synced_at=oldest.synced_at,
        maximum_age=timedelta(seconds=settings.DIRECTORY_MAXIMUM_AGE_SECONDS),
        firewall=firewall_facts(policy, settings.WORKER_ADDRESSES, expert_address),
        hardening=hardening_facts(policy),
    )


def _trusts(account: Account, computer: Computer, caller: Account | None) -> TrustMap:
    """What is known of domains; of trusts too, where somebody is of another domain."""
    others = {account.domain_id, caller.domain_id if caller else computer.domain_id}
    return domain_map() if others == {computer.domain_id} else trust_map()


def helpers_named(policy: ResultantPolicy) -> frozenset[str]:
    """The SIDs of the helpers that policy names, for certain or perhaps."""
    lines = [helper.line for helper in policy.helpers]
    named = (found for line in lines for found in (line.principal, *line.either))
    return frozenset(found.sid for found in named if found is not None)


def oldest_domain(way: TrustWay) -> DomainNode:
    """Of the domains whose picture a way rests on, the one that was read longest ago."""
    holders = {hop.holder for hop in way.hops if hop.holder is not None}
    return min({way.computer_domain, way.expert_domain} | holders, key=_synced_at)


def _synced_at(domain: DomainNode) -> datetime:
    return domain.synced_at or datetime.min.replace(tzinfo=UTC)


def account_reference(account: Account) -> Reference:
    return Reference("account", account.sid, str(account))


def computer_reference(computer: Computer) -> Reference:
    return Reference("computer", str(computer.guid), computer.name)


def _domain_reference(domain: Domain) -> Reference:
    return Reference("domain", str(domain.guid), domain.dns_name)


def account_facts(account: Account, roles: frozenset[str], now: datetime) -> AccountFacts:
    """What a decision rests on of an account itself."""
    return AccountFacts(
        reference=account_reference(account),
        domain=_domain_reference(account.domain),
        is_present=account.is_present,
        is_enabled=account.is_enabled,
        is_locked=account.is_locked(now),
        expires_at=account.expires_at,
        roles=roles,
    )


def computer_facts(computer: Computer) -> ComputerFacts:
    return ComputerFacts(
        reference=computer_reference(computer),
        domain=_domain_reference(computer.domain),
        is_present=computer.is_present,
        is_enabled=computer.is_enabled,
        operating_system=computer.operating_system,
        operating_system_version=computer.operating_system_version,
        is_domain_controller=computer.is_domain_controller,
    )


def caller_account() -> Account | None:
    """The account with which the portal calls computers, if the directory has it."""
    name = settings.SERVICE_PRINCIPAL
    try:
        return find_account(name) if name else None
    except PortalError:
        return None


def caller_facts(above: Above | None, at: At) -> Caller:
    """What the portal's account is at a computer, without a query."""
    name = settings.SERVICE_PRINCIPAL
    if above is None:
        return Caller(None, name, None)
    return Caller(account_reference(above.account), name, memberships(above, at))


def _activity(
    account: Account, computer: Computer, now: datetime, offer_id: uuid.UUID | None
) -> Activity:
    others = Offer.objects.exclude(pk=offer_id) if offer_id else Offer.objects.all()
    active = others.active().filter(computer=computer).values_list("pk", "expert_name").first()
    let_through = (
        others.of_expert(account.sid)
        .filter(requested_at__gt=now - timedelta(hours=1))
        .exclude(state=State.REFUSED.value)
    )
    return Activity(
        active_offer=Reference("offer", str(active[0]), active[1]) if active else None,
        offers_in_last_hour=let_through.count(),
        limit_per_hour=settings.OFFERS_PER_EXPERT_PER_HOUR,
    )
