"""Who an account is at a computer: scope of groups, past SIDs, what a trust drops, and why."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from dataclasses import dataclass

import pytest
from django.db import transaction
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import DjangoAssertNumQueries

from directory.membership import group_paths
from directory.models import Account, Domain, Group, Membership
from directory.tokens import Above, Token
from directory.trusts import Cause, Effect, TrustWay
from directory.trusts.shapes import DomainNode, Hop, Kind, SidFilter
from tests.directory import world

pytestmark = pytest.mark.django_db

LOCAL, UNIVERSAL, GLOBAL = Group.Scope.DOMAIN_LOCAL, Group.Scope.UNIVERSAL, Group.Scope.GLOBAL


@dataclass
class Forests:
    """``r2.local`` with ``child.r2.local``, and ``contoso.test``."""

    r2: Domain
    child: Domain
    contoso: Domain

    def way(self, at: Domain, home: Domain, only: Collection[Domain] = ()) -> TrustWay:
        """An allowed way; over it pass SIDs of some domains, or of all."""
        here, there = (
            DomainNode(each.dns_name, each.netbios_name, each.sid, each.forest_dns_name, each.guid)
            for each in (at, home)
        )
        hop = Hop(here, there, Kind.EXTERNAL)
        sieve = SidFilter(hop, "SID filtering", frozenset(each.sid for each in only))
        hops, filters = ((hop,) if at != home else ()), ((sieve,) if only else ())
        return TrustWay(here, there, Effect.ALLOW, "", "", hops=hops, filters=filters)

    def forest(self, home: Domain) -> set[uuid.UUID]:
        every = (self.r2, self.child, self.contoso)
        return {each.guid for each in every if each.forest_dns_name == home.forest_dns_name}

    def token(self, account: Account, at: Domain, only: Collection[Domain] = ()) -> Token:
        home = account.domain
        way = self.way(at, home, only)
        return Above(account).token(at.guid, way, self.forest(home))


@pytest.fixture
def forests() -> Forests:
    child = world.domain("child.r2.local", "CHILD", 2)
    child.forest_dns_name = "r2.local"
    child.save()
    return Forests(world.domain(), child, world.domain("contoso.test", "CONTOSO", 3))


def names(token: Token) -> set[str]:
    return {path[-1].name for path in token.paths.values()}


def stranger(group: Group, sid: str) -> None:
    """A member by a foreign security principal."""
    Membership.objects.create(group=group, member_guid=uuid.uuid4(), member_sid=sid)


def test_scope_says_on_computers_of_which_domain_a_group_counts(forests: Forests) -> None:
    amy = world.account(forests.child, "amy")
    for scope in (GLOBAL, UNIVERSAL, LOCAL):
        world.member(world.group(forests.child, f"child {scope}", scope=scope), amy)
        world.member(world.group(forests.r2, f"r2 {scope}", scope=scope), amy)
    assert names(forests.token(amy, forests.child)) == {
        *("child global", "child universal", "child domain_local", "r2 universal")
    }
    assert names(forests.token(amy, forests.r2)) == {
        *("child global", "child universal", "r2 universal", "r2 domain_local")
    }


def test_a_domain_local_group_carries_into_none_of_another_domain_or_scope(
    forests: Forests,
) -> None:
    amy = world.account(forests.child, "amy")
    local = world.group(forests.child, "Local", scope=LOCAL)
    world.member(local, amy)
    for domain, scope in ((forests.r2, LOCAL), (forests.child, UNIVERSAL), (forests.child, GLOBAL)):
        world.member(world.group(domain, f"Above {scope}", scope=scope), local)
    outer = world.group(forests.child, "Outer", scope=LOCAL)
    world.member(outer, local)
    assert names(forests.token(amy, forests.child)) == {"Local", "Outer"}
    assert names(forests.token(amy, forests.r2)) == set()


def test_groups_of_another_forest_count_only_as_domain_local_ones_there(forests: Forests) -> None:
    amy = world.account(forests.contoso, "amy")
    night = world.group(forests.contoso, "Night")
    field = world.group(forests.contoso, "Field", scope=UNIVERSAL)
    world.member(night, amy)
    world.member(field, night)
    for scope in (GLOBAL, UNIVERSAL, LOCAL):
        stranger(world.group(forests.r2, f"r2 {scope}", scope=scope), field.sid)
    token = forests.token(amy, forests.r2)
    assert names(token) == {"Night", "Field", "r2 domain_local"}
    (path,) = (path for path in token.paths.values() if path[-1].name == "r2 domain_local")
    assert [group.name for group in path] == ["Night", "Field", "r2 domain_local"]


def test_the_primary_group_counts_and_distribution_groups_do_not(forests: Forests) -> None:
    users = world.group(forests.r2, "Users")
    amy = world.account(forests.r2, "amy", primary_group_sid=users.sid)
    news = world.group(forests.r2, "News", is_security=False)
    world.member(news, amy)
    world.member(world.group(forests.r2, "Above news"), news)
    world.member(world.group(forests.r2, "Above users"), users)
    assert names(forests.token(amy, forests.r2)) == {"Users", "Above users"}


def test_past_sids_of_accounts_and_groups_are_in_the_token_and_lead_into_local_groups(
    forests: Forests,
) -> None:
    amy = world.account(forests.r2, "amy", sid_history=["S-1-5-21-8-8-8-1104"])
    night = world.group(forests.r2, "Night")
    night.sid_history = ["S-1-5-21-8-8-8-1200"]
    night.save()
    world.member(night, amy)
    for name, sid in (("By account", amy.sid_history[0]), ("By group", night.sid_history[0])):
        stranger(world.group(forests.r2, name, scope=LOCAL), sid)
    token = forests.token(amy, forests.r2)
    assert names(token) == {"Night", "By account", "By group"}
    assert token.path_to(amy.sid_history[0]) == ()
    path = token.path_to(night.sid_history[0])
    assert path
    assert [group.name for group in path] == ["Night"]
    assert {amy.sid, *amy.sid_history, *night.sid_history, "S-1-5-15"} <= token.sids


def test_what_a_trust_drops_is_listed_and_leads_nowhere(forests: Forests) -> None:
    amy = world.account(forests.contoso, "amy", sid_history=[f"{forests.r2.sid}-1104"])
    field = world.group(forests.contoso, "Field", scope=UNIVERSAL)
    world.member(field, amy)
    helpers = world.group(forests.r2, "Helpers", scope=LOCAL)
    stranger(helpers, amy.sid_history[0])
    token = forests.token(amy, forests.r2, only=[forests.contoso])
    assert names(token) == {"Field"}
    assert list(token.dropped) == amy.sid_history
    assert "SID filtering" in token.dropped[amy.sid_history[0]]
    assert amy.sid_history[0] not in token.sids
    loss = Above(amy).why_not(helpers.sid, token, forests.r2.guid)
    assert loss
    assert (loss.cause, [group.name for group in loss.path]) == (Cause.FILTERED, ["Helpers"])
    assert names(forests.token(amy, forests.r2)) == {"Field", "Helpers"}


@pytest.mark.parametrize(
    ("scope", "is_security", "cause", "word"),
    [
        (LOCAL, True, Cause.SCOPE, "its own domain"),
        (GLOBAL, False, Cause.DISTRIBUTION, "distribution"),
        (LOCAL, False, Cause.SCOPE, "its own domain"),
    ],
)
def test_why_a_group_is_not_in_the_token_is_told(
    forests: Forests, scope: str, is_security: bool, cause: Cause, word: str
) -> None:
    amy = world.account(forests.child, "amy")
    group = world.group(forests.child, "Support", scope=scope, is_security=is_security)
    other = world.group(forests.child, "Other")
    world.member(group, amy)
    above, token = Above(amy), forests.token(amy, forests.r2)
    loss = above.why_not(group.sid, token, forests.r2.guid)
    assert loss
    assert loss.cause is cause
    assert word in loss.reason
    assert above.why_not(other.sid, token, forests.r2.guid) is None
    assert above.why_not(amy.sid, token, forests.r2.guid) is None


def test_a_distribution_group_far_below_is_named_with_the_way(forests: Forests) -> None:
    amy = world.account(forests.r2, "amy")
    news = world.group(forests.r2, "News", is_security=False)
    world.member(news, amy)
    inner = news
    for name in ("One", "Two", "Three"):
        outer = world.group(forests.r2, name)
        world.member(outer, inner)
        inner = outer
    loss = Above(amy).why_not(inner.sid, forests.token(amy, forests.r2), forests.r2.guid)
    assert loss
    assert [group.name for group in loss.path] == ["News", "One", "Two", "Three"]
    assert loss.cause is Cause.DISTRIBUTION


def test_everybody_as_a_member_puts_nobody_into_a_group(forests: Forests) -> None:
    amy = world.account(forests.r2, "amy")
    helpers = world.group(forests.r2, "Helpers", scope=LOCAL)
    stranger(helpers, "S-1-5-11")
    token = forests.token(amy, forests.r2)
    assert names(token) == set()
    assert "S-1-5-11" in token.sids
    loss = Above(amy).why_not(helpers.sid, token, forests.r2.guid)
    assert loss
    assert "everybody" in loss.reason


def test_selective_authentication_marks_the_token(forests: Forests) -> None:
    amy = world.account(forests.contoso, "amy")
    way = forests.way(forests.r2, forests.contoso)
    selective = TrustWay(**{**vars(way), "is_selective": True})
    sids = Above(amy).token(forests.r2.guid, selective, set()).sids
    assert "S-1-5-1000" in sids
    assert "S-1-5-15" not in sids


def test_loops_end_and_one_query_fetches_everything(
    forests: Forests, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    amy = world.account(forests.r2, "amy")
    inner = first = world.group(forests.r2, "G0", scope=UNIVERSAL)
    world.member(first, amy)
    for number in range(1, 20):
        outer = world.group(forests.r2, f"G{number}", scope=UNIVERSAL)
        world.member(outer, inner)
        inner = outer
    world.member(first, inner)
    with django_assert_num_queries(1):
        above = Above(amy)
        token = above.token(
            forests.r2.guid, forests.way(forests.r2, forests.r2), forests.forest(forests.r2)
        )
        assert len(above.plain()) == len(token.paths) == 20
    path = token.path_to(inner.sid)
    assert path
    assert len(path) == 20


# --- against a plain expansion -------------------------------------------------------------------


@dataclass(frozen=True)
class GroupDrawn:
    home: int
    scope: str
    is_security: bool
    is_present: bool
    has_past: bool


@dataclass(frozen=True)
class Drawn:
    """Three domains, the first two of one forest; edges are (member, group)."""

    groups: tuple[GroupDrawn, ...]
    home: int
    at: int
    primary: int | None
    has_past: bool
    edges: frozenset[tuple[int, int]]
    dropped: frozenset[int]


@st.composite
def directories(draw: st.DrawFn) -> Drawn:
    likely = st.sampled_from((True, True, True, True, False))
    number = st.integers(0, 2)
    group = st.builds(
        GroupDrawn,
        home=number,
        scope=st.sampled_from((GLOBAL.value, UNIVERSAL.value, LOCAL.value)),
        is_security=likely,
        is_present=likely,
        has_past=st.booleans(),
    )
    groups = tuple(draw(st.lists(group, min_size=2, max_size=7)))
    index = st.integers(0, len(groups) - 1)
    # -1 is the account, -2 its past; the past of a group is its number and 100.
    member = st.one_of(st.just(-1), st.just(-2), index, index.map(lambda each: each + 100))
    return Drawn(
        groups=groups,
        home=draw(number),
        at=draw(number),
        primary=draw(st.none() | index),
        has_past=draw(st.booleans()),
        edges=draw(st.frozensets(st.tuples(member, index), max_size=20)),
        dropped=draw(st.frozensets(number, max_size=1)),
    )


@given(directories())
def test_a_token_is_that_of_a_plain_expansion_step_by_step(drawn: Drawn) -> None:
    with transaction.atomic():
        _check(drawn)
        transaction.set_rollback(True)


def _check(drawn: Drawn) -> None:
    child = world.domain("child.r2.local", "CHILD", 2)
    Domain.objects.filter(pk=child.pk).update(forest_dns_name="r2.local")
    child.refresh_from_db()
    forests = Forests(world.domain(), child, world.domain("contoso.test", "CONTOSO", 3))
    domains = (forests.r2, forests.child, forests.contoso)
    groups = []
    for number, wanted in enumerate(drawn.groups):
        group = world.group(domains[wanted.home], f"G{number}", scope=wanted.scope)
        group.is_security, group.is_present = wanted.is_security, wanted.is_present
        group.sid_history = [f"S-1-5-21-77-77-77-{number + 2000}"] if wanted.has_past else []
        group.save()
        groups.append(group)
    home, at = domains[drawn.home], domains[drawn.at]
    account = world.account(
        home,
        "amy",
        primary_group_sid="" if drawn.primary is None else groups[drawn.primary].sid,
        sid_history=["S-1-5-21-77-77-77-1104"] if drawn.has_past else [],
    )
    held: list[tuple[str, Group]] = []
    for member, number in sorted(drawn.edges):
        past = account.sid_history if member == -2 else []
        if member >= 100:
            past = groups[member - 100].sid_history
        sids = [account.sid] if member == -1 else past
        if 0 <= member < 100:
            sids = [groups[member].sid]
        held.extend((sid, groups[number]) for sid in sids)
    for sid, group in held:
        stranger(group, sid)
    kept = [domain for number, domain in enumerate(domains) if number not in drawn.dropped]
    only = kept if drawn.dropped and home in kept else []
    token = forests.token(account, at, only)

    def passes(sid: str) -> bool:
        return home == at or not only or sid.rpartition("-")[0] in {each.sid for each in only}

    usable = [group for group in groups if group.is_present and group.is_security]
    from_home = [
        group
        for group in usable
        if (group.scope == GLOBAL and group.domain == home)
        or (group.scope == UNIVERSAL and group.domain.forest_dns_name == home.forest_dns_name)
    ]
    local = [group for group in usable if group.scope == LOCAL and group.domain == at]
    first = {group.sid for group in from_home if group.sid == account.primary_group_sid}
    first = _closure({account.sid, *first}, held, from_home)
    past = set(account.sid_history) | _past_of(first, groups)
    arrived = {sid for sid in first | past if passes(sid)}
    final = _closure(arrived, held, local)
    final |= _past_of(final - arrived, groups)
    assert {account.sid, *token.paths, *token.past} == final | {account.sid}
    assert set(token.dropped) == (first | past) - arrived


def _closure(start: set[str], held: list[tuple[str, Group]], into: list[Group]) -> set[str]:
    found, size = set(start), -1
    while size != len(found):
        size = len(found)
        found |= {group.sid for sid, group in held if sid in found and group in into}
    return found


def _past_of(sids: Collection[str], groups: list[Group]) -> set[str]:
    return {past for group in groups if group.sid in sids for past in group.sid_history}


def test_the_plain_groups_are_those_of_the_portals_own_roles(forests: Forests) -> None:
    amy = world.account(forests.contoso, "amy")
    inner, outer = world.group(forests.contoso, "Inner"), world.group(forests.r2, "Outer")
    world.member(inner, amy)
    stranger(outer, inner.sid)
    stranger(world.group(forests.r2, "Everybody"), "S-1-5-11")
    world.member(world.group(forests.r2, "News", is_security=False), amy)
    expected = {path.group.sid: len(path.path) for path in group_paths(amy)}
    assert {sid: len(path) for sid, path in Above(amy).plain().items()} == expected
    assert len(expected) == 3
