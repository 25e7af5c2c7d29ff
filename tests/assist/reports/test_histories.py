"""What is known of one expert and of one computer, and what is not."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
import time_machine

from assist.errors import InvalidInput
from assist.models import AuditEvent
from assist.reports.histories import (
    day_of_computer,
    expert_history,
    expert_offers,
    read_past_day,
)
from directory.models import Account, Group, SyncRun
from directory.names import UnknownName
from tests.assist.cast import NOW, Cast
from tests.assist.reports.made_offers import DECISION, made_offer

pytestmark = pytest.mark.django_db
TODAY = date(2026, 11, 23)
YESTERDAY = date(2026, 11, 22)


def made_run(cast: Cast, at: object, **columns: object) -> SyncRun:
    defaults = {
        "domain": cast.domain,
        "domain_dns_name": cast.domain.dns_name,
        "state": SyncRun.State.SUCCEEDED,
        "started_at": at,
        "heartbeat_at": at,
        "finished_at": at,
    }
    return SyncRun.objects.create(**(defaults | columns))


def test_the_ways_by_which_helper_lists_let_an_expert_in_are_told(cast: Cast) -> None:
    history = expert_history(cast.actor("aauditor"), cast.nkhan.sid)
    (way,) = history.ways
    assert (way.policy, way.is_linked) == ("WinnipegGPO", True)
    assert way.through == (r"R2\Helpdesk Night", r"R2\Helpdesk Winnipeg")


def test_the_last_change_of_what_lets_her_in_is_told_the_newest_first(cast: Cast) -> None:
    Group.objects.filter(pk=cast.groups["Helpdesk Winnipeg"].pk).update(
        recorded_at=NOW, recorded_run=7
    )
    first, *others = expert_history(cast.actor("aauditor"), cast.mjones.sid).changes
    assert (first.what, first.name, first.run) == ("group", r"R2\Helpdesk Winnipeg", 7)
    assert {change.at for change in others} == {None}


def test_an_event_on_a_helper_list_that_names_her_is_told_to_readers_of_the_trail(
    cast: Cast,
) -> None:
    for name in (r"R2\mjones", r"R2\nkhan"):
        AuditEvent.objects.create(
            at=NOW, kind="helper_list.added", actor_name="portal", data={"added": [{"name": name}]}
        )
    found = expert_history(cast.actor("aauditor"), cast.mjones.sid).changes
    assert [each.name for each in found if each.what == "audit event"] == ["helper_list.added"]
    own = expert_history(cast.actor(), cast.mjones.sid).changes
    assert not [each for each in own if each.what == "audit event"]


def test_an_expert_sees_her_own_history_alone(cast: Cast) -> None:
    made_offer(cast, by="nkhan")
    with pytest.raises(UnknownName):
        expert_history(cast.actor("mjones"), cast.nkhan.sid)
    assert list(expert_offers(cast.actor("mjones"), cast.nkhan.sid)) == []
    assert expert_history(cast.actor("nkhan"), cast.nkhan.sid).name == r"R2\nkhan"


def test_an_expert_who_left_the_directory_is_known_by_her_offers(cast: Cast) -> None:
    made_offer(cast, by="nkhan")
    sid = cast.nkhan.sid
    Account.objects.filter(pk=cast.nkhan.pk).delete()
    history = expert_history(cast.actor("tmanager"), sid)
    assert (history.name, history.is_known, history.ways) == (r"R2\nkhan", False, ())


def test_the_decisions_of_a_day_are_told_as_they_were_stored(cast: Cast) -> None:
    made_offer(cast, decision=DECISION | {"verdict": "refused", "sentence": "No."})
    made_offer(cast, requested_at=NOW - timedelta(days=1))
    found = day_of_computer(cast.actor("tmanager"), cast.xp191, TODAY, NOW)
    assert [(told.is_allowed, told.sentence) for told in found.decisions] == [(False, "No.")]
    assert found.nearest == ()
    others = day_of_computer(cast.actor("radmin"), cast.xp191, TODAY, NOW)
    assert others.decisions == ()


def test_where_nobody_asked_the_nearest_decisions_are_told(cast: Cast) -> None:
    made_offer(cast, requested_at=NOW - timedelta(days=9))
    made_offer(cast)
    found = day_of_computer(cast.actor("tmanager"), cast.xp191, YESTERDAY, NOW)
    assert found.decisions == ()
    assert [told.offer.requested_at for told in found.nearest] == [NOW - timedelta(days=9), NOW]


@time_machine.travel(NOW, tick=False)
def test_everybody_is_known_while_no_synchronisation_found_a_change(cast: Cast) -> None:
    manager = cast.actor("tmanager")
    assert day_of_computer(manager, cast.xp191, YESTERDAY, NOW).allowed is None
    made_run(cast, NOW - timedelta(days=2), counts={"account": {"added": 3}})
    made_run(cast, NOW, counts={"account": {"read": 3}})
    found = day_of_computer(manager, cast.xp191, YESTERDAY, NOW)
    assert {item.who.name for item in found.allowed or ()} == {
        *(r"R2\mjones", r"R2\nkhan", r"R2\radmin")
    }
    cast.domain.synced_at = NOW - timedelta(days=1)  # not compared since that day
    cast.domain.save()
    assert day_of_computer(manager, cast.xp191, YESTERDAY, NOW).allowed is None
    cast.domain.synced_at = NOW
    cast.domain.save()
    made_run(cast, NOW, counts={"group": {"changed": 1}})
    found = day_of_computer(manager, cast.xp191, YESTERDAY, NOW)
    assert (found.allowed, found.runs_since) == (None, 1)
    assert day_of_computer(manager, cast.xp191, TODAY, NOW).allowed is not None
    assert day_of_computer(cast.actor(), cast.xp191, TODAY, NOW).allowed is None


@time_machine.travel(NOW, tick=False)
def test_an_offer_under_way_keeps_nobody_from_having_been_able_to_help(cast: Cast) -> None:
    cast.request()
    found = day_of_computer(cast.actor("tmanager"), cast.xp191, TODAY, NOW)
    assert len(found.allowed or ()) == 3


@pytest.mark.parametrize("text", ["soon", "2026-11-24", "1999-12-31", "2026-02-30"])
def test_a_day_of_which_nothing_can_be_known_is_refused_by_its_field(text: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        read_past_day(text, TODAY)
    assert refusal.value.field == "day"
    assert refusal.value.remedy
