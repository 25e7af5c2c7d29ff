"""From the policy in force on a computer to the facts of a decision. No queries."""

from __future__ import annotations

from assist.eligibility.decision import Reference
from assist.eligibility.facts import HelperLine, PolicyFacts, Source, Unknown
from directory.grouppolicy.remote_assistance import ASKING
from directory.policies import (
    CONTROL,
    HELPERS,
    OFFERS,
    Link,
    PolicyUnknown,
    Principal,
    ResultantHelper,
    ResultantPolicy,
)

SUBJECTS = frozenset({OFFERS, CONTROL, HELPERS})


def policy_facts(policy: ResultantPolicy) -> PolicyFacts:
    """What a decision rests on of the policy in force."""
    asking = policy.values.get(ASKING)
    return PolicyFacts(
        offers_allowed=policy.offers_allowed,
        offers_source=_source(policy.offers_source),
        control_allowed=policy.control_allowed,
        control_source=_source(policy.control_source),
        helpers=tuple(_helper_line(helper) for helper in policy.helpers),
        unknowns=tuple(
            _unknown(unknown) for unknown in policy.unknowns if unknown.affects & SUBJECTS
        ),
        offers_overridden=_overridden(policy, OFFERS),
        control_overridden=_overridden(policy, CONTROL),
        further_helpers=tuple(_unknown(unknown) for unknown in policy.further_helpers),
        unreplicated=tuple(
            source_of(link)
            for link in policy.applied
            if link.policy and not link.policy.is_replicated
        ),
        asking_allowed=None if asking is None or asking.value is None else asking.value == 1,
        asking_source=_source(asking.source) if asking else None,
        kept_out=tuple(
            (source_of(item.link), item.reason)
            for item in policy.considered
            if item.effect not in ("applied", "unknown") and _would_allow(item.link)
        ),
    )


def source_of(link: Link) -> Source:
    """The policy that a link applies, and where it is linked."""
    policy = link.policy
    return Source(
        policy=Reference("policy", str(policy.guid) if policy else "", link.policy_name),
        container=Reference(link.container_kind, str(link.container_guid), link.container_name),
        changed_at=policy.changed_at if policy else None,
    )


def _source(link: Link | None) -> Source | None:
    return source_of(link) if link else None


def _overridden(policy: ResultantPolicy, name: str) -> tuple[Source, ...]:
    return tuple(source_of(statement.link) for statement in policy.values[name].overridden)


def _would_allow(link: Link) -> bool:
    return link.policy is not None and link.policy.values.get(OFFERS) is True


def _helper_line(helper: ResultantHelper) -> HelperLine:
    line = helper.line
    return HelperLine(
        text=line.text,
        source=source_of(helper.link),
        principal=_reference(line.principal),
        problem=line.problem,
        unknowns=tuple(_unknown(unknown) for unknown in helper.unknowns),
        either=tuple(reference for found in line.either if (reference := _reference(found))),
    )


def _reference(principal: Principal | None) -> Reference | None:
    return Reference(principal.kind, principal.sid, principal.name) if principal else None


def _unknown(unknown: PolicyUnknown) -> Unknown:
    return Unknown(
        code=unknown.code,
        sentence=unknown.sentence,
        remedy=unknown.remedy,
        source=source_of(unknown.link),
        affects=unknown.affects,
    )
