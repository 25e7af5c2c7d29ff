"""A directory at size: as many objects as asked, the same ones every time, and packed for reuse."""

from __future__ import annotations

import shutil
import subprocess
from collections import Counter, defaultdict
from pathlib import Path

import pytest

from lab import forests, packing, world
from lab.paths import LabPaths
from lab.population import DEPTH, UNIT_DN, Population

SMALL = Population(200)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> LabPaths:
    """A domain with the small population, made and not started."""
    paths = LabPaths(tmp_path_factory.mktemp("population"))
    forests.build(paths, SMALL.computers)
    return paths


def _controller(paths: LabPaths) -> Path:
    return paths.of_controller(world.R2.controller).folder


def count(paths: LabPaths, filter_text: str, base: str = UNIT_DN) -> int:
    """How many objects the domain's database holds, asked with Debian's own ldbsearch."""
    done = subprocess.run(
        ["ldbsearch", "-H", str(_controller(paths) / "private" / "sam.ldb"), "-b", base]
        + [filter_text, "dn"],
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.count("\ndn: ") + done.stdout.startswith("dn: ")


def depth_below(group: str, members: dict[str, list[str]], above: tuple[str, ...] = ()) -> int:
    """Groups on the longest path that starts here and passes none twice."""
    inside = [member for member in members[group] if member not in (*above, group)]
    return 1 + max((depth_below(member, members, (*above, group)) for member in inside), default=0)


def test_a_seed_gives_the_same_population_and_another_one_another() -> None:
    first, again, other = (list(Population(60, seed).computer_records()) for seed in (1, 1, 2))
    assert first == again
    assert first != other
    groups = [list(Population(60, seed).group_records()) for seed in (1, 1, 2)]
    assert groups[0] == groups[1]
    assert groups[0] != groups[2]


def test_names_are_unique_and_as_short_as_windows_wants_them() -> None:
    population = Population(10_000)
    computers = [str(record.values["sAMAccountName"]) for record in population.computer_records()]
    accounts = [str(record.values["sAMAccountName"]) for record in population.account_records()]
    assert len({name.lower() for name in computers + accounts}) == 12_000
    assert max(len(name) for name in computers) <= len("fifteen-letters$")
    assert max(len(name) for name in accounts) <= 20


def test_accounts_are_in_four_groups_on_average() -> None:
    population = Population(5_000)
    accounts = {record.dn for record in population.account_records()}
    held = Counter(
        member
        for record in population.group_records()
        for member in record.values.get("member", ())
        if member in accounts
    )
    assert len(held) == population.accounts
    assert 3.8 < held.total() / population.accounts < 4.2


def test_groups_are_nested_twenty_deep_and_in_loops() -> None:
    members: dict[str, list[str]] = defaultdict(list)
    for group, member in SMALL.nesting():
        members[group].append(member)
    assert max(depth_below(group, members) for group in list(members)) >= DEPTH
    assert any(group in members[member] for group in list(members) for member in members[group])


@pytest.mark.lab
def test_the_domain_holds_as_many_as_asked(built: LabPaths) -> None:
    assert count(built, "(sAMAccountType=805306369)") == 200
    assert count(built, "(sAMAccountType=805306368)") == 40
    assert count(built, "(objectClass=group)") == 50
    assert count(built, "(objectClass=*)") == SMALL.count
    nested = {member for _, member in SMALL.nesting()}
    assert count(built, "(&(objectClass=group)(memberOf=*))") == len(nested)


@pytest.mark.lab
def test_a_domain_of_another_size_is_not_the_one_asked_for(built: LabPaths) -> None:
    assert forests.is_built(built)
    assert forests.is_built(built, 200)
    assert not forests.is_built(built, 0)
    assert not forests.is_built(built, 201)


@pytest.mark.lab
def test_names_of_services_stand_for_as_many_as_before(built: LabPaths) -> None:
    configuration = f"CN=Configuration,{UNIT_DN.partition(',')[2]}"
    aliases = "(sPNMappings=host=alerter,appmgmt,*)"
    assert count(built, aliases, configuration) == 1


@pytest.mark.lab
def test_a_packed_domain_is_whole_where_it_is_unpacked(built: LabPaths, tmp_path: Path) -> None:
    file = tmp_path / "cache" / "domain.tar.zst"
    packing.pack(built, file)
    assert [path.name for path in file.parent.iterdir()] == [file.name]
    elsewhere = LabPaths(tmp_path / "elsewhere")
    elsewhere.make()
    packing.unpack(elsewhere, file)
    assert count(elsewhere, "(objectClass=*)") == SMALL.count
    assert (elsewhere.keytabs / "XP191.keytab").stat().st_mode & 0o077 == 0
    assert elsewhere.of_domain(world.R2).authority_certificate.exists()
    assert not elsewhere.filled_marker.exists()
    shutil.rmtree(elsewhere.root)


@pytest.mark.lab
def test_another_lab_within_the_folder_is_not_packed(tmp_path: Path) -> None:
    here, within = LabPaths(tmp_path / "lab"), LabPaths(tmp_path / "lab" / "populated")
    for lab in (here, within):
        lab.make()
        lab.lock.touch()
        (lab.root / "sids.json").touch()
    file = tmp_path / "domain.tar.zst"
    packing.pack(here, file)
    elsewhere = LabPaths(tmp_path / "elsewhere")
    elsewhere.make()
    packing.unpack(elsewhere, file)
    assert (elsewhere.root / "sids.json").exists()
    assert not (elsewhere.root / "populated").exists()
