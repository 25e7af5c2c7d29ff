"""Results of readiness for every computer: what the checks themselves say without the network."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from random import Random

from assist.models import ComputerReadiness, ReadinessCause
from assist.readiness.catalogue import overall
from assist.readiness.checking import REPORTED
from assist.readiness.facts import ExporterFacts, NameFacts
from assist.readiness.gathering import background, facts_of, surroundings
from assist.readiness.judging import judge
from assist.readiness.results import Answer, Result, State
from bench.membership.loading import copy_rows
from directory.models import Computer

MODELS = 200  # computers that are judged; the others have the results of one of these
SILENT, UNCHECKED = 0.15, 0.1


def fill(random: Random, now: datetime) -> int:
    """Gives nine of ten computers results of the last days; how many computers have some."""
    models = _judged(random, now)
    guids = sorted(Computer.objects.values_list("pk", flat=True))
    checked = [guid for guid in guids if random.random() > UNCHECKED]
    chosen = [random.choice(models) for _ in checked]

    def rows() -> Iterator[ComputerReadiness]:
        for guid, results in zip(checked, chosen, strict=True):
            state, cause = overall(results)
            yield ComputerReadiness(
                computer_id=guid,
                state=state.value,
                cause=cause,
                results={code: result.to_json() for code, result in results.items()},
                checked_at=now - timedelta(minutes=random.randrange(3 * 24 * 60)),
            )

    def causes() -> Iterator[ReadinessCause]:
        for guid, results in zip(checked, chosen, strict=True):
            for code, result in results.items():
                if result.state in REPORTED:
                    yield ReadinessCause(
                        readiness_id=guid, check_code=code, state=result.state.value
                    )

    copy_rows(ComputerReadiness, rows())
    copy_rows(ReadinessCause, causes())
    return len(checked)


def _judged(random: Random, now: datetime) -> list[dict[str, Result]]:
    guids = sorted(Computer.objects.values_list("pk", flat=True))
    sample = random.sample(guids, min(MODELS, len(guids)))
    computers = list(Computer.objects.filter(pk__in=sample).select_related("domain", "ou"))
    around, behind = surroundings(computers, now), background(with_picture=True)
    return [
        _mended(
            random, judge(facts_of(each, around, behind, *_heard(random, each), None, now)), now
        )
        for each in computers
    ]


def _mended(random: Random, results: dict[str, Result], now: datetime) -> dict[str, Result]:
    """A third are in order, which the made-up directory by itself has none of."""
    if random.random() > 1 / 3:
        return results
    fine = Answer(State.READY, "As it should be, by the made-up directory.")
    return {code: Result(code, fine, now) for code in results}


def _heard(random: Random, computer: Computer) -> tuple[NameFacts, ExporterFacts | None]:
    address = f"10.{random.randrange(256)}.{random.randrange(256)}.{random.randrange(1, 255)}"
    name = computer.dns_name
    names = NameFacts(name, (address,), "", {address: (name,)}, (address,))
    if random.random() < SILENT:
        said = f"Nothing answers at {address}, TCP port 135."
        return names, ExporterFacts(address, sentence=said)
    return names, ExporterFacts(
        address, True, True, host_names=(computer.name,), clock_skew=timedelta(seconds=1)
    )
