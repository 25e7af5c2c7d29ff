"""The rules of trusts against a second, simpler model: every path is tried, one after the other."""

from __future__ import annotations

from itertools import pairwise, permutations

from hypothesis import given
from hypothesis import strategies as st

from directory.ldap.forest_trust import ForestName
from directory.trusts import Effect
from directory.trusts.shapes import TrustObject
from tests.directory.trust_worlds import (
    AS_EXTERNAL,
    BOTH,
    DOMAIN,
    EXCLUDED,
    FOREST,
    IN,
    NON_TRANSITIVE,
    OUT,
    QUARANTINED,
    SELECTIVE,
    SUFFIX,
    WITHIN,
    World,
)

FORESTS = {
    "a.test": ("a.test", "b.a.test", "c.a.test"),
    "x.test": ("x.test", "y.x.test", "tree.example"),
    "z.test": ("z.test",),
}
NAMES = tuple(name for members in FORESTS.values() for name in members)
ROOTS = tuple(FORESTS)
INSIDE = tuple(
    (one, other)
    for members in FORESTS.values()
    for one, other in permutations(members, 2)
    if one < other
)
OUTSIDE = tuple(
    (one, other)
    for one, other in permutations(NAMES, 2)
    if one < other and (one, other) not in INSIDE
)


def seldom(*values: int) -> st.SearchStrategy[int]:
    return st.sampled_from((0,) * 12 + values)


@st.composite
def worlds(draw: st.DrawFn) -> World:
    world = World()
    for root, members in FORESTS.items():
        for name in members:
            is_read = draw(st.sampled_from((True,) * 7 + (False,)))
            world.add(name, root, is_read=is_read)
    joined = draw(st.lists(st.sampled_from(INSIDE), max_size=2))
    natural = [pair for pair in INSIDE if set(pair) & set(ROOTS)]
    for one, other in dict.fromkeys((*natural, *joined)):
        _join(draw, world, one, other, WITHIN | draw(seldom(NON_TRANSITIVE)))
    between = st.sampled_from(("forest", "forest", "forest", "external", "any"))
    roots = [pair for pair in OUTSIDE if set(pair) <= set(ROOTS) and draw(st.booleans())]
    others = draw(st.lists(st.sampled_from(OUTSIDE), max_size=2))
    for one, other in dict.fromkeys((*roots, *others)):
        kind = draw(between) if {one, other} <= set(ROOTS) else "external"
        base = {"forest": FOREST, "external": 0, "any": draw(st.integers(0, 0x7F))}[kind]
        _join(draw, world, one, other, base | draw(seldom(NON_TRANSITIVE, AS_EXTERNAL, SELECTIVE)))
    return world


def _join(draw: st.DrawFn, world: World, one: str, other: str, attributes: int) -> None:
    """Both sides' objects, which mostly agree."""
    direction = draw(st.sampled_from((BOTH,) * 6 + (OUT, IN, 0)))
    mirrored = {OUT: IN, IN: OUT}.get(direction, direction)
    world.hold(one, other, direction, attributes, names=_names(draw, world, other, attributes))
    if draw(st.sampled_from((False,) * 9 + (True,))):
        mirrored = draw(st.integers(0, 4))
    if draw(st.sampled_from((False,) * 9 + (True,))):
        attributes ^= draw(st.sampled_from((FOREST, WITHIN, QUARANTINED)))
    if draw(st.sampled_from((True,) * 9 + (False,))):
        names = _names(draw, world, one, attributes)
        world.hold(other, one, mirrored, attributes, names=names)


def _names(draw: st.DrawFn, world: World, root: str, attributes: int) -> tuple[ForestName, ...]:
    if not attributes & FOREST:
        return ()
    names = list(world.names_of(root))
    if draw(st.booleans()):
        return tuple(names)
    what = draw(st.sampled_from(("drop", "flag", "exclude")))
    index = draw(st.integers(0, max(0, len(names) - 1)))
    if what == "exclude":
        names.append(ForestName(EXCLUDED, 0, draw(st.sampled_from(NAMES))))
    elif names:
        old = names.pop(index)
        if what == "flag":
            flags = draw(st.sampled_from((1, 2, 4, 8)))
            names.append(ForestName(old.kind, flags, old.dns_name, old.netbios_name, old.sid))
    return tuple(names)


# --- the model -----------------------------------------------------------------------------------


class Model:
    """Trust as an administrator would check it by hand, on one path after the other."""

    def __init__(self, world: World) -> None:
        self._world = world

    def lets_in(self, computer: str, expert: str) -> bool:
        others = [name for name in NAMES if name not in (computer, expert)]
        return any(
            self.holds((computer, *between, expert))
            for length in range(len(others) + 1)
            for between in permutations(others, length)
        )

    def holds(self, path: tuple[str, ...]) -> bool:
        forests = [self._world.domains[name].forest for name in path]
        crossings = [
            pair for pair in pairwise(path) if self._forest(pair[0]) != self._forest(pair[1])
        ]
        if len(crossings) > (forests[0] != forests[-1]):
            return False
        if not all(self.trusts(*pair) for pair in pairwise(path)):
            return False
        if len(path) > 2 and any(self._has(pair, NON_TRANSITIVE) for pair in pairwise(path)):
            return False
        for pair in crossings:
            if not self._has(pair, FOREST):
                if len(path) > 2:
                    return False
            elif not self._crosses(pair, path[0], path[-1]):
                return False
        return all(pair[1] == path[-1] for pair in pairwise(path) if self._has(pair, QUARANTINED))

    def trusts(self, trusting: str, trusted: str) -> bool:
        mine, theirs = self._objects(trusting, trusted), self._objects(trusted, trusting)
        same_forest = self._forest(trusting) == self._forest(trusted)
        if not self._world.domains[trusting].is_read:
            is_told = len(theirs) == 1 and same_forest and self._sane(theirs[0], trusted, trusting)
            return is_told and bool(theirs[0].direction & IN)
        if len(mine) != 1 or not self._sane(mine[0], trusting, trusted):
            return False
        if not mine[0].direction & OUT:
            return False
        if not self._world.domains[trusted].is_read:
            return True
        if len(theirs) != 1 or not self._sane(theirs[0], trusted, trusting):
            return False
        alike = not (mine[0].attributes ^ theirs[0].attributes) & (FOREST | WITHIN)
        return alike and bool(theirs[0].direction & IN)

    def _sane(self, trust: TrustObject, holder: str, partner: str) -> bool:
        if trust.direction not in (0, IN, OUT, BOTH):
            return False
        if self._forest(holder) == self._forest(partner):
            return not trust.attributes & FOREST
        if trust.attributes & FOREST and not {holder, partner} <= set(ROOTS):
            return False
        return not trust.attributes & WITHIN

    def _crosses(self, pair: tuple[str, str], computer: str, expert: str) -> bool:
        ours, theirs = self._objects(*pair)[0], self._objects(*reversed(pair))
        domain = self._world.domains[expert]
        knows_expert = self._covers(ours, expert) and any(
            record.dns_name == expert and record.sid == domain.sid and not record.flags & 3
            for record in ours.names
            if record.kind == DOMAIN
        )
        return knows_expert and (not theirs or self._covers(theirs[0], computer))

    def _covers(self, trust: TrustObject, name: str) -> bool:
        def within(kind: int, flags: int) -> bool:
            return any(
                f".{name}".endswith(f".{record.dns_name}")
                for record in trust.names
                if record.kind == kind and not record.flags & flags
            )

        return within(SUFFIX, 0xFFFF) and not within(EXCLUDED, 0)

    def _has(self, pair: tuple[str, str], flag: int) -> bool:
        return any(trust.attributes & flag for trust in self._objects(*pair))

    def _objects(self, holder: str, partner: str) -> tuple[TrustObject, ...]:
        return self._world.objects.get((holder, partner), ())

    def _forest(self, name: str) -> str:
        return self._world.domains[name].forest


@given(worlds(), st.data())
def test_a_way_is_allowed_where_some_path_holds_and_nowhere_else(
    world: World, data: st.DataObject
) -> None:
    model, read = Model(world), [name for name in NAMES if world.domains[name].is_read]
    if len(read) < 2:
        return
    # Where several paths are open Windows takes the shortest, quarantined or not.
    is_quarantined = any(
        trust.attributes & QUARANTINED for (_, _), held in world.objects.items() for trust in held
    )
    for _ in range(4):
        computer, expert = data.draw(st.permutations(read))[:2]
        found = world.way(computer, expert)
        if found.effect is Effect.ALLOW:
            path = (computer, *(hop.trusted.dns_name for hop in found.hops))
            assert path[-1] == expert
            assert model.holds(path), found.sentence
        elif not is_quarantined:
            assert not model.lets_in(computer, expert), found.sentence
        elif not model.lets_in(computer, expert):
            assert found.remedy
