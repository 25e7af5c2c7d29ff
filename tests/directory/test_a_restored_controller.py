"""A domain controller that comes back from a backup tells of another history."""

from __future__ import annotations

import subprocess
import sys

import pytest
from pytest_django import Settings

from directory import synchronisation
from directory.configuration import domain_configuration
from directory.models import OrganizationalUnit, SyncRun
from tests.directory.picture import differences, picture
from tests.environment import DOMAIN, LAB_OBJECTS, ROOT

pytestmark = [
    pytest.mark.lab,
    pytest.mark.populated,
    pytest.mark.django_db,
    pytest.mark.skipif(not LAB_OBJECTS, reason="needs LAB_OBJECTS"),
]


def read(kind: str) -> SyncRun:
    return synchronisation.run(domain_configuration(DOMAIN), kind=kind)


def lab(*arguments: str) -> None:
    subprocess.run([sys.executable, "-m", "lab", *arguments], cwd=ROOT, check=True, timeout=300)


def made_by_changes() -> list[str]:
    """The organizational units that random changes made, as the picture has them now."""
    units = OrganizationalUnit.objects.filter(is_present=True, name__startswith="chg")
    return list(units.values_list("name", flat=True))


@pytest.mark.usefixtures("lab_domain")
def test_everything_is_read_after_a_controller_was_restored(settings: Settings) -> None:
    settings.DIRECTORY_REMOVAL_LIMIT_PERCENT = 100  # of what other tests made before
    read(SyncRun.Kind.FULL)
    lab("change", "--seed", "77", "--count", "60")
    assert read(SyncRun.Kind.INCREMENTAL).kind == SyncRun.Kind.INCREMENTAL
    assert made_by_changes()
    lab("replace", "dc1")
    run = read(SyncRun.Kind.INCREMENTAL)
    assert run.kind == SyncRun.Kind.FULL
    assert "restored from a backup" in run.reason
    assert made_by_changes() == []
    found = picture()
    assert read(SyncRun.Kind.FULL).kind == SyncRun.Kind.FULL
    assert differences(found, picture()) == []
    assert read(SyncRun.Kind.INCREMENTAL).kind == SyncRun.Kind.INCREMENTAL
