"""Reading a domain from end to end, over several connections at once.

Large kinds are cut into parts by uSNCreated, which an object never changes on one controller: cut
by anything else, an object that changes while it is read could slip from the part that is still
to come into the one that is over, and would count as deleted.
"""

from __future__ import annotations

import gc
import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from directory.ldap.changes import DirSyncRefused, current_cookie
from directory.ldap.connection import LdapConnection
from directory.ldap.search import search
from directory.synchronisation.batches import Batch, RowMaker
from directory.synchronisation.kinds import KINDS, UNITS, Kind
from directory.synchronisation.session import Session
from directory.synchronisation.staging import Staging
from directory.synchronisation.storing import Findings, NewCursor

# Batches that wait to be staged, at most: what bounds the memory when the database is slower.
WAITING_BATCHES = 8
PARTS_OF_LARGE_KINDS = 8
STOP_CHECK_SECONDS = 0.5


@contextmanager
def _rare_collections() -> Iterator[None]:
    """Let the garbage collector look seldom.

    Entries and rows hold no cycles and go when they are stored; to look through them after every
    few hundred, as Python does by itself, takes a third of the time of a reading.
    """
    thresholds = gc.get_threshold()
    gc.set_threshold(50_000, 20, 100)
    try:
        yield
    finally:
        gc.set_threshold(*thresholds)


@dataclass(frozen=True)
class Part:
    """One search of a full reading."""

    kind: Kind
    base: str
    search_filter: str


def take_cursors(session: Session) -> list[NewCursor]:
    """Where changes from now on can be asked for, for each naming context that is read."""
    cursors = []
    for naming_context in session.naming_contexts.values():
        try:
            cookie = current_cookie(session.connection, naming_context)
        except DirSyncRefused:
            cookie = None
        cursors.append(NewCursor(naming_context, cookie))
    return cursors


def read_everything(
    session: Session, staging: Staging, report: Callable[[int], None], *, connections: int
) -> Findings:
    """Read every object of every kind into the staging tables.

    Args:
        session: With the controller.
        staging: Takes the rows.
        report: Told how many objects have been read.
        connections: How many searches run at the same time.

    Raises:
        DirectoryUnavailable: The controller stopped answering. Nothing was stored.
    """
    findings = Findings(staging, cursors=take_cursors(session))
    done = 0

    def take(batch: Batch) -> None:
        nonlocal done
        stage(batch, findings)
        done += batch.size
        report(done)

    with _rare_collections():
        _read_units(session, take)
        with _Readers(session, _parts(session), connections) as readers:
            for batch in readers:
                take(batch)
    for kind in KINDS:
        staging.prepare(kind)
        findings.vanished[kind.name] = staging.missing(kind, session.scope(kind))
    return findings


def stage(batch: Batch, findings: Findings) -> None:
    """Put a batch into the staging tables."""
    findings.staging.add(batch.kind, batch.rows)
    if batch.kind.relation is not None:
        findings.staging.add_relation(batch.kind, batch.kind.relation, batch.related)
    findings.problems.extend(batch.problems)


def _read_units(session: Session, take: Callable[[Batch], None]) -> None:
    """Units come first and are few: where everything else lies is said by them."""
    base = session.root.default_naming_context
    entries = list(
        search(
            session.connection,
            base,
            UNITS.search_filter,
            UNITS.attributes,
            with_extended_names=True,
        )
    )
    session.use_units({entry.distinguished_name: entry.guid for entry in entries})
    for batch in RowMaker(session).batches(UNITS, entries):
        take(batch)


def _parts(session: Session) -> list[Part]:
    parts = []
    for kind in KINDS:
        if kind is UNITS:
            continue
        for place in kind.places:
            naming_context = session.naming_contexts.get(place)
            if naming_context is None:
                continue
            base = kind.base(naming_context)
            if not kind.is_large:
                parts.append(Part(kind, base, kind.search_filter))
            else:
                parts.extend(Part(kind, base, each) for each in _cut(kind, session))
    # The longest first, so that no connection is left with one of them at the end.
    return sorted(parts, key=lambda part: not part.kind.is_large)


def _cut(kind: Kind, session: Session) -> Iterator[str]:
    step = max(1, session.root.highest_committed_usn // PARTS_OF_LARGE_KINDS)
    bounds = [step * number for number in range(1, PARTS_OF_LARGE_KINDS)]
    for lower, upper in zip([0, *bounds], [*bounds, None], strict=True):
        above = f"(uSNCreated>={lower + 1})" if lower else ""
        below = f"(uSNCreated<={upper})" if upper is not None else ""
        yield f"(&{kind.search_filter}{above}{below})"


class _Readers:
    """Threads that search and make rows; the thread that iterates takes what they have made."""

    def __init__(self, session: Session, parts: Sequence[Part], connections: int) -> None:
        self._session = session
        self._maker = RowMaker(session)
        self._parts: queue.SimpleQueue[Part] = queue.SimpleQueue()
        for part in parts:
            self._parts.put(part)
        self._made: queue.Queue[Batch | BaseException | None] = queue.Queue(WAITING_BATCHES)
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._read, name=f"directory-reader-{number}", daemon=True)
            for number in range(max(1, connections))
        ]

    def __enter__(self) -> _Readers:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._stop.set()
        for thread in self._threads:
            while thread.is_alive():
                self._drain()
                thread.join(STOP_CHECK_SECONDS)

    def _drain(self) -> None:
        while True:
            try:
                self._made.get_nowait()
            except queue.Empty:
                return

    def __iter__(self) -> Iterator[Batch]:
        running = len(self._threads)
        while running:
            made = self._made.get()
            if made is None:
                running -= 1
            elif isinstance(made, BaseException):
                raise made
            else:
                yield made

    def _read(self) -> None:
        try:
            connection = self._session.connect()
            while not self._stop.is_set():
                try:
                    part = self._parts.get_nowait()
                except queue.Empty:
                    break
                self._read_part(connection, part)
        except BaseException as error:  # handed to the thread that waits, which raises it
            self._made.put(error)
        else:
            self._made.put(None)

    def _read_part(self, connection: LdapConnection, part: Part) -> None:
        entries = search(
            connection,
            part.base,
            part.search_filter,
            self._session.attributes(part.kind),
            with_extended_names=True,
            with_security_descriptor=self._session.with_security_descriptor(part.kind),
        )
        for batch in self._maker.batches(part.kind, entries):
            self._made.put(batch)
            if self._stop.is_set():
                return
