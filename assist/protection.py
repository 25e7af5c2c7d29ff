"""The rules for protected computers: made, changed and taken away, each with its audit event.

They are rows and not settings: they name units and groups by what stays when names change, hold in
every process at once, and who changed what is in the audit trail.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.db import IntegrityError, transaction
from django.utils import timezone

from assist import audit
from assist.actors import Actor
from assist.eligibility.time_windows import parse_time_windows
from assist.errors import InvalidInput, NotAllowed
from assist.models import ProtectionRule
from assist.readiness.scopes import unit_named
from directory.names import find_group

MOST_MINUTES = 24 * 60
_PATTERN = re.compile(r"[A-Za-z0-9 ._:/,#*-]*", re.ASCII)
_LONGEST_PATTERN = 200
_LONGEST_HOURS = 500
# What a change of is told in the audit trail.
_COLUMNS = (
    *("name", "is_enabled", "scope_kind", "scope_id", "scope_name", "needs_ticket"),
    *("ticket_pattern", "needs_reason", "hours", "time_zone", "needs_approval"),
    *("approver_group_sid", "approver_group_name", "approval_minutes"),
)


@dataclass(frozen=True)
class RuleChoice:
    """What an operator chose.

    Attributes:
        name: Of the rule.
        is_enabled: It holds.
        unit: Name or distinguished name of the unit whose computers it protects, or empty.
        group: Name of the group whose computers it protects, or empty; with both empty, it
            protects every computer.
        needs_ticket: An offer has to name a ticket.
        ticket_pattern: Forms of the ticket, or empty.
        needs_reason: An offer has to give a reason.
        hours: When help may be offered, as ``Mon-Fri 08:00-18:00``; empty: at any time.
        time_zone: IANA name of the hours' zone; empty: the portal's.
        needs_approval: A second person has to release an offer.
        approver_group: Whose members may; empty: the roles approver and manager.
        approval_minutes: How long an approval counts for the same expert, computer and mode.
    """

    name: str
    is_enabled: bool = True
    unit: str = ""
    group: str = ""
    needs_ticket: bool = False
    ticket_pattern: str = ""
    needs_reason: bool = False
    hours: str = ""
    time_zone: str = ""
    needs_approval: bool = False
    approver_group: str = ""
    approval_minutes: int = 0


def protection_save(
    *,
    actor: Actor,
    choice: RuleChoice,
    rule: ProtectionRule | None = None,
    now: datetime | None = None,
) -> ProtectionRule:
    """Make a rule, or change one. What was approved before the change counts no more.

    Args:
        actor: An operator.
        choice: All of the rule.
        rule: The one to change; None: a new one.
        now: An aware time; the present if None.

    Raises:
        NotAllowed: The actor is no operator.
        InvalidInput: Something cannot be used; ``field`` names it.
        PortalError: There is no such unit or group; ``field`` names it.
    """
    _require_operator(actor)
    now = now or timezone.now()
    before = _columns(rule) if rule else {}
    columns = _checked(choice, rule) | {"changed_at": now, "changed_by": actor.name}
    saved = rule or ProtectionRule()
    for name, value in columns.items():
        setattr(saved, name, value)
    try:
        with transaction.atomic():
            saved.save()
            audit.record(
                "protection.changed" if rule else "protection.made",
                actor=actor,
                subject_kind="rule",
                subject_id=str(saved.pk),
                subject_name=saved.name,
                data={"before": before, "after": _columns(saved)},
                now=now,
            )
    except IntegrityError:
        raise _name_taken(choice.name) from None
    return saved


def protection_delete(*, actor: Actor, rule: ProtectionRule, now: datetime | None = None) -> None:
    """Take a rule away; offers that wait for an approval by it go on when they are next looked at.

    Args:
        actor: An operator.
        rule: The rule.
        now: An aware time; the present if None.

    Raises:
        NotAllowed: The actor is no operator.
    """
    _require_operator(actor)
    with transaction.atomic():
        audit.record(
            "protection.deleted",
            actor=actor,
            subject_kind="rule",
            subject_id=str(rule.pk),
            subject_name=rule.name,
            data={"before": _columns(rule)},
            now=now,
        )
        rule.delete()


def choice_of(rule: ProtectionRule) -> RuleChoice:
    """A rule as it was chosen, for the form that changes it."""
    is_unit = rule.scope_kind == ProtectionRule.Scope.UNIT
    is_group = rule.scope_kind == ProtectionRule.Scope.GROUP
    return RuleChoice(
        name=rule.name,
        is_enabled=rule.is_enabled,
        unit=rule.scope_name if is_unit else "",
        group=rule.scope_name if is_group else "",
        needs_ticket=rule.needs_ticket,
        ticket_pattern=rule.ticket_pattern,
        needs_reason=rule.needs_reason,
        hours=rule.hours,
        time_zone=rule.time_zone,
        needs_approval=rule.needs_approval,
        approver_group=rule.approver_group_name,
        approval_minutes=rule.approval_minutes,
    )


def _checked(choice: RuleChoice, rule: ProtectionRule | None) -> dict[str, Any]:
    name = choice.name.strip()
    if not name or len(name) > 100 or not name.isprintable():
        raise InvalidInput(
            "A rule needs a name of 1 to 100 printable characters.",
            remedy="Name what it protects.",
            field="name",
        )
    others = ProtectionRule.objects.exclude(pk=rule.pk) if rule else ProtectionRule.objects.all()
    if others.filter(name__iexact=name).exists():
        raise _name_taken(name)
    asks = choice.needs_ticket or choice.needs_reason or choice.needs_approval
    if not asks and not choice.hours.strip():
        raise InvalidInput(
            "The rule asks for nothing.",
            remedy="Choose at least one of ticket, reason, hours and approval.",
            field="name",
        )
    return {
        "name": name,
        "is_enabled": choice.is_enabled,
        "needs_ticket": choice.needs_ticket,
        "ticket_pattern": _pattern(choice),
        "needs_reason": choice.needs_reason,
        **_hours(choice),
        **_scope(choice),
        **_approval(choice),
    }


def _scope(choice: RuleChoice) -> dict[str, str]:
    if choice.unit.strip() and choice.group.strip():
        raise InvalidInput(
            "A rule is about a unit or about a group, not both.",
            remedy="Make a rule for each.",
            field="group",
        )
    if choice.unit.strip():
        unit = unit_named(choice.unit)
        found = (ProtectionRule.Scope.UNIT, str(unit.pk), unit.distinguished_name)
    elif choice.group.strip():
        group = find_group(choice.group, field="group")
        if not group.is_security:
            raise InvalidInput(
                f"{group} is a distribution group.",
                remedy="Name a security group.",
                field="group",
            )
        found = (ProtectionRule.Scope.GROUP, group.sid, str(group))
    else:
        found = (ProtectionRule.Scope.ALL, "", "")
    return dict(zip(("scope_kind", "scope_id", "scope_name"), found, strict=True))


def _pattern(choice: RuleChoice) -> str:
    pattern = choice.ticket_pattern.strip()
    if not _PATTERN.fullmatch(pattern) or len(pattern) > _LONGEST_PATTERN:
        raise InvalidInput(
            "The form of tickets has characters that no ticket has.",
            remedy="Write # for a digit, * for anything, and commas between forms, as INC-#######.",
            field="ticket_pattern",
        )
    if pattern and not choice.needs_ticket:
        raise InvalidInput(
            "There is a form of tickets, but no ticket is asked for.",
            remedy="Ask for a ticket, or empty the form.",
            field="ticket_pattern",
        )
    return pattern


def _hours(choice: RuleChoice) -> dict[str, str]:
    hours, zone = choice.hours.strip(), choice.time_zone.strip()
    try:
        windows = parse_time_windows(hours)
        if len(hours) > _LONGEST_HOURS:
            raise ValueError("That is too long.")
    except ValueError as error:
        raise InvalidInput(
            str(error),
            remedy="Write hours as Mon-Fri 08:00-18:00, Sat 22:00-06:00.",
            field="hours",
        ) from error
    try:
        if zone:
            ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise InvalidInput(
            f"There is no time zone {zone}.",
            remedy="Write an IANA name, as America/Winnipeg; empty: the portal's.",
            field="time_zone",
        ) from error
    return {"hours": ", ".join(map(_written, windows)), "time_zone": zone}


def _written(window: object) -> str:
    return str(window).removeprefix("every day ")


def _approval(choice: RuleChoice) -> dict[str, Any]:
    if not choice.needs_approval:
        return {
            "needs_approval": False,
            "approver_group_sid": "",
            "approver_group_name": "",
            "approval_minutes": 0,
        }
    if not 0 <= choice.approval_minutes <= MOST_MINUTES:
        raise InvalidInput(
            f"An approval counts for 0 to {MOST_MINUTES} minutes.",
            remedy="0 is for the one offer.",
            field="approval_minutes",
        )
    sid = name = ""
    if choice.approver_group.strip():
        group = find_group(choice.approver_group, field="approver_group")
        if not group.is_security:
            raise InvalidInput(
                f"{group} is a distribution group.",
                remedy="Name a security group.",
                field="approver_group",
            )
        sid, name = group.sid, str(group)
    return {
        "needs_approval": True,
        "approver_group_sid": sid,
        "approver_group_name": name,
        "approval_minutes": choice.approval_minutes,
    }


def _columns(rule: ProtectionRule) -> Mapping[str, Any]:
    return {name: _plain(getattr(rule, name)) for name in _COLUMNS}


def _plain(value: Any) -> Any:
    return value if isinstance(value, bool | int) else str(value)


def _require_operator(actor: Actor) -> None:
    if not actor.is_operator:
        raise NotAllowed(
            "The rules for protected computers are the operators' to change.",
            remedy="Ask one of them.",
        )


def _name_taken(name: str) -> InvalidInput:
    return InvalidInput(
        f"A rule is called {name.strip()} already.", remedy="Choose another name.", field="name"
    )
