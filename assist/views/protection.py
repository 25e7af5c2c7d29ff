"""The rules for protected computers and the alerts about offers, for operators."""

from __future__ import annotations

from dataclasses import asdict

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from assist.alerts import alert_see, sentence_of, unseen_alerts
from assist.forms import ProtectionForm, show_error
from assist.models import OfferAlert, ProtectionRule
from assist.protection import choice_of, protection_delete, protection_save
from assist.views.access import actor_for, for_operators
from directory.errors import PortalError

SEEN = 20


@require_safe
@for_operators
def protection(request: HttpRequest) -> HttpResponse:
    """The rules, and the alerts."""
    seen = OfferAlert.objects.exclude(seen_at=None)[:SEEN]
    context = {
        "rules": ProtectionRule.objects.all(),
        "offer_alerts": [(alert, sentence_of(alert)) for alert in unseen_alerts()],
        "seen_alerts": [(alert, sentence_of(alert)) for alert in seen],
        "shows_offer_alerts": True,
    }
    return render(request, "assist/protection.html", context)


@for_operators
@require_http_methods(["GET", "HEAD", "POST"])
def protection_rule(request: HttpRequest, rule_id: int | None = None) -> HttpResponse:
    """A rule's form; sent, the rule as it is from then on."""
    rule = get_object_or_404(ProtectionRule, pk=rule_id) if rule_id else None
    initial = asdict(choice_of(rule)) if rule else {}
    form = ProtectionForm(request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            saved = protection_save(
                actor=actor_for(request), choice=form.choice(), rule=rule, now=timezone.now()
            )
        except PortalError as error:
            show_error(form, error)
        else:
            messages.success(request, f"The rule {saved.name} is saved.")
            return redirect("protection")
    status = 422 if form.is_bound and form.errors else 200
    context = {"form": form, "rule": rule}
    return render(request, "assist/protection_rule.html", context, status=status)


@require_POST
@for_operators
def protection_deleted(request: HttpRequest, rule_id: int) -> HttpResponse:
    """Take a rule away."""
    rule = get_object_or_404(ProtectionRule, pk=rule_id)
    protection_delete(actor=actor_for(request), rule=rule)
    messages.success(request, f"The rule {rule.name} is gone.")
    return redirect("protection")


@require_POST
@for_operators
def alert_seen(request: HttpRequest, alert_id: int) -> HttpResponse:
    """Say that an alert was looked at."""
    alert_see(actor=actor_for(request), alert=get_object_or_404(OfferAlert, pk=alert_id))
    return redirect("protection")
