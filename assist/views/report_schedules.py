"""Reports by e-mail: to whom, and how often."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from assist.forms import ReportScheduleForm, show_error
from assist.models import ReportSchedule
from assist.reports.schedules import require_scheduler, schedule_end, schedule_make
from assist.views.access import actor_for
from assist.views.report_frame import frame
from directory.errors import PortalError


@require_http_methods(["GET", "HEAD", "POST"])
def report_schedules(request: HttpRequest) -> HttpResponse:
    """Who gets overviews, and a form for one more."""
    actor = actor_for(request)
    require_scheduler(actor)
    form = ReportScheduleForm(request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        try:
            schedule_make(actor=actor, now=timezone.now(), **form.cleaned_data)
        except PortalError as error:
            show_error(form, error)
        else:
            return redirect("report-schedules")
    context = {
        **frame(request, "report-schedules", "By e-mail"),
        "form": form,
        "schedules": ReportSchedule.objects.all(),
        "is_configured": bool(settings.EMAIL_HOST),
        "hour": settings.REPORT_MAIL_HOUR,
    }
    status = 422 if form.errors else 200
    return render(request, "assist/reports/schedules.html", context, status=status)


@require_POST
def report_schedule_ended(request: HttpRequest, schedule_id: int) -> HttpResponse:
    """Send it no more."""
    schedule_end(actor=actor_for(request), schedule_id=schedule_id, now=timezone.now())
    return redirect("report-schedules")
