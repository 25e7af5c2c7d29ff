"""A target that is no computer of the directory is refused, and nothing but DNS is sent.

``strace`` is the witness: it sees what any library does, not only Python's sockets.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from lab import world
from lab.demo.product import CHECKOUT, Product

pytestmark = [pytest.mark.lab, pytest.mark.services]

PLACE = re.compile(r'sin_port=htons\((\d+)\), sin_addr=inet_addr\("([\d.]+)"\)')
NAME_SERVERS = {(domain.controller.address, 53) for domain in world.DOMAINS}


def offered(product: Product, target: str, trace: Path) -> tuple[int, str, set[tuple[str, int]]]:
    """Asks for an offer under strace; the exit code, what was said, and every place called."""
    done = subprocess.run(
        ["strace", "-f", "-qq", "-e", "trace=connect,sendto,sendmsg,sendmmsg", "-o", str(trace)]
        + [sys.executable, "manage.py", "offer", r"R2\mjones", target, "--wait"],
        cwd=CHECKOUT,
        env=product.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    places = {(address, int(port)) for port, address in PLACE.findall(trace.read_text())}
    database = urlsplit(product.environment["DATABASE_URL"])
    own = (str(database.hostname), database.port or 0)
    assert own in places, "the witness saw nothing, not even the database"
    return done.returncode, done.stdout + done.stderr, places - {own}


@pytest.mark.parametrize(
    ("target", "asks_dns"),
    [
        ("127.0.11.250", True),  # in the subnet, no such computer
        ("10.20.30.40", True),  # outside the directory
        ("127.0.11.15", True),  # a computer of the directory that DNS does not know
        ("XP999", False),
        ("XP191; calc.exe", False),
        ("*", False),
        ("xp191.r2.local.evil.example", False),
    ],
)
def test_a_target_outside_the_directory_is_refused_and_only_dns_is_asked(
    product: Product,
    contacts: Callable[[], list[dict[str, Any]]],
    tmp_path: Path,
    target: str,
    asks_dns: bool,
) -> None:
    before = len(contacts())
    exit_code, said, places = offered(product, target, tmp_path / "trace")
    assert exit_code == 2, said
    assert "Traceback" not in said
    assert said.strip()
    assert places <= NAME_SERVERS
    if not asks_dns:
        assert places == set()
    assert len(contacts()) == before


@pytest.mark.parametrize("name", ["127.0.11.191", "xp191", "XP191.r2.local"])
def test_a_computer_is_found_by_address_and_by_name_in_any_case(
    product: Product, name: str
) -> None:
    done = product.manage("explain_offer", r"r2.local\MJONES", name, "--mode", "control")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "XP191" in done.stdout


def test_nothing_is_called_for_an_expert_that_the_decision_refuses(
    product: Product, contacts: Callable[[], list[dict[str, Any]]]
) -> None:
    before = len(contacts())
    done = product.manage("offer", r"R2\eadams", "127.0.11.191", "--wait")
    assert done.returncode == 1
    assert "helper list" in done.stdout
    assert len(contacts()) == before
