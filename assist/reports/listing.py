"""The table of offers, page by page: the newest first, each page from where the last one ended."""

from __future__ import annotations

import base64
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.db.models import Q

from assist.errors import InvalidInput
from assist.models.offer import OfferQuerySet
from assist.reports.columns import Column, fields_of

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
    offers: OfferQuerySet, columns: tuple[Column, ...], *, at_once: int = AT_ONCE
) -> Iterator[list[dict[str, Any]]]:
    """All rows in blocks, the newest first; only one block is in memory."""
    after: Place | None = None
    while True:
        block = list(_ordered(offers, columns, after)[:at_once])
        if block:
            yield block
        if len(block) < at_once:
            return
        after = block[-1]["requested_at"], block[-1]["id"]


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
    if after is not None:
        at, last = after
        # Written so that the index on the time serves it.
        offers = offers.filter(requested_at__lte=at).filter(Q(requested_at__lt=at) | Q(pk__lt=last))
    return offers.order_by("-requested_at", "-pk").values(*fields_of(columns))
