"""Offers added up by day and month, so that a long period is a short question; always exact.

1. Triggers write a mark whenever an offer is made, removed, or changed in what is counted, in the
   transaction that does so. Marks never wait for each other.
2. A reader takes a month or day from its tallies only if it is added up and no mark of it is to be
   seen; everything else, today above all, is counted from the offers' rows.
3. The one who adds up reads the marks first, adds up then, and removes the very marks it read, all
   in one transaction. What changes meanwhile has a mark of its own, which stays: the day is added
   up once more, and is counted from its rows until then.
4. A day is added up once it is over, and never taken back; a month once all its days are.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from django.db.models import Q
from django.db.models.functions import TruncDate
from django.utils import timezone

from assist.models import OfferTally, TallyMark, TallySpan
from assist.reports.periods import Period

DAY, MONTH = OfferTally.Level.DAY.value, OfferTally.Level.MONTH.value


@dataclass(frozen=True)
class Cover:
    """How a period is put together.

    Attributes:
        months: Runs of months from the tallies, by the first day of the first and the last.
        days: Runs of days from the tallies.
        rows: Runs of days whose offers are counted.
    """

    months: tuple[Period, ...] = ()
    days: tuple[Period, ...] = ()
    rows: tuple[Period, ...] = ()

    def tallied(self) -> Q | None:
        """The condition of the tallies that it takes; None where it takes none."""
        runs = [(MONTH, run) for run in self.months] + [(DAY, run) for run in self.days]
        found = None
        for level, run in runs:
            one = Q(level=level, start__gte=run.first, start__lte=run.last)
            found = one if found is None else found | one
        return found


def cover_of(period: Period, *, with_months: bool = True) -> Cover:
    """How a period is put together now.

    Args:
        period: Which days.
        with_months: False: by days alone.
    """
    zone = timezone.get_default_timezone()
    marked = set(
        TallyMark.objects.filter(at__gte=period.begins_at, at__lt=period.ends_at)
        .values_list(TruncDate("at", tzinfo=zone), flat=True)
        .distinct()
    )
    spans = TallySpan.objects.filter(
        zone=zone_name(), start__gte=period.first, start__lte=period.last
    )
    built: dict[int, set[date]] = {DAY: set(), MONTH: set()}
    for level, start in spans.values_list("level", "start"):
        built[level].add(start)
    months = {first_of_month(day) for day in marked}
    built[MONTH] = {
        first
        for first in built[MONTH] - months
        if with_months and last_of_month(first) <= period.last
    }
    built[DAY] -= marked
    taken: dict[int, list[date]] = {DAY: [], MONTH: []}
    rows: list[date] = []
    day = period.first
    while day <= period.last:
        if day in built[MONTH]:
            taken[MONTH].append(day)
            day = last_of_month(day)
        elif day in built[DAY]:
            taken[DAY].append(day)
        else:
            rows.append(day)
        day += timedelta(days=1)
    return Cover(
        tuple(runs_of(taken[MONTH], months=True)),
        tuple(runs_of(taken[DAY])),
        tuple(runs_of(rows)),
    )


def runs_of(days: Iterable[date], *, months: bool = False) -> Iterator[Period]:
    """Days, or months by their first day, that follow each other, as periods of them."""
    first = last = None
    for day in days:
        if last is not None and day == _following(last, months=months):
            last = day
            continue
        if first is not None and last is not None:
            yield Period(first, last)
        first = last = day
    if first is not None and last is not None:
        yield Period(first, last)


def _following(day: date, *, months: bool) -> date:
    return (last_of_month(day) if months else day) + timedelta(days=1)


def first_of_month(day: date) -> date:
    return day.replace(day=1)


def last_of_month(day: date) -> date:
    following = (day.replace(day=28) + timedelta(days=4)).replace(day=1)
    return following - timedelta(days=1)


def zone_name() -> str:
    """The time zone whose days are added up."""
    return timezone.get_default_timezone_name()
