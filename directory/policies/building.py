"""From the rows of policies, links and helper lists to the values that are resolved. No queries."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from directory.comparison import fold_name
from directory.grouppolicy.links import MalformedLinks, parse_links
from directory.grouppolicy.remote_assistance import OTHER_VALUES
from directory.grouppolicy.wmi_filter import parse_queries
from directory.ldap.security_descriptor import parse_dacl
from directory.ldap.values import MalformedValue
from directory.models import GroupPolicy, WmiFilter
from directory.policies.reading import LinkRow
from directory.policies.shapes import (
    CONTROL,
    OFFERS,
    Filter,
    HelperLine,
    Link,
    Permissions,
    Policy,
    Value,
)

OF_THE_REGISTRY = frozenset({OFFERS, CONTROL, *OTHER_VALUES.values()})
COMPUTER_HALF = 0xFFFF  # of a version, [MS-GPOL] 2.2.4
SUPPORTED_FUNCTIONALITY = 2
NOT_SHOWN = "its gPCFunctionalityVersion is not shown to the portal's account."
NOT_READ = "the portal's account is not shown them."
Filters = Mapping[str, Filter]


def policy_of(row: GroupPolicy, helpers: tuple[HelperLine, ...], filters: Filters) -> Policy:
    """A policy from its row.

    Args:
        row: The policy.
        helpers: Its helper list.
        filters: The WMI filters that are known, by their folded id.
    """
    file_version = None if row.file_version is None else row.file_version & COMPUTER_HALF
    values = _values(row)
    if not row.has_registry_extension:
        # What is left may come from its security template, which another extension reads.
        values = {name: value for name, value in values.items() if name not in OF_THE_REGISTRY}
    return Policy(
        guid=row.guid,
        name=row.display_name,
        values=values,
        helpers=helpers if row.has_registry_extension else (),
        removed_helpers=frozenset(
            fold_name(name) for name in row.removed_helpers if row.has_registry_extension
        ),
        replaces_helpers=row.replaces_helpers and row.has_registry_extension,
        has_soft_values=row.has_soft_values and row.has_registry_extension,
        read_error=row.read_error or _not_shown(row),
        is_computer_half_disabled=row.is_computer_half_disabled,
        skipped=_skipped(row, file_version, values),
        permissions=_permissions(row),
        wmi_filter=_wmi_filter(row, filters),
        version=row.computer_version,
        file_version=file_version,
        changed_at=row.changed_at,
        firewall=row.firewall if row.has_registry_extension else {},
        domain_guid=row.domain_id,
    )


def link_of(row: LinkRow, policy: Policy | None) -> Link:
    """A link from its row.

    Args:
        row: The link.
        policy: What it links; None when that cannot be seen.
    """
    return Link(
        container_kind=row.kind,
        container_guid=row.container_guid,
        container_name=row.container_name,
        order=row.order,
        policy=policy,
        policy_name=policy.name if policy else row.policy_name or row.policy_distinguished_name,
        is_enforced=row.is_enforced,
        is_disabled=row.is_disabled,
        is_malformed=row.policy_guid is None and not _is_name(row.policy_distinguished_name),
    )


def filters_of(rows: list[WmiFilter]) -> Filters:
    """WMI filters by their folded id."""
    return {
        fold_name(row.filter_id): Filter(row.name or row.filter_id, parse_queries(row.query))
        for row in rows
    }


def _is_name(text: str) -> bool:
    """Whether the text of a link is the name of a policy, not a whole gPLink that is none."""
    try:
        links = parse_links(f"[LDAP://{text};0]")
    except MalformedLinks:
        return False
    return len(links) == 1 and links[0].policy_guid is not None


def _values(row: GroupPolicy) -> Mapping[str, Value]:
    return dict(row.other_settings) | {
        name: value
        for name, value, is_removed in (
            (OFFERS, row.offers_allowed, row.offers_removed),
            (CONTROL, row.control_allowed, row.control_removed),
        )
        if value is not None or is_removed
    }


def _not_shown(row: GroupPolicy) -> str:
    """Every policy has this attribute; where it is missing, others may be too."""
    return "" if row.functionality_version is not None else NOT_SHOWN


def _skipped(row: GroupPolicy, file_version: int | None, values: Mapping[str, Value]) -> str:
    """Why Windows passes a policy over, [MS-GPOL] 3.2.5.1.6 and 3.2.5.1.10."""
    if row.functionality_version not in (SUPPORTED_FUNCTIONALITY, None):
        return f"Its gPCFunctionalityVersion is {row.functionality_version}, not 2."
    if row.computer_version == 0 and file_version == 0:
        return "Its settings for computers have never been edited (version 0)."
    if not row.has_registry_extension and not values:
        return "It does not name the registry extension (gPCMachineExtensionNames)."
    return ""


def _permissions(row: GroupPolicy) -> Permissions:
    if row.security_descriptor is not None:
        return _parsed(bytes(row.security_descriptor))
    if row.is_security_filtered is False:
        return Permissions(None)
    return Permissions((), NOT_READ)


@lru_cache(maxsize=1024)
def _parsed(descriptor: bytes) -> Permissions:
    try:
        return Permissions(parse_dacl(descriptor, with_conditional=True))
    except MalformedValue as error:
        return Permissions((), error.sentence)


def _wmi_filter(row: GroupPolicy, filters: Filters) -> Filter | None:
    if not row.wmi_filter_id and not row.wmi_filter:
        return None
    name = row.wmi_filter or row.wmi_filter_id
    return filters.get(fold_name(row.wmi_filter_id), Filter(name))
