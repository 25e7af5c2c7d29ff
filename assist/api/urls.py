"""Addresses under ``/api/v1/``."""

from __future__ import annotations

from django.urls import path, re_path

from assist.api import approvals, coverage, launches, many, reports, views, what_ifs

urlpatterns = [
    path("offers", views.OffersView.as_view(), name="api-offers"),
    path("offers/<str:offer_id>", views.OfferView.as_view(), name="api-offer"),
    path(
        "offers/<str:offer_id>/logon-session",
        views.LogonSessionView.as_view(),
        name="api-logon-session",
    ),
    path("offers/<str:offer_id>/cancel", views.CancelView.as_view(), name="api-cancel"),
    path("offers/<str:offer_id>/retry", views.RetryView.as_view(), name="api-retry"),
    path("approvals", approvals.ApprovalsView.as_view(), name="api-approvals"),
    path(
        "approvals/<str:offer_id>/approve",
        approvals.ApproveView.as_view(),
        name="api-approve",
    ),
    path("approvals/<str:offer_id>/refuse", approvals.RefuseView.as_view(), name="api-refuse"),
    path("launches/confirm", launches.ConfirmView.as_view(), name="api-launch-confirm"),
    path("launches/report", launches.ReportView.as_view(), name="api-launch-report"),
    path("eligibility", views.EligibilityView.as_view(), name="api-eligibility"),
    path("eligibility/computers", many.ComputersView.as_view(), name="api-computers"),
    path("eligibility/experts", many.ExpertsView.as_view(), name="api-experts"),
    path("eligibility/counts", many.CountsView.as_view(), name="api-counts"),
    path("eligibility/what-if", what_ifs.WhatIfsView.as_view(), name="api-what-ifs"),
    path(
        "eligibility/what-if/<str:what_if_id>",
        what_ifs.WhatIfView.as_view(),
        name="api-what-if",
    ),
    path("reports/overview", reports.OverviewView.as_view(), name="api-report-overview"),
    path("reports/breakdown", reports.BreakdownView.as_view(), name="api-report-breakdown"),
    path("reports/offers", reports.ReportOffersView.as_view(), name="api-report-offers"),
    path("reports/coverage", coverage.CoverageView.as_view(), name="api-report-coverage"),
    path(
        "reports/coverage/<str:table>",
        coverage.CoverageRowsView.as_view(),
        name="api-report-coverage-rows",
    ),
    path(
        "reports/experts/<str:sid>",
        coverage.ExpertHistoryView.as_view(),
        name="api-report-expert",
    ),
    path(
        "reports/computers/<str:guid>",
        coverage.ComputerHistoryView.as_view(),
        name="api-report-computer",
    ),
    path("audit-events", reports.AuditEventsView.as_view(), name="api-audit-events"),
    path("windows-events", views.WindowsEventsView.as_view(), name="api-windows-events"),
    path("schema", views.SchemaView.as_view(), name="api-schema"),
    re_path("", views.NowhereView.as_view(schema=None)),
]
