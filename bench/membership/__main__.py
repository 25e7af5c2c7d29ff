"""``python -m bench.membership --size ACCOUNTS``: questions of membership in three ways.

Needs PostgreSQL's programs (packages.txt). Says what it does, and ends with one line of JSON.
"""

from __future__ import annotations

import argparse
import json
import os
from importlib import import_module

from tests.services import postgresql


def main() -> None:
    arguments = argparse.ArgumentParser(prog="bench.membership", description=__doc__)
    arguments.add_argument("--size", type=int, default=100_000, help="number of accounts")
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--rounds", type=int, default=5, help="how often each question is put")
    chosen = arguments.parse_args()
    with postgresql() as database_url:
        os.environ["DATABASE_URL"] = database_url
        import_module("tests.environment")
        os.environ["DJANGO_SETTINGS_MODULE"] = "portal.settings"
        import_module("django").setup()
        # Its imports need Django to know its database.
        measuring = import_module("bench.membership.measuring")
        print(json.dumps(measuring.run(database_url, chosen.size, chosen.seed, chosen.rounds)))


if __name__ == "__main__":
    main()
