"""Trying again: the same offer, decided anew, linked to the first try."""

from __future__ import annotations

import pytest
from pytest_django import Settings

from assist.errors import OfferConflict, OfferNotFound
from assist.lifecycle import State
from assist.models import AuditEvent, Offer
from assist.offers import offer_cancel, offer_retry
from directory.models import Computer
from tests.assist.cast import NOW, Cast

pytestmark = pytest.mark.usefixtures("clock")


def ended(cast: Cast) -> Offer:
    offer = cast.request(ticket="INC-1", reason="Printer", wanted_user=r"R2\bsmith")
    return offer_cancel(actor=cast.actor(), offer=offer, now=NOW)


def test_a_retry_is_the_same_offer_with_a_link_to_the_first_try(cast: Cast) -> None:
    first = ended(cast)
    second = offer_retry(actor=cast.actor(), offer=first, door="page", now=NOW)
    assert second.state == State.QUEUED
    assert second.retry_of == first
    for name in ("mode", "viewer", "ticket", "reason", "wanted_user", "target", "authority"):
        assert getattr(second, name) == getattr(first, name), name
    event = AuditEvent.objects.get(kind="offer.requested", offer_id=second.pk)
    assert event.data["retry_of"] == str(first.pk)
    offer_cancel(actor=cast.actor(), offer=second, now=NOW)
    third = offer_retry(actor=cast.actor(), offer=second, door="api", now=NOW)
    assert third.retry_of == first
    assert set(first.retries.all()) == {second, third}


def test_a_retry_is_decided_anew(cast: Cast) -> None:
    first = ended(cast)
    cast.groups["Helpdesk Winnipeg"].memberships.all().delete()
    second = offer_retry(actor=cast.actor(), offer=first, door="page", now=NOW)
    assert (second.state, second.end_code) == (State.REFUSED, "helper.not_listed")


def test_an_open_offer_is_not_tried_again(cast: Cast) -> None:
    offer = cast.request()
    with pytest.raises(OfferConflict):
        offer_retry(actor=cast.actor(), offer=offer, door="page")
    assert Offer.objects.count() == 1


@pytest.mark.parametrize("name", ["nkhan", "tmanager"])
def test_only_its_expert_tries_an_offer_again(cast: Cast, name: str) -> None:
    with pytest.raises(OfferNotFound):
        offer_retry(actor=cast.actor(name), offer=ended(cast), door="page")


def test_a_computer_that_is_gone_is_said(cast: Cast) -> None:
    offer = ended(cast)
    Computer.objects.filter(pk=cast.xp191.pk).update(is_present=False)
    with pytest.raises(OfferConflict, match="not in the directory"):
        offer_retry(actor=cast.actor(), offer=Offer.objects.get(pk=offer.pk), door="page")


def test_an_authority_that_is_not_allowed_any_more_is_replaced(
    cast: Cast, settings: Settings
) -> None:
    offer = ended(cast)
    settings.OFFER_AUTHORITIES = ["handoff"]
    again = offer_retry(actor=cast.actor(), offer=offer, door="page", now=NOW)
    assert again.authority == "handoff"
