"""Hours in which help may be offered: by the wall clock, overnight, where clocks are changed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assist.eligibility.time_windows import (
    DAYS,
    is_open,
    next_opening,
    parse_time_windows,
)

WINNIPEG = ZoneInfo("America/Winnipeg")  # changes clocks at 02:00 on 2026-03-08 and 2026-11-01
ZONES = [WINNIPEG, ZoneInfo("UTC"), ZoneInfo("Australia/Lord_Howe"), ZoneInfo("Asia/Kathmandu")]


def at(text: str, zone: ZoneInfo = WINNIPEG, fold: int = 0) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone, fold=fold)


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("Mon-Fri 08:00-18:00", ["Mon-Fri 08:00-18:00"]),
        ("08:00-18:00", ["every day 08:00-18:00"]),
        ("sat SUN 22:00 - 06:00", ["Sat Sun 22:00-06:00"]),
        ("Fri-Mon 00:00-24:00", ["Mon Fri-Sun 00:00-24:00"]),
        ("Mon 08:00-12:00; Mon 13:00-17:00\n", ["Mon 08:00-12:00", "Mon 13:00-17:00"]),
        ("", []),
        (" , ", []),
    ],
)
def test_windows_are_read_as_people_write_them(text: str, written: list[str]) -> None:
    windows = parse_time_windows(text)
    assert [str(window) for window in windows] == written
    assert parse_time_windows(", ".join(written).replace("every day ", "")) == windows


@pytest.mark.parametrize(
    "text",
    [
        *("Mon", "8-18", "08:00", "Mon-Fri 08:00", "08:00-25:00", "24:00-06:00", "24:30-06:00"),
        *("08:60-09:00", "08:00-08:00", "Mun 08:00-09:00", "Mon-Fri-Sun 08:00-09:00", "x"),
        *("\u06608:00-18:00", "08:00-18:00 Mon", "08:00-18:00," * 21),
    ],
)
def test_what_is_no_window_is_refused_with_a_sentence(text: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        parse_time_windows(text)


def test_without_windows_it_is_always_open() -> None:
    assert is_open((), WINNIPEG, at("2026-11-22T03:00"))


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        ("2026-11-20T21:59", False),  # Friday
        ("2026-11-20T22:00", True),
        ("2026-11-21T05:59", True),  # Saturday morning belongs to Friday
        ("2026-11-21T06:00", False),
        ("2026-11-21T22:30", False),
        ("2026-11-20T05:00", False),  # Friday morning would be Thursday's
    ],
)
def test_an_overnight_window_belongs_to_the_day_on_which_it_begins(
    moment: str, expected: bool
) -> None:
    assert is_open(parse_time_windows("Fri 22:00-06:00"), WINNIPEG, at(moment)) is expected


def test_the_zone_of_the_rule_counts_not_that_of_the_moment() -> None:
    windows = parse_time_windows("08:00-18:00")
    assert is_open(windows, WINNIPEG, datetime(2026, 11, 23, 23, 59, tzinfo=UTC))
    assert not is_open(windows, WINNIPEG, datetime(2026, 11, 24, 0, 0, tzinfo=UTC))


def test_an_hour_that_the_clocks_repeat_counts_twice() -> None:
    windows = parse_time_windows("01:00-02:00")
    first, second = at("2026-11-01T01:30"), at("2026-11-01T01:30", fold=1)
    assert second.astimezone(UTC) - first.astimezone(UTC) == timedelta(hours=1)
    assert is_open(windows, WINNIPEG, first)
    assert is_open(windows, WINNIPEG, second)


def test_an_hour_that_the_clocks_leave_out_is_not_there() -> None:
    windows = parse_time_windows("02:00-03:00")
    opening = next_opening(windows, WINNIPEG, at("2026-03-08T01:59"))
    assert opening == at("2026-03-09T02:00")


def test_a_window_that_begins_in_the_missing_hour_opens_when_the_clocks_are_changed() -> None:
    windows = parse_time_windows("02:30-05:00")
    opening = next_opening(windows, WINNIPEG, at("2026-03-08T01:00"))
    assert opening == at("2026-03-08T03:00")


def test_the_next_opening_of_what_is_open_is_now() -> None:
    now = at("2026-11-23T10:17")
    assert next_opening(parse_time_windows("08:00-18:00"), WINNIPEG, now) == now


@st.composite
def texts(draw: st.DrawFn) -> str:
    start, end = draw(
        st.tuples(st.integers(0, 95), st.integers(0, 96)).filter(lambda pair: pair[0] != pair[1])
    )
    day = draw(st.sampled_from(DAYS))
    return f"{day} {start // 4:02}:{start % 4 * 15:02}-{end // 4:02}:{end % 4 * 15:02}"


@given(
    windows=st.lists(texts(), min_size=1, max_size=2),
    zone=st.sampled_from(ZONES),
    day=st.sampled_from(["2026-03-06", "2026-04-02", "2026-10-01", "2026-10-30", "2026-06-15"]),
    quarter=st.integers(0, 4 * 96),
)
def test_the_next_opening_is_the_first_open_moment_that_a_clock_finds(
    windows: list[str], zone: ZoneInfo, day: str, quarter: int
) -> None:
    parsed = parse_time_windows(", ".join(windows))
    now = datetime.fromisoformat(day).replace(tzinfo=UTC) + timedelta(minutes=15 * quarter)
    opening = next_opening(parsed, zone, now)
    # All times of the test, and all changes of clocks, are at whole quarters of an hour.
    ticking = now
    while not is_open(parsed, zone, ticking):
        ticking += timedelta(minutes=15)
    assert opening == ticking
