"""Many who append at once, and some who are killed at it: one chain, and whole transactions."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from urllib.parse import urlsplit

import psycopg
import pytest
from django.db import connection, transaction
from django.utils import timezone
from pytest_django import Settings

from assist import audit
from assist.actors import Actor
from assist.audit import sealing
from assist.audit.exporting import export, one_moment
from assist.audit.signing import new_key
from assist.models import AuditEvent, AuditSeal
from tests.assist.cast import NOW
from tests.environment import ROOT, sample_size
from tests.services import wait_for

pytestmark = [pytest.mark.services, pytest.mark.django_db(transaction=True)]

PARTS = 3  # events of a transaction
WRITERS = 8
TRANSACTIONS = sample_size(15, soak=300)
# Does as told up to the moment when it says so, and then waits to be killed.
KILLED = """
import sys
import django
django.setup()
from django.db import transaction
from assist import audit
from assist.actors import Actor

def write(number, parts):
    for part in range(parts):
        audit.record("sign_out", actor=Actor.portal(), data={"by": sys.argv[1], "of": number})

for number in range(5):
    with transaction.atomic():
        write(number, 3)
with transaction.atomic():
    if sys.argv[2] == "writing":
        write(5, 2)
    else:
        audit.seal()
    print("half", flush=True)
    sys.stdin.read()
"""


def write(writer: int, number: int) -> None:
    with transaction.atomic():
        for _ in range(PARTS):
            audit.record("test.done", actor=Actor.portal(), data={"by": str(writer), "of": number})


def database_url() -> str:
    """Of the database of this test."""
    url = urlsplit(os.environ["DATABASE_URL"])
    return url._replace(path=f"/{connection.settings_dict['NAME']}").geturl()


@contextmanager
def other_connection() -> Iterator[psycopg.Connection]:
    """Of somebody who is in the middle of a transaction; it is rolled back at the end."""
    with psycopg.connect(database_url()) as other:
        yield other
        other.rollback()


def test_many_writers_never_fork_the_chain() -> None:
    start = threading.Barrier(WRITERS + 2)
    are_done = threading.Event()
    failures: list[BaseException] = []

    def writing(writer: int) -> None:
        try:
            start.wait()
            for number in range(TRANSACTIONS):
                write(writer, number)
        except BaseException as error:
            failures.append(error)
        finally:
            connection.close()

    def sealing_on_and_on() -> None:
        try:
            start.wait()
            while not are_done.is_set():
                audit.seal()
        except BaseException as error:
            failures.append(error)
        finally:
            connection.close()

    writers = [threading.Thread(target=writing, args=(number,)) for number in range(WRITERS)]
    sealers = [threading.Thread(target=sealing_on_and_on) for _ in range(2)]
    for thread in writers + sealers:
        thread.start()
    for thread in writers:
        thread.join()
    are_done.set()
    for thread in sealers:
        thread.join()
    assert not failures
    audit.seal()
    total = WRITERS * TRANSACTIONS * PARTS
    assert audit.verify() == audit.Verification(total, 0, None)
    positions = AuditSeal.objects.values_list("position", flat=True)
    assert list(positions) == list(range(1, total + 1))


def test_nobody_waits_for_a_sealer_or_for_another_writer() -> None:
    with other_connection() as sealer, other_connection() as writer:
        sealer.execute("SELECT pg_advisory_xact_lock(%s)", [sealing._SEALER_LOCK])
        writer.execute(
            "INSERT INTO assist_auditevent (at, kind, actor_sid, actor_name, subject_kind,"
            " subject_id, subject_name, ticket, request_id, data)"
            " VALUES (now(), 'test.slow', '', 'portal', '', '', '', '', '', '{}')"
        )
        with connection.cursor() as cursor:
            cursor.execute("SET statement_timeout = '2s'")  # far more than an insert takes
        write(1, 1)
        assert audit.seal(wait=False) == 0
        sealer.rollback()
        assert audit.seal(NOW) == PARTS
        writer.commit()  # its number is lower than those already sealed
    assert audit.seal(NOW) == 1
    assert AuditSeal.objects.get(position=PARTS + 1).event.kind == "test.slow"
    assert audit.verify().count == PARTS + 1
    with connection.cursor() as cursor:
        cursor.execute("RESET statement_timeout")


def test_two_who_are_killed_in_the_middle_leave_a_chain_that_verifies() -> None:
    environment = os.environ | {
        "DATABASE_URL": database_url(),
        "DJANGO_SETTINGS_MODULE": "portal.settings",
        "PYTHONPATH": str(ROOT),
    }
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", KILLED, name, doing],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for name, doing in (("a", "writing"), ("b", "sealing"))
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "half\n"
    assert not AuditSeal.objects.exists()  # the sealer has not committed
    for process in processes:
        process.kill()
        process.communicate()
    wait_for(lambda: _others() == 0, "the end of their sessions")
    assert audit.seal() == 2 * 5 * PARTS
    assert audit.verify() == audit.Verification(2 * 5 * PARTS, 0, None)
    written = Counter(
        (row["by"], row["of"]) for row in AuditEvent.objects.values_list("data", flat=True)
    )
    assert written == {(name, number): PARTS for name in "ab" for number in range(5)}


def test_several_connections_verify_what_one_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("assist.audit.verifying.CHUNK", 7)
    for number in range(12):
        write(1, number)
    audit.seal()
    assert audit.verify(connections=3) == audit.verify() == audit.Verification(36, 0, None)
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL session_replication_role = 'replica'")
        AuditEvent.objects.filter(seal__position=20).update(ticket="T")
    found = audit.verify(connections=3)
    assert found.count == 19
    assert found.first_bad is not None
    assert found.first_bad.position == 20


def test_an_export_keeps_in_sight_what_retention_removes_meanwhile(settings: Settings) -> None:
    settings.AUDIT_CHECKPOINT_KEY = new_key()
    settings.AUDIT_RETENTION_DAYS = {"test.*": 1}
    settings.AUDIT_RETENTION_LEAST_EVENTS = 1
    write(1, 1)
    audit.seal()
    removed: list[int] = []

    def removing() -> None:
        found = audit.remove_old(timezone.now() + timedelta(days=2))
        removed.extend(each.count for each in found)
        connection.close()

    with one_moment():
        lines = export()
        next(lines)
        thread = threading.Thread(target=removing)
        thread.start()
        thread.join()
        exported = [json.loads(line) for line in lines]
    assert removed == [PARTS - 1]
    assert [line["seal"]["position"] for line in exported[:-1]] == list(range(1, PARTS + 1))
    assert AuditSeal.objects.count() == 1


def _others() -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        return int(cursor.fetchone()[0])
