"""``python -m lab.windows --lab-dir DIR``: serves the lab's computers until SIGTERM."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import signal
import sys
from pathlib import Path

from lab import world
from lab.windows.policy import read_policies
from lab.windows.simulation import LabFiles, Options, Simulation


async def serve(files: LabFiles, options: Options) -> None:
    """Runs until the process is asked to end."""
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    simulation = Simulation(files, world.COMPUTERS, read_policies(files.smb_conf), options)
    try:
        await simulation.start()
        logging.getLogger("lab.windows").info("%d computers listen", len(simulation.ports))
        await stopping.wait()
    finally:
        await simulation.stop()


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m lab.windows", description=__doc__)
    parser.add_argument("--lab-dir", type=Path, required=True, help="the lab's state directory")
    parser.add_argument(
        "--opening-seconds",
        type=float,
        default=60.0,
        help="how long an invitation waits to be opened (default 60)",
    )
    parser.add_argument(
        "--one-referent",
        action="store_true",
        help="take SAFEARRAY pointers with one referent instead of two",
    )
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(levelname)s %(message)s")
    files = LabFiles(arguments.lab_dir.absolute())
    os.environ["KRB5_CONFIG"] = str(files.root / "krb5.conf")
    asyncio.run(
        serve(
            files,
            Options(opening_seconds=arguments.opening_seconds, one_referent=arguments.one_referent),
        )
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
