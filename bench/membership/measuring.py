"""Puts the same questions to the product's SQL, a closure table and a graph in memory."""

from __future__ import annotations

import math
import os
import platform
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from random import Random
from typing import Any

from django.core.management import call_command
from django.db import connection, transaction

from bench.membership import closure, memory
from bench.membership.graph import LEVELS, Edge, Graph, Shape, make_graph
from bench.membership.loading import fill
from directory import membership
from directory.models import Account, Group, Membership

QUESTIONS = 1000
LISTS = 100
GROUPS_OF_A_LIST = 3
CHANGES = 100
BUSY = 0.5  # load average that is not this benchmark's own

Figures = dict[str, float | int | str]


@dataclass(frozen=True)
class Questions:
    """What is asked.

    Attributes:
        pairs: Is the account in the group? In every other case it is.
        lists: Who is in one of these groups?
    """

    pairs: list[tuple[Account, Group]]
    lists: list[list[Group]]


def run(database_url: str, size: int, seed: int, rounds: int) -> Figures:
    """Everything, from an empty database to figures; times in the unit that a key ends with.

    Raises:
        RuntimeError: Two ways gave different answers.
    """
    shape = Shape.of_size(size)
    load = os.getloadavg()[0]
    if load > BUSY:
        print(f"Others are at work here (load {load:.1f}): the figures will be too high")
    with _step("Preparing the database"):
        call_command("migrate", verbosity=0)
    with _step(
        f"Filling it: {shape.accounts} accounts, {shape.groups} groups nested {LEVELS} deep with "
        f"loops, {shape.edges} edges, {shape.large_group} of them in one group"
    ):
        graph = make_graph(shape, seed)
        fill(graph)
    figures: Figures = {"benchmark": "membership", **_surroundings(), **vars(shape)}
    figures["load_before"] = load
    figures["nested_edges"] = len(graph.nested)
    with _step("Asking three questions before PostgreSQL has statistics"):
        figures["member_without_statistics_max_ms"] = _without_statistics(graph)
    with _step("ANALYZE"), connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    with _step(f"Drawing {QUESTIONS} questions and {LISTS} lists of {GROUPS_OF_A_LIST} groups"):
        questions = _questions(graph, seed, pairs=QUESTIONS, lists=LISTS)
    with _step("Building the closure table"):
        began = time.perf_counter()
        figures["closure_rows"] = closure.build()
        figures["closure_build_s"] = time.perf_counter() - began
        figures["closure_mb"] = closure.size_mb()
    figures |= _put(questions, rounds, database_url)
    figures |= _change(graph, seed)
    return {key: round(v, 3) if isinstance(v, float) else v for key, v in figures.items()}


def _without_statistics(graph: Graph) -> float:
    accounts = Account.objects.filter(pk__in=[account.guid for account in graph.accounts[:3]])
    group = Group.objects.get(pk=graph.groups[0].guid)
    return max(_ask(_sql_member, [(account, group) for account in accounts])[0])


def _questions(graph: Graph, seed: int, *, pairs: int, lists: int) -> Questions:
    random = Random(seed)
    accounts = Account.objects.in_bulk(
        [account.guid for account in random.sample(graph.accounts, pairs)]
    )
    groups = list(Group.objects.filter(is_security=True).order_by("sid"))
    drawn: list[tuple[Account, Group]] = []
    for number, account in enumerate(accounts.values()):
        within = [path.group for path in membership.group_paths(account)] if number % 2 else groups
        drawn.append((account, random.choice(within)))
    return Questions(drawn, [random.sample(groups, GROUPS_OF_A_LIST) for _ in range(lists)])


# --- the three ways ----------------------------------------------------------------------------


def _sql_member(pair: tuple[Account, Group]) -> int:
    return membership.is_member(*pair)


def _sql_groups(pair: tuple[Account, Group]) -> int:
    return len(membership.group_paths(pair[0]))


def _sql_list(groups: list[Group]) -> int:
    return len(membership.members_of(groups).order_by().values_list("pk", flat=True))


def _closure_member(pair: tuple[Account, Group]) -> int:
    account, group = pair
    return closure.is_member(account.sid, account.primary_group_sid, group.pk)


def _closure_groups(pair: tuple[Account, Group]) -> int:
    guids = closure.groups_of(pair[0].sid, pair[0].primary_group_sid)
    return len(Group.objects.filter(pk__in=guids).select_related("domain"))


def _closure_list(groups: list[Group]) -> int:
    below = Group.objects.in_bulk(closure.groups_below([group.pk for group in groups]))
    sids = [group.sid for group in below.values()]
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT account.guid FROM directory_membership edge "
            "JOIN directory_account account ON account.sid = edge.member_sid "
            "WHERE edge.group_id = ANY(%s) UNION SELECT guid FROM directory_account "
            "WHERE primary_group_sid = ANY(%s)",
            (list(below), sids),
        )
        return len(cursor.fetchall())


def _put(questions: Questions, rounds: int, database_url: str) -> Figures:
    """Each question in each way, in turns; the same answers are demanded of all."""
    figures: Figures = {}
    asked: dict[str, list[list[float]]] = {}
    answers: dict[str, list[int]] = {}
    ways: dict[str, tuple[Callable[[Any], int], Sequence[Any]]] = {
        "member": (_sql_member, questions.pairs),
        "member_closure": (_closure_member, questions.pairs),
        "groups": (_sql_groups, questions.pairs),
        "groups_closure": (_closure_groups, questions.pairs),
        "list": (_sql_list, questions.lists),
        "list_closure": (_closure_list, questions.lists),
    }
    for number in range(1, rounds + 1):
        with _step(f"Asking in SQL and of the closure table, round {number} of {rounds}"):
            for way, (ask, what) in ways.items():
                milliseconds, answers[way] = _ask(ask, what)
                asked.setdefault(way, []).append(milliseconds)
    with _step("Loading the graph into the memory of a process, and asking it"):
        pairs = [(account.sid, group.sid) for account, group in questions.pairs]
        lists = [[group.sid for group in groups] for groups in questions.lists]
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as processes:
            graph = processes.submit(memory.measure, database_url, pairs, lists).result()
    figures["memory_load_s"], figures["memory_mb"] = graph.seconds, graph.megabytes
    for what, in_memory in (
        ("member", graph.members),
        ("groups", graph.groups),
        ("list", graph.lists),
    ):
        asked[f"{what}_memory"] = [in_memory.milliseconds]
        if not answers[what] == answers[f"{what}_closure"] == in_memory.answers:
            raise RuntimeError(f"the ways differ in their answers: {what}")
    for way, times in asked.items():
        figures |= _percentiles(way, [value for turn in times for value in turn])
        if len(times) > 1:  # what other programs on the machine take away is not in these
            figures |= _percentiles(
                f"{way}_best", [min(turns) for turns in zip(*times, strict=True)]
            )
    figures["groups_of_an_account_p50"] = _percentile(answers["groups"], 50)
    figures["groups_of_an_account_max"] = max(answers["groups"])
    figures["accounts_of_a_list_p50"] = _percentile(answers["list"], 50)
    with _step("Asking for everybody in the large group, and in everybody's primary group"):
        for key, name in (("large_group", "group0"), ("primary_group", "Domain Users")):
            group = Group.objects.get(sam_account_name=name)
            began = time.perf_counter()
            figures[f"{key}_accounts"] = _sql_list([group])
            figures[f"{key}_ms"] = (time.perf_counter() - began) * 1000
    return figures


def _ask(ask: Callable[[Any], int], what: Sequence[Any]) -> tuple[list[float], list[int]]:
    milliseconds, answers = [], []
    for question in what:
        began = time.perf_counter()
        answers.append(ask(question))
        milliseconds.append((time.perf_counter() - began) * 1000)
    return milliseconds, answers


# --- keeping it right --------------------------------------------------------------------------


def _change(graph: Graph, seed: int) -> Figures:
    """What 100 changed edges between groups cost the closure table; SQL and memory have no upkeep.

    The graph in memory has to be loaded again, by every process.
    """
    random = Random(seed)
    removed = random.sample(graph.nested, CHANGES // 2)
    added = [
        Edge(random.randrange(1, len(graph.levels)), random.randrange(1, len(graph.levels)), True)
        for _ in range(CHANGES // 2)
    ]
    changes = [(edge, False) for edge in removed] + [(edge, True) for edge in added]
    random.shuffle(changes)
    with _step(f"{CHANGES} changed edges between groups: the closure table, one edge at a time"):
        one_by_one, rederived = [], []
        with transaction.atomic():
            for edge, is_added in changes:
                _apply(graph, edge, is_added=is_added)
                began = time.perf_counter()
                rederived.append(closure.renew([graph.groups[edge.member].guid]))
                one_by_one.append((time.perf_counter() - began) * 1000)
            transaction.set_rollback(True)
    with _step("The same, all at once"), transaction.atomic():
        for edge, is_added in changes:
            _apply(graph, edge, is_added=is_added)
        began = time.perf_counter()
        closure.renew([graph.groups[edge.member].guid for edge, _ in changes])
        at_once = time.perf_counter() - began
        if not closure.is_right():
            raise RuntimeError("the closure table is not what the edges say")
    return {
        "closure_100_changes_at_once_s": at_once,
        "closure_100_changes_one_by_one_s": sum(one_by_one) / 1000,
        **_percentiles("closure_change", one_by_one),
        "closure_change_groups_p50": _percentile(rederived, 50),
        "closure_change_groups_max": max(rederived),
    }


def _apply(graph: Graph, edge: Edge, *, is_added: bool) -> None:
    group, member = graph.groups[edge.group], graph.groups[edge.member]
    if is_added:
        Membership.objects.get_or_create(
            group_id=group.guid, member_guid=member.guid, defaults={"member_sid": member.sid}
        )
    else:
        Membership.objects.filter(group_id=group.guid, member_guid=member.guid).delete()


# --- figures -----------------------------------------------------------------------------------


def _percentile(values: Sequence[float], percent: int) -> float:
    return sorted(values)[max(0, math.ceil(len(values) * percent / 100) - 1)]


def _percentiles(key: str, milliseconds: Sequence[float]) -> Figures:
    return {f"{key}_p{percent}_ms": _percentile(milliseconds, percent) for percent in (50, 99)}


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
