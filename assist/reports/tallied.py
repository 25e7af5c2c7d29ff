"""Figures of all offers, from what was added up before and the rows of the rest."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection, Mapping
from datetime import date
from functools import reduce
from operator import or_
from typing import Any, TypeVar

from django.db import connection
from django.db.models import CharField, Count, F, Max, Q, QuerySet, Sum, Value
from django.db.models.functions import Cast, Coalesce

from assist.models import Offer, OfferTally
from assist.models.offer import OfferQuerySet
from assist.reports import figures
from assist.reports.counts import MEASURES, Counts, counts_from
from assist.reports.figures import Dimension, Named, Reason, Slot
from assist.reports.periods import Period
from assist.reports.tallies import Cover, cover_of

K = TypeVar("K")
V = TypeVar("V")
_SUMS = {f"sum_{name}": Sum(name) for name in MEASURES}
_TEXT = CharField()


class Tallied:
    """Figures of everybody's offers. Make one for each report: it looks once what is added up."""

    def __init__(self) -> None:
        self._covers: dict[tuple[Period, bool], Cover] = {}

    def slots(self, period: Period) -> Mapping[Slot, Counts]:
        cover = self._cover(period)
        found = {_slot(key): counts for key, _, counts in _sums(cover, "slot")}
        return _added(found, figures.by_slot, cover, lambda one, other: one + other)

    def days(self, period: Period) -> Mapping[date, int]:
        cover = self._cover(period, with_months=False)
        tallies = _tallies(cover, "day")
        found = dict(tallies.values_list("start", "offers")) if tallies is not None else {}
        return _added(found, figures.by_day, cover, lambda one, other: one + other)

    def named(
        self, period: Period, dimension: Dimension, keys: Collection[str] | None = None
    ) -> Mapping[str, Named]:
        cover = self._cover(period)

        def of_rows(offers: OfferQuerySet) -> dict[str, Named]:
            some = offers if keys is None else figures.with_keys(offers, dimension, keys)
            return figures.by_dimension(some, dimension)

        found = {
            key: Named(key, name, counts)
            for key, name, counts in (
                (_key(dimension, stored), name, counts)
                for stored, name, counts in _sums(cover, dimension.code, _stored(keys))
            )
        }
        return _added(found, of_rows, cover, _together)

    def ranked(
        self, period: Period, dimension: Dimension, most: int | None
    ) -> tuple[list[Named], int]:
        if most is None:
            found = sorted(self.named(period, dimension).values(), key=figures.rank)
            return found, len(found)
        keys, number = _busiest(self._cover(period), dimension, most)
        named = self.named(period, dimension, keys)
        return sorted(named.values(), key=figures.rank)[:most], number

    def reasons(self, period: Period) -> Mapping[Reason, int]:
        cover = self._cover(period)
        found = {_reason(key, name): counts.offers for key, name, counts in _sums(cover, "reason")}
        return _added(found, figures.by_reason, cover, lambda one, other: one + other)

    def delays(self, period: Period, delay: str) -> Mapping[str, Mapping[int, int]]:
        cover = self._cover(period)
        found: dict[str, dict[int, int]] = {}
        for key, _, counts in _sums(cover, delay):
            mode, _, seconds = key.partition("|")
            found.setdefault(mode, {})[int(seconds)] = counts.offers
        of_rows = lambda offers: figures.histograms(offers, delay)  # noqa: E731 - one use
        return _added(found, of_rows, cover, _merged)

    def _cover(self, period: Period, *, with_months: bool = True) -> Cover:
        place = period, with_months
        if place not in self._covers:
            self._covers[place] = cover_of(period, with_months=with_months)
        return self._covers[place]


def _tallies(cover: Cover, dimension: str) -> QuerySet[OfferTally] | None:
    taken = cover.tallied()
    return None if taken is None else OfferTally.objects.filter(taken, dimension=dimension)


def _sums(
    cover: Cover, dimension: str, keys: list[str] | None = None
) -> list[tuple[str, str, Counts]]:
    tallies = _tallies(cover, dimension)
    if tallies is None:
        return []
    if keys is not None:
        tallies = tallies.filter(key__in=keys)
    rows: Any = tallies.order_by().values("key").annotate(called=Max("name"), **_SUMS)
    return [
        (
            row["key"],
            row["called"],
            counts_from({name: row[f"sum_{name}"] for name in MEASURES}),
        )
        for row in rows
    ]


def _rows(cover: Cover) -> OfferQuerySet | None:
    if not cover.rows:
        return None
    conditions = (
        Q(requested_at__gte=run.begins_at, requested_at__lt=run.ends_at) for run in cover.rows
    )
    return Offer.objects.filter(reduce(or_, conditions))


def _added(
    found: dict[K, V],
    of_rows: Callable[[OfferQuerySet], Mapping[K, V]],
    cover: Cover,
    both: Callable[[V, V], V],
) -> dict[K, V]:
    """What was added up before, and what the rows of the rest give."""
    rows = _rows(cover)
    if rows is not None:
        for key, value in of_rows(rows).items():
            found[key] = both(found[key], value) if key in found else value
    return found


def _busiest(cover: Cover, dimension: Dimension, most: int) -> tuple[list[str], int]:
    """The keys with the most offers, in the order of ``figures.rank``, and how many there are."""
    parts: list[tuple[str, tuple[Any, ...]]] = []
    tallies, rows = _tallies(cover, dimension.code), _rows(cover)
    if tallies is not None:
        grouped: Any = (
            tallies.order_by().values("key").annotate(called=Max("name"), number=Sum("offers"))
        )
        parts.append(grouped.values_list("key", "called", "number").query.sql_with_params())
    if rows is not None:
        keyed: Any = rows.order_by().values(
            part_key=Coalesce(Cast(F(dimension.key), _TEXT), Value(""))
        )
        counted = keyed.annotate(called=Max(dimension.name), number=Count("pk"))
        parts.append(counted.values_list("part_key", "called", "number").query.sql_with_params())
    if not parts:
        return [], 0
    # Named by the first part's columns; UNION ALL takes the others by their place.
    united = " UNION ALL ".join(f"SELECT * FROM ({sql}) part" for sql, _ in parts)  # noqa: S608 - the ORM's
    statement = (
        f"WITH one (found, called, number) AS ({united}) "  # noqa: S608 - the ORM's
        "SELECT found, COUNT(*) OVER () FROM one GROUP BY found "
        "ORDER BY SUM(number) DESC, MAX(called), found LIMIT %s"
    )
    with connection.cursor() as cursor:
        cursor.execute(statement, [*(value for _, some in parts for value in some), most])
        found = cursor.fetchall()
    return [_key(dimension, key) for key, _ in found], found[0][1] if found else 0


def _stored(keys: Collection[str] | None) -> list[str] | None:
    """Keys as the tallies have them: SQLite writes a GUID without its hyphens."""
    if keys is None or connection.vendor == "postgresql":
        return None if keys is None else list(keys)
    return [key.replace("-", "") if _is_guid(key) else key for key in keys]


def _key(dimension: Dimension, stored: str) -> str:
    is_guid = not dimension.key.endswith("_sid")
    return str(uuid.UUID(stored)) if is_guid and stored else stored


def _is_guid(key: str) -> bool:
    return len(key) == 36 and not key.startswith("S-1-")


def _slot(key: str) -> Slot:
    mode, weekday, hour = key.split("|")
    return Slot(mode, int(weekday), int(hour))


def _reason(key: str, remedy: str) -> Reason:
    outcome, rule, _ = key.rsplit("|", 2)
    return Reason(outcome, rule, remedy)


def _together(one: Named, other: Named) -> Named:
    return Named(one.key, max(one.name, other.name), one.counts + other.counts)


def _merged(one: Mapping[int, int], other: Mapping[int, int]) -> dict[int, int]:
    return {key: one.get(key, 0) + other.get(key, 0) for key in {*one, *other}}
