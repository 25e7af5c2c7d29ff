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


def test_a_lost_worker_loses_no_task_and_keeps_none_from_others() -> None:
    assert app.conf.task_acks_late
    assert app.conf.task_reject_on_worker_lost
    assert app.conf.worker_prefetch_multiplier == 1


@pytest.mark.parametrize(
    ("task", "queue"),
    [
        ("assist.contact_novice", "offers"),
        ("assist.sweep_offers", "timers"),
        ("assist.seal_audit_events", "timers"),
        ("assist.sweep_readiness", "background"),
        ("directory.sync_directory", "background"),
    ],
)
def test_what_a_person_or_a_clock_waits_for_stands_behind_no_sweep(task: str, queue: str) -> None:
    assert app.amqp.router.route({}, task)["queue"].name == queue


@pytest.mark.django_db
def test_sessions_that_ran_out_are_removed_and_others_stay() -> None:
    now = timezone.now()
    Session.objects.create(session_key="old", session_data="", expire_date=now - timedelta(days=1))
    Session.objects.create(session_key="new", session_data="", expire_date=now + timedelta(days=1))
    clear_sessions()
    assert [session.session_key for session in Session.objects.all()] == ["new"]
