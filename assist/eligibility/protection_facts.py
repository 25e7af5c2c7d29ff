"""Which rules protect a computer, and what was approved already, from the database."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from django.conf import settings
from django.db.models import F, Q

from assist.eligibility.decision import Reference
from assist.eligibility.protection import Granted, Protection
from assist.eligibility.time_windows import parse_time_windows
from assist.lifecycle import Mode
from assist.models import Approval, ProtectionRule
from directory.membership import computer_sids_in, is_member
from directory.models import Account, Computer, Group, OrganizationalUnit
from directory.statements import Reader

_RULE = Reader(ProtectionRule, "rule")
_ENABLED = f"SELECT {_RULE.columns} FROM assist_protectionrule rule WHERE is_enabled ORDER BY name"  # noqa: S608 - columns only
DEFAULT_APPROVERS = "whoever has the role approver or manager"


def protection_of(rule: ProtectionRule) -> Protection:
    """A rule as decisions rest on it, without what was approved."""
    return Protection(
        reference=Reference("rule", str(rule.pk), rule.name),
        scope=rule.scope_name or "every computer",
        windows=parse_time_windows(rule.hours),
        zone=rule.time_zone or settings.TIME_ZONE,
        needs_ticket=rule.needs_ticket,
        ticket_pattern=rule.ticket_pattern,
        needs_reason=rule.needs_reason,
        needs_approval=rule.needs_approval,
        approvers=rule.approver_group_name or DEFAULT_APPROVERS,
    )


def protections_of(
    account: Account,
    computer: Computer,
    mode_of_approval: Mode | None,
    at: datetime,
    offer_id: uuid.UUID | None,
) -> tuple[Protection, ...]:
    """The rules for one expert on one computer.

    One query where there is no rule; else one for the units, one for each rule by group, and one
    for approvals where a rule asks for them.

    Args:
        account: The expert.
        computer: With its ``ou``.
        mode_of_approval: The mode that an approval has to cover; None: as the question is about
            every mode, only what was approved for control counts.
        at: An aware time.
        offer_id: The offer that is being decided, whose own approvals count.
    """
    rules = [rule for rule in _enabled() if _concerns(rule, computer)]
    found = [protection_of(rule) for rule in rules]
    if not any(rule.needs_approval for rule in rules):
        return tuple(found)
    granted = _granted(account.sid, computer, mode_of_approval, at, offer_id)
    return tuple(
        replace(each, granted=granted.get(rule.pk)) for rule, each in zip(rules, found, strict=True)
    )


def rules_with_approval(computer: Computer) -> list[ProtectionRule]:
    """The enabled rules for a computer that ask for an approval."""
    return [rule for rule in _enabled() if rule.needs_approval and _concerns(rule, computer)]


def _enabled() -> list[ProtectionRule]:
    return [rule for rule, _ in _RULE.read(_ENABLED)]


def _concerns(rule: ProtectionRule, computer: Computer) -> bool:
    match rule.scope_kind:
        case ProtectionRule.Scope.ALL:
            return True
        case ProtectionRule.Scope.UNIT:
            return uuid.UUID(rule.scope_id) in _units_above(computer)
        case _:
            group = Group.objects.filter(sid=rule.scope_id, is_present=True).first()
            return group is not None and is_member(computer, group)


def _units_above(computer: Computer) -> frozenset[uuid.UUID]:
    """The unit of a computer and all above it, remembered on the computer's row in hand."""
    known: frozenset[uuid.UUID] | None = getattr(computer, "_units_above", None)
    if known is None:
        found = set[uuid.UUID]()
        unit = computer.ou_id
        while unit is not None and unit not in found:
            found.add(unit)
            unit = (
                OrganizationalUnit.objects.filter(pk=unit)
                .values_list("parent_id", flat=True)
                .first()
            )
        known = frozenset(found)
        computer._units_above = known  # type: ignore[attr-defined]
    return known


def _granted(
    expert_sid: str,
    computer: Computer,
    mode: Mode | None,
    at: datetime,
    offer_id: uuid.UUID | None,
) -> Mapping[int, Granted]:
    """Approvals that count, by the number of their rule; none from before the rule was changed."""
    lasting = Q(expert_sid=expert_sid, computer=computer, valid_until__gt=at)
    if mode is not Mode.VIEW:
        lasting &= Q(mode=Mode.CONTROL.value)
    own = Q(offer_id=offer_id) if offer_id else Q(pk__in=[])
    approvals = Approval.objects.filter(
        lasting | own,
        state=Approval.State.APPROVED,
        rule__isnull=False,
        decided_at__gte=F("rule__changed_at"),
    )
    return {
        approval.rule_id: Granted(
            Reference("account", approval.approver_sid, approval.approver_name),
            approval.decided_at,
        )
        for approval in approvals.order_by("decided_at")
        if approval.rule_id is not None and approval.decided_at is not None
    }


@dataclass(frozen=True)
class ProtectionPicture:
    """All enabled rules, loaded once for the answers on many computers; approvals left out.

    Attributes:
        everywhere: Rules for every computer.
        of_units: Rules by the GUID of the unit that they name.
        of_groups: Rules by group, with the SIDs of the computers in it.
        parents: The unit above each unit.
    """

    everywhere: tuple[Protection, ...] = ()
    of_units: Mapping[uuid.UUID, tuple[Protection, ...]] = field(default_factory=dict)
    of_groups: tuple[tuple[Protection, frozenset[str]], ...] = ()
    parents: Mapping[uuid.UUID, uuid.UUID | None] = field(default_factory=dict)
    _known: dict[uuid.UUID | None, tuple[Protection, ...]] = field(default_factory=dict)

    def of(self, unit: uuid.UUID | None, sid: str) -> tuple[Protection, ...]:
        """The rules for a computer.

        Args:
            unit: GUID of its organizational unit.
            sid: The computer's.
        """
        by_unit = self._known.get(unit)
        if by_unit is None:
            by_unit = tuple(self._above(unit))
            self._known[unit] = by_unit
        by_group = tuple(rule for rule, computers in self.of_groups if sid in computers)
        if not by_group:
            return by_unit
        return tuple(sorted((*by_unit, *by_group), key=lambda rule: rule.reference.name))

    def _above(self, unit: uuid.UUID | None) -> Iterator[Protection]:
        found, seen = list(self.everywhere), set[uuid.UUID]()
        while unit is not None and unit not in seen:
            seen.add(unit)
            found += self.of_units.get(unit, ())
            unit = self.parents.get(unit)
        yield from sorted(found, key=lambda rule: rule.reference.name)


def protection_picture(parents: Mapping[uuid.UUID, uuid.UUID | None]) -> ProtectionPicture:
    """All enabled rules; one query, and three for each rule by group."""
    everywhere: list[Protection] = []
    units: dict[uuid.UUID, tuple[Protection, ...]] = {}
    groups: list[tuple[Protection, frozenset[str]]] = []
    for rule in _enabled():
        protection = protection_of(rule)
        match rule.scope_kind:
            case ProtectionRule.Scope.ALL:
                everywhere.append(protection)
            case ProtectionRule.Scope.UNIT:
                guid = uuid.UUID(rule.scope_id)
                units[guid] = (*units.get(guid, ()), protection)
            case _:
                group = Group.objects.filter(sid=rule.scope_id, is_present=True).first()
                if group is not None:
                    groups.append((protection, computer_sids_in(group)))
    return ProtectionPicture(tuple(everywhere), units, tuple(groups), parents)
