"""How somebody likes to work."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from assist.forms import PreferencesForm
from assist.views.access import actor_for
from assist.views.offers import remember_viewer


@require_http_methods(["GET", "HEAD", "POST"])
def preferences(request: HttpRequest) -> HttpResponse:
    """The viewer; the colours are the browser's own matter."""
    roles = sorted(actor_for(request).roles)
    viewer = getattr(request.user, "viewer", "windows")
    form = PreferencesForm(request.POST or None, initial={"viewer": viewer})
    if request.method == "POST" and form.is_valid():
        remember_viewer(request, form.cleaned_data["viewer"])
        messages.success(request, "Saved.")
        return redirect("preferences")
    status = 422 if request.method == "POST" else 200
    context = {"form": form, "roles": roles}
    return render(request, "assist/preferences.html", context, status=status)
