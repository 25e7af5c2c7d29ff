"""``python -m bench.offers --size COMPUTERS``: see bench/README.md for what is measured and how."""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from bench.databases import create_database
from bench.directory.laboratory import Laboratory, laboratory
from bench.directory.product import percentile
from bench.measured import BenchError, processors_together
from bench.offers.workers import KERBEROS, NTLM, SETTINGS, Installation
from bench.report import Report
from lab.demo.product import CHECKOUT, Product
from tests.services import postgresql

WORKED_OFF = 300  # offers that each number of workers finds waiting, at most
BY_NTLM = 100  # offers by NTLM, at most
ONE_BY_ONE = 50  # offers asked for one after the other
THREADS = 4
COMPUTER_PROCESSES = 2
OPENING_SECONDS = 86_400  # invitations outlast the measurement


@dataclass(frozen=True)
class Bare:
    """What the loop without a portal did.

    Attributes:
        offers_s: Offers per second.
        cpu_ms: Processor time of each.
        exchange_ms: How long each took.
    """

    offers_s: float
    cpu_ms: float
    exchange_ms: list[float]


class Bench:
    """A lab, a PostgreSQL with a prepared database, and what is measured with them."""

    def __init__(self, lab: Laboratory, server_url: str, size: int, say: Report) -> None:
        self.lab, self.size, self.say = lab, size, say
        self.by_ntlm = min(BY_NTLM, size)
        self._server_url = server_url
        self._directory = Path(tempfile.mkdtemp(prefix="portal-bench-"))
        self._used = 0
        self.computers()
        prepared = self._product(create_database(server_url, "prepared"))
        prepared.start_redis()
        try:
            prepared.prepare(lambda what: say(f"prepared: {what}"))
        finally:
            prepared.stop()

    def computers(self) -> None:
        """Starts the computers anew, so that nobody's Remote Assistance runs there."""
        done = subprocess.run(
            [sys.executable, "-m", "lab", "computers", "--count", str(self.size)]
            + [
                "--ntlm",
                str(self.by_ntlm),
                "--processes",
                str(COMPUTER_PROCESSES),
                "--opening-seconds",
                str(OPENING_SECONDS),
            ],
            cwd=CHECKOUT,
            env=os.environ | {"LAB_DIR": str(self.lab.paths.root)},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise BenchError(f"lab computers: {done.stderr[-1500:]}")

    def bare(
        self, count: int, *, threads: int = 1, with_position: bool = False, ntlm: bool = False
    ) -> Bare:
        """The loop without a portal."""
        self.computers()
        done = subprocess.run(
            [sys.executable, "-m", "bench.offers.bare", "--count", str(count)]
            + ["--threads", str(threads), *(["--position"] if with_position else [])]
            + (["--ntlm"] if ntlm else [])
            + ["--principal", self.lab.settings["SERVICE_PRINCIPAL"]]
            + ["--keytab", self.lab.settings["SERVICE_KEYTAB_FILE"]],
            cwd=CHECKOUT,
            env=os.environ | {"KRB5_CONFIG": self.lab.settings["KRB5_CONFIG"]},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise BenchError(f"bare loop: {done.stderr[-1500:]}")
        result = Bare(**json.loads(done.stdout))
        self.say(
            f"bare loop{' by NTLM' if ntlm else ''}, {threads} at once"
            f"{', with positions' if with_position else ''}: "
            f"{result.offers_s:.1f} offers/s, {result.cpu_ms:.0f} ms of processor each"
        )
        return result

    @contextmanager
    def installation(self) -> Iterator[Installation]:
        """A fresh one, beside computers that nobody has called."""
        self.computers()
        self._used += 1
        url = create_database(self._server_url, f"run{self._used}", template="prepared")
        product = self._product(url)
        product.start_redis()
        installation = Installation(product)
        try:
            yield installation
        finally:
            installation.close()

    def _product(self, database_url: str) -> Product:
        return Product(
            self._directory, self.lab.paths.root, settings=SETTINGS | {"DATABASE_URL": database_url}
        )

    def close(self) -> None:
        shutil.rmtree(self._directory)


def run(size: int, say: Report) -> dict[str, object]:
    """Everything, from an empty lab to figures.

    Raises:
        BenchError: Something did not come to its end.
    """
    load, together = os.getloadavg()[0], processors_together()
    say(f"load {load:.1f}; each processor has {together:.0%} of its speed while all work")
    with laboratory(0) as lab, postgresql(durable=True) as server_url:
        bench = Bench(lab, server_url, size, say)
        try:
            figures = _measure(bench)
        finally:
            bench.close()
    return {
        "benchmark": "offers",
        "computers": size,
        **figures,
        "load_before": round(load, 2),
        "processors": os.cpu_count(),
        "processors_together": round(together, 2),
        "python": platform.python_version(),
        "celery": version("celery"),
    }


def _measure(bench: Bench) -> dict[str, object]:
    size, say = bench.size, bench.say
    few, offers = min(ONE_BY_ONE, size // 4), min(WORKED_OFF, size)
    bare, same = bench.bare(offers), bench.bare(offers, with_position=True)
    threaded = bench.bare(offers, threads=THREADS, with_position=True)
    bare_ntlm = bench.bare(bench.by_ntlm, with_position=True, ntlm=True)
    worked = {}
    for name, count, processes, threads, kind in (
        ("1 process", offers, 1, 1, KERBEROS),
        ("2 processes", offers, 2, 1, KERBEROS),
        ("4 processes", offers, 4, 1, KERBEROS),
        (f"{THREADS} threads", offers, 1, THREADS, KERBEROS),
        ("1 process by NTLM", bench.by_ntlm, 1, 1, NTLM),
    ):
        with bench.installation() as installation:
            one = installation.work_off(count, processes, threads=threads, kind=kind)
        worked[name] = one
        say(
            f"worker of {name}: {one.offers_s:.1f} offers/s, {one.cpu_ms:.0f} ms of processor each,"
            f" {one.rss_growth_mb:+.1f} MB"
        )
    with bench.installation() as installation:
        waiting = size - 2 * few
        with installation.workers(2):
            alone = installation.ask(0, few, one_by_one=True)
            installation.ask(2 * few, waiting)
            installation.wait_for_invitations(few + waiting)
            with installation.following():
                beside = installation.ask(few, few, one_by_one=True)
        say(f"click to invitation: {_said(alone)}; with {waiting} waiting: {_said(beside)}")
    exchange = same.exchange_ms
    one, by_ntlm = worked["1 process"], worked["1 process by NTLM"]
    return {
        "bare_offers_s": _rounded(bare.offers_s),
        "bare_cpu_ms_per_offer": _rounded(bare.cpu_ms),
        "bare_with_position_offers_s": _rounded(same.offers_s),
        "bare_threads_offers_s": _rounded(threaded.offers_s),
        "worker_offers_s": _rounded(one.offers_s),
        "worker_ratio": _rounded(one.offers_s / bare.offers_s),
        "worker_ratio_same_calls": _rounded(one.offers_s / same.offers_s),
        "cpu_ms_per_offer": _rounded(one.cpu_ms),
        "scale_2": _rounded(worked["2 processes"].offers_s / one.offers_s),
        "scale_4": _rounded(worked["4 processes"].offers_s / one.offers_s),
        "threads_ratio": _rounded(worked[f"{THREADS} threads"].offers_s / one.offers_s),
        "threads_cpu_ms_per_offer": _rounded(worked[f"{THREADS} threads"].cpu_ms),
        "bare_ntlm_offers_s": _rounded(bare_ntlm.offers_s),
        "worker_ntlm_offers_s": _rounded(by_ntlm.offers_s),
        "worker_ntlm_ratio": _rounded(by_ntlm.offers_s / bare_ntlm.offers_s),
        "ntlm_cpu_ms_per_offer": _rounded(by_ntlm.cpu_ms),
        "exchange_p95_ms": _rounded(percentile(exchange, 95)),
        "invitation_p95_ms": _rounded(percentile(alone, 95)),
        "invitation_overhead_p95_ms": _rounded(
            percentile([one - statistics.median(exchange) for one in alone], 95)
        ),
        "waiting_offers": waiting,
        "invitation_p95_ms_while_they_wait": _rounded(percentile(beside, 95)),
        "worker_rss_growth_mb": _rounded(one.rss_growth_mb),
        "worker_rss_offers": offers,
    }


def _rounded(value: float) -> float:
    return round(value, 2)


def _said(times_ms: list[float]) -> str:
    return f"{statistics.median(times_ms):.0f} ms, p95 {percentile(times_ms, 95):.0f} ms"


def main() -> int:
    parser = argparse.ArgumentParser(prog="bench.offers", description=__doc__)
    parser.add_argument("--size", type=int, default=1000, help="number of computers, 10 or more")
    size = parser.parse_args().size
    if size < 10:
        parser.error("--size: 10 or more.")
    try:
        print(json.dumps(run(size, Report())))
    except BenchError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
