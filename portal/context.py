"""What every page's template knows."""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from assist.alerts import alert_banner
from assist.offers.holding import may_approve_anything
from assist.views.access import actor_for, request_id_of
from directory.alerts import alerts
from directory.errors import PortalError


@dataclass(frozen=True)
class Entry:
    """An entry of the navigation."""

    label: str
    url: str
    is_current: bool


def navigation(request: HttpRequest) -> dict[str, object]:
    """Who is signed in, and the entries of the navigation that she may follow."""
    context: dict[str, object] = {
        "actor": None,
        "entries": [],
        "time_zone": settings.TIME_ZONE,
        "request_id": request_id_of(request),
    }
    user = getattr(request, "user", None)  # there is none when an early middleware refused
    if user is None or not user.is_authenticated:
        return context
    try:
        actor = actor_for(request)
    except PortalError:
        return context
    entries = [("Offer help", "home"), ("Offers", "offers")] if actor.roles else []
    if actor.roles:
        entries.append(("Reports", "reports"))
    if may_approve_anything(actor):
        entries.append(("Approvals", "approvals"))
    if actor.may_read_audit_trail:
        entries.append(("Audit trail", "audit"))
    if actor.may_manage_readiness:
        entries.append(("Readiness", "readiness"))
        entries.append(("Group Policy", "group-policy-kit"))
        entries.append(("What if", "what-ifs"))
    if actor.is_operator:
        entries.append(("Protection", "protection"))
        entries.append(("Directory", "directory"))
    return context | {
        "actor": actor,
        "directory_alerts": alerts(timezone.now()) if actor.is_operator else [],
        "alert_banner": alert_banner() if actor.is_operator else "",
        "entries": [
            Entry(label, reverse(name), _is_current(request.path, reverse(name)))
            for label, name in entries
        ],
    }


def _is_current(path: str, entry: str) -> bool:
    if entry == "/":
        return path == "/" or path.startswith("/computers/")
    return path == entry or path.startswith(f"{entry}/")
