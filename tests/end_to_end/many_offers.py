"""``python -m tests.end_to_end.many_offers``: Mary asks for offers at the computers for load.

Runs with the settings of an installation, as ``manage.py`` does. Each line of its input names the
first computer, as ``LOAD-00000``, how many, and ``queue`` or ``wait``. It asks for one offer at
each, by the service that pages and API call, and answers with a list in JSON: empty, or of each
offer the milliseconds until its invitation, when it waited for that before it asked for the next.
"""

from __future__ import annotations

import json
import sys
import time

import django

LONGEST_SECONDS = 30


def ask(first: str, count: int, *, one_by_one: bool) -> list[float]:
    """Asks for one offer at each of so many computers.

    Raises:
        SystemExit: An offer was not let through, or its invitation did not come.
    """
    from assist.actors import Actor
    from assist.lifecycle import Mode, State
    from assist.models import Offer
    from assist.offers import offer_request
    from directory.models import Account

    mary = Actor.of_account(Account.objects.get(sam_account_name="mjones"))
    times = []
    kind, _, digits = first.partition("-")
    for number in range(int(digits), int(digits) + count):
        name = f"{kind}-{number:05d}"
        began = time.perf_counter()
        offer = offer_request(
            actor=mary, target=name, mode=Mode.CONTROL, viewer="windows", door="command"
        )
        if offer.state != State.QUEUED:
            sys.exit(f"{name}: {offer.state}: {offer.end_sentence}")
        if not one_by_one:
            continue
        own = Offer.objects.filter(pk=offer.pk).values_list("state", flat=True)
        while own.get() != State.OFFERED:
            if time.perf_counter() - began > LONGEST_SECONDS:
                sys.exit(f"{name}: {own.get()} after {LONGEST_SECONDS} seconds")
            time.sleep(0.003)
        times.append((time.perf_counter() - began) * 1000)
    return times


def main() -> None:
    django.setup()
    for line in sys.stdin:
        first, count, how = line.split()
        print(json.dumps(ask(first, int(count), one_by_one=how == "wait")), flush=True)


if __name__ == "__main__":
    main()
