"""What a change of the directory would give and take, before anybody makes it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from assist.eligibility.many.answers import Progress, no_progress
from assist.eligibility.many.changes import Change
from assist.eligibility.many.computers import (
    Rows,
    alike_of,
    all_computers,
    without_collector,
)
from assist.eligibility.many.matrix import Matrix, Share
from assist.eligibility.many.pictures import Pictures, load_pictures
from assist.eligibility.outcomes import ALLOWED
from assist.lifecycle import Mode
from directory.models import OrganizationalUnit
from directory.statements import guid_of

MOST_NAMES = 20
MOST_EXAMPLES = 100
MOST_UNITS = 200
Place = tuple[Any, Any]  # GUIDs of the domain and the unit, as the database has them


class Example(NamedTuple):
    """One pair of those that a change gives, or takes, and the code of what refuses it."""

    expert: str
    computer: str
    reason: str


@dataclass
class Side:
    """Pairs of expert and computer that a change gives, or takes, in one mode.

    Attributes:
        pairs: How many.
        computers: Names of the computers in them.
        experts: How many computers each expert gains or loses, by her name.
        reasons: Of pairs that are lost, the code of what would refuse them; of pairs that are
            gained, of what refuses them now.
        examples: Some of the pairs, of different computers as far as there are any.
        units: How many computers and how many pairs in each unit.
    """

    pairs: int = 0
    computers: list[str] = field(default_factory=list)
    experts: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    examples: list[Example] = field(default_factory=list)
    units: dict[Place, tuple[int, int]] = field(default_factory=dict)

    def to_json(self, most: int) -> dict[str, Any]:
        experts = sorted(self.experts.items(), key=lambda item: (-item[1], item[0].lower()))
        return {
            "pairs": self.pairs,
            "computers": len(self.computers),
            "experts": len(self.experts),
            "first_computers": sorted(self.computers, key=str.lower)[:most],
            "first_experts": [
                {"name": name, "computers": number} for name, number in experts[:most]
            ],
            "reasons": dict(self.reasons.most_common()),
            "examples": [example._asdict() for example in self.examples[:most]],
        }


@dataclass(frozen=True)
class Difference:
    """What some changes together would do.

    Attributes:
        changes: They, for a person.
        gained: By mode.
        lost: By mode.
        decided_at: An aware time.
        experts: How many were asked about.
        computers: On how many.
        names: Distinguished names of units, and of domains for computers that are in no unit.
        stale: Domains whose picture is too old for any offer: nothing is gained or lost there.
    """

    changes: tuple[str, ...]
    gained: dict[Mode, Side]
    lost: dict[Mode, Side]
    decided_at: datetime
    experts: int = 0
    computers: int = 0
    names: Mapping[Place, str] = field(default_factory=dict)
    stale: tuple[str, ...] = ()

    def to_json(self, most: int = MOST_NAMES) -> dict[str, Any]:
        return {
            "changes": list(self.changes),
            "gained": {mode.value: side.to_json(most) for mode, side in self.gained.items()},
            "lost": {mode.value: side.to_json(most) for mode, side in self.lost.items()},
            "units": self._units()[:MOST_UNITS],
            "more_units": max(0, len(self._places()) - MOST_UNITS),
            "experts": self.experts,
            "computers": self.computers,
            "stale": list(self.stale),
            "decided_at": self.decided_at.isoformat(),
        }

    def _places(self) -> set[Place]:
        sides = (*self.gained.values(), *self.lost.values())
        return {place for side in sides for place in side.units}

    def _units(self) -> list[dict[str, Any]]:
        """Those with the most pairs first."""
        found = [
            {
                "unit": self.names[place],
                "gained": {mode.value: _of_unit(side, place) for mode, side in self.gained.items()},
                "lost": {mode.value: _of_unit(side, place) for mode, side in self.lost.items()},
            }
            for place in self._places()
        ]
        return sorted(found, key=lambda item: (-_pairs_in(item), item["unit"].lower()))


@without_collector()
def what_if(
    changes: Sequence[Change], *, now: datetime, progress: Progress = no_progress
) -> Difference:
    """Which experts and computers would gain or lose by some changes. Nothing is written.

    Args:
        changes: They are taken together, in their order.
        now: An aware time.
        progress: Is told how far it is.
    """
    also = [account for change in changes for account in change.further_experts()]
    before = after = load_pictures(now, also=also)
    for change in changes:
        after = change.apply(after)
    is_now, would_be = Matrix(before), Matrix(after)
    rows, done = all_computers(), 0
    found = Difference(
        tuple(map(str, changes)),
        {mode: Side() for mode in Mode},
        {mode: Side() for mode in Mode},
        now,
        len(before.people),
        len(rows),
        _names_of(rows, before),
        _stale(before),
    )
    masks: dict[tuple[bool, Mode], Counter[int]] = {
        (is_gain, mode): Counter() for is_gain in (True, False) for mode in Mode
    }
    for alike in alike_of(rows, before.policy, after.policy):
        for some, shares in is_now.shares(alike):
            _, then = next(would_be.shares(some))
            _compare(found, masks, is_now, some, shares, then)
        done += len(alike)
        progress(done, len(rows))
    for (is_gain, mode), counted in masks.items():
        side = (found.gained if is_gain else found.lost)[mode]
        for mask, computers in counted.items():
            for person in is_now.experts_in(mask):
                side.experts[person.name] += computers
    return found


def _compare(
    found: Difference,
    masks: dict[tuple[bool, Mode], Counter[int]],
    matrix: Matrix,
    rows: Rows,
    before: Sequence[Share],
    after: Sequence[Share],
) -> None:
    for mode in Mode:
        now, then = _allowed(before, mode), _allowed(after, mode)
        for is_gain, experts, side, refusing in (
            (True, then & ~now, found.gained[mode], before),
            (False, now & ~then, found.lost[mode], after),
        ):
            if not experts:
                continue
            masks[is_gain, mode][experts] += len(rows)
            pairs = len(rows) * experts.bit_count()
            side.pairs += pairs
            side.computers += [str(row[1]) for row in rows]
            place = _place_of(rows[0])
            computers_there, pairs_there = side.units.get(place, (0, 0))
            side.units[place] = (computers_there + len(rows), pairs_there + pairs)
            for share in refusing:
                together = share.experts & experts
                if together:
                    code = _code(share, mode)
                    side.reasons[code] += together.bit_count() * len(rows)
                    if len(side.examples) < MOST_EXAMPLES:
                        name = next(matrix.experts_in(together)).name
                        side.examples += [Example(name, str(row[1]), code) for row in rows[:3]]


def _place_of(row: tuple[Any, ...]) -> Place:
    return row[2], row[3]


def _names_of(rows: Rows, pictures: Pictures) -> dict[Place, str]:
    names = dict(OrganizationalUnit.objects.values_list("guid", "distinguished_name"))
    found: dict[Place, str] = {}
    for place in {_place_of(row) for row in rows}:
        domain, unit = place
        found[place] = names.get(guid_of(unit), "") if unit else ""
        found[place] = found[place] or pictures.domains[guid_of(domain)].distinguished_name
    return found


def _stale(pictures: Pictures) -> tuple[str, ...]:
    """Domains whose picture is too old, by name."""
    oldest = pictures.now - pictures.maximum_age
    domains = pictures.domains.values()
    return tuple(
        sorted(
            domain.dns_name
            for domain in domains
            if domain.is_present and (domain.synced_at is None or domain.synced_at < oldest)
        )
    )


def _of_unit(side: Side, place: Place) -> dict[str, int]:
    computers, pairs = side.units.get(place, (0, 0))
    return {"computers": computers, "pairs": pairs}


def _pairs_in(unit: dict[str, Any]) -> int:
    sides = (*unit["gained"].values(), *unit["lost"].values())
    return sum(side["pairs"] for side in sides)


def _allowed(shares: Sequence[Share], mode: Mode) -> int:
    experts = 0
    for share in shares:
        if _code(share, mode) == ALLOWED:
            experts |= share.experts
    return experts


def _code(share: Share, mode: Mode) -> str:
    return share.control if mode is Mode.CONTROL else share.view
