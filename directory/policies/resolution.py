"""The policy in force on a computer: the last policy processed has the last word. Pure.

Every value is resolved by itself, from the last policy processed to the first: the first one that
applies for certain settles it. Policies after that one which may or may not apply are what could
change it. A helper list is resolved line by line, since a policy may add lines, take off single
ones, or replace the list (``**delvals.``, [MS-GPREG] 3.2.5.1.2).
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import replace

from directory.policies.ordering import Step, steps
from directory.policies.shapes import (
    CONTROL,
    HELPERS,
    OFFERS,
    ConsideredLink,
    Container,
    HelperLine,
    Link,
    OverriddenHelper,
    PolicyUnknown,
    ResultantHelper,
    ResultantPolicy,
    ResultantValue,
    Statement,
    Value,
)

SOFT_SENTENCE = "{} sets a value only where none is set yet, and whether one is cannot be told."
BARE_ELSEWHERE = (
    "It is a bare name in a policy of another domain: the computer looks it up in its own domain "
    "first, and what it finds there is not known here."
)
SOFT_REMEDY = "Set the value outright in the policy."


class _Anything:
    """Stands for what a policy says that cannot be read."""


ANYTHING = _Anything()
Said = Value | _Anything
Line = HelperLine | _Anything | None  # None: the policy takes the line off the list


def resolve(
    containers: Sequence[Container],
    token: frozenset[str],
    undetermined: frozenset[str] = frozenset(),
) -> ResultantPolicy:
    """The policy in force on a computer.

    Args:
        containers: Above the computer: the site (or every site that it may be in, not certain),
            the domain, then the units, the nearest last.
        token: The SIDs that the computer holds: its own, its groups', and those of everybody.
        undetermined: SIDs of which it is not known whether it holds them.
    """
    taken = steps(containers, token, undetermined)
    open_steps = [step for step in taken if step.effect in ("applied", "unknown")]
    spoken_of = {OFFERS, CONTROL}.union(
        *(step.link.policy.values for step in open_steps if step.link.policy)
    )
    values = {name: _value(name, open_steps) for name in sorted(spoken_of)}
    home = next((item.guid for item in containers if item.kind == "domain"), None)
    helpers, overridden = _helpers(open_steps)
    helpers = tuple(_at_home(helper, home) for helper in helpers)
    further = _further_helpers(open_steps)
    return ResultantPolicy(
        values=values,
        helpers=helpers,
        helpers_source=_helpers_source(open_steps),
        overridden_helpers=overridden,
        further_helpers=further,
        unknowns=_joined(
            [
                *(unknown for value in values.values() for unknown in value.unknowns),
                *(unknown for helper in helpers for unknown in helper.unknowns),
                *further,
            ]
        ),
        considered=tuple(ConsideredLink(step.link, step.effect, step.reason) for step in taken),
    )


def _unknown(step: Step, subject: str) -> PolicyUnknown:
    affects = frozenset({subject})
    if step.doubt is None:  # it applies, and sets something only where nothing is set
        name = step.link.policy_name
        return PolicyUnknown(
            "soft_value", SOFT_SENTENCE.format(name), SOFT_REMEDY, step.link, affects
        )
    doubt = step.doubt
    return PolicyUnknown(doubt.code, doubt.sentence, doubt.remedy, step.link, affects)


def _joined(unknowns: Sequence[PolicyUnknown]) -> tuple[PolicyUnknown, ...]:
    """Each link's unknown once, with everything that it affects."""
    found: dict[tuple[int, str], PolicyUnknown] = {}
    for unknown in unknowns:
        key = (id(unknown.link), unknown.code)
        before = found.get(key)
        affects = unknown.affects | before.affects if before else unknown.affects
        found[key] = replace(unknown, affects=affects)
    return tuple(found.values())


def _says(name: str, before: Sequence[Step], step: Step) -> tuple[Said, ...]:
    """What a step says of a value: nothing, one thing, or something that cannot be told."""
    policy = step.link.policy
    if policy is None or policy.read_error:
        return (ANYTHING,)
    if name in policy.values:
        return (policy.values[name],)
    if policy.has_soft_values:
        earlier = _value(name, before)
        if None in earlier.may_be or earlier.may_be_anything:
            return (ANYTHING,)
    return ()


def _value(name: str, open_steps: Sequence[Step]) -> ResultantValue:
    doubts: list[tuple[Step, Said]] = []
    settled: Step | None = None
    value: Value = None
    position = len(open_steps)
    while position and settled is None:
        position -= 1
        step = open_steps[position]
        for said in _says(name, open_steps[:position], step):
            if step.effect == "applied" and not isinstance(said, _Anything):
                settled, value = step, said
            else:
                doubts.append((step, said))
    may_be: set[Value] = {value}
    may_be.update(said for _, said in doubts if not isinstance(said, _Anything))
    return ResultantValue(
        name=name,
        value=value,
        source=settled.link if settled else None,
        overridden=_overridden(name, open_steps[:position]) if settled else (),
        unknowns=tuple(
            _unknown(step, name) for step, said in doubts if not _is_the_same(name, said, value)
        ),
        may_be=frozenset(may_be),
        may_be_anything=any(isinstance(said, _Anything) for _, said in doubts),
    )


def _is_the_same(name: str, said: Said, value: Value) -> bool:
    """Whether two statements come to the same: offers that are not configured are not allowed."""
    if isinstance(said, _Anything):
        return False
    if name in (OFFERS, CONTROL):
        return bool(said) == bool(value)
    return said == value


def _overridden(name: str, farther: Sequence[Step]) -> tuple[Statement, ...]:
    return tuple(
        Statement(step.link, step.link.policy.values[name], step.effect == "applied")
        for step in reversed(farther)
        if step.link.policy and not step.link.policy.read_error and name in step.link.policy.values
    )


def _says_of_line(key: str, step: Step) -> tuple[Line, ...]:
    policy = step.link.policy
    if policy is None or policy.read_error:
        return (ANYTHING,)
    for line in policy.helpers:
        if line.key == key:
            return (line,)
    if policy.replaces_helpers or key in policy.removed_helpers:
        return (None,)
    return ()


def _helpers(
    open_steps: Sequence[Step],
) -> tuple[tuple[ResultantHelper, ...], tuple[OverriddenHelper, ...]]:
    helpers: list[ResultantHelper] = []
    overridden: list[OverriddenHelper] = []
    listings = {
        line.key: (step, line)
        for step in open_steps
        if step.link.policy and not step.link.policy.read_error
        for line in step.link.policy.helpers
    }  # of each line the last that lists it
    for key, (lister, listed) in listings.items():
        found = _line(key, open_steps)
        if isinstance(found, ResultantHelper):
            helpers.append(found)
        elif found is not None:
            overridden.append(OverriddenHelper(listed, lister.link, found.link))
    return tuple(helpers), tuple(overridden)


def _at_home(helper: ResultantHelper, home: uuid.UUID | None) -> ResultantHelper:
    """A bare name is looked up in the computer's domain, which need not be the policy's."""
    policy, line = helper.link.policy, helper.line
    is_away = policy is not None and policy.domain_guid not in (None, home)
    if not is_away or not line.is_bare or line.principal is None:
        return helper
    moved = replace(line, principal=None, either=(line.principal,), problem=BARE_ELSEWHERE)
    return replace(helper, line=moved)


def _line(key: str, open_steps: Sequence[Step]) -> ResultantHelper | Step | None:
    """A line as it stands, or the step that took it off the list."""
    doubts: list[tuple[Step, Line]] = []
    settled: tuple[Step, Line] | None = None
    for step in reversed(open_steps):
        for said in _says_of_line(key, step):
            if step.effect == "applied":
                settled = (step, said)
            else:
                doubts.append((step, said))
        if settled:
            break
    if settled and isinstance(settled[1], HelperLine):
        against = [step for step, said in doubts if not isinstance(said, HelperLine)]
        return ResultantHelper(
            settled[1], settled[0].link, tuple(_unknown(step, HELPERS) for step in against)
        )
    lists_it = [(step, said) for step, said in doubts if isinstance(said, HelperLine)]
    if lists_it:
        step, line = lists_it[0]
        assert isinstance(line, HelperLine)  # noqa: S101 - for the type checker
        return ResultantHelper(
            line, step.link, tuple(_unknown(step, HELPERS) for step, _ in lists_it)
        )
    return settled[0] if settled else None


def _further_helpers(open_steps: Sequence[Step]) -> tuple[PolicyUnknown, ...]:
    """What could put lines on the list that nothing readable holds."""
    found: list[PolicyUnknown] = []
    for step in reversed(open_steps):
        policy = step.link.policy
        if policy is None or policy.read_error or policy.has_soft_values:
            found.append(_unknown(step, HELPERS))
        if step.effect == "applied" and policy is not None and policy.replaces_helpers:
            break
    return tuple(found)


def _helpers_source(open_steps: Sequence[Step]) -> Link | None:
    for step in reversed(open_steps):
        if step.effect == "applied" and step.link.policy and step.link.policy.lists_helpers:
            return step.link
    return None
