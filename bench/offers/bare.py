"""``python -m bench.offers.bare``: the calls of offers in a loop, without a portal.

Each offer obtains its ticket, lists the computer's logon sessions and starts Remote Assistance.
With ``--position`` it also reads, beside that, where the computer's event log ends, as the worker
does; with ``--ntlm`` it calls computers for which the domain has no tickets, so that it asks for
one in vain. Ends with one line of JSON.
"""

from __future__ import annotations

import argparse
import json
import resource
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

from assist.remote_assistance.client import (
    CallLimits,
    KeytabCredential,
    Means,
    NoviceTarget,
    list_logon_sessions,
    start_remote_assistance,
    with_ticket,
)
from assist.remote_assistance.connection_string import parse_connection_string
from assist.remote_assistance.event_log import last_position
from lab.windows.load import computers

LIMITS = CallLimits(connect_seconds=5, call_seconds=15, total_seconds=40)


def exchange(target: NoviceTarget, credential: KeytabCredential, *, with_position: bool) -> float:
    """One offer, up to its connection string; returns the milliseconds that it took."""
    began = time.perf_counter()
    ticket = with_ticket(target, credential, LIMITS)
    with ThreadPoolExecutor(1) as beside:
        position: Future[object] | None = None
        if with_position:
            position = beside.submit(last_position, target, ticket, LIMITS)
        means = Means()
        (session,) = list_logon_sessions(target, ticket, LIMITS, means)
        if position is not None:
            position.result()
        text = start_remote_assistance(target, ticket, session, LIMITS, means)
        parse_connection_string(text).to_version_1()
    return (time.perf_counter() - began) * 1000


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench.offers.bare", description=__doc__)
    parser.add_argument("--principal", required=True)
    parser.add_argument("--keytab", required=True)
    parser.add_argument("--count", type=int, required=True)
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--position", action="store_true")
    parser.add_argument("--ntlm", action="store_true")
    chosen = parser.parse_args()
    credential = KeytabCredential(chosen.principal, chosen.keytab, may_use_ntlm=chosen.ntlm)
    called = computers(0, chosen.count) if chosen.ntlm else computers(chosen.count)
    targets = [NoviceTarget(one.dns_name, one.address) for one in called]
    one: Callable[[NoviceTarget], float] = lambda target: exchange(  # noqa: E731
        target, credential, with_position=chosen.position
    )
    used, began = _cpu_s(), time.perf_counter()
    with ThreadPoolExecutor(chosen.threads) as pool:
        times_ms = list(pool.map(one, targets))
    wall_s = time.perf_counter() - began
    print(
        json.dumps(
            {
                "offers_s": chosen.count / wall_s,
                "cpu_ms": (_cpu_s() - used) * 1000 / chosen.count,
                "exchange_ms": times_ms,
            }
        )
    )


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
