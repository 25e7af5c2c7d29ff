"""What every page of reports has: the navigation among them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from django.http import HttpRequest
from django.urls import reverse

from assist.actors import Actor
from assist.roles import MANAGER
from assist.views.access import actor_for


@dataclass(frozen=True)
class Report:
    """A report in the navigation.

    Attributes:
        label: What it is called.
        url_name: Its address's name.
        may_read: Who finds it there.
    """

    label: str
    url_name: str
    may_read: Callable[[Actor], bool]


def everybody(actor: Actor) -> bool:
    """Reports that show each reader what is hers."""
    return bool(actor.roles)


def schedulers(actor: Actor) -> bool:
    """What managers arrange, and auditors do not."""
    return MANAGER in actor.roles


def managers(actor: Actor) -> bool:
    """Reports for managers and auditors alone."""
    return actor.may_read_audit_trail


REPORTS = (
    Report("Overview", "reports", everybody),
    Report("Offers", "report-offers", everybody),
    Report("Coverage", "report-coverage", managers),
    Report("By e-mail", "report-schedules", schedulers),
)


def frame(request: HttpRequest, url_name: str, title: str) -> dict[str, object]:
    """The context of ``assist/reports/frame.html``, which every report's page extends.

    Args:
        request: Of somebody who has signed in.
        url_name: The report it is, by its address's name.
        title: The page's heading.
    """
    actor = actor_for(request)
    return {
        "report_title": title,
        "report_entries": [
            (report.label, reverse(report.url_name), report.url_name == url_name)
            for report in REPORTS
            if report.may_read(actor)
        ],
        "reads_everything": actor.may_read_all_offers,
    }
