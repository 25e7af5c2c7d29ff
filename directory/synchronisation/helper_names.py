r"""Whom a line of a helper list names, as the look-up of a computer in the policy's domain would.

Windows takes ``R2\Helpdesk``, ``r2.local\mjones``, ``mjones@r2.local`` and bare names ([MS-LSAT]
3.1.4.5), and looks bare names up on the computer itself, in its domain and in the domains that this
one trusts. A line that names nobody stays in the policy and helps nobody: Windows does not check it
when it is written (KB818024).
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from django.db.models import Q

from directory.comparison import fold_name
from directory.grouppolicy.remote_assistance import ListedHelper
from directory.models import Account, Computer, Domain, Group, Trust
from directory.name_forms import (
    AccountName,
    InvalidName,
    PrincipalName,
    Sid,
    parse_account_name,
)
from directory.trusts import Effect, TrustWay, way
from directory.trusts.loading import trust_map

# What a computer looks up before any domain ([MS-LSAT] 3.1.1.1): nobody of them is in a directory.
LOCAL_DOMAINS = frozenset({"builtin", "nt authority", ".", "nt service"})
LOCAL_NAMES = frozenset(
    ("administrators", "users", "guests", "power users", "remote desktop users", "everyone")
    + ("authenticated users", "interactive", "network", "system", "local service")
)
LOCAL_SID_PREFIXES = ("S-1-1-", "S-1-2-", "S-1-3-", "S-1-5-32-")
LOCAL = "It names an account or group of each computer itself, which cannot be seen from outside."

ParsedName = AccountName | PrincipalName | Sid


@dataclass(frozen=True)
class Candidate:
    """An account or a group that some line may mean."""

    guid: uuid.UUID
    domain_id: uuid.UUID
    name: str
    sid: str
    title: str
    principal_name: str
    is_group: bool
    is_usable: bool  # a security group, an account that is not disabled

    @property
    def flaw(self) -> str:
        if self.is_usable:
            return ""
        if self.is_group:
            return "It is a distribution group, which grants nothing."
        return "The account is disabled."

    def to_json(self) -> tuple[str, str, str, str]:
        """Kind, GUID, SID and name."""
        return ("group" if self.is_group else "account", str(self.guid), self.sid, self.title)


@dataclass(frozen=True)
class Resolution:
    """Whom a line names, or why nobody; or, where no document decides it, whom it may name."""

    named: Candidate | None = None
    either: tuple[Candidate, ...] = ()
    problem: str = ""


class Resolver:
    """Looks many lines up at once: what they may mean is fetched in a fixed number of queries."""

    def __init__(self, helpers: Iterable[ListedHelper]) -> None:
        names = [
            parsed
            for helper in helpers
            for text in (helper.name, helper.data)
            if (parsed := _parse(text)) is not None
        ]
        self._domains = _Domains(
            fold_name(name.domain) for name in names if isinstance(name, AccountName)
        )
        self._by_name = defaultdict[str, list[Candidate]](list)
        self._by_sid = defaultdict[str, list[Candidate]](list)
        self._by_principal_name = defaultdict[str, list[Candidate]](list)
        for candidate in _candidates(names):
            self._by_name[candidate.name].append(candidate)
            self._by_sid[candidate.sid].append(candidate)
            if candidate.principal_name:
                self._by_principal_name[candidate.principal_name].append(candidate)

    def resolve(self, helper: ListedHelper, domain_id: uuid.UUID) -> Resolution:
        """Whom a line names.

        Args:
            helper: Name and data of its registry value.
            domain_id: The domain of the policy.
        """
        by_data = self._resolve_text(helper.data, domain_id)
        if helper.is_consistent:
            return by_data
        by_name = self._resolve_text(helper.name, domain_id)
        if by_data.named and by_name.named and by_data.named.guid == by_name.named.guid:
            return by_data
        possible = {
            found.guid: found
            for resolution in (by_name, by_data)
            for found in (resolution.named, *resolution.either)
            if found is not None
        }
        return Resolution(
            either=tuple(possible.values()),
            problem=f"The value is named {helper.name} but holds {helper.data or 'no text'}; "
            "which of the two Windows takes is not documented.",
        )

    def _resolve_text(self, text: str, domain_id: uuid.UUID) -> Resolution:
        qualifier, separator, _ = text.partition("\\")
        if separator and fold_name(qualifier) in LOCAL_DOMAINS:
            return Resolution(problem=LOCAL)
        parsed = _parse(text)
        match parsed:
            case None:
                return Resolution(problem="It is not a name that Windows would accept.")
            case Sid():
                return self._sid(parsed)
            case PrincipalName():
                return self._principal_name(parsed, domain_id)
            case AccountName(domain=""):
                return self._bare(parsed.name, domain_id)
        return self._qualified(parsed, domain_id)

    def _sid(self, sid: Sid) -> Resolution:
        if sid.text.startswith(LOCAL_SID_PREFIXES):
            return Resolution(problem=LOCAL)
        found = self._by_sid[sid.text]
        if not found:
            return Resolution(problem="No account or group has that SID.")
        return Resolution(
            either=tuple(found),
            problem=f"It is the SID of {found[0].title}; no document says that Windows takes a SID "
            "here.",
        )

    def _principal_name(self, name: PrincipalName, domain_id: uuid.UUID) -> Resolution:
        explicit = self._by_principal_name[fold_name(str(name))]
        home = self._domains.named(name.suffix)
        implicit = [
            found for found in self._by_name[fold_name(name.name)] if found.domain_id == home
        ]
        return self._only(explicit or implicit, domain_id)

    def _bare(self, name: str, domain_id: uuid.UUID) -> Resolution:
        folded = fold_name(name)
        if folded in LOCAL_NAMES:
            return Resolution(problem=LOCAL)
        found = self._by_name[folded]
        at_home = [candidate for candidate in found if candidate.domain_id == domain_id]
        trusted = [
            candidate for candidate in found if self._domains.finds(domain_id, candidate.domain_id)
        ]
        return self._only(at_home or trusted, domain_id)

    def _qualified(self, name: AccountName, domain_id: uuid.UUID) -> Resolution:
        home = self._domains.named(name.domain)
        if home is None:
            return Resolution(problem=self._domains.why_unknown(name.domain))
        found = [item for item in self._by_name[fold_name(name.name)] if item.domain_id == home]
        return self._only(found, domain_id)

    def _only(self, found: Sequence[Candidate], domain_id: uuid.UUID) -> Resolution:
        if len(found) > 1:
            return Resolution(problem="More than one account or group has that name.")
        if not found:
            return Resolution(problem="No account or group has that name.")
        named = found[0]
        if not self._domains.finds(domain_id, named.domain_id):
            stopped = self._domains.way(domain_id, named.domain_id)
            return Resolution(
                problem=f"It names {named.title}, whom computers of "
                f"{stopped.computer_domain.dns_name} do not find: {stopped.sentence}"
            )
        return Resolution(named, problem=named.flaw)


class _Domains:
    """The domains that are read, and which of them find each other's accounts.

    Args:
        qualifiers: What stands before the backslash in the lines, folded.
    """

    def __init__(self, qualifiers: Iterable[str]) -> None:
        self._by_name: dict[str, uuid.UUID] = {}
        for domain in Domain.objects.filter(is_present=True):
            self._by_name[domain.netbios_name_folded] = domain.guid
            self._by_name[domain.dns_name_folded] = domain.guid
        self._partner_names = frozenset(
            fold_name(name)
            for names in Trust.objects.filter(is_present=True).values_list(
                "partner_dns_name", "partner_netbios_name"
            )
            for name in names
            if name
        )
        self._trusts = trust_map()
        self._ways: dict[tuple[uuid.UUID, uuid.UUID], TrustWay] = {}
        self._computers = frozenset(
            Computer.objects.filter(
                is_present=True, name_folded__in=set(qualifiers) - self._by_name.keys()
            ).values_list("name_folded", flat=True)
        )

    def named(self, name: str) -> uuid.UUID | None:
        return self._by_name.get(fold_name(name))

    def way(self, home: uuid.UUID, other: uuid.UUID) -> TrustWay:
        """Whether computers of one domain can look accounts of another up: it trusts it."""
        if (home, other) not in self._ways:
            self._ways[home, other] = way(self._trusts, home, other)
        return self._ways[home, other]

    def finds(self, home: uuid.UUID, other: uuid.UUID) -> bool:
        return self.way(home, other).effect is not Effect.DENY

    def why_unknown(self, name: str) -> str:
        folded = fold_name(name)
        if folded in self._partner_names:
            return f"The domain {name} has a trust, but the portal does not read it."
        if folded in self._computers:
            return (
                f"{name} is a computer: it names an account or group of that computer itself, "
                "which cannot be seen from outside."
            )
        return f"The domain {name} is not known here."


def _parse(text: str) -> ParsedName | None:
    try:
        return parse_account_name(text, field="helper")
    except InvalidName:
        return None


def _candidates(names: Iterable[ParsedName]) -> list[Candidate]:
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
    accounts = Account.objects.filter(
        named | Q(user_principal_name_folded__in=principal_names), is_present=True
    )
    # Groups of BUILTIN are each computer's own; those of a controller have no name of the domain.
    groups = Group.objects.filter(named, is_present=True).exclude(sid__startswith="S-1-5-32-")
    return [
        Candidate(
            guid=account.guid,
            domain_id=account.domain_id,
            name=account.sam_account_name_folded,
            sid=account.sid,
            title=str(account),
            principal_name=account.user_principal_name_folded,
            is_group=False,
            is_usable=account.is_enabled,
        )
        for account in accounts.select_related("domain")
    ] + [
        Candidate(
            guid=group.guid,
            domain_id=group.domain_id,
            name=group.sam_account_name_folded,
            sid=group.sid,
            title=str(group),
            principal_name="",
            is_group=True,
            is_usable=group.is_security,
        )
        for group in groups.select_related("domain")
    ]


def former_names(guids: Iterable[uuid.UUID]) -> Mapping[uuid.UUID, str]:
    """What objects that lines once named are called now, and whether they are still there."""
    found: dict[uuid.UUID, str] = {}
    for model in (Account, Group):
        rows = model._default_manager.filter(pk__in=list(guids)).select_related("domain")
        for row in rows:
            found[row.guid] = str(row) if row.is_present else f"{row} (gone)"
    return found
