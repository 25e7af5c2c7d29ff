"""What the portal does by itself is in the trail: settings it runs with, readings of domains."""

from __future__ import annotations

import uuid
from types import SimpleNamespace
from typing import cast as typed

import pytest
from pytest_django import Settings

from assist.directory_runs import note_run
from assist.models import AuditEvent
from assist.settings_in_force import note_settings, settings_in_force
from directory import synchronisation
from directory.configuration import domain_configuration
from directory.models import HelperEntry, SyncRun
from directory.synchronisation.helper_lists import HelperListChange, changed_lists
from tests.environment import DOMAIN


@pytest.mark.django_db
class TestSettings:
    def test_they_are_recorded_once_and_again_when_one_is_another(self, settings: Settings) -> None:
        note_settings()
        note_settings()
        first = AuditEvent.objects.get(kind="settings.changed")
        settings.SERVICE_NTLM_ALLOWED = not settings.SERVICE_NTLM_ALLOWED
        note_settings()
        second = AuditEvent.objects.filter(kind="settings.changed").latest("id")
        assert second.pk != first.pk
        now = str(settings.SERVICE_NTLM_ALLOWED)
        before = first.data["settings"]["SERVICE_NTLM_ALLOWED"]
        assert second.data["changed"] == {"SERVICE_NTLM_ALLOWED": {"before": before, "now": now}}

    def test_roles_are_among_them_and_secrets_are_not(self, settings: Settings) -> None:
        settings.INVITATION_KEYS = ["a-secret-of-the-portal"]
        settings.DIRECTORY_BIND_PASSWORD = "a-secret-of-the-portal"
        settings.AUDIT_CHECKPOINT_KEY = "a-secret-of-the-portal"
        settings.AUDIT_CHECKPOINT_TOKEN = "a-secret-of-the-portal"
        settings.ROLE_GROUPS = {"manager": ["R2\\Managers"]}
        found = settings_in_force()
        assert found["ROLE_GROUPS"] == "manager: R2\\Managers"
        assert "a-secret-of-the-portal" not in str(found)


class TestHelperLists:
    def test_lines_added_and_removed_are_named_policy_by_policy(self) -> None:
        same, other, gone, new = (uuid.UUID(int=number) for number in range(4))
        before = {
            same: ("Same", frozenset({"R2\\A"})),
            other: ("Other", frozenset({"R2\\A", "R2\\B"})),
            gone: ("Gone", frozenset({"R2\\A"})),
        }
        after = {
            same: ("Same", frozenset({"R2\\A"})),
            other: ("Other", frozenset({"R2\\B", "R2\\C"})),
            new: ("New", frozenset({"R2\\D"})),
        }
        assert changed_lists(before, after) == (
            HelperListChange(gone, "Gone", (), ("R2\\A",)),
            HelperListChange(new, "New", ("R2\\D",), ()),
            HelperListChange(other, "Other", ("R2\\C",), ("R2\\A",)),
        )


@pytest.mark.django_db
def test_a_run_that_failed_is_recorded_with_its_code() -> None:
    failed = SimpleNamespace(
        pk=7,
        domain_id=None,
        domain_dns_name="r2.local",
        kind="full",
        state="failed",
        error_code="directory_unavailable",
        counts={},
        problem_count=0,
    )
    note_run(typed(SyncRun, failed), ())
    event = AuditEvent.objects.get(kind="directory.synchronised")
    assert (event.subject_name, event.data["code"]) == ("r2.local", "directory_unavailable")


@pytest.mark.lab
@pytest.mark.django_db
def test_the_first_reading_of_a_domain_names_the_lines_of_its_helper_lists(
    lab_domain: object,
) -> None:
    run = synchronisation.run(domain_configuration(DOMAIN))
    event = AuditEvent.objects.get(kind="directory.synchronised")
    assert (event.subject_name, event.data["run"], event.data["state"]) == (
        DOMAIN,
        run.pk,
        "succeeded",
    )
    assert event.data["counts"]["computers"]["added"] == run.counts["computers"]["added"]
    listed = AuditEvent.objects.filter(kind="helper_list.changed", subject_name="WinnipegGPO")
    assert listed.get().data["added"] == sorted(
        HelperEntry.objects.filter(policy__display_name="WinnipegGPO").values_list(
            "text", flat=True
        )
    )
    synchronisation.run(domain_configuration(DOMAIN))
    assert AuditEvent.objects.filter(kind="directory.synchronised").count() == 2
    assert listed.count() == 1
