"""Checks computers and stores what was found. The network is asked outside every transaction."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime

import structlog
from django.db import transaction

from assist.models import ComputerReadiness, ReadinessCause
from assist.readiness.catalogue import overall
from assist.readiness.facts import ExporterFacts, LiveFacts, NameFacts
from assist.readiness.gathering import (
    Background,
    background,
    facts_of,
    names_in_zones,
    surroundings,
)
from assist.readiness.judging import BROKEN, FUNCTIONS, judge
from assist.readiness.probing import call, look_up
from assist.readiness.results import Result, State
from directory.models import Computer

log = structlog.get_logger()

REPORTED = frozenset({State.NOT_READY, State.WARNING})


@dataclass(frozen=True)
class Readiness:
    """What all checks of one computer came to."""

    computer: Computer
    state: State
    cause: str
    results: Mapping[str, Result]


@dataclass(frozen=True)
class Pace:
    """How gently computers are asked.

    Attributes:
        per_second: At most so many computers are begun in a second; 0: as fast as it goes.
        at_once: At most so many are asked at the same time.
    """

    per_second: float = 0.0
    at_once: int = 1


def check(
    computers: Sequence[Computer],
    *,
    now: Callable[[], datetime],
    behind: Background | None = None,
    pace: Pace = Pace(),
    look: Callable[[Computer, NameFacts], LiveFacts] | None = None,
) -> list[Readiness]:
    """Every check on some computers; nothing is stored.

    Args:
        computers: With their ``domain`` and ``ou`` loaded.
        now: Gives an aware time.
        behind: What they have in common, if it was read before.
        pace: How gently they are asked.
        look: Looks at a computer's logon sessions, where a person asked for that.
    """
    behind = behind or background(with_picture=False)
    heard = _ask(computers, pace)
    around = surroundings(computers, now())
    found = []
    for computer in computers:
        names, exporter = heard[computer.pk]
        is_there = exporter is not None and exporter.is_answering
        live = look(computer, names) if look and is_there else None
        try:
            names = names_in_zones(computer, around, names)
            facts = facts_of(computer, around, behind, names, exporter, live, now())
            results = judge(facts)
        except Exception:
            # One computer that the portal cannot cope with must not stop a sweep of all.
            log.exception("a computer could not be checked", computer=computer.name)
            results = {code: Result(code, BROKEN, now()) for code in FUNCTIONS}
        found.append(Readiness(computer, *overall(results), results))
    return found


@transaction.atomic
def store(found: Iterable[Readiness], *, now: datetime, sweep_id: uuid.UUID | None = None) -> None:
    """Puts results in the place of earlier ones.

    Args:
        found: Of computers of the directory.
        now: An aware time.
        sweep_id: The sweep that found them; None: a person asked.
    """
    found = list(found)
    ComputerReadiness.objects.bulk_create(
        [
            ComputerReadiness(
                computer_id=item.computer.pk,
                state=item.state.value,
                cause=item.cause,
                results={code: result.to_json() for code, result in item.results.items()},
                checked_at=now,
                sweep_id=sweep_id,
                request_failed="",
            )
            for item in found
        ],
        update_conflicts=True,
        unique_fields=["computer"],
        update_fields=["state", "cause", "results", "checked_at", "sweep", "request_failed"],
    )
    ReadinessCause.objects.filter(readiness__in=[item.computer.pk for item in found]).delete()
    ReadinessCause.objects.bulk_create(
        ReadinessCause(readiness_id=item.computer.pk, check_code=code, state=result.state.value)
        for item in found
        for code, result in item.results.items()
        if result.state in REPORTED
    )


def _ask(
    computers: Sequence[Computer], pace: Pace
) -> Mapping[uuid.UUID, tuple[NameFacts, ExporterFacts | None]]:
    """What the network says of each, begun no faster than the pace allows."""
    with ThreadPoolExecutor(max_workers=pace.at_once, thread_name_prefix="readiness") as pool:
        begun = time.monotonic()
        asked = {}
        for number, computer in enumerate(computers):
            _wait_until(begun, number, pace)
            is_usable = computer.is_present and computer.is_enabled
            asked[computer.pk] = pool.submit(
                _ask_one, computer.domain.dns_name, computer.dns_name, is_usable
            )
        heard = {guid: answer.result() for guid, answer in asked.items()}
        _wait_until(begun, len(computers), pace)  # whoever comes next may begin at once
        return heard


def _wait_until(begun: float, number: int, pace: Pace) -> None:
    """Waits for the moment at which the pace lets the computer of that number be begun."""
    if pace.per_second:
        time.sleep(max(0.0, begun + number / pace.per_second - time.monotonic()))


def _ask_one(domain: str, dns_name: str, is_usable: bool) -> tuple[NameFacts, ExporterFacts | None]:
    """What is not in use is left alone: its address may be somebody else's by now."""
    if not is_usable:
        return NameFacts(dns_name, error="its account is not in use."), None
    try:
        names = look_up(domain, dns_name)
        return names, call(names)
    except Exception:
        log.exception("asking a computer broke", dns_name=dns_name)
        return NameFacts(dns_name, error="the portal made a mistake while asking."), None
