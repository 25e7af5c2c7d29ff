"""Rules for protected computers: who keeps them, what they ask for, where that is shown."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pytest_django import Settings

from assist.eligibility import Asked, Decision, Effect, explain
from assist.eligibility.many.answers import computers_for
from assist.eligibility.protection import matches_pattern
from assist.errors import InvalidInput, NotAllowed
from assist.lifecycle import Mode, State
from assist.models import AuditEvent, Offer, ProtectionRule
from assist.protection import RuleChoice, choice_of, protection_delete, protection_save
from directory.errors import PortalError
from tests.assist.cast import NOW, Cast
from tests.assist.protected import add_rule
from tests.assist.test_commands import Run
from tests.assist.test_matrix import add_unit, require_equality

pytestmark = pytest.mark.usefixtures("clock")


def decide(cast: Cast, asked: Asked | None = None, now: datetime = NOW) -> Decision:
    return explain(cast.mjones, cast.xp191, Mode.CONTROL, now=now, asked=asked)


def said(decision: Decision) -> dict[str, Effect]:
    return {
        finding.rule.removeprefix("protection."): finding.effect
        for finding in decision.findings
        if finding.rule.startswith("protection.")
    }


def test_without_a_rule_nothing_is_said(cast: Cast) -> None:
    assert said(decide(cast, Asked())) == {}


def test_a_ticket_is_asked_for_and_its_form_checked(cast: Cast) -> None:
    add_rule(cast, unit="Winnipeg", needs_ticket=True, ticket_pattern="INC-####, CHG*")
    assert said(decide(cast)) == {"ticket_needed": Effect.WARN}
    assert decide(cast).is_allowed
    refused = decide(cast, Asked())
    assert refused.decisive is not None
    assert refused.decisive.rule == "protection.ticket_missing"
    assert "INC-####" in refused.sentence
    assert "OU=Winnipeg" in refused.sentence
    assert "operators keep the rules" in refused.decisive.remedy
    assert said(decide(cast, Asked(ticket="INC-12"))) == {"ticket_form": Effect.DENY}
    assert said(decide(cast, Asked(ticket="inc-1234"))) == {"ticket_given": Effect.ALLOW}
    assert decide(cast, Asked(ticket="CHG 7")).is_allowed


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        ("INC-###", "INC-123", True),
        ("INC-###", "INC-1234", False),
        ("INC-###", "XINC-123", False),
        ("INC.1", "INCx1", False),
        ("*", "anything", True),
        ("#", "\u0663", False),
        ("A, B*", "b77", True),
        (" , ", "x", False),
        ("*" * 60 + "x", "y" * 64, False),
        ("*1" * 20, "1" * 64, True),
        ("*1" * 20, "1" * 63 + "x", False),
        ("a*a", "a", False),
        ("a*b*c", "abbc", True),
        ("a*b*c", "acbc", True),
        ("a*b*c", "acc", False),
        ("a*#", "a77", True),
    ],
)
def test_forms_of_tickets_are_no_regular_expressions(
    pattern: str, text: str, expected: bool
) -> None:
    assert matches_pattern(pattern, text) is expected


def test_a_reason_is_asked_for(cast: Cast) -> None:
    add_rule(cast, needs_reason=True)
    assert said(decide(cast)) == {"reason_needed": Effect.WARN}
    assert said(decide(cast, Asked())) == {"reason_missing": Effect.DENY}
    assert said(decide(cast, Asked(reason="Printer"))) == {"reason_given": Effect.ALLOW}


def test_outside_the_hours_the_refusal_names_the_next_opening(cast: Cast) -> None:
    add_rule(cast, hours="Mon-Fri 08:00-18:00", time_zone="America/Winnipeg")
    early = decide(cast)  # Monday 09:00 UTC is 03:00 in Winnipeg
    assert said(early) == {"outside_hours": Effect.DENY}
    assert early.decisive is not None
    assert "Mon 2026-11-23 03:00 is outside" in early.sentence
    assert "Mon 2026-11-23 at 08:00 (America/Winnipeg)" in early.decisive.remedy
    opening = datetime(2026, 11, 23, 8, tzinfo=ZoneInfo("America/Winnipeg"))
    assert said(decide(cast, now=opening)) == {"within_hours": Effect.ALLOW}


def test_an_offer_for_later_is_judged_by_the_hours_of_its_start(cast: Cast) -> None:
    add_rule(cast, hours="20:00-22:00", time_zone="UTC")
    evening = NOW.replace(hour=20, minute=30)
    assert cast.request().end_code == "protection.outside_hours"
    assert cast.request(start_at=evening).state == State.HELD


def test_a_rule_protects_what_is_in_its_unit_or_below(cast: Cast) -> None:
    branch = add_unit(cast, "Branch", cast.unit)
    below = cast.add_computer("PC2", ou=branch)
    elsewhere = cast.add_computer("PC3", ou=add_unit(cast, "Brandon"))
    add_rule(cast, unit="OU=Winnipeg,DC=r2,DC=local", needs_reason=True)
    for computer, expected in ((cast.xp191, 1), (below, 1), (elsewhere, 0)):
        decision = explain(cast.mjones, computer, Mode.VIEW, now=NOW)
        assert len(said(decision)) == expected, computer.name


def test_a_rule_protects_what_is_in_its_group_through_others_too(cast: Cast) -> None:
    tills, all_tills = cast.add_group("Tills"), cast.add_group("All Tills")
    cast.join(all_tills, tills)
    cast.join(tills, cast.xp191)
    other = cast.add_computer("PC2")
    add_rule(cast, group=r"R2\All Tills", needs_reason=True)
    assert said(decide(cast)) == {"reason_needed": Effect.WARN}
    assert said(explain(cast.mjones, other, Mode.VIEW, now=NOW)) == {}
    all_tills.is_present = False
    all_tills.save()
    assert said(decide(cast)) == {}


def test_a_rule_that_is_switched_off_asks_for_nothing(cast: Cast) -> None:
    add_rule(cast, needs_reason=True, is_enabled=False)
    assert said(decide(cast)) == {}


def test_every_rule_for_a_computer_is_asked(cast: Cast) -> None:
    add_rule(cast, "B", needs_reason=True)
    add_rule(cast, "A", unit="Winnipeg", needs_ticket=True)
    decision = decide(cast, Asked())
    assert list(said(decision)) == ["ticket_missing", "reason_missing"]


def test_the_answers_for_many_agree(cast: Cast, settings: Settings) -> None:
    branch = add_unit(cast, "Branch", cast.unit)
    cast.add_computer("PC2", ou=branch)
    cast.add_computer("PC3")
    cast.add_computer("PC4")
    cast.join(cast.add_group("Tills"), cast.computers["PC3"])
    add_rule(cast, "closed", unit="Branch", hours="20:00-21:00", time_zone="UTC")
    add_rule(cast, "tills", group=r"R2\Tills", hours="20:00-21:00", time_zone="UTC")
    add_rule(cast, "all", needs_approval=True, needs_ticket=True)
    require_equality()
    assert computers_for(cast.mjones, now=NOW).refused == {"protection.outside_hours": 2}
    settings.OFFERS_PER_COMPUTER_PER_HOUR = 1
    offer = cast.request(target="PC4", ticket="INC-1")
    assert offer.state == State.HELD
    Offer.objects.update(state=State.DECLINED.value)
    require_equality()
    assert computers_for(cast.mjones, now=NOW).refused["portal.computer_rate_limit"] == 1


def test_the_command_explains_a_rule(cast: Cast) -> None:
    add_rule(cast, needs_approval=True)
    run = Run("explain_offer", "mjones", "XP191", "--json")
    assert run.code == 0
    assert "protection.approval_needed" in {item["rule"] for item in run.json["findings"]}


def test_a_rule_is_made_changed_and_taken_away_with_its_events(cast: Cast) -> None:
    actor = cast.actor("ooperator")
    rule = add_rule(cast, unit="Winnipeg", needs_reason=True, hours="08:00-09:00")
    choice = choice_of(rule)
    assert choice.unit == "OU=Winnipeg,DC=r2,DC=local"
    protection_save(
        actor=actor,
        choice=RuleChoice(**vars(choice) | {"needs_reason": False, "name": "New"}),
        rule=rule,
        now=NOW,
    )
    protection_delete(actor=actor, rule=rule, now=NOW)
    assert not ProtectionRule.objects.exists()
    made, changed, deleted = AuditEvent.objects.filter(kind__startswith="protection.")
    assert (made.kind, changed.kind, deleted.kind) == (
        "protection.made",
        "protection.changed",
        "protection.deleted",
    )
    assert changed.actor_name == r"R2\ooperator"
    assert changed.data["before"]["needs_reason"] is True
    assert changed.data["after"]["needs_reason"] is False
    assert deleted.data["before"]["name"] == "New"


@pytest.mark.parametrize("name", ["mjones", "tmanager", "aauditor"])
def test_rules_are_the_operators_alone(cast: Cast, name: str) -> None:
    rule = add_rule(cast, needs_reason=True)
    actor = cast.actor(name)
    with pytest.raises(NotAllowed):
        protection_save(actor=actor, choice=RuleChoice(name="x", needs_reason=True))
    with pytest.raises(NotAllowed):
        protection_delete(actor=actor, rule=rule)
    assert ProtectionRule.objects.count() == 1


@pytest.mark.parametrize(
    ("choice", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "a\x07b"}, "name"),
        ({"name": "TILLS"}, "name"),
        ({"needs_reason": False}, "name"),
        ({"unit": "Nowhere"}, "unit"),
        ({"group": r"R2\Nobody"}, "group"),
        ({"group": r"R2\Helpdesk News"}, "group"),
        ({"unit": "Winnipeg", "group": r"R2\Helpdesk Winnipeg"}, "group"),
        ({"hours": "sometimes"}, "hours"),
        ({"hours": "08:00-18:00", "time_zone": "Mars/Olympus"}, "time_zone"),
        ({"hours": "08:00-18:00", "time_zone": "../../etc/passwd"}, "time_zone"),
        ({"needs_ticket": True, "ticket_pattern": "(a+)+$"}, "ticket_pattern"),
        ({"ticket_pattern": "INC*"}, "ticket_pattern"),
        ({"needs_approval": True, "approval_minutes": 1441}, "approval_minutes"),
        ({"needs_approval": True, "approver_group": r"R2\Nobody"}, "approver_group"),
        ({"needs_approval": True, "approver_group": r"R2\Helpdesk News"}, "approver_group"),
    ],
)
def test_a_rule_that_makes_no_sense_is_refused_with_its_field(
    cast: Cast, choice: dict[str, Any], field: str
) -> None:
    add_rule(cast, needs_reason=True)
    with pytest.raises(PortalError) as refusal:
        protection_save(
            actor=cast.actor("ooperator"),
            choice=RuleChoice(**{"name": "New", "needs_reason": True} | choice),
        )
    assert refusal.value.field == field
    assert refusal.value.remedy
    assert ProtectionRule.objects.count() == 1


def test_a_second_rule_of_a_name_loses_the_race_with_a_sentence(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_rule(cast, needs_reason=True)
    monkeypatch.setattr("assist.protection._checked", lambda *_: {"name": "Tills"})
    with pytest.raises(InvalidInput, match="Tills"):
        add_rule(cast, needs_reason=True)


def test_hours_may_pass_between_request_and_contact(cast: Cast) -> None:
    add_rule(cast, hours="08:00-09:30", time_zone="UTC")
    offer = cast.request()
    assert offer.state == State.QUEUED
    later = decide(cast, Asked(is_released=True), now=NOW + timedelta(minutes=31))
    assert said(later) == {"outside_hours": Effect.DENY}
