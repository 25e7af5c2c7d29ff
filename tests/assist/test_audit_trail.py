"""The audit trail: only ever added to, chained, and every tampering found."""

# ruff: noqa: S608 - the statements are the test's own

from __future__ import annotations

import io
import json
import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
from django.core.management import call_command
from django.db import DatabaseError, connection, transaction

from assist import audit
from assist.actors import Actor
from assist.audit import canonical, rows, sealing, verifying
from assist.models import AuditEvent, AuditPersonal, AuditSeal, AuditUnsealed
from tests.assist.cast import NOW, Cast
from tests.audit_flush import as_database_owner

pytestmark = pytest.mark.django_db


@pytest.fixture
def trail() -> list[AuditEvent]:
    """Five sealed events."""
    events = [
        audit.record(
            "test.done",
            actor=Actor(sid="S-1-5-21-1", name="R2\\mjones", source_address="192.0.2.7"),
            subject_kind="computer",
            subject_name="XP191",
            data={"number": number, "text": "Zo\u00eb \u2014 \U0001f600", "list": [True, None]},
            now=NOW + timedelta(microseconds=number),
        )
        for number in range(5)
    ]
    assert audit.seal(NOW) == 5
    return events


@pytest.fixture
def as_owner() -> Iterator[Callable[[str], None]]:
    """Runs SQL as the database's owner can: with the triggers out of the way."""

    def run(statement: str) -> None:
        with as_database_owner(), connection.cursor() as cursor:
            cursor.execute(statement)

    yield run
    # What a test broke on purpose is rolled back before the end-of-test foreign key check sees it.
    transaction.set_rollback(True)


def test_an_untouched_trail_holds(trail: list[AuditEvent]) -> None:
    audit.record("test.done", actor=Actor.portal())
    assert audit.verify() == audit.Verification(count=5, unsealed=1, first_bad=None)


def test_an_empty_trail_holds() -> None:
    assert audit.verify() == audit.Verification(0, 0, None)


@pytest.mark.parametrize("table", ["assist_auditevent", "assist_auditseal"])
@pytest.mark.parametrize("act", ["UPDATE {} SET {} = '0'", "DELETE FROM {}"])
def test_the_database_refuses_to_change_the_trail(
    trail: list[AuditEvent], table: str, act: str
) -> None:
    column = "kind" if table.endswith("event") else "hash"
    with (
        pytest.raises(DatabaseError, match="append-only"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(act.format(table, column))
    assert audit.verify().count == 5


def test_postgresql_refuses_to_empty_it(trail: list[AuditEvent]) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has no TRUNCATE")
    connection.check_constraints()  # or its own pending checks refuse first
    with (
        pytest.raises(DatabaseError, match="append-only"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute("TRUNCATE assist_auditevent, assist_auditseal")


@pytest.mark.parametrize(
    "change",
    [
        "kind = 'test.undone'",
        "actor_name = 'R2\\eadams'",
        "actor_sid = ''",
        "subject_name = 'XP192'",
        "source_address = '192.0.2.8'",
        "ticket = 'T1'",
        "request_id = 'x'",
        "data = '{}'",
        "offer_id = NULL, at = '2026-11-23 09:00:01'",
    ],
)
def test_an_edited_event_is_named(
    trail: list[AuditEvent], as_owner: Callable[[str], None], change: str
) -> None:
    as_owner(f"UPDATE assist_auditevent SET {change} WHERE id = {trail[2].pk}")
    result = audit.verify()
    assert result.count == 2
    assert result.first_bad is not None
    assert (result.first_bad.position, result.first_bad.event_id) == (3, trail[2].pk)
    assert "changed" in result.first_bad.sentence


def test_a_removed_event_is_named(trail: list[AuditEvent], as_owner: Callable[[str], None]) -> None:
    as_owner(f"DELETE FROM assist_auditevent WHERE id = {trail[1].pk}")
    bad = audit.verify().first_bad
    assert bad is not None
    assert (bad.position, bad.event_id) == (2, trail[1].pk)
    assert "removed" in bad.sentence


def test_an_event_removed_with_its_seal_is_named(
    trail: list[AuditEvent], as_owner: Callable[[str], None]
) -> None:
    as_owner("DELETE FROM assist_auditseal WHERE position = 2")
    as_owner(f"DELETE FROM assist_auditevent WHERE id = {trail[1].pk}")
    bad = audit.verify().first_bad
    assert bad is not None
    assert "position 2" in bad.sentence
    as_owner("UPDATE assist_auditseal SET position = position - 1 WHERE position = 3")
    as_owner("UPDATE assist_auditseal SET position = position - 1 WHERE position = 4")
    as_owner("UPDATE assist_auditseal SET position = position - 1 WHERE position = 5")
    bad = audit.verify().first_bad
    assert bad is not None
    assert "order" in bad.sentence


def test_events_that_changed_places_are_named(
    trail: list[AuditEvent], as_owner: Callable[[str], None]
) -> None:
    first, second = trail[0].pk, trail[1].pk
    as_owner(f"UPDATE assist_auditseal SET event_id = 0 WHERE event_id = {first}")
    as_owner(f"UPDATE assist_auditseal SET event_id = {first} WHERE event_id = {second}")
    as_owner(f"UPDATE assist_auditseal SET event_id = {second} WHERE event_id = 0")
    bad = audit.verify().first_bad
    assert bad is not None
    assert bad.position == 1


def test_a_recomputed_seal_breaks_the_next_one(
    trail: list[AuditEvent], as_owner: Callable[[str], None]
) -> None:
    as_owner(f"UPDATE assist_auditseal SET hash = '{'1' * 64}' WHERE position = 5")
    bad = audit.verify().first_bad
    assert bad is not None
    assert bad.position == 5


def test_sealing_again_adds_only_what_is_new(trail: list[AuditEvent]) -> None:
    assert audit.seal(NOW) == 0
    audit.record("test.done", actor=Actor.portal())
    assert audit.seal(NOW + timedelta(seconds=1)) == 1
    assert AuditSeal.objects.count() == 6
    assert audit.verify().holds


def test_many_events_are_sealed_and_verified_in_batches(
    monkeypatch: pytest.MonkeyPatch, trail: list[AuditEvent]
) -> None:
    monkeypatch.setattr(sealing, "BATCH", 3)
    monkeypatch.setattr(verifying, "CHUNK", 3)
    for _ in range(7):
        audit.record("test.done", actor=Actor.portal())
    assert audit.seal(NOW) == 7
    seen: list[int] = []
    assert audit.verify(seen.append).count == 12
    assert seen == [3, 6, 9, 12]


@pytest.mark.parametrize("data", [{"a": 1.5}, {"a": "x\x00"}, {"a": ["\ud800"]}, {1.5: "a"}])
def test_what_could_not_be_hashed_again_is_not_recorded(data: dict[str, object]) -> None:
    with pytest.raises(TypeError):
        audit.record("test.done", actor=Actor.portal(), data=data)


def test_audit_verify_says_how_many_hold(
    trail: list[AuditEvent], capsys: pytest.CaptureFixture[str]
) -> None:
    output = io.StringIO()
    call_command("audit_verify", stdout=output)
    assert output.getvalue() == "The chain holds: 5 events.\n"


def test_audit_verify_names_the_first_bad_event_and_exits_1(
    trail: list[AuditEvent], as_owner: Callable[[str], None]
) -> None:
    as_owner(f"UPDATE assist_auditevent SET ticket = 'T1' WHERE id = {trail[3].pk}")
    output = io.StringIO()
    with pytest.raises(SystemExit) as end:
        call_command("audit_verify", "--json", stdout=output)
    assert end.value.code == 1
    answer = json.loads(output.getvalue().splitlines()[-1])
    assert answer["holds"] is False
    assert answer["count"] == 3
    assert answer["first_bad"]["event_id"] == trail[3].pk


STRANGE = "\\ \b\f\n\r\t\v \x01\x1f\x7f \" ' Zo\u00eb \u2028 \U0001f600"


def test_postgresql_writes_the_canonical_form_as_python_does(db: None) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has no COPY")
    data = {
        STRANGE: STRANGE,
        "bb": {"\u00e9": 1, "z": [], "aaa": {}, "": None},
        "a": [True, False, None, -1, 10**40, [STRANGE]],
    }
    for address in ("192.0.2.7", "2001:db8::1", "::ffff:192.0.2.1", "1:0:2:3:4:5:6:7", None):
        audit.record(
            "test.done",
            actor=Actor(sid="", name=STRANGE, source_address=address, request_id=STRANGE),
            subject_name=STRANGE,
            data=data,
            now=NOW + timedelta(microseconds=1),
        )
    lines = dict(sealing._lines_by_copy(list(AuditEvent.objects.values_list("pk", flat=True))))
    assert lines == {
        event.pk: canonical.event_line(rows.fields_of(event)) for event in AuditEvent.objects.all()
    }


def test_postgresql_counts_microseconds_as_python_does() -> None:
    if connection.vendor != "postgresql":
        pytest.skip("only PostgreSQL counts them")
    dice = random.Random(7)
    latest = canonical.microseconds(datetime(2106, 1, 1, tzinfo=UTC))
    numbers = [dice.randrange(latest) for _ in range(5000)] + [0, 1, latest - 1, latest]
    times = [datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=each) for each in numbers]
    with connection.cursor() as cursor:
        counted = rows.microseconds_of("moment")
        cursor.execute(f"SELECT {counted} FROM unnest(%s::timestamptz[]) AS moment", [times])
        assert [number for (number,) in cursor.fetchall()] == numbers


def test_seals_of_the_first_form_hold_before_those_of_the_second(
    as_owner: Callable[[str], None],
) -> None:
    previous = canonical.GENESIS
    for position in (1, 2, 3):
        event = audit.record("test.done", actor=Actor.portal(), now=NOW)
        event.refresh_from_db()
        digest = canonical.seal_hash(
            1,
            "sha256",
            position=position,
            previous=previous,
            sealed_at=NOW,
            event=rows.fields_of(event),
        )
        AuditSeal.objects.create(
            position=position, event=event, previous_hash=previous, hash=digest, sealed_at=NOW
        )
        previous = digest
    AuditUnsealed.objects.all().delete()
    audit.record("test.done", actor=Actor.portal())
    assert audit.seal(NOW) == 1
    assert audit.verify().count == 4
    second = AuditSeal.objects.get(position=2).event_id
    as_owner(f"UPDATE assist_auditevent SET ticket = 'T' WHERE id = {second}")
    assert audit.verify().count == 1


def test_an_event_inserted_past_the_portal_is_named(trail: list[AuditEvent]) -> None:
    event = audit.record("test.forged", actor=Actor.portal())
    AuditUnsealed.objects.all().delete()
    result = audit.verify()
    assert result.first_bad is not None
    assert (result.first_bad.position, result.first_bad.event_id) == (None, event.pk)
    assert "inserted" in result.first_bad.sentence


def test_an_event_removed_before_its_seal_is_named(
    trail: list[AuditEvent], as_owner: Callable[[str], None]
) -> None:
    event = audit.record("test.done", actor=Actor.portal())
    as_owner(f"DELETE FROM assist_auditevent WHERE id = {event.pk}")
    assert audit.seal(NOW) == 0
    bad = audit.verify().first_bad
    assert bad is not None
    assert (bad.event_id, "before it was sealed" in bad.sentence) == (event.pk, True)


def test_any_insert_waits_for_its_seal(trail: list[AuditEvent]) -> None:
    events = [AuditEvent(at=NOW, kind="test.done", actor_name="portal") for _ in range(3)]
    AuditEvent.objects.bulk_create(events)
    assert audit.unsealed_count() == 3
    assert audit.sealer_lag() >= timedelta(0)
    assert audit.seal(NOW) == 3
    assert (audit.unsealed_count(), audit.sealer_lag()) == (0, timedelta(0))


def test_personal_values_are_in_the_chain_as_digests_alone_and_can_be_erased() -> None:
    event = audit.record(
        "test.done", actor=Actor.portal(), data={"a": 1}, personal={"novice": "R2\\bob", "sid": ""}
    )
    audit.seal(NOW)
    row = AuditPersonal.objects.get()
    assert event.data == {
        "a": 1,
        "personal": {"novice": canonical.personal_digest("novice", row.salt, "R2\\bob")},
    }
    assert event.details == {"a": 1, "novice": "R2\\bob"}
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        AuditPersonal.objects.update(value="R2\\eve")
    AuditPersonal.objects.all().delete()
    assert audit.verify().holds
    assert AuditEvent.objects.get().details == {"a": 1, "novice": "erased"}


def test_what_names_the_novice_of_an_offer_is_personal(cast: Cast) -> None:
    offer = cast.request()
    offer.novice_name, offer.novice_sid = r"R2\bsmith", "S-1-5-21-7"
    sentence = r"R2\BSmith was chosen."
    event = audit.record(
        "test.done", actor=Actor.portal(), offer=offer, data={"sentence": sentence, "n": "x"}
    )
    assert set(event.data) == {"n", "personal"}
    assert event.details == {"n": "x", "sentence": sentence}


def test_an_offer_leaves_a_trail_that_holds(cast: Cast) -> None:
    cast.request(ticket="INC-1")
    audit.seal(NOW)
    assert audit.verify().count == AuditEvent.objects.count() == 3
    assert set(AuditEvent.objects.values_list("ticket", flat=True)) == {"INC-1"}
