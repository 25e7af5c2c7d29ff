r"""The lines of helper lists, each with whom it names.

Windows does not check a line when it is written into a policy; a line that names nobody stays
there and helps nobody. What is resolved here is what the computer's own look-up would find in the
domain: ``R2\Helpdesk``, ``r2.local\mjones``, ``mjones@r2.local``, a SID or a bare name.

All lines of all policies are looked up together: a change of one domain's accounts can give a
line of another domain's policy its meaning.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from django.db.models import Q

from directory.comparison import fold_name
from directory.grouppolicy.remote_assistance import ListedHelper
from directory.models import Account, Domain, Group, GroupPolicy, HelperEntry
from directory.name_forms import (
    AccountName,
    InvalidName,
    PrincipalName,
    Sid,
    parse_account_name,
)

LOCAL_DOMAINS = frozenset({"builtin", "nt authority", ".", "nt service"})
ParsedName = AccountName | PrincipalName | Sid


class HelperRow(NamedTuple):
    """One row of HelperEntry, comparable."""

    policy_id: uuid.UUID
    position: int
    text: str
    account_id: uuid.UUID | None
    group_id: uuid.UUID | None
    problem: str


@dataclass(frozen=True)
class Resolution:
    """Whom a line names, or why nobody."""

    account_id: uuid.UUID | None = None
    group_id: uuid.UUID | None = None
    problem: str = ""


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
        Counts: all lines, and those that name nobody.
    """
    lines = _lines()
    resolver = _Resolver(lines)
    wanted = {_row(line, resolver.resolve(line)) for line in lines}
    existing = {
        HelperRow._make(values): pk
        for pk, *values in HelperEntry.objects.values_list("pk", *HelperRow._fields)
    }
    obsolete = [pk for row, pk in existing.items() if row not in wanted]
    HelperEntry.objects.filter(pk__in=obsolete).delete()
    HelperEntry.objects.bulk_create(
        HelperEntry(**row._asdict()) for row in sorted(wanted - existing.keys(), key=str)
    )
    return {"read": len(wanted), "unresolved": sum(1 for row in wanted if row.problem)}


def _row(line: _Line, found: Resolution) -> HelperRow:
    return HelperRow(
        policy_id=line.policy_id,
        position=line.position,
        text=line.text,
        account_id=found.account_id,
        group_id=found.group_id,
        problem=found.problem,
    )


def _lines() -> list[_Line]:
    policies = GroupPolicy.objects.filter(is_present=True).exclude(listed_helpers=[])
    return [
        _Line(guid, domain_id, position, ListedHelper(name, data))
        for guid, domain_id, listed in policies.values_list("guid", "domain_id", "listed_helpers")
        for position, (name, data) in enumerate(listed, start=1)
    ]


@dataclass(frozen=True)
class _Candidate:
    """An account or a group that some line may mean."""

    guid: uuid.UUID
    domain_id: uuid.UUID
    name: str
    sid: str
    principal_name: str
    is_group: bool
    is_security: bool


class _Resolver:
    """Looks all lines up at once: what they may mean is fetched in a fixed number of queries."""

    def __init__(self, lines: Sequence[_Line]) -> None:
        self._domains: dict[str, uuid.UUID] = {}
        for domain in Domain.objects.filter(is_present=True):
            self._domains[domain.netbios_name_folded] = domain.guid
            self._domains[domain.dns_name_folded] = domain.guid
        names = [parsed for line in lines if (parsed := _parse(line.helper)) is not None]
        self._by_name: defaultdict[str, list[_Candidate]] = defaultdict(list)
        self._by_sid: defaultdict[str, list[_Candidate]] = defaultdict(list)
        self._by_principal_name: defaultdict[str, list[_Candidate]] = defaultdict(list)
        for candidate in _candidates(names):
            self._by_name[candidate.name].append(candidate)
            self._by_sid[candidate.sid].append(candidate)
            if candidate.principal_name:
                self._by_principal_name[candidate.principal_name].append(candidate)

    def resolve(self, line: _Line) -> Resolution:
        """Whom a line of a helper list names."""
        helper = line.helper
        if not helper.is_consistent:
            return Resolution(
                problem=f"The value is named {helper.name} but holds {helper.data or 'no text'}; "
                "which of the two Windows takes is not documented."
            )
        local, separator, _ = helper.data.partition("\\")
        if separator and fold_name(local) in LOCAL_DOMAINS:
            return Resolution(problem="It names a group of each computer, not one of the domain.")
        parsed = _parse(helper)
        if parsed is None:
            return Resolution(problem="It is not a name that Windows would accept.")
        home = parsed.domain if isinstance(parsed, AccountName) else ""
        if home and fold_name(home) not in self._domains:
            return Resolution(problem=f"The domain {home} is not known here.")
        return _only(self._meant(parsed, line.domain_id))

    def _meant(self, parsed: ParsedName, domain_id: uuid.UUID) -> list[_Candidate]:
        if isinstance(parsed, Sid):
            return self._by_sid[parsed.text]
        named = self._by_name[fold_name(parsed.name)]
        if isinstance(parsed, PrincipalName):
            home = self._domains.get(fold_name(parsed.suffix))
            by_domain = [candidate for candidate in named if candidate.domain_id == home]
            explicit = self._by_principal_name[fold_name(str(parsed))]
            return list({candidate.guid: candidate for candidate in by_domain + explicit}.values())
        home = self._domains[fold_name(parsed.domain)] if parsed.domain else domain_id
        return [candidate for candidate in named if candidate.domain_id == home]


def _only(meant: Sequence[_Candidate]) -> Resolution:
    if len(meant) > 1:
        return Resolution(problem="More than one account or group has that name.")
    if not meant:
        return Resolution(problem="No account or group has that name.")
    found = meant[0]
    if not found.is_group:
        return Resolution(account_id=found.guid)
    problem = "" if found.is_security else "It is a distribution group, which grants nothing."
    return Resolution(group_id=found.guid, problem=problem)


def _parse(helper: ListedHelper) -> ParsedName | None:
    try:
        return parse_account_name(helper.data, field="helper")
    except InvalidName:
        return None


def _candidates(names: Iterable[ParsedName]) -> list[_Candidate]:
    texts: set[str] = set()
    principal_names: set[str] = set()
    sids: set[str] = set()
    for name in names:
        if isinstance(name, Sid):
            sids.add(name.text)
        else:
            texts.add(fold_name(name.name))
        if isinstance(name, PrincipalName):
            principal_names.add(fold_name(str(name)))
    named = Q(sam_account_name_folded__in=texts) | Q(sid__in=sids)
    common = ("guid", "domain_id", "sam_account_name_folded", "sid")
    accounts = Account.objects.filter(
        named | Q(user_principal_name_folded__in=principal_names), is_present=True
    ).values_list(*common, "user_principal_name_folded")
    groups = Group.objects.filter(named, is_present=True).values_list(*common, "is_security")
    return [
        _Candidate(guid, domain_id, name, sid, principal_name, is_group=False, is_security=True)
        for guid, domain_id, name, sid, principal_name in accounts
    ] + [
        _Candidate(guid, domain_id, name, sid, "", is_group=True, is_security=is_security)
        for guid, domain_id, name, sid, is_security in groups
    ]
