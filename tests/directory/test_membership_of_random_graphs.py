"""Every question of membership, against a plain walk in Python, on graphs made by chance."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import count, pairwise

import pytest
from django.db import transaction
from hypothesis import given
from hypothesis import strategies as st

from directory.membership import group_paths, is_member, members_of, membership_path
from directory.models import Account, Computer, Domain, Group, Membership
from tests.directory import world

pytestmark = pytest.mark.django_db

EVERYBODY = ("S-1-5-11", "S-1-1-0")
FOREIGN = tuple(f"S-1-5-21-9-9-9-{number}" for number in range(1000, 1003))


@dataclass(frozen=True)
class GroupDrawn:
    is_security: bool
    is_present: bool
    is_builtin: bool


@dataclass(frozen=True)
class MemberDrawn:
    is_present: bool
    primary: int | None
    past_sids: frozenset[str]


@dataclass(frozen=True)
class Drawn:
    """A directory: members are accounts but the last, a computer; edges are (member, group)."""

    groups: tuple[GroupDrawn, ...]
    members: tuple[MemberDrawn, ...]
    edges: frozenset[tuple[int | str, int]]


@st.composite
def directories(draw: st.DrawFn) -> Drawn:
    likely = st.sampled_from((True, True, True, False))
    unlikely = st.sampled_from((False, False, False, False, True))
    group = st.builds(GroupDrawn, is_security=likely, is_present=likely, is_builtin=unlikely)
    groups = tuple(draw(st.lists(group, min_size=2, max_size=7)))
    group_number = st.integers(0, len(groups) - 1)
    member = st.builds(
        MemberDrawn,
        is_present=likely,
        primary=st.none() | group_number,
        past_sids=st.frozensets(st.sampled_from(FOREIGN), max_size=2),
    )
    members = tuple(draw(st.lists(member, min_size=2, max_size=4)))
    # Numbers below len(groups) are groups, those above are members.
    holder = (
        group_number
        | st.integers(0, len(groups) + len(members) - 1)
        | st.sampled_from((*FOREIGN, *EVERYBODY))
    )
    edges = draw(st.frozensets(st.tuples(holder, group_number), max_size=18))
    return Drawn(groups, members, edges)


@dataclass(frozen=True)
class Rows:
    accounts: list[Account]
    computer: Computer
    groups: list[Group]
    edges: list[tuple[str, Group]]


def store(drawn: Drawn, home: Domain) -> Rows:
    rids = count(500)
    groups = [world.group(home, f"G{number % 3}") for number in range(len(drawn.groups))]
    for group, wanted in zip(groups, drawn.groups, strict=True):
        group.is_security, group.is_present = wanted.is_security, wanted.is_present
        if wanted.is_builtin:
            group.sid = f"S-1-5-32-{next(rids)}"
        group.save()
    accounts: list[Account] = []
    for number, member in enumerate(drawn.members[:-1]):
        accounts.append(
            world.account(
                home,
                f"user{number}",
                is_present=member.is_present,
                sid_history=sorted(member.past_sids),
                primary_group_sid="" if member.primary is None else groups[member.primary].sid,
            )
        )
    computer = world.computer(home, "WPG-1")
    last = drawn.members[-1].primary
    computer.primary_group_sid = "" if last is None else groups[last].sid
    computer.save()
    holders = [*groups, *accounts, computer]
    edges = [
        (holder if isinstance(holder, str) else holders[holder].sid, groups[group])
        for holder, group in sorted(drawn.edges, key=str)
    ]
    Membership.objects.bulk_create(
        Membership(group=group, member_guid=uuid.uuid4(), member_sid=sid) for sid, group in edges
    )
    return Rows(accounts, computer, groups, edges)


def distances(
    rows: Rows, own_sids: Iterable[str], primary: str, *, distribution: bool = False
) -> dict[uuid.UUID, int]:
    """How many groups it takes to be in each group: every edge is tried until nothing is new."""

    def may_enter(group: Group) -> bool:
        return group.is_present and (group.is_security or distribution)

    steps = {
        group.pk: 1 for group in rows.groups if group.sid == primary != "" and may_enter(group)
    }
    changed = True
    while changed:
        changed = False
        for sid, group in rows.edges:
            below = [
                steps[other.pk]
                for other in rows.groups
                if other.sid == sid and other.pk in steps and not other.sid.startswith("S-1-5-32-")
            ]
            if sid in own_sids:
                below.append(0)
            if below and may_enter(group) and min(below) + 1 < steps.get(group.pk, 1000):
                steps[group.pk] = min(below) + 1
                changed = True
    return steps


def in_token(rows: Rows, account: Account) -> dict[uuid.UUID, int]:
    steps = distances(rows, own(account), account.primary_group_sid)
    builtin = {group.pk for group in rows.groups if group.sid.startswith("S-1-5-32-")}
    return {guid: number for guid, number in steps.items() if guid not in builtin}


def own(member: Account | Computer | Group) -> set[str]:
    past = set[str]() if isinstance(member, Computer) else set(member.sid_history)
    return {member.sid, *past, *(() if isinstance(member, Group) else EVERYBODY)}


def is_a_way(rows: Rows, path: tuple[Group, ...]) -> bool:
    edges = {(sid, group.pk) for sid, group in rows.edges}
    return all((inner.sid, outer.pk) in edges for inner, outer in pairwise(path))


@given(directories())
def test_every_question_is_answered_as_by_a_plain_walk(drawn: Drawn) -> None:
    with transaction.atomic():
        check(store(drawn, world.domain()))
        transaction.set_rollback(True)


def check(rows: Rows) -> None:
    expected = {account.pk: in_token(rows, account) for account in rows.accounts}
    for account in rows.accounts:
        found = group_paths(account)
        assert {path.group.pk: len(path.path) for path in found} == expected[account.pk]
        assert all(is_a_way(rows, path.path) for path in found)
        for group in rows.groups:
            assert is_member(account, group) == (group.pk in expected[account.pk])
    present = [account for account in rows.accounts if account.is_present]
    for start in range(len(rows.groups)):
        for groups in (rows.groups[start : start + 1], rows.groups[start:]):
            wanted = {group.pk for group in groups}
            assert {account.pk for account in members_of(groups)} == {
                account.pk for account in present if wanted & expected[account.pk].keys()
            }
    members: list[Account | Computer | Group] = [*rows.accounts, rows.computer, *rows.groups]
    for member in members:
        primary = "" if isinstance(member, Group) else member.primary_group_sid
        for distribution in (False, True):
            starts = own(member)
            if isinstance(member, Group) and member.sid.startswith("S-1-5-32-"):
                starts = set()  # in nothing by its SID, which every domain has
            steps = distances(rows, starts, primary, distribution=distribution)
            for group in rows.groups:
                path = membership_path(member, group, through_distribution=distribution)
                assert (path and len(path)) == steps.get(group.pk)
                assert path is None or (path[-1].pk == group.pk and is_a_way(rows, path))
