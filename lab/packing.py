"""The domains are filled once: their state is packed, and unpacked when it is wanted again.

Filling 100,000 computers takes four minutes, unpacking them three seconds. What is packed is also
the backup that a controller is restored from.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from lab.errors import LabError
from lab.paths import LabPaths

LARGE = 20_000  # computers from which on the controller needs the mdb backend
# Made anew by every start, or about this place rather than about the domain.
LEFT_OUT = (
    *("log", "pids", "answers", "cache", "lock", "*.complete", "*.ready", "*.toml", "lab.env"),
    *("*dc1/run", "*dc1/private/sam.ldb.d/*-lock"),
)


def packed_state(paths: LabPaths, digest: str, objects: int) -> Path:
    """Where the domain of that world and size is kept: in ``LAB_CACHE``, or in the lab itself.

    Args:
        paths: The lab.
        digest: Tells one description of the world from another.
        objects: How many computers were added to it.
    """
    cache = Path(os.environ.get("LAB_CACHE") or paths.root / "cache")
    return cache / f"domain-{digest[:16]}-{objects}.tar.zst"


def pack(paths: LabPaths, file: Path) -> None:
    """Packs a stopped lab. The file appears whole or not at all, and is for its owner alone."""
    file.parent.mkdir(parents=True, exist_ok=True)
    unfinished = file.with_suffix(f".{os.getpid()}")
    unfinished.touch(mode=0o600)
    _tar(
        *["--create", "--sparse", "--xattrs", "--use-compress-program=zstd -3 -T0"],
        *[f"--exclude=./{pattern}" for pattern in LEFT_OUT],
        *["--file", str(unfinished), "--directory", str(paths.root), *_state(paths)],
    )
    unfinished.rename(file)


def _state(paths: LabPaths) -> list[str]:
    """What is in the lab's folder but for other labs, which may be at work at this moment."""
    inside = sorted(paths.root.iterdir())
    return [f"./{entry.name}" for entry in inside if not (entry / paths.lock.name).exists()]


def forget_others(paths: LabPaths, file: Path) -> None:
    """Removes what was packed of earlier descriptions, unless other labs may still want it."""
    if file.parent == paths.root / "cache":
        for other in file.parent.glob(f"domain-*-{file.name.rsplit('-', 1)[1]}"):
            if other != file:
                other.unlink()


def unpack(paths: LabPaths, file: Path, part: str = "") -> None:
    """Restores what was packed, into a lab without it.

    Args:
        paths: The lab.
        file: What was packed.
        part: The folder to restore, with all that it holds; "" everything.
    """
    _tar(
        *["--extract", "--sparse", "--xattrs", "--xattrs-include=*", "--use-compress-program=zstd"],
        *["--file", str(file), "--directory", str(paths.root)],
        *([f"./{part}"] if part else []),
    )


def _tar(*arguments: str) -> None:
    done = subprocess.run(["tar", *arguments], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise LabError(f"Packing or unpacking the domain failed:\n{done.stderr[-2000:]}")
