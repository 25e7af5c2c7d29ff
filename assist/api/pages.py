"""Lists, page by page: a cursor names the last item seen, so that new ones move nothing."""

from __future__ import annotations

import base64
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime

from django.db.models import Q

from assist.errors import InvalidInput
from assist.models import Offer
from assist.models.offer import OfferQuerySet


@dataclass(frozen=True)
class OfferPage:
    """Some offers, the newest first, and the cursor of what follows (None: nothing)."""

    offers: list[Offer]
    next_cursor: str | None


def page_of_offers(offers: OfferQuerySet, *, limit: int, cursor: str | None) -> OfferPage:
    """One page.

    Args:
        offers: Those the caller may see.
        limit: The most offers on it.
        cursor: ``next_cursor`` of the page before; None for the first.

    Raises:
        InvalidInput: The cursor is none of ours.
    """
    if cursor is not None:
        at, last = _read_cursor(cursor)
        offers = offers.filter(Q(requested_at__lt=at) | Q(requested_at=at, pk__lt=last))
    found = list(offers.order_by("-requested_at", "-pk")[: limit + 1])
    page = found[:limit]
    return OfferPage(page, _write_cursor(page[-1]) if len(found) > limit else None)


def _write_cursor(offer: Offer) -> str:
    text = f"{offer.requested_at.isoformat()}|{offer.pk}"
    return base64.urlsafe_b64encode(text.encode("ascii")).decode("ascii")


def _read_cursor(cursor: str) -> tuple[datetime, uuid.UUID]:
    try:
        at, _, last = (
            base64.urlsafe_b64decode(cursor.encode("ascii")).decode("ascii").partition("|")
        )
        moment = datetime.fromisoformat(at)
        if moment.tzinfo is None:
            raise ValueError("a time without a zone")
        return moment.astimezone(UTC), uuid.UUID(last)
    except (ValueError, OverflowError) as error:  # so are binascii.Error and UnicodeError
        raise InvalidInput(
            "The cursor is not one that this list gave out.",
            remedy="Send next_cursor of the page before as it is, or leave it out.",
            field="cursor",
        ) from error
