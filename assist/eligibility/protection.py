"""The portal's own rules for protected computers: hours, ticket, reason, approval. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from assist.eligibility.decision import Effect, Finding, Reference
from assist.eligibility.time_windows import TimeWindow, is_open, next_opening

APPROVAL_NEEDED = "protection.approval_needed"
_KEEPERS = "The portal's operators keep the rules for protected computers."


@dataclass(frozen=True)
class Asked:
    """What is known of an offer besides expert, computer and mode.

    Attributes:
        ticket: The reference to the ticket, or empty.
        reason: Why, or empty.
        at: When the offer is to start, an aware time; None: at once.
        is_released: It waits for nobody any more: what is not approved now is not allowed.
    """

    ticket: str = ""
    reason: str = ""
    at: datetime | None = None
    is_released: bool = False


@dataclass(frozen=True)
class Granted:
    """An approval that counts for this expert on this computer now."""

    by: Reference
    at: datetime


@dataclass(frozen=True)
class Protection:
    """One rule, as it concerns one computer.

    Attributes:
        reference: The rule.
        scope: The unit or group by which the computer is protected, for a person.
        windows: When help may be offered; empty: at any time.
        zone: IANA name of the time zone of the windows.
        needs_ticket: An offer has to name a ticket.
        ticket_pattern: Forms of the ticket, as :func:`matches_pattern` reads them; empty: any.
        needs_reason: An offer has to give a reason.
        needs_approval: A second person has to release an offer.
        approvers: Who may, for a person.
        granted: The approval that there is already.
    """

    reference: Reference
    scope: str
    windows: tuple[TimeWindow, ...] = ()
    zone: str = "UTC"
    needs_ticket: bool = False
    ticket_pattern: str = ""
    needs_reason: bool = False
    needs_approval: bool = False
    approvers: str = ""
    granted: Granted | None = None

    def __str__(self) -> str:
        return f"the rule {self.reference.name} ({self.scope})"


def matches_pattern(pattern: str, text: str) -> bool:
    """Whether a ticket has one of the forms of a rule.

    No regular expressions: an operator's mistake in one could hold up every request.

    Args:
        pattern: Forms, separated by commas: ``#`` is a digit, ``*`` is anything, all else itself
            in any case, as ``INC-#######, CHG*``.
        text: The ticket.
    """
    folded = text.casefold()
    return any(
        _has_form(form.strip().casefold(), folded) for form in pattern.split(",") if form.strip()
    )


def _has_form(form: str, text: str) -> bool:
    """Between stars, each part is looked for once and as early as it fits: no backtracking."""
    first, *middle, last = form.split("*") if "*" in form else (form, form)
    if "*" not in form:
        return len(text) == len(form) and _begins(first, text)
    if not _begins(first, text) or len(text) < len(first) + len(last):
        return False
    end = len(text) - len(last)
    if not _begins(last, text[end:]):
        return False
    place = len(first)
    for part in middle:
        found = (at for at in range(place, end - len(part) + 1) if _begins(part, text[at:]))
        at = next(found, None)
        if at is None:
            return False
        place = at + len(part)
    return True


def _begins(part: str, text: str) -> bool:
    if len(text) < len(part):
        return False
    pairs = zip(part, text, strict=False)
    return all(there in "0123456789" if each == "#" else each == there for each, there in pairs)


def protection_findings(
    computer: Reference, protections: tuple[Protection, ...], asked: Asked | None, now: datetime
) -> Iterator[Finding]:
    """What the rules that protect a computer say to an offer; nothing where there is none.

    Args:
        computer: The computer.
        protections: The rules that concern it.
        asked: The offer; None while only the question is asked whether one could be made.
        now: An aware time.
    """
    for rule in protections:
        about = _About(computer, rule)
        if rule.windows:
            yield _hours(about, (asked and asked.at) or now)
        if rule.needs_ticket:
            yield _ticket(about, asked)
        if rule.needs_reason:
            yield _reason(about, asked)
        if rule.needs_approval:
            yield _approval(about, asked)


@dataclass(frozen=True)
class _About:
    """What every finding of a rule speaks of."""

    computer: Reference
    rule: Protection

    def finding(self, code: str, effect: Effect, said: str, remedy: str = "") -> Finding:
        sentence = f"{self.computer.name} is protected by {self.rule}: {said}."
        evidence = (self.computer, self.rule.reference)
        return Finding(f"protection.{code}", effect, sentence, evidence, remedy)


def _hours(about: _About, at: datetime) -> Finding:
    rule = about.rule
    zone = ZoneInfo(rule.zone)
    hours = ", ".join(map(str, rule.windows))
    said = f"help may be offered {hours} ({rule.zone})"
    local = f"{at.astimezone(zone):%a %Y-%m-%d %H:%M}"
    if is_open(rule.windows, zone, at):
        return about.finding("within_hours", Effect.ALLOW, f"{said}; {local} is within")
    opening = next_opening(rule.windows, zone, at)
    return about.finding(
        "outside_hours",
        Effect.DENY,
        f"{said}, and {local} is outside",
        f"Ask for an offer that starts on {opening:%a %Y-%m-%d} at {opening:%H:%M} ({rule.zone}) "
        f"or later. {_KEEPERS}",
    )


def _ticket(about: _About, asked: Asked | None) -> Finding:
    pattern = about.rule.ticket_pattern
    form = f" of the form {pattern}" if pattern else ""
    if asked is None:
        said = f"an offer has to name a ticket{form}"
        return about.finding("ticket_needed", Effect.WARN, said, "Name it with the offer.")
    if not asked.ticket:
        return about.finding(
            "ticket_missing",
            Effect.DENY,
            f"an offer has to name a ticket{form}",
            f"Ask again and name the ticket. {_KEEPERS}",
        )
    if pattern and not matches_pattern(pattern, asked.ticket):
        return about.finding(
            "ticket_form",
            Effect.DENY,
            f"{asked.ticket} is no ticket{form}",
            f"Ask again with such a ticket; # is a digit and * is anything. {_KEEPERS}",
        )
    return about.finding("ticket_given", Effect.ALLOW, f"the ticket {asked.ticket} is given")


def _reason(about: _About, asked: Asked | None) -> Finding:
    if asked is None:
        said = "an offer has to give a reason"
        return about.finding("reason_needed", Effect.WARN, said, "Give it with the offer.")
    if not asked.reason:
        return about.finding(
            "reason_missing",
            Effect.DENY,
            "an offer has to give a reason",
            f"Ask again and give the reason. {_KEEPERS}",
        )
    return about.finding("reason_given", Effect.ALLOW, "a reason is given")


def _approval(about: _About, asked: Asked | None) -> Finding:
    granted, who = about.rule.granted, about.rule.approvers
    if granted is not None:
        said = f"{granted.by.name} approved at {granted.at:%Y-%m-%d %H:%M} UTC"
        found = about.finding("approved", Effect.ALLOW, said)
        return Finding(
            found.rule, found.effect, found.sentence, (*found.evidence, granted.by), found.remedy
        )
    if asked is not None and asked.is_released:
        return about.finding(
            "not_approved",
            Effect.DENY,
            f"nobody has approved the offer ({who})",
            f"Ask again; the offer then waits for an approval. {_KEEPERS}",
        )
    return about.finding(
        "approval_needed",
        Effect.WARN,
        f"an offer waits until a second person has approved it ({who})",
        "Whoever may approve sees it under Approvals.",
    )
