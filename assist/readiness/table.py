"""The computers behind a number of the report as a table for a spreadsheet, block by block.

Blocks are made of a thousand computers at a time, by name: each takes two short queries, whatever
was chosen and however many computers there are, and nothing of it stays in memory.
"""

from __future__ import annotations

import csv
import io
import json
import uuid
from collections.abc import Iterable, Iterator
from typing import Any

from django.db.models import F, Func, Q, QuerySet, TextField

from directory.models import Computer

AT_ONCE = 1000
HEADS = (
    "computer",
    "dns_name",
    "domain",
    "unit",
    "operating_system",
    "state",
    "cause",
    "checked_at",
    "sentence",
    "remedy",
)
COLUMNS = (
    "name",
    "dns_name",
    "domain__dns_name",
    "ou__distinguished_name",
    "operating_system",
    "readiness__state",
    "readiness__cause",
    "readiness__checked_at",
    "result",
)

Place = tuple[str, uuid.UUID]  # name_folded and GUID, the order of the table


class _ResultOfCause(Func):
    """Of all results of a computer, the text of the one that its cause names, or null."""

    output_field = TextField()

    def __init__(self) -> None:
        super().__init__(F("readiness__results"), F("readiness__cause"))

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        template = "(%(expressions)s::text)::text"
        return self.as_sql(compiler, connection, template=template, arg_joiner=" -> ")

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        template = """json_extract(%(expressions)s || '"')"""
        return self.as_sql(compiler, connection, template=template, arg_joiner=""", '$."' || """)


def table(computers: QuerySet[Computer], *, at_once: int = AT_ONCE) -> Iterator[str]:
    """The lines of a CSV file (RFC 4180), its heads first.

    Args:
        computers: As :func:`assist.readiness.coverage.computers_of` gives them.
        at_once: From how many computers of the directory a block is made.
    """
    yield _lines([HEADS])
    rows = computers.select_related(None).annotate(result=_ResultOfCause())
    behind = None
    while True:
        until = _place_after(behind, at_once)
        found = rows.filter(_within(behind, until)).values_list(*COLUMNS)
        if block := [_cells(row) for row in found]:
            yield _lines(block)
        if until is None:
            return
        behind = until


def _place_after(behind: Place | None, number: int) -> Place | None:
    """The place so many computers further on; None where there are no more than these."""
    ahead = Computer.objects.filter(_within(behind, None), is_present=True)
    places = ahead.order_by("name_folded", "pk").values_list("name_folded", "pk")
    return next(iter(places[number - 1 : number]), None)


def _within(behind: Place | None, until: Place | None) -> Q:
    """Behind one place, up to another. Written so that the index on names serves both ends."""
    found = Q()
    if behind is not None:
        found &= Q(name_folded__gte=behind[0]) & ~Q(name_folded=behind[0], pk__lte=behind[1])
    if until is not None:
        found &= Q(name_folded__lte=until[0]) & ~Q(name_folded=until[0], pk__gt=until[1])
    return found


def _cells(row: tuple[Any, ...]) -> list[str]:
    *cells, checked_at, text = row
    answer = json.loads(text) if text else {"sentence": "", "remedy": ""}
    at = checked_at.isoformat() if checked_at else ""
    return [_plain(cell or "") for cell in (*cells, at, answer["sentence"], answer["remedy"])]


def _lines(rows: Iterable[Iterable[str]]) -> str:
    text = io.StringIO(newline="")
    csv.writer(text).writerows(rows)
    return text.getvalue()


def _plain(cell: str) -> str:
    """A spreadsheet takes what begins with these for a formula; names come from outside."""
    return f"'{cell}" if cell[:1] in ("=", "+", "-", "@", "\t", "\r") else cell
