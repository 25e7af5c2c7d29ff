"""The lines of helper lists, each with whom it names and what is wrong with it.

All lines of all policies are looked up together: a change of one domain's accounts can give a
line of another domain's policy its meaning.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from directory.comparison import fold_name
from directory.grouppolicy.remote_assistance import ListedHelper
from directory.models import GroupPolicy, HelperEntry
from directory.synchronisation.helper_names import Resolution, Resolver, former_names

Either = tuple[tuple[str, str, str, str], ...]


class HelperRow(NamedTuple):
    """One row of HelperEntry, comparable."""

    policy_id: uuid.UUID
    position: int
    text: str
    account_id: uuid.UUID | None
    group_id: uuid.UUID | None
    problem: str
    either: Either
    former_guid: uuid.UUID | None

    @property
    def named(self) -> uuid.UUID | None:
        return self.account_id or self.group_id

    @property
    def line(self) -> tuple[uuid.UUID, str]:
        """What stays of a line when its place in the list changes."""
        return self.policy_id, fold_name(self.text)


@dataclass(frozen=True)
class _Line:
    policy_id: uuid.UUID
    domain_id: uuid.UUID
    position: int
    helper: ListedHelper

    @property
    def text(self) -> str:
        return self.helper.data or self.helper.name


def store_helper_entries() -> dict[str, int]:
    """Make the helper lists of all policies those that were read, and look up whom they name.

    Returns:
        Counts: all lines, and those with a problem.
    """
    lines = _lines()
    resolver = Resolver(line.helper for line in lines)
    existing = {
        _stored(values): pk
        for pk, *values in HelperEntry.objects.values_list("pk", *HelperRow._fields)
    }
    before = {row.line: row for row in existing}
    rows = [_row(line, resolver.resolve(line.helper, line.domain_id), before) for line in lines]
    wanted = set(_with_duplicates(_with_former_names(rows)))
    obsolete = [pk for row, pk in existing.items() if row not in wanted]
    HelperEntry.objects.filter(pk__in=obsolete).delete()
    HelperEntry.objects.bulk_create(
        HelperEntry(**row._asdict()) for row in sorted(wanted - existing.keys(), key=str)
    )
    return {"read": len(wanted), "unresolved": sum(1 for row in wanted if row.problem)}


def _stored(values: Sequence[object]) -> HelperRow:
    row = HelperRow._make(values)
    return row._replace(either=tuple(tuple(found) for found in row.either))  # type: ignore[misc]


def _row(
    line: _Line, found: Resolution, before: Mapping[tuple[uuid.UUID, str], HelperRow]
) -> HelperRow:
    named = found.named
    row = HelperRow(
        policy_id=line.policy_id,
        position=line.position,
        text=line.text,
        account_id=named.guid if named and not named.is_group else None,
        group_id=named.guid if named and named.is_group else None,
        problem=found.problem,
        either=tuple(candidate.to_json() for candidate in found.either),
        former_guid=None,
    )
    known = before.get(row.line)
    if known is None:
        return row
    has_another = known.named is not None and known.named != row.named
    former = known.named if has_another else known.former_guid
    return row._replace(former_guid=None if former == row.named else former)


def _with_former_names(rows: Sequence[HelperRow]) -> list[HelperRow]:
    """A line whose name has gone over from one object to another, or to nobody, says so."""
    names = former_names({row.former_guid for row in rows if row.former_guid})
    found = []
    for row in rows:
        former = names.get(row.former_guid) if row.former_guid else None
        found.append(row._replace(problem=_former(row, former)) if former else row)
    return found


def _former(row: HelperRow, former: str) -> str:
    if row.named is None:
        return f"{row.problem} It named an object before, which is now {former}."
    return f"{row.problem} It named another object before, which is now {former}.".strip()


def _with_duplicates(rows: Iterable[HelperRow]) -> list[HelperRow]:
    first: defaultdict[tuple[uuid.UUID, uuid.UUID], int] = defaultdict(int)
    found = []
    for row in sorted(rows, key=lambda row: row.position):
        if row.named is None:
            found.append(row)
            continue
        position = first[row.policy_id, row.named] = first[row.policy_id, row.named] or row.position
        if position != row.position:
            problem = f"{row.problem} It names the same as line {position}.".strip()
            row = row._replace(problem=problem)
        found.append(row)
    return found


def _lines() -> list[_Line]:
    policies = GroupPolicy.objects.filter(is_present=True).exclude(listed_helpers=[])
    return [
        _Line(guid, domain_id, position, ListedHelper(name, data))
        for guid, domain_id, listed in policies.values_list("guid", "domain_id", "listed_helpers")
        for position, (name, data) in enumerate(listed, start=1)
    ]
