"""The figures of some offers, straight from their rows."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db.models import Count, F, Max, Q
from django.db.models.expressions import BaseExpression
from django.db.models.functions import ExtractHour, ExtractIsoWeekDay, TruncDate
from django.utils import timezone

from assist.lifecycle import State
from assist.models.offer import OfferQuerySet
from assist.reports.counts import Counts, aggregates, counts_from
from assist.reports.delays import SecondsBetween
from assist.reports.periods import Period


@dataclass(frozen=True)
class Dimension:
    """What offers are counted by.

    Attributes:
        code: Its name in addresses.
        label: For a person.
        key: The offer's column that stays when names change.
        name: The offer's column with the name it had.
        filter: The filter of the table of offers that takes the key.
        nothing: What an empty key means.
    """

    code: str
    label: str
    key: str
    name: str
    filter: str
    nothing: str


DIMENSIONS = {
    item.code: item
    for item in (
        Dimension("expert", "Expert", "expert_sid", "expert_name", "expert", ""),
        Dimension("team", "Team", "team_sid", "team_name", "team", "no team"),
        Dimension("unit", "Unit", "unit_guid", "unit_name", "unit", "no unit"),
        Dimension("computer", "Computer", "computer_id", "computer_name", "computer", "unknown"),
    )
}


@dataclass(frozen=True)
class Slot:
    """When in the week, and how, offers were asked for.

    Attributes:
        mode: view or control.
        weekday: 1, Monday, to 7, by ISO 8601.
        hour: 0 to 23, of the portal's time zone.
    """

    mode: str
    weekday: int
    hour: int


@dataclass(frozen=True)
class Reason:
    """Why offers were refused or blocked.

    Attributes:
        outcome: refused or blocked.
        rule: The rule's code.
        remedy: What would mend it.
    """

    outcome: str
    rule: str
    remedy: str


@dataclass(frozen=True)
class Named:
    """Somebody or something with counts."""

    key: str
    name: str
    counts: Counts


Histogram = Mapping[int, int]
DELAYS = {"prompt": ("requested_at", "prompted_at"), "answer": ("prompted_at", "answered_at")}


@dataclass(frozen=True)
class OfferRows:
    """Counts the rows of some offers."""

    offers: OfferQuerySet

    def slots(self, period: Period) -> Mapping[Slot, Counts]:
        return by_slot(within(self.offers, period))

    def days(self, period: Period) -> Mapping[date, int]:
        return by_day(within(self.offers, period))

    def named(
        self, period: Period, dimension: Dimension, keys: Collection[str] | None = None
    ) -> Mapping[str, Named]:
        offers = within(self.offers, period)
        return by_dimension(
            offers if keys is None else with_keys(offers, dimension, keys), dimension
        )

    def ranked(
        self, period: Period, dimension: Dimension, most: int | None
    ) -> tuple[list[Named], int]:
        found = sorted(self.named(period, dimension).values(), key=rank)
        return found[:most], len(found)

    def reasons(self, period: Period) -> Mapping[Reason, int]:
        return by_reason(within(self.offers, period))

    def delays(self, period: Period, delay: str) -> Mapping[str, Mapping[int, int]]:
        return histograms(within(self.offers, period), delay)


def rank(item: Named) -> tuple[int, str, str]:
    """The order of a breakdown: the busiest first."""
    return -item.counts.offers, item.name, item.key


def with_keys(offers: OfferQuerySet, dimension: Dimension, keys: Collection[str]) -> OfferQuerySet:
    """The offers of some experts, teams, units or computers; an empty key: of none."""
    some = Q(**{f"{dimension.key}__in": [key for key in keys if key]})
    if "" in keys:
        is_text = dimension.key.endswith("_sid")
        some |= Q(**{dimension.key: ""}) if is_text else Q(**{f"{dimension.key}__isnull": True})
    return offers.filter(some)


def within(offers: OfferQuerySet, period: Period) -> OfferQuerySet:
    """The offers asked for within a period."""
    return offers.filter(requested_at__gte=period.begins_at, requested_at__lt=period.ends_at)


def slot_expressions() -> dict[str, Any]:
    """Weekday and hour of an offer, in the portal's time zone."""
    zone = timezone.get_default_timezone()
    return {
        "weekday": ExtractIsoWeekDay("requested_at", tzinfo=zone),
        "hour": ExtractHour("requested_at", tzinfo=zone),
    }


def day_expression() -> BaseExpression:
    """The day of an offer, in the portal's time zone."""
    return TruncDate("requested_at", tzinfo=timezone.get_default_timezone())


def by_slot(offers: OfferQuerySet) -> dict[Slot, Counts]:
    """Counts by mode, day of the week and hour."""
    grouped = _plain(offers).values("mode", **slot_expressions())
    rows: Iterable[Mapping[str, Any]] = grouped.annotate(**aggregates())
    return {Slot(row["mode"], row["weekday"], row["hour"]): counts_from(row) for row in rows}


def by_day(offers: OfferQuerySet) -> dict[Any, int]:
    """How many offers were asked for on each day."""
    rows = _plain(offers).values(day=day_expression()).annotate(offers=Count("pk"))
    return {row["day"]: row["offers"] for row in rows}


def by_dimension(offers: OfferQuerySet, dimension: Dimension) -> dict[str, Named]:
    """Counts by one dimension, each with the name that sorts last of those it had."""
    grouped = _plain(offers).values(key=F(dimension.key))
    rows = grouped.annotate(called=Max(dimension.name), **aggregates())
    found = (Named(str(row["key"] or ""), row["called"] or "", counts_from(row)) for row in rows)
    return {item.key: item for item in found}


def by_reason(offers: OfferQuerySet) -> dict[Reason, int]:
    """How many were refused or blocked, by rule and by what would mend it."""
    ended = _plain(offers).filter(outcome__in=[State.REFUSED.value, State.BLOCKED.value])
    rows = ended.values("outcome", "end_code", "end_remedy").annotate(offers=Count("pk"))
    return {
        Reason(row["outcome"], row["end_code"], row["end_remedy"]): row["offers"] for row in rows
    }


def histograms(offers: OfferQuerySet, delay: str) -> dict[str, dict[int, int]]:
    """How many offers took how many seconds, by mode.

    Args:
        offers: Which.
        delay: ``prompt``: from the request until the novice is asked; ``answer``: from then on.
    """
    begin, end = DELAYS[delay]
    known = _plain(offers).filter(**{f"{begin}__isnull": False, f"{end}__isnull": False})
    rows = known.values("mode", seconds=SecondsBetween(begin, end)).annotate(offers=Count("pk"))
    found: dict[str, dict[int, int]] = {}
    for row in rows:
        found.setdefault(row["mode"], {})[row["seconds"]] = row["offers"]
    return found


def _plain(offers: OfferQuerySet) -> OfferQuerySet:
    return offers.order_by()
