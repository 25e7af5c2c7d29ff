"""When help may be offered: windows of the week by the clock on the wall. Pure.

Windows are written as ``Mon-Fri 08:00-18:00, Sat 22:00-06:00``. One whose end is not after its
beginning goes on into the next day and belongs to the day on which it begins. What counts is the
wall clock of the rule's time zone: an hour that the clocks repeat counts twice, and one that they
leave out does not exist.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MOST = 20  # windows of one rule
_DAY = 24 * 60
_PART = re.compile(
    r"(?:(?P<days>[A-Za-z]{3}(?:-[A-Za-z]{3})?(?:\s+[A-Za-z]{3}(?:-[A-Za-z]{3})?)*)\s+)?"
    r"(?P<start>[0-2][0-9]:[0-5][0-9])\s*-\s*(?P<end>[0-2][0-9]:[0-5][0-9])",
    re.ASCII,
)


@dataclass(frozen=True)
class TimeWindow:
    """A time of the day on some days of the week.

    Attributes:
        days: On which it begins; 0 is Monday.
        start: Minutes after midnight.
        end: Minutes after midnight, at most 1440; not after ``start``: on the next day.
    """

    days: frozenset[int]
    start: int
    end: int

    def __str__(self) -> str:
        return f"{_days_in_words(self.days)} {_clock(self.start)}-{_clock(self.end)}"

    @property
    def is_overnight(self) -> bool:
        return self.end <= self.start


def parse_time_windows(text: str) -> tuple[TimeWindow, ...]:
    """The windows of a text; none where it is empty.

    Args:
        text: As ``Mon-Fri 08:00-18:00, Sat Sun 22:00-06:00``; without days, every day.

    Raises:
        ValueError: It is written otherwise; its text says how.
    """
    parts = [part.strip() for part in re.split(r"[,;\n]", text) if part.strip()]
    if len(parts) > MOST:
        raise ValueError(f"There are more than {MOST} time windows.")
    return tuple(_parse(part) for part in parts)


def _parse(part: str) -> TimeWindow:
    found = _PART.fullmatch(part)
    if found is None:
        raise ValueError(f"{part!r} is no time window; write it as Mon-Fri 08:00-18:00.")
    start, end = (_minutes(found[name], part) for name in ("start", "end"))
    if start in (_DAY, end):
        raise ValueError(f"{part!r} has no length; the whole day is 00:00-24:00.")
    return TimeWindow(_parse_days(found["days"] or "Mon-Sun"), start, end)


def _minutes(text: str, part: str) -> int:
    hours, minutes = map(int, text.split(":"))
    if hours * 60 + minutes > _DAY:
        raise ValueError(f"{part!r}: there is no time {text}.")
    return hours * 60 + minutes


def _parse_days(text: str) -> frozenset[int]:
    found: set[int] = set()
    for item in text.split():
        first, _, last = item.partition("-")
        begin, end = _day(first), _day(last or first)
        found |= {(begin + number) % 7 for number in range((end - begin) % 7 + 1)}
    return frozenset(found)


def _day(name: str) -> int:
    try:
        return DAYS.index(name.capitalize())
    except ValueError:
        raise ValueError(f"{name} is no day; write {', '.join(DAYS)}.") from None


def is_open(windows: tuple[TimeWindow, ...], zone: ZoneInfo, at: datetime) -> bool:
    """Whether a moment is in one of the windows.

    Args:
        windows: Of a rule; without any, every moment is.
        zone: Whose wall clock counts.
        at: An aware time.
    """
    if not windows:
        return True
    local = at.astimezone(zone)
    clock, today = local.hour * 60 + local.minute, local.weekday()
    return any(_holds(window, today, clock) for window in windows)


def _holds(window: TimeWindow, today: int, clock: int) -> bool:
    if not window.is_overnight:
        return today in window.days and window.start <= clock < window.end
    if today in window.days and clock >= window.start:
        return True
    return (today - 1) % 7 in window.days and clock < window.end


def next_opening(windows: tuple[TimeWindow, ...], zone: ZoneInfo, at: datetime) -> datetime:
    """The first moment from now on that is in one of the windows.

    Args:
        windows: Of a rule, at least one.
        zone: Whose wall clock counts.
        at: An aware time.

    Returns:
        An aware time in ``zone``.
    """
    if is_open(windows, zone, at):
        return at.astimezone(zone)
    found = (moment for moment in _beginnings(windows, zone, at) if moment > at)
    return min(moment for moment in found if is_open(windows, zone, moment)).astimezone(zone)


def _beginnings(
    windows: tuple[TimeWindow, ...], zone: ZoneInfo, at: datetime
) -> Iterator[datetime]:
    """When windows begin within the next days, and when the clocks are put into one."""
    first = at.astimezone(zone).date() - timedelta(days=1)
    # Two weeks: a window of an hour on one day may be the very hour that the clocks leave out.
    for day in (first + timedelta(days=number) for number in range(16)):
        for window in windows:
            if day.weekday() in window.days:
                yield from _moments(day, window.start, zone)
        yield from _clock_changes(day, zone)


def _moments(day: date, minutes: int, zone: ZoneInfo) -> Iterator[datetime]:
    """The moments at which the clock shows a time: two where the clocks repeat it."""
    for fold in (0, 1):
        local = datetime.combine(day, time(*divmod(minutes, 60)), tzinfo=zone).replace(fold=fold)
        yield local.astimezone(UTC)


def _clock_changes(day: date, zone: ZoneInfo) -> Iterator[datetime]:
    """The moment of a day at which the clocks are changed, if there is one."""
    before = datetime.combine(day, time(), tzinfo=zone).astimezone(UTC)
    after = datetime.combine(day + timedelta(days=1), time(), tzinfo=zone).astimezone(UTC)
    if _offset(before, zone) == _offset(after, zone):
        return
    while after - before > timedelta(seconds=1):
        middle = before + (after - before) / 2
        if _offset(middle, zone) == _offset(before, zone):
            before = middle
        else:
            after = middle
    yield after.replace(microsecond=0)


def _offset(at: datetime, zone: ZoneInfo) -> timedelta | None:
    return at.astimezone(zone).utcoffset()


def _days_in_words(days: frozenset[int]) -> str:
    """``Mon-Fri``, ``Sat Sun``; runs of three days and more with a hyphen."""
    if len(days) == len(DAYS):
        return "every day"
    runs: list[list[int]] = []
    for day in sorted(days):
        if runs and runs[-1][-1] == day - 1:
            runs[-1].append(day)
        else:
            runs.append([day])
    return " ".join(
        f"{DAYS[run[0]]}-{DAYS[run[-1]]}" if len(run) > 2 else " ".join(DAYS[day] for day in run)
        for run in runs
    )


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"
