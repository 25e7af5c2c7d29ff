"""The whole product, as its processes, beside the lab: once a run."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator

import pytest

from lab.demo.product import Product
from tests.conftest import Lab

Offer = Callable[..., tuple[int, dict[str, object]]]

CONTACTING = {"RemoteCreateInstance", "GetSessionInfo", "GetNoviceUserInfo"}

# Short enough for a test, long enough for two cores that do much else.
SHORT_CLOCKS = {
    "CONTACT_CONNECT_TIMEOUT_SECONDS": "3",
    "CONTACT_CALL_TIMEOUT_SECONDS": "4",
    "CONTACT_TOTAL_TIMEOUT_SECONDS": "12",
    "OPENING_TIMEOUT_SECONDS": "60",
    "OFFER_SWEEP_INTERVAL_SECONDS": "1",
    "AUDIT_SEAL_INTERVAL_SECONDS": "1",
}


@pytest.fixture(scope="session")
def product(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """A running installation on PostgreSQL, with the directory read."""
    if not os.environ.get("DATABASE_URL", "").startswith("postgresql://"):
        pytest.fail("run through `python -m tests.services`")
    server, _, _ = os.environ["DATABASE_URL"].rpartition("/")
    name = f"end_to_end_{os.getpid()}"
    subprocess.run(
        ["psql", "-q", f"{server}/postgres", "-c", f"CREATE DATABASE {name}"], check=True
    )
    directory = tmp_path_factory.mktemp("product")
    product = Product(
        directory, lab.directory, settings={"DATABASE_URL": f"{server}/{name}", **SHORT_CLOCKS}
    )
    product.start_redis()
    try:
        product.prepare(lambda what: None)
        product.start_services()
        yield product
    finally:
        product.stop()


@pytest.fixture
def offer(product: Product) -> Offer:
    """Runs ``manage.py offer ... --json``; returns its exit code and the object it ends with."""

    def run(*arguments: str) -> tuple[int, dict[str, object]]:
        done = product.manage("offer", *arguments, "--json")
        lines = done.stdout.strip().splitlines()
        assert lines, done.stderr
        return done.returncode, json.loads(lines[-1])

    return run


@pytest.fixture
def calls(lab: Lab) -> Callable[[], list[dict[str, object]]]:
    """What the simulated computers have heard, oldest first."""
    journal = lab.directory / "calls.jsonl"

    def read() -> list[dict[str, object]]:
        return [json.loads(line) for line in journal.read_text().splitlines()]

    return read


@pytest.fixture
def contacts(calls: Callable[[], list[dict[str, object]]]) -> Callable[[], list[dict[str, object]]]:
    """The calls among them that contact a computer for an offer.

    Event logs of offers that tests before have left open are read meanwhile, and offers that were
    just answered let go of their objects.
    """

    def read() -> list[dict[str, object]]:
        return [call for call in calls() if call["call"] in CONTACTING]

    return read
