"""The rows that the policy in force rests on."""

from __future__ import annotations

import json
import uuid
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

from directory.comparison import fold_name
from directory.models import GroupPolicy
from directory.policies.shapes import ContainerKind, HelperLine, Principal
from directory.statements import guid_of, key, marks, rows

_UNITS = "SELECT guid, parent_id, name, gp_options FROM directory_organizationalunit"
_LINKS = """
SELECT link.domain_id, link.ou_id, link.site_id, link.policy_id, link.policy_distinguished_name,
       link."order", link.is_enforced, link.is_disabled, policy.display_name, unit.name,
       site.name, domain.dns_name
  FROM directory_grouppolicylink link
  LEFT JOIN directory_grouppolicy policy ON policy.guid = link.policy_id
  JOIN directory_domain domain ON domain.guid = link.domain_id
  LEFT JOIN directory_organizationalunit unit ON unit.guid = link.ou_id
  LEFT JOIN directory_site site ON site.guid = link.site_id
 ORDER BY link.id
"""
_HELPERS = """
SELECT entry.policy_id, entry.position, entry.text, entry.problem, entry.either,
       account.guid, account.sid, account.sam_account_name, account_domain.netbios_name,
       held.guid, held.sid, held.sam_account_name, group_domain.netbios_name
  FROM directory_helperentry entry
  LEFT JOIN directory_account account ON account.guid = entry.account_id
  LEFT JOIN directory_domain account_domain ON account_domain.guid = account.domain_id
  LEFT JOIN directory_group held ON held.guid = entry.group_id
  LEFT JOIN directory_domain group_domain ON group_domain.guid = held.domain_id
 {where} ORDER BY entry.policy_id, entry.position
"""


class PlaceRow(NamedTuple):
    """A domain or an organizational unit."""

    kind: ContainerKind
    guid: uuid.UUID
    name: str
    gp_options: int
    parent_guid: uuid.UUID | None = None


class LinkRow(NamedTuple):
    """A link, and where it is.

    Attributes:
        policy_name: What the policy is called, or was when it was seen last; empty: never seen.
    """

    domain_guid: uuid.UUID
    kind: ContainerKind
    container_guid: uuid.UUID
    container_name: str
    policy_guid: uuid.UUID | None
    policy_distinguished_name: str
    policy_name: str
    order: int
    is_enforced: bool
    is_disabled: bool


def all_units() -> dict[uuid.UUID, PlaceRow]:
    """All organizational units; one query."""
    return {unit.guid: unit for unit in map(_unit, rows(_UNITS))}


def all_links() -> list[LinkRow]:
    """All links of all domains; one query."""
    return [_link(row) for row in rows(_LINKS)]


def policies(guids: Collection[uuid.UUID]) -> list[GroupPolicy]:
    """Policies that are present; one query."""
    if not guids:
        return []
    return list(GroupPolicy.objects.filter(pk__in=guids, is_present=True))


def helper_lines(found: Sequence[GroupPolicy]) -> Mapping[uuid.UUID, tuple[HelperLine, ...]]:
    """The helper lists of some policies; one query."""
    if not found:
        return {}
    listed = {policy.guid: policy.listed_helpers for policy in found}
    where = f"WHERE entry.policy_id IN ({marks(listed)})"
    lines = defaultdict[uuid.UUID, list[HelperLine]](list)
    for row in rows(_HELPERS.format(where=where), [key(guid) for guid in listed]):
        guid = guid_of(row[0])
        lines[guid].append(_line(row, listed[guid]))
    return {guid: tuple(of_policy) for guid, of_policy in lines.items()}


def _line(row: tuple[Any, ...], listed: Sequence[Sequence[str]]) -> HelperLine:
    _, position, text, problem, either, *named = row
    principal = _principal("account", *named[:4]) or _principal("group", *named[4:])
    name = str(listed[position - 1][0]) if 0 < position <= len(listed) else text
    return HelperLine(
        key=fold_name(name),
        text=text,
        principal=principal,
        problem=problem,
        either=tuple(
            Principal(kind, uuid.UUID(guid), sid, title) for kind, guid, sid, title in _json(either)
        ),
        is_bare="\\" not in text and "@" not in text,
    )


def _principal(
    kind: Any, guid: object, sid: str, account_name: str, netbios_name: str
) -> Principal | None:
    if guid is None:
        return None
    return Principal(kind, guid_of(guid), sid, f"{netbios_name}\\{account_name}")


def _unit(row: tuple[Any, ...]) -> PlaceRow:
    guid, parent, name, options = row
    return PlaceRow(
        "unit", guid_of(guid), f"OU={name}", options, guid_of(parent) if parent else None
    )


def _link(row: tuple[Any, ...]) -> LinkRow:
    domain, unit, site, policy, text, order, is_enforced, is_disabled, policy_name, *names = row
    unit_name, site_name, domain_name = names
    kind: ContainerKind = "unit" if unit else "site" if site else "domain"
    return LinkRow(
        domain_guid=guid_of(domain),
        kind=kind,
        container_guid=guid_of(unit or site or domain),
        container_name={
            "unit": f"OU={unit_name}",
            "site": f"site {site_name}",
            "domain": domain_name,
        }[kind],
        policy_guid=guid_of(policy) if policy else None,
        policy_distinguished_name=text,
        policy_name=policy_name or "",
        order=order,
        is_enforced=bool(is_enforced),
        is_disabled=bool(is_disabled),
    )


def _json(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) else value
