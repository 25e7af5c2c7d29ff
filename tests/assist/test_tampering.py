"""Whatever the database's owner does to the trail is found, and the first event is named."""

from __future__ import annotations

import random
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction

from assist import audit
from assist.actors import Actor
from assist.audit import canonical, rows
from assist.audit.signing import Checkpoint
from assist.models import AuditEvent, AuditPersonal, AuditSeal, AuditUnsealed
from tests.assist.cast import NOW
from tests.audit_flush import as_database_owner
from tests.environment import sample_size

pytestmark = pytest.mark.django_db

SEALED = 14
CHECKED = (6, 12)  # positions that checkpoints saw
UNSEALED = 2
EVENT_COLUMNS: dict[str, Any] = {
    "id": 9_000_000,
    "at": NOW + timedelta(days=1, microseconds=1),
    "kind": "offer.accepted",
    "actor_sid": "S-1-5-21-9",
    "actor_name": r"R2\eadams",
    "subject_kind": "account",
    "subject_id": "x",
    "subject_name": "XP192",
    "offer_id": uuid.UUID(int=7),
    "ticket": "T-1",
    "source_address": "192.0.2.200",
    "request_id": "r-2",
    "data": {"number": 99},
}
SEAL_COLUMNS: dict[str, Any] = {
    "position": 9_000_000,
    "event_id": 9_000_001,
    "previous_hash": "1" * 64,
    "hash": "2" * 64,
    "sealed_at": NOW + timedelta(microseconds=1),
    "version": 1,
    "algorithm": "sha3-256",
}
PERSONAL_COLUMNS = ("name", "salt", "value")


@dataclass(frozen=True)
class Tampering:
    """What was done, and where it has to be found; ``at`` None: outside the chain."""

    what: str
    at: int | None


Act = Callable[[random.Random], Tampering]


@pytest.fixture
def checkpoints() -> list[Checkpoint]:
    """A sealed trail with checkpoints, and some events that wait."""
    for number in range(SEALED):
        _record(number)
    assert audit.seal(NOW) == SEALED
    for number in range(UNSEALED):
        _record(SEALED + number)
    return [
        Checkpoint(seal.position, seal.hash, NOW)
        for seal in AuditSeal.objects.filter(position__in=CHECKED)
    ]


def _record(number: int) -> None:
    audit.record(
        "test.done",
        actor=Actor(sid="S-1-5-21-1", name=r"R2\mjones", source_address="192.0.2.7"),
        subject_kind="computer",
        subject_name="XP191",
        data={"number": number, "text": "Zo\u00eb\t\\"},
        personal={"novice": f"R2\\user{number}"},
        now=NOW + timedelta(seconds=number),
    )


def _edit_event(column: str) -> Act:
    def act(dice: random.Random) -> Tampering:
        position = dice.randint(1, SEALED)
        event_id = AuditSeal.objects.get(position=position).event_id
        AuditEvent.objects.filter(pk=event_id).update(**{column: EVENT_COLUMNS[column]})
        return Tampering(f"{column} of event at {position}", position)

    return act


def _edit_seal(column: str) -> Act:
    def act(dice: random.Random) -> Tampering:
        position = dice.randint(1, SEALED)
        AuditSeal.objects.filter(position=position).update(**{column: SEAL_COLUMNS[column]})
        return Tampering(f"{column} of seal {position}", position)

    return act


def _delete_event(dice: random.Random) -> Tampering:
    position = dice.randint(1, SEALED)
    _execute("DELETE FROM assist_auditevent WHERE id = %s", _event_at(position))
    return Tampering(f"deleted the event at {position}", position)


def _delete_seal(dice: random.Random) -> Tampering:
    position = dice.randint(1, SEALED - 1)
    _execute("DELETE FROM assist_auditseal WHERE position = %s", position)
    return Tampering(f"deleted seal {position}", position)


def _delete_both(dice: random.Random) -> Tampering:
    position = dice.randint(1, SEALED - 1)
    _delete_at(position)
    return Tampering(f"deleted event and seal {position}", position)


def _delete_and_close_the_gap(dice: random.Random) -> Tampering:
    position = dice.randint(1, SEALED - 1)
    _delete_at(position)
    _renumber(position + 1, -1)
    return Tampering(f"deleted {position} and closed the gap", position)


def _delete_and_compute_anew(dice: random.Random) -> Tampering:
    position = dice.randint(1, CHECKED[-1])
    _delete_at(position)
    _renumber(position + 1, -1)
    _compute_anew(position)
    return Tampering(f"deleted {position} and sealed anew", _checked_from(position))


def _edit_and_compute_anew(dice: random.Random) -> Tampering:
    position = dice.randint(1, CHECKED[-1])
    AuditEvent.objects.filter(pk=_event_at(position)).update(ticket="T-2")
    _compute_anew(position)
    return Tampering(f"edited {position} and sealed anew", _checked_from(position))


def _insert_without_a_seal(dice: random.Random) -> Tampering:
    AuditEvent.objects.create(at=NOW, kind="test.forged", actor_name="portal")
    return Tampering("inserted an event that waits for nothing", None)


def _insert_into_the_chain(dice: random.Random) -> Tampering:
    position = dice.randint(1, SEALED)
    _insert_at(position)
    return Tampering(f"inserted a seal at {position}", position)


def _insert_and_compute_anew(dice: random.Random) -> Tampering:
    position = dice.randint(1, CHECKED[-1])
    _insert_at(position)
    _compute_anew(position)
    return Tampering(f"inserted at {position} and sealed anew", _checked_from(position))


def _swap_seals(dice: random.Random) -> Tampering:
    one, other = sorted(dice.sample(range(1, SEALED + 1), 2))
    first, second = _event_at(one), _event_at(other)
    AuditSeal.objects.filter(position=one).update(event_id=0)
    AuditSeal.objects.filter(position=other).update(event_id=first)
    AuditSeal.objects.filter(position=one).update(event_id=second)
    return Tampering(f"swapped the events of seals {one} and {other}", one)


def _swap_positions(dice: random.Random) -> Tampering:
    one, other = sorted(dice.sample(range(1, SEALED + 1), 2))
    AuditSeal.objects.filter(position=one).update(position=0)
    AuditSeal.objects.filter(position=other).update(position=one)
    AuditSeal.objects.filter(position=0).update(position=other)
    return Tampering(f"swapped positions {one} and {other}", one)


def _swap_contents(dice: random.Random) -> Tampering:
    one, other = sorted(dice.sample(range(1, SEALED + 1), 2))
    first, second = _event_at(one), _event_at(other)
    AuditEvent.objects.filter(pk=first).update(id=0)
    AuditEvent.objects.filter(pk=second).update(id=first)
    AuditEvent.objects.filter(pk=0).update(id=second)
    return Tampering(f"swapped the contents of {one} and {other}", one)


def _cut_the_tail(dice: random.Random) -> Tampering:
    keep = dice.randint(0, CHECKED[-1] - 1)
    _cut_after(keep)
    # Nothing inside the database can tell; that is what checkpoints are for.
    assert audit.verify().holds
    return Tampering(f"cut off all after {keep}", keep + 1)


def _restore_an_old_copy(dice: random.Random) -> Tampering:
    keep = dice.randint(0, CHECKED[-1] - 1)
    _cut_after(keep)
    added = dice.randint(0, 2 * SEALED)
    for number in range(added):
        event = AuditEvent.objects.create(
            at=NOW, kind="test.after", actor_name="portal", data={"number": number}
        )
        AuditUnsealed.objects.create(event=event)
    audit.seal(NOW + timedelta(seconds=1))
    assert audit.verify().holds
    end = keep + added
    at = _checked_from(keep + 1)
    return Tampering(f"restored {keep} and went on to {end}", at if at <= end else end + 1)


def _remove_what_waits(dice: random.Random) -> Tampering:
    waiting = AuditUnsealed.objects.order_by("pk").values_list("pk", flat=True)
    _execute("DELETE FROM assist_auditevent WHERE id = %s", dice.choice(list(waiting)))
    return Tampering("deleted an event that waits", None)


def _edit_personal(column: str) -> Act:
    def act(dice: random.Random) -> Tampering:
        position = dice.randint(1, SEALED)
        kept = AuditPersonal.objects.filter(event=_event_at(position))
        kept.update(**{column: "novice_sid" if column == "name" else "a" * 32})
        return Tampering(f"{column} of the personal value at {position}", position)

    return act


def _insert_personal(dice: random.Random) -> Tampering:
    position = dice.randint(1, SEALED)
    AuditPersonal.objects.create(event_id=_event_at(position), name="x", salt="", value="y")
    return Tampering(f"inserted a personal value at {position}", position)


ACTS: dict[str, Act] = {
    **{f"edit event {column}": _edit_event(column) for column in EVENT_COLUMNS},
    **{f"edit seal {column}": _edit_seal(column) for column in SEAL_COLUMNS},
    **{f"edit personal {column}": _edit_personal(column) for column in PERSONAL_COLUMNS},
    **{
        act.__name__.strip("_").replace("_", " "): act
        for act in (
            _delete_event,
            _delete_seal,
            _delete_both,
            _delete_and_close_the_gap,
            _delete_and_compute_anew,
            _edit_and_compute_anew,
            _insert_without_a_seal,
            _insert_into_the_chain,
            _insert_and_compute_anew,
            _swap_seals,
            _swap_positions,
            _swap_contents,
            _cut_the_tail,
            _restore_an_old_copy,
            _remove_what_waits,
            _insert_personal,
        )
    },
}


@pytest.mark.parametrize("seed", range(sample_size(4, soak=28)))
def test_every_tampering_is_found_and_the_first_event_named(
    checkpoints: list[Checkpoint], seed: int
) -> None:
    """Each kind once with every seed: 1,092 tamperings in full."""
    assert audit.verify(checkpoints=checkpoints).count == SEALED
    for name, act in ACTS.items():
        dice = random.Random(f"{seed} {name}")
        with transaction.atomic():
            with as_database_owner():
                done = act(dice)
            result = audit.verify(checkpoints=checkpoints)
            transaction.set_rollback(True)
        where = f"{name}, seed {seed}: {done.what}; {result}"
        assert result.first_bad is not None, where
        assert result.first_bad.position == done.at, where
    assert audit.verify(checkpoints=checkpoints).count == SEALED  # nothing stayed


def test_tamperings_are_as_many_as_promised() -> None:
    assert len(ACTS) * 28 >= 1000
    assert set(EVENT_COLUMNS) == {field.column for field in AuditEvent._meta.concrete_fields}
    assert set(SEAL_COLUMNS) == {field.column for field in AuditSeal._meta.concrete_fields}


def _event_at(position: int) -> int:
    return AuditSeal.objects.get(position=position).event_id


def _checked_from(position: int) -> int:
    return next(checked for checked in CHECKED if checked >= position)


def _execute(statement: str, *parameters: object) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)


def _delete_at(position: int) -> None:
    event_id = _event_at(position)
    _execute("DELETE FROM assist_auditseal WHERE position = %s", position)
    _execute("DELETE FROM assist_auditevent WHERE id = %s", event_id)


def _cut_after(position: int) -> None:
    _execute("DELETE FROM assist_auditseal WHERE position > %s", position)
    _execute("DELETE FROM assist_auditunsealed")
    _execute(
        "DELETE FROM assist_auditevent WHERE id NOT IN (SELECT event_id FROM assist_auditseal)"
    )


def _insert_at(position: int) -> None:
    _renumber(position, 1)
    event = AuditEvent.objects.create(at=NOW, kind="test.forged", actor_name="portal")
    before = AuditSeal.objects.filter(position=position - 1).first()
    AuditSeal.objects.create(
        position=position,
        event=event,
        previous_hash=before.hash if before else canonical.GENESIS,
        hash="3" * 64,
        sealed_at=NOW,
        version=canonical.VERSION,
    )


def _renumber(first: int, by: int) -> None:
    positions = AuditSeal.objects.filter(position__gte=first).values_list("position", flat=True)
    for position in sorted(positions, reverse=by > 0):
        AuditSeal.objects.filter(position=position).update(position=position + by)


def _compute_anew(first: int) -> None:
    """What whoever owns the database can do: hashes that fit."""
    before = AuditSeal.objects.filter(position=first - 1).first()
    previous = before.hash if before else canonical.GENESIS
    for seal in AuditSeal.objects.filter(position__gte=first).select_related("event"):
        digest = canonical.seal_hash(
            seal.version,
            seal.algorithm,
            position=seal.position,
            previous=previous,
            sealed_at=seal.sealed_at,
            event=rows.fields_of(seal.event),
        )
        AuditSeal.objects.filter(pk=seal.pk).update(previous_hash=previous, hash=digest)
        previous = digest
