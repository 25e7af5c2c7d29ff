"""The story of an offer, for whoever has to account for it."""

from __future__ import annotations

import uuid

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from assist.models import Grade
from assist.reports.reading import note_reading
from assist.reports.replay import LIMITS
from assist.reports.story import decisions_of, story_of
from assist.views.access import actor_for, offer_of
from assist.views.report_frame import frame


@require_safe
def report_offer(request: HttpRequest, offer_id: uuid.UUID) -> HttpResponse:
    """What happened, who says so, and the decisions behind it."""
    offer, actor = offer_of(request, offer_id), actor_for(request)
    note_reading(actor, "report-offer", str(offer_id))
    context = {
        **frame(request, "report-offers", f"Offer to {offer.computer_name}"),
        "offer": offer,
        "moments": story_of(offer, with_events=actor.may_read_audit_trail),
        "shows_events": actor.may_read_audit_trail,
        "decisions": decisions_of(offer),
        "limits": LIMITS,
        "grade": Grade(offer.outcome_grade).label if offer.outcome_grade else "",
    }
    return render(request, "assist/reports/story.html", context)
