"""A process that is killed at any moment leaves the old picture or the new one, and no trace."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from urllib.parse import quote

import pytest
from django.db import connection

from directory.models import Account, Computer, GroupPolicy, Membership, SyncRun
from tests.conftest import Lab
from tests.directory.picture import Picture, differences, picture
from tests.environment import DOMAIN, ROOT, sample_size

pytestmark = [
    pytest.mark.lab,
    pytest.mark.services,
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(
        connection.vendor != "postgresql", reason="another process cannot reach this database"
    ),
]
SEEDS = range(sample_size(3, soak=20))


def _command(*arguments: str) -> subprocess.Popen[bytes]:
    settings = connection.settings_dict
    database = (
        f"postgresql://{settings['USER']}:{quote(settings['PASSWORD'] or '')}"
        f"@{settings['HOST']}:{settings['PORT']}/{settings['NAME']}"
    )
    return subprocess.Popen(
        [sys.executable, "manage.py", "sync_directory", "--domain", DOMAIN, *arguments],
        cwd=ROOT,
        env=os.environ | {"DATABASE_URL": database},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )


def _finish(process: subprocess.Popen[bytes]) -> None:
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors.decode()


def _spoil() -> None:
    """Make the picture wrong in every way that a full run mends."""
    Computer.objects.update(operating_system="spoiled")
    Account.objects.filter(sam_account_name__contains="a").update(is_present=False)
    Membership.objects.filter(
        pk__in=list(Membership.objects.values_list("pk", flat=True)[:9])
    ).delete()
    GroupPolicy.objects.update(flags=3)


@pytest.fixture
def right(lab_domain: Lab) -> Picture:
    """The picture after a run that nobody disturbed."""
    _finish(_command("--full"))
    return picture()


@pytest.mark.parametrize("seed", SEEDS)
def test_a_killed_run_leaves_one_picture_or_the_other(right: Picture, seed: int) -> None:
    began = SyncRun.objects.latest()
    assert began.finished_at is not None
    longest = (began.finished_at - began.started_at).total_seconds()
    _spoil()
    spoiled = picture()
    last = began.pk
    process = _command("--full")
    while not SyncRun.objects.filter(pk__gt=last).exists():
        assert process.poll() is None
        time.sleep(0.005)
    moment = random.Random(seed).uniform(0, 1.2 * longest)
    time.sleep(moment)
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=30)
    found = picture()
    assert differences(found, spoiled) == [] or differences(found, right) == [], moment
    _finish(_command("--full"))
    assert differences(picture(), right) == []
    assert not SyncRun.objects.filter(state=SyncRun.State.RUNNING).exists()
