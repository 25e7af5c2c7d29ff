"""The experts as decisions on many pairs want them."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings

from assist.eligibility.facts import AccountFacts, Activity
from assist.eligibility.gathering import account_facts, let_through_lately
from assist.eligibility.membership_facts import names_of_groups
from assist.models import Offer
from assist.roles import EXPERT, roles_of_groups
from directory.comparison import fold_name
from directory.membership import members_of
from directory.models import Account, Group
from directory.token_graph import AboveInGraph, GroupGraph
from directory.trusts import TrustMap


@dataclass(frozen=True)
class Person:
    """An expert.

    Attributes:
        account: What the directory has of the account.
        above: The groups above it.
        activity: How many offers she made lately.
    """

    account: AccountFacts
    above: AboveInGraph
    activity: Activity

    @property
    def sid(self) -> str:
        return self.account.reference.id

    @property
    def name(self) -> str:
        return self.account.reference.name

    @property
    def domain_id(self) -> uuid.UUID:
        return self.above.account.domain_id


def expert_accounts() -> list[Account]:
    """Every account that has the portal's role expert, by domain and name."""
    accounts = members_of(groups_of_experts()).select_related("domain")
    return list(accounts.order_by("domain__netbios_name_folded", "sam_account_name_folded", "guid"))


def groups_of_experts() -> list[Group]:
    """The groups that give the role expert."""
    plain = {fold_name(name).rpartition("\\")[2] for name in settings.ROLE_GROUPS[EXPERT]}
    candidates = Group.objects.filter(sam_account_name_folded__in=plain).select_related("domain")
    return [group for group in candidates if EXPERT in roles_of_groups(_names(group))]


def _names(group: Group) -> list[tuple[str, str]]:
    domain = group.domain
    return [(name, group.sam_account_name) for name in (domain.netbios_name, domain.dns_name)]


def people_of(
    accounts: Sequence[Account], graph: GroupGraph, trusts: TrustMap, now: datetime
) -> tuple[Person, ...]:
    """The facts of some accounts.

    Args:
        accounts: With their ``domain`` loaded.
        graph: Loaded for them.
        trusts: Names the domains of groups.
        now: An aware time.
    """
    offers = _offers_in_last_hour([account.sid for account in accounts], now)
    return tuple(_person(each, graph, trusts, offers[each.sid], now) for each in accounts)


def _person(
    account: Account, graph: GroupGraph, trusts: TrustMap, offers: int, now: datetime
) -> Person:
    above = AboveInGraph(account, graph)
    groups = above.plain()
    roles = roles_of_groups(names_of_groups(groups, trusts))
    return Person(
        account=account_facts(account, roles, now, groups=groups),
        above=above,
        activity=Activity(None, offers, settings.OFFERS_PER_EXPERT_PER_HOUR),
    )


def people_in(
    people: Sequence[Person], graph: GroupGraph, trusts: TrustMap, now: datetime
) -> tuple[Person, ...]:
    """The same people in another picture of groups."""
    return tuple(
        _person(each.above.account, graph, trusts, each.activity.offers_in_last_hour, now)
        for each in people
    )


def _offers_in_last_hour(sids: Iterable[str], now: datetime) -> Counter[str]:
    wanted = set(sids)
    made = let_through_lately(Offer.objects.all(), now).order_by()
    return Counter(sid for sid in made.values_list("expert_sid", flat=True) if sid in wanted)
