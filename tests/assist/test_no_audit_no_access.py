"""No offer without its audit event, and none while the trail is behind where a setting says so."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from django.db import DatabaseError, connection
from django.test import Client
from pytest_django import Settings

from assist import audit, tasks
from assist.actors import Actor
from assist.alerts import alert_banner, alert_see, sentence_of, unseen_alerts, watch_trail
from assist.audit.signing import new_key
from assist.checks import audit_checkpoints
from assist.eligibility import Decision, Effect, explain
from assist.errors import NotRecorded
from assist.lifecycle import Mode, State
from assist.models import AuditCheckpoint, AuditEvent, AuditUnsealed, Offer, OfferAlert
from assist.offers import offer_contact
from tests.assist.cast import NOW, Cast
from tests.assist.conftest import ScriptedNovice

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]


@pytest.fixture
def broken() -> Callable[[str], None]:
    """Makes the database refuse audit events of a kind."""

    def break_inserts(kind: str) -> None:
        with connection.cursor() as cursor:
            if connection.vendor == "postgresql":
                cursor.execute(
                    "CREATE FUNCTION test_refuse() RETURNS trigger LANGUAGE plpgsql AS "
                    "$$ BEGIN RAISE EXCEPTION 'the disk is full'; END $$"
                )
                cursor.execute(
                    "CREATE TRIGGER test_refuse BEFORE INSERT ON assist_auditevent FOR EACH ROW "
                    f"WHEN (NEW.kind = '{kind}') EXECUTE FUNCTION test_refuse()"
                )
            else:
                cursor.execute(
                    "CREATE TRIGGER test_refuse BEFORE INSERT ON assist_auditevent "
                    f"WHEN NEW.kind = '{kind}' "
                    "BEGIN SELECT RAISE(ABORT, 'the disk is full'); END"
                )

    return break_inserts


@pytest.mark.parametrize("kind", ["offer.requested", "offer.decided", "offer.queued"])
def test_an_offer_whose_event_cannot_be_written_is_not_made(
    cast: Cast, broken: Callable[[str], None], kind: str
) -> None:
    broken(kind)
    with pytest.raises(NotRecorded) as refused:
        cast.request()
    assert (refused.value.code, refused.value.status) == ("not_recorded", 503)
    assert not Offer.objects.exists()
    assert not AuditEvent.objects.exists()


def test_nobody_is_called_when_the_event_of_taking_the_offer_cannot_be_written(
    cast: Cast, novice: ScriptedNovice, broken: Callable[[str], None]
) -> None:
    offer = cast.request()
    broken("offer.contacting")
    with pytest.raises(DatabaseError):
        offer_contact(offer.pk)
    offer.refresh_from_db()
    assert (offer.state, offer.attempts) == (State.QUEUED, 0)
    assert (novice.listed, novice.started) == (0, [])


def test_remote_assistance_is_not_started_when_the_event_before_it_cannot_be_written(
    cast: Cast, novice: ScriptedNovice, broken: Callable[[str], None]
) -> None:
    offer = cast.request()
    broken("offer.starting")
    offer_contact(offer.pk)
    offer.refresh_from_db()
    assert (offer.state, offer.starting_at, novice.started) == (State.FAILED, None, [])
    assert (offer.end_code, offer.novice_name) == ("not_recorded", "")


class TestRequired:
    """With AUDIT_REQUIRED_FOR_OFFERS."""

    @pytest.fixture(autouse=True)
    def _required(self, settings: Settings) -> None:
        settings.AUDIT_REQUIRED_FOR_OFFERS = True
        settings.AUDIT_SEALER_MAXIMUM_LAG_SECONDS = 300
        settings.AUDIT_SINK_MAXIMUM_AGE_SECONDS = 3600

    def test_an_offer_is_let_through_while_the_trail_is_near(self, cast: Cast) -> None:
        waiting_since(NOW - timedelta(seconds=299))
        offer = cast.request()
        assert offer.state == State.QUEUED
        assert "portal.audit_trail" in rules_of(explained(cast))

    def test_an_offer_is_refused_while_the_sealer_is_behind(self, cast: Cast) -> None:
        waiting_since(NOW - timedelta(seconds=301))
        offer = cast.request()
        assert (offer.state, offer.end_code) == (State.REFUSED, "portal.audit_behind")
        assert "5 minutes" in offer.end_sentence
        assert "queue timers" in offer.end_remedy

    def test_the_explanation_shows_it_with_its_remedy(self, cast: Cast) -> None:
        waiting_since(NOW - timedelta(hours=3))
        decision = explained(cast)
        (finding,) = [each for each in decision.findings if each.rule == "portal.audit_behind"]
        assert (decision.is_allowed, finding.effect) == (False, Effect.DENY)
        assert "3 hours" in finding.sentence
        assert finding.remedy

    def test_it_is_asked_again_before_contact(self, cast: Cast, novice: ScriptedNovice) -> None:
        offer = cast.request()
        waiting_since(NOW - timedelta(seconds=301))
        offer_contact(offer.pk)
        offer.refresh_from_db()
        assert (offer.state, offer.end_code) == (State.REFUSED, "portal.audit_behind")
        assert (novice.listed, novice.started) == (0, [])

    def test_an_offer_is_refused_while_checkpoints_do_not_leave(
        self, cast: Cast, settings: Settings, tmp_path: Path
    ) -> None:
        settings.AUDIT_CHECKPOINT_KEY = new_key()
        settings.AUDIT_CHECKPOINT_FILE = str(tmp_path / "checkpoints.jsonl")
        never = explained(cast)
        assert never.decisive is not None
        assert "so far" in never.decisive.sentence
        audit.checkpoint_write(NOW - timedelta(minutes=61))
        late = explained(cast)
        assert late.decisive is not None
        assert (late.decisive.rule, "audit_checkpoint" in late.decisive.remedy) == (
            "portal.audit_behind",
            True,
        )
        settings.AUDIT_CHECKPOINT_FILE = str(tmp_path / "no" / "such" / "place")
        audit.checkpoint_write(NOW)  # is not delivered, so it does not count
        assert not explained(cast).is_allowed
        settings.AUDIT_CHECKPOINT_FILE = str(tmp_path / "checkpoints.jsonl")
        audit.checkpoint_write(NOW - timedelta(minutes=59))
        assert explained(cast).is_allowed

    def test_without_the_setting_nothing_is_asked(self, cast: Cast, settings: Settings) -> None:
        settings.AUDIT_REQUIRED_FOR_OFFERS = False
        waiting_since(NOW - timedelta(days=3))
        assert not rules_of(explained(cast)) & {"portal.audit_trail", "portal.audit_behind"}
        assert cast.request().state == State.QUEUED

    def test_what_cannot_work_is_refused_at_the_start(self, settings: Settings) -> None:
        assert [found.id for found in audit_checkpoints()] == ["assist.W021"]
        settings.AUDIT_SINK_MAXIMUM_AGE_SECONDS = 600
        assert "assist.E022" in [found.id for found in audit_checkpoints()]


class TestAlerts:
    """What operators are told, whatever the setting."""

    def test_a_sealer_that_is_behind_raises_one_alert_until_it_is_seen(self, cast: Cast) -> None:
        waiting_since(NOW - timedelta(seconds=59))
        watch_trail(NOW)
        assert alert_banner() == ""
        watch_trail(NOW + timedelta(seconds=2))
        tasks.watch_audit_trail()
        watch_trail(NOW + timedelta(seconds=90))
        (alert,) = unseen_alerts()
        assert (alert.first_at, alert.last_at) == (
            NOW - timedelta(seconds=59),
            NOW + timedelta(seconds=90),
        )
        assert "wait for their seal since 2026-11-23 08:59" in sentence_of(alert)
        assert alert_banner() == "The audit trail is behind."
        assert AuditEvent.objects.filter(kind="alert.audit_behind").count() == 1
        alert_see(actor=cast.actor("ooperator"), alert=alert, now=NOW)
        assert AuditEvent.objects.get(kind="alert.seen").subject_kind == "audit"
        watch_trail(NOW + timedelta(seconds=120))
        assert OfferAlert.objects.count() == 2

    def test_checkpoints_that_do_not_arrive_raise_an_alert(
        self, settings: Settings, tmp_path: Path
    ) -> None:
        settings.AUDIT_CHECKPOINT_KEY = new_key()
        settings.AUDIT_CHECKPOINT_FILE = str(tmp_path / "no" / "such" / "place")
        watch_trail(NOW)
        assert alert_banner() == ""  # the first is not due yet
        audit.checkpoint_write(NOW)
        watch_trail(NOW)
        (alert,) = unseen_alerts()
        assert "No checkpoint" in sentence_of(alert)
        assert not AuditCheckpoint.objects.get().is_delivered

    def test_health_has_the_lag(self, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("redis.Redis.ping", lambda self: True)
        assert client.get("/health").json()["audit_sealer_lag_seconds"] == 0
        waiting_since(NOW - timedelta(seconds=70))
        answer = client.get("/health").json()
        assert (answer["audit_sealer_lag_seconds"], answer["audit_checkpoint_age_seconds"]) == (
            70,
            None,
        )


def waiting_since(moment: datetime) -> None:
    """An event that has waited for its seal since then."""
    event = audit.record("test.done", actor=Actor.portal())
    AuditUnsealed.objects.filter(event=event).update(since=moment)


def explained(cast: Cast) -> Decision:
    return explain(cast.mjones, cast.xp191, Mode.VIEW, now=NOW)


def rules_of(decision: Decision) -> set[str]:
    return {finding.rule for finding in decision.findings}
