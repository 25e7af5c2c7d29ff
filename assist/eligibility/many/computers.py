"""Reads computers by the hundred thousand, and puts those together that are alike."""

from __future__ import annotations

import gc
import json
import uuid
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

from directory.policies import PolicyPicture
from directory.statements import guid_of, key, marks, rows
from directory.trusts.selective import Entries

# Rows as the database has them, GUIDs as text: an object for each computer takes longer than all
# decisions, and a GUID is looked up more slowly than its text.
_COMPUTERS = """
SELECT CAST(guid AS text), name, CAST(domain_id AS text), CAST(ou_id AS text), is_present,
       is_enabled, is_domain_controller, operating_system, operating_system_version,
       primary_group_sid, allowed_to_authenticate,
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
        """The same with GUIDs, and booleans, which SQLite keeps as numbers."""
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
    return _read(f"WHERE guid IN ({marks(guids)})", [key(guid) for guid in guids])


def singular_sids(policy: PolicyPicture) -> frozenset[str]:
    """SIDs of computers, among others, that policies tell apart by their groups or by name."""
    return frozenset(policy.tokens.direct_groups.keys() | policy.tokens.named)


def domains_by_address(policy: PolicyPicture) -> frozenset[str]:
    """The domains, as rows have them, in which policy depends on a computer's site."""
    return frozenset(str(key(guid)) for guid, names in policy.site_names.items() if names)


def alike_of(computers: Rows, *policies: PolicyPicture) -> list[Rows]:
    """Computers in groups that no rule and no policy tells apart, in any of some pictures.

    Args:
        computers: From :func:`all_computers`.
        policies: Which computers are in groups that policies name, and where sites matter.
    """
    singular = frozenset[str]().union(*map(singular_sids, policies))
    by_address = frozenset[str]().union(*map(domains_by_address, policies))
    found = defaultdict[tuple[Any, ...], Rows](list)
    for row in computers:
        alike = row[_ALIKE]
        if row[_SID] in singular:
            alike = (*alike, row[_SID])
        if row[_DOMAIN] in by_address:
            alike = (*alike, row[_DNS_NAME])
        found[alike].append(row)
    return list(found.values())


def _read(where: str, parameters: Sequence[str | uuid.UUID]) -> Rows:
    return rows(_COMPUTERS.format(where=where), parameters)
