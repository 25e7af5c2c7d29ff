"""The overview: the figures of a period beside those of the period before."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Protocol

from assist.lifecycle import Mode
from assist.reports.counts import Counts, total
from assist.reports.delays import Delay, delay_of
from assist.reports.figures import Dimension, Named, Reason, Slot
from assist.reports.periods import Period

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


class Source(Protocol):
    """Where figures come from: the offers' rows, or what was added up before."""

    def slots(self, period: Period) -> Mapping[Slot, Counts]: ...

    def days(self, period: Period) -> Mapping[date, int]: ...

    def named(
        self, period: Period, dimension: Dimension, keys: Collection[str] | None = None
    ) -> Mapping[str, Named]: ...

    def ranked(
        self, period: Period, dimension: Dimension, most: int | None
    ) -> tuple[list[Named], int]: ...

    def reasons(self, period: Period) -> Mapping[Reason, int]: ...

    def delays(self, period: Period, delay: str) -> Mapping[str, Mapping[int, int]]: ...


@dataclass(frozen=True)
class Compared:
    """Counts of a period and of the period before."""

    now: Counts
    before: Counts


@dataclass(frozen=True)
class Times:
    """How long the two waits took, now and before; keys are ``""`` for all, view and control."""

    prompt: Mapping[str, Delay]
    answer: Mapping[str, Delay]
    prompt_before: Delay
    answer_before: Delay


@dataclass(frozen=True)
class Line:
    """One expert, team, unit or computer."""

    key: str
    name: str
    now: Counts
    before: Counts


@dataclass(frozen=True)
class Obstacle:
    """A rule that refused offers, or what blocked them, the most frequent first.

    Attributes:
        outcome: refused or blocked.
        rule: Its code.
        offers: How many in the period.
        before: How many in the period before.
        remedies: What would mend how many of them.
    """

    outcome: str
    rule: str
    offers: int
    before: int
    remedies: tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class Overview:
    """All of it but the breakdown, which is asked for by one dimension at a time."""

    period: Period
    all: Compared
    view: Compared
    control: Compared
    hours: tuple[Counts, ...]
    weekdays: tuple[Counts, ...]
    days: tuple[tuple[date, int], ...]
    times: Times
    obstacles: tuple[Obstacle, ...]

    def to_json(self) -> dict[str, Any]:
        def side(compared: Compared) -> dict[str, Any]:
            return {"period": compared.now.to_json(), "before": compared.before.to_json()}

        return {
            "from": self.period.first.isoformat(),
            "to": self.period.last.isoformat(),
            "before_from": self.period.before.first.isoformat(),
            "before_to": self.period.before.last.isoformat(),
            "all": side(self.all),
            "view": side(self.view),
            "control": side(self.control),
            "request_to_prompt": {
                **self.times.prompt[""].to_json(),
                "before": self.times.prompt_before.to_json(),
            },
            "prompt_to_answer": {
                **self.times.answer[""].to_json(),
                "before": self.times.answer_before.to_json(),
            },
            "by_hour": [counts.to_json() for counts in self.hours],
            "by_weekday": [counts.to_json() for counts in self.weekdays],
            "by_day": [{"day": day.isoformat(), "offers": number} for day, number in self.days],
            "obstacles": [
                {
                    "outcome": item.outcome,
                    "rule": item.rule,
                    "offers": item.offers,
                    "before": item.before,
                    "remedies": [
                        {"remedy": remedy, "offers": number} for remedy, number in item.remedies
                    ],
                }
                for item in self.obstacles
            ],
        }


def overview(source: Source, period: Period) -> Overview:
    """The overview of a period.

    Args:
        source: Where its figures come from.
        period: Which days.
    """
    now, before = source.slots(period), source.slots(period.before)
    return Overview(
        period=period,
        all=_compared(now, before),
        view=_compared(now, before, Mode.VIEW),
        control=_compared(now, before, Mode.CONTROL),
        hours=tuple(
            total(counts for slot, counts in now.items() if slot.hour == hour) for hour in range(24)
        ),
        weekdays=tuple(
            total(counts for slot, counts in now.items() if slot.weekday == weekday)
            for weekday in range(1, 8)
        ),
        days=tuple(sorted(source.days(period).items())),
        times=_times(source, period),
        obstacles=_obstacles(source.reasons(period), source.reasons(period.before)),
    )


def breakdown(
    source: Source, period: Period, dimension: Dimension, most: int | None = None
) -> tuple[tuple[Line, ...], int]:
    """A line for each expert, team, unit or computer, the busiest first.

    Args:
        source: Where the figures come from.
        period: Which days.
        dimension: By what.
        most: How many lines; None: all.

    Returns:
        The lines, and how many there are in all.
    """
    now, number = source.ranked(period, dimension, most)
    keys = None if most is None else [item.key for item in now]
    before = source.named(period.before, dimension, keys) if now else {}
    lines = (
        Line(
            item.key,
            item.name or dimension.nothing,
            item.counts,
            before[item.key].counts if item.key in before else Counts(),
        )
        for item in now
    )
    return tuple(lines), number


def _compared(
    now: Mapping[Slot, Counts], before: Mapping[Slot, Counts], mode: Mode | None = None
) -> Compared:
    def chosen(slots: Mapping[Slot, Counts]) -> Iterable[Counts]:
        return (counts for slot, counts in slots.items() if mode is None or slot.mode == mode)

    return Compared(total(chosen(now)), total(chosen(before)))


def _times(source: Source, period: Period) -> Times:
    prompt, answer = source.delays(period, "prompt"), source.delays(period, "answer")
    return Times(
        _by_mode(prompt),
        _by_mode(answer),
        delay_of(_merged(source.delays(period.before, "prompt").values())),
        delay_of(_merged(source.delays(period.before, "answer").values())),
    )


def _by_mode(histograms: Mapping[str, Mapping[int, int]]) -> dict[str, Delay]:
    found = {mode.value: delay_of(histograms.get(mode.value, {})) for mode in Mode}
    return {"": delay_of(_merged(histograms.values()))} | found


def _merged(histograms: Iterable[Mapping[int, int]]) -> dict[int, int]:
    merged: dict[int, int] = {}
    for histogram in histograms:
        for seconds, offers in histogram.items():
            merged[seconds] = merged.get(seconds, 0) + offers
    return merged


def _obstacles(now: Mapping[Reason, int], before: Mapping[Reason, int]) -> tuple[Obstacle, ...]:
    rules: dict[tuple[str, str], list[tuple[str, int]]] = {}
    for reason, offers in now.items():
        rules.setdefault((reason.outcome, reason.rule), []).append((reason.remedy, offers))
    earlier: dict[tuple[str, str], int] = {}
    for reason, offers in before.items():
        place = reason.outcome, reason.rule
        earlier[place] = earlier.get(place, 0) + offers
    found = [
        Obstacle(
            outcome,
            rule,
            sum(offers for _, offers in remedies),
            earlier.get((outcome, rule), 0),
            tuple(sorted(remedies, key=lambda item: (-item[1], item[0]))),
        )
        for (outcome, rule), remedies in rules.items()
    ]
    return tuple(sorted(found, key=lambda item: (-item.offers, item.rule)))
