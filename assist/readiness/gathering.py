"""Gathers what the checks rest on from the database, for many computers in a few queries."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection

from assist.eligibility.decision import Reference
from assist.eligibility.firewall_facts import firewall_facts, hardening_facts
from assist.eligibility.gathering import (
    DOMAIN_ADMINS,
    caller_account,
    caller_facts,
    computer_facts,
    helpers_named,
    web_account,
)
from assist.eligibility.membership_facts import At
from assist.eligibility.policy_facts import policy_facts
from assist.models import Offer, WindowsEvent
from assist.readiness.delegation_facts import delegation_facts
from assist.readiness.facts import (
    ExporterFacts,
    LiveFacts,
    NameFacts,
    ReadinessFacts,
    WindowsEventFacts,
)
from directory.models import Computer, DnsAddress
from directory.policies import PolicyPicture, ResultantPolicy, policy_picture, resultant_policy
from directory.tokens import Above
from directory.trusts import TrustMap
from directory.trusts.loading import trust_map

EVENTS_REACH_BACK = timedelta(days=30)
SESSION_LOGGING = "LoggingEnabled"
EVENT_LOG_READERS = "S-1-5-32-573"  # well-known SID, [MS-DTYP] 2.4.2.4
_NAMES = {
    "postgresql": """
        SELECT lower(spn) AS name, {named} AS holder
          FROM {table}, jsonb_array_elements_text(service_principal_names) AS spn
         WHERE is_present AND spn ILIKE 'host/%'""",
    "sqlite": """
        SELECT lower(spn.value) AS name, {named} AS holder
          FROM {table}, json_each(service_principal_names) AS spn
         WHERE is_present AND spn.value LIKE 'host/%'""",
}
# Computers and accounts: a service's account may hold the name of a computer by mistake.
_HOLDERS = (("directory_computer", "name"), ("directory_account", "sam_account_name"))
_DUPLICATES = """
WITH held AS ({held})
SELECT DISTINCT held.name, held.holder
  FROM held JOIN (SELECT name FROM held GROUP BY name HAVING count(DISTINCT holder) > 1) doubled
    ON doubled.name = held.name
 ORDER BY held.name, held.holder
"""


@dataclass(frozen=True)
class Background:
    """What is the same for all computers of a run, as of its beginning.

    Attributes:
        caller: The portal's account and every group above it; None where it is not known.
        delegate: The same of the account that calls as experts: the web account, where one is set.
        trusts: All domains and trusts.
        holders: Who holds each service principal name that several computers hold.
        picture: The policy of all domains; None where it is read computer by computer.
    """

    caller: Above | None
    delegate: Above | None
    trusts: TrustMap
    holders: Mapping[str, tuple[str, ...]]
    picture: PolicyPicture | None = None

    def policy_of(self, computer: Computer) -> ResultantPolicy:
        return self.picture.of(computer) if self.picture else resultant_policy(computer)


@dataclass(frozen=True)
class Surroundings:
    """What the database knows around some computers, by their GUIDs."""

    zone_addresses: Mapping[tuple[str, str], frozenset[str]] = field(default_factory=dict)
    names_at: Mapping[tuple[str, str], tuple[str, ...]] = field(default_factory=dict)
    events: Mapping[uuid.UUID, tuple[WindowsEventFacts, ...]] = field(default_factory=dict)
    offers: Mapping[uuid.UUID, Reference] = field(default_factory=dict)


def background(*, with_picture: bool) -> Background:
    """Reads what all computers of a run have in common.

    Args:
        with_picture: Many computers follow, so that all policy is worth loading.
    """
    account = caller_account()
    delegate = web_account() if settings.SINGLE_SIGN_ON_PRINCIPAL else account
    return Background(
        caller=Above(account) if account else None,
        delegate=Above(delegate) if delegate else None,
        trusts=trust_map(),
        holders=_duplicate_holders(),
        picture=policy_picture() if with_picture else None,
    )


def surroundings(computers: Collection[Computer], now: datetime) -> Surroundings:
    """What the database knows around some computers; four queries however many they are."""
    forests = {computer.domain.forest_dns_name for computer in computers}
    names = {computer.dns_name_folded for computer in computers if computer.dns_name_folded}
    zones = defaultdict[tuple[str, str], set[str]](set)
    for forest, name, address in _zone_rows(forests, node__name_folded__in=names):
        zones[forest, name].add(address)
    own = {address for found in zones.values() for address in found}
    at = defaultdict[tuple[str, str], list[str]](list)
    for forest, name, address in _zone_rows(forests, address__in=own):
        at[forest, address].append(name)
    return Surroundings(
        zone_addresses={place: frozenset(found) for place, found in zones.items()},
        names_at={place: tuple(found) for place, found in at.items()},
        events=_events(computers, now),
        offers={
            offer.computer_id: Reference("offer", str(offer.pk), offer.expert_name)
            for offer in Offer.objects.occupying().filter(computer__in=computers)
            if offer.computer_id is not None
        },
    )


def facts_of(
    computer: Computer,
    around: Surroundings,
    behind: Background,
    names: NameFacts,
    exporter: ExporterFacts | None,
    live: LiveFacts | None,
    now: datetime,
) -> ReadinessFacts:
    """The facts of one computer; no query where ``behind`` has a picture of policy."""
    policy = behind.policy_of(computer)
    logging = policy.values.get(SESSION_LOGGING)
    at = At(
        computer.domain_id,
        computer.allowed_to_authenticate,
        behind.trusts,
        helpers_named(policy),
    )
    caller = caller_facts(behind.caller, at)
    readers = caller.memberships.paths.get(EVENT_LOG_READERS) if caller.memberships else None
    return ReadinessFacts(
        computer=computer_facts(computer),
        administrators_sid=f"{computer.domain.sid}-{DOMAIN_ADMINS}",
        policy=policy_facts(policy),
        caller=caller,
        firewall=firewall_facts(policy, settings.WORKER_ADDRESSES, None),
        hardening=hardening_facts(policy),
        last_logon_at=computer.last_logon_at,
        service_principal_names=frozenset(
            name.lower() for name in computer.service_principal_names
        ),
        duplicate_holders=_others(computer, behind.holders),
        delegation=delegation_facts(computer, behind.delegate, behind.trusts),
        logs_sessions=logging is not None and logging.value == 1,
        events=around.events.get(computer.pk, ()),
        active_offer=around.offers.get(computer.pk),
        reader_groups=readers[-1] if readers else None,
        names=names,
        exporter=exporter,
        live=live,
        now=now,
    )


def _zone_rows(forests: Iterable[str], **where: object) -> Iterable[tuple[str, str, str]]:
    return DnsAddress.objects.filter(
        node__is_present=True, node__domain__forest_dns_name__in=forests, **where
    ).values_list("node__domain__forest_dns_name", "node__name_folded", "address")


def _events(
    computers: Collection[Computer], now: datetime
) -> Mapping[uuid.UUID, tuple[WindowsEventFacts, ...]]:
    found = defaultdict[uuid.UUID, list[WindowsEventFacts]](list)
    rows = WindowsEvent.objects.filter(
        computer__in=computers, at__gt=now - EVENTS_REACH_BACK
    ).values_list("computer_id", "event_id", "at", "process_id")
    for guid, event_id, at, process_id in rows:
        if guid is not None:
            found[guid].append(WindowsEventFacts(event_id, at, process_id))
    return {guid: tuple(events) for guid, events in found.items()}


def _duplicate_holders() -> Mapping[str, tuple[str, ...]]:
    """The objects that hold each HOST/ name that more than one holds; one query."""
    names = _NAMES[connection.vendor]
    held = " UNION ALL ".join(names.format(table=table, named=named) for table, named in _HOLDERS)
    holders = defaultdict[str, list[str]](list)
    with connection.cursor() as cursor:
        cursor.execute(_DUPLICATES.format(held=held))
        for name, holder in cursor.fetchall():
            holders[name].append(holder)
    return {name: tuple(found) for name, found in holders.items()}


def _others(
    computer: Computer, holders: Mapping[str, tuple[str, ...]]
) -> dict[str, tuple[str, ...]]:
    """By name that it holds too, the other computers that hold it."""
    own = {name.lower() for name in computer.service_principal_names}
    return {
        name: others
        for name in own & holders.keys()
        if (others := tuple(item for item in holders[name] if item != computer.name))
    }


def names_in_zones(computer: Computer, around: Surroundings, names: NameFacts) -> NameFacts:
    """The same with what the directory's zones say."""
    forest = computer.domain.forest_dns_name
    own = around.zone_addresses.get((forest, computer.dns_name_folded), frozenset())
    claimed = {
        address: others
        for address in names.addresses or ()
        if (
            others := tuple(
                name
                for name in around.names_at.get((forest, address), ())
                if name != computer.dns_name_folded
            )
        )
    }
    return replace(names, zone_addresses=own, claimed_by=claimed)
