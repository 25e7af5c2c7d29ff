"""``python -m bench.readiness --size COMPUTERS``: the report, its pages and its table.

Needs PostgreSQL's programs (packages.txt). Says what it does, and ends with one line of JSON.
"""

from __future__ import annotations

import argparse
import json
import os
from importlib import import_module

from tests.services import postgresql


def main() -> None:
    arguments = argparse.ArgumentParser(prog="bench.readiness", description=__doc__)
    arguments.add_argument("--size", type=int, default=100_000, help="number of computers")
    arguments.add_argument("--seed", type=int, default=1)
    chosen = arguments.parse_args()
    with postgresql() as database_url:
        os.environ["DATABASE_URL"] = database_url
        import_module("tests.environment")
        os.environ["DJANGO_SETTINGS_MODULE"] = "portal.settings"
        import_module("django").setup()
        # Its imports need Django to know its database.
        measuring = import_module("bench.readiness.measuring")
        print(json.dumps(measuring.run(chosen.size, chosen.seed)))


if __name__ == "__main__":
    main()
