"""The permissions of computers are read while a trust asks for selective authentication."""

from __future__ import annotations

import pytest

from directory import synchronisation
from directory.configuration import domain_configuration
from directory.models import Computer, Domain, SyncRun
from lab import changes
from lab.paths import LabPaths
from tests.conftest import Lab
from tests.directory.picture import differences, picture
from tests.environment import DOMAIN, LAB_OBJECTS

pytestmark = [
    pytest.mark.lab,
    pytest.mark.populated,
    pytest.mark.django_db,
    pytest.mark.skipif(not LAB_OBJECTS, reason="needs LAB_OBJECTS"),
]


def read(kind: str = SyncRun.Kind.INCREMENTAL) -> None:
    run = synchronisation.run(domain_configuration(DOMAIN), kind=kind, accept_removals=True)
    assert run.kind == kind, run.reason


def change_until(paths: LabPaths, *, selective: bool, seed: int) -> None:
    """Random changes, trusts among them, until one is selective, or none is; each followed."""
    for number in range(30):
        changes.make(paths, seed=seed + number, count=80)
        read()
        if Domain.objects.get().reads_permissions == selective:
            return
    pytest.fail(f"No trust became {'' if selective else 'un'}selective.")


def unread() -> int:
    """How many computers there are whose permissions are not in the picture."""
    present = Computer.objects.filter(is_present=True)
    return present.filter(allowed_to_authenticate__isnull=True).count()


def test_permissions_come_and_go_with_selective_authentication(lab_domain: Lab) -> None:
    paths = LabPaths(lab_domain.directory)
    read(SyncRun.Kind.FULL)
    change_until(paths, selective=False, seed=4_000)
    assert unread() == Computer.objects.filter(is_present=True).count() > 0
    change_until(paths, selective=True, seed=5_000)
    assert unread() == 0
    followed = picture()
    read(SyncRun.Kind.FULL)
    assert differences(followed, picture()) == []
