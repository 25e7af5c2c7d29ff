"""``python -m lab.windows.load``: serves one process' part of the computers for load.

Serves the I-th part of N like computers until SIGTERM: each takes offers at its own address
127.1.x.y, Bob Smith is logged on, and he does what ``answers/LOAD-nnnnn.json`` says, else accepts.
Computers ``NTLM-nnnnn`` are like them, but the domain knows none of their services.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import resource
import signal
import struct
import sys
from dataclasses import dataclass
from pathlib import Path

from lab import world
from lab.windows.policy import DomainPolicies, read_policies
from lab.windows.simulation import LabFiles, Options, Simulation

UNIT = "Load"  # below Winnipeg, whose policy it gets
MOST = 50_000
MOST_NTLM = 10_000
PER_NETWORK = 250
FIRST_NETWORK_OF_NTLM = 200  # behind those of MOST others


def computers(count: int, ntlm: int = 0) -> tuple[world.Computer, ...]:
    """The first so many; the same number always gives the same name and address.

    Args:
        count: Of computers ``LOAD-nnnnn``.
        ntlm: Of computers ``NTLM-nnnnn``, behind them.
    """
    ordinary = (_computer("LOAD", number, 0) for number in range(count))
    others = (_computer("NTLM", number, FIRST_NETWORK_OF_NTLM) for number in range(ntlm))
    return (*ordinary, *others)


def _computer(kind: str, number: int, first_network: int) -> world.Computer:
    return world.Computer(
        f"{kind}-{number:05d}",
        UNIT,
        "Windows 11 Enterprise",
        "10.0 (22631)",
        1 + number % PER_NETWORK,
        "normal",
        logged_on=(world.LoggedOn("bsmith", 1),),
        network=f"127.1.{first_network + number // PER_NETWORK}.",
    )


def has_services(computer: world.Computer) -> bool:
    """Whether the domain knows its services, and so has Kerberos tickets for it."""
    return not computer.name.startswith("NTLM-")


def part_of(count: int, processes: int, part: int, ntlm: int = 0) -> tuple[world.Computer, ...]:
    """Those that one of so many processes serves."""
    return computers(count, ntlm)[part::processes]


@dataclass(frozen=True)
class LoadFiles(LabFiles):
    """The files of one process; keytabs lie apart from those of the story's computers."""

    part: int = 0

    @property
    def journal(self) -> Path:
        return self.root / "load" / f"calls-{self.part}.jsonl"

    @property
    def ready(self) -> Path:
        return self.root / "load" / f"{self.part}.ready"

    @property
    def addresses(self) -> Path:
        return self.root / "load" / f"computers-{self.part}.json"

    def keytab(self, name: str) -> Path:
        return self.root / "load" / "keytabs" / f"{name}.keytab"


def split_keytab(data: bytes) -> dict[str, bytes]:
    """A keytab of version 0x0502 taken apart: one for each account of a computer, by its name."""
    found: dict[str, bytes] = {}
    at = 2
    while at + 4 <= len(data):
        (size,) = struct.unpack_from(">i", data, at)
        entry = data[at + 4 : at + 4 + abs(size)]
        if size > 0 and (name := _account(entry)).endswith("$"):
            found.setdefault(name[:-1].upper(), data[:2])
            found[name[:-1].upper()] += data[at : at + 4 + size]
        at += 4 + abs(size)
    return found


def _account(entry: bytes) -> str:
    """The name in an entry whose principal has one component; empty for others."""
    components, realm_size = struct.unpack_from(">HH", entry)
    if components != 1:
        return ""
    (size,) = struct.unpack_from(">H", entry, 4 + realm_size)
    return entry[6 + realm_size : 6 + realm_size + size].decode()


async def serve(
    files: LoadFiles, served: tuple[world.Computer, ...], opening: float, pause: float
) -> None:
    """Runs until the process is asked to end."""
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    read = read_policies(files.smb_conf, only=served[0].name)
    policy = read.computers[served[0].name]
    policies = DomainPolicies({one.name: policy for one in served}, read.sids, read.accounts)
    simulation = Simulation(
        files,
        served,
        policies,
        Options(opening_seconds=opening, poll_seconds=1.0, pause_seconds=pause),
    )
    try:
        await simulation.start()
        await stopping.wait()
    finally:
        await simulation.stop()


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m lab.windows.load", description=__doc__)
    parser.add_argument("--lab-dir", type=Path, required=True)
    parser.add_argument("--count", type=int, required=True)
    parser.add_argument("--ntlm", type=int, default=0)
    parser.add_argument("--processes", type=int, required=True)
    parser.add_argument("--part", type=int, required=True)
    parser.add_argument("--opening-seconds", type=float, default=60.0)
    parser.add_argument("--pause-seconds", type=float, default=0.0)
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(name)s %(message)s")
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    files = LoadFiles(arguments.lab_dir.absolute(), arguments.part)
    os.environ["KRB5_CONFIG"] = str(files.root / "krb5.conf")
    served = part_of(arguments.count, arguments.processes, arguments.part, arguments.ntlm)
    asyncio.run(serve(files, served, arguments.opening_seconds, arguments.pause_seconds))
    return 0


if __name__ == "__main__":
    sys.exit(main())
