"""``python -m bench.directory --size N``: see bench/README.md for what is measured and how."""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
from importlib.metadata import version

from bench.databases import count_rows, create_database
from bench.directory.laboratory import COUNTED_FILTERS, Laboratory, laboratory
from bench.directory.product import (
    FullReading,
    Worker,
    environment,
    median,
    migrate,
    percentile,
    read_everything,
)
from bench.measured import BenchError, Measured, measure, processors_together
from bench.report import Report
from tests.services import postgresql

SEED = 20_260
CHANGES = 100
BUSY = 0.5  # load average that is not this benchmark's own
SMALL = 5_000  # computers up to which a third round takes little time


def run(size: int, say: Report) -> dict[str, object]:
    load = os.getloadavg()[0]
    if load > BUSY:
        say(f"others are at work here (load {load:.1f}): the figures will be too high")
    say(f"lab with {size:,} computers")
    with laboratory(size) as lab, postgresql(durable=True) as server_url:
        sizes = {kind: lab.count(text) for kind, text in COUNTED_FILTERS.items()}
        say(f"there are {', '.join(f'{number:,} {kind}' for kind, number in sizes.items())}")
        rounds = 3 if size <= SMALL else 2
        migrate(environment(lab.settings, create_database(server_url, "empty")))
        databases = [
            create_database(server_url, f"round{number}", template="empty")
            for number in range(rounds)
        ]
        worker = Worker(environment(lab.settings, databases[-1]))
        together = processors_together()
        say(f"each processor has {together:.0%} of its speed while all work")
        fetches, readings = compare_with_ldapsearch(lab, worker, databases, say)
        expected = sum(sizes.values())
        stored = sum(readings[-1].counts[kind] for kind in sizes)
        if stored != expected:
            raise BenchError(f"{stored:,} objects were read; ldapsearch counts {expected:,}.")
        nothing = worker.nothing_new(10)
        say(f"nothing new: {median(nothing):.3f} s")
        changed = [worker.follow(lab, seed=SEED + n, count=CHANGES) for n in range(rounds)]
        say(f"{CHANGES} changes visible after {' / '.join(f'{s:.2f}' for s in changed)} s")
        questions = worker.membership_times(SEED)
        if questions:
            say(f"is-member question: p99 {percentile(questions, 99):.2f} ms")
        peer_url = create_database(server_url, "peer")
        peer = measure_peer(peer_url, lab, say)
        peer_users = count_rows(peer_url, "auth_user")
    wall = median([reading.process.wall_s for reading in readings])
    fetch_wall = median([fetch.wall_s for fetch in fetches])
    return {
        "bench": "directory",
        "size": size,
        **sizes,
        "sync_wall_ratio": round(wall / fetch_wall, 2),
        "peer_objects_ratio": round((readings[-1].objects / wall) / (peer_users / peer.wall_s), 1),
        "sync_cpu_s": round(median([reading.process.cpu_s for reading in readings]), 2),
        "sync_peak_rss_mb": round(max(reading.process.peak_rss_mb for reading in readings), 1),
        "delta_100_s": round(median(changed), 3),
        "delta_0_s": round(median(nothing), 3),
        "member_p50_ms": round(percentile(questions, 50), 3) if questions else None,
        "member_p99_ms": round(percentile(questions, 99), 3) if questions else None,
        "sync_wall_s": round(wall, 2),
        "sync_inner_s": round(median([reading.sync_s for reading in readings]), 2),
        "ldapsearch_wall_s": round(fetch_wall, 2),
        "ldapsearch_cpu_s": round(median([fetch.cpu_s for fetch in fetches]), 2),
        "peer_users": peer_users,
        "peer_wall_s": round(peer.wall_s, 2),
        "peer_cpu_s": round(peer.cpu_s, 2),
        "peer_peak_rss_mb": round(peer.peak_rss_mb, 1),
        "rounds": rounds,
        "processors": os.cpu_count(),
        "processors_together": round(together, 2),
        "load_before": round(load, 2),
        "versions": versions(),
    }


def compare_with_ldapsearch(
    lab: Laboratory, worker: Worker, databases: list[str], say: Report
) -> tuple[list[Measured], list[FullReading]]:
    """ldapsearch and the product by turns, each round into a database of its own."""
    searches = worker.searches()
    fetches, readings = [], []
    for database_url in databases:
        fetches.append(lab.fetch(searches))
        say(f"ldapsearch fetched it in {fetches[-1].wall_s:.2f} s")
        reading = read_everything(environment(lab.settings, database_url))
        readings.append(reading)
        used = reading.process
        say(
            f"sync_directory --full: {used.wall_s:.2f} s ({reading.sync_s:.2f} s without start), "
            f"{used.cpu_s:.2f} s of processor, {used.peak_rss_mb:.0f} MB"
        )
    return fetches, readings


def measure_peer(database_url: str, lab: Laboratory, say: Report) -> Measured:
    """django-python3-ldap's ldap_sync_users, for the accounts alone."""
    say("django-python3-ldap's ldap_sync_users (accounts only)")
    env = environment(lab.settings, database_url) | {
        "DJANGO_SETTINGS_MODULE": "bench.directory.peer"
    }
    measure([sys.executable, "-m", "django", "migrate", "-v", "0"], env)
    peer = measure([sys.executable, "-m", "django", "ldap_sync_users", "-v", "0"], env)
    say(f"it took {peer.wall_s:.2f} s, {peer.cpu_s:.2f} s of processor")
    return peer


def versions() -> dict[str, str]:
    def first_line(*command: str) -> str:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        return (done.stdout + done.stderr).strip().splitlines()[0]

    return {
        "python": platform.python_version(),
        "ldap3": version("ldap3"),
        "django": version("django"),
        "psycopg": version("psycopg"),
        "django-python3-ldap": version("django-python3-ldap"),
        "samba": first_line("samba", "--version"),
        "postgresql": first_line("psql", "--version"),
        "ldapsearch": first_line("ldapsearch", "-VV"),
        "kernel": platform.release(),
    }


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.directory", description=__doc__)
    parser.add_argument("--size", type=int, default=10_000, help="computers in the lab")
    arguments = parser.parse_args()
    try:
        result = run(arguments.size, Report())
    except BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    print(json.dumps(result))
    return 0


if __name__ == "__main__":
    sys.exit(main())
