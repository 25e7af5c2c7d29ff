"""May this expert offer help on this computer, and why (not)?"""

from __future__ import annotations

import uuid
from datetime import datetime

from assist.eligibility.decision import Decision, Effect, Finding, Reference
from assist.eligibility.gathering import gather
from assist.eligibility.rules import decide
from assist.lifecycle import Mode
from directory.models import Account, Computer

__all__ = ["Decision", "Effect", "Finding", "Reference", "explain", "explain_every_mode"]


def explain(
    account: Account,
    computer: Computer,
    mode: Mode,
    *,
    now: datetime,
    offer_id: uuid.UUID | None = None,
    expert_address: str | None = None,
) -> Decision:
    """The decision, with every finding, from the directory as it was last synchronised.

    Args:
        account: The expert.
        computer: Where she would offer help.
        mode: View or control.
        now: An aware time.
        offer_id: The offer being decided, when there is one already.
        expert_address: The IP address where the expert is, if known.

    Returns:
        The decision. Nothing is written and nothing is sent anywhere.
    """
    return decide(gather(account, computer, now, offer_id, expert_address), mode, now)


def explain_every_mode(
    account: Account, computer: Computer, *, now: datetime, expert_address: str | None = None
) -> tuple[Decision, ...]:
    """The decisions for view and control, from facts gathered once; see :func:`explain`."""
    facts = gather(account, computer, now, expert_address=expert_address)
    return tuple(decide(facts, mode, now) for mode in Mode)
