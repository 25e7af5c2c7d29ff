"""Offers with chosen columns, made past the services: reports only read them."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from random import Random
from typing import Any

from assist.lifecycle import State
from assist.models import Offer
from tests.assist.cast import NOW, Cast

ENDS = (
    *(State.ACCEPTED, State.DECLINED, State.UNANSWERED, State.UNOPENED, State.REFUSED),
    *(State.BLOCKED, State.NOBODY, State.CANCELLED),
)
DECISION: dict[str, Any] = {
    "version": 1,
    "verdict": "allowed",
    "sentence": "Yes.",
    "mode": "control",
    "expert": {"kind": "account", "id": "S-1-5-21-1", "name": "R2\\mjones"},
    "computer": {"kind": "computer", "id": "", "name": "XP191"},
    "findings": [],
    "decided_at": NOW.isoformat(),
}


def made_offer(cast: Cast, **columns: Any) -> Offer:
    """An accepted offer of Mary's to XP191 at NOW, unless told otherwise."""
    expert = cast.accounts[columns.pop("by", "mjones")]
    computer = columns.pop("computer", cast.xp191)
    outcome = columns.get("outcome", "accepted")
    state = "ended" if outcome == "accepted" else outcome or "queued"
    defaults: dict[str, Any] = {
        "id": uuid.uuid4(),
        "state": state,
        "mode": "control",
        "door": "page",
        "expert": expert,
        "expert_sid": expert.sid,
        "expert_name": str(expert),
        "computer": computer,
        "computer_name": computer.name,
        "target": computer.name,
        "novice_name": r"R2\bsmith",
        "decision": DECISION,
        "requested_at": NOW,
        "outcome": "accepted",
        "unit_guid": computer.ou_id,
        "unit_name": computer.ou.distinguished_name,
    }
    return Offer.objects.create(**(defaults | columns))


def random_offer(cast: Cast, random: Random, *, around: datetime, days: int) -> Offer:
    """Any offer within some days before a time."""
    at = around - timedelta(seconds=random.randrange(days * 86400))
    outcome = random.choice(ENDS)
    asked = outcome in (State.ACCEPTED, State.DECLINED, State.UNANSWERED)
    prompted = at + timedelta(seconds=random.randrange(120)) if asked else None
    answers = outcome in (State.ACCEPTED, State.DECLINED)
    stopped = outcome in (State.REFUSED, State.BLOCKED)
    return made_offer(
        cast,
        by=random.choice(("mjones", "nkhan", "eadams")),
        computer=random.choice(list(cast.computers.values())),
        outcome=outcome.value,
        mode=random.choice(("view", "control")),
        requested_at=at,
        prompted_at=prompted,
        answered_at=(
            prompted + timedelta(seconds=random.randrange(60)) if prompted and answers else None
        ),
        controlled_at=at if random.random() < 0.1 else None,
        team_sid=random.choice(("", "S-1-5-21-9-1", "S-1-5-21-9-2")),
        team_name="R2\\Team",
        end_code=random.choice(("helper.not_listed", "computer.usable")) if stopped else outcome,
        end_remedy=random.choice(("Ask the operator.", "")) if stopped else "",
    )
