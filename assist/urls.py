"""Addresses of the pages."""

from __future__ import annotations

from django.urls import path

from assist.views import (
    audit,
    computers,
    directory,
    group_policy_kit,
    offers,
    preferences,
    readiness,
    what_ifs,
)

urlpatterns = [
    path("", computers.home, name="home"),
    path("active-offers", computers.home_live, name="home-live"),
    path("computers/search", computers.computer_search, name="computer-search"),
    path("computers/<uuid:guid>", computers.computer, name="computer"),
    path("computers/<uuid:guid>/readiness", readiness.readiness_asked, name="readiness-asked"),
    path("computers/<uuid:guid>/readiness/live", readiness.readiness_live, name="readiness-live"),
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
    path("directory", directory.directory, name="directory"),
    path("directory/live", directory.directory_live, name="directory-live"),
    path("directory/read", directory.directory_read, name="directory-read"),
    path("directory/runs/<int:run_id>", directory.directory_run, name="directory-run"),
    path("directory/search", directory.directory_search, name="directory-search"),
    path("directory/path", directory.directory_path, name="directory-path"),
    path("directory/objects/<uuid:guid>", directory.directory_object, name="directory-object"),
    path(
        "directory/objects/<uuid:guid>/live",
        directory.directory_object_live,
        name="directory-object-live",
    ),
    path("readiness", readiness.readiness, name="readiness"),
    path("readiness/computers", readiness.readiness_computers, name="readiness-computers"),
    path("readiness/computers.csv", readiness.readiness_csv, name="readiness-csv"),
    path("readiness/sweeps", readiness.readiness_sweeps, name="readiness-sweeps"),
    path("readiness/sweeps/start", readiness.sweep_started, name="sweep-start"),
    path("readiness/sweeps/<uuid:sweep_id>/cancel", readiness.sweep_cancelled, name="sweep-cancel"),
    path("readiness/searches", readiness.search_saved, name="search-save"),
    path(
        "readiness/searches/<int:search_id>/delete", readiness.search_deleted, name="search-delete"
    ),
    path("group-policy-kit", group_policy_kit.group_policy_kit, name="group-policy-kit"),
    path("what-if", what_ifs.what_ifs, name="what-ifs"),
    path("what-if/<uuid:what_if_id>", what_ifs.what_if, name="what-if"),
    path("what-if/<uuid:what_if_id>/live", what_ifs.what_if_live, name="what-if-live"),
    path("what-if/<uuid:what_if_id>/cancel", what_ifs.what_if_cancelled, name="what-if-cancel"),
    path("preferences", preferences.preferences, name="preferences"),
]
