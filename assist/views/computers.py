"""Find a computer, and see whether and why help may be offered there."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_safe

from assist.actors import Actor
from assist.eligibility import Decision, Finding, explain_every_mode
from assist.eligibility.telling import note_explained, note_searched
from assist.forms import OfferForm
from assist.lifecycle import OCCUPYING, Mode, State
from assist.models import Offer
from assist.offers.reading import offers_for
from assist.policy_in_force import policy_in_force
from assist.views.access import actor_with_role
from assist.views.live import live_part
from assist.views.readiness import readiness_part
from directory.errors import PortalError
from directory.models import Computer, Domain
from directory.name_forms import ComputerName, parse_computer_name
from directory.names import find_computer, search_computers

RESULTS = 12


@dataclass(frozen=True)
class Found:
    """What a search came to: computers, or why there are none."""

    text: str
    computers: list[Computer]
    error: PortalError | None = None


@dataclass(frozen=True)
class SharedFinding:
    """A finding and the one mode it is about, or empty when it holds for both."""

    finding: Finding
    mode: str


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """One search box; below it what goes on and where she was lately."""
    actor = actor_with_role(request)
    found = _search(actor, request.GET.get("q", ""))
    note_searched(actor, found.text, found.computers)
    if len(found.computers) == 1:
        return redirect("computer", found.computers[0].pk)
    offers = Offer.objects.of_expert(actor.sid)
    context = {
        "found": found,
        "recent": _recent_computers(actor),
        **_active(actor),
        "has_offers": offers.exists(),
        "domain": Domain.objects.filter(is_present=True).order_by("synced_at").first(),
    }
    return render(request, "assist/home.html", context)


@require_safe
def home_live(request: HttpRequest) -> HttpResponse:
    """Her offers that have not ended; nothing when that is what the page shows already."""
    context = _active(actor_with_role(request))
    return live_part(request, "assist/_active_offers.html", context)


@require_safe
def computer_search(request: HttpRequest) -> HttpResponse:
    """The results while she types."""
    actor = actor_with_role(request)
    found = _search(actor, request.GET.get("q", ""))
    note_searched(actor, found.text, found.computers)
    return render(request, "assist/_search_results.html", {"found": found})


@require_safe
def computer(request: HttpRequest, guid: uuid.UUID) -> HttpResponse:
    """What the computer is, the verdict for both modes, and the form to offer help."""
    actor_with_role(request)  # before it is told whether there is such a computer
    computers = Computer.objects.select_related("domain", "ou", "managed_by__domain")
    found = get_object_or_404(computers, pk=guid)
    form = OfferForm(initial={"target": target_of(found), "viewer": _viewer_of(request)})
    return computer_page(request, found, form)


def computer_page(
    request: HttpRequest, found: Computer, form: OfferForm, status: int = 200
) -> HttpResponse:
    """The page of a computer around a form, which may hold what was typed and what is wrong."""
    actor = actor_with_role(request)
    decisions = _decisions(actor, found)
    if actor.account is not None:
        note_explained(actor, actor.account, found, decisions)
    allowed = [decision.mode.value for decision in decisions if decision.is_allowed]
    if not form.is_bound:
        form.initial["mode"] = Mode.CONTROL.value if "control" in allowed else Mode.VIEW.value
    context = {
        **readiness_part(found),
        "computer": found,
        "decisions": decisions,
        "allowed_modes": allowed,
        "findings": _merge(decisions),
        "policy": policy_in_force(found),
        "form": form,
        **_open_offers(actor, found),
        "past_offers": offers_for(actor).filter(computer=found)[:5],
    }
    return render(request, "assist/computer.html", context, status=status)


def target_of(found: Computer) -> str:
    """A name that means this computer and no other."""
    return found.dns_name or f"{found.domain.netbios_name}\\{found.name}"


def _viewer_of(request: HttpRequest) -> str:
    return str(getattr(request.user, "viewer", "windows"))


def _search(actor: Actor, text: str) -> Found:
    text = text.replace("\x00", "").strip()[:256]  # which PostgreSQL takes in no text
    if not text:
        return Found("", [])
    try:
        if not isinstance(parse_computer_name(text, field="q"), ComputerName):
            return Found(text, [find_computer(text, field="q")])
    except PortalError as error:
        if error.code != "invalid_name":
            return Found(text, [], error)
    computers = search_computers(text, RESULTS)
    known = {found.pk for found in computers}
    for offer in offers_for(actor).filter(novice_name__icontains=text, computer__is_present=True)[
        :20
    ]:
        if offer.computer is not None and offer.computer.pk not in known:
            known.add(offer.computer.pk)
            computers.append(offer.computer)
    return Found(text, computers[:RESULTS])


def _active(actor: Actor) -> dict[str, object]:
    active = list(Offer.objects.of_expert(actor.sid).active()[:20])
    version = ",".join(f"{offer.pk.hex[:8]}{offer.state}" for offer in active) or "none"
    return {"active": active, "version": version}


def _open_offers(actor: Actor, found: Computer) -> dict[str, object]:
    """The offer that occupies a computer, and hers that waits for it."""
    offers = list(Offer.objects.active().filter(computer=found))
    active = next((offer for offer in offers if State(offer.state) in OCCUPYING), None)
    own = [offer for offer in offers if offer.expert_sid == actor.sid]
    return {
        "active_offer": active,
        "is_own_offer": active in own,
        "held_offer": next((offer for offer in own if offer.state == State.HELD), None),
    }


def _recent_computers(actor: Actor) -> list[Offer]:
    """Her latest offer to each of the last few computers."""
    latest: dict[object, Offer] = {}
    offers = Offer.objects.of_expert(actor.sid).filter(computer__is_present=True)
    for offer in offers.select_related("computer__domain", "computer__ou")[:40]:
        latest.setdefault(offer.computer_id, offer)
    return list(latest.values())[:6]


def _decisions(actor: Actor, found: Computer) -> list[Decision]:
    if actor.account is None:
        return []
    return list(
        explain_every_mode(
            actor.account, found, now=timezone.now(), expert_address=actor.source_address
        )
    )


def _merge(decisions: list[Decision]) -> list[SharedFinding]:
    """The findings of both modes as one list in their order, each said once."""
    if len(decisions) != 2:
        return [SharedFinding(item, "") for decision in decisions for item in decision.findings]
    view, control = (list(decision.findings) for decision in decisions)
    merged: list[SharedFinding] = []
    for finding in control:
        if finding in view:
            position = view.index(finding)
            merged += [SharedFinding(item, "view") for item in view[:position]]
            merged.append(SharedFinding(finding, ""))
            del view[: position + 1]
        else:
            merged.append(SharedFinding(finding, "control"))
    return merged + [SharedFinding(item, "view") for item in view]
