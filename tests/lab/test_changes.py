"""Random changes: of every kind, the same by the same seed, and none to the lab's story."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from lab import changes, forests, world
from lab.errors import LabError
from lab.paths import LabPaths

pytestmark = pytest.mark.lab

COUNT = 500
# What a synchronisation has to follow; the script may know more.
KINDS = {
    *("create computer", "delete computer", "rename computer", "move computer"),
    *("create account", "delete account", "rename account", "move account"),
    *("create group", "delete group", "rename group", "move group"),
    *("change computer", "clear computer", "switch computer", "change services"),
    *("change account", "clear account", "switch account", "change expiry", "change lockout"),
    *("create computer again", "create account again", "change sid history", "change manager"),
    *("restore computer", "restore account", "restore group"),
    *("add account to group", "add computer to group", "nest group", "close loop"),
    *("add foreign member", "remove member", "replace members", "change primary group"),
    *("change scope", "switch security", "create unit", "rename unit", "move unit", "delete unit"),
    *("change unit links", "switch inheritance", "change policy flags", "edit policy"),
    *("create policy", "delete policy", "filter policy", "change policy wmi filter"),
    *("create site", "rename site", "delete site", "create subnet", "change subnet"),
    *("delete subnet", "create site link", "change site link", "delete site link"),
    *("create dns node", "change dns node", "give up dns node", "delete dns node"),
    *("create trust", "change trust", "delete trust"),
}


@pytest.fixture(scope="module")
def lab_paths(tmp_path_factory: pytest.TempPathFactory) -> LabPaths:
    """A domain of 200 computers beside those of the story, made and not started."""
    paths = LabPaths(tmp_path_factory.mktemp("changes"))
    forests.build(paths, 200)
    return paths


@pytest.fixture
def domain(lab_paths: LabPaths) -> LabPaths:
    """The same domain for every test, whatever the one before did to it."""
    kept = lab_paths.root / "kept"
    if kept.exists():
        shutil.rmtree(_controller(lab_paths))
        shutil.copytree(kept, _controller(lab_paths))
    else:
        shutil.copytree(_controller(lab_paths), kept)
    return lab_paths


def _controller(paths: LabPaths) -> Path:
    return paths.of_controller(world.R2.controller).folder


def story(paths: LabPaths) -> str:
    """Everything about the people, groups, units and computers that the lab's tests know."""
    names = {person.display_name for person in world.PEOPLE}
    names |= {each.name for each in (*world.GROUPS, *world.UNITS, *world.COMPUTERS)}
    done = subprocess.run(
        ["ldbsearch", "-H", str(_controller(paths) / "private" / "sam.ldb"), "-S"]
        + ["-b", world.BASE_DN, f"(|{''.join(f'(name={name})' for name in sorted(names))})"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.count("objectGUID: ") >= len(names)
    return done.stdout


def test_a_run_makes_changes_of_every_kind(domain: LabPaths) -> None:
    made = changes.make(domain, seed=1, count=COUNT)
    assert sum(made.counts.values()) == len(made.lines) == COUNT
    assert set(made.counts) >= KINDS
    assert max(made.counts.values()) - min(made.counts.values()) <= 1


def test_the_same_seed_makes_the_same_changes_and_another_one_others(domain: LabPaths) -> None:
    first = changes.make(domain, seed=2, count=150)
    shutil.rmtree(_controller(domain))
    shutil.copytree(domain.root / "kept", _controller(domain))
    assert changes.make(domain, seed=2, count=150).lines == first.lines
    shutil.rmtree(_controller(domain))
    shutil.copytree(domain.root / "kept", _controller(domain))
    assert changes.make(domain, seed=3, count=150).plan != first.plan


def test_changes_go_on_from_what_earlier_ones_left(domain: LabPaths) -> None:
    for seed in range(4, 7):
        assert sum(changes.make(domain, seed=seed, count=200).counts.values()) == 200


def test_the_story_of_the_lab_stays_as_it_is(domain: LabPaths) -> None:
    before = story(domain)
    changes.make(domain, seed=7, count=COUNT)
    assert story(domain) == before


def test_a_lab_without_a_population_says_what_is_missing(domain: LabPaths, tmp_path: Path) -> None:
    del domain
    paths = LabPaths(tmp_path)
    forests.build(paths)
    with pytest.raises(LabError, match="--objects"):
        changes.make(paths, seed=1, count=1)
