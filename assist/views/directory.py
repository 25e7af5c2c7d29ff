"""The picture of the directory, for operators: its domains, its runs, its objects."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.db import transaction
from django.db.models import Count, Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from assist import audit as trail
from assist import enqueue
from assist.doctor import examine_accounts
from assist.views.access import actor_for, for_operators
from directory.alerts import Alert, alerts
from directory.browsing import (
    Found,
    columns_of,
    find_object,
    read_live,
    search_objects,
)
from directory.configuration import UnknownDomain, configured_domains, domain_configuration
from directory.errors import PortalError
from directory.membership import membership_path
from directory.models import (
    Account,
    Computer,
    Domain,
    Group,
    GroupPolicy,
    ReplicationCursor,
    SyncRun,
)

RUNS = 50
MEMBERS = 200


@dataclass(frozen=True)
class DomainState:
    """A configured domain on the directory page."""

    dns_name: str
    domain: Domain | None
    running: SyncRun | None
    controller: str
    counts: dict[str, int]

    @property
    def rate(self) -> int:
        """Objects a second in the run that goes on; 0 before it can be told."""
        if self.running is None:
            return 0
        seconds = (self.running.heartbeat_at - self.running.started_at).total_seconds()
        return round(self.running.objects_done / seconds) if seconds >= 1 else 0

    @property
    def seconds_left(self) -> int | None:
        """Until the run that goes on ends, by its per cent; None before it can be told."""
        run = self.running
        if run is None or not 5 <= run.progress < 100:
            return None
        seconds = (run.heartbeat_at - run.started_at).total_seconds()
        return round(seconds * (100 - run.progress) / run.progress)


@require_safe
@for_operators
def directory(request: HttpRequest) -> HttpResponse:
    """The domains, what goes on, the last runs, and what is wrong."""
    context = {
        "domains": _domains(),
        "runs": SyncRun.objects.all()[:RUNS],
        "alerts": _alerts(),
        "shows_alerts": True,
        "accounts": examine_accounts(asks_controller=False),
    }
    return render(request, "assist/directory.html", context)


@require_safe
@for_operators
def directory_live(request: HttpRequest) -> HttpResponse:
    """The domains alone, for the page that is open."""
    return render(request, "assist/_directory_domains.html", {"domains": _domains()})


@require_safe
@for_operators
def directory_run(request: HttpRequest, run_id: int) -> HttpResponse:
    """One run: what it did, how long each part took, what it could not take over."""
    run = get_object_or_404(SyncRun, pk=run_id)
    context = {"run": run, "problems": run.problems.all()[:1000]}
    return render(request, "assist/directory_run.html", context)


@require_POST
@for_operators
def directory_read(request: HttpRequest) -> HttpResponse:
    """Have a worker read a domain now."""
    try:
        domain = domain_configuration(request.POST.get("domain", "")).dns_name
    except UnknownDomain as error:
        raise Http404 from error
    kind = request.POST.get("kind", "")
    if kind not in SyncRun.Kind.values:
        raise Http404
    accept = request.POST.get("accept_removals") == "yes"
    with transaction.atomic():
        trail.record(
            "directory.removals_accepted" if accept else "directory.read_requested",
            actor=actor_for(request),
            subject_kind="domain",
            subject_name=domain,
            data={"kind": kind},
        )
        enqueue.read_directory(domain, kind, accept_removals=accept)
    messages.success(request, f"{domain} will be read in a moment.")
    return redirect("directory")


@require_safe
@for_operators
def directory_search(request: HttpRequest) -> HttpResponse:
    """Objects of every kind."""
    text = request.GET.get("q", "")[:300]
    context = {"text": text, "found": search_objects(text)}
    return render(request, "assist/directory_search.html", context)


@require_safe
@for_operators
def directory_object(request: HttpRequest, guid: uuid.UUID) -> HttpResponse:
    """An object of the picture."""
    return render(request, "assist/directory_object.html", _about(_found(guid)))


@require_POST
@for_operators
def directory_object_live(request: HttpRequest, guid: uuid.UUID) -> HttpResponse:
    """The same object as a domain controller has it now; the look is recorded."""
    found = _found(guid)
    trail.record(
        "directory.object_read",
        actor=actor_for(request),
        subject_kind=found.kind,
        subject_id=str(guid),
        subject_name=found.name,
    )
    context = _about(found)
    try:
        context["live"] = read_live(found)
        context["read_at"] = timezone.now()
    except PortalError as error:
        context["live_error"] = error
    return render(request, "assist/directory_object.html", context)


@require_safe
@for_operators
def directory_path(request: HttpRequest) -> HttpResponse:
    """The way by which one object is in a group."""
    member_name, group_name = request.GET.get("member", ""), request.GET.get("group", "")
    context: dict[str, Any] = {"member_name": member_name, "group_name": group_name}
    if member_name and group_name:
        members = _named(member_name, Account, Computer, Group)
        groups = _named(group_name, Group)
        context |= {"members": members, "groups": groups, "is_asked": True}
        if len(members) == 1 and len(groups) == 1:
            member, group = members[0].item, groups[0].item
            context["path"] = membership_path(member, group)
            if context["path"] is None:
                context["mail_path"] = membership_path(member, group, through_distribution=True)
    return render(request, "assist/directory_path.html", context)


def _alerts() -> list[Alert]:
    return alerts(timezone.now())


def _domains() -> list[DomainState]:
    domains = {domain.dns_name_folded: domain for domain in Domain.objects.filter(is_present=True)}
    running = {
        run.domain_dns_name: run for run in SyncRun.objects.filter(state=SyncRun.State.RUNNING)
    }
    controllers = dict(ReplicationCursor.objects.values_list("domain_id", "controller"))
    counts = {
        name: dict(
            model._default_manager.filter(is_present=True)
            .order_by()
            .values_list("domain_id")
            .annotate(number=Count("pk"))
        )
        for name, model in (
            ("computers", Computer),
            ("accounts", Account),
            ("groups", Group),
            ("policies", GroupPolicy),
        )
    }
    try:
        names = [configuration.dns_name for configuration in configured_domains()]
    except PortalError:
        names = sorted(domains)
    found = []
    for name in names:
        domain = domains.get(name)
        found.append(
            DomainState(
                dns_name=name,
                domain=domain,
                running=running.get(name),
                controller=controllers.get(domain.pk, "") if domain else "",
                counts={
                    kind: numbers.get(domain.pk, 0) if domain else 0
                    for kind, numbers in counts.items()
                },
            )
        )
    return found


def _found(guid: uuid.UUID) -> Found:
    found = find_object(guid)
    if found is None:
        raise Http404
    return found


def _about(found: Found) -> dict[str, Any]:
    context: dict[str, Any] = {"found": found, "columns": list(columns_of(found))}
    context["run"] = SyncRun.objects.filter(pk=found.item.recorded_run).first()
    if isinstance(found.item, Group):
        edges = found.item.memberships.all()
        context["member_count"] = edges.count()
        context["members"] = _holders(edges[:MEMBERS])
    if isinstance(found.item, Account | Computer | Group):
        direct = Q(memberships__member_sid=found.item.sid)
        if not isinstance(found.item, Group):
            direct |= Q(sid=found.item.primary_group_sid)
        context["groups"] = (
            Group.objects.filter(direct, is_present=True).select_related("domain").distinct()
        )
    return context


def _holders(edges: Any) -> list[tuple[str, Found | None]]:
    """The members behind some edges: the SID and the object, where one is known."""
    sids = [edge.member_sid for edge in edges]
    objects: dict[str, Found] = {}
    for kind, model in (("account", Account), ("computer", Computer), ("group", Group)):
        for item in model._default_manager.filter(sid__in=sids, is_present=True).select_related(
            "domain"
        ):
            objects[item.sid] = Found(kind, item)
    return [(sid, objects.get(sid)) for sid in sids]


def _named(text: str, *models: type[Account] | type[Computer] | type[Group]) -> list[Found]:
    """Objects of some kinds whose name, SID or GUID is the text."""
    return [
        found
        for found in search_objects(text)
        if isinstance(found.item, models)
        and found.item.is_present
        and text.strip().lower()
        in (
            found.name.lower(),
            found.item.sam_account_name.lower(),
            found.item.sam_account_name.lower().removesuffix("$"),
            found.item.sid.lower(),
            str(found.item.pk),
        )
    ]
