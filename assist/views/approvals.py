"""What waits for a second person's approval."""

from __future__ import annotations

import uuid

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe

from assist.lifecycle import State
from assist.models import Approval, Offer
from assist.offers import approvals_for, offer_approve, offer_disapprove
from assist.views.access import actor_for
from assist.views.live import live_part
from directory.errors import PortalError

RECENT = 20


@require_safe
def approvals(request: HttpRequest) -> HttpResponse:
    """The offers that she may approve, and what she decided lately."""
    decided = Approval.objects.filter(approver_sid=actor_for(request).sid)
    context = _waiting(request) | {
        "decided": decided.select_related("offer").order_by("-decided_at")[:RECENT]
    }
    return render(request, "assist/approvals.html", context)


@require_safe
def approvals_live(request: HttpRequest) -> HttpResponse:
    """The waiting offers alone, for the page that is open."""
    return live_part(request, "assist/_approvals_waiting.html", _waiting(request))


@require_POST
def approval_given(request: HttpRequest, offer_id: uuid.UUID) -> HttpResponse:
    """She approves, or refuses, with a reason."""
    actor = actor_for(request)
    offer = get_object_or_404(Offer, pk=offer_id)
    reason = request.POST.get("reason", "")
    try:
        if request.POST.get("decision") == "approve":
            offer = offer_approve(actor=actor, offer=offer, reason=reason)
            messages.success(request, _said(offer))
        else:
            offer = offer_disapprove(actor=actor, offer=offer, reason=reason)
            messages.success(request, f"The offer of {offer.expert_name} is refused.")
    except PortalError as error:
        if error.status == 404:
            raise
        messages.error(request, f"{error.sentence} {error.remedy}".strip())
    return redirect("approvals")


def _said(offer: Offer) -> str:
    if offer.state == State.HELD:
        return f"Approved. The offer of {offer.expert_name} still waits."
    if offer.state == State.REFUSED:
        return f"Approved, but the offer is refused now: {offer.end_sentence}"
    return f"Approved. The offer of {offer.expert_name} goes on."


def _waiting(request: HttpRequest) -> dict[str, object]:
    waiting = approvals_for(actor_for(request))
    version = ",".join(offer.pk.hex[:8] for offer in waiting) or "none"
    return {"waiting": waiting, "version": version}
