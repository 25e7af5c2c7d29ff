"""A workbook (ECMA-376, SpreadsheetML) written row by row, with nothing of it kept in memory.

Texts are inline strings, so none of them is ever taken for a formula.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from html import escape

MOST_ROWS = 1_048_576  # of a sheet, Excel specifications and limits
LONGEST_CELL = 32_767  # characters, likewise
_DAY_ZERO = datetime(1899, 12, 30)  # noqa: DTZ001 - a sheet's times have no zone
_SECONDS = timedelta(days=1)
# What XML 1.0 cannot hold at all.
_UNWRITABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")

Cell = str | int | datetime | None

_TYPES = """<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">\
<Default Extension="rels" \
ContentType="application/vnd.openxmlformats-package.relationships+xml"/>\
<Default Extension="xml" ContentType="application/xml"/>\
<Override PartName="/xl/workbook.xml" \
ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/>\
<Override PartName="/xl/styles.xml" \
ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.styles+xml"/>\
{sheets}</Types>"""
_SHEET_TYPE = """<Override PartName="/xl/worksheets/sheet{number}.xml" \
ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"/>"""
_PACKAGE = """<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">\
<Relationship Id="rId1" Target="xl/workbook.xml" \
Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument"/>\
</Relationships>"""
_WORKBOOK = """<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" \
xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships">\
<sheets>{sheets}</sheets></workbook>"""
_PARTS = """<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">\
{sheets}<Relationship Id="styles" Target="styles.xml" \
Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/styles"/>\
</Relationships>"""
_PART = """<Relationship Id="sheet{number}" Target="worksheets/sheet{number}.xml" \
Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet"/>"""
# Style 0: plain, 1: a time, 2: a head.
_STYLES = """<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<styleSheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">\
<numFmts count="1"><numFmt numFmtId="164" formatCode="yyyy\\-mm\\-dd\\ hh:mm:ss"/></numFmts>\
<fonts count="2"><font><sz val="11"/><name val="Calibri"/></font>\
<font><b/><sz val="11"/><name val="Calibri"/></font></fonts>\
<fills count="2"><fill><patternFill patternType="none"/></fill>\
<fill><patternFill patternType="gray125"/></fill></fills>\
<borders count="1"><border/></borders>\
<cellStyleXfs count="1"><xf/></cellStyleXfs>\
<cellXfs count="3"><xf xfId="0"/><xf xfId="0" numFmtId="164" applyNumberFormat="1"/>\
<xf xfId="0" fontId="1" applyFont="1"/></cellXfs></styleSheet>"""
_SHEET_BEGINS = """<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>"""
_SHEET_ENDS = "</sheetData></worksheet>"


class _Outlet:
    """A file that is only written to, and emptied now and then."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def write(self, data: bytes, /) -> int:
        self._parts.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        """Nothing waits."""

    def close(self) -> None:
        """Nothing is open."""

    def take(self) -> bytes:
        taken = b"".join(self._parts)
        self._parts.clear()
        return taken


def workbook(
    title: str,
    heads: Sequence[str],
    blocks: Iterable[Iterable[Sequence[Cell]]],
    *,
    most_rows: int = MOST_ROWS,
) -> Iterator[bytes]:
    """The bytes of a workbook, in pieces.

    Args:
        title: What its sheets are called; further ones get a number.
        heads: The first row of every sheet.
        blocks: The rows, some at a time. Times are shown as they are, without a zone.
        most_rows: Of one sheet, its head among them; what is more goes onto further sheets.
    """
    outlet = _Outlet()
    rows = (row for block in blocks for row in _ended(block))
    sheets = 0
    with zipfile.ZipFile(outlet, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as package:
        row: Sequence[Cell] | None = ()
        while row is not None:
            sheets += 1
            with package.open(f"xl/worksheets/sheet{sheets}.xml", "w", force_zip64=True) as sheet:
                sheet.write((_SHEET_BEGINS + _row(heads, 2)).encode())
                written, lines = 1, [_row(row)] if row else []
                written += len(lines)
                row = None
                for row in rows:
                    if row is _PAUSE:
                        sheet.write("".join(lines).encode())
                        lines.clear()
                        yield outlet.take()
                        row = None
                        continue
                    if written == most_rows:
                        break
                    lines.append(_row(row))
                    written += 1
                    row = None
                sheet.write(("".join(lines) + _SHEET_ENDS).encode())
            yield outlet.take()
        numbers = range(1, sheets + 1)
        for name, content in (
            ("xl/workbook.xml", _WORKBOOK.format(sheets=_names(title, numbers))),
            ("xl/_rels/workbook.xml.rels", _PARTS.format(sheets=_each(_PART, numbers))),
            ("xl/styles.xml", _STYLES),
            ("_rels/.rels", _PACKAGE),
            ("[Content_Types].xml", _TYPES.format(sheets=_each(_SHEET_TYPE, numbers))),
        ):
            package.writestr(name, content)
    yield outlet.take()


_PAUSE: Sequence[Cell] = ("pause",)


def _ended(block: Iterable[Sequence[Cell]]) -> Iterator[Sequence[Cell]]:
    yield from block
    yield _PAUSE


def _names(title: str, numbers: Iterable[int]) -> str:
    found = (f"{title} {number}" if number > 1 else title for number in numbers)
    return "".join(
        f'<sheet name="{escape(name[:31])}" sheetId="{number}" r:id="sheet{number}"/>'
        for number, name in enumerate(found, start=1)
    )


def _each(template: str, numbers: Iterable[int]) -> str:
    return "".join(template.format(number=number) for number in numbers)


def _row(cells: Sequence[Cell], style: int = 0) -> str:
    return f"<row>{''.join([_cell(cell, style) for cell in cells])}</row>"


def _cell(cell: Cell, style: int) -> str:
    if cell is None or cell == "":
        return "<c/>"
    if isinstance(cell, str):
        text = escape(_UNWRITABLE.sub("\N{REPLACEMENT CHARACTER}", cell[:LONGEST_CELL]), False)
        return f'<c t="inlineStr" s="{style}"><is><t xml:space="preserve">{text}</t></is></c>'
    if isinstance(cell, datetime):
        return f'<c s="1"><v>{(cell.replace(tzinfo=None) - _DAY_ZERO) / _SECONDS:.8f}</v></c>'
    return f"<c><v>{cell}</v></c>"
