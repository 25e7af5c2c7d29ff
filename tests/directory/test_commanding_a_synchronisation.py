"""The synchronisation from the command line and from Celery."""

from __future__ import annotations

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from directory.models import SyncRun
from directory.tasks import sync_directory
from lab import world as lab_world
from portal.celery import app
from tests.environment import DOMAIN

pytestmark = [pytest.mark.lab, pytest.mark.django_db]


def test_the_command_ends_with_counts_and_one_line_of_json(lab_domain: object) -> None:
    out = StringIO()
    call_command("sync_directory", "--full", "--json", stdout=out)
    lines = out.getvalue().strip().splitlines()
    result = json.loads(lines[-1])
    assert result["state"] == "succeeded"
    assert result["counts"]["accounts"]["read"] >= len(lab_world.PEOPLE)
    assert any(line.startswith("computers") for line in lines)


def test_the_command_draws_a_bar_on_a_terminal(lab_domain: object) -> None:
    class Terminal(StringIO):
        def isatty(self) -> bool:
            return True

    out = Terminal()
    call_command("sync_directory", stdout=out)
    assert "100%" in out.getvalue()
    assert "objects" in out.getvalue()


def test_the_command_tells_a_failure_in_json_and_fails(
    lab_domain: object, settings: Settings
) -> None:
    settings.DIRECTORY_BIND_PASSWORD = "wrong"
    out = StringIO()
    with pytest.raises(CommandError):
        call_command("sync_directory", "--json", stdout=out)
    result = json.loads(out.getvalue().strip().splitlines()[-1])
    assert (result["state"], result["code"]) == ("failed", "credentials_refused")


def test_the_command_knows_only_configured_domains() -> None:
    with pytest.raises(CommandError):
        call_command("sync_directory", "--domain", "elsewhere.test")


def test_the_task_does_the_same(lab_domain: object) -> None:
    assert app.tasks["directory.sync_directory"].name == sync_directory.name
    sync_directory.apply((DOMAIN,), throw=True)
    assert SyncRun.objects.latest().state == SyncRun.State.SUCCEEDED
