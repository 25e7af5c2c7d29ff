"""The audit trail, for managers and auditors."""

from __future__ import annotations

from django.contrib import messages
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from assist import audit as trail
from assist.forms import AuditFilterForm
from assist.models import AuditEvent, AuditSeal
from assist.views.access import actor_for, for_readers_of_the_audit_trail

PAGE = 50
LONGEST_NOTED = 2000
LONGEST_CHECK = 50_000  # events: some seconds; a longer chain is for the command


@require_safe
@for_readers_of_the_audit_trail
def audit(request: HttpRequest) -> HttpResponse:
    """The events, the newest first, narrowed down by the filters."""
    kinds = sorted(AuditEvent.objects.order_by().values_list("kind", flat=True).distinct())
    form = AuditFilterForm(request.GET, kinds=kinds)
    events = AuditEvent.objects.select_related("seal").prefetch_related("personal").order_by("-id")
    if form.is_valid():
        events = _narrow(events, form.cleaned_data)
    before = request.GET.get("before", "")
    if before.isascii() and before.isdigit() and len(before) < 19:
        events = events.filter(pk__lt=int(before))
    found = list(events[: PAGE + 1])
    page = found[:PAGE]
    query = request.GET.copy()
    query["before"] = str(page[-1].pk) if page else ""
    context = {
        "form": form,
        "events": page,
        "older": query.urlencode() if len(found) > PAGE else "",
        "is_first": not before,
        "is_filtered": form.is_valid() and any(form.cleaned_data.values()),
        "last_seal": AuditSeal.objects.order_by("-position").first(),
        "unsealed": trail.unsealed_count(),
    }
    status = 200 if form.is_valid() else 422
    asked = request.GET.urlencode()[:LONGEST_NOTED]
    trail.record("audit.read", actor=actor_for(request), data={"query": asked})
    return render(request, "assist/audit.html", context, status=status)


@require_POST
@for_readers_of_the_audit_trail
def audit_verify(request: HttpRequest) -> HttpResponse:
    """Check the whole chain now and say what came out."""
    if AuditSeal.objects.count() > LONGEST_CHECK:
        messages.warning(
            request,
            "The chain is too long to check while a page waits. "
            "Run manage.py audit_verify, which shows its progress.",
        )
        return redirect("audit")
    result = trail.verify()
    if result.first_bad is None:
        messages.success(request, f"The chain holds: {result.count} events, each as sealed.")
    else:
        messages.error(
            request,
            f"{result.first_bad.place} {result.first_bad.sentence}",
        )
    trail.record(
        "audit.verified",
        actor=actor_for(request),
        data={"count": result.count, "holds": result.holds},
    )
    return redirect("audit")


def _narrow(events: QuerySet[AuditEvent], wanted: dict[str, str]) -> QuerySet[AuditEvent]:
    if wanted["kind"]:
        events = events.filter(kind=wanted["kind"])
    if wanted["person"]:
        events = events.filter(
            Q(actor_name__icontains=wanted["person"])
            | Q(subject_kind="account", subject_name__icontains=wanted["person"])
        )
    if wanted["computer"]:
        events = events.filter(subject_kind="computer", subject_name__icontains=wanted["computer"])
    if wanted["ticket"]:
        events = events.filter(ticket__icontains=wanted["ticket"])
    return events
