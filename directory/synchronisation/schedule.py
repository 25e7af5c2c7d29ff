"""Which domains are due to be read, and how."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from directory.configuration import DomainConfiguration
from directory.models import Domain, SyncRun

# After a run that failed: twice as long each time, from the first to the last of these.
FIRST_RETRY = timedelta(seconds=30)
LAST_RETRY = timedelta(minutes=15)
# A run that stopped because too much was gone waits for a person; the directory may mend itself.
RETRY_WHEN_STOPPED = timedelta(hours=1)


@dataclass(frozen=True)
class DueRun:
    """A domain to be read now."""

    domain: str
    kind: str


def due(configurations: Iterable[DomainConfiguration], now: datetime) -> list[DueRun]:
    """The domains to be read now, in their order of configuration.

    Args:
        configurations: Of all domains.
        now: An aware time.
    """
    found = []
    for configuration in configurations:
        kind = _due(configuration, now)
        if kind is not None:
            found.append(DueRun(configuration.connection.domain, kind))
    return found


def _due(configuration: DomainConfiguration, now: datetime) -> str | None:
    domain = configuration.connection.domain
    if _waits_after_failure(domain, now):
        return None
    for kind in _wanted(configuration, now):
        last = SyncRun.objects.filter(domain_dns_name=domain, kind=kind).order_by("-pk").first()
        if last is None or last.state != SyncRun.State.STOPPED:
            return kind
        if now - (last.finished_at or last.started_at) >= RETRY_WHEN_STOPPED:
            return kind
    return None


def _wanted(configuration: DomainConfiguration, now: datetime) -> Iterator[str]:
    """The kinds whose time has come, the most thorough first."""
    domain, schedule = configuration.connection.domain, configuration.schedule
    full = _last(domain, SyncRun.Kind.FULL)
    if full is None or now - full >= schedule.full_interval:
        yield SyncRun.Kind.FULL
    sweep = _last(domain, SyncRun.Kind.SWEEP)
    looked = max((moment for moment in (full, sweep) if moment), default=None)
    if looked is not None and looked < _last_time_of_day(schedule.sweep_at, now):
        yield SyncRun.Kind.SWEEP
    synced = Domain.objects.filter(dns_name_folded=domain).values_list("synced_at", flat=True)
    last = synced.first()
    if full is not None and (last is None or now - last >= schedule.incremental_interval):
        yield SyncRun.Kind.INCREMENTAL


def _waits_after_failure(domain: str, now: datetime) -> bool:
    last = SyncRun.objects.filter(domain_dns_name=domain).order_by("-pk").first()
    if last is None or last.state in (SyncRun.State.SUCCEEDED, SyncRun.State.STOPPED):
        return False
    if last.state == SyncRun.State.FAILED:
        since = last.finished_at or last.heartbeat_at
        wait: timedelta = FIRST_RETRY * 2 ** (_failures_in_a_row(domain) - 1)
        return now - since < min(LAST_RETRY, wait)
    # It runs, or its process was lost: whichever it is, the lock will tell the next one.
    return now - last.heartbeat_at < FIRST_RETRY


def _failures_in_a_row(domain: str) -> int:
    states = SyncRun.objects.filter(domain_dns_name=domain).order_by("-pk")
    failures = 0
    for state in states.values_list("state", flat=True)[:10]:
        if state != SyncRun.State.FAILED:
            break
        failures += 1
    return failures


def _last(domain: str, kind: str) -> datetime | None:
    succeeded = SyncRun.objects.filter(
        domain_dns_name=domain, kind=kind, state=SyncRun.State.SUCCEEDED
    )
    return succeeded.order_by("-started_at").values_list("started_at", flat=True).first()


def _last_time_of_day(hour: int, now: datetime) -> datetime:
    today = now.astimezone(UTC).replace(hour=hour, minute=0, second=0, microsecond=0)
    return today if today <= now else today - timedelta(days=1)
