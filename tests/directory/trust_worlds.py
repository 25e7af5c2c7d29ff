"""Small worlds of domains and trusts, as values."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from directory.ldap.forest_trust import ForestName
from directory.trusts import TrustMap, TrustWay, way
from directory.trusts.shapes import DomainNode, Kind, TrustObject

UPLEVEL = 2
IN, OUT, BOTH = 1, 2, 3
NON_TRANSITIVE, QUARANTINED, FOREST, SELECTIVE, WITHIN, AS_EXTERNAL = 1, 4, 8, 0x10, 0x20, 0x40
SUFFIX, EXCLUDED, DOMAIN = 0, 1, 2


@dataclass
class World:
    """Domains by DNS name, and trust objects by holder and partner."""

    domains: dict[str, DomainNode] = field(default_factory=dict)
    objects: dict[tuple[str, str], tuple[TrustObject, ...]] = field(default_factory=dict)
    tree: dict[tuple[str, str], Kind] = field(default_factory=dict)

    def add(self, dns_name: str, forest: str = "", *, is_read: bool = True) -> DomainNode:
        """A domain; below the one that its name continues, or the root of another tree."""
        forest, number = forest or dns_name, len(self.domains) + 1
        node = DomainNode(
            dns_name=dns_name,
            netbios_name=dns_name.partition(".")[0].upper(),
            sid=f"S-1-5-21-{number}-2-3",
            forest=forest,
            guid=uuid.uuid5(uuid.NAMESPACE_DNS, dns_name) if is_read else None,
        )
        above = dns_name.partition(".")[2]
        if above in self.domains and self.domains[above].forest == forest:
            self.tree[dns_name, above] = Kind.PARENT_CHILD
        elif forest != dns_name:
            self.tree[dns_name, forest] = Kind.TREE_ROOT
        self.domains[dns_name] = node
        return node

    def hold(
        self,
        holder: str,
        partner: str,
        direction: int,
        attributes: int,
        *,
        type_: int = UPLEVEL,
        names: Sequence[ForestName] | None = None,
        names_error: str = "",
        partner_sid: str | None = None,
    ) -> None:
        """One side's object, if that side is read."""
        if not self.domains[holder].is_read:
            return
        if names is None:
            names = self.names_of(partner) if attributes & FOREST else ()
        made = TrustObject(
            guid=uuid.uuid5(uuid.NAMESPACE_DNS, f"{holder}/{partner}"),
            partner_dns_name=partner,
            partner_sid=self.domains[partner].sid if partner_sid is None else partner_sid,
            direction=direction,
            type=type_,
            attributes=attributes,
            names=tuple(names),
            names_error=names_error,
        )
        self.objects[holder, partner] = (*self.objects.get((holder, partner), ()), made)

    def trust(self, trusting: str, trusted: str, attributes: int, *, mutual: bool = False) -> None:
        """Both sides' objects of a trust that nothing is wrong with."""
        self.hold(trusting, trusted, BOTH if mutual else OUT, attributes)
        self.hold(trusted, trusting, BOTH if mutual else IN, attributes)

    def change(self, holder: str, partner: str, **values: object) -> None:
        """Another value somewhere in one side's object."""
        (known,) = self.objects[holder, partner]
        self.objects[holder, partner] = (replace(known, **values),)  # type: ignore[arg-type]

    def names_of(self, root: str) -> tuple[ForestName, ...]:
        """What Windows keeps of a forest: its trees and its domains."""
        members = [node for node in self.domains.values() if node.forest == root]
        trees = [
            node.dns_name
            for node in members
            if self.tree.get((node.dns_name, node.dns_name.partition(".")[2])) is None
        ]
        return (
            *(ForestName(SUFFIX, 0, dns_name=name) for name in trees),
            *(
                ForestName(DOMAIN, 0, node.dns_name, node.netbios_name, node.sid)
                for node in members
            ),
        )

    def map(self) -> TrustMap:
        trusts: dict[str, dict[str, tuple[TrustObject, ...]]] = {}
        for (holder, partner), objects in self.objects.items():
            trusts.setdefault(holder, {})[partner] = objects
        return TrustMap(
            names={node.guid: name for name, node in self.domains.items() if node.guid},
            domains=self.domains,
            trusts=trusts,
            tree=self.tree,
        )

    def way(self, computer: str, expert: str) -> TrustWay:
        """From the computer's domain to the expert's."""
        here, there = self.domains[computer].guid, self.domains[expert].guid
        assert here is not None
        assert there is not None
        return way(self.map(), here, there)


def two_forests() -> World:
    """``r2.local`` with a child, ``contoso.test`` with two; the roots trust each other."""
    world = World()
    for name, forest in (
        ("r2.local", ""),
        ("child.r2.local", "r2.local"),
        ("contoso.test", ""),
        ("eng.contoso.test", "contoso.test"),
        ("tree.example", "contoso.test"),
    ):
        world.add(name, forest)
    world.trust("r2.local", "child.r2.local", WITHIN, mutual=True)
    world.trust("contoso.test", "eng.contoso.test", WITHIN, mutual=True)
    world.trust("contoso.test", "tree.example", WITHIN, mutual=True)
    world.trust("r2.local", "contoso.test", FOREST, mutual=True)
    return world
