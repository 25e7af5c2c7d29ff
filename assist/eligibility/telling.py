"""The audit events of being told who may help where."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from assist import audit
from assist.actors import Actor
from assist.eligibility.decision import Decision
from directory.comparison import fold_name
from directory.models import Account, Computer

_MOST_NAMED = 20


def note_explained(
    actor: Actor, expert: Account, computer: Computer, decisions: Sequence[Decision]
) -> None:
    """Record that somebody was told whether and why help may be offered on a computer.

    Args:
        actor: Who was told.
        expert: About whom; whose SID and name are kept.
        computer: About which.
        decisions: What was told, one for each mode.
    """
    audit.record(
        "eligibility.explained",
        actor=actor,
        subject_kind="computer",
        subject_id=str(computer.pk),
        subject_name=computer.name,
        data={
            "expert": str(expert),
            "expert_sid": expert.sid,
            "verdicts": {decision.mode.value: str(decision.verdict) for decision in decisions},
        },
    )


def note_listed(actor: Actor, question: str, asked: Mapping[str, object], count: int) -> None:
    """Record that somebody was told who may help where, for many.

    Args:
        actor: Who was told.
        question: ``computers``, ``experts`` or ``counts``.
        asked: What it was narrowed down to, by name; empty values are left out.
        count: How many were found.
    """
    narrowed = {name: str(value) for name, value in asked.items() if value}
    audit.record(
        "eligibility.listed",
        actor=actor,
        data={"question": question, "asked": narrowed, "count": count},
    )


def note_searched(actor: Actor, text: str, found: Sequence[Computer]) -> None:
    """Record a search that led to computers by something else than their names.

    Such a search tells whose computer it is: by who manages it, its description, or who sat
    there. One by a computer's own name tells nothing, and typing it is not worth an event.

    Args:
        actor: Who searched.
        text: What was typed; it may be a novice's name.
        found: The computers.
    """
    wanted = fold_name(text.strip())
    revealed = [
        one.name for one in found if wanted not in f"{one.name_folded} {one.dns_name_folded}"
    ]
    if not revealed:
        return
    audit.record(
        "computer.searched",
        actor=actor,
        data={"computers": revealed[:_MOST_NAMED], "count": len(revealed)},
        personal={"text": text},
    )
