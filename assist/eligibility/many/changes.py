"""Changes of the directory that nobody has made yet, as values. Nothing is written.

Each is applied to pictures that are loaded and gives others; those are asked like any.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from assist.eligibility.many.people import groups_of_experts, people_in
from assist.eligibility.many.pictures import Pictures
from directory.comparison import fold_name
from directory.membership import members_of
from directory.models import Account, Group
from directory.models.domain import BLOCK_INHERITANCE
from directory.policies import HelperLine, Link, Policy, Principal
from directory.policies.loading import LinksByPlace, policies_of, sids_asked_for
from directory.policies.reading import LinkRow
from directory.policies.shapes import ContainerKind
from directory.policies.tokens import token_index
from directory.token_graph import AboveInGraph
from directory.trusts.hops import BOTH, INBOUND, OUTBOUND

Links = Mapping[uuid.UUID, LinksByPlace]


class Change(Protocol):
    """Something that an administrator may be about to do."""

    def __str__(self) -> str:
        """What, for a person."""

    def apply(self, pictures: Pictures) -> Pictures:
        """The pictures as they would be."""

    def further_experts(self) -> Sequence[Account]:
        """Accounts that it may make experts."""


@dataclass(frozen=True)
class HelperAdded:
    """Somebody more on the helper list of a policy."""

    policy_guid: uuid.UUID
    policy_name: str
    principal: Principal

    def __str__(self) -> str:
        return f"{self.principal.name} is added to the helper list of {self.policy_name}"

    def apply(self, pictures: Pictures) -> Pictures:
        key = fold_name(self.principal.name)
        line = HelperLine(key=key, text=self.principal.name, principal=self.principal)

        def changed(policy: Policy) -> Policy:
            others = tuple(each for each in policy.helpers if each.key != key)
            return replace(policy, helpers=(*others, line))

        return _with_policy(pictures, self.policy_guid, changed)

    def further_experts(self) -> Sequence[Account]:
        return ()


@dataclass(frozen=True)
class HelperRemoved:
    """Every line that names somebody, or may, is taken off the helper list of a policy."""

    policy_guid: uuid.UUID
    policy_name: str
    who_guid: uuid.UUID
    who_name: str

    def __str__(self) -> str:
        return f"{self.who_name} is taken off the helper list of {self.policy_name}"

    def apply(self, pictures: Pictures) -> Pictures:
        def changed(policy: Policy) -> Policy:
            return replace(
                policy, helpers=tuple(line for line in policy.helpers if not self._names(line))
            )

        return _with_policy(pictures, self.policy_guid, changed)

    def further_experts(self) -> Sequence[Account]:
        return ()

    def _names(self, line: HelperLine) -> bool:
        return any(who.guid == self.who_guid for who in (line.principal, *line.either) if who)


@dataclass(frozen=True)
class InheritanceBlocked:
    """An organizational unit that blocks inheritance."""

    unit_guid: uuid.UUID
    unit_name: str

    def __str__(self) -> str:
        return f"{self.unit_name} blocks inheritance"

    def apply(self, pictures: Pictures) -> Pictures:
        unit = pictures.policy.units[self.unit_guid]
        blocking = unit._replace(gp_options=unit.gp_options | BLOCK_INHERITANCE)
        units = {**pictures.policy.units, self.unit_guid: blocking}
        return replace(pictures, policy=pictures.policy.changed(units=units))

    def further_experts(self) -> Sequence[Account]:
        return ()


@dataclass(frozen=True)
class TrustOneWay:
    """A trust in both directions that is left in one: ``trusting`` trusts ``trusted`` only."""

    trusting: str
    trusted: str

    def __str__(self) -> str:
        return f"{self.trusting} trusts {self.trusted}, and no longer the other way round"

    def apply(self, pictures: Pictures) -> Pictures:
        trusts = {holder: dict(held) for holder, held in pictures.trusts.trusts.items()}
        ends = fold_name(self.trusting), fold_name(self.trusted)
        for holder, partner, direction in ((*ends, OUTBOUND), (*ends[::-1], INBOUND)):
            held = trusts.get(holder, {})
            held[partner] = tuple(
                replace(each, direction=direction) if each.direction == BOTH else each
                for each in held.get(partner, ())
            )
        return replace(pictures, trusts=replace(pictures.trusts, trusts=trusts))

    def further_experts(self) -> Sequence[Account]:
        return ()


@dataclass(frozen=True)
class TrustRemoved:
    """No trust between two domains is left, in either direction."""

    one: str
    other: str

    def __str__(self) -> str:
        return f"The trust between {self.one} and {self.other} is removed"

    def apply(self, pictures: Pictures) -> Pictures:
        trusts = {holder: dict(held) for holder, held in pictures.trusts.trusts.items()}
        ends = fold_name(self.one), fold_name(self.other)
        for holder, partner in (ends, ends[::-1]):
            trusts.get(holder, {}).pop(partner, None)
        return replace(pictures, trusts=replace(pictures.trusts, trusts=trusts))

    def further_experts(self) -> Sequence[Account]:
        return ()


@dataclass(frozen=True)
class PolicyLinked:
    """A policy linked to a domain's head or a unit, with the least say there of all links."""

    policy_guid: uuid.UUID
    policy_name: str
    domain_guid: uuid.UUID
    kind: ContainerKind
    container_guid: uuid.UUID
    container_name: str
    is_enforced: bool = False

    def __str__(self) -> str:
        how = "linked and enforced" if self.is_enforced else "linked"
        return f"{self.policy_name} is {how} to {self.container_name}"

    def apply(self, pictures: Pictures) -> Pictures:
        of_domain = dict(pictures.policy.links.get(self.domain_guid, {}))
        there = of_domain.get(self.container_guid, ())
        link = Link(
            self.kind,
            self.container_guid,
            self.container_name,
            max((each.order for each in there), default=0) + 1,
            self._policy(),
            self.policy_name,
            self.is_enforced,
        )
        of_domain[self.container_guid] = [*there, link]
        links = {**pictures.policy.links, self.domain_guid: of_domain}
        asked = sids_asked_for([link.policy] if link.policy else [])
        known = pictures.policy.tokens.named
        tokens = pictures.policy.tokens if asked <= known else token_index(known | asked)
        return replace(pictures, policy=pictures.policy.changed(links=links, tokens=tokens))

    def further_experts(self) -> Sequence[Account]:
        return ()

    def _policy(self) -> Policy | None:
        row = LinkRow(
            domain_guid=self.domain_guid,
            kind=self.kind,
            container_guid=self.container_guid,
            container_name=self.container_name,
            policy_guid=self.policy_guid,
            policy_name=self.policy_name,
            policy_distinguished_name="",
            order=1,
            is_enforced=False,
            is_disabled=False,
        )
        return policies_of([row]).get(self.policy_guid)


@dataclass(frozen=True)
class PolicyUnlinked:
    """A policy no longer linked to a domain's head or a unit."""

    policy_guid: uuid.UUID
    policy_name: str
    domain_guid: uuid.UUID
    container_guid: uuid.UUID
    container_name: str

    def __str__(self) -> str:
        return f"{self.policy_name} is no longer linked to {self.container_name}"

    def apply(self, pictures: Pictures) -> Pictures:
        of_domain = dict(pictures.policy.links.get(self.domain_guid, {}))
        of_domain[self.container_guid] = [
            link
            for link in of_domain.get(self.container_guid, ())
            if link.policy is None or link.policy.guid != self.policy_guid
        ]
        links = {**pictures.policy.links, self.domain_guid: of_domain}
        return replace(pictures, policy=pictures.policy.changed(links=links))

    def further_experts(self) -> Sequence[Account]:
        return ()


@dataclass(frozen=True)
class MemberAdded:
    """An account, a group or a computer that becomes a direct member of a group."""

    group_sid: str
    group_name: str
    member_sid: str
    member_name: str

    def __str__(self) -> str:
        return f"{self.member_name} becomes a member of {self.group_name}"

    def apply(self, pictures: Pictures) -> Pictures:
        graph = pictures.graph.with_member(self.group_sid, self.member_sid)
        caller, named = pictures.caller, pictures.policy.tokens.named
        tokens = token_index(named, (self.group_sid, self.member_sid))
        return replace(
            pictures,
            graph=graph,
            people=people_in(pictures.people, graph, pictures.trusts, pictures.now),
            caller=AboveInGraph(caller.account, graph) if caller else None,
            policy=pictures.policy.changed(tokens=tokens),
        )

    def further_experts(self) -> Sequence[Account]:
        accounts = Account.objects.select_related("domain").filter(is_present=True)
        own = list(accounts.filter(sid=self.member_sid))
        if own or not self._gives_the_role():
            return own
        groups = Group.objects.filter(sid=self.member_sid, is_present=True)
        return list(members_of(groups).select_related("domain"))

    def _gives_the_role(self) -> bool:
        """Whether what is in the group would be an expert: it, or one above it, gives the role."""
        below = {group.sid for group in groups_of_experts()}
        return bool(below & _above(self.group_sid))


def _with_policy(
    pictures: Pictures, guid: uuid.UUID, changed: Callable[[Policy], Policy]
) -> Pictures:
    """The pictures with one policy changed, wherever it is linked."""

    def relinked(link: Link) -> Link:
        policy = link.policy
        if policy is None or policy.guid != guid:
            return link
        return replace(link, policy=changed(policy))

    links = {
        domain: {place: [relinked(link) for link in found] for place, found in places.items()}
        for domain, places in pictures.policy.links.items()
    }
    return replace(pictures, policy=pictures.policy.changed(links=links))


def _above(sid: str) -> set[str]:
    """A group and every group above it, of every kind."""
    found, waiting = set[str](), {sid}
    while waiting:
        found |= waiting
        rows = Group.objects.filter(memberships__member_sid__in=waiting, is_present=True)
        waiting = set(rows.values_list("sid", flat=True)) - found
    return found
