"""A made-up directory of accounts, nested groups and edges, the same for the same seed."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

DOMAIN_SID = "S-1-5-21-1-2-3"
DOMAIN_USERS = f"{DOMAIN_SID}-513"
LEVELS = 20
DEPARTMENT = 200  # groups
LOWEST_LEVEL_SHARE = 0.4  # of a department's groups; each level above has this share of the rest


@dataclass(frozen=True)
class Shape:
    """How large the directory is.

    Attributes:
        accounts: Number of accounts.
        groups: Number of groups, nested ``LEVELS`` deep within departments of ``DEPARTMENT``.
        edges: Number of direct memberships, those of the large group among them.
        large_group: Number of accounts that are direct members of one group.
    """

    accounts: int
    groups: int
    edges: int
    large_group: int

    @classmethod
    def of_size(cls, accounts: int) -> Shape:
        return cls(accounts, accounts // 5, accounts * 5, accounts // 2)


@dataclass(frozen=True)
class Principal:
    """An account or a group."""

    guid: uuid.UUID
    sid: str
    name: str
    is_security: bool = True


@dataclass(frozen=True)
class Edge:
    """The holder of ``member`` is in ``group``; both are places in the lists of the graph."""

    group: int
    member: int
    member_is_group: bool


@dataclass(frozen=True)
class Graph:
    """Accounts, groups and the direct memberships between them.

    Attributes:
        groups: The first is the large group, the last the primary group of every account.
        levels: Of each group but these two, how many levels of nesting are below it.
    """

    accounts: list[Principal]
    groups: list[Principal]
    levels: list[int]
    edges: list[Edge]

    @property
    def nested(self) -> list[Edge]:
        return [edge for edge in self.edges if edge.member_is_group]


def make_graph(shape: Shape, seed: int) -> Graph:
    """A directory in which groups are nested 20 deep, with loops, and one group is large.

    An account is in about four groups of its department and some of others, one account in a
    hundred in about fifty; a group is in one or two of the levels above it. Each department has
    two loops over several levels. One group in ten is a distribution group.
    """
    random = Random(seed)
    accounts = [
        Principal(_guid(random), f"{DOMAIN_SID}-{10_000 + number}", f"user{number}")
        for number in range(shape.accounts)
    ]
    groups = [
        Principal(
            _guid(random),
            f"{DOMAIN_SID}-{10_000 + shape.accounts + number}",
            f"group{number}",
            is_security=number == 0 or random.random() > 0.1,
        )
        for number in range(shape.groups)
    ]
    groups.append(Principal(_guid(random), DOMAIN_USERS, "Domain Users"))
    levels = [_level(number, random) for number in range(shape.groups)]
    edges = dict.fromkeys(_nesting(levels, random))
    for member in random.sample(range(shape.accounts), shape.large_group):
        edges[Edge(0, member, member_is_group=False)] = None
    while len(edges) < shape.edges:
        member = random.randrange(shape.accounts // (1 if random.random() < 0.9 else 100))
        edges[Edge(_group_for(member, shape, random), member, member_is_group=False)] = None
    return Graph(accounts, groups, levels, list(edges))


def _guid(random: Random) -> uuid.UUID:
    return uuid.UUID(int=random.getrandbits(128), version=4)


def _level(number: int, random: Random) -> int:
    """The first groups of a department are one of each level, so that all are there."""
    place = number % DEPARTMENT
    if place < LEVELS:
        return place
    level = 0
    while level < LEVELS - 1 and random.random() > LOWEST_LEVEL_SHARE:
        level += 1
    return level


def _nesting(levels: list[int], random: Random) -> Iterator[Edge]:
    for start in range(0, len(levels), DEPARTMENT):
        numbers = range(start, min(start + DEPARTMENT, len(levels)))
        of_level: dict[int, list[int]] = {}
        for number in numbers:
            of_level.setdefault(levels[number], []).append(number)
        for number in numbers:
            above = of_level.get(levels[number] + 1)
            if above:
                yield Edge(random.choice(above), number, member_is_group=True)
            if random.random() < 0.3:
                other = random.choice(numbers)
                if levels[other] > levels[number]:
                    yield Edge(other, number, member_is_group=True)
        for high, low in ((6, 3), (19, 14)):
            if high in of_level:
                yield Edge(of_level[low][0], of_level[high][0], member_is_group=True)
        if start:  # the department's top is in some group of another department
            yield Edge(random.randrange(1, start), of_level[max(of_level)][0], member_is_group=True)


def _group_for(member: int, shape: Shape, random: Random) -> int:
    if random.random() < 0.1:
        return random.randrange(1, shape.groups)
    departments = max(1, shape.groups // DEPARTMENT)
    start = member % departments * DEPARTMENT
    return max(1, min(start + random.randrange(DEPARTMENT), shape.groups - 1))
