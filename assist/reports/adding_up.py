"""Adds offers up by day and month; the rules are those of ``assist.reports.tallies``."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models import CharField, Count, F, IntegerField, Max, Min, Sum, Value
from django.db.models.expressions import BaseExpression, Combinable
from django.db.models.functions import MD5, Cast, Coalesce, Concat, TruncDate, TruncMonth
from django.utils import timezone

from assist.lifecycle import State
from assist.models import Offer, OfferTally, TallyMark, TallySpan
from assist.models.offer import OfferQuerySet
from assist.reports.counts import MEASURES, aggregates
from assist.reports.delays import SecondsBetween
from assist.reports.figures import DELAYS, DIMENSIONS, day_expression, slot_expressions, within
from assist.reports.periods import Period
from assist.reports.tallies import DAY, MONTH, last_of_month, runs_of, zone_name

MOST_DAYS = 92  # added up in one transaction
MOST_MARKS = 20_000
_LOCK = 0x7A11  # any number, the same for everyone who adds up in this database
_COLUMNS = ("level", "start", "dimension", "key", "name", *MEASURES)
_TEXT = CharField()


@dataclass(frozen=True)
class Added:
    """What one turn did.

    Attributes:
        days: How many days were added up.
        marks: How many marks were removed.
        has_more: There is more to do.
    """

    days: int
    marks: int
    has_more: bool


def add_up(now: datetime) -> Added:
    """One turn: what was marked, and days that are over and not added up yet.

    Args:
        now: An aware time.
    """
    with transaction.atomic():
        if not _have_turn():
            return Added(0, 0, has_more=False)
        _forget_other_zones()
        zone = timezone.get_default_timezone()
        marks = dict(
            TallyMark.objects.order_by("pk").values_list("pk", TruncDate("at", tzinfo=zone))[
                :MOST_MARKS
            ]
        )
        built = set(TallySpan.objects.filter(level=DAY).values_list("start", flat=True))
        yesterday = timezone.localdate(now) - timedelta(days=1)
        due = sorted(built & set(marks.values()))[:MOST_DAYS]
        waiting = _not_added_up(max(built, default=None), yesterday)
        fresh = waiting[: MOST_DAYS - len(due)]
        for run in runs_of(sorted({*due, *fresh})):
            _add_days(run)
        TallySpan.objects.bulk_create(
            TallySpan(level=DAY, start=day, zone=zone_name()) for day in fresh
        )
        _add_months({*due, *fresh}, built | set(fresh))
        done = [key for key, day in marks.items() if day not in built or day in due]
        TallyMark.objects.filter(pk__in=done).delete()
    has_more = len(waiting) > len(fresh) or len(done) < len(marks) or len(marks) == MOST_MARKS
    return Added(len(due) + len(fresh), len(done), has_more)


def _have_turn() -> bool:
    """Whether nobody else adds up at the moment."""
    if connection.vendor != "postgresql":
        return True  # SQLite: transactions begin IMMEDIATE, so there is one writer at a time
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [_LOCK])
        return bool(cursor.fetchone()[0])


def _forget_other_zones() -> None:
    """Days of another time zone are other days."""
    if TallySpan.objects.exclude(zone=zone_name()).exists():
        TallySpan.objects.all().delete()
        OfferTally.objects.all().delete()


def _not_added_up(last: date | None, yesterday: date) -> list[date]:
    if last is None:
        first_at = Offer.objects.aggregate(first=Min("requested_at"))["first"]
        if first_at is None:
            return []
        day = timezone.localdate(first_at)
    else:
        day = last + timedelta(days=1)
    return [day + timedelta(days=step) for step in range((yesterday - day).days + 1)]


def _add_days(run: Period) -> None:
    OfferTally.objects.filter(level=DAY, start__gte=run.first, start__lte=run.last).delete()
    offers = within(Offer.objects.order_by(), run)
    zeros: dict[str, Any] = {name: Value(0) for name in MEASURES}
    counts = aggregates()
    only_offers = zeros | {"offers": Count("pk")}
    slot = slot_expressions()
    _insert(offers, "day", Value(""), Value(""), only_offers)
    _insert(offers, "slot", _joined(F("mode"), slot["weekday"], slot["hour"]), Value(""), counts)
    for dimension in DIMENSIONS.values():
        key = Coalesce(Cast(F(dimension.key), _TEXT), Value(""))
        _insert(offers, dimension.code, key, Max(dimension.name), counts)
    stopped = offers.filter(outcome__in=[State.REFUSED.value, State.BLOCKED.value])
    reason = _joined(F("outcome"), F("end_code"), MD5("end_remedy"))
    _insert(stopped, "reason", reason, Max("end_remedy"), only_offers)
    for delay, (begin, end) in DELAYS.items():
        known = offers.filter(**{f"{begin}__isnull": False, f"{end}__isnull": False})
        seconds = _joined(F("mode"), SecondsBetween(begin, end))
        _insert(known, delay, seconds, Value(""), only_offers)


def _joined(*parts: Combinable) -> Concat:
    spread: list[Any] = []
    for part in parts:
        spread += [Value("|"), Cast(part, _TEXT)]
    return Concat(*spread[1:], output_field=_TEXT)


def _insert(
    offers: OfferQuerySet,
    dimension: str,
    key: Combinable,
    name: BaseExpression,
    measures: dict[str, Any],
) -> None:
    """Rows of one dimension, made within the database."""
    grouped = offers.values(tally_day=day_expression(), tally_key=key).annotate(
        tally_level=Value(DAY, IntegerField()),
        tally_dimension=Value(dimension, _TEXT),
        tally_name=Max(name) if isinstance(name, Value) else name,
        **{f"tally_{code}": measure for code, measure in measures.items()},
    )
    order = ("level", "day", "dimension", "key", "name", *MEASURES)
    _insert_select(grouped.values_list(*(f"tally_{code}" for code in order)))


def _insert_select(rows: Any) -> None:
    statement, parameters = rows.query.sql_with_params()
    table = OfferTally._meta.db_table
    columns = ", ".join(f'"{name}"' for name in _COLUMNS)
    with connection.cursor() as cursor:
        cursor.execute(f"INSERT INTO {table} ({columns}) {statement}", parameters)


def _add_months(changed: Iterable[date], built: set[date]) -> None:
    """The months that these days are of, from the tallies of their days."""
    for first in sorted({day.replace(day=1) for day in changed}):
        last = last_of_month(first)
        days = (first + timedelta(days=step) for step in range((last - first).days + 1))
        if not all(day in built for day in days):
            continue
        OfferTally.objects.filter(level=MONTH, start=first).delete()
        of_days = OfferTally.objects.filter(level=DAY, start__gte=first, start__lte=last)
        grouped = (
            of_days.exclude(dimension="day")
            .order_by()
            .values("dimension", "key", month=TruncMonth("start"))
            .annotate(
                month_level=Value(MONTH, IntegerField()),
                month_name=Max("name"),
                **{f"month_{name}": Sum(name) for name in MEASURES},
            )
        )
        _insert_select(
            grouped.values_list(
                *("month_level", "month", "dimension", "key", "month_name"),
                *(f"month_{name}" for name in MEASURES),
            )
        )
        TallySpan.objects.get_or_create(level=MONTH, start=first, defaults={"zone": zone_name()})
