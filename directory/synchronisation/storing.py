"""Taking over what was staged: one transaction, after which everybody sees the new picture."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from django.db import transaction

from directory.comparison import fold_name
from directory.models import (
    Computer,
    Domain,
    GroupPolicy,
    Membership,
    ReplicationCursor,
    Subnet,
    WmiFilter,
)
from directory.synchronisation.batches import Problem
from directory.synchronisation.errors import TooManyRemovals
from directory.synchronisation.helper_entries import store_helper_entries
from directory.synchronisation.kinds import (
    ACCOUNTS,
    COMPUTERS,
    CROSS_REFS,
    FOREIGN_PRINCIPALS,
    GROUPS,
    KINDS,
    POLICIES,
    SITES,
    TRUSTS,
    UNITS,
    WMI_FILTERS,
    Kind,
)
from directory.synchronisation.links import store_links
from directory.synchronisation.permissions import remember
from directory.synchronisation.session import DomainHead, Session
from directory.synchronisation.staging import Merged, Staging

# Of a kind with few objects, a single one is a large share: that many may vanish unless all do.
FEW = 10
LINK_KINDS = frozenset({UNITS.name, SITES.name, POLICIES.name})
HELPER_KINDS = frozenset({ACCOUNTS.name, GROUPS.name, POLICIES.name, TRUSTS.name, CROSS_REFS.name})
FILTER_KINDS = frozenset({POLICIES.name, WMI_FILTERS.name})
MEMBER_KINDS = (ACCOUNTS, GROUPS, COMPUTERS, FOREIGN_PRINCIPALS)
GUIDS_PER_QUERY = 500
Item = TypeVar("Item")
Counts = dict[str, dict[str, int]]


@dataclass(frozen=True)
class NewCursor:
    """How far a naming context was followed when the reading began."""

    naming_context: str
    cookie: bytes | None


@dataclass
class Findings:
    """What a run has found out.

    Attributes:
        staging: The rows of objects that are there.
        vanished: By kind, the GUIDs of objects that are gone.
        problems: Objects that could not be taken over.
        cursors: From where the next run can go on.
    """

    staging: Staging
    vanished: dict[str, list[Any]] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    cursors: Sequence[NewCursor] = ()


@transaction.atomic
def store(
    session: Session,
    findings: Findings,
    *,
    run: int,
    now: datetime,
    removal_limit_percent: int | None,
    report: Callable[[int], None],
) -> tuple[Domain, Counts]:
    """Make the picture what was found; readers see the old one until all of it is there.

    Args:
        session: With the controller it came from.
        findings: What was found.
        run: Number of the run's record.
        now: An aware time.
        removal_limit_percent: The most objects of a kind that may vanish; None for any number.
        report: Told how many objects have been stored.

    Returns:
        The domain, and for every kind with anything to tell: read, added, changed, removed.

    Raises:
        TooManyRemovals: More would vanish. Nothing is changed.
    """
    domain, head_changed = _store_head(session.head, run=run, now=now)
    counts: Counts = {}
    stored = 0
    for kind in KINDS:
        counts[kind.name] = _store_kind(
            kind, session, findings, run=run, now=now, removal_limit_percent=removal_limit_percent
        )
        stored += counts[kind.name]["read"]
        report(stored)
    changed = {
        name
        for name, numbers in counts.items()
        if numbers["added"] or numbers["changed"] or numbers["removed"]
    }
    _cut_links(domain, findings.vanished)
    for kind in MEMBER_KINDS:
        if counts[kind.name]["changed"]:
            findings.staging.follow_changed_sids(kind)
    if changed & FILTER_KINDS:
        _name_wmi_filters(domain, run=run, now=now)
    if head_changed or changed & LINK_KINDS:
        store_links(domain)
    if head_changed or changed & HELPER_KINDS:
        store_helper_entries()
    _store_cursors(domain, session, findings.cursors, now)
    remember(domain, needed=session.reads_permissions)
    Domain.objects.filter(pk=domain.pk).update(synced_at=now)
    return domain, {name: numbers for name, numbers in counts.items() if any(numbers.values())}


def _store_head(head: DomainHead, *, run: int, now: datetime) -> tuple[Domain, bool]:
    entry = head.entry
    values = {
        "distinguished_name": entry.distinguished_name,
        "is_present": True,
        "dns_name": head.dns_name,
        "dns_name_folded": fold_name(head.dns_name),
        "netbios_name": head.netbios_name,
        "netbios_name_folded": fold_name(head.netbios_name),
        "sid": entry.sid(),
        "forest_dns_name": head.forest_dns_name,
        "functional_level": entry.integer("msDS-Behavior-Version"),
        "gp_options": entry.integer("gPOptions"),
        "gp_link": entry.text("gPLink"),
        "lockout_duration": head.lockout_duration,
    }
    known = Domain.objects.filter(pk=entry.guid).first()
    if known is not None and all(getattr(known, name) == value for name, value in values.items()):
        return known, False
    values |= {"recorded_at": now, "recorded_run": run}
    domain, _ = Domain.objects.update_or_create(guid=entry.guid, defaults=values)
    return domain, True


def _store_kind(
    kind: Kind,
    session: Session,
    findings: Findings,
    *,
    run: int,
    now: datetime,
    removal_limit_percent: int | None,
) -> dict[str, int]:
    broken = {problem.guid for problem in findings.problems if problem.kind == kind.name}
    gone = [guid for guid in findings.vanished.get(kind.name, ()) if _as_guid(guid) not in broken]
    _refuse_too_many(kind, len(gone), session, removal_limit_percent)
    merged = (
        findings.staging.merge(kind, run=run, now=now)
        if findings.staging.has(kind)
        else Merged(0, 0, 0)
    )
    findings.staging.remove(kind, gone, run=run, now=now)
    return {
        "read": merged.read,
        "added": merged.added,
        "changed": merged.changed,
        "removed": len(gone),
    }


def _as_guid(value: Any) -> uuid.UUID:
    return value if isinstance(value, uuid.UUID) else uuid.UUID(str(value))


def _refuse_too_many(kind: Kind, gone: int, session: Session, limit_percent: int | None) -> None:
    if limit_percent is None or gone == 0:
        return
    scope = {kind.scope_column: session.scope(kind)}
    present = kind.model._default_manager.filter(is_present=True, **scope)
    if gone <= FEW and present.order_by()[: gone + 1].count() > gone:  # without counting them all
        return
    before = present.count()
    if 100 * gone <= limit_percent * before:
        return
    raise TooManyRemovals(
        f"{gone} of {before} {kind.name} of {session.head.dns_name} are gone from the directory: "
        f"more than the {limit_percent} % that one synchronisation may remove. Nothing was "
        "changed.",
        remedy=f"If that is right, run sync_directory --domain {session.head.dns_name} "
        "--accept-removals. If not, check what the reading account may see.",
    )


def _cut_links(domain: Domain, vanished: Mapping[str, Sequence[Any]]) -> None:
    """What a deleted object was linked to shows no change of its own ([MS-ADTS] 3.1.1.5.5.1.1)."""
    for kind in MEMBER_KINDS:
        for guids in in_parts(vanished.get(kind.name, ())):
            Membership.objects.filter(group__domain=domain, member_guid__in=guids).delete()
            Computer.objects.filter(domain=domain, managed_by__in=guids).update(managed_by=None)
    for guids in in_parts(vanished.get(SITES.name, ())):
        Subnet.objects.filter(site_guid__in=guids).update(site_guid=None)


def in_parts(guids: Sequence[Item]) -> Iterator[Sequence[Item]]:
    """As many at a time as one query can be asked about."""
    for start in range(0, len(guids), GUIDS_PER_QUERY):
        yield guids[start : start + GUIDS_PER_QUERY]


def _name_wmi_filters(domain: Domain, *, run: int, now: datetime) -> None:
    """Let policies speak of their WMI filter by its name."""
    names = {
        fold_name(filter_id): name
        for filter_id, name in WmiFilter.objects.filter(domain=domain, is_present=True).values_list(
            "filter_id", "name"
        )
    }
    for policy in GroupPolicy.objects.filter(domain=domain, is_present=True):
        name = names.get(fold_name(policy.wmi_filter_id)) or policy.wmi_filter_id
        if name != policy.wmi_filter:
            GroupPolicy.objects.filter(pk=policy.pk).update(
                wmi_filter=name, recorded_at=now, recorded_run=run
            )


def _store_cursors(
    domain: Domain, session: Session, cursors: Sequence[NewCursor], now: datetime
) -> None:
    for cursor in cursors:
        ReplicationCursor.objects.update_or_create(
            domain=domain,
            naming_context=cursor.naming_context,
            defaults={
                "cookie": cursor.cookie,
                "controller": session.controller.dns_name,
                "invocation_id": session.root.invocation_id,
                "usn": session.root.highest_committed_usn,
                "taken_at": now,
            },
        )
