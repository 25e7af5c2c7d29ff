"""The policy in force on a computer, as far as it can be known without asking the computer.

Windows applies policies linked to the site, the domain's head and the organizational units down
to the computer; within one container the link with order 1 last; the last writer of a value wins
([MS-GPOL] 3.2.5.1). What this module does not resolve - enforced links, blocked inheritance,
security and WMI filters, site links, unreadable policies - becomes a :class:`PolicyUnknown` where
it could change the result. It never turns into an allow.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from django.db import connection, models
from django.db.models import Prefetch, Q

from directory.comparison import fold_name
from directory.models import (
    Computer,
    GroupPolicy,
    GroupPolicyLink,
    HelperEntry,
    OrganizationalUnit,
)

Subject = Literal["offers", "control", "helpers"]
SUBJECTS: tuple[Subject, ...] = ("offers", "control", "helpers")
Effect = Literal[
    "applied", "disabled", "computer_half_disabled", "says_nothing", "blocked", "unknown"
]
CHAIN_OF_UNITS = """
WITH RECURSIVE chain(guid, parent_id, depth) AS (
    SELECT guid, parent_id, 0 FROM directory_organizationalunit WHERE guid = %s
    UNION ALL
    SELECT unit.guid, unit.parent_id, chain.depth + 1
      FROM directory_organizationalunit unit JOIN chain ON unit.guid = chain.parent_id
     WHERE chain.depth < 64
)
SELECT unit.* FROM directory_organizationalunit unit JOIN chain ON chain.guid = unit.guid
 ORDER BY chain.depth DESC
"""


@dataclass(frozen=True)
class PolicyUnknown:
    """Something that could change the resultant policy and cannot be resolved.

    Attributes:
        code: ``enforced``, ``blocked_inheritance``, ``security_filter``,
            ``security_descriptor_unreadable``, ``wmi_filter``, ``site_policy``,
            ``policy_unreadable``, ``soft_value``.
        sentence: For a person.
        remedy: What would make it known.
        policy: The policy, when it is known.
        link: Where it is linked.
        affects: What it could change.
    """

    code: str
    sentence: str
    remedy: str
    policy: GroupPolicy | None
    link: GroupPolicyLink
    affects: frozenset[Subject]


@dataclass(frozen=True)
class ConsideredLink:
    """One link on the way to the computer, and what became of it."""

    link: GroupPolicyLink
    effect: Effect


@dataclass(frozen=True)
class ResultantPolicy:
    """What policy says about offering Remote Assistance to one computer.

    ``offers_allowed`` and ``control_allowed`` are None when nothing that applies for certain sets
    them, which Windows treats as not allowed. They hold only where ``is_certain`` says so.
    """

    offers_allowed: bool | None
    control_allowed: bool | None
    offers_source: GroupPolicyLink | None
    control_source: GroupPolicyLink | None
    helpers: tuple[HelperEntry, ...]
    helpers_source: GroupPolicyLink | None
    unknowns: tuple[PolicyUnknown, ...]
    considered: tuple[ConsideredLink, ...]

    def unknowns_about(self, subject: Subject) -> tuple[PolicyUnknown, ...]:
        """What could change one part of the result."""
        return tuple(unknown for unknown in self.unknowns if subject in unknown.affects)

    def is_certain(self, subject: Subject) -> bool:
        return not self.unknowns_about(subject)


@dataclass
class _State:
    """The values as they stand while links are gone through in the order of processing."""

    offers: bool | None = None
    control: bool | None = None
    sources: dict[Subject, GroupPolicyLink] = field(default_factory=dict)
    helpers: dict[str, HelperEntry] = field(default_factory=dict)
    pending: dict[Subject, list[PolicyUnknown]] = field(
        default_factory=lambda: {subject: [] for subject in SUBJECTS}
    )
    considered: list[ConsideredLink] = field(default_factory=list)

    def apply(self, policy: GroupPolicy, link: GroupPolicyLink) -> None:
        if policy.offers_allowed is not None or policy.offers_removed:
            self.offers = policy.offers_allowed
            self._settle("offers", link)
        if policy.control_allowed is not None or policy.control_removed:
            self.control = policy.control_allowed
            self._settle("control", link)
        self._apply_helpers(policy, link)

    def _settle(self, subject: Subject, link: GroupPolicyLink) -> None:
        self.sources[subject] = link
        self.pending[subject].clear()

    def _apply_helpers(self, policy: GroupPolicy, link: GroupPolicyLink) -> None:
        if policy.replaces_helpers:
            self.helpers.clear()
            self._settle("helpers", link)
        for name in policy.removed_helpers:
            self.helpers.pop(fold_name(name), None)
        for entry in policy.helpers.all():
            self.helpers[fold_name(entry.text)] = entry
            self.sources["helpers"] = link

    def doubt(self, unknown: PolicyUnknown) -> None:
        for subject in unknown.affects:
            self.pending[subject].append(unknown)


def resultant_policy(computer: Computer) -> ResultantPolicy:
    """The policy in force on a computer, in a fixed number of queries.

    Args:
        computer: Of the directory; its ``domain`` and ``ou`` are those of the last
            synchronisation.
    """
    units = _chain_of(computer)
    state = _State()
    enforced: list[PolicyUnknown] = []
    for link, is_blocked in _links_in_order(computer, units):
        _consider(state, enforced, link, is_blocked=is_blocked)
    for unknown in enforced:  # applied after everything else, so nothing later settles them
        state.doubt(unknown)
    unknowns = _still_relevant(state)
    return ResultantPolicy(
        offers_allowed=state.offers,
        control_allowed=state.control,
        offers_source=state.sources.get("offers"),
        control_source=state.sources.get("control"),
        helpers=tuple(state.helpers.values()),
        helpers_source=state.sources.get("helpers"),
        unknowns=unknowns,
        considered=tuple(state.considered),
    )


def _chain_of(computer: Computer) -> list[OrganizationalUnit]:
    """The organizational units above a computer, the topmost first."""
    if computer.ou_id is None:
        return []
    guid = models.UUIDField().get_db_prep_value(computer.ou_id, connection)
    return list(OrganizationalUnit.objects.raw(CHAIN_OF_UNITS, [guid]))


def _links_in_order(
    computer: Computer, units: Sequence[OrganizationalUnit]
) -> Iterator[tuple[GroupPolicyLink, bool]]:
    """Links in the order of processing, each with whether a unit below blocks its inheritance."""
    helpers = HelperEntry.objects.select_related("account__domain", "group__domain")
    links = (
        GroupPolicyLink.objects.filter(
            Q(ou__in=[unit.guid for unit in units]) | Q(ou__isnull=True), domain=computer.domain_id
        )
        .select_related("policy__domain", "ou", "site", "domain")
        .prefetch_related(Prefetch("policy__helpers", queryset=helpers))
        .order_by("-order", "pk")
    )
    found = list(links)
    for link in found:
        if link.site_id:
            blocked = bool(computer.domain.gp_options & 1) or _blocks(units)
            yield link, blocked
    for link in found:
        if link.ou_id is None and link.site_id is None:
            yield link, _blocks(units)
    for depth, unit in enumerate(units):
        for link in found:
            if link.ou_id == unit.guid:
                yield link, _blocks(units[depth + 1 :])


def _blocks(units: Sequence[OrganizationalUnit]) -> bool:
    return any(unit.blocks_inheritance for unit in units)


def _consider(
    state: _State, enforced: list[PolicyUnknown], link: GroupPolicyLink, *, is_blocked: bool
) -> None:
    policy = link.policy
    effect: Effect
    if link.is_disabled:
        effect = "disabled"
    elif policy is not None and policy.is_present and policy.is_computer_half_disabled:
        effect = "computer_half_disabled"
    elif not (affects := _affects(policy)):
        effect = "says_nothing"
    elif unknown := _doubt_about(link, affects, is_blocked=is_blocked):
        effect = "blocked" if unknown.code == "blocked_inheritance" else "unknown"
        if link.is_enforced:
            enforced.append(unknown)
        else:
            state.doubt(unknown)
    elif policy is not None:
        effect = "applied"
        state.apply(policy, link)
    state.considered.append(ConsideredLink(link, effect))


def _affects(policy: GroupPolicy | None) -> frozenset[Subject]:
    """What a policy has, or may have, a word on."""
    if policy is None or not policy.is_present or policy.read_error or policy.has_soft_values:
        return frozenset(SUBJECTS)
    affects: set[Subject] = set()
    if policy.offers_allowed is not None or policy.offers_removed:
        affects.add("offers")
    if policy.control_allowed is not None or policy.control_removed:
        affects.add("control")
    if policy.replaces_helpers or policy.removed_helpers or policy.helpers.all():
        affects.add("helpers")
    return frozenset(affects)


def _doubt_about(
    link: GroupPolicyLink, affects: frozenset[Subject], *, is_blocked: bool
) -> PolicyUnknown | None:
    """Why it cannot be known whether or how a link that speaks of offers applies; None if it can.

    The order is from the most to the least final: a policy that cannot be read is that first.
    """
    name, place, policy = link.policy_name, link.container_name, link.policy
    code = sentence = remedy = ""
    if policy is None or not policy.is_present:
        code = "policy_unreadable"
        sentence = f"A policy linked to {place} is not visible to the portal's account, or gone."
        remedy = "Let the reading account read the policy, or remove the orphaned link."
    elif policy.read_error:
        code = "policy_unreadable"
        sentence = f"The settings of {name} could not be read: {policy.read_error}"
        remedy = "Let the reading account read the policy's folder in SYSVOL; synchronise again."
    elif link.site_id:
        code = "site_policy"
        sentence = f"{name} is linked to {place}; which site a computer is in is not known here."
        remedy = "Link the policy to a domain or an organizational unit instead."
    elif link.is_enforced:
        code = "enforced"
        sentence = f"{name} is enforced on {place}; enforcement is not resolved yet."
        remedy = "Remove the enforcement, or ask who administers Group Policy."
    elif is_blocked:
        code = "blocked_inheritance"
        sentence = (
            f"{name}, linked to {place}, meets a unit below that blocks inheritance; that is not "
            "resolved yet."
        )
        remedy = "Link a policy below the block, or ask who administers Group Policy."
    elif policy.is_security_filtered is None:
        code = "security_descriptor_unreadable"
        sentence = f"Whom {name} applies to could not be read."
        remedy = "Let the reading account read the policy's permissions."
    elif policy.is_security_filtered:
        code = "security_filter"
        sentence = f"{name} applies to some computers only (security filtering)."
        remedy = "Ask who administers Group Policy whether it applies to this computer."
    elif policy.wmi_filter:
        code = "wmi_filter"
        sentence = f"{name} has the WMI filter {policy.wmi_filter}; only the computer can tell."
        remedy = "Ask who administers Group Policy whether the filter matches this computer."
    elif policy.has_soft_values:
        code = "soft_value"
        sentence = f"{name} sets a value only where none is set yet."
        remedy = "Set the value outright in the policy."
    return PolicyUnknown(code, sentence, remedy, policy, link, affects) if code else None


def _still_relevant(state: _State) -> tuple[PolicyUnknown, ...]:
    """The doubts that could change the result, each with what it could change."""
    affects: dict[int, set[Subject]] = {}
    unknowns: dict[int, PolicyUnknown] = {}
    for subject in SUBJECTS:
        for unknown in state.pending[subject]:
            if not _says_the_same(unknown, subject, state):
                unknowns[id(unknown)] = unknown
                affects.setdefault(id(unknown), set()).add(subject)
    return tuple(
        PolicyUnknown(
            code=unknown.code,
            sentence=unknown.sentence,
            remedy=unknown.remedy,
            policy=unknown.policy,
            link=unknown.link,
            affects=frozenset(affects[key]),
        )
        for key, unknown in unknowns.items()
    )


def _says_the_same(unknown: PolicyUnknown, subject: Subject, state: _State) -> bool:
    policy = unknown.policy
    if policy is None or unknown.code in ("policy_unreadable", "soft_value"):
        return False
    if subject == "offers":
        return not policy.offers_removed and policy.offers_allowed == state.offers
    if subject == "control":
        return not policy.control_removed and policy.control_allowed == state.control
    return False
