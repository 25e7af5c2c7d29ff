"""Rows as files: CSV, Excel and JSON lines, made while they are sent."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from django.utils import timezone

from assist import audit
from assist.actors import Actor
from assist.errors import InvalidInput
from assist.models.offer import OfferQuerySet
from assist.reports.columns import Cell, Column, cells_of
from assist.reports.listing import every_row
from assist.reports.xlsx import workbook

# A spreadsheet takes what begins with these for a formula; the wide ones too, where a Japanese or
# Chinese one does (OWASP, CSV Injection). Names and reasons come from outside.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # noqa: RUF001

Blocks = Iterator[list[Sequence[Cell]]]  # columns of cells, some offers at a time


@dataclass(frozen=True)
class Format:
    """A kind of file.

    Attributes:
        code: Its name in addresses, and the end of the file's name.
        label: For a person.
        content_type: For the browser.
        write: Makes its bytes from heads and blocks of rows.
    """

    code: str
    label: str
    content_type: str
    write: Callable[[str, Sequence[str], Sequence[str], Blocks], Iterator[bytes]]


def _csv(title: str, codes: Sequence[str], heads: Sequence[str], blocks: Blocks) -> Iterator[bytes]:
    # The mark by which Excel knows UTF-8.
    yield "\N{ZERO WIDTH NO-BREAK SPACE}".encode() + _csv_lines([codes])
    for block in blocks:
        yield _csv_lines(zip(*(_plain(column) for column in block), strict=True))


def _xlsx(
    title: str, codes: Sequence[str], heads: Sequence[str], blocks: Blocks
) -> Iterator[bytes]:
    zone = timezone.get_default_timezone()

    def local(cell: Cell) -> Cell:
        return cell.astimezone(zone) if isinstance(cell, datetime) else cell

    rows = ([[local(cell) for cell in row] for row in zip(*block, strict=True)] for block in blocks)
    return workbook(title, heads, rows)


def _json_lines(
    title: str, codes: Sequence[str], heads: Sequence[str], blocks: Blocks
) -> Iterator[bytes]:
    write = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), default=_iso).encode
    for block in blocks:
        lines = [write(dict(zip(codes, row, strict=True))) for row in zip(*block, strict=True)]
        yield ("\n".join(lines) + "\n").encode()


FORMATS = {
    item.code: item
    for item in (
        Format("csv", "CSV", "text/csv; charset=utf-8", _csv),
        Format(
            "xlsx",
            "Excel",
            "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            _xlsx,
        ),
        Format("jsonl", "JSON lines", "application/jsonl; charset=utf-8", _json_lines),
    )
}


def format_named(code: str) -> Format:
    """A kind of file.

    Raises:
        InvalidInput: There is none of this name.
    """
    if code not in FORMATS:
        raise InvalidInput(
            f"Nothing is exported as “{code[:40]}”.",
            remedy=f"Choose one of: {', '.join(FORMATS)}.",
            field="format",
        )
    return FORMATS[code]


def offers_file(
    offers: OfferQuerySet, columns: tuple[Column, ...], kind: Format
) -> Iterator[bytes]:
    """All of these offers as a file, in pieces; only a block of them is in memory.

    Args:
        offers: Those asked for.
        columns: What of them.
        kind: What kind of file.
    """
    blocks = (
        cells_of(block, columns, for_programs=kind.code == "jsonl")
        for block in every_row(offers, columns, times_as_text=kind.code != "xlsx")
    )
    return table_file("Offers", columns, blocks, kind)


def table_file(
    title: str, columns: Sequence[Column], blocks: Blocks, kind: Format
) -> Iterator[bytes]:
    """Any rows under columns as a file, in pieces."""
    codes = [column.code for column in columns]
    return kind.write(title, codes, [column.label for column in columns], blocks)


def rows_file(
    title: str, codes: Sequence[str], rows: Iterable[tuple[Cell, ...]], kind: Format
) -> Iterator[bytes]:
    """Rows at hand as a file."""
    columns: list[Sequence[Cell]] = [list(column) for column in zip(*rows, strict=True)]
    return kind.write(title, codes, codes, iter([columns] if columns else []))


def note_export(actor: Actor, report: str, query: str, kind: str) -> None:
    """The audit event of a report that was exported.

    Args:
        actor: Who exported it.
        report: Which, by the name of its address.
        query: What it was asked for.
        kind: The kind of file.
    """
    audit.record(
        "report.exported",
        actor=actor,
        subject_kind="report",
        subject_id=report,
        subject_name=report,
        data={"query": query[:2000], "format": kind},
    )


def _csv_lines(rows: Iterable[Iterable[str | int]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text).writerows(rows)
    return text.getvalue().encode("utf-8", "replace")


def _plain(column: Sequence[Cell]) -> list[str | int]:
    """What a spreadsheet shows as it is."""
    return [
        (f"'{cell}" if cell.startswith(_FORMULA) else cell)
        if isinstance(cell, str)
        else _written(cell)
        for cell in column
    ]


def _written(cell: datetime | int | None) -> str | int:
    if isinstance(cell, datetime):
        return _iso(cell)
    return "" if cell is None else cell


def _iso(moment: object) -> str:
    assert isinstance(moment, datetime)  # noqa: S101 - the only cell that JSON does not know
    return moment.astimezone(UTC).isoformat(timespec="microseconds")[:-6] + "Z"
