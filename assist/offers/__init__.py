"""Offers: asked for, decided, contacted, followed to their end.

The only writers of an offer's state. Doors (pages, the API, commands, tasks) call these and
nothing below them.
"""

from __future__ import annotations

from assist.offers.contact import offer_contact
from assist.offers.deadlines import sweep
from assist.offers.evidence import evidence_from_windows, offer_report
from assist.offers.following import claim_due, look
from assist.offers.reading import offer_for
from assist.offers.request import offer_cancel, offer_choose_session, offer_request

__all__ = [
    "claim_due",
    "evidence_from_windows",
    "look",
    "offer_cancel",
    "offer_choose_session",
    "offer_contact",
    "offer_for",
    "offer_report",
    "offer_request",
    "sweep",
]
