"""Following changes step by step and reading everything at once give the same picture.

Hundreds of random changes of every kind are made in the directory between incremental runs; then
everything is forgotten, read in full, and compared in every column.
"""

from __future__ import annotations

import random
import uuid

import pytest
from django.apps import apps

from directory import synchronisation
from directory.configuration import domain_configuration
from directory.models import ReplicationCursor, SyncRun
from lab import changes
from lab.paths import LabPaths
from tests.conftest import Lab
from tests.directory.picture import Picture, differences, picture
from tests.environment import DOMAIN, LAB_OBJECTS, sample_size

pytestmark = [
    pytest.mark.lab,
    pytest.mark.populated,
    pytest.mark.django_db,
    pytest.mark.skipif(not LAB_OBJECTS, reason="needs LAB_OBJECTS"),
]
SEEDS = range(sample_size(2, soak=20))
CHANGES = 500
LARGEST_ROUND = 120


def read(kind: str) -> SyncRun:
    run = synchronisation.run(domain_configuration(DOMAIN), kind=kind, accept_removals=True)
    assert run.kind == kind, run.reason
    return run


def forget_everything() -> None:
    for model in reversed(list(apps.get_app_config("directory").get_models())):
        if model is not SyncRun:
            model._default_manager.all().delete()


@pytest.mark.parametrize("seed", SEEDS)
def test_followed_and_read_at_once(lab_domain: Lab, seed: int) -> None:
    paths = LabPaths(lab_domain.directory)
    chance = random.Random(seed)
    read(SyncRun.Kind.FULL)
    made: list[str] = []
    while len(made) < CHANGES:
        count = min(chance.randint(1, LARGEST_ROUND), CHANGES - len(made))
        made += changes.make(paths, seed=chance.randrange(2**31), count=count).lines
        if seed % 2:  # as with an account that DirSync is refused to
            ReplicationCursor.objects.update(cookie=None)
        read(SyncRun.Kind.INCREMENTAL)
    followed = picture()
    read(SyncRun.Kind.SWEEP)
    swept = picture()
    forget_everything()
    read(SyncRun.Kind.FULL)
    right = picture()
    require_equal(swept, right, ["(swept)", *made])
    # Nobody is told of files that change without their policy; the sweep above found them.
    ahead = {
        guid
        for guid, policy in right["GroupPolicy"].items()
        if policy["file_version"] != policy["version"]
    }
    require_equal(without_policies(followed, ahead), without_policies(right, ahead), made)


def require_equal(one: Picture, other: Picture, made: list[str]) -> None:
    found = differences(one, other)
    assert found == [], "\n".join([*found, "after:", *made])


def without_policies(whole: Picture, guids: set[uuid.UUID]) -> Picture:
    """A picture without some policies and their helper lists."""
    texts = {str(guid) for guid in guids}
    kept = dict(whole)
    for kind in ("GroupPolicy", "HelperEntry"):
        kept[kind] = {
            key: values
            for key, values in whole[kind].items()
            if str(key[0] if isinstance(key, tuple) else key) not in texts
        }
    return kept
