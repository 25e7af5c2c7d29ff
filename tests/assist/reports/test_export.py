"""Files of offers: what is in them, what a spreadsheet makes of it, the memory it takes."""

from __future__ import annotations

import csv
import io
import json
import tracemalloc
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime
from xml.etree import ElementTree

import pytest

from assist.errors import InvalidInput
from assist.models import Offer
from assist.reports.columns import COLUMNS, DEFAULT_COLUMNS
from assist.reports.export import FORMATS, format_named, offers_file
from assist.reports.listing import every_row
from assist.reports.xlsx import workbook
from tests.assist.cast import Cast
from tests.assist.reports.made_offers import made_offer

SHEET = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
TICKETS = (COLUMNS["ticket"],)
HOSTILE = ("=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1", '=cmd|" /C calc"!A0')  # noqa: RUF001
pytestmark = pytest.mark.django_db


def _file(kind: str, columns: tuple[str, ...] = DEFAULT_COLUMNS) -> bytes:
    chosen = tuple(COLUMNS[code] for code in columns)
    return b"".join(offers_file(Offer.objects.all(), chosen, FORMATS[kind]))


def _cells(content: bytes, sheet: int = 1) -> list[list[str]]:
    with zipfile.ZipFile(io.BytesIO(content)) as package:
        assert package.testzip() is None
        for name in package.namelist():
            ElementTree.fromstring(package.read(name))
        root = ElementTree.fromstring(package.read(f"xl/worksheets/sheet{sheet}.xml"))
    return [["".join(cell.itertext()) for cell in row] for row in root.iter(f"{SHEET}row")]


def test_every_format_has_every_column_of_every_offer(cast: Cast) -> None:
    for number in range(3):
        made_offer(cast, ticket=f"T-{number}", reason='He said "no", twice;\nthen left')
    columns = tuple(COLUMNS)
    lines = list(csv.reader(io.StringIO(_file("csv", columns).decode("utf-8-sig"))))
    assert lines[0] == list(columns)
    assert {line[columns.index("ticket")] for line in lines[1:]} == {"T-0", "T-1", "T-2"}
    assert lines[1][columns.index("reason")] == 'He said "no", twice;\nthen left'
    objects = [json.loads(line) for line in _file("jsonl", columns).splitlines()]
    assert [list(item) for item in objects] == [list(columns)] * 3
    assert objects[0]["requested_at"] == "2026-11-23T09:00:00.000000Z"
    assert objects[0]["outcome"] == "accepted"
    rows = _cells(_file("xlsx", columns))
    assert rows[0] == [COLUMNS[code].label for code in columns]
    assert len(rows) == 4


@pytest.mark.parametrize("text", HOSTILE)
def test_no_cell_of_csv_begins_as_a_formula(cast: Cast, text: str) -> None:
    made_offer(cast, ticket=text)
    _, line = csv.reader(io.StringIO(_file("csv", ("ticket",)).decode("utf-8-sig"), newline=""))
    assert line == [f"'{text}"]


@pytest.mark.parametrize("text", HOSTILE)
def test_a_workbook_holds_texts_as_texts(cast: Cast, text: str) -> None:
    made_offer(cast, ticket=text)
    content = _file("xlsx", ("ticket",))
    with zipfile.ZipFile(io.BytesIO(content)) as package:
        sheet = package.read("xl/worksheets/sheet1.xml").decode()
    assert "<f>" not in sheet
    assert "inlineStr" in sheet


def test_a_workbook_takes_what_xml_cannot_hold() -> None:
    rows = [("a\x01b<&>\x0c", 5, None, datetime(2026, 11, 23, 12, tzinfo=UTC))]
    content = b"".join(workbook("Offers", ["One", "Two", "Three", "Four"], [rows]))
    _, cells = _cells(content)
    assert cells == ["a\ufffdb<&>\ufffd", "5", "", "46349.50000000"]


def test_more_rows_than_a_sheet_holds_go_onto_the_next() -> None:
    blocks = [[(f"{block}-{number}",) for number in range(4)] for block in range(3)]
    content = b"".join(workbook("Offers", ["Ticket"], blocks, most_rows=6))
    sheets = [_cells(content, number) for number in (1, 2, 3)]
    assert [len(sheet) for sheet in sheets] == [6, 6, 3]
    assert [row[0] for sheet in sheets for row in sheet[1:]] == [
        cell for block in blocks for (cell,) in block
    ]


def test_an_empty_table_is_a_file_with_heads() -> None:
    assert _file("csv").decode("utf-8-sig") == ",".join(DEFAULT_COLUMNS) + "\r\n"
    assert len(_cells(_file("xlsx"))) == 1
    assert _file("jsonl") == b""


def test_blocks_leave_no_offer_out_and_none_twice(cast: Cast) -> None:
    for number in range(17):
        made_offer(cast, ticket=str(number))  # all at the same moment
    blocks = list(every_row(Offer.objects.all(), TICKETS, at_once=5))
    assert [len(block["id"]) for block in blocks] == [5, 5, 5, 2]
    assert {ticket for block in blocks for ticket in block["ticket"]} == set(map(str, range(17)))


def test_a_workbook_of_any_length_takes_the_same_memory() -> None:
    def blocks(number: int) -> Iterator[list[tuple[str, ...]]]:
        for _ in range(number):
            yield [("a" * 50, "b" * 50)] * 500

    def peak(number: int) -> int:
        tracemalloc.start()
        try:
            for _ in workbook("Offers", ["a", "b"], blocks(number)):
                pass
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    assert peak(40) < 1.5 * peak(4)


def test_an_unknown_format_is_refused_by_its_name() -> None:
    with pytest.raises(InvalidInput) as refused:
        format_named("exe")
    assert refused.value.field == "format"
