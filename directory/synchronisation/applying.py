"""Storing what was read of a domain: all of it in one transaction, or nothing."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import models, transaction

from directory.comparison import fold_name
from directory.ldap.entries import Entry
from directory.models import (
    Account,
    Computer,
    Domain,
    Group,
    GroupPolicy,
    OrganizationalUnit,
    Trust,
)
from directory.synchronisation import rows
from directory.synchronisation.edges import store_links, store_memberships
from directory.synchronisation.errors import TooManyRemovals
from directory.synchronisation.helper_entries import store_helper_entries
from directory.synchronisation.reading import DomainContent

BATCH = 500
# Refused removals are per kind: half of all groups gone is as wrong as half of all computers.
KINDS: Mapping[str, type[models.Model]] = {
    "trusts": Trust,
    "organizational units": OrganizationalUnit,
    "accounts": Account,
    "groups": Group,
    "computers": Computer,
    "policies": GroupPolicy,
}


@dataclass(frozen=True)
class KindCounts:
    """What became of the objects of one kind."""

    read: int
    added: int
    removed: int


@transaction.atomic
def apply_content(
    content: DomainContent,
    *,
    generation: int,
    removal_limit_percent: int | None,
    report: Callable[[int], None],
) -> tuple[Domain, dict[str, Any]]:
    """Store what was read; readers see the old state until all of the new one is there.

    Args:
        content: Of one domain.
        generation: Number of the run, larger than any before.
        removal_limit_percent: The most objects of a kind that may vanish; None for any number.
        report: Told how many objects have been stored.

    Returns:
        The domain, and counts by kind.

    Raises:
        TooManyRemovals: More would vanish. Nothing is changed.
    """
    domain = rows.domain_row(content, generation)
    _upsert(Domain, [domain], keep=("synced_at",))
    found = _rows_of(content, domain, generation)
    counts: dict[str, Any] = {}
    stored = 0
    for kind, model in KINDS.items():
        counts[kind] = _store(kind, model, domain, found[kind], removal_limit_percent, generation)
        stored += counts[kind].read
        report(stored)
    numbers: dict[str, Any] = {kind: vars(count) for kind, count in counts.items()}
    numbers["memberships"] = store_memberships(content, domain)
    numbers["policy links"] = store_links(content, domain)
    numbers["helper entries"] = store_helper_entries(content, domain)
    return domain, numbers


def _rows_of(
    content: DomainContent, domain: Domain, generation: int
) -> dict[str, list[models.Model]]:
    units = _guids_by_dn(content.units)
    accounts = _guids_by_dn(content.accounts)
    return {
        "trusts": [rows.trust_row(entry, domain, generation) for entry in content.trusts],
        "organizational units": [
            rows.unit_row(entry, domain, generation, units) for entry in content.units
        ],
        "accounts": [
            rows.account_row(entry, domain, generation, units) for entry in content.accounts
        ],
        "groups": [rows.group_row(entry, domain, generation) for entry in content.groups],
        "computers": [
            rows.computer_row(entry, domain, generation, units, accounts)
            for entry in content.computers
        ],
        "policies": [rows.policy_row(policy, domain, generation) for policy in content.policies],
    }


def _guids_by_dn(entries: Iterable[Entry]) -> dict[str, uuid.UUID]:
    return {fold_name(entry.distinguished_name): entry.guid for entry in entries}


def _store(
    kind: str,
    model: type[models.Model],
    domain: Domain,
    found: Sequence[models.Model],
    removal_limit_percent: int | None,
    generation: int,
) -> KindCounts:
    objects = model._default_manager.filter(domain=domain, is_present=True)
    before = set(objects.values_list("pk", flat=True))
    now = {row.pk for row in found}
    vanished = before - now
    if removal_limit_percent is not None and 100 * len(vanished) > removal_limit_percent * len(
        before
    ):
        raise TooManyRemovals(
            f"{len(vanished)} of {len(before)} {kind} of {domain.dns_name} are gone from the "
            f"directory: more than the {removal_limit_percent} % that one synchronisation may "
            "remove. Nothing was changed.",
            remedy="If that is right, run sync_directory --accept-removals. If not, check what "
            "the reading account may see.",
        )
    _upsert(model, found)
    objects.exclude(generation=generation).update(is_present=False)
    return KindCounts(read=len(found), added=len(now - before), removed=len(vanished))


def _upsert(
    model: type[models.Model], found: Sequence[models.Model], keep: Sequence[str] = ()
) -> None:
    """Insert new rows and overwrite known ones, whatever they were before."""
    fields = [
        field.name
        for field in model._meta.concrete_fields
        if not field.primary_key and field.name not in keep
    ]
    for batch in _batches(found):
        model._default_manager.bulk_create(
            batch,
            update_conflicts=True,
            unique_fields=["guid"],
            update_fields=fields,
        )


def _batches(found: Sequence[models.Model]) -> Iterator[Sequence[models.Model]]:
    for start in range(0, len(found), BATCH):
        yield found[start : start + BATCH]
