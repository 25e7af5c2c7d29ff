"""Addresses of the pages."""

from __future__ import annotations

from django.urls import path

from assist.views import audit, computers, offers, preferences

urlpatterns = [
    path("", computers.home, name="home"),
    path("active-offers", computers.home_live, name="home-live"),
    path("computers/search", computers.computer_search, name="computer-search"),
    path("computers/<uuid:guid>", computers.computer, name="computer"),
    path("offers", offers.offers, name="offers"),
    path("offers/create", offers.offer_create, name="offer-create"),
    path("offers/<uuid:offer_id>", offers.offer, name="offer"),
    path("offers/<uuid:offer_id>/live", offers.offer_live, name="offer-live"),
    path("offers/<uuid:offer_id>/choose", offers.offer_choose, name="offer-choose"),
    path("offers/<uuid:offer_id>/cancel", offers.offer_cancelled, name="offer-cancel"),
    path("offers/<uuid:offer_id>/report", offers.offer_reported, name="offer-report"),
    path("offers/<uuid:offer_id>/invitation", offers.offer_invitation, name="offer-invitation"),
    path("audit", audit.audit, name="audit"),
    path("audit/verify", audit.audit_verify, name="audit-verify"),
    path("preferences", preferences.preferences, name="preferences"),
]
