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
    """

    code: str
    label: str
    fields: tuple[str, ...]
    read: Callable[[Row], Cell]
    kind: str = "text"
    raw: Callable[[Row], Cell] | None = None

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
    rows: Sequence[Row], columns: Sequence[Column], *, for_programs: bool = False
) -> list[tuple[Cell, ...]]:
    """The cells of rows, column by column: much faster than row by row.

    Args:
        rows: With the fields of the columns.
        columns: What is shown.
        for_programs: Codes, not words.
    """
    by_column = [
        [read(row) for row in rows]
        for column in columns
        for read in [column.value if for_programs else column.read]
    ]
    return list(zip(*by_column, strict=True))


def fields_of(columns: tuple[Column, ...]) -> tuple[str, ...]:
    """The offer's columns that these need, with those that pages need to link and go on."""
    needed = {field for column in columns for field in column.fields}
    return tuple(sorted(needed | {"id", "requested_at"}))


def label_of_state(state: str) -> str:
    """A state in words."""
    return LABELS[State(state)]
