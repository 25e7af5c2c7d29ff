"""The audit events of readings of the directory: what each found, and whom it let in or out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from assist import audit
from assist.actors import Actor
from directory.models import SyncRun
from directory.synchronisation.helper_lists import HelperListChange


def note_run(run: SyncRun, helper_lists: Sequence[HelperListChange], **_: Any) -> None:
    """Record a run that ended; connected to ``directory.signals.run_ended``.

    Args:
        run: The run; one that succeeded is recorded within the transaction of what it stored.
        helper_lists: The helper lists that it found to be others.
    """
    domain = str(run.domain_id or "")
    audit.record(
        "directory.synchronised",
        actor=Actor.portal(),
        subject_kind="domain",
        subject_id=domain,
        subject_name=run.domain_dns_name,
        data={
            "run": run.pk,
            "kind": str(run.kind),
            "state": str(run.state),
            "code": run.error_code,
            "counts": _changes(run.counts),
            "problems": run.problem_count,
        },
    )
    for change in helper_lists:
        audit.record(
            "helper_list.changed",
            actor=Actor.portal(),
            subject_kind="policy",
            subject_id=str(change.guid),
            subject_name=change.name,
            data={
                "domain": run.domain_dns_name,
                "run": run.pk,
                "added": list(change.added),
                "removed": list(change.removed),
            },
        )


def _changes(counts: dict[str, dict[str, int]]) -> dict[str, dict[str, int]]:
    """What was added, changed or removed, of the kinds of which anything was."""
    changes = {
        kind: {what: number for what, number in numbers.items() if what != "read" and number}
        for kind, numbers in counts.items()
    }
    return {kind: numbers for kind, numbers in changes.items() if numbers}
