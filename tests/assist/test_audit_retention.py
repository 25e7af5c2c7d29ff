"""Old audit events go by whole ranges, leave signed stubs, and the chain holds over the gap."""

# ruff: noqa: S608 - the statements are the test's own

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction
from pytest_django import Settings

from assist import audit, tasks
from assist.actors import Actor
from assist.audit import retention, verifying
from assist.audit.signing import new_key, parse_private_key, public_pem, read_checkpoints
from assist.audit.stubs import Stub, kinds_digest, read_stub, sign_stub
from assist.checks import audit_checkpoints
from assist.errors import CheckpointRefused, NotConfigured, RemovalRefused
from assist.models import (
    AuditCheckpoint,
    AuditEvent,
    AuditPersonal,
    AuditSeal,
    AuditStub,
)
from portal.environment import days_by_kind
from tests.assist.cast import NOW
from tests.audit_flush import as_database_owner

pytestmark = pytest.mark.django_db

OLD = NOW - timedelta(days=400)


@pytest.fixture(autouse=True)
def _policy(settings: Settings) -> None:
    settings.AUDIT_CHECKPOINT_KEY = new_key()
    settings.AUDIT_RETENTION_DAYS = {"test.*": 365, "test.kept": 3650}
    settings.AUDIT_RETENTION_LEAST_EVENTS = 1


def trail(days: str) -> list[AuditEvent]:
    """Sealed events: ``o`` is old, ``k`` is old and of a kind that is kept, ``n`` is new."""
    events = [
        audit.record(
            "test.kept" if each == "k" else "test.done",
            actor=Actor.portal(),
            personal={"novice": rf"R2\bob{number}"},
            now=NOW if each == "n" else OLD,
        )
        for number, each in enumerate(days)
    ]
    audit.seal(NOW)
    return events


def spans(found: Sequence[retention.Range]) -> list[tuple[int, int]]:
    return [(each.first, each.last) for each in found]


def test_ranges_whose_every_event_is_old_enough_go_and_the_chain_holds() -> None:
    events = trail("oookoonn")
    before = audit.verify()
    assert (before.count, before.removed) == (8, 0)
    found = audit.remove_old(NOW)
    assert spans(found) == [(1, 3), (5, 6)]
    assert list(
        AuditEvent.objects.filter(kind__startswith="test").values_list("pk", flat=True)
    ) == [
        events[3].pk,
        events[6].pk,
        events[7].pk,
    ]
    assert set(AuditPersonal.objects.values_list("event_id", flat=True)) == {
        event.pk for event in (events[3], events[6], events[7])
    }
    assert audit.seal(NOW) == 2  # the removals are events themselves
    result = audit.verify()
    assert (result.first_bad, result.count, result.removed) == (None, 5, 5)
    assert audit.remove_old(NOW) == []


def test_a_removal_is_an_event_that_says_what_went() -> None:
    trail("oon")
    audit.remove_old(NOW)
    event = AuditEvent.objects.get(kind="audit.removed")
    stub = AuditStub.objects.get()
    assert event.data == {
        "first": 1,
        "last": 2,
        "count": 2,
        "kinds": {"test.done": 2},
        "first_hash": stub.first_hash,
        "last_hash": stub.last_hash,
    }
    assert json.loads(stub.document)["kinds"] == kinds_digest({"test.done": 2})


def test_the_last_event_stays_so_that_the_chain_goes_on() -> None:
    trail("ooo")
    assert spans(audit.remove_old(NOW)) == [(1, 2)]
    audit.record("test.done", actor=Actor.portal())
    assert audit.seal(NOW) == 2
    assert AuditSeal.objects.order_by("-position")[0].position == 5
    assert audit.verify().holds


def test_short_ranges_wait_for_their_neighbours(settings: Settings) -> None:
    settings.AUDIT_RETENTION_LEAST_EVENTS = 3
    trail("ookooon")
    assert spans(audit.removable(NOW)) == [(4, 6)]


def test_long_ranges_have_several_stubs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "MOST", 2)
    trail("ooooon")
    assert spans(audit.remove_old(NOW)) == [(1, 2), (3, 4), (5, 5)]
    result = audit.verify()
    assert (result.first_bad, result.count, result.removed) == (None, 1, 5)


def test_the_most_exact_rule_counts(settings: Settings) -> None:
    settings.AUDIT_RETENTION_DAYS = {"*": 10, "offer.*": 30, "offer.decided": 20}
    kinds = ("offer.decided", "offer.queued", "alert.seen")
    assert [retention.days_of(kind) for kind in kinds] == [20, 30, 10]
    settings.AUDIT_RETENTION_DAYS = {"offer.*": 30}
    assert retention.days_of("alert.seen") is None


def test_what_no_checkpoint_has_told_of_stays(settings: Settings, tmp_path: Path) -> None:
    settings.AUDIT_CHECKPOINT_FILE = str(tmp_path / "checkpoints.jsonl")
    trail("oooon")
    assert audit.removable(NOW) == []
    AuditCheckpoint.objects.create(at=NOW, position=3, hash="", document="", is_delivered=True)
    assert spans(audit.removable(NOW)) == [(1, 3)]


def test_checkpoints_of_removed_ranges_still_agree(settings: Settings, tmp_path: Path) -> None:
    sink = tmp_path / "checkpoints.jsonl"
    settings.AUDIT_CHECKPOINT_FILE = str(sink)
    trail("oo")
    audit.checkpoint_write(NOW)
    trail("oo")
    audit.checkpoint_write(NOW)
    trail("n")
    audit.checkpoint_write(NOW)
    key = parse_private_key(settings.AUDIT_CHECKPOINT_KEY).public_key()
    checkpoints = read_checkpoints(sink.read_text().splitlines(), key)
    assert spans(audit.remove_old(NOW)) == [(1, 4)]
    assert audit.verify(checkpoints=checkpoints).holds
    stub = AuditStub.objects.get()
    forged = json.loads(stub.document)
    del forged["format"], forged["key"], forged["signature"]
    forged = Stub(**forged | {"last_hash": "0" * 64})
    with as_database_owner(), connection.cursor() as cursor:
        cursor.execute(
            "UPDATE assist_auditstub SET last_hash = %s, document = %s",
            [forged.last_hash, sign_stub(forged, parse_private_key(settings.AUDIT_CHECKPOINT_KEY))],
        )
    bad = audit.verify(checkpoints=checkpoints).first_bad
    assert bad is not None
    assert bad.position == 4


def test_the_chain_is_verified_from_within_and_after_a_gap() -> None:
    trail("nooonn")
    AuditEvent.objects.count()
    audit.remove_old(NOW)
    for first, count in ((1, 3), (3, 2), (5, 2), (6, 1)):
        result = audit.verify(first=first)
        assert (result.first_bad, result.count) == (None, count)


def test_long_stretches_after_a_gap_are_verified_in_chunks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(verifying, "CHUNK", 2)
    trail("nnnoonnn")
    audit.remove_old(NOW)
    assert audit.verify().count == 6


def tampered(statement: str, parameters: Sequence[object] = ()) -> verifying.BadEvent:
    """What the verification finds once the database's owner has run this."""
    with as_database_owner(), connection.cursor() as cursor:
        cursor.execute(statement, parameters)
    bad = audit.verify().first_bad
    assert bad is not None
    return bad


class TestTampering:
    """What is found once a range was removed."""

    @pytest.fixture(autouse=True)
    def _removed(self) -> None:
        trail("noonn")
        audit.remove_old(NOW)
        assert audit.verify().holds

    def test_a_gap_without_its_stub(self) -> None:
        bad = tampered("DELETE FROM assist_auditstub")
        assert (bad.position, "removed" in bad.sentence) == (2, True)

    @pytest.mark.parametrize(
        "column", ["last_position = 4", "first_position = 1", "last_hash = '0'"]
    )
    def test_a_stub_whose_row_was_changed(self, column: str) -> None:
        bad = tampered(f"UPDATE assist_auditstub SET {column}")
        assert (bad.position, "removed" in bad.sentence) == (2, True)

    def test_a_stub_whose_text_was_changed(self, settings: Settings) -> None:
        document = json.loads(AuditStub.objects.get().document) | {"kinds": "0" * 64}
        bad = tampered("UPDATE assist_auditstub SET document = %s", [json.dumps(document)])
        assert "changed after it was signed" in bad.sentence

    def test_a_stub_that_somebody_else_signed(self, settings: Settings) -> None:
        document = json.loads(AuditStub.objects.get().document)
        stub = Stub(**{name: document[name] for name in Stub.__dataclass_fields__})
        line = sign_stub(stub, parse_private_key(new_key()))
        bad = tampered("UPDATE assist_auditstub SET document = %s", [line])
        assert (bad.position, "was signed by the key" in bad.sentence) == (2, True)

    def test_events_put_where_they_were_removed(self) -> None:
        event = audit.record("test.forged", actor=Actor.portal())
        bad = tampered(
            "INSERT INTO assist_auditseal (position, event_id, previous_hash, hash, sealed_at,"
            " version, algorithm) VALUES (2, %s, '', '', %s, 2, 'sha256')",
            [event.pk, NOW],
        )
        assert "covers events that are there" in bad.sentence

    def test_an_edited_event_after_the_gap(self) -> None:
        bad = tampered(
            "UPDATE assist_auditevent SET ticket = 'T' WHERE id ="
            " (SELECT event_id FROM assist_auditseal WHERE position = 4)"
        )
        assert bad.position == 4

    def test_without_a_key_nothing_removed_is_believed(self, settings: Settings) -> None:
        settings.AUDIT_CHECKPOINT_KEY = ""
        bad = audit.verify().first_bad
        assert bad is not None
        assert "public key" in bad.sentence

    def test_the_command_says_how_many_were_removed(
        self, settings: Settings, tmp_path: Path
    ) -> None:
        output = io.StringIO()
        call_command("audit_verify", stdout=output)
        assert "2 removed by retention" in output.getvalue()
        key = parse_private_key(settings.AUDIT_CHECKPOINT_KEY).public_key()
        (tmp_path / "key.pem").write_text(public_pem(key))
        settings.AUDIT_CHECKPOINT_KEY = ""
        output = io.StringIO()
        call_command(
            "audit_verify", "--json", "--public-key", str(tmp_path / "key.pem"), stdout=output
        )
        answer = json.loads(output.getvalue())
        assert (answer["holds"], answer["removed"]) == (True, 2)


def test_what_does_not_hold_is_not_removed() -> None:
    events = trail("ooonn")
    with as_database_owner(), connection.cursor() as cursor:
        cursor.execute(f"UPDATE assist_auditevent SET ticket = 'T' WHERE id = {events[1].pk}")
    with pytest.raises(RemovalRefused) as refused:
        audit.remove_old(NOW)
    assert "position 2" in refused.value.sentence
    assert AuditEvent.objects.count() == 5
    assert not AuditStub.objects.exists()


def stub_row(**columns: object) -> AuditStub:
    """A stub for positions 2 and 3, unless told otherwise."""
    seals = AuditSeal.objects.in_bulk([2, 3])
    found = {
        "first_position": 2,
        "last_position": 3,
        "count": 2,
        "previous_hash": seals[2].previous_hash,
        "first_hash": seals[2].hash,
        "last_hash": seals[3].hash,
        "at": NOW,
        "document": "{}",
    }
    return AuditStub(**(found | columns))


class TestTriggers:
    """What the database itself refuses."""

    def test_a_stub_that_is_not_exactly_of_a_sealed_range(self) -> None:
        trail("ooonn")
        last = AuditSeal.objects.get(position=5)
        for wrong in (
            {"count": 3},
            {"previous_hash": "0" * 64},
            {"first_hash": "0" * 64},
            {"last_hash": "0" * 64},
            {"first_position": 1, "count": 3},
            {"last_position": 5, "last_hash": last.hash, "count": 4},  # the chain's end
        ):
            with pytest.raises(DatabaseError, match="sealed range"), transaction.atomic():
                stub_row(**wrong).save(force_insert=True)
        stub_row().save(force_insert=True)

    def test_events_outside_the_stub_stay(self) -> None:
        events = trail("ooonn")
        stub_row().save(force_insert=True)
        for table, column, value in (
            ("event", "id", events[0].pk),
            ("event", "id", events[3].pk),
            ("seal", "position", 1),
            ("seal", "position", 4),
            ("stub", "first_position", 2),
        ):
            with (
                pytest.raises(DatabaseError, match="append-only"),
                transaction.atomic(),
                connection.cursor() as cursor,
            ):
                cursor.execute(f"DELETE FROM assist_audit{table} WHERE {column} = {value}")

    def test_stubs_are_not_changed(self) -> None:
        trail("oon")
        audit.remove_old(NOW)
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
            AuditStub.objects.update(count=1)
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
            AuditStub.objects.all().delete()

    def test_on_postgresql_a_stub_alone_lets_nothing_go(self) -> None:
        if connection.vendor != "postgresql":
            pytest.skip("SQLite has no functions")
        events = trail("ooonn")
        row = stub_row()
        row.save(force_insert=True)
        delete = f"DELETE FROM assist_auditevent WHERE id = {events[1].pk}"
        with (
            pytest.raises(DatabaseError, match="append-only"),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(delete)
        with connection.cursor() as cursor:
            cursor.execute("SELECT assist_audit_remove(%s)", [row.pk])
            assert cursor.fetchone() == (2,)
        for statement in ("SELECT assist_audit_remove(0)", f"SELECT assist_audit_remove({row.pk})"):
            with (
                pytest.raises(DatabaseError),
                transaction.atomic(),
                connection.cursor() as cursor,
            ):
                cursor.execute(statement)
        with connection.cursor() as cursor:
            cursor.execute("SELECT current_setting('portal.audit_removal', true)")
            assert cursor.fetchone() == ("",)


def test_a_dry_run_removes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    trail("ooon")
    output = io.StringIO()
    call_command("audit_retention", "--dry-run", stdout=output)
    assert output.getvalue().splitlines()[-1] == "3 events would be removed."
    assert AuditEvent.objects.count() == 4
    output = io.StringIO()
    call_command("audit_retention", stdout=output)
    assert output.getvalue().splitlines() == [
        "positions 1 to 3: 3 events",
        "3 events were removed.",
    ]
    assert "at the console" in AuditEvent.objects.get(kind="audit.removed").actor_name


def test_beat_removes_daily() -> None:
    trail("ooon")
    tasks.remove_old_audit_events()
    assert AuditStub.objects.get().count == 3


def test_without_a_policy_everything_stays(settings: Settings) -> None:
    settings.AUDIT_RETENTION_DAYS = {}
    trail("ooon")
    assert audit.remove_old(NOW) == []


def test_without_a_key_nothing_is_removed(settings: Settings) -> None:
    settings.AUDIT_CHECKPOINT_KEY = ""
    trail("ooon")
    with pytest.raises(NotConfigured):
        audit.remove_old(NOW)
    with pytest.raises(CommandError):
        call_command("audit_retention")
    assert "assist.E023" in [found.id for found in audit_checkpoints()]


def test_the_policy_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("X", "offer.*=2555, sign_in.refused=90")
    assert days_by_kind("X") == {"offer.*": 2555, "sign_in.refused": 90}
    for wrong in ("offer.*", "offer.*=0", "offer.*=x", "a*b=3", "a=1,a=2", "=3"):
        monkeypatch.setenv("X", wrong)
        with pytest.raises(ImproperlyConfigured):
            days_by_kind("X")


def test_a_line_that_is_no_stub_is_refused() -> None:
    key = parse_private_key(new_key())
    for line in ("", "{}", "[]", '{"format": "audit-stub-1"}'):
        with pytest.raises(CheckpointRefused):
            read_stub(line, key.public_key())
