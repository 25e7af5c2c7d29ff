"""Asks for the report, its pages and its table, as a browser would."""

from __future__ import annotations

import asyncio
import os
import platform
import statistics
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from random import Random
from typing import cast

from django.conf import settings
from django.core.management import call_command
from django.db import connection
from django.http import StreamingHttpResponse
from django.test import AsyncClient, Client
from django.utils import timezone

from assist.models import ReadinessCause
from assist.readiness.coverage import coverage
from bench.eligibility.filling import Directory
from bench.eligibility.shape import Shape
from bench.readiness.filling import fill
from directory.models import Account
from portal.models import User

TIMES = 5
Figures = dict[str, float | int | str]


def run(size: int, seed: int) -> Figures:
    """Everything, from an empty database to figures.

    Raises:
        RuntimeError: A page was refused, or the table has another number of lines than computers.
    """
    shape, now = Shape.of_size(size), timezone.now()
    figures: Figures = {
        "benchmark": "readiness",
        "python": platform.python_version(),
        "processors": os.cpu_count() or 0,
        "load_before": os.getloadavg()[0],
    }
    with _step("Preparing the database"):
        call_command("migrate", verbosity=0)
    with _step(f"Filling it: {shape.computers} computers in {shape.units} units"):
        directory = Directory(shape, seed, now)
        directory.fill()
    with _step("Results of readiness"):
        checked = fill(Random(seed), now)
    with _step("ANALYZE"), connection.cursor() as cursor:
        cursor.execute("ANALYZE")
        cursor.execute("SHOW server_version")
        figures["postgresql"] = str(cursor.fetchone()[0])
    figures |= {"computers": shape.computers, "units": shape.units, "checked": checked}
    figures["causes"] = ReadinessCause.objects.count()
    manager = _manager(directory)
    del directory
    with _step(f"The report by itself, {TIMES} times"):
        figures["coverage_s"] = _median(lambda: coverage(timezone.now()))
    pages = {
        "page_s": "/readiness",
        "list_s": "/readiness/computers?state=not_ready",
        "list_of_cause_s": "/readiness/computers?cause=network.rpc",
        "list_last_page_s": f"/readiness/computers?page={shape.computers // 100}",
    }
    for measure, path in pages.items():
        with _step(f"{path}, {TIMES} times"):
            figures[measure] = _median(lambda path=path: _get(manager, path))  # type: ignore[misc]
    for measure, path in {
        "table": "/readiness/computers.csv",
        "table_unchecked": "/readiness/computers.csv?state=unchecked",
        "table_not_ready": "/readiness/computers.csv?state=not_ready",
    }.items():
        with _step(path):
            figures |= {
                f"{measure}_{name}": value for name, value in _stream(manager, path).items()
            }
    if figures["table_lines"] != shape.computers + 1:
        raise RuntimeError(f"{figures['table_lines']} lines for {shape.computers} computers")
    with _step("The table once more, with its memory watched"):
        figures["table_peak_mb"] = _memory(manager, "/readiness/computers.csv")
    return {key: round(v, 3) if isinstance(v, float) else v for key, v in figures.items()}


def _manager(directory: Directory) -> Client:
    """A browser in which a manager has signed in."""
    account = Account.objects.get(pk=directory.experts[0].pk)
    role = f"{directory.role.domain.netbios_name}\\{directory.role.sam_account_name}"
    settings.ROLE_GROUPS = {name: [role] for name in settings.ROLE_GROUPS}
    Account.objects.filter(pk=account.pk).update(is_enabled=True)
    user = User.objects.create(sid=account.sid, name=str(account))
    client = Client(REMOTE_ADDR="192.0.2.7", headers={"host": "localhost"})
    client.force_login(user)
    return client


def _get(client: Client, path: str) -> None:
    answer = client.get(path)
    if answer.status_code != 200:
        raise RuntimeError(f"{path} answers {answer.status_code}: {answer.content[:300]!r}")


def _stream(manager: Client, path: str) -> Figures:
    """How long the first computers and all take, and the longest wait between two blocks."""
    return asyncio.run(_streamed(manager, path))


async def _streamed(manager: Client, path: str) -> Figures:
    """As uvicorn asks for it: what is asked otherwise Django makes in another way."""
    client = AsyncClient(headers={"host": "localhost"})
    client.cookies = manager.cookies
    began = last = time.perf_counter()
    answer = cast(StreamingHttpResponse, await client.get(path))
    waits, lines, size = [], 0, 0
    async for block in answer:
        now = time.perf_counter()
        waits.append(now - last)
        last, lines, size = now, lines + block.count(b"\r\n"), size + len(block)
    return {
        "first_s": waits[0] + waits[1],  # the heads, and the first computers
        "longest_wait_s": max(waits),
        "s": last - began,
        "lines": lines,
        "mb": size / 2**20,
    }


def _memory(manager: Client, path: str) -> float:
    """The most memory that Python held for it at once, in MiB."""
    tracemalloc.start()
    try:
        _stream(manager, path)
        return tracemalloc.get_traced_memory()[1] / 2**20
    finally:
        tracemalloc.stop()


def _median(act: Callable[[], object]) -> float:
    act()  # once that does not count
    times = []
    for _ in range(TIMES):
        began = time.perf_counter()
        act()
        times.append(time.perf_counter() - began)
    return statistics.median(times)


@contextmanager
def _step(what: str) -> Iterator[None]:
    print(f"{what} ...", end=" ", flush=True)
    began = time.perf_counter()
    yield
    print(f"{time.perf_counter() - began:.1f} s", flush=True)
