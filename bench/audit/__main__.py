"""``python -m bench.audit --size OFFERS``: see bench/README.md for what is measured and how."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from importlib import import_module

from bench.databases import create_database
from bench.measured import BenchError, processors_together
from bench.report import Report
from tests.services import postgresql

SEED = 1  # of the chance that offers are made by


def run(size: int, say: Report) -> dict[str, object]:
    """Everything, from an empty PostgreSQL to figures.

    Raises:
        BenchError: Something did not come to its end.
    """
    load, together = os.getloadavg()[0], processors_together()
    say(f"load {load:.1f}; each processor has {together:.0%} of its speed while all work")
    with postgresql(durable=True) as server_url:
        os.environ["DATABASE_URL"] = server_url
        import_module("tests.environment")
        os.environ["DJANGO_SETTINGS_MODULE"] = "bench.audit.settings"
        import_module("django").setup()
        # Their imports need Django to know its database.
        connection = import_module("django.db").connection
        appending = import_module("bench.audit.appending")
        chaining = import_module("bench.audit.chaining")
        reports = import_module("bench.audit.reports")
        import_module("django.core.management").call_command("migrate", verbosity=0)
        database = connection.settings_dict["NAME"]
        connection.close()
        create_database(server_url, "appended", template=database)
        say("migrated")
        figures = appending.append("appended", say)
        connection.close()
        connection.settings_dict["NAME"] = database
        now = import_module("django.utils.timezone").now()
        filled = reports.fill(size, SEED, now)
        say("filled")
        figures |= reports.rounded(filled) | chaining.seal_and_verify(say)
        figures |= reports.rounded(reports.measure(now))
        connection.close()
    return {
        "benchmark": "audit",
        "offers": size,
        **figures,
        "load_before": round(load, 2),
        "processors": os.cpu_count(),
        "processors_together": round(together, 2),
        "python": platform.python_version(),
    }


def main() -> int:
    parser = argparse.ArgumentParser(prog="bench.audit", description=__doc__)
    parser.add_argument("--size", type=int, default=100_000, help="number of offers, 100 or more")
    size = parser.parse_args().size
    if size < 100:
        parser.error("--size: 100 or more.")
    try:
        print(json.dumps(run(size, Report())))
    except BenchError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
