"""What is counted of offers: sums that can be added up, and the rates that follow from them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any

from django.db.models import Count, Q
from django.db.models.expressions import BaseExpression

from assist.lifecycle import Mode, State

OTHER_ENDS = (
    State.NOBODY,
    State.UNREACHABLE,
    State.BUSY,
    State.FAILED,
    State.CANCELLED,
    State.INTERRUPTED,
)


@dataclass(frozen=True)
class Counts:
    """How many offers, and how they came out.

    Attributes:
        offers: All that were asked for.
        control: Those asked for in control mode; the others are view only.
        going_on: Those without an outcome yet.
        accepted: The novice let the expert see.
        declined: The novice said no.
        unanswered: The novice was asked and did not answer.
        unopened: The expert never opened the invitation: the novice was not asked.
        refused: By the portal's decision or a second person.
        blocked: Windows' settings or its firewall stood in the way.
        prompted: The novice was asked.
        violations: Control was taken on a view-only offer.
    """

    offers: int = 0
    control: int = 0
    going_on: int = 0
    accepted: int = 0
    declined: int = 0
    unanswered: int = 0
    unopened: int = 0
    refused: int = 0
    blocked: int = 0
    prompted: int = 0
    violations: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(*(getattr(self, name) + getattr(other, name) for name in MEASURES))

    @property
    def view(self) -> int:
        return self.offers - self.control

    @property
    def ready(self) -> int:
        """Offers that came to an invitation and ended: what the four rates are shares of."""
        return self.accepted + self.declined + self.unanswered + self.unopened

    @property
    def other(self) -> int:
        """Offers that ended for another reason: nobody there, not reached, busy, cancelled."""
        return self.offers - self.going_on - self.ready - self.refused - self.blocked

    def rate(self, measure: str) -> float | None:
        """A measure's share of the offers that came to an invitation, in percent."""
        return percent(getattr(self, measure), self.ready)

    def share(self, measure: str) -> float | None:
        """A measure's share of all offers, in percent."""
        return percent(getattr(self, measure), self.offers)

    def to_json(self) -> dict[str, Any]:
        return {
            **{name: getattr(self, name) for name in MEASURES},
            "view": self.view,
            "other": self.other,
            **{f"{name}_percent": self.rate(name) for name in RATES},
        }


MEASURES = tuple(field.name for field in fields(Counts))
RATES = ("accepted", "declined", "unanswered", "unopened")


def percent(part: int, whole: int) -> float | None:
    """A share in percent, to one decimal; None where there is nothing to share."""
    return round(100 * part / whole, 1) if whole else None


def aggregates() -> dict[str, BaseExpression]:
    """What the database counts over offers, by the names of ``Counts``."""
    return {
        "offers": Count("pk"),
        "control": Count("pk", filter=Q(mode=Mode.CONTROL.value)),
        "going_on": Count("pk", filter=Q(outcome="")),
        **{
            state.value: Count("pk", filter=Q(outcome=state.value))
            for state in (
                State.ACCEPTED,
                State.DECLINED,
                State.UNANSWERED,
                State.UNOPENED,
                State.REFUSED,
                State.BLOCKED,
            )
        },
        "prompted": Count("prompted_at"),
        "violations": Count("pk", filter=VIOLATION),
    }


VIOLATION = Q(mode=Mode.VIEW.value, controlled_at__isnull=False)


def counts_from(row: Mapping[str, Any]) -> Counts:
    """The counts of a row of the database."""
    return Counts(**{name: row[name] or 0 for name in MEASURES})


def total(counts: Iterable[Counts]) -> Counts:
    """All of them together."""
    return sum(counts, Counts())
