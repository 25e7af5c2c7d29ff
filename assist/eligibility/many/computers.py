"""Reads computers by the hundred thousand, and puts those together that are alike."""

from __future__ import annotations

import gc
import json
import uuid
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

from django.db import connection

from directory.policies import PolicyPicture
from directory.trusts.selective import Entries

# Rows as the database has them: an object for each computer takes longer than all decisions.
_COMPUTERS = """
SELECT guid, name, domain_id, ou_id, is_present, is_enabled, is_domain_controller,
       operating_system, operating_system_version, primary_group_sid, allowed_to_authenticate,
       sid, dns_name_folded
  FROM directory_computer {where}
"""
_ALIKE = slice(2, 11)
_DOMAIN, _SID, _DNS_NAME = 2, 11, 12


class ComputerRow(NamedTuple):
    """A computer, as far as a decision rests on it. ``allowed_to_authenticate`` is JSON."""

    guid: Any
    name: str
    domain_id: Any
    ou_id: Any
    is_present: Any
    is_enabled: Any
    is_domain_controller: Any
    operating_system: str
    operating_system_version: str
    primary_group_sid: str
    allowed_to_authenticate: str | None
    sid: str
    dns_name_folded: str

    def typed(self) -> ComputerRow:
        """The same with GUIDs and booleans, which SQLite keeps as texts and numbers."""
        if isinstance(self.guid, uuid.UUID):
            return self
        return self._replace(
            guid=guid_of(self.guid),
            domain_id=guid_of(self.domain_id),
            ou_id=guid_of(self.ou_id) if self.ou_id else None,
            is_present=bool(self.is_present),
            is_enabled=bool(self.is_enabled),
            is_domain_controller=bool(self.is_domain_controller),
        )

    @property
    def entries(self) -> Entries:
        """What its permissions say of Allowed to Authenticate."""
        text = self.allowed_to_authenticate
        found: Entries = None if text is None else json.loads(text)
        return found


Rows = list[tuple[Any, ...]]


@contextmanager
def without_collector() -> Iterator[None]:
    """Pauses Python's collector of cycles: rows hold none, and it would walk all of them again."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def all_computers() -> Rows:
    """Every computer that is in the directory; one query."""
    return _read("WHERE is_present", [])


def computers_with(guids: Sequence[uuid.UUID]) -> Rows:
    """Some computers; one query."""
    if not guids:
        return []
    marks = ", ".join(["%s"] * len(guids))
    keys = [guid if connection.vendor == "postgresql" else guid.hex for guid in guids]
    return _read(f"WHERE guid IN ({marks})", keys)


def singular_sids(policy: PolicyPicture) -> frozenset[str]:
    """SIDs of computers, among others, that policies tell apart by their groups or by name."""
    return frozenset(policy.tokens.direct_groups.keys() | policy.tokens.named)


def alike_of(rows: Rows, *policies: PolicyPicture) -> list[Rows]:
    """Computers in groups that no rule and no policy tells apart, in any of some pictures.

    Args:
        rows: From :func:`all_computers`.
        policies: Which computers are in groups that policies name, and where sites matter.
    """
    singular = frozenset[str]().union(*map(singular_sids, policies))
    by_address = {guid for policy in policies for guid, names in policy.site_names.items() if names}
    found = defaultdict[tuple[Any, ...], Rows](list)
    for row in rows:
        key = row[_ALIKE]
        if row[_SID] in singular:
            key = (*key, row[_SID])
        if by_address and guid_of(row[_DOMAIN]) in by_address:
            key = (*key, row[_DNS_NAME])
        found[key].append(row)
    return list(found.values())


def guid_of(value: Any) -> uuid.UUID:
    """A GUID as the database has it: SQLite keeps them as text."""
    return value if isinstance(value, uuid.UUID) else uuid.UUID(str(value))


def _read(where: str, parameters: Sequence[str | uuid.UUID]) -> Rows:
    with connection.cursor() as cursor:
        cursor.execute(_COMPUTERS.format(where=where), parameters)
        return list(cursor.fetchall())
