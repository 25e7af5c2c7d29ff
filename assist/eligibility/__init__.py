"""May this expert offer help on this computer, and why (not)?"""

from __future__ import annotations

import uuid
from datetime import datetime

from assist.eligibility.decision import Decision, Effect, Finding, Reference
from assist.eligibility.gathering import gather
from assist.eligibility.protection import Asked
from assist.eligibility.rules import decide
from assist.lifecycle import Authority, Mode
from directory.models import Account, Computer

__all__ = ["Asked", "Decision", "Effect", "Finding", "Reference", "explain", "explain_every_mode"]


def explain(
    account: Account,
    computer: Computer,
    mode: Mode,
    *,
    now: datetime,
    offer_id: uuid.UUID | None = None,
    expert_address: str | None = None,
    asked: Asked | None = None,
    authority: Authority | None = None,
) -> Decision:
    """The decision, with every finding, from the directory as it was last synchronised.

    Args:
        account: The expert.
        computer: Where she would offer help.
        mode: View or control.
        now: An aware time.
        offer_id: The offer being decided, when there is one already.
        expert_address: The IP address where the expert is, if known.
        asked: What the offer says besides; None while nobody makes one: what it would have to say
            is then a warning.
        authority: Whose account would make the call; by default the first that is allowed.

    Returns:
        The decision. Nothing is written and nothing is sent anywhere.
    """
    facts = gather(
        account, computer, now, offer_id, expert_address, asked, mode=mode, authority=authority
    )
    return decide(facts, mode, now)


def explain_every_mode(
    account: Account, computer: Computer, *, now: datetime, expert_address: str | None = None
) -> tuple[Decision, ...]:
    """The decisions for view and control, from facts gathered once; see :func:`explain`."""
    facts = gather(account, computer, now, expert_address=expert_address)
    return tuple(decide(facts, mode, now) for mode in Mode)
