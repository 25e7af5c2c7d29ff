"""What a change of the directory would give and take, before anybody makes it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from assist.eligibility.many.answers import Progress, no_progress
from assist.eligibility.many.changes import Change
from assist.eligibility.many.computers import Rows, alike_of, all_computers, without_collector
from assist.eligibility.many.matrix import Matrix, Share
from assist.eligibility.many.pictures import load_pictures
from assist.eligibility.outcomes import ALLOWED
from assist.lifecycle import Mode

MOST_NAMES = 20


@dataclass
class Side:
    """Pairs of expert and computer that a change gives, or takes, in one mode.

    Attributes:
        pairs: How many.
        computers: Names of the computers in them.
        experts: How many computers each expert gains or loses, by her name.
        reasons: Of pairs that are lost, the code of what would refuse them; of pairs that are
            gained, of what refuses them now.
    """

    pairs: int = 0
    computers: list[str] = field(default_factory=list)
    experts: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)

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
        }


@dataclass(frozen=True)
class Difference:
    """What some changes together would do.

    Attributes:
        changes: They, for a person.
        gained: By mode.
        lost: By mode.
        decided_at: An aware time.
    """

    changes: tuple[str, ...]
    gained: dict[Mode, Side]
    lost: dict[Mode, Side]
    decided_at: datetime

    def to_json(self, most: int = MOST_NAMES) -> dict[str, Any]:
        return {
            "changes": list(self.changes),
            "gained": {mode.value: side.to_json(most) for mode, side in self.gained.items()},
            "lost": {mode.value: side.to_json(most) for mode, side in self.lost.items()},
            "decided_at": self.decided_at.isoformat(),
        }


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
    found = Difference(
        tuple(map(str, changes)),
        {mode: Side() for mode in Mode},
        {mode: Side() for mode in Mode},
        now,
    )
    rows, done = all_computers(), 0
    masks: dict[tuple[bool, Mode], Counter[int]] = {
        (is_gain, mode): Counter() for is_gain in (True, False) for mode in Mode
    }
    for alike in alike_of(rows, before.policy):
        for part in alike_of(alike, after.policy):
            for some, shares in is_now.shares(part):
                _, then = next(would_be.shares(some))
                _compare(found, masks, some, shares, then)
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
            side.pairs += len(rows) * experts.bit_count()
            side.computers += [str(row[1]) for row in rows]
            for share in refusing:
                number = (share.experts & experts).bit_count() * len(rows)
                if number:
                    side.reasons[_code(share, mode)] += number


def _allowed(shares: Sequence[Share], mode: Mode) -> int:
    experts = 0
    for share in shares:
        if _code(share, mode) == ALLOWED:
            experts |= share.experts
    return experts


def _code(share: Share, mode: Mode) -> str:
    return share.control if mode is Mode.CONTROL else share.view
