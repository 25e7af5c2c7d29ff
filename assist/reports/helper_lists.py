"""Helper lists against reality: whom they name, whom they let in, and who of these helps."""

from __future__ import annotations

import uuid
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from django.db.models import Count, Q, QuerySet

from assist.eligibility.gathering import caller_account
from assist.lifecycle import State
from assist.models import Offer
from assist.reports.periods import Period
from directory.member_counts import people_in_each
from directory.membership import members_of
from directory.models import Account, Group, GroupPolicyLink, HelperEntry

K = TypeVar("K")


@dataclass(frozen=True)
class Entry:
    """One line of a helper list.

    Attributes:
        policy_guid: The policy that has it.
        is_linked: The policy is linked somewhere, so that the line can let somebody in.
        position: Its place in the list.
        text: As the policy has it.
        named: Whom it names, as ``DOMAIN\\name``; empty: nobody that is in the directory.
        sid: Hers, or the group's.
        problem: What is wrong with it, in the words of the synchronisation.
        repeats: The place of an earlier line of the list that names the same; None: none does.
    """

    policy_guid: uuid.UUID
    policy_name: str
    is_linked: bool
    position: int
    text: str
    named: str
    sid: str
    problem: str
    repeats: int | None

    @property
    def is_resolved(self) -> bool:
        return bool(self.named)


@dataclass(frozen=True)
class Helper:
    """Somebody whom a helper list lets in, directly or through a group.

    Attributes:
        lists: The policies that have a line for her own account.
        offers: How many offers she asked for in the period.
    """

    guid: uuid.UUID
    sid: str
    name: str
    display_name: str
    lists: tuple[str, ...]
    offers: int = 0
    expires_at: datetime | None = None
    is_enabled: bool = True


@dataclass(frozen=True)
class WideGroup:
    """A group on helper lists, and how many enabled accounts it lets in."""

    guid: uuid.UUID
    sid: str
    name: str
    people: int
    lists: tuple[str, ...]


@dataclass(frozen=True)
class HelperLists:
    """All helper lists as they were read.

    Attributes:
        entries: Their lines, by policy and place.
        accounts: Accounts named by policies that are linked, with the policies' names.
        groups: Groups likewise.
    """

    entries: tuple[Entry, ...]
    accounts: dict[uuid.UUID, tuple[str, ...]]
    groups: dict[Group, tuple[str, ...]]

    @property
    def unresolved(self) -> list[Entry]:
        """Lines that name nobody in the directory, or not certainly whom."""
        return [entry for entry in self.entries if not entry.is_resolved]

    @property
    def duplicates(self) -> list[Entry]:
        """Lines that name whom an earlier line of the same list names."""
        return [entry for entry in self.entries if entry.repeats is not None]


def helper_lists() -> HelperLists:
    """Reads the lines of all policies that the directory has; two queries."""
    linked = set(
        GroupPolicyLink.objects.filter(is_disabled=False, policy__isnull=False)
        .values_list("policy_id", flat=True)
        .distinct()
    )
    rows = (
        HelperEntry.objects.filter(policy__is_present=True)
        .select_related("policy", "account__domain", "group__domain")
        .order_by("policy__display_name", "policy_id", "position")
    )
    entries = list[Entry]()
    first = dict[tuple[uuid.UUID, str], int]()
    accounts = defaultdict[uuid.UUID, list[str]](list)
    groups = defaultdict[Group, list[str]](list)
    for row in rows:
        who = row.account or row.group
        if who is not None and not who.is_present:
            who = None
        sid = who.sid if who else ""
        place = first.setdefault((row.policy_id, sid), row.position) if sid else row.position
        name = row.policy.display_name
        entries.append(
            Entry(
                policy_guid=row.policy_id,
                policy_name=name,
                is_linked=row.policy_id in linked,
                position=row.position,
                text=row.text,
                named=str(who or ""),
                sid=sid,
                problem=row.problem or ("" if who else "It names nobody in the directory."),
                repeats=None if place == row.position else place,
            )
        )
        if row.policy_id in linked and isinstance(who, Account):
            accounts[who.pk].append(name)
        elif row.policy_id in linked and isinstance(who, Group):
            groups[who].append(name)
    return HelperLists(tuple(entries), _named_once(accounts), _named_once(groups))


def never_helped(lists: HelperLists, period: Period, now: datetime) -> list[Helper]:
    """Helpers none of whose offers of a period was accepted; three queries and those of groups.

    Accounts that cannot be used are left out, and the portal's own.

    Args:
        lists: From :func:`helper_lists`.
        period: Of when the offers were asked for.
        now: An aware time.
    """
    asked = Offer.objects.filter(
        requested_at__gte=period.begins_at, requested_at__lt=period.ends_at
    ).order_by()
    helped = asked.filter(outcome=State.ACCEPTED.value).values_list("expert_sid").distinct()
    sids = {sid for (sid,) in helped}
    numbers = Counter[str]()
    numbers.update(dict(asked.values_list("expert_sid").annotate(number=Count("pk"))))
    usable = _people(lists).filter(Q(expires_at=None) | Q(expires_at__gt=now), is_enabled=True)
    return [
        _helper(row, lists, numbers[row.sid]) for row in usable.iterator() if row.sid not in sids
    ]


def disabled_helpers(lists: HelperLists, now: datetime) -> list[Helper]:
    """Helpers whose accounts are disabled or expired: lines that let nobody in.

    Args:
        lists: From :func:`helper_lists`.
        now: An aware time.
    """
    useless = _people(lists).filter(Q(is_enabled=False) | Q(expires_at__lte=now))
    return [_helper(row, lists) for row in useless.iterator()]


def wide_groups(lists: HelperLists, more_than: int) -> list[WideGroup]:
    """Groups on helper lists that let in more than so many people, the widest first.

    Args:
        lists: From :func:`helper_lists`.
        more_than: How many enabled accounts are not yet too many.
    """
    numbers = people_in_each(lists.groups)
    found = [
        WideGroup(group.pk, group.sid, str(group), numbers[group.sid], policies)
        for group, policies in lists.groups.items()
        if numbers.get(group.sid, 0) > more_than
    ]
    return sorted(found, key=lambda group: (-group.people, group.name.lower()))


def _people(lists: HelperLists) -> QuerySet[Account]:
    """Everybody whom the lists let in, by name."""
    direct = Account.objects.filter(is_present=True, pk__in=list(lists.accounts))
    people = members_of(lists.groups) | direct
    caller = caller_account()
    if caller is not None:
        people = people.exclude(pk=caller.pk)
    return people.select_related("domain").order_by("sam_account_name_folded", "pk")


def _helper(row: Account, lists: HelperLists, offers: int = 0) -> Helper:
    return Helper(
        guid=row.pk,
        sid=row.sid,
        name=str(row),
        display_name=row.display_name,
        lists=lists.accounts.get(row.pk, ()),
        offers=offers,
        expires_at=row.expires_at,
        is_enabled=row.is_enabled,
    )


def _named_once(named: Mapping[K, list[str]]) -> dict[K, tuple[str, ...]]:
    return {key: tuple(dict.fromkeys(names)) for key, names in named.items()}
