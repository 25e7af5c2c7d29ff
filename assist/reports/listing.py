"""The table of offers, page by page: the newest first, each page from where the last one ended."""

from __future__ import annotations

import base64
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.db import connection
from django.db.models import Func, Q, TextField

from assist.errors import InvalidInput
from assist.models.offer import OfferQuerySet
from assist.reports.columns import Column, fields_of, text_of

PAGE = 50
AT_ONCE = 2000

Place = tuple[datetime, uuid.UUID]


@dataclass(frozen=True)
class Page:
    """Some rows, and the cursor of what follows (empty: nothing)."""

    rows: list[dict[str, Any]]
    next_cursor: str


def page_of(
    offers: OfferQuerySet, columns: tuple[Column, ...], *, limit: int = PAGE, after: str = ""
) -> Page:
    """One page.

    Args:
        offers: Those asked for.
        columns: What is shown of them.
        limit: The most rows.
        after: ``next_cursor`` of the page before; empty for the first.

    Raises:
        InvalidInput: The cursor is none of ours.
    """
    rows = _ordered(offers, columns, read_cursor(after) if after else None)[: limit + 1]
    found = list(rows)
    page = found[:limit]
    return Page(page, write_cursor(page[-1]) if len(found) > limit else "")


def every_row(
    offers: OfferQuerySet,
    columns: tuple[Column, ...],
    *,
    at_once: int = AT_ONCE,
    times_as_text: bool = False,
) -> Iterator[dict[str, Sequence[Any]]]:
    """All rows in blocks, the newest first; only one block is in memory.

    Args:
        offers: Those asked for.
        columns: What of them.
        at_once: How many make a block.
        times_as_text: Have PostgreSQL write times out, as ``2026-11-23T09:00:00.000000Z``: half
            the work of a file is to read and write them again.

    Yields:
        The values of every field of the columns, by the field's name.
    """
    written = times_as_text and connection.vendor == "postgresql"
    fields = _fields_for_files(columns, written=written)
    texts = {
        name: WrittenOut(name.removesuffix("_text")) for name in fields if name.endswith("_text")
    }
    after: Place | None = None
    while True:
        found = behind(offers, after).annotate(**texts).values_list(*fields)
        rows = list(found.order_by("-requested_at", "-pk")[:at_once])
        if rows:
            block: dict[str, Sequence[Any]] = dict(
                zip(fields, zip(*rows, strict=True), strict=True)
            )
            yield block
        if len(rows) < at_once:
            return
        at = block["requested_at_text"][-1] if written else block["requested_at"][-1]
        after = datetime.fromisoformat(at) if written else at, block["id"][-1]


class WrittenOut(Func):
    """A time as text, in UTC."""

    template = """TO_CHAR(%(expressions)s AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')"""
    output_field = TextField()


def _fields_for_files(columns: tuple[Column, ...], *, written: bool) -> tuple[str, ...]:
    if not written:
        return fields_of(columns)
    times = {text_of(column) for column in columns if column.kind == "time"}
    others = {field for column in columns if column.kind != "time" for field in column.fields}
    return tuple(sorted(times | others | {"id", "requested_at_text"}))


def write_cursor(row: dict[str, Any]) -> str:
    """The place of a row."""
    text = f"{row['requested_at'].isoformat()}|{row['id']}"
    return base64.urlsafe_b64encode(text.encode("ascii")).decode("ascii")


def read_cursor(cursor: str) -> Place:
    """The place that ``write_cursor`` wrote.

    Raises:
        InvalidInput: It did not.
    """
    try:
        text = base64.b64decode(cursor.encode("ascii"), altchars=b"-_", validate=True)
        at, _, last = text.decode("ascii").partition("|")
        moment = datetime.fromisoformat(at)
        if moment.tzinfo is None:
            raise ValueError("a time without a zone")
        return moment.astimezone(UTC), uuid.UUID(last)
    except (ValueError, OverflowError) as error:  # so are binascii.Error and UnicodeError
        raise InvalidInput(
            "The page is not one that this table gave out.",
            remedy="Begin with the newest offers.",
            field="after",
        ) from error


def _ordered(offers: OfferQuerySet, columns: tuple[Column, ...], after: Place | None) -> Any:
    return behind(offers, after).order_by("-requested_at", "-pk").values(*fields_of(columns))


def behind(offers: OfferQuerySet, after: Place | None) -> OfferQuerySet:
    """The offers that come after a place of the table; all of them after None."""
    if after is None:
        return offers
    at, last = after
    # Written so that the index on the time serves it.
    return offers.filter(requested_at__lte=at).filter(Q(requested_at__lt=at) | Q(pk__lt=last))
