"""Faults from outside while the lab's domain is read: each ends in a right picture or the old."""

from __future__ import annotations

from dataclasses import replace

import pytest

from directory import synchronisation
from directory.configuration import domain_configuration
from directory.ldap.errors import DirectoryUnavailable
from directory.models import Domain, GroupPolicy, SyncRun
from directory.names import find_computer
from directory.policies import resultant_policy
from directory.synchronisation import Progress
from directory.synchronisation.policy_rows import FILE_COLUMNS
from tests.conftest import Lab
from tests.directory.frozen_controller import freeze, thawed_at_the_end
from tests.directory.picture import differences, picture
from tests.environment import DOMAIN

pytestmark = [pytest.mark.lab, pytest.mark.django_db]


def read(kind: str = SyncRun.Kind.FULL) -> SyncRun:
    return synchronisation.run(domain_configuration(DOMAIN), kind=kind)


@pytest.fixture
def without_sysvol(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody listens where SYSVOL is asked for."""
    monkeypatch.setattr("directory.grouppolicy.sysvol.SMB_PORT", 9)


@pytest.mark.parametrize("kind", [SyncRun.Kind.FULL, SyncRun.Kind.SWEEP])
def test_a_controller_that_falls_silent_leaves_the_old_picture(
    synced_directory: Domain, kind: str
) -> None:
    before = picture()
    configuration = domain_configuration(DOMAIN)
    impatient = replace(
        configuration, connection=replace(configuration.connection, read_timeout_seconds=1)
    )
    with thawed_at_the_end() as frozen:

        def freeze_while_reading(progress: Progress) -> None:
            if progress.stage == "reading":
                freeze(frozen)

        with pytest.raises(DirectoryUnavailable) as failure:
            synchronisation.run(impatient, kind=kind, progress=freeze_while_reading)
    assert failure.value.remedy
    run = SyncRun.objects.latest()
    assert (run.state, run.error_code) == (SyncRun.State.FAILED, "directory_unavailable")
    assert differences(picture(), before) == []
    assert read().state == SyncRun.State.SUCCEEDED


@pytest.mark.usefixtures("without_sysvol")
def test_without_sysvol_what_was_read_of_policies_stays(synced_directory: Domain) -> None:
    policies = GroupPolicy.objects.filter(is_present=True)
    columns = ("guid", "version", *FILE_COLUMNS)
    before = list(policies.order_by("guid").values(*columns))
    run = read()
    assert run.problem_count == policies.count()
    assert {problem.kind for problem in run.problems.all()} == {"policies"}
    assert list(policies.order_by("guid").values(*columns)) == before
    assert resultant_policy(find_computer("XP191")).offers_allowed is True


@pytest.mark.usefixtures("without_sysvol")
def test_without_sysvol_what_changed_of_a_policys_object_is_taken_over(
    synced_directory: Domain,
) -> None:
    """Its permissions may leave computers out that it applied to before."""
    policies = GroupPolicy.objects.filter(display_name="WinnipegGPO")
    now = policies.get()
    policies.update(security_descriptor=None, is_security_filtered=True, flags=2)
    read()
    policy = policies.get()
    assert bytes(policy.security_descriptor or b"") == bytes(now.security_descriptor or b"-")
    assert (policy.is_security_filtered, policy.flags) == (now.is_security_filtered, now.flags)
    assert (policy.offers_allowed, policy.listed_helpers) == (True, now.listed_helpers)


def test_policies_never_read_are_unknown_until_sysvol_answers(
    lab_domain: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr("directory.grouppolicy.sysvol.SMB_PORT", 9)
        assert read().counts["computers"]["added"] > 10
        result = resultant_policy(find_computer("XP191"))
        assert result.offers_allowed is None
        assert "policy_unreadable" in {unknown.code for unknown in result.unknowns}
    run = read(SyncRun.Kind.INCREMENTAL)
    assert run.counts["policies"]["changed"] >= 1
    assert resultant_policy(find_computer("XP191")).offers_allowed is True
