"""Which offers an actor may see: the one place where that is decided."""

from __future__ import annotations

import uuid

from assist.actors import Actor
from assist.errors import OfferNotFound
from assist.models import Offer
from assist.models.offer import OfferQuerySet


def offers_for(actor: Actor) -> OfferQuerySet:
    """Her own offers; all of them for managers, auditors and operators, to read."""
    offers = Offer.objects.all()
    return offers if actor.may_read_all_offers else offers.of_expert(actor.sid)


def offer_for(actor: Actor, offer_id: uuid.UUID | str) -> Offer:
    """One offer that the actor may see.

    Raises:
        OfferNotFound: There is none with this id, or it is not hers to see.
    """
    try:
        wanted = offer_id if isinstance(offer_id, uuid.UUID) else uuid.UUID(offer_id)
    except ValueError:
        raise OfferNotFound from None
    # Beside it what its page shows, without questions of their own.
    beside = ("invitation", "log_following")
    offer = offers_for(actor).filter(pk=wanted).select_related(*beside).first()
    if offer is None:
        raise OfferNotFound
    return offer


def require_own(actor: Actor, offer: Offer) -> None:
    """Whoever may read an offer may still not act on it: that is for its expert alone.

    Raises:
        OfferNotFound: It belongs to somebody else.
    """
    if not actor.sid or offer.expert_sid != actor.sid:
        raise OfferNotFound
