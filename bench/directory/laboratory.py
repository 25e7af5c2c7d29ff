"""The lab at the size asked for, as it was filled, and what ldapsearch says of it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.measured import BenchError, Measured, measure
from lab import world
from lab.paths import CHECKOUT, LabPaths

WORK = CHECKOUT / ".bench"
PAGE = 1000
COUNTED_FILTERS = {
    "computers": "(&(objectCategory=computer)(sAMAccountType=805306369))",
    "accounts": "(&(objectCategory=person)(sAMAccountType=805306368))",
    "groups": "(objectCategory=group)",
}


@dataclass(frozen=True)
class Search:
    """A search below the domain's head: what is looked for and what is asked of it."""

    search_filter: str
    attributes: tuple[str, ...]


@dataclass(frozen=True)
class Laboratory:
    """A running domain controller."""

    paths: LabPaths
    settings: Mapping[str, str]

    def fetch(self, searches: Sequence[Search]) -> Measured:
        """Time that OpenLDAP's ldapsearch takes for the searches, one after the other.

        LDAPS, simple bind, pages of 1,000, its output to /dev/null: the C client's own cost of
        writing text to a file is left out. A search is a connection, one at a time.
        """
        parts = [self._search(search, keep_output=False) for search in searches]
        return Measured(
            sum(part.wall_s for part in parts),
            sum(part.cpu_s for part in parts),
            max(part.peak_rss_mb for part in parts),
        )

    def count(self, search_filter: str) -> int:
        """How many objects a filter finds."""
        found = self._search(Search(search_filter, ("1.1",)), keep_output=True).output
        return sum(line.startswith("dn:") for line in found.splitlines())

    def _search(self, search: Search, *, keep_output: bool) -> Measured:
        authority = self.paths.of_domain(world.R2).authority_certificate
        return measure(
            [
                *["ldapsearch", "-LLL", "-x", "-H", f"ldaps://{world.CONTROLLER_ADDRESS}"],
                *["-D", f"{world.DIRECTORY_ACCOUNT}@{world.DNS_NAME}"],
                *["-w", world.DIRECTORY_ACCOUNT_PASSWORD, "-b", world.BASE_DN],
                *["-E", f"pr={PAGE}/noprompt", search.search_filter, *search.attributes],
            ],
            os.environ | {"LDAPTLS_CACERT": str(authority), "LC_ALL": "C"},
            keep_output=keep_output,
        )


@contextmanager
def laboratory(size: int) -> Iterator[Laboratory]:
    """The lab with that many computers, fresh; taken down in the end.

    It is filled once and packed (``LAB_CACHE``, or ``.bench/cache``), so that every run meets the
    same directory, whatever the one before did to it.
    """
    paths = LabPaths(WORK / "lab")
    environment = os.environ | {"LAB_DIR": str(paths.root)}
    environment.setdefault("LAB_CACHE", str(WORK / "cache"))

    def lab(*arguments: str) -> None:
        done = subprocess.run(
            [sys.executable, "-m", "lab", *arguments], cwd=CHECKOUT, env=environment, check=False
        )
        if done.returncode != 0:
            raise BenchError(f"lab {arguments[0]} failed.")

    lab("down")
    shutil.rmtree(paths.root, ignore_errors=True)
    try:
        lab("up", "--domain-only", "--objects", str(size))
        yield Laboratory(paths, _read_settings(paths.portal_settings))
    finally:
        lab("down")


def _read_settings(file: Path) -> dict[str, str]:
    lines = file.read_text(encoding="utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line)
