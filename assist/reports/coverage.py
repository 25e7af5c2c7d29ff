"""The report of coverage: its questions, their numbers and the rows behind each number."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property

from django.conf import settings

from assist.actors import Actor
from assist.errors import InvalidInput, NotAllowed
from assist.reports.columns import Cell
from assist.reports.helper_lists import (
    Entry,
    Helper,
    HelperLists,
    disabled_helpers,
    helper_lists,
    never_helped,
    wide_groups,
)
from assist.reports.periods import DEFAULT_DAYS, Period, last_days, read_period
from assist.reports.reach import Reach, reach

PARAMETERS = ("from", "to", "more_than")
MOST_PEOPLE = 1_000_000
PAGE = 50


@dataclass(frozen=True)
class Asked:
    """What the report is asked for.

    Attributes:
        period: In which helpers may have helped.
        more_than: How many people a group may let in without being told of.
        now: An aware time.
    """

    period: Period
    more_than: int
    now: datetime

    @property
    def query(self) -> str:
        """The same as addresses have it."""
        return f"from={self.period.first}&to={self.period.last}&more_than={self.more_than}"


@dataclass(frozen=True)
class Line:
    """A row behind a number.

    Attributes:
        cells: Under the table's heads.
        kind: What its first cell leads to: expert, object, computer, or nothing.
        key: Of that.
    """

    cells: tuple[Cell, ...]
    kind: str = ""
    key: str = ""


class Findings:
    """What is found, each part worked out the first time it is asked for."""

    def __init__(self, asked: Asked) -> None:
        self.asked = asked

    @cached_property
    def lists(self) -> HelperLists:
        return helper_lists()

    @cached_property
    def reach(self) -> Reach:
        return reach(self.asked.now)


@dataclass(frozen=True)
class Table:
    """One question of the report.

    Attributes:
        code: Its name in addresses, files and the API.
        label: What its number counts.
        explains: What exactly is meant.
        heads: Of its columns, by their codes.
        lines: The rows.
        is_slow: It takes seconds in a large directory, so that the page asks for it by itself.
    """

    code: str
    label: str
    explains: str
    heads: Mapping[str, str]
    lines: Callable[[Findings], list[Line]]
    is_slow: bool = False


def _entry(entry: Entry) -> Line:
    return Line(
        (
            entry.text,
            entry.policy_name,
            "yes" if entry.is_linked else "no",
            entry.position,
            entry.named,
            entry.problem,
        ),
        "object",
        str(entry.policy_guid),
    )


def _duplicate(entry: Entry) -> Line:
    line = _entry(entry)
    return Line((*line.cells[:5], entry.repeats), line.kind, line.key)


def _idle(helper: Helper) -> Line:
    lists = ", ".join(helper.lists) or "through a group"
    cells = (helper.name, helper.display_name, lists, helper.offers)
    return Line(cells, "expert", helper.sid)


def _disabled(helper: Helper) -> Line:
    lists = ", ".join(helper.lists) or "through a group"
    why = "expired" if helper.is_enabled else "disabled"
    return Line((helper.name, helper.display_name, lists, why), "expert", helper.sid)


_ENTRY = {
    "entry": "Line",
    "policy": "Policy",
    "linked": "Linked",
    "position": "Place",
    "names": "Names",
}
_HELPER = {"helper": "Helper", "name": "Name", "listed": "Listed in"}
TABLES = {
    table.code: table
    for table in (
        Table(
            "never-helped",
            "Helpers who never helped",
            "Usable accounts that a linked helper list lets in, directly or through groups, and "
            "none of whose offers of the period was accepted.",
            _HELPER | {"offers": "Offers asked for"},
            lambda found: [
                _idle(helper)
                for helper in never_helped(found.lists, found.asked.period, found.asked.now)
            ],
            is_slow=True,
        ),
        Table(
            "unresolved",
            "Lines that name nobody",
            "Lines of helper lists that name nobody in the directory, or not certainly whom.",
            _ENTRY | {"problem": "Why"},
            lambda found: [_entry(entry) for entry in found.lists.unresolved],
        ),
        Table(
            "disabled",
            "Helpers who are disabled",
            "Accounts that a linked helper list lets in, and that are disabled or expired.",
            _HELPER | {"why": "Why"},
            lambda found: [
                _disabled(helper) for helper in disabled_helpers(found.lists, found.asked.now)
            ],
            is_slow=True,
        ),
        Table(
            "duplicates",
            "Lines that repeat another",
            "Lines that name whom an earlier line of the same list names.",
            _ENTRY | {"repeats": "Repeats the line at"},
            lambda found: [_duplicate(entry) for entry in found.lists.duplicates],
        ),
        Table(
            "wide-groups",
            "Groups that let in many",
            "Groups on linked helper lists that hold more enabled accounts than is chosen, "
            "directly or through other groups.",
            {"group": "Group", "people": "People", "listed": "Listed in"},
            lambda found: [
                Line((group.name, group.people, ", ".join(group.lists)), "object", str(group.guid))
                for group in wide_groups(found.lists, found.asked.more_than)
            ],
            is_slow=True,
        ),
        Table(
            "unhelped",
            "Computers nobody may help",
            "Enabled computers on which the decision refuses every expert, even to view. Offers "
            "that have not ended and limits that are reached do not count.",
            {"computer": "Computer", "unit": "Unit", "reason": "What refuses most experts"},
            lambda found: [
                Line((each.name, each.unit, each.reason), "computer", str(each.guid))
                for each in found.reach.unhelped
            ],
            is_slow=True,
        ),
        Table(
            "units",
            "Units without the policy",
            "Units with enabled computers on which Group Policy does not allow offers or lists no "
            "helper, or on which that cannot be told from outside.",
            {
                "unit": "Unit",
                "computers": "Computers",
                "without": "Without the policy",
                "unknown": "Cannot be told",
            },
            lambda found: [
                Line(
                    (unit.name, unit.computers, unit.without, unit.unknown),
                    "object" if unit.guid else "",
                    str(unit.guid or ""),
                )
                for unit in found.reach.units
            ],
            is_slow=True,
        ),
    )
}


def require_coverage_reader(actor: Actor) -> None:
    """Helper lists and who never helped are for those who answer for them.

    Raises:
        NotAllowed: She is neither a manager nor an auditor.
    """
    if not actor.may_read_audit_trail:
        raise NotAllowed(
            "The report of coverage is for managers and auditors.",
            remedy="Ask one of them, or the portal's operator for the role.",
        )


def table_named(code: str) -> Table:
    """One question of the report.

    Raises:
        InvalidInput: There is none of this name.
    """
    if code not in TABLES:
        raise InvalidInput(
            f"The report of coverage has no table “{code[:40]}”.",
            remedy=f"Choose one of: {', '.join(TABLES)}.",
            field="table",
        )
    return TABLES[code]


def read_asked(
    values: Mapping[str, str], today: date, now: datetime
) -> tuple[Asked, list[InvalidInput]]:
    """What an address asks for, and everything that is wrong with it; what is wrong is left out.

    Args:
        values: By name, as they were typed.
        today: The day it is in the portal's time zone.
        now: An aware time.
    """
    problems = [
        InvalidInput(
            f"The report of coverage has no “{name[:40]}”.",
            remedy=f"Leave it out, or use one of: {', '.join(PARAMETERS)}.",
            field=name[:40],
        )
        for name in values
        if name not in PARAMETERS
    ]
    period, more_than = last_days(DEFAULT_DAYS, today), settings.REPORT_WIDE_GROUP
    try:
        period = read_period(values.get("from", ""), values.get("to", ""), today)
    except InvalidInput as error:
        problems.append(error)
    try:
        if typed := values.get("more_than", ""):
            more_than = read_number(typed, "more_than", most=MOST_PEOPLE)
    except InvalidInput as error:
        problems.append(error)
    return Asked(period, more_than, now), problems


def read_number(text: str, field: str, *, least: int = 0, most: int) -> int:
    """A whole number as a person or program writes it.

    Raises:
        InvalidInput: It is none, or out of range.
    """
    if text.isascii() and text.isdigit() and len(text) <= 9 and least <= int(text) <= most:
        return int(text)
    raise InvalidInput(
        f"“{text[:40]}” is not a whole number from {least} to {most}.",
        remedy=f"Write a number from {least} to {most} in digits.",
        field=field,
    )
