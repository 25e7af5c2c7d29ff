"""What the scheduler sends exists under that name, and housekeeping does its work."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.conf import settings
from django.contrib.sessions.models import Session
from django.utils import timezone

from portal.celery import app
from portal.tasks import clear_sessions


def test_every_scheduled_task_is_registered() -> None:
    app.loader.import_default_modules()
    named = {entry["task"] for entry in settings.CELERY_BEAT_SCHEDULE.values()}
    assert named | set(settings.CELERY_TASK_ROUTES) <= set(app.tasks)


@pytest.mark.django_db
def test_sessions_that_ran_out_are_removed_and_others_stay() -> None:
    now = timezone.now()
    Session.objects.create(session_key="old", session_data="", expire_date=now - timedelta(days=1))
    Session.objects.create(session_key="new", session_data="", expire_date=now + timedelta(days=1))
    clear_sessions()
    assert [session.session_key for session in Session.objects.all()] == ["new"]
