"""Decides on single pairs, lists for one, counts for all, and compares the answers."""

from __future__ import annotations

import math
import os
import platform
import statistics
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from random import Random

from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from assist.eligibility import explain
from assist.eligibility.many.answers import computers_for, counts, experts_for
from assist.eligibility.many.naming import helper_added
from assist.eligibility.many.what_if import what_if
from assist.lifecycle import Mode
from bench.eligibility.filling import Directory
from bench.eligibility.shape import Shape
from directory.kept import put_together
from directory.models import Account, Computer, GroupPolicy

WARM_UP = 50
LISTS = 5
COMPARED = 10  # experts whose lists are compared with single decisions

Figures = dict[str, float | int | str]


def run(size: int, seed: int, pairs: int) -> Figures:
    """Everything, from an empty database to figures.

    Raises:
        RuntimeError: The answer for many was another than that of a single decision.
    """
    shape = Shape.of_size(size)
    figures: Figures = {
        "benchmark": "eligibility",
        **_surroundings(),
        **vars(shape),
        "load_before": os.getloadavg()[0],
    }
    with _step("Preparing the database"):
        call_command("migrate", verbosity=0)
    with _step(
        f"Filling it: {shape.computers} computers in {shape.units} units, {shape.experts} experts, "
        f"{shape.groups} groups, {shape.policies} policies with {shape.links} links"
    ):
        directory = Directory(shape, seed, timezone.now())
        directory.fill()
        put_together()  # as a synchronisation does
    with _step("ANALYZE"), connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    random = Random(seed)
    experts = list(Account.objects.filter(pk__in=[each.pk for each in directory.experts]))
    experts.sort(key=lambda each: each.sid)
    guids = sorted(Computer.objects.values_list("pk", flat=True))
    computers = list(Computer.objects.filter(pk__in=random.sample(guids, min(pairs, len(guids)))))
    del directory
    with _step(f"{pairs} single decisions"):
        times = _decisions(random, experts, computers, pairs)
        figures |= {f"decision_p{p}_ms": _percentile(times, p) for p in (50, 99)}
        figures["decision_min_ms"] = min(times)
        mean_ms = statistics.mean(times)
        figures["decision_mean_ms"] = mean_ms
        figures["decision_queries"] = _queries(experts[0], computers[0])
    with _step(f"All computers for one expert, {LISTS} times"):
        some = random.sample(experts, LISTS)
        asked = [_timed_list(expert) for expert in some]
        figures["expert_computers_s"] = statistics.median(seconds for seconds, _ in asked)
        figures["expert_computers_max_s"] = max(seconds for seconds, _ in asked)
        figures["computers_of_an_expert_p50"] = statistics.median(number for _, number in asked)
    with _step(f"All experts for one computer, {LISTS} times"):
        seconds = []
        for computer in computers[:LISTS]:
            began = time.perf_counter()
            experts_for(computer, now=timezone.now())
            seconds.append(time.perf_counter() - began)
        figures["computer_experts_s"] = statistics.median(seconds)
    with _step("All pairs, in counts for each unit"):
        began = time.perf_counter()
        answer = counts(now=timezone.now())
        matrix_s = time.perf_counter() - began
        total = answer.total
        number = answer.experts * total.computers
        figures["matrix_s"], figures["pairs"] = matrix_s, number
        figures["pairs_allowed"] = total.pairs.total()
        figures["computers_helpable"] = total.helpable.total()
        figures["units_with_computers"] = len(answer.units)
        figures["naive_s"] = mean_ms / 1000 * number
        figures["naive_ratio"] = mean_ms / 1000 * number / matrix_s
    with _step("A helper more on the policy of a domain's head, and what it would give"):
        fewest = min(range(LISTS), key=lambda place: asked[place][1])
        figures |= _what_if(some[fewest])
    with _step(f"Comparing {COMPARED} lists with {COMPARED * COMPARED} single decisions"):
        figures["compared_allowed"] = _compare(random, experts, computers)
    return {key: round(v, 3) if isinstance(v, float) else v for key, v in figures.items()}


def _decisions(
    random: Random, experts: Sequence[Account], computers: Sequence[Computer], pairs: int
) -> list[float]:
    """Milliseconds of each, after some that do not count."""
    times = []
    for _ in range(WARM_UP + pairs):
        expert, computer = random.choice(experts), random.choice(computers)
        began = time.perf_counter()
        explain(expert, computer, Mode.CONTROL, now=timezone.now())
        times.append((time.perf_counter() - began) * 1000)
    return times[WARM_UP:]


def _queries(expert: Account, computer: Computer) -> int:
    with CaptureQueriesContext(connection) as captured:
        explain(expert, computer, Mode.CONTROL, now=timezone.now())
    return len(captured)


def _timed_list(expert: Account) -> tuple[float, int]:
    began = time.perf_counter()
    answer = computers_for(_with_domain(expert), now=timezone.now())
    return time.perf_counter() - began, len(answer.allowed)


def _with_domain(expert: Account) -> Account:
    return Account.objects.select_related("domain").get(pk=expert.pk)


def _compare(random: Random, experts: Sequence[Account], computers: Sequence[Computer]) -> int:
    """How many pairs were allowed in both; raises where the two differ."""
    allowed = 0
    for expert in random.sample(experts, COMPARED):
        now = timezone.now()
        listed = computers_for(_with_domain(expert), now=now, mode=Mode.CONTROL)
        ids = {item.who.id for item in listed.allowed}
        some = [each for each in computers if str(each.pk) in ids][: COMPARED // 2]
        some += random.sample(computers, COMPARED - len(some))
        for computer in some:
            decision = explain(expert, computer, Mode.CONTROL, now=now)
            if decision.is_allowed != (str(computer.pk) in ids):
                raise RuntimeError(f"{expert} at {computer}: {decision.sentence}")
            allowed += decision.is_allowed
    return allowed


def _what_if(expert: Account) -> Figures:
    policy = GroupPolicy.objects.filter(links__is_enforced=True, links__ou=None).order_by("guid")[0]
    began = time.perf_counter()
    answer = what_if([helper_added(str(policy.guid), expert.sid)], now=timezone.now())
    seconds = time.perf_counter() - began
    return {"what_if_s": seconds, "what_if_pairs": answer.gained[Mode.VIEW].pairs}


def _percentile(values: Sequence[float], percent: int) -> float:
    return sorted(values)[max(0, math.ceil(len(values) * percent / 100) - 1)]


def _surroundings() -> Figures:
    with connection.cursor() as cursor:
        cursor.execute("SHOW server_version")
        version = str(cursor.fetchone()[0])
    return {
        "postgresql": version,
        "python": platform.python_version(),
        "processors": os.cpu_count() or 0,
    }


@contextmanager
def _step(what: str) -> Iterator[None]:
    print(f"{what} ...", end=" ", flush=True)
    began = time.perf_counter()
    yield
    print(f"{time.perf_counter() - began:.1f} s", flush=True)
