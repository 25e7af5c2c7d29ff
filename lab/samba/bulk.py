"""Fills a stopped domain controller with a population of computers, accounts and groups.

Run by Debian's python3: ``bulk.py SMB_CONF COMPUTERS [SEED]``. See ``lab/population.py`` for what
there is; this file only writes it, in batches and straight into the database.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import ldb
from samba.auth import system_session
from samba.param import LoadParm
from samba.samdb import SamDB

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from lab.population import Population, Record

COMMIT_EVERY = 1_000
# What provisioning chooses for 100,000 objects: index records that a transaction holds in memory.
INDEX_CACHE = 202_481


class Progress:
    """Says how far it is: a line for every tenth, and on a terminal a line that moves."""

    def __init__(self, total: int) -> None:
        self._total, self._done, self._shown = total, 0, -1
        self._began = time.monotonic()
        self._is_terminal = sys.stdout.isatty()

    def advance(self, what: str) -> None:
        self._done += 1
        percent = 100 * self._done // self._total
        if percent == self._shown or (percent % 10 and not self._is_terminal):
            return
        self._shown = percent
        seconds = time.monotonic() - self._began
        left = seconds * (self._total - self._done) / self._done
        text = (
            f"{percent:3d} %  {self._done:,} of {self._total:,}: {what}, "
            f"{self._done / max(seconds, 0.001):,.0f}/s, {left:.0f} s left"
        )
        ends = percent == 100 or not self._is_terminal
        print(
            f"\r{text}\x1b[K" if self._is_terminal else text, end="\n" if ends else "", flush=True
        )


def in_transactions(samdb: SamDB, records: Iterable[Record]) -> Iterator[Record]:
    """Gives the records one by one, with a commit after every thousand and at the end."""
    samdb.transaction_start()
    try:
        for number, record in enumerate(records, start=1):
            yield record
            if number % COMMIT_EVERY == 0:
                samdb.transaction_commit()
                samdb.transaction_start()
    except BaseException:
        samdb.transaction_cancel()
        raise
    samdb.transaction_commit()


def add_all(samdb: SamDB, what: str, records: Iterable[Record], progress: Progress) -> None:
    for record in in_transactions(samdb, records):
        samdb.add({"dn": record.dn, **record.values})
        progress.advance(what)


@contextmanager
def one_service_alias(samdb: SamDB) -> Iterator[None]:
    """Shortens the list of services that ``host/`` stands for while computers are added.

    Samba looks for another holder of every one of them whenever a name of a service is written:
    some fifty searches for each HOST/ name, four fifths of the time that a computer takes.
    """
    dn = ldb.Dn(
        samdb, f"CN=Directory Service,CN=Windows NT,CN=Services,{samdb.get_config_basedn()}"
    )
    found = samdb.search(dn, scope=ldb.SCOPE_BASE, attrs=["sPNMappings"])[0]
    before = [str(value) for value in found["sPNMappings"]]
    _replace(samdb, dn, "sPNMappings", ["nothing=nothing"])
    yield
    _replace(samdb, dn, "sPNMappings", before)


def _replace(samdb: SamDB, dn: ldb.Dn, attribute: str, values: list[str]) -> None:
    change = ldb.Message(dn)
    change[attribute] = ldb.MessageElement(values, ldb.FLAG_MOD_REPLACE, attribute)
    samdb.modify(change)


def nest(samdb: SamDB, population: Population) -> None:
    samdb.transaction_start()
    for group, member in population.nesting():
        change = ldb.Message(ldb.Dn(samdb, group))
        change["member"] = ldb.MessageElement([member], ldb.FLAG_MOD_ADD, "member")
        samdb.modify(change)
    samdb.transaction_commit()


def main(smb_conf: str, computers: int, seed: int = 1) -> None:
    began = time.monotonic()
    parameters = LoadParm()
    parameters.load(smb_conf)
    samdb = SamDB(
        url=parameters.private_path("sam.ldb"),
        session_info=system_session(),
        lp=parameters,
        flags=ldb.FLG_NOSYNC,  # nothing here must outlive a power cut
        options=["batch_mode:1", f"transaction_index_cache_size:{INDEX_CACHE}"],
    )
    population = Population(computers, seed)
    progress = Progress(population.count)
    add_all(samdb, "units", population.unit_records(), progress)
    add_all(samdb, "accounts", population.account_records(), progress)
    with one_service_alias(samdb):
        add_all(samdb, "computers", population.computer_records(), progress)
    add_all(samdb, "groups", population.group_records(), progress)
    nest(samdb, population)
    print(f"{population.count:,} objects in {time.monotonic() - began:.1f} s")


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:]))
