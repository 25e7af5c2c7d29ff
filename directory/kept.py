"""What many decisions share - policies, links, units, trusts - kept in memory while it is true.

Triggers of PostgreSQL write a row with every change of what is shared, in the change's own
transaction (migration 0012), so that whoever sees the change sees the row. The rows together are
the version; a decision asks for it first, and what was worked out for another version is loaded
anew. SQLite has no such triggers: there everything is loaded every time.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

from django.db import connection

from directory.models import SharedChange
from directory.statements import rows

MOST_CHANGES = 100  # rows; every decision adds them up
STAMPS = 10**12
Version = tuple[int, int] | None  # None: it cannot be told, so nothing is kept
T = TypeVar("T")

VERSION = (
    "(SELECT COUNT(*) FROM directory_sharedchange), "
    "(SELECT COALESCE(SUM(stamp), 0) FROM directory_sharedchange)"
)


def shared_version() -> Version:
    """The version of what is shared, as the present transaction sees it; one query."""
    return version_of(rows(f"SELECT {VERSION}")[0])


def version_of(columns: Sequence[Any]) -> Version:
    """The version where another statement selects ``VERSION`` besides.

    Args:
        columns: What it gave for it.
    """
    if connection.vendor != "postgresql":
        return None
    number, stamps = columns
    return int(number), int(stamps)


def put_together() -> None:
    """Replaces many changes by a single new one, which is a version that never was before."""
    if SharedChange.objects.count() <= MOST_CHANGES:
        return
    before = list(SharedChange.objects.values_list("pk", flat=True))
    SharedChange.objects.create(stamp=secrets.randbelow(STAMPS))
    SharedChange.objects.filter(pk__in=before).delete()


class Kept(Generic[T]):
    """Something worked out from what is shared.

    Args:
        load: Works it out. It may see changes that are younger than the version it was asked for;
            the next version then has it loaded once more.
    """

    def __init__(self, load: Callable[[], T]) -> None:
        self._load = load
        self._kept: tuple[Version, T] | None = None

    def at(self, version: Version) -> T:
        """It, as of a version that :func:`shared_version` gave in this transaction."""
        kept = self._kept
        if version is None or kept is None or kept[0] != version:
            kept = self._kept = (version, self._load())
        return kept[1]
