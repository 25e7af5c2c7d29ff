"""How far a synchronisation is, for whoever watches."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

# Stages in their order, each with the per cent of the whole at which it begins: estimates from
# large domains, where reading is most of it.
STAGES = {"connecting": 0, "reading": 2, "storing": 85, "done": 100}


@dataclass(frozen=True)
class Progress:
    """A moment of a run.

    Attributes:
        stage: One of :data:`STAGES`.
        done: Objects read or stored in this stage so far.
        expected: How many there will be, going by the last run; 0: not known.
    """

    stage: str
    done: int = 0
    expected: int = 0

    @property
    def percent(self) -> int:
        """Of the whole run, estimated."""
        begins = STAGES[self.stage]
        if not self.expected:
            return begins
        ends = min(start for start in (*STAGES.values(), 100) if start > begins or start == 100)
        return begins + (ends - begins) * min(self.done, self.expected) // self.expected


ReportProgress = Callable[[Progress], None]


def ignore_progress(progress: Progress) -> None:
    """For runs that nobody watches."""
