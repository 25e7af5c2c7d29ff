"""Lets tests that empty the whole database do so, although the audit trail is append-only.

``TransactionTestCase`` flushes after each test. PostgreSQL's trigger has a switch for that; SQLite
has none, so its triggers are taken away for the moment and put back as they were.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection
from django.test import TransactionTestCase

_TRIGGERS = """
SELECT name, sql FROM sqlite_master
 WHERE type = 'trigger' AND tbl_name LIKE 'assist_audit%'
"""


@contextmanager
def audit_flush_allowed() -> Iterator[None]:
    """Within it, the audit tables may be emptied."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET portal.allow_audit_flush = 'on'")
            yield
            cursor.execute("RESET portal.allow_audit_flush")
            return
        cursor.execute(_TRIGGERS)
        triggers = cursor.fetchall()
        for name, _ in triggers:
            cursor.execute(f"DROP TRIGGER {name}")
    yield
    with connection.cursor() as cursor:
        for _, statement in triggers:
            cursor.execute(statement)


@contextmanager
def as_database_owner() -> Iterator[None]:
    """Within it, triggers and foreign keys are out of the way, as the owner can have them.

    Call it within a transaction.
    """
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET LOCAL session_replication_role = 'replica'")
            yield
            cursor.execute("SET LOCAL session_replication_role = 'origin'")
            return
        cursor.execute("PRAGMA defer_foreign_keys = ON")
    with audit_flush_allowed():
        yield


def install() -> None:
    """Have every flush of a test allowed."""
    flush = TransactionTestCase._fixture_teardown

    def allowed(self: Any) -> None:
        with audit_flush_allowed():
            flush(self)

    TransactionTestCase._fixture_teardown = allowed  # type: ignore[method-assign]
