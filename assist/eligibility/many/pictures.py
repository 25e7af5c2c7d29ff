"""Everything that decisions rest on, loaded once for all of them."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Count

from assist.eligibility.decision import Reference
from assist.eligibility.gathering import caller_account, let_through_lately
from assist.eligibility.many.people import Person, expert_accounts, people_of
from assist.eligibility.protection_facts import ProtectionPicture, protection_picture
from assist.models import Offer
from directory.models import Account, Domain
from directory.policies import PolicyPicture, policy_picture
from directory.token_graph import AboveInGraph, GroupGraph, group_graph
from directory.trusts import TrustMap
from directory.trusts.loading import trust_map


@dataclass(frozen=True)
class Pictures:
    """What the answers for many rest on.

    Attributes:
        people: The experts that are asked about.
        policy: What policy says everywhere.
        caller: The groups above the portal's own account; None: it is not in the directory.
        graph: Who is in which group.
        trusts: Who lets whom in.
        active: By the GUID of their computer, offers that have not ended.
        crowded: GUIDs of computers to which no more offers are let through for now.
        protection: The rules for protected computers.
        maximum_age: How old the picture of a domain may be.
        now: When it was loaded, an aware time.
    """

    people: tuple[Person, ...]
    policy: PolicyPicture
    caller: AboveInGraph | None
    graph: GroupGraph
    trusts: TrustMap
    active: Mapping[uuid.UUID, Reference]
    crowded: frozenset[uuid.UUID]
    protection: ProtectionPicture
    maximum_age: timedelta
    now: datetime

    @property
    def domains(self) -> Mapping[uuid.UUID, Domain]:
        return self.policy.domains


def load_pictures(
    now: datetime, experts: Sequence[Account] | None = None, also: Sequence[Account] = ()
) -> Pictures:
    """Loads everything but the computers.

    Args:
        now: An aware time.
        experts: Whom to ask about, with their ``domain`` loaded; None: everybody with the role.
        also: Whom to ask about besides.
    """
    accounts, caller = list(expert_accounts() if experts is None else experts), caller_account()
    known = {account.pk for account in accounts}
    accounts += [account for account in also if account.pk not in known]
    graph = group_graph([*accounts, caller] if caller else accounts)
    trusts, policy = trust_map(), policy_picture()
    return Pictures(
        people=people_of(accounts, graph, trusts, now),
        policy=policy,
        caller=AboveInGraph(caller, graph) if caller else None,
        graph=graph,
        trusts=trusts,
        active=_active_offers(),
        crowded=_crowded(now),
        protection=protection_picture(
            {guid: unit.parent_guid for guid, unit in policy.units.items()}
        ),
        maximum_age=timedelta(seconds=settings.DIRECTORY_MAXIMUM_AGE_SECONDS),
        now=now,
    )


def _active_offers() -> Mapping[uuid.UUID, Reference]:
    rows = Offer.objects.occupying().filter(computer__isnull=False)
    return {
        computer: Reference("offer", str(pk), name)
        for pk, computer, name in rows.values_list("pk", "computer_id", "expert_name")
    }


def _crowded(now: datetime) -> frozenset[uuid.UUID]:
    lately = let_through_lately(Offer.objects.filter(computer__isnull=False), now).order_by()
    counted = lately.values_list("computer_id").annotate(number=Count("pk"))
    return frozenset(
        computer
        for computer, number in counted
        if computer and number >= settings.OFFERS_PER_COMPUTER_PER_HOUR
    )
