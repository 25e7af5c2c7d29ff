"""From entries to rows in batches, with what could not be taken over."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from directory.grouppolicy.links import MalformedLinks, parse_links
from directory.ldap.entries import Entry
from directory.ldap.security_descriptor import delegation_entries, parse_dacl
from directory.ldap.values import MalformedValue
from directory.models import GroupPolicy
from directory.synchronisation.errors import NotOfInterest
from directory.synchronisation.kinds import COMPUTERS, POLICIES, SITES, UNITS, Kind
from directory.synchronisation.policy_rows import (
    FILE_COLUMNS,
    policy_row,
    policy_row_with_known_files,
    read_policy_files,
)
from directory.synchronisation.rows import ACTS_FOR_OTHERS, Row
from directory.synchronisation.session import Session

BATCH = 500


@dataclass(frozen=True)
class Problem:
    """An object that could not be taken over, or not whole.

    Attributes:
        kind: Its kind's name.
        guid: None where even that could not be read.
        distinguished_name: As sent.
        reason: A sentence.
        keeps: Whether what is known of it stays as it is.
    """

    kind: str
    guid: uuid.UUID | None
    distinguished_name: str
    reason: str
    keeps: bool = True


@dataclass
class Batch:
    """Some objects of one kind, ready for staging."""

    kind: Kind
    rows: list[Row] = field(default_factory=list)
    related: list[Row] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    @property
    def size(self) -> int:
        return len(self.rows) + len(self.problems)


@dataclass(frozen=True)
class KnownPolicy:
    """What the picture has of a policy: of which version, and what its files said."""

    version: int
    is_read: bool
    files: Mapping[str, Any]


def known_policies(domain_guid: str) -> dict[uuid.UUID, KnownPolicy]:
    rows = GroupPolicy.objects.filter(domain_id=domain_guid, is_present=True)
    return {
        row["guid"]: KnownPolicy(row["version"], not row["read_error"], row)
        for row in rows.values("guid", "version", *FILE_COLUMNS)
    }


def link_problem(kind: str, entry: Entry) -> Problem | None:
    """What is wrong with the links of a domain's head, a unit or a site; the rest is taken over."""
    try:
        parse_links(entry.text("gPLink"))
    except MalformedLinks as error:
        return Problem(kind, entry.guid, entry.distinguished_name, error.sentence, keeps=False)
    return None


def permissions_problem(kind: str, entry: Entry) -> Problem | None:
    """What is wrong with the permissions of a policy; the rest is taken over."""
    descriptor = entry.first("nTSecurityDescriptor")
    if descriptor is None:
        return None
    try:
        parse_dacl(descriptor)
    except MalformedValue as error:
        return Problem(kind, entry.guid, entry.distinguished_name, error.sentence, keeps=False)
    return None


def delegation_problem(kind: str, entry: Entry) -> Problem | None:
    """What is wrong with who may act for others at a computer; the rest is taken over."""
    descriptor = entry.first(ACTS_FOR_OTHERS)
    if descriptor is None:
        return None
    try:
        delegation_entries(descriptor)
    except MalformedValue as error:
        reason = f"Its {ACTS_FOR_OTHERS} cannot be read: {error.sentence}"
        return Problem(kind, entry.guid, entry.distinguished_name, reason, keeps=False)
    return None


# Of kinds that are few, and of what few of the others have: accounts are too many to look at.
WHAT_MAY_BE_BROKEN: Mapping[str, Callable[[str, Entry], Problem | None]] = {
    COMPUTERS.name: delegation_problem,
    UNITS.name: link_problem,
    SITES.name: link_problem,
    POLICIES.name: permissions_problem,
}


class RowMaker:
    """Makes rows of entries. Objects that are broken are reported; the others are not held up."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._known = known_policies(session.surroundings.domain_guid)

    def batches(self, kind: Kind, entries: Iterable[Entry]) -> Iterator[Batch]:
        """Rows of entries of one kind, a few hundred at a time."""
        batch = Batch(kind)
        for entry in entries:
            self._add(batch, entry)
            if len(batch.rows) + len(batch.related) >= BATCH:
                yield batch
                batch = Batch(kind)
        if batch.size:
            yield batch

    def _add(self, batch: Batch, entry: Entry) -> None:
        kind = batch.kind
        try:
            guid = entry.guid_hex
        except MalformedValue as error:
            batch.problems.append(
                Problem(kind.name, None, entry.distinguished_name, error.sentence)
            )
            return
        try:
            row = self._row(batch, entry)
            if kind.relation is not None:
                batch.related.extend([(guid, *related) for related in kind.relation.read(entry)])
        except NotOfInterest:
            return
        except MalformedValue as error:
            batch.problems.append(
                Problem(kind.name, entry.guid, entry.distinguished_name, error.sentence)
            )
            return
        batch.rows.append((guid, entry.distinguished_name, *row))
        look = WHAT_MAY_BE_BROKEN.get(kind.name)
        if look is not None and (problem := look(kind.name, entry)) is not None:
            batch.problems.append(problem)

    def _row(self, batch: Batch, entry: Entry) -> Row:
        around = self._session.surroundings
        if batch.kind.build is not None:
            return batch.kind.build(entry, around)
        files = read_policy_files(entry, self._session.sysvol, around.domain_dns_name)
        row = policy_row(entry, files, around)
        if files.problem:
            guid = entry.guid
            known = self._known.get(guid)
            version = entry.integer("versionNumber")
            # The same version was read before: its files have not changed since.
            keeps = known is not None and known.is_read and known.version == version
            batch.problems.append(
                Problem(batch.kind.name, guid, entry.distinguished_name, files.problem, keeps=keeps)
            )
            if (
                known is not None and keeps
            ):  # who may apply it, for one, may have changed all the same
                return policy_row_with_known_files(entry, known.files, around)
        return row
