"""Starts and stops the portal, its worker, its scheduler and a Redis, as processes."""

from __future__ import annotations

import os
import secrets
import shlex
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from base64 import urlsafe_b64encode
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from lab.demo.collector import Collector

CHECKOUT = Path(__file__).resolve().parents[2]


class StartError(Exception):
    """A part of the product did not start; the text says which and where its log is."""


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until(condition: Callable[[], bool], what: str, seconds: float) -> None:
    """Waits for the condition; raises StartError naming what did not come within the seconds."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise StartError(f"{what}: not within {seconds:g} seconds")
        time.sleep(0.1)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


class Product:
    """One installation of the product in a directory of its own.

    Args:
        directory: Where its database, secrets and logs are; made when missing.
        lab_directory: The running lab's state directory.
        port: The portal's TCP port on 127.0.0.1; a free one by default.
        settings: Further environment variables, over the lab's and the defaults (SQLite, a Redis
            that is started here).
    """

    def __init__(
        self,
        directory: Path,
        lab_directory: Path,
        *,
        port: int | None = None,
        settings: dict[str, str] | None = None,
    ) -> None:
        self.directory = directory
        self.lab_directory = lab_directory
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.redis_port = free_port()
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self._collector = Collector(lab_directory)
        directory.mkdir(parents=True, exist_ok=True)
        (directory / "log").mkdir(exist_ok=True)
        own = (
            self._lab_settings()
            | {
                "DJANGO_SETTINGS_MODULE": "portal.settings",
                "PYTHONUNBUFFERED": "1",
                "PORTAL_URL": self.url,
                "DATABASE_URL": f"sqlite:///{directory / 'portal.sqlite3'}",
                "REDIS_URL": f"redis://127.0.0.1:{self.redis_port}/0",
                "SECRET_KEY": self._secret("secret_key", secrets.token_urlsafe(50)),
                "INVITATION_KEYS": self._secret(
                    "invitation_keys", urlsafe_b64encode(secrets.token_bytes(32)).decode()
                ),
                "LOG_FORMAT": "text",
            }
            | (settings or {})
        )
        self.environment = os.environ | own
        self._write_environment(own)

    def _lab_settings(self) -> dict[str, str]:
        lines = (self.lab_directory / "lab.env").read_text(encoding="utf-8").splitlines()
        return dict(line.split("=", 1) for line in lines if "=" in line and line[0] != "#")

    def _write_environment(self, settings: dict[str, str]) -> None:
        """For a person's own shell: ``set -a; . env`` and manage.py speaks to this product."""
        path = self.directory / "env"
        path.touch(mode=0o600)
        lines = (f"{name}={shlex.quote(value)}\n" for name, value in settings.items())
        path.write_text("".join(lines), encoding="utf-8")

    def _secret(self, name: str, fresh: str) -> str:
        path = self.directory / name
        if not path.exists():
            path.touch(mode=0o600)
            path.write_text(fresh, encoding="utf-8")
        return path.read_text(encoding="utf-8")

    def manage(self, *arguments: str, quiet: bool = True) -> subprocess.CompletedProcess[str]:
        """Runs ``manage.py`` to its end.

        Args:
            arguments: The command and its arguments.
            quiet: Keep its output (returned) instead of passing it on to the terminal.
        """
        return subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=CHECKOUT,
            env=self.environment,
            text=True,
            capture_output=quiet,
            check=False,
        )

    def start_process(self, name: str, *command: str) -> subprocess.Popen[bytes]:
        """Starts a process that belongs to the product, its output in ``log/NAME.log``."""
        with (self.directory / "log" / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                command,
                cwd=CHECKOUT,
                env=self.environment,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        return self.processes[name]

    def prepare(self, say: Callable[[str], None], *, collects: bool = True) -> None:
        """Database, first reading of the directory, and the token of the event collector.

        Args:
            say: Told what has been done.
            collects: Have the lab's computers forward their events to this product.
        """
        for what, arguments in (
            ("database", ["migrate", "--noinput"]),
            ("directory read", ["sync_directory", "--json"]),
        ):
            done = self.manage(*arguments)
            if done.returncode != 0:
                raise StartError(f"{what}: {done.stdout[-2000:]}{done.stderr[-2000:]}")
            say(what)
        if collects:
            self._connect_collector()

    def _connect_collector(self) -> None:
        made = self.manage("api_token", "Windows event collector", "--scope", "collector")
        if made.returncode != 0:
            raise StartError(f"collector token: {made.stderr[-2000:]}")
        self._collector.connect(self.url, made.stdout.strip().splitlines()[-1])

    def start_redis(self) -> None:
        """A Redis that keeps nothing: the database is the truth."""
        self.start_process(
            "redis",
            *["redis-server", "--port", str(self.redis_port), "--bind", "127.0.0.1"],
            *["--save", "", "--appendonly", "no", "--dir", str(self.directory)],
        )
        wait_until(lambda: _listens(self.redis_port), "Redis", 15)

    def start_services(self) -> None:
        """Portal, workers and scheduler, by the commands that production uses."""
        python = sys.executable
        self.start_process(
            "portal",
            *[python, "-m", "uvicorn", "portal.asgi:application", "--host", "127.0.0.1"],
            *["--port", str(self.port), "--no-server-header", "--no-proxy-headers"],
            *["--log-level", "warning"],
        )
        for name, queues, processes in (
            ("worker", "offers", "2"),
            ("background-worker", "events,timers,background", "2"),
        ):
            self.start_process(
                name,
                *[python, "-m", "celery", "-A", "portal", "worker", "--queues", queues],
                *["--concurrency", processes, "--hostname", f"{name}@%h", "--loglevel", "INFO"],
            )
        self.start_process(
            "scheduler",
            *[python, "-m", "celery", "-A", "portal", "beat", "--loglevel", "INFO"],
            *["--schedule", str(self.directory / "celerybeat-schedule"), "--pidfile", ""],
        )
        wait_until(self.is_healthy, f"portal (see {self.directory}/log)", 60)

    def is_healthy(self) -> bool:
        """Whether the portal answers that it is well; raises StartError when a process ended."""
        for name, process in self.processes.items():
            if process.poll() is not None:
                raise StartError(f"{name} ended; see {self.directory}/log/{name}.log")
        try:
            with urllib.request.urlopen(f"{self.url}/health", timeout=5) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, TimeoutError, ConnectionError):
            return False

    def stop(self) -> None:
        """Stops every process, last started first, and disconnects it from the lab's events."""
        self._collector.disconnect()
        for process in reversed(self.processes.values()):
            with suppress(ProcessLookupError):
                process.send_signal(signal.SIGTERM)
        for process in reversed(self.processes.values()):
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait(5)
        self.processes.clear()
