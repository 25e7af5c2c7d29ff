"""Sweeps by real processes: a worker of Celery does one; one that is killed goes on."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest

from lab.demo.product import Product
from tests.end_to_end.conftest import CONTACTING
from tests.services import wait_for

pytestmark = [pytest.mark.lab, pytest.mark.services]

Calls = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def database(product: Product) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(product.environment["DATABASE_URL"], autocommit=True) as connection:
        yield connection


def _state(database: psycopg.Connection[Any], sweep: str) -> str:
    row = database.execute(
        "SELECT state FROM assist_readinesssweep WHERE id = %s", [sweep]
    ).fetchone()
    return str(row[0]) if row else ""


def _sweep(product: Product, *arguments: str) -> dict[str, Any]:
    done = product.manage("sweep_readiness", *arguments, "--json")
    assert done.stdout, done.stderr
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told


def test_a_worker_sweeps_a_unit_and_activates_nothing(
    product: Product, database: psycopg.Connection[Any], calls: Calls
) -> None:
    before = len(calls())
    told = _sweep(product, "--ou", "Brandon", "--background")
    wait_for(lambda: _state(database, told["id"]) == "done", "the sweep's end", 60)
    row = database.execute(
        "SELECT r.state, r.cause FROM assist_computerreadiness r JOIN directory_computer c"
        " ON c.guid = r.computer_id WHERE c.name = 'BDN-W10-01'"
    ).fetchone()
    # A test before may have started Remote Assistance there, which lapses after a minute.
    assert row in (("ready", ""), ("not_ready", "session.running"))
    heard = [call for call in calls()[before:] if call["computer"] == "BDN-W10-01"]
    assert "ServerAlive2" in {call["call"] for call in heard}
    assert not CONTACTING & {call["call"] for call in heard}


def test_a_sweep_whose_process_is_killed_goes_on(
    product: Product, database: psycopg.Connection[Any]
) -> None:
    process = product.start_process(
        "sweep", sys.executable, "manage.py", "sweep_readiness", "--ou", "Winnipeg"
    )
    try:

        def is_claimed() -> bool:
            found = database.execute(
                "SELECT count(*) FROM assist_readinesssweep"
                " WHERE state = 'running' AND worker IS NOT NULL AND scope_name LIKE 'OU=Winnipeg%'"
            ).fetchone()
            return found is not None and found[0] == 1

        wait_for(is_claimed, "the claim", 30)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(10)
    finally:
        product.processes.pop("sweep")
    assert is_claimed()
    # As after the five minutes that a worker may be silent.
    database.execute(
        "UPDATE assist_readinesssweep SET heartbeat_at = heartbeat_at - interval '6 minutes'"
        " WHERE state = 'running'"
    )
    told = _sweep(product, "--ou", "Winnipeg")
    assert (told["state"], told["done"]) == ("done", told["total"])
    assert told["ready"] > 0
    assert told["not_ready"] > 0
