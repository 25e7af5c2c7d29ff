"""Many like computers in several processes, for load: accounts, keys, names and listeners."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from lab import processes, world
from lab.controller import DEBIAN_PYTHON
from lab.errors import LabError
from lab.paths import CHECKOUT, LabPaths
from lab.windows.load import MOST, MOST_NTLM, UNIT, computers, has_services, split_keytab

START_SECONDS = 120.0


@dataclass(frozen=True)
class Load:
    """What was started.

    Attributes:
        added: Accounts that were not there yet.
        directory_seconds: For accounts, names and keys.
        start_seconds: Until every computer listened.
        rss_mb: Of each process.
    """

    computers: int
    processes: int
    added: int
    directory_seconds: float
    start_seconds: float
    rss_mb: list[int]


def start(
    paths: LabPaths,
    *,
    count: int,
    process_count: int,
    opening_seconds: float,
    pause_seconds: float = 0.0,
    ntlm: int = 0,
    delegated: bool = False,
) -> Load:
    """Starts them; those of before are stopped. The domain must be up.

    Args:
        paths: The lab.
        count: How many computers; 0 only stops, where ``ntlm`` is 0 too.
        process_count: In how many processes.
        opening_seconds: How long an invitation waits to be opened.
        pause_seconds: How long each of them thinks before each answer.
        ntlm: How many further ones, for which the domain has no Kerberos tickets.
        delegated: Let the web account act for others at the first ``count``.

    Raises:
        LabError: An account could not be made, or a process did not come up.
    """
    stop(paths)
    if not 0 <= count <= MOST or not 0 <= ntlm <= MOST_NTLM or process_count < 1:
        raise LabError(
            f"Computers: 0 to {MOST}; without tickets: 0 to {MOST_NTLM}; processes: 1 or more."
        )
    if not count + ntlm:
        return Load(0, 0, 0, 0.0, 0.0, [])
    began = time.monotonic()
    added = _make_accounts(paths, count, ntlm, delegated=delegated)
    made = time.monotonic()
    names = [f"load-{part}" for part in range(process_count)]
    for part, name in enumerate(names):
        command = [sys.executable, "-m", "lab.windows.load", "--lab-dir", str(paths.root)]
        command += ["--count", str(count), "--ntlm", str(ntlm)]
        command += ["--processes", str(process_count)]
        command += ["--part", str(part), "--opening-seconds", str(opening_seconds)]
        command += ["--pause-seconds", str(pause_seconds)]
        processes.start(paths, name, command, dict(os.environ))
    for part, name in enumerate(names):
        ready = paths.root / "load" / f"{part}.ready"
        processes.wait_until(ready.exists, "the computers for load", paths, name, START_SECONDS)
    return Load(
        count + ntlm,
        process_count,
        added,
        round(made - began, 1),
        round(time.monotonic() - made, 1),
        [_rss_mb(paths, name) for name in names],
    )


def stop(paths: LabPaths) -> None:
    """Ends the processes; the accounts stay."""
    for file in sorted(paths.pids.glob("load-*.pid")):
        processes.stop(paths, file.stem)
    for ready in (paths.root / "load").glob("*.ready"):
        ready.unlink()


def _make_accounts(paths: LabPaths, count: int, ntlm: int, *, delegated: bool) -> int:
    folder = paths.root / "load" / "keytabs"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    wanted = [
        {
            "name": one.name,
            "dns_name": one.dns_name,
            "address": one.address,
            "has_services": has_services(one),
        }
        for one in computers(count, ntlm)
    ]
    keytabs = [folder / f"{one['name']}.keytab" for one in wanted]
    if not delegated and all(keytab.exists() for keytab in keytabs):
        return 0
    unit = f"OU={UNIT},{world.R2.unit_dn('Winnipeg')}"
    zone = f"DC={world.DNS_NAME},CN=MicrosoftDNS,DC=DomainDnsZones,{world.R2.base_dn}"
    delegate = world.WEB_ACCOUNT if delegated else ""
    scratch = Path(tempfile.mkdtemp(dir=folder))
    try:
        whole = scratch / "whole.keytab"
        done = subprocess.run(
            [DEBIAN_PYTHON, str(CHECKOUT / "lab/windows/load_accounts.py")]
            + [str(paths.smb_conf), str(whole), unit, zone],
            input=json.dumps({"computers": wanted, "delegate": delegate}),
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise LabError(f"accounts for load: {done.stderr[-2000:]}")
        entries = split_keytab(whole.read_bytes())
    finally:
        shutil.rmtree(scratch)
    for keytab in keytabs:
        keytab.write_bytes(entries[keytab.stem])
    return int(json.loads(done.stdout.splitlines()[-1])["added"])


def _rss_mb(paths: LabPaths, name: str) -> int:
    pid = (paths.pids / f"{name}.pid").read_text().split()[0]
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmRSS")).split()[1]) // 1024


def as_json(load: Load) -> str:
    return json.dumps(asdict(load))
