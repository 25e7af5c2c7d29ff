"""The resolution of policies against the protocol's own steps, on random trees of containers.

The model below asks no question of certainty. It plays every world that may be the case - each WMI
filter matching or not, each group that cannot be seen entered or not, the uncertain site being the
computer's or not, each unreadable policy saying this or that - carries out [MS-GPOL] 3.2.5.1.5 to
the letter in each, writes into a registry of its own, and looks where the worlds agree.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import count, product
from typing import Any

from hypothesis import Phase, assume, given, settings
from hypothesis import strategies as st

from directory.ldap.security_descriptor import APPLY_GROUP_POLICY, parse_dacl
from directory.policies.filtering import may_apply
from directory.policies.resolution import resolve
from directory.policies.shapes import (
    Container,
    Filter,
    HelperLine,
    Link,
    Permissions,
    Policy,
    ResultantPolicy,
)
from tests.directory.descriptors import (
    ALLOW,
    ALLOW_OBJECT,
    CONTROL,
    DENY,
    DENY_OBJECT,
    INHERIT_ONLY,
    READ,
    ace,
    descriptor,
)

OWN, GROUP, STRANGE, UNSEEN = (f"S-1-5-21-1-2-3-{number}" for number in (1001, 1002, 1003, 1004))
EVERYBODY = "S-1-5-11"
TOKEN = frozenset({OWN, GROUP, EVERYBODY})
MOST_WORLDS = 64


@dataclass(frozen=True)
class Ace:
    kind: int
    mask: int
    sid: str
    right: uuid.UUID | None
    flags: int

    def pack(self) -> bytes:
        return ace(self.kind, self.mask, self.sid, self.right, self.flags)


@dataclass(frozen=True)
class Content:
    """What a policy writes: values (None deletes), lines, and what it takes off the list."""

    values: Mapping[str, Any]
    adds: tuple[str, ...]
    removes: frozenset[str]
    replaces: bool


@dataclass(frozen=True)
class Drawn:
    """One link and the policy that it alone links."""

    content: Content
    aces: tuple[Ace, ...] | None
    has_wmi_filter: bool
    is_unreadable: bool
    is_half_disabled: bool
    is_enforced: bool
    is_disabled: bool


@dataclass(frozen=True)
class Place:
    kind: str
    blocks: bool
    links: tuple[Drawn, ...]  # in the order of the text of gPLink: the last is link order 1


UNREADABLE_MAY_SAY = (
    Content({}, (), frozenset(), False),
    Content({"offers": True, "control": True, "LoggingEnabled": 7}, ("z",), frozenset(), True),
    Content({"offers": False, "control": None}, (), frozenset(), False),
)

likely = st.sampled_from((True, True, True, False))
unlikely = st.sampled_from((False, False, False, True))
lines = st.sampled_from(("a", "b", "c"))
aces = st.builds(
    Ace,
    kind=st.sampled_from((ALLOW, ALLOW, DENY, ALLOW_OBJECT, DENY_OBJECT)),
    mask=st.sampled_from((READ, CONTROL, READ | CONTROL)),
    sid=st.sampled_from((OWN, GROUP, EVERYBODY, STRANGE)),
    right=st.sampled_from((APPLY_GROUP_POLICY, APPLY_GROUP_POLICY, None)),
    flags=st.sampled_from((0, 0, 0, INHERIT_ONLY)),
)
# An entry for some attributes only may or may not keep a computer from reading: left out of trees.
whole_aces = aces.filter(
    lambda entry: entry.right is None or entry.kind in (ALLOW, DENY) or entry.mask == CONTROL
)
OPEN = (
    Ace(ALLOW, READ, EVERYBODY, None, 0),
    Ace(ALLOW_OBJECT, CONTROL, EVERYBODY, APPLY_GROUP_POLICY, 0),
)
FOR_UNSEEN = (OPEN[0], Ace(ALLOW_OBJECT, CONTROL, UNSEEN, APPLY_GROUP_POLICY, 0))
NOT_FOR_UNSEEN = (Ace(DENY_OBJECT, CONTROL, UNSEEN, APPLY_GROUP_POLICY, 0), *OPEN)
contents = st.builds(
    Content,
    values=st.dictionaries(
        st.sampled_from(("offers", "control", "LoggingEnabled")),
        st.sampled_from((True, False, None)),
    ),
    adds=st.lists(lines, max_size=2, unique=True).map(tuple),
    removes=st.frozensets(lines, max_size=1),
    replaces=st.booleans(),
)
drawn_links = st.builds(
    Drawn,
    content=contents,
    aces=st.one_of(
        st.sampled_from((None, OPEN, OPEN, OPEN, FOR_UNSEEN, NOT_FOR_UNSEEN)),
        st.lists(whole_aces, max_size=4).map(tuple),
    ),
    has_wmi_filter=unlikely,
    is_unreadable=unlikely,
    is_half_disabled=unlikely,
    is_enforced=st.booleans(),
    is_disabled=unlikely,
)


def places(kind: str) -> st.SearchStrategy[Place]:
    return st.builds(Place, st.just(kind), unlikely, st.lists(drawn_links, max_size=2).map(tuple))


@st.composite
def trees(draw: st.DrawFn) -> tuple[tuple[Place, ...], bool]:
    """A site, a domain and units downwards; and whether the computer is for certain in the site."""
    units = draw(st.lists(places("unit"), max_size=3))
    site, domain = draw(places("site")), draw(places("domain"))
    return (site, domain, *units), draw(likely)


# The model.


@dataclass(frozen=True)
class World:
    """What is the case: one choice for each open question, by the number of the link."""

    in_site: bool
    matches: Mapping[int, bool]
    unseen: Mapping[int, bool]
    says: Mapping[int, Content]


Numbered = list[tuple[Place, list[tuple[int, Drawn]]]]


def numbered(tree: tuple[Place, ...]) -> Numbered:
    numbers = count()
    return [(place, [(next(numbers), link) for link in place.links]) for place in tree]


def worlds(places_above: Numbered, *, is_site_certain: bool) -> Iterator[World]:
    every = [pair for _, links in places_above for pair in links]
    sites = (True,) if is_site_certain else (True, False)
    filters = [number for number, link in every if link.has_wmi_filter]
    unseen = [number for number, link in every if link.aces in (FOR_UNSEEN, NOT_FOR_UNSEEN)]
    unreadable = [number for number, link in every if link.is_unreadable]
    size = len(sites) * 2 ** len(filters + unseen) * len(UNREADABLE_MAY_SAY) ** len(unreadable)
    assume(size <= MOST_WORLDS)
    for site, matches, entered, says in product(
        sites,
        product((True, False), repeat=len(filters)),
        product((True, False), repeat=len(unseen)),
        product(UNREADABLE_MAY_SAY, repeat=len(unreadable)),
    ):
        yield World(
            site,
            dict(zip(filters, matches, strict=True)),
            dict(zip(unseen, entered, strict=True)),
            dict(zip(unreadable, says, strict=True)),
        )


def gpo_list(places_above: Numbered, world: World) -> list[tuple[int, Drawn]]:
    """[MS-GPOL] 3.2.5.1.5: the links that count, the one processed last at the end."""
    som_list = [
        (place, links)
        for place, links in reversed(places_above)
        if place.kind != "site" or world.in_site
    ]  # the nearest first, the site last
    allow_enforced_only = False
    not_enforced: list[tuple[int, Drawn]] = []
    enforced: list[tuple[int, Drawn]] = []
    for place, links in som_list:
        of_som = [pair for pair in links if not pair[1].is_disabled]
        if not allow_enforced_only:
            not_enforced = [pair for pair in of_som if not pair[1].is_enforced] + not_enforced
        enforced += [pair for pair in of_som if pair[1].is_enforced]
        if place.blocks:
            allow_enforced_only = True
    return not_enforced + enforced


def is_granted(entries: tuple[Ace, ...], token: set[str], mask: int) -> bool:
    """[MS-DTYP] 2.5.3.2 for one right: the first entry that speaks of it to the token decides."""
    for entry in entries:
        is_object = entry.kind in (ALLOW_OBJECT, DENY_OBJECT) and entry.right is not None
        if entry.flags & INHERIT_ONLY or entry.sid not in token or not entry.mask & mask:
            continue
        if mask == READ and is_object and entry.kind == ALLOW_OBJECT:
            continue  # some attributes only
        return entry.kind in (ALLOW, ALLOW_OBJECT)
    return False


def applies(number: int, link: Drawn, world: World) -> bool:
    if link.is_half_disabled or not world.matches.get(number, True):
        return False
    if link.aces is None:
        return True
    token = set(TOKEN) | ({UNSEEN} if world.unseen.get(number) else set())
    return is_granted(link.aces, token, READ) and is_granted(link.aces, token, CONTROL)


def registry(places_above: Numbered, world: World) -> tuple[dict[str, Any], set[str]]:
    values: dict[str, Any] = {}
    helpers: set[str] = set()
    for number, link in gpo_list(places_above, world):
        if not applies(number, link, world):
            continue
        content = world.says.get(number, link.content)
        values |= content.values
        helpers -= helpers if content.replaces else content.removes
        helpers |= set(content.adds)
    return {name: value for name, value in values.items() if value is not None}, helpers


# The tree for the code.


def policy_of(number: int, link: Drawn) -> Policy:
    raw = descriptor(*(entry.pack() for entry in link.aces)) if link.aces is not None else None
    return Policy(
        guid=uuid.uuid4(),
        name=f"P{number}",
        values=link.content.values,
        helpers=tuple(HelperLine(text, text) for text in link.content.adds),
        removed_helpers=link.content.removes,
        replaces_helpers=link.content.replaces,
        read_error="closed" if link.is_unreadable else "",
        is_computer_half_disabled=link.is_half_disabled,
        permissions=Permissions(parse_dacl(raw) if raw is not None else None),
        wmi_filter=Filter("f") if link.has_wmi_filter else None,
    )


def containers_of(places_above: Numbered, *, is_site_certain: bool) -> list[Container]:
    found = []
    for place, links in places_above:
        guid, kind = uuid.uuid4(), place.kind
        found.append(
            Container(
                kind,  # type: ignore[arg-type]
                guid,
                kind,
                tuple(
                    Link(
                        kind,  # type: ignore[arg-type]
                        guid,
                        kind,
                        order,
                        policy_of(number, link),
                        f"P{number}",
                        link.is_enforced,
                        link.is_disabled,
                    )
                    for order, (number, link) in enumerate(reversed(links), start=1)
                ),
                blocks_inheritance=place.blocks,
                is_certain=is_site_certain or kind != "site",
            )
        )
    return found


def comes_to(name: str, value: object) -> object:
    """Offers and control that are not configured are not allowed."""
    return bool(value) if name in ("offers", "control") else value


def assert_agrees(result: ResultantPolicy, played: list[tuple[dict[str, Any], set[str]]]) -> None:
    """Certain exactly where all worlds agree, and then on what they agree."""
    assert_sound(result, played)
    for name, found in result.values.items():
        if len({comes_to(name, values.get(name)) for values, _ in played}) == 1:
            assert found.is_certain, name
    for helper in result.helpers:
        key = helper.line.key
        assert any(key in helpers for _, helpers in played), key
        if all(key in helpers for _, helpers in played):
            assert helper.is_certain, key
    if result.further_helpers:
        assert any("z" in helpers for _, helpers in played)


def assert_sound(result: ResultantPolicy, played: list[tuple[dict[str, Any], set[str]]]) -> None:
    """Nothing is certain that some world knows otherwise, and no line is missing."""
    for name in ("offers", "control", "LoggingEnabled"):
        outcomes = {comes_to(name, values.get(name)) for values, _ in played}
        found = result.values.get(name)
        if found is None:
            assert outcomes <= {None, 7}, "only what cannot be read speaks of it"
        elif found.is_certain:
            assert {comes_to(name, found.value)} == outcomes, name
    listed = {helper.line.key: helper for helper in result.helpers}
    for key in ("a", "b", "c"):
        if any(key in helpers for _, helpers in played):
            assert key in listed, key
        if key in listed and listed[key].is_certain:
            assert all(key in helpers for _, helpers in played), key
    if any("z" in helpers for _, helpers in played):
        assert result.further_helpers


# Not shrunk: the trees are large and the assertions name what differs.
@settings(
    max_examples=max(300, settings().max_examples),
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)
@given(trees())
def test_the_policy_in_force_is_what_the_protocol_makes_it_in_every_world(
    drawn: tuple[tuple[Place, ...], bool],
) -> None:
    tree, is_site_certain = drawn
    above = numbered(tree)
    played = [registry(above, world) for world in worlds(above, is_site_certain=is_site_certain)]
    result = resolve(
        containers_of(above, is_site_certain=is_site_certain), TOKEN, frozenset({UNSEEN})
    )
    if is_site_certain or len(tree[0].links) < 2:
        assert_agrees(result, played)
    else:  # each link of an uncertain site is taken by itself, though all count or none
        assert_sound(result, played)


@given(st.lists(aces, max_size=6).map(tuple), st.frozensets(st.sampled_from((OWN, GROUP, STRANGE))))
def test_what_cannot_be_told_of_a_token_never_turns_a_deny_into_an_allow(
    entries: tuple[Ace, ...], unsure: frozenset[str]
) -> None:
    """Whatever the open SIDs turn out to be, a certain answer was the right one."""
    dacl = parse_dacl(descriptor(*(entry.pack() for entry in entries)))
    token = TOKEN - unsure
    access = may_apply(dacl, token, unsure)
    for chosen in product((True, False), repeat=len(unsure)):
        held = set(token) | {sid for sid, is_in in zip(unsure, chosen, strict=True) if is_in}
        truth = is_granted(entries, held, READ) and is_granted(entries, held, CONTROL)
        assert access.is_granted in (None, truth)
        if access.is_granted is None:
            assert access.depends_on
