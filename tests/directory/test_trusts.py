"""Who lets whom in: every hop, or the rule that stops it."""

from __future__ import annotations

from itertools import pairwise

import pytest

from directory.ldap.forest_trust import ForestName
from directory.trusts import Effect, TrustWay
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
    two_forests,
)

R2, CHILD, CONTOSO, ENG, TREE = (
    *("r2.local", "child.r2.local"),
    *("contoso.test", "eng.contoso.test", "tree.example"),
)


def require(found: TrustWay, effect: Effect, code: str, *words: str) -> None:
    assert (found.effect, found.code) == (effect, code), found.sentence
    assert bool(found.remedy) is (effect is not Effect.ALLOW)
    for word in words:
        assert word in found.sentence


def test_a_domain_needs_no_trust_in_itself() -> None:
    found = two_forests().way(R2, R2)
    require(found, Effect.ALLOW, "domain.same", R2)
    assert found.hops == ()


def test_the_way_from_child_to_child_names_every_hop() -> None:
    found = two_forests().way(CHILD, ENG)
    require(found, Effect.ALLOW, "trust.forest")
    assert [str(hop) for hop in found.hops] == [
        "child.r2.local trusts r2.local (parent and child)",
        "r2.local trusts contoso.test (forest trust)",
        "contoso.test trusts eng.contoso.test (parent and child)",
    ]
    assert found.sentence.endswith(f"{', '.join(map(str, found.hops))}.")


def test_a_shortcut_is_taken_where_it_is_shorter() -> None:
    world = two_forests()
    world.trust(TREE, ENG, WITHIN)
    found = world.way(TREE, ENG)
    require(found, Effect.ALLOW, "trust.within_forest", "tree.example trusts eng.contoso.test")
    assert [hop.kind.value for hop in found.hops] == ["shortcut"]
    assert [len(world.way(*ends).hops) for ends in ((ENG, TREE), (CHILD, TREE))] == [2, 3]


def test_a_shortcut_that_is_switched_off_leaves_the_way_through_the_tree() -> None:
    world = two_forests()
    world.trust(TREE, ENG, WITHIN)
    for ends in ((TREE, ENG), (ENG, TREE)):
        world.change(*ends, direction=0)
    require(world.way(TREE, ENG), Effect.ALLOW, "trust.within_forest", "tree root")


@pytest.mark.parametrize(
    ("ends", "values", "effect", "code"),
    [
        ((R2, CONTOSO), {"direction": 0}, Effect.DENY, "trust.disabled"),
        ((R2, CONTOSO), {"direction": IN}, Effect.DENY, "trust.wrong_direction"),
        ((R2, CONTOSO), {"type": 3}, Effect.DENY, "trust.realm"),
        ((R2, CONTOSO), {"type": 4}, Effect.DENY, "trust.realm"),
        ((R2, CONTOSO), {"type": 5}, Effect.DENY, "trust.realm"),
        ((R2, CONTOSO), {"type": 1}, Effect.DENY, "trust.downlevel"),
        ((R2, CONTOSO), {"type": 7}, Effect.UNKNOWN, "trust.unreadable"),
        ((R2, CONTOSO), {"type": -1}, Effect.UNKNOWN, "trust.unreadable"),
        ((R2, CONTOSO), {"direction": 4}, Effect.UNKNOWN, "trust.unreadable"),
        ((R2, CONTOSO), {"direction": -1}, Effect.UNKNOWN, "trust.unreadable"),
        ((R2, CONTOSO), {"attributes": FOREST | 0x2000}, Effect.UNKNOWN, "trust.unreadable"),
        ((R2, CONTOSO), {"attributes": FOREST | WITHIN}, Effect.UNKNOWN, "trust.unreadable"),
        (
            (R2, CONTOSO),
            {"names_error": "It is cut off."},
            Effect.UNKNOWN,
            "trust.names_unreadable",
        ),
        (
            (CONTOSO, R2),
            {"names_error": "It is cut off."},
            Effect.UNKNOWN,
            "trust.names_unreadable",
        ),
        ((CONTOSO, R2), {"names": ()}, Effect.UNKNOWN, "trust.names_unreadable"),
        ((R2, CONTOSO), {"names": ()}, Effect.DENY, "trust.name_not_routed"),
        ((CONTOSO, R2), {"direction": OUT}, Effect.UNKNOWN, "trust.contradiction"),
        ((CONTOSO, R2), {"direction": 0}, Effect.UNKNOWN, "trust.contradiction"),
        ((CONTOSO, R2), {"attributes": 0}, Effect.UNKNOWN, "trust.contradiction"),
        ((CONTOSO, R2), {"type": 3}, Effect.UNKNOWN, "trust.contradiction"),
        ((CONTOSO, R2), {"type": 9}, Effect.UNKNOWN, "trust.contradiction"),
        ((R2, CONTOSO), {"partner_sid": "S-1-5-21-9-9-9"}, Effect.UNKNOWN, "trust.contradiction"),
    ],
)
def test_what_one_side_says_stops_the_way_or_leaves_it_unknown(
    ends: tuple[str, str], values: dict[str, object], effect: Effect, code: str
) -> None:
    world = two_forests()
    require(world.way(R2, CONTOSO), Effect.ALLOW, "trust.forest")
    world.change(*ends, **values)
    for computer, expert in ((R2, CONTOSO), (CHILD, CONTOSO), (R2, ENG)):
        require(world.way(computer, expert), effect, code)


def test_two_objects_for_one_partner_are_gone_by_neither() -> None:
    world = two_forests()
    world.hold(R2, CONTOSO, BOTH, FOREST)
    require(world.way(R2, CONTOSO), Effect.UNKNOWN, "trust.unreadable", "several")


def test_a_trust_that_the_other_side_knows_nothing_of_is_a_contradiction() -> None:
    world = two_forests()
    del world.objects[CONTOSO, R2]
    require(world.way(R2, CONTOSO), Effect.UNKNOWN, "trust.contradiction", "no trust")
    require(world.way(CONTOSO, R2), Effect.DENY, "trust.none")


def test_a_forest_trust_between_domains_that_are_no_roots_is_gone_by_by_nobody() -> None:
    world = two_forests()
    world.trust(CHILD, CONTOSO, FOREST, mutual=True)
    require(world.way(CHILD, CONTOSO), Effect.ALLOW, "trust.forest", "child.r2.local trusts r2")
    for ends in ((R2, CONTOSO), (CONTOSO, R2)):
        del world.objects[ends]
    assert world.way(CHILD, CONTOSO).effect is not Effect.ALLOW
    assert world.way(CHILD, ENG).effect is not Effect.ALLOW


def test_trusts_are_not_passed_on_from_forest_to_forest() -> None:
    world = two_forests()
    world.add("third.test")
    world.trust(CONTOSO, "third.test", FOREST, mutual=True)
    require(
        world.way(CHILD, "third.test"),
        *(Effect.DENY, "trust.not_transitive", "r2.local trusts contoso.test (forest trust)"),
        "contoso.test trusts third.test (forest trust)",
    )


@pytest.mark.parametrize("attributes", [0, NON_TRANSITIVE, QUARANTINED])
def test_an_external_trust_is_for_its_two_domains_alone(attributes: int) -> None:
    world = two_forests()
    world.add("third.test")
    world.add("low.third.test", "third.test")
    world.trust("third.test", "low.third.test", WITHIN, mutual=True)
    world.trust(R2, "third.test", attributes)
    require(world.way(R2, "third.test"), Effect.ALLOW, "trust.external")
    for ends in ((R2, "low.third.test"), (CHILD, "third.test")):
        require(world.way(*ends), Effect.DENY, "trust.not_transitive")
    require(world.way("third.test", R2), Effect.DENY, "trust.wrong_direction")


def test_a_forest_trust_that_is_marked_as_not_transitive_joins_the_roots_only() -> None:
    world = two_forests()
    for ends in ((R2, CONTOSO), (CONTOSO, R2)):
        world.change(*ends, attributes=FOREST | NON_TRANSITIVE)
    require(world.way(R2, CONTOSO), Effect.ALLOW, "trust.forest")
    require(world.way(R2, ENG), Effect.DENY, "trust.not_transitive")
    require(world.way(CHILD, CONTOSO), Effect.DENY, "trust.not_transitive")


def _names(world: World, *changes: ForestName, without: str = "") -> None:
    kept = [record for record in world.names_of(CONTOSO) if record.dns_name != without]
    world.change(R2, CONTOSO, names=(*kept, *changes))


@pytest.mark.parametrize(
    ("changes", "without", "closed", "word"),
    [
        ((ForestName(EXCLUDED, 0, ENG),), "", {ENG}, "excluded"),
        ((ForestName(EXCLUDED, 0, "test"),), "", {CONTOSO, ENG}, "excluded"),
        ((), TREE, {TREE}, "no name suffix covers"),
        ((ForestName(SUFFIX, 1, TREE),), TREE, {TREE}, "new"),
        ((ForestName(SUFFIX, 2, CONTOSO),), CONTOSO, {CONTOSO, ENG}, "administrator"),
        ((ForestName(SUFFIX, 4, CONTOSO),), CONTOSO, {CONTOSO, ENG}, "conflicts"),
        ((ForestName(DOMAIN, 1, ENG, "ENG", "S-1-5-21-4-2-3"),), ENG, {ENG}, "administrator"),
        ((ForestName(DOMAIN, 2, ENG, "ENG", "S-1-5-21-4-2-3"),), ENG, {ENG}, "conflicts"),
        # Only its NetBIOS name is disabled, which Kerberos does not go by.
        ((ForestName(DOMAIN, 4, ENG, "ENG", "S-1-5-21-4-2-3"),), ENG, set(), ""),
        ((ForestName(DOMAIN, 0, ENG, "ENG", "S-1-5-21-7-7-7"),), ENG, {ENG}, "another SID"),
        ((), ENG, {ENG}, "not among those"),
        ((ForestName(9, 0, ENG),), "", set(), ""),
        ((ForestName(SUFFIX, 0, "NTOSO.test"),), "", set(), ""),
    ],
)
def test_names_of_the_trust_open_and_close_domains_of_the_other_forest(
    changes: tuple[ForestName, ...], without: str, closed: set[str], word: str
) -> None:
    world = two_forests()
    _names(world, *changes, without=without)
    for expert in (CONTOSO, ENG, TREE):
        found = world.way(CHILD, expert)
        if expert in closed:
            require(found, Effect.DENY, "trust.name_not_routed", expert, word)
        else:
            require(found, Effect.ALLOW, "trust.forest")


def test_the_trusted_forest_has_to_know_the_way_to_the_computers_domain() -> None:
    world = two_forests()
    world.change(CONTOSO, R2, names=(ForestName(EXCLUDED, 0, CHILD), *world.names_of(R2)))
    require(world.way(CHILD, ENG), Effect.DENY, "trust.name_not_routed", CHILD)
    require(world.way(R2, ENG), Effect.ALLOW, "trust.forest")


# --- domains that are not read -----------------------------------------------------------------


def _four(unread: str) -> World:
    """``a`` over ``b`` over ``c`` over ``d`` in one forest."""
    world = World()
    names = ("a.test", "b.a.test", "c.b.a.test", "d.c.b.a.test")
    for name in names:
        world.add(name, "a.test", is_read=name[0] not in unread)
    for above, below in pairwise(names):
        world.trust(above, below, WITHIN, mutual=True)
    return world


def test_a_domain_between_that_is_not_read_is_told_of_by_both_its_neighbours() -> None:
    require(_four("b").way("a.test", "d.c.b.a.test"), Effect.ALLOW, "trust.within_forest")


def test_of_two_in_a_row_that_are_not_read_nothing_is_known() -> None:
    found = _four("bc").way("a.test", "d.c.b.a.test")
    require(found, Effect.UNKNOWN, "trust.not_read", "does not read b.a.test")


def test_a_neighbour_may_say_that_a_domain_between_does_not_trust_it() -> None:
    world = _four("b")
    world.change("c.b.a.test", "b.a.test", direction=OUT)
    require(world.way("a.test", "d.c.b.a.test"), Effect.DENY, "trust.wrong_direction")
    require(world.way("d.c.b.a.test", "a.test"), Effect.ALLOW, "trust.within_forest")
    world.change("c.b.a.test", "b.a.test", direction=0)
    require(world.way("a.test", "d.c.b.a.test"), Effect.DENY, "trust.disabled")
    world.change("c.b.a.test", "b.a.test", direction=7)
    require(world.way("a.test", "d.c.b.a.test"), Effect.UNKNOWN, "trust.unreadable")


def test_without_the_root_nothing_is_known_of_other_forests() -> None:
    world = World()
    world.add("r2.local", is_read=False)
    world.add(CHILD, "r2.local")
    world.add(CONTOSO)
    world.trust("r2.local", CHILD, WITHIN, mutual=True)
    require(world.way(CHILD, CONTOSO), Effect.UNKNOWN, "trust.not_read", "r2.local")
    world.trust("r2.local", CONTOSO, FOREST, mutual=True)
    require(world.way(CHILD, CONTOSO), Effect.UNKNOWN, "trust.not_read", "r2.local")
    # Its own trusts are seen from the other forest, and decide there.
    require(world.way(CONTOSO, CHILD), Effect.ALLOW, "trust.forest")


# --- what comes through --------------------------------------------------------------------------

SIDS = {name: two_forests().domains[name].sid for name in (R2, CHILD, CONTOSO, ENG, TREE)}
THIRD = "S-1-5-21-99-99-99"


def _passed(found: TrustWay) -> set[str]:
    """Domains whose SIDs pass, those of Windows itself marked with a star."""
    every = {**SIDS, "third": THIRD}
    plain = {name for name, sid in every.items() if not found.dropped_by(f"{sid}-1104")}
    own = {f"{name}*" for name, sid in every.items() if not found.dropped_by(f"{sid}-512")}
    return plain | own


def _star(*names: str) -> set[str]:
    return {*names, *(f"{name}*" for name in names)}


def test_a_forest_trust_passes_sids_of_the_trusted_forests_domains_alone() -> None:
    world = two_forests()
    assert _passed(world.way(CHILD, ENG)) == _star(CONTOSO, ENG, TREE)
    reason = world.way(CHILD, ENG).dropped_by(f"{SIDS[R2]}-1104")
    assert "SID filtering" in reason
    assert "r2.local trusts contoso.test (forest trust)" in reason
    assert reason.endswith("drops SIDs of r2.local")
    assert world.way(CHILD, ENG).dropped_by(f"{THIRD}-1104").endswith(f"the domain {THIRD}")


def test_a_forest_trust_treated_as_external_passes_strangers_but_not_those_of_windows() -> None:
    world = two_forests()
    world.change(R2, CONTOSO, attributes=FOREST | AS_EXTERNAL)
    assert _passed(world.way(CHILD, ENG)) == _star(CONTOSO, ENG, TREE) | {"third"}


def test_a_domain_that_the_trust_leaves_out_passes_no_sids() -> None:
    world = two_forests()
    _names(world, ForestName(EXCLUDED, 0, TREE))
    assert _passed(world.way(CHILD, ENG)) == _star(CONTOSO, ENG)


def test_quarantine_passes_the_partners_sids_alone() -> None:
    world = two_forests()
    world.change(R2, CONTOSO, attributes=FOREST | QUARANTINED)
    assert _passed(world.way(R2, CONTOSO)) == _star(CONTOSO)
    require(world.way(R2, ENG), Effect.DENY, "trust.sid_filtered", ENG)


def test_a_quarantined_child_passes_its_own_sids_to_the_rest_of_the_forest() -> None:
    world = two_forests()
    world.change(CONTOSO, ENG, attributes=WITHIN | QUARANTINED)
    assert _passed(world.way(TREE, ENG)) == _star(ENG)
    assert _passed(world.way(R2, ENG)) == _star(ENG)
    assert _passed(world.way(ENG, TREE)) == _star(*SIDS, "third")


def test_an_external_trust_passes_all_but_the_own_forests_sids() -> None:
    world = two_forests()
    for ends in ((R2, CONTOSO), (CONTOSO, R2)):
        world.change(*ends, attributes=0)
    assert _passed(world.way(R2, CONTOSO)) == _star(CONTOSO) | {ENG, TREE, "third"}


def test_sids_of_no_domain_pass_nowhere_but_at_home() -> None:
    world = two_forests()
    assert world.way(R2, CHILD).dropped_by("S-1-5-32-544")
    assert not world.way(R2, R2).dropped_by("S-1-5-32-544")


def test_selective_authentication_is_the_trusting_sides_to_ask_for() -> None:
    world = two_forests()
    world.change(R2, CONTOSO, attributes=FOREST | SELECTIVE)
    assert [world.way(*ends).is_selective for ends in ((R2, ENG), (CHILD, CONTOSO))] == [True] * 2
    assert [world.way(*ends).is_selective for ends in ((CONTOSO, R2), (R2, CHILD))] == [False] * 2
