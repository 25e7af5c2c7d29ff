"""Makes random changes, by a seed, of every kind that a synchronisation must follow.

Run by Debian's python3: ``changes.py SMB_CONF --seed S --count K``. It writes to the database and
to SYSVOL directly, beside a running controller or without one; every change is a transaction of
its own. The kinds take turns in an order that the seed decides, so that ``--count 100`` holds each
of them at least once. The same seed on the same state makes the same changes.

The last line of standard output is one JSON object: ``changes`` (a number), ``counts`` (by kind)
and ``plan`` (a digest of what was done to what, in order).
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import sys
from collections.abc import Callable, Iterator
from inspect import getmembers, isfunction
from pathlib import Path
from types import ModuleType

import ldb
from samba.auth import system_session
from samba.param import LoadParm
from samba.samdb import SamDB

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from lab.samba import (
    changes_groups,
    changes_network,
    changes_policies,
    changes_principals,
    changes_structure,
)
from lab.samba.changes_state import State

Change = Callable[[State], str]
MODULES = (
    *(changes_principals, changes_groups, changes_structure),
    *(changes_policies, changes_network),
)


def _kinds_of(module: ModuleType) -> dict[str, Change]:
    """Its public functions, which take the state alone and return what they did."""
    return {
        name.replace("_", " "): function
        for name, function in getmembers(module, isfunction)
        if function.__module__ == module.__name__
        and not name.startswith("_")
        and function.__annotations__ == {"state": "State", "return": "str"}
    }


KINDS = {name: change for module in MODULES for name, change in _kinds_of(module).items()}


def turns(chance: random.Random) -> Iterator[str]:
    """Every kind once, in random order; then again, in another."""
    while True:
        yield from chance.sample(sorted(KINDS), len(KINDS))


def make_changes(state: State, count: int) -> Iterator[str]:
    """Makes the changes and says of each what it was."""
    for kind, _ in zip(turns(state.chance), range(count), strict=False):
        state.samdb.transaction_start()
        try:
            what = KINDS[kind](state)
        except BaseException:
            state.samdb.transaction_cancel()
            raise
        state.samdb.transaction_commit()
        state.counts[kind] += 1
        yield f"{kind}: {what}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("smb_conf")
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--count", type=int, required=True)
    parser.add_argument("--verbose", action="store_true", help="say what each change is")
    arguments = parser.parse_args()
    parameters = LoadParm()
    parameters.load(arguments.smb_conf)
    samdb = SamDB(
        url=parameters.private_path("sam.ldb"),
        session_info=system_session(),
        lp=parameters,
        flags=ldb.FLG_NOSYNC,  # nothing here must outlive a power cut
    )
    sysvol = Path(parameters.get("state directory")) / "sysvol"
    state = State(samdb, sysvol, random.Random(arguments.seed))
    state.load()
    digest = hashlib.sha256()
    for line in make_changes(state, arguments.count):
        digest.update(line.encode() + b"\n")
        if arguments.verbose:
            print(line, flush=True)
    print(
        json.dumps(
            {
                "changes": state.counts.total(),
                "counts": dict(sorted(state.counts.items())),
                "plan": digest.hexdigest(),
            }
        )
    )


if __name__ == "__main__":
    main()
