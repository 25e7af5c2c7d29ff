"""The rows that the policy in force rests on, by statements of their own.

Every decision asks for them, and composing these statements anew each time, as the ORM does, takes
longer than the database needs to answer: docs/eligibility.md has the figures.
"""

from __future__ import annotations

import json
import uuid
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

from django.db import connection

from directory.comparison import fold_name
from directory.models import Computer, GroupPolicy
from directory.policies.shapes import ContainerKind, HelperLine, Principal

_UNITS = "SELECT guid, parent_id, name, gp_options FROM directory_organizationalunit"
_CHAIN = """
WITH RECURSIVE chain(guid, parent_id, depth) AS (
    SELECT guid, parent_id, 0 FROM directory_organizationalunit WHERE guid = %s
    UNION ALL
    SELECT unit.guid, unit.parent_id, chain.depth + 1
      FROM directory_organizationalunit unit JOIN chain ON unit.guid = chain.parent_id
     WHERE chain.depth < 64
)
SELECT unit.guid, unit.parent_id, unit.name, unit.gp_options
  FROM directory_organizationalunit unit JOIN chain ON chain.guid = unit.guid
 ORDER BY chain.depth DESC
"""
_LINKS = """
SELECT link.domain_id, link.ou_id, link.site_id, link.policy_id, link.policy_distinguished_name,
       link."order", link.is_enforced, link.is_disabled, policy.display_name, unit.name,
       site.name, domain.dns_name
  FROM directory_grouppolicylink link
  LEFT JOIN directory_grouppolicy policy ON policy.guid = link.policy_id
  JOIN directory_domain domain ON domain.guid = link.domain_id
  LEFT JOIN directory_organizationalunit unit ON unit.guid = link.ou_id
  LEFT JOIN directory_site site ON site.guid = link.site_id
 {where} ORDER BY link.id
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


def units_above(computer: Computer) -> list[PlaceRow]:
    """The organizational units above a computer, the topmost first; one query."""
    if computer.ou_id is None:
        return []
    return [_unit(row) for row in _rows(_CHAIN, [_key(computer.ou_id)])]


def all_units() -> dict[uuid.UUID, PlaceRow]:
    """All organizational units; one query."""
    return {unit.guid: unit for unit in map(_unit, _rows(_UNITS, []))}


def links_towards(computer: Computer, units: Collection[PlaceRow]) -> list[LinkRow]:
    """Links of the computer's domain, of its forest's sites and of some units; one query."""
    where = "WHERE link.domain_id = %s AND (link.ou_id IS NULL"
    if units:
        where += f" OR link.ou_id IN ({_marks(units)})"
    keys = [_key(guid) for guid in (computer.domain_id, *(unit.guid for unit in units))]
    return [_link(row) for row in _rows(_LINKS.format(where=f"{where})"), keys)]


def all_links() -> list[LinkRow]:
    """All links of all domains; one query."""
    return [_link(row) for row in _rows(_LINKS.format(where=""), [])]


def policies(guids: Collection[uuid.UUID]) -> list[GroupPolicy]:
    """Policies that are present; one query."""
    if not guids:
        return []
    statement = (
        "SELECT * FROM directory_grouppolicy policy "  # noqa: S608 - marks only
        f"WHERE policy.is_present AND policy.guid IN ({_marks(guids)})"
    )
    return list(GroupPolicy.objects.raw(statement, [_key(guid) for guid in guids]))


def helper_lines(found: Sequence[GroupPolicy]) -> Mapping[uuid.UUID, tuple[HelperLine, ...]]:
    """The helper lists of some policies; one query."""
    if not found:
        return {}
    listed = {policy.guid: policy.listed_helpers for policy in found}
    where = f"WHERE entry.policy_id IN ({_marks(listed)})"
    lines = defaultdict[uuid.UUID, list[HelperLine]](list)
    for row in _rows(_HELPERS.format(where=where), [_key(guid) for guid in listed]):
        guid = _guid(row[0])
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
    return Principal(kind, _guid(guid), sid, f"{netbios_name}\\{account_name}")


def _unit(row: tuple[Any, ...]) -> PlaceRow:
    guid, parent, name, options = row
    return PlaceRow("unit", _guid(guid), f"OU={name}", options, _guid(parent) if parent else None)


def _link(row: tuple[Any, ...]) -> LinkRow:
    domain, unit, site, policy, text, order, is_enforced, is_disabled, policy_name, *names = row
    unit_name, site_name, domain_name = names
    kind: ContainerKind = "unit" if unit else "site" if site else "domain"
    return LinkRow(
        domain_guid=_guid(domain),
        kind=kind,
        container_guid=_guid(unit or site or domain),
        container_name={
            "unit": f"OU={unit_name}",
            "site": f"site {site_name}",
            "domain": domain_name,
        }[kind],
        policy_guid=_guid(policy) if policy else None,
        policy_distinguished_name=text,
        policy_name=policy_name or "",
        order=order,
        is_enforced=bool(is_enforced),
        is_disabled=bool(is_disabled),
    )


def _rows(statement: str, parameters: Sequence[str | uuid.UUID]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return list(cursor.fetchall())


def _marks(values: Collection[object]) -> str:
    return ", ".join(["%s"] * len(values))


def _key(guid: uuid.UUID) -> str | uuid.UUID:
    """A GUID as the database takes it: SQLite keeps them as text."""
    return guid if connection.vendor == "postgresql" else guid.hex


def _guid(value: Any) -> uuid.UUID:
    return value if isinstance(value, uuid.UUID) else uuid.UUID(value)


def _json(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) else value
