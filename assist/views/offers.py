"""An offer, from the form to its end."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import get_user_model
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from assist.actors import Actor
from assist.api.pages import page_of_offers
from assist.authority.sign_in_tickets import sign_in_ticket
from assist.eligibility import Decision
from assist.errors import InvalidInput, OfferNotFound
from assist.forms import OfferForm, show_error
from assist.invitations import invitation_password, invitation_take
from assist.lifecycle import LABELS, Authority, Mode, State
from assist.models import Approval, EvidenceKind, Grade, LogFollowing, Offer
from assist.offers import (
    launch_link_make,
    offer_cancel,
    offer_choose_session,
    offer_report,
    offer_request,
    offer_retry,
)
from assist.offers.evidence import observations_of
from assist.offers.reading import offers_for
from assist.outcomes import outcome_of
from assist.remote_assistance.delegation import SignInTicket
from assist.views.access import actor_for, actor_with_role, offer_of
from assist.views.computers import computer_page
from assist.views.live import live_part
from assist.views.progress import stages_of
from directory.errors import PortalError
from directory.names import find_computer

PAGE = 25
MIME_TYPE = "application/x-ms-rassistance"  # what Windows registers for .msrcIncident


@dataclass(frozen=True)
class Report:
    """Something the expert may say she saw."""

    kind: EvidenceKind
    label: str


REPORTS = (
    Report(EvidenceKind.VIEWED, "I see the screen"),
    Report(EvidenceKind.CONTROLLED, "I have control"),
    Report(EvidenceKind.DECLINED, "The user declined"),
    Report(EvidenceKind.UNANSWERED, "Nobody answered"),
    Report(EvidenceKind.ENDED, "It has ended"),
)


@require_http_methods(["GET", "HEAD", "POST"])
def offer_create(request: HttpRequest) -> HttpResponse:
    """Offer help. A form that cannot be used comes back with all that was typed."""
    actor_with_role(request)
    if request.method != "POST":
        initial = {"target": request.GET.get("target", ""), "viewer": _viewer_of(request)}
        return render(request, "assist/offer_form.html", {"form": OfferForm(initial=initial)})
    form = OfferForm(request.POST)
    if form.is_valid():
        try:
            offer = _request(request, form)
        except PortalError as error:
            show_error(form, error)
        else:
            return redirect("offer", offer.pk)
    with suppress(PortalError):
        computer = find_computer(form.data.get("target", ""))
        return computer_page(request, computer, form, status=422)
    return render(request, "assist/offer_form.html", {"form": form}, status=422)


@require_safe
def offers(request: HttpRequest) -> HttpResponse:
    """Her offers; everybody's for those who may read them."""
    actor = actor_with_role(request)
    wanted = offers_for(actor)
    state = request.GET.get("state", "")
    if state in LABELS:
        wanted = wanted.filter(state=state)
    page = page_of_offers(wanted, limit=PAGE, cursor=request.GET.get("after") or None)
    context = {
        "page": page,
        "shows_everybody": actor.may_read_all_offers,
        "states": [(item.value, label) for item, label in LABELS.items()],
        "state": state,
        "is_first": "after" not in request.GET,
    }
    return render(request, "assist/offers.html", context)


@require_safe
def offer(request: HttpRequest, offer_id: uuid.UUID) -> HttpResponse:
    """One offer: where it is, what she can do now, how it came there."""
    context = _page_context(request, offer_of(request, offer_id))
    return render(request, "assist/offer.html", context)


def _page_context(request: HttpRequest, found: Offer) -> dict[str, object]:
    first = found.retry_of
    tries = list(first.retries.order_by("requested_at")) if first else []
    return _live_context(actor_for(request), found) | {
        "decision": Decision.from_json(found.decision),
        "service_principal": settings.SERVICE_PRINCIPAL,
        "first_try": first,
        "other_tries": [item for item in tries if item.pk != found.pk]
        or list(found.retries.order_by("requested_at")),
    }


@require_safe
def offer_live(request: HttpRequest, offer_id: uuid.UUID) -> HttpResponse:
    """The part of the page that changes by itself."""
    found = offer_of(request, offer_id)
    context = _live_context(actor_for(request), found) | {"is_part": True}
    return live_part(request, "assist/_offer_live.html", context, is_final=found.is_ended)


@require_POST
def offer_choose(request: HttpRequest, offer_id: uuid.UUID) -> HttpResponse:
    """She says whom she wants to help."""
    found = offer_of(request, offer_id)
    text = request.POST.get("logon_session_id", "")
    with _said(request):
        if not (text.isascii() and text.isdigit() and len(text) <= 10):
            raise InvalidInput("No user was chosen.", remedy="Choose one of those logged on.")
        offer_choose_session(actor=actor_for(request), offer=found, logon_session_id=int(text))
    return redirect("offer", offer_id)


@require_POST
def offer_cancelled(request: HttpRequest, offer_id: uuid.UUID) -> HttpResponse:
    """She takes the offer back."""
    found = offer_of(request, offer_id)
    with _said(request):
        offer_cancel(actor=actor_for(request), offer=found)
    return redirect("offer", offer_id)


@require_POST
def offer_retried(request: HttpRequest, offer_id: uuid.UUID) -> HttpResponse:
    """She tries once more."""
    found = offer_of(request, offer_id)
    with _said(request):
        found = offer_retry(
            actor=actor_for(request), offer=found, door="page", sign_in=_sign_in(request)
        )
    return redirect("offer", found.pk)


@require_http_methods(["GET", "HEAD", "POST"])
def offer_launched(request: HttpRequest, offer_id: uuid.UUID) -> HttpResponse:
    """She starts a handed-off offer: the page with the link, which is shown this once."""
    found = offer_of(request, offer_id)
    if request.method != "POST":  # the address is loaded anew
        return redirect("offer", offer_id)
    launch = None
    with _said(request):
        launch = launch_link_make(actor=actor_for(request), offer=found)
    if launch is None:
        return redirect("offer", offer_id)
    context = _page_context(request, found) | {"launch": launch}
    return render(request, "assist/offer.html", context)


@require_POST
def offer_reported(request: HttpRequest, offer_id: uuid.UUID) -> HttpResponse:
    """She says what she saw happen."""
    found = offer_of(request, offer_id)
    kind = request.POST.get("kind", "")
    with _said(request):
        if kind not in EvidenceKind.values:
            raise InvalidInput("That is nothing an expert can report.")
        offer_report(actor=actor_for(request), offer=found, kind=EvidenceKind(kind))
    return redirect("offer", offer_id)


@require_POST
def offer_invitation(request: HttpRequest, offer_id: uuid.UUID) -> HttpResponse:
    """The invitation as a file for her viewer."""
    found = offer_of(request, offer_id)
    taken: HttpResponse = redirect("offer", offer_id)
    with _said(request):
        invitation = invitation_take(actor=actor_for(request), offer=found)
        taken = HttpResponse(invitation.content, content_type=MIME_TYPE)
        taken["Content-Disposition"] = f'attachment; filename="{invitation.file_name}"'
    return taken


@contextmanager
def _said(request: HttpRequest) -> Iterator[None]:
    """Says a refusal on the page that follows; that there is no such offer is a page itself."""
    try:
        yield
    except OfferNotFound:
        raise
    except PortalError as error:
        messages.error(request, f"{error.sentence} {error.remedy}".strip())


def _request(request: HttpRequest, form: OfferForm) -> Offer:
    data = form.cleaned_data
    made = offer_request(
        actor=actor_for(request),
        target=data["target"],
        mode=Mode(data["mode"]),
        viewer=data["viewer"],
        door="page",
        wanted_user=data["wanted_user"],
        ticket=data["ticket"],
        reason=data["reason"],
        authority=data.get("authority", ""),
        start_at=form.start(timezone.now()),
        sign_in=_sign_in(request),
    )
    remember_viewer(request, data["viewer"])
    return made


def _sign_in(request: HttpRequest) -> SignInTicket | None:
    """The ticket that she signed in with, where an offer may need it."""
    if Authority.DELEGATED not in settings.OFFER_AUTHORITIES:
        return None
    return sign_in_ticket(request, actor_for(request).sid, now=timezone.now())


def remember_viewer(request: HttpRequest, viewer: str) -> None:
    """The viewer chosen last is offered first next time."""
    user = request.user
    if user.is_authenticated and _viewer_of(request) != viewer:
        get_user_model().objects.filter(pk=user.pk).update(viewer=viewer)


def _viewer_of(request: HttpRequest) -> str:
    return str(getattr(request.user, "viewer", "windows"))


def _live_context(actor: Actor, found: Offer) -> dict[str, object]:
    is_own = actor.sid == found.expert_sid
    state = State(found.state)
    transitions = list(found.transitions.all())
    evidence = list(found.evidence.select_related("windows_event"))
    following: LogFollowing | None = getattr(found, "log_following", None)
    ahead = timedelta(seconds=following.clock_ahead_seconds if following else 0)
    result = outcome_of(observations_of(evidence, ahead))
    password = None
    if is_own and state in (State.OFFERED, State.ANSWERING):
        with suppress(PortalError):
            password = invitation_password(actor=actor, offer=found)
    invitation = getattr(found, "invitation", None)
    approvals = list(found.approvals.select_related("rule"))
    decided = sum(item.state != Approval.State.WAITING for item in approvals)
    started = int(found.starting_at is not None)
    version = "-".join(
        map(
            str,
            (found.state, len(transitions), len(evidence), found.outcome_grade, decided, started),
        )
    )
    if following is not None:
        version += f"-{following.error_code}-{following.is_live}"
    return {
        "offer": found,
        "state": state,
        "is_own": is_own,
        "stages": stages_of(found, transitions),
        "transitions": transitions,
        "evidence": evidence,
        "result": result,
        "following": following,
        "sessions": list(found.logon_sessions.all()) if state is State.CHOOSING else [],
        "has_invitation": is_own
        and invitation is not None
        and invitation.wiped_at is None
        and invitation.expires_at > timezone.now()
        and state in (State.OFFERED, State.ANSWERING),
        "invitation": invitation,
        "password": password,
        "reports": _reports(found) if is_own else [],
        "approvals": approvals,
        "may_launch": is_own
        and found.is_handed_off
        and state in (State.QUEUED, State.OFFERED)
        and found.starting_at is None,
        "grade": Grade(found.outcome_grade).label if found.outcome_grade else "",
        "version": version,
        "live_url": reverse("offer-live", args=[found.pk]),
    }


def _reports(found: Offer) -> list[Report]:
    """What may still be said; what was said already is left out."""
    state = State(found.state)
    if state not in (State.OFFERED, State.ANSWERING, State.ACCEPTED):
        return []
    if state is State.ACCEPTED:
        wanted = {EvidenceKind.ENDED}
        if found.controlled_at is None:
            wanted.add(EvidenceKind.CONTROLLED)
    else:
        wanted = set(EvidenceKind) - {EvidenceKind.ENDED}
    return [report for report in REPORTS if report.kind in wanted]
