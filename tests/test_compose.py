"""docker-compose.yml is sound, and the very commands in it start and work."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.environment import ROOT
from tests.services import accepts_connections, free_port, wait_for

pytestmark = pytest.mark.services

COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
SERVICES = COMPOSE["services"]


def test_compose_reads_the_file_without_complaint(tmp_path: Path) -> None:
    shutil.copy(ROOT / "docker-compose.yml", tmp_path)
    (tmp_path / ".env").touch()
    done = subprocess.run(
        ["docker-compose", "config", "--quiet"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_every_secret_that_the_services_name_is_declared() -> None:
    for name, service in SERVICES.items():
        for secret in service.get("secrets", []):
            assert secret in COMPOSE["secrets"], (name, secret)


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """The test services' addresses and an empty database of one's own."""
    if not os.environ.get("DATABASE_URL", "").startswith("postgresql://"):
        pytest.fail("run through `python -m tests.services`")
    url, _, _ = os.environ["DATABASE_URL"].rpartition("/")
    name = f"compose_{os.getpid()}"
    subprocess.run(["psql", "-q", url + "/postgres", "-c", f"CREATE DATABASE {name}"], check=True)
    bin_directory = Path(sys.executable).parent
    return os.environ | {
        "DATABASE_URL": f"{url}/{name}",
        "PATH": f"{bin_directory}:{os.environ['PATH']}",
        "TMPDIR": str(tmp_path),
    }


@pytest.fixture
def started() -> Iterator[list[subprocess.Popen[str]]]:
    processes: list[subprocess.Popen[str]] = []
    yield processes
    for process in processes:
        process.send_signal(signal.SIGTERM)
    for process in processes:
        process.wait(60)


def command_of(service: str, **replacements: str) -> list[str]:
    """The service's command, its port and paths moved to where a test may use them."""
    return [replacements.get(word, word) for word in SERVICES[service]["command"]]


def test_each_service_starts_by_its_very_command(
    environment: dict[str, str], started: list[subprocess.Popen[str]], tmp_path: Path
) -> None:
    def start(service: str, **replacements: str) -> Path:
        log = tmp_path / f"{service}.log"
        with log.open("w") as output:
            started.append(
                subprocess.Popen(
                    command_of(service, **replacements),
                    cwd=ROOT,
                    env=environment,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    text=True,
                )
            )
        return log

    subprocess.run(command_of("migrations"), cwd=ROOT, env=environment, check=True)

    port = free_port()
    start("portal", **{"8000": str(port), "0.0.0.0": "127.0.0.1"})  # noqa: S104 - replaced
    redis_port = free_port()
    redis_command = [*command_of("redis"), "--port", str(redis_port), "--bind", "127.0.0.1"]
    started.append(
        subprocess.Popen(redis_command, stdout=subprocess.DEVNULL, text=True, cwd=tmp_path)
    )
    names = ("worker", "events-worker", "timer-worker", "background-worker")
    workers = [start(name) for name in names]
    scheduler = start(
        "scheduler",
        **{"/tmp/celerybeat-schedule": str(tmp_path / "schedule")},  # noqa: S108 - replaced
    )
    wait_for(lambda: accepts_connections(redis_port), "Redis")
    wait_for(lambda: accepts_connections(port), "the portal", 60)
    for log in workers:
        wait_for(lambda log=log: " ready." in log.read_text(), f"{log.stem}", 60)
    wait_for(lambda: "Sending due task" in scheduler.read_text(), "the scheduler", 60)
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=10) as answer:
        assert answer.status == 200
