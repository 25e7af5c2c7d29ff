"""Charts as SVG that a screen reader can follow: a title, a description, a table beside them.

Colours come from the style sheet, so that they follow the theme and the printer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

WIDTH, WIDE, HEIGHT = 640, 1280, 180
TOP, LEFT, BOTTOM = 12, 44, 24
MOST_LABELS = 12
DAYS_AS_DAYS, DAYS_AS_WEEKS = 62, 400


@dataclass(frozen=True)
class Bar:
    """One bar: what it stands for, how high it is, and where its offers are."""

    label: str
    value: int
    url: str = ""


def bar_chart(
    identity: str, title: str, description: str, bars: Sequence[Bar], *, width: int = WIDTH
) -> SafeString:
    """Upright bars with a scale.

    Args:
        identity: Unique on the page.
        title: What is counted by what.
        description: What it shows, in one sentence.
        bars: From left to right.
        width: In the units of the style sheet's letters.
    """
    top = _scale(max((bar.value for bar in bars), default=0))
    room = (width - LEFT) / max(1, len(bars))
    floor = HEIGHT - BOTTOM
    every = -(-len(bars) // MOST_LABELS)
    lines = format_html_join(
        "",
        '<line class="chart-line" x1="{0}" y1="{1}" x2="{2}" y2="{1}"/>'
        '<text class="chart-scale" x="{3}" y="{4}">{5}</text>',
        (
            (LEFT, y, width, LEFT - 6, y + 4, value)
            for value in sorted({0, top // 2, top})
            for y in [round(floor - (floor - TOP) * value / top, 1)]
        ),
    )
    shapes = format_html_join(
        "",
        '<rect class="chart-bar" x="{}" y="{}" width="{}" height="{}"><title>{}: {}</title></rect>',
        (
            (
                round(LEFT + number * room + room * 0.12, 1),
                round(floor - height, 1),
                round(room * 0.76, 1),
                round(height, 1),
                bar.label,
                bar.value,
            )
            for number, bar in enumerate(bars)
            for height in [(floor - TOP) * bar.value / top]
        ),
    )
    names = format_html_join(
        "",
        '<text class="chart-name" x="{}" y="{}">{}</text>',
        (
            (round(LEFT + (number + 0.5) * room, 1), HEIGHT - 7, bar.label)
            for number, bar in enumerate(bars)
            if number % every == 0
        ),
    )
    return format_html(
        '<svg class="chart" role="img" viewBox="0 0 {} {}" '
        'aria-labelledby="{id}-title {id}-said"><title id="{id}-title">{}</title>'
        '<desc id="{id}-said">{}</desc>{}{}{}</svg>',
        width,
        HEIGHT,
        title,
        description,
        lines,
        shapes,
        names,
        id=identity,
    )


def busiest(bars: Sequence[Bar], what: str) -> str:
    """The sentence of a chart: where it is highest."""
    if not any(bar.value for bar in bars):
        return "There are no offers."
    highest = max(bars, key=lambda bar: bar.value)
    return f"Most offers: {highest.value}, {what} {highest.label}."


@dataclass(frozen=True)
class Stretch:
    """Some days that make one bar."""

    label: str
    first: date
    last: date
    offers: int


def stretches(days: Sequence[tuple[date, int]], first: date, last: date) -> list[Stretch]:
    """Days as they are, or together in weeks or months where there are many.

    Args:
        days: Offers of the days that have some.
        first: The first day of the period.
        last: Its last day.
    """
    counts = dict(days)
    number = (last - first).days + 1
    found: list[Stretch] = []
    day = first
    while day <= last:
        if number <= DAYS_AS_DAYS:
            end, label = day, f"{day:%m-%d}"
        elif number <= DAYS_AS_WEEKS:
            end, label = day + timedelta(days=6 - day.weekday()), f"{day:%m-%d}"
        else:
            following = (day.replace(day=1) + timedelta(days=31)).replace(day=1)
            end, label = following - timedelta(days=1), f"{day:%Y-%m}"
        end = min(end, last)
        offers = sum(
            counts.get(day + timedelta(days=step), 0) for step in range((end - day).days + 1)
        )
        found.append(Stretch(label, day, end, offers))
        day = end + timedelta(days=1)
    return found


def _scale(highest: int) -> int:
    """A round number at or above the highest value, an even one."""
    step = 1
    while True:
        for factor in (2, 4, 6, 10):
            if highest <= factor * step:
                return factor * step
        step *= 10
