"""Periods of whole days, in the portal's time zone."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from django.utils import timezone

from assist.errors import InvalidInput

EARLIEST = date(2001, 10, 25)  # Windows XP, the first with Remote Assistance
LONGEST_DAYS = 3 * 366
DEFAULT_DAYS = 30
_DAY = re.compile(r"[1-9]\d{3}-\d\d-\d\d", re.ASCII)  # from the year 1000 on


@dataclass(frozen=True)
class Period:
    """Some days, the first and the last among them."""

    first: date
    last: date

    @property
    def days(self) -> int:
        return (self.last - self.first).days + 1

    @property
    def before(self) -> Period:
        """As many days, just before."""
        return Period(self.first - timedelta(days=self.days), self.first - timedelta(days=1))

    @property
    def begins_at(self) -> datetime:
        return start_of(self.first)

    @property
    def ends_at(self) -> datetime:
        """The first moment that is not within it."""
        return start_of(self.last + timedelta(days=1))

    def __str__(self) -> str:
        if self.first == self.last:
            return self.first.isoformat()
        return f"{self.first.isoformat()} to {self.last.isoformat()}"


@dataclass(frozen=True)
class Preset:
    """A period that is often asked for."""

    label: str
    period: Period


def start_of(day: date) -> datetime:
    """The first moment of a day, in UTC: a day may have 23 hours, or 25."""
    zone = timezone.get_default_timezone()
    return datetime.combine(day, time.min, tzinfo=zone).astimezone(UTC)


def presets(today: date) -> tuple[Preset, ...]:
    """What a reader chooses from.

    Args:
        today: The day it is in the portal's time zone.
    """
    monday = today - timedelta(days=today.weekday())
    first_of_month = today.replace(day=1)
    end_of_last_month = first_of_month - timedelta(days=1)
    return (
        Preset("Today", Period(today, today)),
        Preset("This week", Period(monday, today)),
        Preset("Last week", Period(monday - timedelta(days=7), monday - timedelta(days=1))),
        Preset("Last 30 days", last_days(DEFAULT_DAYS, today)),
        Preset("Last month", Period(end_of_last_month.replace(day=1), end_of_last_month)),
        Preset("Last 90 days", last_days(90, today)),
        Preset("Last 365 days", last_days(365, today)),
    )


def last_days(number: int, today: date) -> Period:
    """So many days, today the last of them."""
    return Period(today - timedelta(days=number - 1), today)


def read_period(first: str, last: str, today: date) -> Period:
    """The period between two days as they were typed; empty ones are filled in.

    Args:
        first: As 2026-11-01; empty: 29 days before the last.
        last: Likewise; empty: today.
        today: The day it is in the portal's time zone.

    Raises:
        InvalidInput: A day cannot be read, or the period is none or too long. Names the field.
    """
    end = read_day(last, "to") if last else today
    begin = read_day(first, "from") if first else end - timedelta(days=DEFAULT_DAYS - 1)
    return require_period(Period(begin, end), today)


def require_period(period: Period, today: date) -> Period:
    """Refuse what nothing can have happened in, and what takes too long.

    Raises:
        InvalidInput: The reason; names the field.
    """
    if period.last < period.first:
        raise InvalidInput(
            f"The period ends on {period.last}, before it begins on {period.first}.",
            remedy="Swap the two days.",
            field="to",
        )
    if period.first < EARLIEST:
        raise InvalidInput(
            f"The period begins on {period.first}, before there was Remote Assistance.",
            remedy=f"Begin it on {EARLIEST} or later.",
            field="from",
        )
    if period.first > today:
        raise InvalidInput(
            f"The period begins on {period.first}, which is yet to come.",
            remedy=f"Begin it on {today} or earlier.",
            field="from",
        )
    if period.last > today + timedelta(days=366):
        raise InvalidInput(
            f"The period ends on {period.last}, more than a year ahead.",
            remedy=f"End it on {today} or leave the day out.",
            field="to",
        )
    if period.days > LONGEST_DAYS:
        raise InvalidInput(
            f"The period has {period.days} days; a report covers {LONGEST_DAYS} at most.",
            remedy="Ask for a shorter period, or export the offers of several.",
            field="from",
        )
    return period


def read_day(text: str, field: str) -> date:
    """A day as a person or program writes it.

    Raises:
        InvalidInput: It is no day.
    """
    try:
        if not _DAY.fullmatch(text):
            raise ValueError(text)
        return date.fromisoformat(text)
    except ValueError as error:
        raise InvalidInput(
            f"“{text[:40]}” is not a day.",
            remedy="Write days as 2026-11-23: year, month, day.",
            field=field,
        ) from error
