"""Looking for every object by its key alone.

The reading account may be unable to see deleted objects, and may lose sight of objects without
their changing. Against both only one thing helps: to compare what is there with the picture. What
turns out unknown, or known by another name, is read.
"""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Callable, Iterator, Sequence

from directory.ldap.entries import Entry
from directory.ldap.search import search, search_by_guid
from directory.synchronisation.batches import BATCH, RowMaker
from directory.synchronisation.full import stage
from directory.synchronisation.kinds import KINDS, POLICIES, UNITS, Kind
from directory.synchronisation.session import Session
from directory.synchronisation.staging import Staging
from directory.synchronisation.storing import Findings


def sweep(session: Session, staging: Staging, report: Callable[[int], None]) -> Findings:
    """Compare the keys of all objects with the picture, and read what differs.

    Args:
        session: With the controller.
        staging: Takes keys and rows.
        report: Told how many objects have been looked for.
    """
    findings = Findings(staging)
    units: dict[str, uuid.UUID] = {}
    done = 0
    for kind in KINDS:
        for entries in _searches(session, kind):
            for keys in _batches(entries):
                staging.add_keys(kind, [(guid.hex, name) for guid, name in keys])
                if kind is UNITS:
                    units |= {name: guid for guid, name in keys}
                done += len(keys)
                report(done)
    session.use_units(units)
    maker = RowMaker(session)
    for kind in KINDS:
        # Of policies, the files may have changed without their objects: all are read.
        keys = staging.staged_keys(kind) if kind is POLICIES else staging.keys_to_read(kind)
        guids = [uuid.UUID(str(guid)) for guid in keys]
        if guids:
            _read(session, findings, maker, kind, guids)
        findings.vanished[kind.name] = staging.missing(kind, session.scope(kind), by_keys=True)
    return findings


def _searches(session: Session, kind: Kind) -> Iterator[Iterator[Entry]]:
    for place in kind.places:
        naming_context = session.naming_contexts.get(place)
        if naming_context is not None:
            yield search(
                session.connection,
                kind.base(naming_context),
                kind.search_filter,
                ("1.1",),
                with_extended_names=True,
            )


def _batches(entries: Iterator[Entry]) -> Iterator[list[tuple[uuid.UUID, str]]]:
    while batch := [
        (entry.guid, entry.distinguished_name) for entry in itertools.islice(entries, BATCH)
    ]:
        yield batch


def _read(
    session: Session, findings: Findings, maker: RowMaker, kind: Kind, guids: Sequence[uuid.UUID]
) -> None:
    for place in kind.places:
        naming_context = session.naming_contexts.get(place)
        if naming_context is None:
            continue
        entries = search_by_guid(
            session.connection,
            kind.base(naming_context),
            guids,
            session.attributes(kind),
            search_filter=kind.search_filter,
            with_extended_names=True,
            with_security_descriptor=session.with_security_descriptor(kind),
        )
        for batch in maker.batches(kind, entries):
            stage(batch, findings)
    findings.staging.prepare(kind)
