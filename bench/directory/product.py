"""The product under measurement: its full reading as a process, its incremental one in a worker.

Imports the product only when asked to: its settings come from an environment that is known late.
"""

from __future__ import annotations

import json
import math
import os
import random
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from cryptography.fernet import Fernet

from bench.directory.laboratory import Laboratory, Search
from bench.measured import BenchError, Measured, measure
from lab import changes, world

QUESTIONS = 2_000
OWN_NAMES = (
    "(&(sAMAccountName=chg*)"
    "(|(objectCategory=person)(objectCategory=computer)(objectCategory=group)))"
)


def environment(lab_settings: Mapping[str, str], database_url: str) -> dict[str, str]:
    """What the product's processes run with: the lab's settings and a database."""
    return (
        os.environ
        | dict(lab_settings)
        | {
            "DATABASE_URL": database_url,
            "SECRET_KEY": "a-secret-of-the-benchmark-that-is-fifty-characters-long",
            "INVITATION_KEYS": Fernet.generate_key().decode(),
            # Random changes may take away the only subnet.
            "DIRECTORY_REMOVAL_LIMIT_PERCENT": "100",
            "LOG_LEVEL": "ERROR",
            "LOG_FORMAT": "text",
            "DJANGO_SETTINGS_MODULE": "portal.settings",
        }
    )


def migrate(env: Mapping[str, str]) -> None:
    measure([sys.executable, "manage.py", "migrate", "--noinput", "-v", "0"], env)


@dataclass(frozen=True)
class FullReading:
    """One full synchronisation, from an empty database.

    Attributes:
        process: The whole command: interpreter, Django, reading, storing, commit.
        sync_s: The part of it that is the synchronisation, by the command's own clock.
        counts: Objects read, by kind.
    """

    process: Measured
    sync_s: float
    counts: dict[str, int]

    @property
    def objects(self) -> int:
        return sum(self.counts.values())


def read_everything(env: Mapping[str, str]) -> FullReading:
    """``sync_directory --full`` as a process of its own."""
    process = measure(
        [
            *[sys.executable, "manage.py", "sync_directory", "--domain", world.DNS_NAME],
            *["--full", "--json"],
        ],
        env,
    )
    result = json.loads(process.output.splitlines()[-1])
    counts = {kind: numbers["read"] for kind, numbers in result["counts"].items()}
    return FullReading(process, result["seconds"], counts)


class Worker:
    """The product within this process, as in a worker that reads changes every few seconds."""

    def __init__(self, env: Mapping[str, str]) -> None:
        os.environ.update(env)
        import django

        django.setup()
        from directory import membership, models, synchronisation
        from directory.configuration import domain_configuration

        self._models = models
        self._synchronisation = synchronisation
        self._configuration = domain_configuration(world.DNS_NAME)
        self._is_member: Callable[[Any, Any], bool] | None = getattr(membership, "is_member", None)

    def read_changes(self) -> tuple[float, Any]:
        """Seconds from the start of an incremental run to its commit, and the run."""
        began = time.perf_counter()
        run = self._synchronisation.run(self._configuration, kind="incremental")
        seconds = time.perf_counter() - began
        if run.kind != "incremental":
            raise BenchError(f"Everything was read instead of what changed: {run.reason}")
        return seconds, run

    def nothing_new(self, times: int) -> list[float]:
        """Seconds that runs take in which nothing has changed."""
        self.read_changes()
        return [self.read_changes()[0] for _ in range(times)]

    def follow(self, laboratory: Laboratory, *, seed: int, count: int) -> float:
        """Seconds until random changes are visible; that they are is checked with ldapsearch.

        Raises:
            BenchError: The objects that changes made are not those that the database now shows.
        """
        changes.make(laboratory.paths, seed=seed, count=count)
        seconds, _ = self.read_changes()
        kinds = (self._models.Account, self._models.Computer, self._models.Group)
        visible = sum(
            kind.objects.filter(is_present=True, sam_account_name__startswith="chg").count()
            for kind in kinds
        )
        expected = laboratory.count(OWN_NAMES)
        if visible != expected:
            raise BenchError(f"{visible} objects made by changes are visible; {expected} exist.")
        return seconds

    def membership_times(self, seed: int) -> list[float]:
        """Milliseconds of questions whether an account is in a group; half of the answers yes.

        Empty where the product has no such question.
        """
        if self._is_member is None:
            return []
        chance = random.Random(seed)
        account, group = self._models.Account, self._models.Group
        accounts = list(account.objects.filter(is_present=True).order_by("sam_account_name"))
        groups = list(group.objects.filter(is_present=True).order_by("sam_account_name"))
        milliseconds = []
        for number in range(QUESTIONS):
            asked = chance.choice(accounts)
            wanted = chance.choice(groups)
            if number % 2:
                wanted = self._some_group_of(asked, chance) or wanted
            began = time.perf_counter()
            self._is_member(asked, wanted)
            milliseconds.append((time.perf_counter() - began) * 1000)
        return milliseconds

    def _some_group_of(self, account: Any, chance: random.Random) -> Any:
        """A group above an account, some levels up."""
        found, sid = None, account.sid
        for _ in range(chance.randint(1, 6)):
            above = list(
                self._models.Group.objects.filter(memberships__member_sid=sid).order_by("guid")
            )
            if not above:
                break
            found = chance.choice(above)
            sid = found.sid
        return found

    def searches(self) -> list[Search]:
        """What the product reads of computers, accounts and groups, for ldapsearch to do alike."""
        from directory.synchronisation.kinds import ACCOUNTS, COMPUTERS, GROUPS

        return [
            Search(kind.search_filter, kind.attributes) for kind in (COMPUTERS, ACCOUNTS, GROUPS)
        ]


def percentile(values: list[float], percent: float) -> float:
    """The value that so many per cent of all do not pass (nearest rank)."""
    return sorted(values)[max(0, math.ceil(len(values) * percent / 100) - 1)]


def median(values: list[float]) -> float:
    return statistics.median(values)
