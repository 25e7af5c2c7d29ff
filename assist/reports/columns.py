"""The columns of the table of offers: what each is called, and how its cells are read."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import itemgetter
from typing import Any

from assist.lifecycle import LABELS, Mode, State
from assist.models import Grade
from assist.models.offer import AUTHORITY_CHOICES, VIEWER_CHOICES

Row = Mapping[str, Any]
Cell = str | int | datetime | None

GRADES = {grade.value: str(grade.label) for grade in Grade}
DOORS = {"page": "page", "api": "API", "command": "command"}
AUTHORITIES = {value: label.partition(":")[0] for value, label in AUTHORITY_CHOICES}
VIEWERS = dict(VIEWER_CHOICES)


@dataclass(frozen=True)
class Column:
    """One column.

    Attributes:
        code: Its name in addresses, files and the API.
        label: Its head.
        fields: The offer's columns it is made of.
        read: Makes the cell from a row of these.
        kind: How a page shows it: text, time, state, seconds, link.
        raw: Makes what programs get, where that is another.
        words: What its codes are in words, where that is all.
    """

    code: str
    label: str
    fields: tuple[str, ...]
    read: Callable[[Row], Cell]
    kind: str = "text"
    raw: Callable[[Row], Cell] | None = None
    words: Mapping[str, str] | None = None

    @property
    def is_plain(self) -> bool:
        """Its cells are what the database has."""
        return isinstance(self.read, itemgetter)

    @property
    def value(self) -> Callable[[Row], Cell]:
        """Makes the cell for programs: codes, not words."""
        return self.raw or self.read


def _text(code: str, label: str, field: str = "") -> Column:
    name = field or code
    return Column(code, label, (name,), itemgetter(name))


def _time(code: str, label: str) -> Column:
    return Column(code, label, (code,), itemgetter(code), "time")


def _word(code: str, label: str, words: Mapping[str, str], field: str = "") -> Column:
    name = field or code
    return Column(
        code,
        label,
        (name,),
        lambda row: words.get(row[name], row[name]),
        raw=itemgetter(name),
        words=words,
    )


def _between(code: str, label: str, begin: str, end: str) -> Column:
    def read(row: Row) -> int | None:
        if row[begin] is None or row[end] is None:
            return None
        return max(0, int((row[end] - row[begin]).total_seconds()))

    return Column(code, label, (begin, end), read, "seconds")


def _violation(row: Row) -> str:
    is_one = row["mode"] == Mode.VIEW and row["controlled_at"] is not None
    return "control was taken" if is_one else ""


COLUMNS: dict[str, Column] = {
    column.code: column
    for column in (
        _time("requested_at", "Asked"),
        Column(
            "computer", "Computer", ("computer_name",), lambda row: row["computer_name"], "link"
        ),
        _text("expert", "Expert", "expert_name"),
        _text("novice", "User", "novice_name"),
        _word("mode", "Mode", {"view": "View", "control": "Control"}),
        _text("ticket", "Ticket"),
        _text("reason", "Reason"),
        Column("state", "State", ("state",), itemgetter("state"), "state"),
        _word("outcome", "Outcome", {state.value: label for state, label in LABELS.items()}),
        _word("grade", "Evidence", GRADES, "outcome_grade"),
        _text("team", "Team", "team_name"),
        _text("unit", "Unit", "unit_name"),
        _between("to_prompt", "Until asked", "requested_at", "prompted_at"),
        _between("to_answer", "Until answered", "prompted_at", "answered_at"),
        Column("violation", "Violation", ("mode", "controlled_at"), _violation),
        _text("rule", "Rule", "end_code"),
        _text("sentence", "Why it ended", "end_sentence"),
        _text("remedy", "What would mend it", "end_remedy"),
        _word("authority", "Authority", AUTHORITIES),
        _word("viewer", "Viewer", VIEWERS),
        _word("door", "Door", DOORS),
        _text("target", "Asked for as"),
        _text("address", "Address"),
        _text("wanted_user", "Wanted user"),
        _time("start_at", "Not before"),
        _time("offered_at", "Invitation ready"),
        _time("prompted_at", "User asked"),
        _time("answered_at", "User answered"),
        _time("viewed_at", "Screen seen"),
        _time("controlled_at", "Control taken"),
        _time("ended_at", "Ended"),
        Column("id", "Offer", ("id",), lambda row: str(row["id"])),
    )
}
DEFAULT_COLUMNS = (
    *("requested_at", "computer", "expert", "novice", "mode"),
    *("ticket", "state", "outcome", "grade"),
)


def cells_of(
    block: Mapping[str, Sequence[Any]], columns: Sequence[Column], *, for_programs: bool = False
) -> list[Sequence[Cell]]:
    """The cells of many offers, column by column: much faster than offer by offer.

    Args:
        block: The values of every field that the columns need, in the same order.
        columns: What is shown.
        for_programs: Codes, not words.
    """
    return [_cells(block, column, for_programs=for_programs) for column in columns]


def _cells(
    block: Mapping[str, Sequence[Any]], column: Column, *, for_programs: bool
) -> Sequence[Cell]:
    values = block[text_of(column)] if text_of(column) in block else block[column.fields[0]]
    if column.is_plain or (for_programs and column.raw):
        return values
    if column.words is not None:
        words = column.words
        return [words.get(value, value) for value in values]
    fields = column.fields
    rows = zip(*(block[field] for field in fields), strict=True)
    return [column.read(dict(zip(fields, row, strict=True))) for row in rows]


def text_of(column: Column) -> str:
    """What the database calls a time that it has written out by itself."""
    return f"{column.fields[0]}_text"


def fields_of(columns: tuple[Column, ...]) -> tuple[str, ...]:
    """The offer's columns that these need, with those that pages need to link and go on."""
    needed = {field for column in columns for field in column.fields}
    return tuple(sorted(needed | {"id", "requested_at"}))


def label_of_state(state: str) -> str:
    """A state in words."""
    return LABELS[State(state)]
