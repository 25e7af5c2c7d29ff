"""Computers that nobody may help, and units that the policy does not reach."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from assist.eligibility.many import Matrix, load_pictures
from assist.eligibility.many.computers import (
    ComputerRow,
    Rows,
    alike_of,
    all_computers,
    without_collector,
)
from assist.eligibility.many.pictures import Pictures
from directory.models import OrganizationalUnit
from directory.policies import HELPERS, OFFERS
from directory.statements import guid_of

PlaceKey = tuple[uuid.UUID, uuid.UUID | None]  # domain and unit
NO_EXPERTS = "no_experts"  # nobody has the role expert


@dataclass(frozen=True)
class Unhelped:
    """A computer that no expert may help.

    Attributes:
        unit: The distinguished name of its unit, or its domain's.
        reason: The code of the finding that refuses most experts there.
    """

    guid: uuid.UUID
    name: str
    unit: str
    reason: str


@dataclass(frozen=True)
class UnitReach:
    """A unit some of whose computers the policy does not reach; those of units below not counted.

    Attributes:
        guid: None for computers in no unit.
        name: Its distinguished name, or the domain's.
        computers: How many enabled computers are in it.
        without: Where policy does not allow offers, or lists no helper.
        unknown: Where that cannot be told from outside the computer.
    """

    guid: uuid.UUID | None
    name: str
    computers: int
    without: int
    unknown: int


@dataclass(frozen=True)
class Reach:
    """Both, of the same moment.

    Attributes:
        computers: All that were looked at.
        unhelped: By name.
        units: Those with most computers that the policy does not reach first.
    """

    computers: int
    unhelped: tuple[Unhelped, ...]
    units: tuple[UnitReach, ...]


def lasting_pictures(now: datetime) -> Pictures:
    """What decisions rest on without what passes: offers under way, and limits that are reached.

    Args:
        now: An aware time.
    """
    pictures = load_pictures(now)
    people = tuple(
        replace(person, activity=replace(person.activity, offers_in_last_hour=0))
        for person in pictures.people
    )
    return replace(pictures, people=people, active={}, crowded=frozenset())


@without_collector()
def reach(now: datetime) -> Reach:
    """Decides on all computers for all experts, each in the mode in which most is allowed: view.

    What is of the moment alone does not count: offers that have not ended, and limits that are
    reached. Takes as long as :func:`assist.eligibility.many.answers.counts`: seconds for 100,000
    computers, in a number of queries that does not grow with them.

    Args:
        now: An aware time.
    """
    pictures = lasting_pictures(now)
    matrix, rows = (
        Matrix(pictures),
        [row for row in all_computers() if ComputerRow(*row).is_enabled],
    )
    units_by = dict(OrganizationalUnit.objects.values_list("guid", "distinguished_name"))
    unhelped = list[Unhelped]()
    computers, without, unknown = (Counter[PlaceKey]() for _ in range(3))
    for alike in alike_of(rows, pictures.policy):
        first = ComputerRow(*alike[0]).typed()
        place = (first.domain_id, first.ou_id)
        computers[place] += len(alike)
        policy = pictures.policy.of(first)
        if not (policy.is_certain(OFFERS) and policy.is_certain(HELPERS)):
            unknown[place] += len(alike)
        elif not policy.offers_allowed or not policy.helpers:
            without[place] += len(alike)
        unhelped += _unhelped(matrix, alike, _name(pictures, units_by, place))
    units = [
        UnitReach(
            place[1], _name(pictures, units_by, place), number, without[place], unknown[place]
        )
        for place, number in computers.items()
        if without[place] or unknown[place]
    ]
    return Reach(
        computers=len(rows),
        unhelped=tuple(sorted(unhelped, key=lambda found: (found.name.lower(), found.guid))),
        units=tuple(sorted(units, key=lambda unit: (-unit.without, -unit.unknown, unit.name))),
    )


def _unhelped(matrix: Matrix, alike: Rows, unit: str) -> Iterator[Unhelped]:
    for some, shares in matrix.shares(alike):
        if any(share.mode for share in shares):
            continue
        reasons = Counter[str]()
        for share in shares:
            reasons[share.view] += share.experts.bit_count()
        reason = reasons.most_common(1)[0][0] if reasons else NO_EXPERTS
        for row in some:
            yield Unhelped(guid_of(row[0]), str(row[1]), unit, reason)


def _name(pictures: Pictures, units: Mapping[uuid.UUID, str], place: PlaceKey) -> str:
    """The unit's distinguished name, or the domain's for computers in none."""
    domain, unit = place
    name = units.get(unit) if unit else None
    return name or pictures.domains[domain].distinguished_name
