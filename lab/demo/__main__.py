"""``python -m lab.demo``: the whole product to look at; ``--check``: the story by itself."""

from __future__ import annotations

import argparse
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

from lab import world
from lab.demo.product import CHECKOUT, Product, StartError
from lab.demo.story import StoryError, play

DEMO_DIRECTORY = CHECKOUT / ".demo"
LAB_DIRECTORY = CHECKOUT / ".lab"

ACCOUNTS = (
    ("mjones", "expert, may help in Winnipeg and Brandon"),
    ("eadams", "expert, on no helper list: refused"),
    ("tmanager", "manager, reads the audit trail"),
    ("aauditor", "auditor"),
)


def _run_lab(*arguments: str) -> None:
    done = subprocess.run([sys.executable, "-m", "lab", *arguments], cwd=CHECKOUT, check=False)
    if done.returncode != 0:
        raise StartError(f"lab {' '.join(arguments)} failed, see above")


def _wait_for_the_end(product: Product) -> None:
    print(f"\n  The portal: {product.url}\n  Sign in as (password {world.PERSON_PASSWORD}):")
    for name, role in ACCOUNTS:
        print(f"    {world.NETBIOS_NAME}\\{name:<10} {role}")
    print("\n  Try: XP191.  What Bob answers: .venv/bin/python -m lab answer XP191 decline")
    print(f"  Logs: {product.directory}/log    Ctrl-C stops everything.\n", flush=True)
    while product.is_healthy():
        time.sleep(2)
    raise StartError(f"the portal is not well; see {product.directory}/log")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m lab.demo", description=__doc__)
    parser.add_argument("--check", action="store_true", help="play the story and end")
    parser.add_argument(
        "--port", type=int, help="the portal's port (8000; with --check a free one)"
    )
    arguments = parser.parse_args()

    signal.signal(signal.SIGTERM, signal.default_int_handler)
    began = time.monotonic()

    def say(what: str) -> None:
        print(f"{time.monotonic() - began:7.1f} s  {what}", flush=True)

    product: Product | None = None
    lab_was_up = _lab_is_up()
    try:
        _run_lab("up")
        say("lab is up")
        shutil.rmtree(DEMO_DIRECTORY, ignore_errors=True)
        port = arguments.port or (None if arguments.check else 8000)
        product = Product(Path(DEMO_DIRECTORY), LAB_DIRECTORY, port=port)
        product.start_redis()
        product.prepare(say)
        product.start_services()
        say(f"portal, worker and scheduler run at {product.url}")
        if arguments.check:
            play(product)
            say("The story came out as it must.")
        else:
            _wait_for_the_end(product)
    except KeyboardInterrupt:
        print("\nStopping.", flush=True)
    except (StartError, StoryError) as error:
        print(f"\n{error}", file=sys.stderr, flush=True)
        return 1
    finally:
        if product:
            product.stop()
        if not lab_was_up:
            _run_lab("down")
    return 0


def _lab_is_up() -> bool:
    done = subprocess.run(
        [sys.executable, "-m", "lab", "status"], cwd=CHECKOUT, check=False, capture_output=True
    )
    return done.returncode == 0


if __name__ == "__main__":
    sys.exit(main())
