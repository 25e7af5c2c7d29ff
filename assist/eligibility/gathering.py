"""Gathers the facts of a decision from the database, in a fixed number of queries."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, NamedTuple

from django.conf import settings
from django.db import connection
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from assist.audit.standing import standing
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
from assist.eligibility.protection import Asked
from assist.eligibility.protection_facts import protections_of
from assist.eligibility.trail_rule import TrailFacts
from assist.lifecycle import ACTIVE, OCCUPYING, Authority, Mode, State
from assist.models.offer import OfferQuerySet
from assist.roles import roles_of_groups
from directory.errors import PortalError
from directory.kept import VERSION, version_of
from directory.models import Account, Computer, Domain
from directory.names import accounts_named, find_account
from directory.policies import ResultantPolicy, policy_in_force
from directory.statements import Reader, guid_of, key, marks, rows
from directory.tokens import Above, Walk
from directory.trusts import TrustWay
from directory.trusts.loading import trust_map_of
from directory.trusts.shapes import DomainNode

DOMAIN_ADMINS = 512  # relative id, [MS-DTYP] 2.4.2.4
PROTECTED_USERS = 525
NO_OFFER = NOBODY = uuid.UUID(int=0)

_ACTIVE_STATES = sorted(state.value for state in ACTIVE)
_DOMAIN = Reader(Domain, "domain")
_COMPUTER = Reader(Computer, "computer")
_ACCOUNT = Reader(Account, "account")
_ALL_DOMAINS = f"SELECT {_DOMAIN.columns}, {VERSION} FROM directory_domain domain"  # noqa: S608 - columns only
_ONE_COMPUTER = f"SELECT {_COMPUTER.columns} FROM directory_computer computer WHERE guid = %s"  # noqa: S608
_TWO_ACCOUNTS = f"""
SELECT {_ACCOUNT.columns}, wanted.is_caller
  FROM (SELECT guid, 0 AS is_caller FROM directory_account WHERE guid = %s
        UNION ALL SELECT guid, 1 FROM ({{caller}}) found) wanted
  JOIN directory_account account ON account.guid = wanted.guid
"""  # noqa: S608 - columns only
_ACTIVITY = f"""
SELECT lately.of_expert, lately.to_computer, offer.id, offer.state, offer.expert_name,
       offer.expert_sid, offer.requested_at
  FROM (SELECT COUNT(CASE WHEN expert_sid = %s THEN 1 END) AS of_expert,
               COUNT(CASE WHEN computer_id = %s THEN 1 END) AS to_computer
          FROM assist_offer
         WHERE (expert_sid = %s OR computer_id = %s)
           AND let_through_at > %s AND state <> %s AND id <> %s) lately
  LEFT JOIN assist_offer offer
    ON offer.computer_id = %s AND offer.id <> %s AND offer.state IN ({marks(_ACTIVE_STATES)})
"""  # noqa: S608 - marks only


class _OpenOffer(NamedTuple):
    """An offer to the computer that has not ended, as the database gives it."""

    id: Any
    state: str
    expert_name: str
    expert_sid: str
    requested_at: Any

    @property
    def reference(self) -> Reference:
        return Reference("offer", str(guid_of(self.id)), self.expert_name)

    @property
    def since(self) -> datetime | None:
        """In the portal's time zone. SQLite keeps times as texts, in UTC and without saying so."""
        at = self.requested_at
        parsed = parse_datetime(at) if isinstance(at, str) else at
        if parsed is not None and parsed.tzinfo is None:
            parsed = parsed.replace(tzinfo=UTC)
        return timezone.localtime(parsed) if parsed else None


def gather(
    account: Account,
    computer: Computer,
    now: datetime,
    offer_id: uuid.UUID | None = None,
    expert_address: str | None = None,
    asked: Asked | None = None,
    mode: Mode | None = None,
    authority: Authority | None = None,
) -> Facts:
    """What a decision on this expert and computer rests on, as the database has it now.

    Args:
        account: The expert. Read anew: the one in hand may be from the start of a session.
        computer: The computer; read anew too.
        now: An aware time.
        offer_id: The offer that is being decided, which does not stand in its own way.
        expert_address: Where the expert is, if known.
        asked: The offer, where one is being made.
        mode: Its mode, which an approval has to cover.
        authority: Whose account would make the call; by default the first that is allowed.
    """
    read = _DOMAIN.read(_ALL_DOMAINS)
    version = version_of(read[0][1])
    domains = {domain.pk: domain for domain, _ in read}
    account, caller = _accounts(account.pk)
    computer = _computer(computer.pk)
    for row in (account, computer, *([caller] if caller else [])):
        row.domain = domains[row.domain_id]
    walk = Walk([account, caller] if caller else [account])
    above = Above(account, walk)
    policy = policy_in_force(computer, version)
    trusts = trust_map_of(domains.values(), version)
    at = At(computer.domain_id, computer.allowed_to_authenticate, trusts, helpers_named(policy))
    expert = memberships(above, at)
    groups = above.plain()
    roles = roles_of_groups(names_of_groups(groups, trusts))
    oldest = oldest_domain(expert.way)
    return Facts(
        expert=account_facts(account, roles, now, groups=groups),
        expert_memberships=expert,
        computer=computer_facts(computer),
        administrators_sid=f"{computer.domain.sid}-{DOMAIN_ADMINS}",
        policy=policy_facts(policy),
        caller=caller_facts(Above(caller, walk) if caller else None, at),
        activity=_activity(account, computer, now, offer_id),
        oldest_domain=Reference("domain", str(oldest.guid), oldest.dns_name),
        synced_at=oldest.synced_at,
        maximum_age=timedelta(seconds=settings.DIRECTORY_MAXIMUM_AGE_SECONDS),
        firewall=firewall_facts(policy, settings.WORKER_ADDRESSES, expert_address),
        hardening=hardening_facts(policy),
        authority=authority or default_authority(),
        protections=protections_of(account, computer, mode, now, offer_id),
        asked=asked,
        trail=trail_facts(now),
    )


def trail_facts(now: datetime) -> TrailFacts | None:
    """How the audit trail stands; None, and no query, where offers do not depend on it."""
    if not settings.AUDIT_REQUIRED_FOR_OFFERS:
        return None
    found = standing(now)
    return TrailFacts(
        sealer_lag=found.sealer_lag,
        maximum_lag=timedelta(seconds=settings.AUDIT_SEALER_MAXIMUM_LAG_SECONDS),
        has_sink=found.has_sink,
        delivered_at=found.delivered_at,
        maximum_age=timedelta(seconds=settings.AUDIT_SINK_MAXIMUM_AGE_SECONDS),
    )


def default_authority() -> Authority:
    """What is taken where no authority is named."""
    return Authority(settings.OFFER_AUTHORITIES[0])


def _accounts(expert: uuid.UUID) -> tuple[Account, Account | None]:
    """The expert, and the account with which the portal calls computers; one query."""
    caller, parameters = _caller_statement(settings.SERVICE_PRINCIPAL)
    found = _ACCOUNT.read(_TWO_ACCOUNTS.format(caller=caller), [key(expert), *parameters])
    experts = [account for account, (is_caller,) in found if not is_caller]
    callers = [account for account, (is_caller,) in found if is_caller]
    if not experts:
        raise Account.DoesNotExist(f"There is no account {expert}.")
    return experts[0], callers[0] if len(callers) == 1 else None


def _computer(guid: uuid.UUID) -> Computer:
    for found, _ in _COMPUTER.read(_ONE_COMPUTER, [key(guid)]):
        return found
    raise Computer.DoesNotExist(f"There is no computer {guid}.")


@lru_cache(maxsize=8)
def _caller_statement(name: str) -> tuple[str, tuple[Any, ...]]:
    """What the ORM makes of the look-up of an account, made once."""
    try:
        found = accounts_named(name)
    except PortalError:
        found = Account.objects.filter(pk=NOBODY)
    return found.values("guid")[:2].query.sql_with_params()


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


def account_facts(
    account: Account, roles: frozenset[str], now: datetime, *, groups: Collection[str]
) -> AccountFacts:
    """What a decision rests on of an account itself.

    Args:
        account: With its ``domain`` loaded.
        roles: What it is in the portal.
        now: An aware time.
        groups: The SIDs of all its groups.
    """
    return AccountFacts(
        reference=account_reference(account),
        domain=_domain_reference(account.domain),
        is_present=account.is_present,
        is_enabled=account.is_enabled,
        is_locked=account.is_locked(now),
        expires_at=account.expires_at,
        roles=roles,
        never_delegated=_never_delegated(account, groups),
    )


def _never_delegated(account: Account, groups: Collection[str]) -> str:
    """Why no service may act for an account (Windows Server, *Protected Users Security Group*)."""
    if not account.may_be_delegated:
        return "is marked as sensitive and cannot be delegated"
    if f"{account.domain.sid}-{PROTECTED_USERS}" in groups:
        return "is in Protected Users, whose members are never delegated"
    return ""


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
    return _account_named(settings.SERVICE_PRINCIPAL)


def web_account() -> Account | None:
    """The account that calls computers as experts, if the directory has it."""
    return _account_named(settings.SINGLE_SIGN_ON_PRINCIPAL)


def _account_named(name: str) -> Account | None:
    try:
        return find_account(name)
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
    own, hour_ago = key(offer_id or NO_OFFER), now - timedelta(hours=1)
    since = connection.ops.adapt_datetimefield_value(hour_ago)
    pair = (account.sid, key(computer.pk))
    lately = (*pair, *pair, since, State.REFUSED.value, own)
    found = rows(_ACTIVITY, (*lately, key(computer.pk), own, *_ACTIVE_STATES))
    of_expert, to_computer = found[0][:2]
    offers = [_OpenOffer(*row[2:]) for row in found if row[2] is not None]
    active = next((offer for offer in offers if State(offer.state) in OCCUPYING), None)
    held = next(
        (each for each in offers if each.state == State.HELD and each.expert_sid == account.sid),
        None,
    )
    return Activity(
        active_offer=active.reference if active else None,
        offers_in_last_hour=of_expert,
        limit_per_hour=settings.OFFERS_PER_EXPERT_PER_HOUR,
        active_since=active.since if active else None,
        is_own_active=active is not None and active.expert_sid == account.sid,
        held_offer=held.reference if held else None,
        offers_to_computer=to_computer,
        limit_per_computer=settings.OFFERS_PER_COMPUTER_PER_HOUR,
    )


def let_through_lately(offers: OfferQuerySet, now: datetime) -> OfferQuerySet:
    """The offers that count towards the limits of an hour."""
    lately = offers.filter(let_through_at__gt=now - timedelta(hours=1))
    return lately.exclude(state=State.REFUSED.value)
