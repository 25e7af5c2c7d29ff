"""What an operator should know of the picture of the directory without looking for it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import models

from directory.configuration import configured_domains
from directory.errors import PortalError
from directory.models import Domain, SyncRun

# How long a full reading that was not asked for is told of.
TOLD_FOR = timedelta(hours=24)


@dataclass(frozen=True)
class Alert:
    """Something that is wrong, or was.

    Attributes:
        domain: DNS name; empty for the configuration as a whole.
        code: Stable, for programs.
        sentence: What is wrong.
        remedy: What to do.
        run: The number of the run that tells more; None for none.
    """

    domain: str
    code: str
    sentence: str
    remedy: str = ""
    run: int | None = None


def alerts(now: datetime) -> list[Alert]:
    """Everything to tell of the configured domains, in their order; three queries.

    Args:
        now: An aware time.
    """
    try:
        names = [configuration.dns_name for configuration in configured_domains()]
    except PortalError as error:
        return [Alert("", error.code, error.sentence, error.remedy)]
    domains = {domain.dns_name_folded: domain for domain in Domain.objects.filter(is_present=True)}
    recent = SyncRun.objects.filter(domain_dns_name__in=names).exclude(state=SyncRun.State.RUNNING)
    last = {
        run.domain_dns_name: run for run in recent.filter(pk__in=_latest(recent)).order_by("pk")
    }
    found: list[Alert] = []
    for name in names:
        found += _of_domain(name, domains.get(name), last.get(name), now)
    forced = recent.filter(started_at__gt=now - TOLD_FOR, state=SyncRun.State.SUCCEEDED)
    for run in forced.exclude(reason="").order_by("-pk"):
        if domains.get(run.domain_dns_name) is not None and _is_news(run):
            found.append(
                Alert(
                    run.domain_dns_name,
                    "read_in_full",
                    f"{run.domain_dns_name} was read in full. {run.reason}",
                    "Nothing needs to be done if that was expected.",
                    run.pk,
                )
            )
    return found


def _latest(runs: models.QuerySet[SyncRun]) -> list[int]:
    newest = runs.order_by("domain_dns_name").values("domain_dns_name")
    return list(newest.annotate(newest=models.Max("pk")).values_list("newest", flat=True))


def _is_news(run: SyncRun) -> bool:
    return "not been read before" not in run.reason


def _of_domain(
    name: str, domain: Domain | None, last: SyncRun | None, now: datetime
) -> list[Alert]:
    found = []
    if last is not None and last.state == SyncRun.State.STOPPED:
        found.append(Alert(name, "stopped", last.error, last.remedy, last.pk))
    elif last is not None and last.state == SyncRun.State.FAILED:
        sentence = f"The last reading of {name} failed: {last.error}"
        found.append(Alert(name, "failed", sentence, last.remedy, last.pk))
    elif last is not None and last.state == SyncRun.State.ABANDONED:
        sentence = f"The last reading of {name} lost its process."
        found.append(Alert(name, "abandoned", sentence, "The next one repeats it.", last.pk))
    elif last is not None and last.problem_count:
        found.append(
            Alert(
                name,
                "problems",
                f"{last.problem_count} objects of {name} could not be taken over.",
                "The run names each of them, and why.",
                last.pk,
            )
        )
    maximum = timedelta(seconds=settings.DIRECTORY_MAXIMUM_AGE_SECONDS)
    if domain is None or domain.synced_at is None:
        found.append(
            Alert(
                name,
                "never_read",
                f"{name} has never been read: nobody of it is known, nothing can be offered there.",
                f"See that a worker and the scheduler run, or run sync_directory --domain {name}.",
            )
        )
    elif now - domain.synced_at > maximum:
        found.append(
            Alert(
                name,
                "too_old",
                f"{name} was last compared with the directory on "
                f"{domain.synced_at:%Y-%m-%d at %H:%M} UTC: offers there are refused.",
                "See that a worker and the scheduler run, and what the last run says.",
            )
        )
    return found
