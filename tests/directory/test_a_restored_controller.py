"""A domain controller that comes back from a backup tells of another history."""

from __future__ import annotations

import subprocess
import sys

import pytest

from directory import synchronisation
from directory.configuration import domain_configuration
from directory.models import Account, SyncRun
from tests.conftest import Lab
from tests.directory.administrator import administrator
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


def test_everything_is_read_after_a_controller_was_restored(lab_domain: Lab) -> None:
    read(SyncRun.Kind.FULL)
    with administrator(lab_domain.env["DIRECTORY_CA_FILE"]) as admin:
        admin.add_account("f-after-the-backup")
        read(SyncRun.Kind.INCREMENTAL)
        assert Account.objects.filter(sam_account_name="f-after-the-backup").exists()
        subprocess.run(
            [sys.executable, "-m", "lab", "replace", "dc1"], cwd=ROOT, check=True, timeout=120
        )
    run = read(SyncRun.Kind.INCREMENTAL)
    assert run.kind == SyncRun.Kind.FULL
    assert "restored from a backup" in run.reason
    assert not Account.objects.get(sam_account_name="f-after-the-backup").is_present
    found = picture()
    assert read(SyncRun.Kind.FULL).kind == SyncRun.Kind.FULL
    assert differences(found, picture()) == []
    assert read(SyncRun.Kind.INCREMENTAL).kind == SyncRun.Kind.INCREMENTAL
