"""What a run changed in the helper lists of policies."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass

from directory.models import GroupPolicy

Lists = Mapping[uuid.UUID, tuple[str, frozenset[str]]]


@dataclass(frozen=True)
class HelperListChange:
    """The helper list of one policy is another.

    Attributes:
        guid: The policy's.
        name: The policy's.
        added: Lines that were not there before, in order.
        removed: Lines that are there no longer, in order.
    """

    guid: uuid.UUID
    name: str
    added: tuple[str, ...]
    removed: tuple[str, ...]


def helper_lists() -> Lists:
    """The name and the lines of every policy's helper list."""
    rows = GroupPolicy.objects.filter(is_present=True, helpers__isnull=False).values_list(
        "guid", "display_name", "helpers__text"
    )
    found: dict[uuid.UUID, tuple[str, set[str]]] = {}
    for guid, name, line in rows:
        found.setdefault(guid, (name, set()))[1].add(line)
    return {guid: (name, frozenset(lines)) for guid, (name, lines) in found.items()}


def changed_lists(before: Lists, after: Lists) -> tuple[HelperListChange, ...]:
    """The policies whose lists differ, by name."""
    nothing: tuple[str, frozenset[str]] = ("", frozenset())
    changes = []
    for guid in before.keys() | after.keys():
        old_name, old = before.get(guid, nothing)
        name, new = after.get(guid, nothing)
        if old != new:
            added, removed = tuple(sorted(new - old)), tuple(sorted(old - new))
            changes.append(HelperListChange(guid, name or old_name, added, removed))
    return tuple(sorted(changes, key=lambda change: (change.name, change.guid)))
