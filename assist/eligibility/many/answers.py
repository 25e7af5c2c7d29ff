"""Who may help where, in the forms in which it is asked for."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from assist.eligibility.decision import Reference
from assist.eligibility.gathering import account_reference, computer_reference
from assist.eligibility.many.computers import (
    ComputerRow,
    Rows,
    alike_of,
    all_computers,
    computers_with,
    without_collector,
)
from assist.eligibility.many.matrix import Matrix, Share
from assist.eligibility.many.pictures import Pictures, load_pictures
from assist.eligibility.outcomes import ALLOWED
from assist.lifecycle import Mode
from directory.models import Account, Computer, OrganizationalUnit
from directory.statements import guid_of

Progress = Callable[[int, int], None]  # computers done, of how many
EVERYWHERE = frozenset[uuid.UUID]()


def no_progress(done: int, total: int) -> None:
    """For those who do not watch."""


@dataclass(frozen=True)
class Allowed:
    """Somebody who may help, or a computer where she may.

    Attributes:
        who: The expert or the computer.
        mode: The most that is allowed.
        reason: Why not control; empty where control is allowed.
    """

    who: Reference
    mode: Mode
    reason: str

    def to_json(self) -> dict[str, Any]:
        return {
            "id": self.who.id,
            "name": self.who.name,
            "mode": self.mode.value,
            "reason": self.reason,
        }


@dataclass(frozen=True)
class Listing:
    """All computers that one expert may help, or all experts who may help one computer.

    Attributes:
        asked: The expert or the computer.
        allowed: By name.
        refused: How many of the others are refused, by the code of the finding that decides.
        decided_at: An aware time.
    """

    asked: Reference
    allowed: tuple[Allowed, ...]
    refused: Counter[str]
    decided_at: datetime

    def in_mode(self, mode: Mode) -> int:
        """How many of those that are allowed have this as the most."""
        return sum(item.mode is mode for item in self.allowed)

    def to_json(self) -> dict[str, Any]:
        return {
            self.asked.kind if self.asked.kind == "computer" else "expert": vars(self.asked),
            "allowed": [item.to_json() for item in self.allowed],
            "counts": {mode.value: self.in_mode(mode) for mode in Mode},
            "refused": dict(self.refused.most_common()),
            "decided_at": self.decided_at.isoformat(),
        }


@dataclass
class UnitCounts:
    """What the decisions on the computers right in one organizational unit come to.

    Attributes:
        name: Its distinguished name; the domain's for computers that are in no unit.
        computers: How many there are.
        helpable: How many of them somebody may help, by the most that anybody may do there.
        pairs: Pairs of expert and computer that are allowed, by mode.
        refused: Pairs that are refused, by the code of the finding that decides.
    """

    name: str
    computers: int = 0
    helpable: Counter[str] = field(default_factory=Counter)
    pairs: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True)
class Counts:
    """The whole matrix, as numbers for each organizational unit that has computers."""

    experts: int
    units: dict[tuple[uuid.UUID, uuid.UUID | None], UnitCounts]
    decided_at: datetime

    @property
    def total(self) -> UnitCounts:
        """All units together."""
        found = UnitCounts("")
        for unit in self.units.values():
            found.computers += unit.computers
            found.helpable += unit.helpable
            found.pairs += unit.pairs
            found.refused += unit.refused
        return found

    def to_json(self) -> dict[str, Any]:
        return {
            "experts": self.experts,
            **_numbers(self.total),
            "units": [{"unit": unit.name, **_numbers(unit)} for unit in self.units.values()],
            "decided_at": self.decided_at.isoformat(),
        }


@without_collector()
def computers_for(
    expert: Account, *, now: datetime, mode: Mode | None = None, unit: uuid.UUID | None = None
) -> Listing:
    """Every computer that an expert may help.

    Args:
        expert: With its ``domain`` loaded.
        now: An aware time.
        mode: Only what is allowed in this mode; None: in any, with the most that is allowed.
        unit: GUID of an organizational unit: only computers in it, or in units below.
    """
    pictures = load_pictures(now, [expert])
    allowed: list[Allowed] = []
    refused = Counter[str]()
    for rows, shares in _all_shares(Matrix(pictures), _rows_in(pictures, unit)):
        found, reason = answer_in(shares[0], mode)
        if found is None:
            refused[reason] += len(rows)
        else:
            allowed += [Allowed(_reference(row), found, reason) for row in rows]
    allowed.sort(key=_by_name)
    return Listing(account_reference(expert), tuple(allowed), refused, now)


def experts_for(
    computer: Computer,
    *,
    now: datetime,
    mode: Mode | None = None,
    pictures: Pictures | None = None,
) -> Listing:
    """Every expert who may help one computer; those without the role are not counted.

    Args:
        computer: Of the directory.
        now: An aware time.
        mode: Only what is allowed in this mode; None: in any, with the most that is allowed.
        pictures: What the answer rests on; None: what is so now.
    """
    matrix = Matrix(pictures or load_pictures(now))
    allowed: list[Allowed] = []
    refused = Counter[str]()
    for _, shares in _all_shares(matrix, computers_with([computer.guid])):
        for share in shares:
            found, reason = answer_in(share, mode)
            if found is None:
                refused[reason] += share.experts.bit_count()
            else:
                people = matrix.experts_in(share.experts)
                allowed += [Allowed(each.account.reference, found, reason) for each in people]
    allowed.sort(key=_by_name)
    return Listing(computer_reference(computer), tuple(allowed), refused, now)


@without_collector()
def counts(
    *,
    now: datetime,
    mode: Mode | None = None,
    unit: uuid.UUID | None = None,
    progress: Progress = no_progress,
) -> Counts:
    """The full matrix: all experts and all computers, in numbers for each organizational unit.

    Args:
        now: An aware time.
        mode: Count what is refused in this mode; None: what is refused in every mode.
        unit: GUID of an organizational unit: only computers in it, or in units below.
        progress: Is told how far it is.
    """
    pictures = load_pictures(now)
    matrix, rows = Matrix(pictures), _rows_in(pictures, unit)
    names = dict(OrganizationalUnit.objects.values_list("guid", "distinguished_name"))
    units: dict[tuple[uuid.UUID, uuid.UUID | None], UnitCounts] = {}
    done = 0
    for some, shares in _all_shares(matrix, rows):
        first = ComputerRow(*some[0]).typed()
        key = (first.domain_id, first.ou_id)
        if key not in units:
            domain = pictures.domains[first.domain_id].distinguished_name
            units[key] = UnitCounts(names.get(first.ou_id, domain) if first.ou_id else domain)
        _count(units[key], len(some), shares, mode)
        done += len(some)
        progress(done, len(rows))
    return Counts(len(pictures.people), dict(sorted(units.items(), key=_by_path)), now)


def answer_in(share: Share, mode: Mode | None) -> tuple[Mode | None, str]:
    """What is allowed, and why no more is.

    Args:
        share: Experts and computers with one answer.
        mode: The mode that is asked for; None: the most that is allowed.
    """
    if mode is None:
        return share.mode, share.control if share.view == ALLOWED else share.view
    code = share.control if mode is Mode.CONTROL else share.view
    return (mode if code == ALLOWED else None), code


def _count(unit: UnitCounts, computers: int, shares: Sequence[Share], mode: Mode | None) -> None:
    unit.computers += computers
    modes = set[Mode]()
    for share in shares:
        found, reason = answer_in(share, mode)
        pairs = computers * share.experts.bit_count()
        if found is None:
            unit.refused[reason] += pairs
        else:
            modes.add(found)
            unit.pairs[found.value] += pairs
    if modes:
        most = Mode.CONTROL if Mode.CONTROL in modes else Mode.VIEW
        unit.helpable[most.value] += computers


def _all_shares(matrix: Matrix, rows: Rows) -> Iterator[tuple[Rows, tuple[Share, ...]]]:
    for alike in alike_of(rows, matrix.pictures.policy):
        yield from matrix.shares(alike)


def _rows_in(pictures: Pictures, unit: uuid.UUID | None) -> Rows:
    rows = all_computers()
    if unit is None:
        return rows
    below: dict[uuid.UUID | None, bool] = {None: False, unit: True}
    return [row for row in rows if _is_below(guid_of(row[3]) if row[3] else None, below, pictures)]


def _is_below(
    guid: uuid.UUID | None, below: dict[uuid.UUID | None, bool], pictures: Pictures
) -> bool:
    if guid not in below:
        below[guid] = False  # ends a loop in the rows
        above = pictures.policy.units.get(guid) if guid else None
        below[guid] = above is not None and _is_below(above.parent_guid, below, pictures)
    return below[guid]


def _reference(row: tuple[object, ...]) -> Reference:
    guid = str(row[0])
    return Reference("computer", guid if "-" in guid else str(guid_of(guid)), str(row[1]))


def _by_name(item: Allowed) -> tuple[str, str]:
    return item.who.name.lower(), item.who.id


def _numbers(unit: UnitCounts) -> dict[str, Any]:
    return {
        "computers": unit.computers,
        "helpable": {mode.value: unit.helpable[mode.value] for mode in Mode},
        "pairs": {mode.value: unit.pairs[mode.value] for mode in Mode},
        "refused": dict(unit.refused.most_common()),
    }


def _by_path(item: tuple[object, UnitCounts]) -> list[str]:
    """From the domain's head downwards."""
    return item[1].name.lower().split(",")[::-1]
