"""How far a synchronisation is, for whoever watches."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

# Stages in their order, each with the per cent of the whole at which it begins: estimates from
# domains where computers and accounts are the bulk.
STAGES = {
    "connecting": 0,
    "domain": 2,
    "organizational units": 4,
    "accounts": 8,
    "groups": 25,
    "computers": 35,
    "policies": 70,
    "storing": 80,
    "done": 100,
}


@dataclass(frozen=True)
class Progress:
    """A moment of a run.

    Attributes:
        stage: One of :data:`STAGES`.
        done: Objects read or stored in this stage so far.
        percent: Of the whole run, estimated.
    """

    stage: str
    done: int = 0

    @property
    def percent(self) -> int:
        return STAGES[self.stage]


ReportProgress = Callable[[Progress], None]


def ignore_progress(progress: Progress) -> None:
    """For runs that nobody watches."""
