"""A page of the offers that a reader asked for, found the shorter way.

PostgreSQL cannot know how many offers hold a phrase. So the newest offers are gone through first:
what many have is found there. Only what is rarer is looked up in the index of texts.
"""

from __future__ import annotations

from datetime import datetime

from assist.models.offer import OfferQuerySet
from assist.reports.filters import Chosen, filtered, within_days
from assist.reports.listing import PAGE, Page, behind, page_of, read_cursor

NEWEST = 10_000


def find_page(
    offers: OfferQuerySet, chosen: Chosen, *, limit: int = PAGE, newest: int = NEWEST
) -> Page:
    """One page.

    Args:
        offers: Those that the reader may see.
        chosen: By ``read_filters``.
        limit: The most rows.
        newest: How many offers are gone through first.

    Raises:
        InvalidInput: The cursor is none of ours.
    """
    if chosen.searches_texts:
        since = _time_of(offers, chosen, newest)
        if since is not None:
            among = filtered(offers, chosen, by_index=False).filter(requested_at__gte=since)
            page = page_of(among, chosen.columns, limit=limit, after=chosen.after)
            if page.next_cursor:
                return page
    return page_of(filtered(offers, chosen), chosen.columns, limit=limit, after=chosen.after)


def _time_of(offers: OfferQuerySet, chosen: Chosen, number: int) -> datetime | None:
    """When the last of so many offers was asked for; None where there are fewer."""
    place = read_cursor(chosen.after) if chosen.after else None
    ordered = behind(within_days(offers, chosen), place).order_by("-requested_at")
    return ordered.values_list("requested_at", flat=True)[number : number + 1].first()
