"""An installation on PostgreSQL and Redis whose workers are measured."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import IO, cast

import psycopg

from bench.measured import BenchError
from lab.demo.product import CHECKOUT, Product
from tests.services import wait_for

SETTINGS = {
    "NOVICE_SUBNETS": "127.1.0.0/16",
    "SERVICE_NTLM_ALLOWED": "true",
    "OFFERS_PER_EXPERT_PER_HOUR": "1000000",
    "OFFER_BURST_COUNT": "1000000",
    "QUEUE_TIMEOUT_SECONDS": "86400",
    "OPENING_TIMEOUT_SECONDS": "86400",
}
KERBEROS, NTLM = "LOAD", "NTLM"  # how the names of computers begin
TICKS_S = os.sysconf("SC_CLK_TCK")
READY_SECONDS = 60
LONGEST_OFFER_SECONDS = 10
LOOKING_SECONDS = 600


@dataclass(frozen=True)
class Worked:
    """What workers did with offers that had all been waiting for them.

    Attributes:
        offers_s: Invitations per second, from the first contact to the last invitation.
        cpu_ms: Processor time of all their processes, for each offer.
        rss_growth_mb: How much all their memory grew between the first tenth of the offers and
            the last, in MiB.
    """

    offers_s: float
    cpu_ms: float
    rss_growth_mb: float


class Installation:
    """One database, one broker, and as many workers as a measurement wants.

    Args:
        product: Prepared; its Redis runs.
    """

    def __init__(self, product: Product) -> None:
        self.product = product
        self._database = psycopg.connect(product.environment["DATABASE_URL"], autocommit=True)
        self._numbers = count(1)
        self._mary = subprocess.Popen(
            [sys.executable, "-m", "tests.end_to_end.many_offers"],
            cwd=CHECKOUT,
            env=product.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def ask(
        self, first: int, number: int, *, kind: str = KERBEROS, one_by_one: bool = False
    ) -> list[float]:
        """Asks for an offer at each of so many computers.

        Args:
            first: The number of the first computer.
            number: How many.
            kind: How their names begin.
            one_by_one: Wait for each invitation before the next is asked for.

        Returns:
            Of each, the milliseconds from asking to the invitation; empty if nobody waited.

        Raises:
            BenchError: An offer was not let through, or no invitation came.
        """
        questions, answers = cast(IO[str], self._mary.stdin), cast(IO[str], self._mary.stdout)
        questions.write(f"{kind}-{first:05d} {number} {'wait' if one_by_one else 'queue'}\n")
        questions.flush()
        line = answers.readline()
        if not line:
            raise BenchError("An offer was not let through; see above.")
        times: list[float] = json.loads(line)
        return times

    def invited(self) -> int:
        """How many offers have their invitation and wait for the expert."""
        return int(self._one("SELECT count(*) FROM assist_offer WHERE state = 'offered'"))

    def _one(self, statement: str) -> float:
        ((value,),) = self._database.execute(statement).fetchall()
        return float(value or 0)

    @contextmanager
    def workers(self, processes: int, *, threads: int = 1, queues: str = "offers") -> Iterator[int]:
        """Runs one worker with so many processes, or one process of so many threads.

        Yields:
            The number of its first process.
        """
        pool = ["--concurrency", str(processes)]
        if threads > 1:
            pool = ["--pool", "threads", "--concurrency", str(threads)]
        name = f"worker-{next(self._numbers)}"
        process = self.product.start_process(
            name,
            *[sys.executable, "-m", "celery", "-A", "portal", "worker", "--queues", queues],
            *[*pool, "--hostname", f"{name}@%h", "--loglevel", "INFO"],
        )
        log = self.product.directory / f"log/{name}.log"
        wait_for(lambda: " ready." in log.read_text(), "the worker", READY_SECONDS)
        try:
            yield process.pid
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(30)

    def work_off(
        self, number: int, processes: int, *, threads: int = 1, kind: str = KERBEROS
    ) -> Worked:
        """Has so many offers contacted that wait already.

        Raises:
            BenchError: One did not come to its invitation.
        """
        self.ask(0, number, kind=kind)
        tenth = max(1, number // 10)
        with self.workers(processes, threads=threads) as first:
            used = _cpu_s(first)
            self.wait_for_invitations(tenth)
            early = _rss_mb(first)
            self.wait_for_invitations(number)
            cpu_s, late = _cpu_s(first) - used, _rss_mb(first)
        seconds = self._one(
            "SELECT extract(epoch FROM max(at) FILTER (WHERE to_state = 'offered')"
            " - min(at) FILTER (WHERE to_state = 'contacting')) FROM assist_offertransition"
        )
        return Worked(number / seconds, cpu_s * 1000 / number, late - early)

    def wait_for_invitations(self, wanted: int) -> None:
        """Until so many offers have theirs.

        Raises:
            BenchError: An offer ended without, or it takes too long.
        """
        deadline = time.monotonic() + wanted * LONGEST_OFFER_SECONDS
        while (there := self.invited()) < wanted:
            other = "SELECT count(*) FROM assist_offer WHERE ended_at IS NOT NULL"
            if self._one(other) or time.monotonic() > deadline:
                raise BenchError(f"{there} of {wanted} offers came to their invitation.")
            time.sleep(0.1)

    @contextmanager
    def following(self) -> Iterator[None]:
        """Deadlines are kept and event logs followed meanwhile, as in production."""
        beat = [sys.executable, "-m", "celery", "-A", "portal", "beat", "--pidfile", ""]
        schedule = str(self.product.directory / "celerybeat-schedule")
        with self.workers(2, queues="events,timers,background"):
            process = self.product.start_process("scheduler", *beat, "--schedule", schedule)
            looked = "SELECT count(*) FROM assist_logfollowing WHERE looked_at IS NOT NULL"
            waiting = self.invited()
            wait_for(
                lambda: self._one(looked) >= waiting / 2, "looks at event logs", LOOKING_SECONDS
            )
            try:
                yield
            finally:
                process.terminate()
                process.wait(30)

    def close(self) -> None:
        self._database.close()
        self._mary.kill()
        self._mary.wait()
        self.product.stop()


def _family(first: int) -> list[int]:
    """A process and its children, whichever of its threads made them."""
    found = Path(f"/proc/{first}/task").glob("*/children")
    return [first, *(int(child) for file in found for child in file.read_text().split())]


def _cpu_s(first: int) -> float:
    """Seconds of processor time that a worker's processes have had, ended ones included."""
    files = [Path(f"/proc/{pid}/stat") for pid in _family(first)]
    fields = [file.read_text().rpartition(")")[2].split() for file in files]
    return sum(int(ticks) for one in fields for ticks in one[11:15]) / TICKS_S


def _rss_mb(first: int) -> float:
    lines = [
        line
        for pid in _family(first)
        for line in Path(f"/proc/{pid}/status").read_text().splitlines()
        if line.startswith("VmRSS:")
    ]
    return sum(int(line.split()[1]) for line in lines) / 1024
