"""Forgets sweeps that ended long ago, and what was found of computers that are gone.

Neither counts in the report: it rests on the results of computers that the directory has.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, Q
from django.db.models.functions import Coalesce

from assist.models import ComputerReadiness, ReadinessSweep

AT_ONCE = 1000


@dataclass(frozen=True)
class Forgotten:
    """How many records were deleted."""

    sweeps: int
    computers: int


@transaction.atomic
def forget_old(now: datetime) -> Forgotten:
    """Delete what is older than READINESS_RETENTION_DAYS.

    Of each scope the newest sweep stays, by which the next one is due, and so does the newest one
    that came to its end. A sweep that runs stays however old it is, and so do the results of
    computers that the directory has.

    Args:
        now: An aware time.
    """
    before = now - timedelta(days=settings.READINESS_RETENTION_DAYS)
    sweeps = ReadinessSweep.objects.exclude(state=ReadinessSweep.State.RUNNING).filter(
        finished_at__lt=before
    )
    done = ReadinessSweep.State.DONE
    newer = ReadinessSweep.objects.filter(
        scope_kind=OuterRef("scope_kind"),
        scope_id=OuterRef("scope_id"),
        started_at__gt=OuterRef("started_at"),
    )
    is_followed = Exists(newer) & (~Q(state=done) | Exists(newer.filter(state=done)))
    old = list(sweeps.filter(is_followed).values_list("pk", flat=True))
    ReadinessSweep.objects.filter(pk__in=old).delete()
    gone = list(
        ComputerReadiness.objects.annotate(last=Coalesce("checked_at", "requested_at"))
        .filter(computer__is_present=False, last__lt=before)
        .values_list("pk", flat=True)
    )
    for start in range(0, len(gone), AT_ONCE):  # Django loads the rows that it deletes
        ComputerReadiness.objects.filter(pk__in=gone[start : start + AT_ONCE]).delete()
    return Forgotten(sweeps=len(old), computers=len(gone))
