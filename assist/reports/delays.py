"""Times between two moments of an offer, in whole seconds: exact medians without a list of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import Func, IntegerField


class SecondsBetween(Func):
    """Whole seconds from one time to a later one; 0 where clocks say that it was earlier."""

    output_field = IntegerField()
    arity = 2

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        template = "GREATEST(0, FLOOR(EXTRACT(EPOCH FROM (%(expressions)s))))::int"
        self_reversed = self.copy()
        self_reversed.source_expressions = self.source_expressions[::-1]
        return Func.as_sql(self_reversed, compiler, connection, template=template, arg_joiner=" - ")

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        template = "MAX(0, django_timestamp_diff(%(expressions)s) / 1000000)"
        self_reversed = self.copy()
        self_reversed.source_expressions = self.source_expressions[::-1]
        return Func.as_sql(self_reversed, compiler, connection, template=template)


@dataclass(frozen=True)
class Delay:
    """How long something took, over some offers.

    Attributes:
        offers: How many it is known of.
        median: Seconds within which half of them had it; None where there are none.
        p90: Seconds within which nine of ten had it.
    """

    offers: int = 0
    median: int | None = None
    p90: int | None = None

    def to_json(self) -> dict[str, int | None]:
        return {"offers": self.offers, "median_seconds": self.median, "p90_seconds": self.p90}


def delay_of(histogram: Mapping[int, int]) -> Delay:
    """The quantiles of a histogram, as PostgreSQL's percentile_disc defines them.

    Args:
        histogram: Number of offers by whole seconds.
    """
    number = sum(histogram.values())
    if not number:
        return Delay()
    return Delay(number, _quantile(histogram, number, 50), _quantile(histogram, number, 90))


def _quantile(histogram: Mapping[int, int], number: int, per_cent: int) -> int:
    seen = 0
    for seconds in sorted(histogram):
        seen += histogram[seconds]
        if seen * 100 >= number * per_cent:
            return seconds
    raise AssertionError("a histogram ends with all that it counts")
