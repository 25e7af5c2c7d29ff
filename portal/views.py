"""Health, and the pages of errors. None of them shows a traceback."""

from __future__ import annotations

import redis
import structlog
from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.template import loader
from django.templatetags.static import static
from django.utils import timezone
from django.views.decorators.http import require_safe

from assist import audit
from assist.errors import NotAllowed
from assist.views.access import request_id_of
from directory.alerts import alerts
from directory.errors import PortalError
from directory.models import Domain

log = structlog.get_logger()
_REDIS_TIMEOUT_SECONDS = 1


class PageNotFound(PortalError):
    code = "not_found"
    status = 404


class BadRequest(PortalError):
    code = "bad_request"


class FormExpired(PortalError):
    code = "form_expired"
    status = 403


@login_not_required
@require_safe
def health(request: HttpRequest) -> JsonResponse:
    """Whether this process can serve: 200 with database and Redis, else 503.

    ``directory_age_seconds`` is the age of the oldest domain's last synchronisation, null before
    the first, and ``directory_alerts`` how many an operator is shown. How long audit events wait
    for their seal, and when a checkpoint last left the database (null: never), tell whether the
    audit trail is behind. None of these changes the status: old pages are better than none.
    """
    answer: dict[str, object] = {
        "database": "ok",
        "redis": "ok",
        "directory_age_seconds": None,
        "directory_alerts": None,
        "audit_sealer_lag_seconds": None,
        "audit_checkpoint_age_seconds": None,
    }
    try:
        answer["directory_alerts"] = len(alerts(timezone.now()))
        trail = audit.standing()
        answer["audit_sealer_lag_seconds"] = int(trail.sealer_lag.total_seconds())
        if trail.delivered_at is not None:
            age = trail.at - trail.delivered_at
            answer["audit_checkpoint_age_seconds"] = int(age.total_seconds())
        synced = Domain.objects.filter(is_present=True).order_by("synced_at").first()
        if synced is not None and synced.synced_at is not None:
            answer["directory_age_seconds"] = int(
                (timezone.now() - synced.synced_at).total_seconds()
            )
    except DatabaseError as error:
        log.warning("database is not available", error=str(error))
        answer["database"] = "unavailable"
    try:
        _ping_redis()
    except (redis.RedisError, OSError) as error:
        log.warning("redis is not available", error=str(error))
        answer["redis"] = "unavailable"
    is_well = "unavailable" not in answer.values()
    return JsonResponse(
        {"status": "ok" if is_well else "unavailable"} | answer, status=200 if is_well else 503
    )


@login_not_required
@require_safe
def favicon(request: HttpRequest) -> HttpResponse:
    """Where browsers look that know no other."""
    return redirect(static("favicon.svg"))


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """400: what was sent cannot be read."""
    return _error(
        request,
        BadRequest(
            "The portal could not read what your browser sent.",
            remedy="Go back and try again.",
        ),
    )


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    """403: not for her."""
    return _error(
        request,
        NotAllowed("This page is not for you.", remedy="Ask the portal's operator for the role."),
    )


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """404: nothing there."""
    return _error(
        request,
        PageNotFound("There is no such page.", remedy="Check the address, or start anew."),
    )


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """403: the form was not one that this browser was given, or its cookie is gone."""
    return _error(
        request,
        FormExpired(
            "This form has expired.",
            remedy="Go back, reload the page and send it again. The portal needs cookies.",
        ),
    )


def server_error(request: HttpRequest) -> HttpResponse:
    """500: ours. The page asks nothing of the database, which may be what broke."""
    page = loader.get_template("portal/server_error.html")
    return HttpResponse(page.render({"request_id": request_id_of(request)}), status=500)


def _error(request: HttpRequest, error: PortalError) -> HttpResponse:
    return render(request, "portal/error.html", {"error": error}, status=error.status)


def _ping_redis() -> None:
    client = redis.Redis.from_url(
        settings.REDIS_URL,
        socket_timeout=_REDIS_TIMEOUT_SECONDS,
        socket_connect_timeout=_REDIS_TIMEOUT_SECONDS,
    )
    try:
        client.ping()
    finally:
        client.close()
