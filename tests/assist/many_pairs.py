"""Compares the answers for many with the decision on each pair."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from assist.eligibility import explain
from assist.eligibility.many import Matrix, load_pictures
from assist.eligibility.many.computers import ComputerRow, alike_of, computers_with
from assist.lifecycle import Mode
from directory.models import Account, Computer

Pair = tuple[str, str]


def answers_of_the_matrix(
    experts: Iterable[Account], computers: Iterable[Computer], now: datetime
) -> dict[Pair, tuple[str, str]]:
    """The deciding codes in view and control, by the names of expert and computer."""
    matrix = Matrix(load_pictures(now, list(experts)))
    rows = computers_with([computer.guid for computer in computers])
    return {
        (person.sid, ComputerRow(*row).sid): (share.view, share.control)
        for alike in alike_of(rows, matrix.pictures.policy)
        for some, shares in matrix.shares(alike)
        for share in shares
        for person in matrix.experts_in(share.experts)
        for row in some
    }


def answers_one_by_one(
    experts: Iterable[Account], computers: Iterable[Computer], now: datetime
) -> dict[Pair, tuple[str, str]]:
    """The same by a decision on each pair."""
    computers = list(computers)
    return {
        (expert.sid, computer.sid): tuple(  # type: ignore[misc]
            code(expert, computer, mode, now) for mode in (Mode.VIEW, Mode.CONTROL)
        )
        for expert in experts
        for computer in computers
    }


def code(expert: Account, computer: Computer, mode: Mode, now: datetime) -> str:
    decision = explain(expert, computer, mode, now=now)
    decisive = decision.decisive
    assert (decisive is None) == decision.is_allowed
    return decisive.rule if decisive else ""
