"""Who may read which reports, and that they were read."""

from __future__ import annotations

from assist import audit
from assist.actors import Actor
from assist.errors import NotAllowed
from assist.offers.reading import offers_for
from assist.reports.figures import OfferRows
from assist.reports.overview import Source
from assist.reports.tallied import Tallied

LONGEST_NOTED = 2000


def require_reader(actor: Actor) -> None:
    """Refuse whoever has no part in the portal; others read what is theirs to see.

    Raises:
        NotAllowed: She has no role.
    """
    if not actor.roles:
        raise NotAllowed(
            "You have no role in the portal.",
            remedy="Ask the portal's operator to put your account into one of the groups that "
            "give a role.",
        )


def source_for(actor: Actor) -> Source:
    """Where the figures come from that this reader may see."""
    return Tallied() if actor.may_read_all_offers else OfferRows(offers_for(actor))


def note_reading(actor: Actor, report: str, query: str) -> None:
    """The audit event of a report that was read.

    Args:
        actor: Who read it.
        report: Which, by the name of its address.
        query: What it was asked for.
    """
    audit.record(
        "report.read",
        actor=actor,
        subject_kind="report",
        subject_id=report,
        subject_name=report,
        data={"query": query[:LONGEST_NOTED]},
    )
