"""A kit that follows another takes back what the earlier one left, and nothing else."""

from __future__ import annotations

import re
import uuid
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from directory.grouppolicy.kit import Generation, KitChoice, Profile, kit_files, kit_values
from directory.grouppolicy.kit.owned import values_to_remove
from directory.grouppolicy.kit.values import REMOTE_ASSISTANCE, RULES

LEAST = KitChoice(name="Offers", control=True, helpers=(r"R2\Helpdesk Winnipeg",))
MOST = KitChoice(
    name="Offers",
    control=False,
    helpers=(r"R2\mjones", r"R2\bob"),
    profiles=frozenset(Profile),
    generations=frozenset(Generation),
    session_logging=True,
    view_message="May we look?",
    control_message="May we help?",
    event_log=True,
)
OLD = replace(LEAST, generations=frozenset({Generation.XP}))
CHOICES = [LEAST, MOST, OLD]
# They cannot be told from another's work, and open nothing or are warned of.
LEFT = re.compile(r"\\(GloballyOpenPorts|AuthorizedApplications|RemoteDesktop)$")
QUOTED = r"'((?:[^']|'')*)'"
REMOVAL = re.compile(rf"Remove-Own {QUOTED} {QUOTED} @\((.*)\)")

Registry = dict[tuple[str, str], str]


def registry_editor(registry: Registry, text: str) -> None:
    """Takes a registry file over as the registry editor does."""
    key = ""
    for line in text.splitlines()[1:]:
        if line.startswith("[-"):
            for place in [place for place in registry if place[0] == line[2:-1]]:
                del registry[place]
        elif line.startswith("["):
            key = line[1:-1]
        elif line:
            name, _, data = line.rpartition('"=') if line.endswith("=-") else line.partition('"=')
            registry.pop((key, name[1:]), None)
            if data != "-":
                registry[key, name[1:]] = data


def files_of(choice: KitChoice) -> dict[str, bytes]:
    return kit_files(choice, backup_id=uuid.UUID(int=7), now=datetime(2026, 11, 23, tzinfo=UTC))


def registry_file_of(choice: KitChoice) -> str:
    return files_of(choice)["Policy.reg"].decode("utf-16")


@pytest.mark.parametrize("before", CHOICES)
@pytest.mark.parametrize("after", CHOICES)
def test_a_registry_file_leaves_what_it_would_write_alone(
    before: KitChoice, after: KitChoice
) -> None:
    other = (rf"HKEY_LOCAL_MACHINE\{RULES}", "Ours")
    registry: Registry = {other: '"v2.10|Action=Allow|"'}
    registry_editor(registry, registry_file_of(before))
    registry_editor(registry, registry_file_of(after))
    alone: Registry = {}
    registry_editor(alone, registry_file_of(after))
    assert registry.pop(other) == '"v2.10|Action=Allow|"'
    further = {place for place in registry if place not in alone}
    assert all(LEFT.search(key) for key, _ in further)
    assert {place: registry[place] for place in alone} == alone


@pytest.mark.parametrize("before", CHOICES)
@pytest.mark.parametrize("after", CHOICES)
def test_the_script_removes_what_the_earlier_kit_wrote(before: KitChoice, after: KitChoice) -> None:
    script = files_of(after)["New-Policy.ps1"].decode("utf-8-sig")
    removed = {
        (key.removeprefix("HKLM\\"), name): re.findall(QUOTED, texts)
        for key, name, texts in REMOVAL.findall(script)
    }
    chosen = {(entry.key, entry.name) for entry in kit_values(after)}
    assert not removed.keys() & chosen
    for entry in kit_values(before):
        place = (entry.key, entry.name)
        if place in chosen or LEFT.search(entry.key) or entry.key.endswith("RAUnsolicit"):
            continue
        assert place in removed
        assert not removed[place] or entry.text in removed[place]


def test_the_script_writes_the_helper_list_anew() -> None:
    script = files_of(LEAST)["New-Policy.ps1"].decode("utf-8-sig")
    removal = re.search(r"Remove-GPRegistryValue -Name \$Name -Key '[^']*RAUnsolicit'", script)
    assert removal is not None
    assert removal.start() < script.index("-ValueName $helpers")


def test_switches_of_lists_go_only_where_the_list_is_not_chosen() -> None:
    least, most = (files_of(choice)["New-Policy.ps1"].decode("utf-8-sig") for choice in (OLD, MOST))
    assert re.findall(r"Remove-Switch '.*\\(\w+)\\(\w+)'", least) == [
        ("StandardProfile", "GloballyOpenPorts"),
        ("StandardProfile", "AuthorizedApplications"),
    ]
    assert "Remove-Switch '" not in most
    assert "Remote Desktop of DomainProfile stays" in least
    assert "Remote Desktop of" not in most


def test_an_exception_is_taken_back_only_where_it_says_what_a_kit_says() -> None:
    for value in values_to_remove(kit_values(LEAST)):
        assert bool(value.texts) is (value.key != REMOTE_ASSISTANCE)
