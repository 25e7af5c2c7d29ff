"""Offers: asked for, decided, contacted, followed to their end.

The only writers of an offer's state. Doors (pages, the API, commands, tasks) call these and
nothing below them.
"""

from __future__ import annotations

from assist.offers.contact import offer_contact
from assist.offers.deadlines import sweep
from assist.offers.evidence import evidence_from_windows, offer_report
from assist.offers.following import claim_due, look
from assist.offers.handing_off import launch_confirm, launch_link_make, launch_report
from assist.offers.holding import approvals_for, offer_approve, offer_disapprove
from assist.offers.reading import offer_for
from assist.offers.request import (
    offer_cancel,
    offer_choose_session,
    offer_request,
    offer_retry,
)

__all__ = [
    "approvals_for",
    "claim_due",
    "evidence_from_windows",
    "launch_confirm",
    "launch_link_make",
    "launch_report",
    "look",
    "offer_approve",
    "offer_cancel",
    "offer_choose_session",
    "offer_contact",
    "offer_disapprove",
    "offer_for",
    "offer_report",
    "offer_request",
    "offer_retry",
    "sweep",
]
