"""Which computers a sweep, a report or a saved search is about."""

from __future__ import annotations

import uuid
from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import Q, QuerySet

from assist import audit
from assist.actors import Actor
from assist.errors import InvalidInput
from assist.models import ReadinessSweep, SavedSearch
from directory.comparison import fold_name
from directory.models import Computer, OrganizationalUnit

ALL, UNIT, SEARCH = "all", "unit", "search"


@dataclass(frozen=True)
class Scope:
    """A set of computers.

    Attributes:
        kind: ``all``, ``unit`` or ``search``.
        id: The unit's GUID or the saved search's number; empty for all.
        name: For a person.
    """

    kind: str
    id: str
    name: str


EVERYTHING = Scope(ALL, "", "all computers")


def scope_of_sweep(sweep: ReadinessSweep) -> Scope:
    return Scope(sweep.scope_kind, sweep.scope_id, sweep.scope_name)


def scope_of_unit(unit: OrganizationalUnit) -> Scope:
    return Scope(UNIT, str(unit.pk), unit.distinguished_name[:256])


def scope_of_search(search: SavedSearch) -> Scope:
    return Scope(SEARCH, str(search.pk), search.name)


def unit_named(text: str) -> OrganizationalUnit:
    """The unit that a distinguished name or a name means.

    Raises:
        InvalidInput: None, or several.
    """
    name = text.strip().removeprefix("OU=").removeprefix("ou=")
    found = list(
        OrganizationalUnit.objects.filter(
            Q(distinguished_name__iexact=text.strip()) | Q(name__iexact=name), is_present=True
        )[:2]
    )
    if len(found) == 1:
        return found[0]
    if found:
        raise InvalidInput(
            f"Several units are called {name}.",
            remedy="Give the distinguished name, as OU=Winnipeg,DC=r2,DC=local.",
            field="unit",
        )
    raise InvalidInput(f"No unit is called {text}.", remedy="Give its name or DN.", field="unit")


def search_named(text: str) -> SavedSearch:
    """The saved search of a name.

    Raises:
        InvalidInput: There is none.
    """
    found = SavedSearch.objects.filter(name__iexact=text.strip()).first()
    if found is None:
        raise InvalidInput(
            f"No saved search is called {text}.",
            remedy="The readiness page lists and makes them.",
            field="search",
        )
    return found


def computers_in(scope: Scope) -> QuerySet[Computer]:
    """The computers of a scope that the directory has, in no order.

    Raises:
        InvalidInput: The unit or the search is gone.
    """
    computers = Computer.objects.filter(is_present=True)
    if scope.kind == ALL:
        return computers
    if scope.kind == UNIT:
        return computers.filter(ou__in=units_below(uuid.UUID(scope.id)))
    search = SavedSearch.objects.filter(pk=scope.id).first()
    if search is None:
        raise InvalidInput(f"The saved search {scope.name} is gone.", field="search")
    return computers_found(search)


def computers_found(search: SavedSearch) -> QuerySet[Computer]:
    """The computers that a saved search finds now."""
    computers = Computer.objects.filter(is_present=True)
    if search.text:
        computers = computers.filter(name_folded__contains=fold_name(search.text))
    if search.unit_id is not None:
        computers = computers.filter(ou__in=units_below(search.unit_id))
    if search.operating_system:
        computers = computers.filter(operating_system__icontains=search.operating_system)
    return computers


def units_below(guid: uuid.UUID) -> list[uuid.UUID]:
    """A unit and all units below it; one query."""
    below = defaultdict[uuid.UUID | None, list[uuid.UUID]](list)
    for unit, parent in OrganizationalUnit.objects.values_list("guid", "parent_id"):
        below[parent].append(unit)
    found, seen = [guid], {guid}
    for unit in found:
        new = [child for child in below[unit] if child not in seen]
        seen.update(new)
        found += new
    return found


def scope_of_choice(unit: str, search: SavedSearch | None) -> Scope:
    """The scope that a person chose: a saved search, else a unit, else everything.

    Raises:
        InvalidInput: No such unit.
    """
    if search is not None:
        return scope_of_search(search)
    return scope_of_unit(unit_named(unit)) if unit.strip() else EVERYTHING


def search_save(
    *, actor: Actor, name: str, text: str, unit: str, operating_system: str, now: datetime
) -> SavedSearch:
    """Keep a set of computers under a name; what is empty does not narrow it.

    Raises:
        InvalidInput: The name is taken, or there is no such unit.
    """
    if SavedSearch.objects.filter(name__iexact=name.strip()).exists():
        raise InvalidInput(
            f"A search is called {name.strip()} already.",
            remedy="Choose another name, or forget the other search first.",
            field="name",
        )
    search = SavedSearch(
        name=name.strip(),
        text=text.strip(),
        unit=unit_named(unit) if unit.strip() else None,
        operating_system=operating_system.strip(),
        made_by=actor.name,
        made_at=now,
    )
    with transaction.atomic():
        search.save()
        _record("readiness.search_saved", actor, search)
    return search


def search_delete(*, actor: Actor, search: SavedSearch) -> None:
    """Forget a saved search; what it found stays."""
    with transaction.atomic():
        _record("readiness.search_deleted", actor, search)
        search.delete()


def _record(kind: str, actor: Actor, search: SavedSearch) -> None:
    audit.record(
        kind,
        actor=actor,
        subject_kind="search",
        subject_id=str(search.pk),
        subject_name=search.name,
        data={
            "text": search.text,
            "unit": str(search.unit or ""),
            "operating_system": search.operating_system,
        },
    )
