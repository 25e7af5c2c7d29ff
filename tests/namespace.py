"""Runs a command in a network namespace of its own: a second lab finds all its addresses free.

``python -m tests.namespace COMMAND ...``. Only the loopback device is there; it needs root.
"""

from __future__ import annotations

import os
import subprocess
import sys


def main(command: list[str]) -> int:
    name = f"portal-tests-{os.getpid()}"
    subprocess.run(["ip", "netns", "add", name], check=True)
    try:
        inside = ["ip", "netns", "exec", name]
        subprocess.run([*inside, "ip", "link", "set", "lo", "up"], check=True)
        return subprocess.run([*inside, *command], check=False).returncode
    finally:
        subprocess.run(["ip", "netns", "delete", name], check=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
