"""Django's own checks, for ``make check``: migrations complete, deployment settings, API schema."""

from __future__ import annotations

import os
import subprocess
import sys

from tests.environment import ROOT

CHECKS = (
    ("makemigrations", "--check", "--dry-run"),
    ("check", "--deploy", "--fail-level", "WARNING"),
    ("spectacular", "--validate", "--fail-on-warn", "--file", os.devnull),
)


def main() -> int:
    environment = os.environ | {
        "PORTAL_URL": "https://portal.example",
        "DEBUG": "false",
        "DIRECTORY_CA_FILE": str(
            ROOT / "tests" / "portal" / "authority.pem"
        ),  # the lab may be down
    }
    for arguments in CHECKS:
        print("manage.py", *arguments, flush=True)
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments], cwd=ROOT, env=environment, check=False
        )
        if done.returncode != 0:
            return done.returncode
    return 0


if __name__ == "__main__":
    sys.exit(main())
