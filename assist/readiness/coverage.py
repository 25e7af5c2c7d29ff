"""How many computers could be helped now, and what blocks the rest: counts, in five queries."""

from __future__ import annotations

import uuid
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import (
    Case,
    CharField,
    Count,
    F,
    Q,
    QuerySet,
    Value,
    When,
)

from assist.models import ComputerReadiness, ReadinessCause
from assist.readiness.catalogue import CHECKS, CHECKS_BY_CODE
from assist.readiness.results import State
from assist.readiness.scopes import units_below
from directory.models import Computer, OrganizationalUnit

UNCHECKED = "unchecked"  # never, or too long ago to go by
BUCKETS = (State.READY.value, State.NOT_READY.value, State.UNKNOWN.value, UNCHECKED)


@dataclass
class Counts:
    """Computers by what is known of them."""

    ready: int = 0
    not_ready: int = 0
    unknown: int = 0
    unchecked: int = 0

    @property
    def total(self) -> int:
        return self.ready + self.not_ready + self.unknown + self.unchecked

    @property
    def percent_ready(self) -> int:
        """Rounded down: a hundred means all."""
        return 100 * self.ready // self.total if self.total else 0

    def add(self, bucket: str, number: int) -> None:
        setattr(self, bucket, getattr(self, bucket) + number)


@dataclass(frozen=True)
class CauseCount:
    """One cause.

    Attributes:
        code: The check's.
        title: What it is about.
        stopped: Computers that it stops before any other cause does.
        unclear: Computers of which it is the first required check that is unknown.
        not_ready: Computers that it stops, other causes or not.
        warned: Computers that it warns of.
    """

    code: str
    title: str
    stopped: int
    unclear: int
    not_ready: int
    warned: int


@dataclass(frozen=True)
class UnitCount:
    """One unit's computers, those of units below it not counted.

    Attributes:
        guid: None for computers in no unit.
        cause: The title of what blocks most of them; empty where nothing does.
    """

    guid: uuid.UUID | None
    name: str
    distinguished_name: str
    counts: Counts
    cause: str


@dataclass(frozen=True)
class Coverage:
    """The report.

    Attributes:
        oldest: When the oldest of the results that count was found.
    """

    counts: Counts
    causes: list[CauseCount]
    units: list[UnitCount]
    oldest: datetime | None
    newest: datetime | None
    maximum_age: timedelta = field(default_factory=timedelta)


def coverage(now: datetime, *, unit: uuid.UUID | None = None) -> Coverage:
    """Counts the computers that the directory has.

    Args:
        now: An aware time; results older than READINESS_MAXIMUM_AGE_SECONDS do not count.
        unit: Only those in this unit and below; None: all.
    """
    limit = now - timedelta(seconds=settings.READINESS_MAXIMUM_AGE_SECONDS)
    units = units_below(unit) if unit else None
    counts = Counts()
    by_unit = defaultdict[uuid.UUID | None, Counts](Counts)
    causes_of_unit = defaultdict[uuid.UUID | None, Counter[str]](Counter)
    stopped, unclear = Counter[str](), Counter[str]()
    for place, bucket, cause, number in _groups(limit, units):
        counts.add(bucket, number)
        by_unit[place].add(bucket, number)
        if cause and bucket != UNCHECKED:
            causes_of_unit[place][cause] += number
            (stopped if bucket == State.NOT_READY.value else unclear)[cause] += number
    return Coverage(
        counts=counts,
        causes=_causes(stopped, unclear, _totals(limit, units)),
        units=_units(by_unit, causes_of_unit),
        oldest=_first(limit, units, "checked_at"),
        newest=_first(limit, units, "-checked_at"),
        maximum_age=now - limit,
    )


def computers_of(
    now: datetime, *, bucket: str = "", cause: str = "", unit: uuid.UUID | None = None
) -> QuerySet[Computer]:
    """The computers behind a number of the report, by name, with their readiness.

    Args:
        now: As for :func:`coverage`.
        bucket: One of :data:`BUCKETS`; empty: all.
        cause: A check that stops or warns of them, first or not, or the first that is unknown.
        unit: Only those in this unit and below.
    """
    limit = now - timedelta(seconds=settings.READINESS_MAXIMUM_AGE_SECONDS)
    found = Computer.objects.filter(is_present=True).select_related("readiness", "ou", "domain")
    if unit:
        found = found.filter(ou__in=units_below(unit))
    fresh = Q(readiness__checked_at__gte=limit)
    if bucket == UNCHECKED:
        # "not ~Q" would leave out the computers without a row.
        found = found.filter(
            Q(readiness__checked_at__isnull=True) | Q(readiness__checked_at__lt=limit)
        )
    elif bucket:
        found = found.filter(fresh, readiness__state=bucket)
    if cause:
        reported = ReadinessCause.objects.filter(check_code=cause).values("readiness_id")
        found = found.filter(fresh).filter(Q(pk__in=reported) | Q(readiness__cause=cause))
    return found.order_by("name_folded", "pk")


def _groups(
    limit: datetime, units: list[uuid.UUID] | None
) -> Iterable[tuple[uuid.UUID | None, str, str | None, int]]:
    """Unit, bucket, cause, and how many computers have these."""
    computers = Computer.objects.filter(is_present=True)
    if units is not None:
        computers = computers.filter(ou__in=units)
    return (
        computers.order_by()
        .annotate(
            bucket=Case(
                When(readiness__checked_at__gte=limit, then=F("readiness__state")),
                default=Value(UNCHECKED),
                output_field=CharField(),
            )
        )
        .values_list("ou_id", "bucket", "readiness__cause")
        .annotate(number=Count("pk"))
    )


def _first(limit: datetime, units: list[uuid.UUID] | None, order: str) -> datetime | None:
    """When the first of the results that count was found, in that order; by the index alone.

    As a column of the groups it would have to be read from every one of thousands of them.
    """
    found = ComputerReadiness.objects.filter(checked_at__gte=limit, computer__is_present=True)
    if units is not None:
        found = found.filter(computer__ou__in=units)
    return found.order_by(order).values_list("checked_at", flat=True).first()


def _totals(limit: datetime, units: list[uuid.UUID] | None) -> Mapping[tuple[str, str], int]:
    causes = ReadinessCause.objects.filter(
        readiness__checked_at__gte=limit, readiness__computer__is_present=True
    )
    if units is not None:
        causes = causes.filter(readiness__computer__ou__in=units)
    rows = causes.order_by().values_list("check_code", "state").annotate(number=Count("pk"))
    return {(code, state): number for code, state, number in rows}


def _causes(
    stopped: Counter[str], unclear: Counter[str], totals: Mapping[tuple[str, str], int]
) -> list[CauseCount]:
    found = [
        CauseCount(
            code=check.code,
            title=check.title,
            stopped=stopped[check.code],
            unclear=unclear[check.code],
            not_ready=totals.get((check.code, State.NOT_READY.value), 0),
            warned=totals.get((check.code, State.WARNING.value), 0),
        )
        for check in CHECKS
    ]
    return [item for item in found if item.stopped or item.unclear or item.not_ready or item.warned]


def _units(
    by_unit: Mapping[uuid.UUID | None, Counts],
    causes: Mapping[uuid.UUID | None, Counter[str]],
) -> list[UnitCount]:
    known = {
        unit.pk: unit
        for unit in OrganizationalUnit.objects.only("guid", "name", "distinguished_name")
    }
    found = []
    for guid, counts in by_unit.items():
        unit = known.get(guid) if guid else None
        most = causes[guid].most_common(1) if guid in causes else []
        check = CHECKS_BY_CODE.get(most[0][0]) if most else None
        found.append(
            UnitCount(
                guid=guid,
                name=unit.name if unit else "in no unit",
                distinguished_name=unit.distinguished_name if unit else "",
                counts=counts,
                cause=check.title if check else "",
            )
        )
    return sorted(found, key=lambda item: (item.counts.ready - item.counts.total, item.name))
