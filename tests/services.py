"""Starts PostgreSQL and Redis of its own, runs a command beside them, and stops them.

``python -m tests.services COMMAND ...`` sets DATABASE_URL and REDIS_URL for the command. Both
servers live in a temporary directory and listen on loopback ports that were free.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


def free_port(address: str = "127.0.0.1") -> int:
    """A TCP port that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind((address, 0))
        return int(probe.getsockname()[1])


def wait_for(condition: Callable[[], bool], what: str, seconds: float = 30) -> None:
    """Waits until the condition holds; raises TimeoutError naming what was waited for."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what} not within {seconds} s")
        time.sleep(0.05)


def accepts_connections(port: int, address: str = "127.0.0.1") -> bool:
    """Whether something listens there."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((address, port)) == 0


def _postgresql_programs() -> Path:
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda p: int(p.parent.name))
    if not versions:
        raise FileNotFoundError("PostgreSQL is not installed: apt-get install postgresql")
    return versions[-1]


@contextmanager
def postgresql(*, durable: bool = False) -> Iterator[str]:
    """A throw-away PostgreSQL server; yields its DATABASE_URL. Root hands it to user postgres.

    Args:
        durable: Write as PostgreSQL does by default, so that what is committed outlives a power
            cut, for measurements; else faster.
    """
    programs = _postgresql_programs()
    directory = Path(tempfile.mkdtemp(prefix="portal-postgresql-"))
    owner: dict[str, Any] = (
        {"user": "postgres", "group": "postgres", "extra_groups": []} if os.geteuid() == 0 else {}
    )
    if owner:
        shutil.chown(directory, "postgres")
    port = free_port()
    data = directory / "data"
    subprocess.run(
        [programs / "initdb", "-D", data, "-U", "portal", "-A", "trust", "-N", "-E", "UTF8"],
        check=True,
        stdout=subprocess.DEVNULL,
        cwd="/",
        **owner,
    )
    server = subprocess.Popen(
        [str(programs / "postgres"), "-D", str(data), "-p", str(port), "-k", str(directory)]
        + ["-c", "listen_addresses=127.0.0.1"]
        + ([] if durable else ["-c", "fsync=off", "-c", "full_page_writes=off"]),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd="/",
        **owner,
    )
    try:
        wait_for(lambda: accepts_connections(port), "PostgreSQL")
        subprocess.run(
            [programs / "createdb", "-h", "127.0.0.1", "-p", str(port), "-U", "portal", "portal"],
            check=True,
        )
        yield f"postgresql://portal@127.0.0.1:{port}/portal"
    finally:
        server.send_signal(signal.SIGINT)
        server.wait(20)
        shutil.rmtree(directory, ignore_errors=True)


@contextmanager
def redis() -> Iterator[str]:
    """A throw-away Redis server; yields its REDIS_URL."""
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="portal-redis-") as directory:
        server = subprocess.Popen(
            ["redis-server", "--port", str(port), "--bind", "127.0.0.1"]
            + ["--save", "", "--appendonly", "no", "--dir", directory],
            stdout=subprocess.DEVNULL,
        )
        try:
            wait_for(lambda: accepts_connections(port), "Redis")
            yield f"redis://127.0.0.1:{port}/0"
        finally:
            server.terminate()
            server.wait(10)


def main(command: list[str]) -> int:
    with postgresql() as database_url, redis() as redis_url:
        environment = os.environ | {"DATABASE_URL": database_url, "REDIS_URL": redis_url}
        return subprocess.run(command, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
