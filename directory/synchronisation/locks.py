"""One run at a time for each domain, whatever becomes of its process."""

from __future__ import annotations

import fcntl
import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.db import connection

from directory.synchronisation.errors import SynchronisationRunning


@contextmanager
def alone(domain: str) -> Iterator[None]:
    """Hold the lock of a domain's synchronisation.

    The lock belongs to the database session, on SQLite to an open file: it is free again as soon
    as the process that held it is gone, however that came.

    Args:
        domain: Its DNS name.

    Raises:
        SynchronisationRunning: Another process holds it.
    """
    if connection.vendor == "postgresql":
        with _advisory_lock(domain):
            yield
    else:
        with _file_lock(domain):
            yield


@contextmanager
def _advisory_lock(domain: str) -> Iterator[None]:
    digest = hashlib.sha256(f"sync_directory {domain}".encode()).digest()
    key = int.from_bytes(digest[:8], "big", signed=True)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [key])
        if not cursor.fetchone()[0]:
            raise _running(domain)
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [key])


@contextmanager
def _file_lock(domain: str) -> Iterator[None]:
    name = str(connection.settings_dict["NAME"])
    folder = Path(name).parent
    if "memory" in name:  # one of this process alone, with no file beside which a lock could lie
        folder, name = Path(tempfile.gettempdir()), f"{name} {os.getpid()}"
    stem = hashlib.sha256(f"{name} {domain}".encode()).hexdigest()[:16]
    with (folder / f".sync-directory-{stem}.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise _running(domain) from error
        yield


def _running(domain: str) -> SynchronisationRunning:
    return SynchronisationRunning(
        f"{domain} is being synchronised already.",
        remedy="Wait until that run ends; the directory page shows how far it is.",
    )
