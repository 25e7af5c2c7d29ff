"""The kit's files say what was chosen, to our readers and to Samba's."""

from __future__ import annotations

import subprocess
import uuid
import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from directory.grouppolicy.firewall import offer_verdict, read_firewall
from directory.grouppolicy.kit import (
    Generation,
    KitChoice,
    Profile,
    UnsuitableChoice,
    differences,
    kit_files,
    kit_values,
)
from directory.grouppolicy.kit.script import quoted
from directory.grouppolicy.registry_pol import parse_registry_policy, write_registry_policy
from directory.grouppolicy.remote_assistance import read_remote_assistance
from tests.directory.firewall_entries import SERVER_2003, WINDOWS_10, XP, merged

GROUP = r"R2\Helpdesk Winnipeg"
CHOICE = KitChoice(name="Offers", control=True, helpers=(GROUP,))
EVERYTHING = KitChoice(
    name="Offers & <all>",
    control=False,
    helpers=(GROUP, r"R2\mjones"),
    profiles=frozenset(Profile),
    generations=frozenset(Generation),
    session_logging=True,
    view_message='May "we" look?',
    control_message=r"C:\ is yours",
    event_log=True,
)
NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
DEBIAN_PYTHON = "/usr/bin/python3"  # has python3-samba
REPACK = """
import sys
from samba.dcerpc import preg
from samba.ndr import ndr_pack, ndr_unpack
sys.stdout.buffer.write(ndr_pack(ndr_unpack(preg.file, sys.stdin.buffer.read())))
"""


def files_of(choice: KitChoice) -> dict[str, bytes]:
    return kit_files(choice, backup_id=uuid.UUID(int=7), now=NOW)


@pytest.mark.parametrize("choice", [CHOICE, EVERYTHING])
def test_samba_reads_the_policy_and_writes_it_byte_for_byte(choice: KitChoice) -> None:
    policy = files_of(choice)["Registry.pol"]
    done = subprocess.run(
        [DEBIAN_PYTHON, "-c", REPACK], input=policy, capture_output=True, check=True
    )
    assert done.stdout == policy


def test_it_is_read_back_as_chosen() -> None:
    entries = parse_registry_policy(files_of(EVERYTHING)["Registry.pol"])
    assert entries == kit_values(EVERYTHING)
    said = read_remote_assistance(entries)
    assert (said.offers_allowed, said.control_allowed) == (True, False)
    assert [helper.data for helper in said.helpers] == list(EVERYTHING.helpers)
    assert said.replaces_helpers
    assert said.other == {
        "LoggingEnabled": 1,
        "UseCustomMessages": 1,
        "ShareControlMessage": EVERYTHING.control_message,
        "ViewMessage": EVERYTHING.view_message,
    }


@pytest.mark.parametrize(
    ("generation", "windows"),
    [
        (Generation.XP, XP),
        (Generation.SERVER_2003, SERVER_2003),
        (Generation.VISTA, WINDOWS_10),
    ],
)
def test_offers_get_through_the_firewall(generation: Generation, windows: object) -> None:
    choice = replace(CHOICE, generations=frozenset({generation}), profiles=frozenset(Profile))
    verdict = offer_verdict(merged(*kit_values(choice)), windows)
    assert (verdict.missing, verdict.blocking) == ((), ())


def test_a_windows_that_was_not_chosen_gets_no_exceptions() -> None:
    firewall = read_firewall(kit_values(CHOICE))
    assert {value.key for value in firewall.values} == {"firewallrules"}


def test_no_rule_lets_anything_in_on_public_networks() -> None:
    rules = [value.text for value in kit_values(EVERYTHING) if value.key.endswith("FirewallRules")]
    assert len(rules) == 5
    for rule in rules:
        assert rule is not None
        assert "|Profile=Domain|Profile=Private|" in rule
        assert "Public" not in rule
    assert "Public" not in files_of(EVERYTHING)["README.md"].decode()


def test_the_backup_names_its_files() -> None:
    files = files_of(EVERYTHING)
    folder = "backup/{00000000-0000-0000-0000-000000000007}"
    assert files[f"{folder}/DomainSysvol/GPO/Machine/registry.pol"] == files["Registry.pol"]
    spaces = {"m": "http://www.microsoft.com/GroupPolicy/GPOOperations/Manifest"}
    manifest = ElementTree.fromstring(files["backup/manifest.xml"])
    assert manifest.findtext("m:BackupInst/m:ID", namespaces=spaces) == folder[7:]
    assert manifest.findtext("m:BackupInst/m:GPODisplayName", namespaces=spaces) == "Offers & <all>"
    information = ElementTree.fromstring(files[f"{folder}/bkupInfo.xml"])
    policy = information.findtext("m:GPOGuid", namespaces=spaces)
    operations = "{http://www.microsoft.com/GroupPolicy/GPOOperations}"
    scheme = ElementTree.fromstring(files[f"{folder}/Backup.xml"])
    assert scheme.findtext(f".//{operations}ID") == policy
    (file,) = scheme.iter(f"{operations}FSObjectFile")
    location = file.attrib[f"{operations}Location"].replace("\\", "/")
    assert f"{folder}/{location}" in files


@pytest.mark.parametrize(
    ("generation", "tools"),
    [
        (Generation.XP, "{0F6B957D-509E-11D1-A7CC-0000F87571E3}"),
        (
            Generation.VISTA,
            "{0F6B957D-509E-11D1-A7CC-0000F87571E3}{B05566AC-FE9C-4368-BE01-7A4CBB6CBA11}",
        ),
    ],
)
def test_the_backup_names_the_extension_and_the_tools_of_its_values(
    generation: Generation, tools: str
) -> None:
    files = files_of(replace(CHOICE, generations=frozenset({generation})))
    scheme = files["backup/{00000000-0000-0000-0000-000000000007}/Backup.xml"].decode()
    guids = f"[{{35378EAC-683F-11D2-A89A-00C04FBBCFA2}}{tools}]"
    assert f"<MachineExtensionGuids>{guids}</MachineExtensionGuids>" in scheme
    assert "<MachineVersionNumber>65537</MachineVersionNumber>" in scheme


def test_the_folder_for_sysvol_has_the_version_of_the_computer_half() -> None:
    files = files_of(CHOICE)
    assert files["sysvol/GPT.INI"] == b"[General]\r\nVersion=1\r\n"
    assert files["sysvol/Machine/Registry.pol"] == files["Registry.pol"]


def test_the_registry_file_clears_the_list_before_it_fills_it() -> None:
    text = files_of(EVERYTHING)["Policy.reg"].decode("utf-16")
    key = r"HKEY_LOCAL_MACHINE\Software\Policies\Microsoft\Windows NT\Terminal Services\RAUnsolicit"
    assert text.index(f"[-{key}]") < text.index(f"[{key}]")
    assert r'"R2\\mjones"="R2\\mjones"' in text
    assert r'"ViewMessage"="May \"we\" look?"' in text
    assert '"fAllowUnsolicitedFullControl"=dword:00000000' in text


@given(st.text(max_size=60))
def test_no_name_leaves_its_quotes_in_the_script(text: str) -> None:
    """As PowerShell reads it: a quote of any kind, doubled, is one; a single one ends the text."""
    inner = quoted(text)[1:-1]
    quotes = "'\u2018\u2019\u201a\u201b"
    read, position = "", 0
    while position < len(inner):
        character = inner[position]
        if character in quotes:
            assert inner[position + 1 : position + 2] == character
            position += 1
        read += character
        position += 1
    assert read == text


@pytest.mark.parametrize("choice", [CHOICE, EVERYTHING])
def test_the_steps_name_all_of_it(choice: KitChoice) -> None:
    text = files_of(choice)["README.md"].decode()
    for helper in choice.helpers:
        assert helper in text
    assert ("remotely control" in text) == choice.control
    assert ("135:TCP:*:Enabled" in text) == (Generation.XP in choice.generations)
    assert ("Remote Event Log Management" in text) == choice.event_log


def test_the_steps_are_those_of_the_policy_editor_in_order() -> None:
    old = replace(CHOICE, generations=frozenset({Generation.XP}), profiles=frozenset(Profile))
    text = " ".join(files_of(old)["README.md"].decode().split())
    steps = [
        "Administrative Templates > System > Remote Assistance > *Configure Offer Remote",
        "*Enabled*, *Allow helpers to remotely control the computer*",
        "*Show*, and add each of these, exactly so: R2\\Helpdesk Winnipeg",
        "Network > Network Connections > Windows Firewall > Domain Profile",
        "*Windows Firewall: Define port exceptions*: *Enabled*, *Show*, add `135:TCP:*:Enabled:",
        (
            "*Windows Firewall: Define program exceptions*: *Enabled*, *Show*, add "
            "%WINDIR%\\PCHealth\\HelpCtr\\Binaries\\Helpsvc.exe:*:Enabled:Offer Remote Assistance"
        ),
        "Helpctr.exe:*:Enabled:Remote Assistance \u2013 Windows Messenger and Voice",
        "Sessmgr.exe:*:Enabled:Remote Assistance",
        "Windows Firewall > Standard Profile",
    ]
    places = [text.index(step) for step in steps]
    assert places == sorted(places)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"helpers": ()}, "helpers"),
        ({"helpers": ("mjones",)}, "helpers"),
        ({"helpers": ("R2\\a\nb",)}, "helpers"),
        ({"helpers": ("R2\\" + "x" * 2000,)}, "helpers"),
        ({"helpers": tuple(rf"R2\g{n}" for n in range(201))}, "helpers"),
        ({"name": " "}, "name"),
        ({"name": "a\x00"}, "name"),
        ({"profiles": frozenset()}, "profiles"),
        ({"generations": frozenset()}, "generations"),
        ({"view_message": "a\r\nb"}, "view_message"),
        ({"control_message": "x" * 1024}, "control_message"),
        (
            {"event_log": True, "generations": frozenset({Generation.XP, Generation.SERVER_2003})},
            "generations",
        ),
    ],
)
def test_what_group_policy_cannot_hold_is_refused(change: dict[str, object], field: str) -> None:
    with pytest.raises(UnsuitableChoice) as refused:
        replace(CHOICE, **change)
    assert refused.value.field == field
    assert refused.value.remedy


@pytest.mark.parametrize("choice", [CHOICE, EVERYTHING])
def test_a_policy_of_the_kit_does_not_differ(choice: KitChoice) -> None:
    values = kit_values(choice)
    assert differences(choice, read_remote_assistance(values), read_firewall(values)) == ()


@pytest.mark.parametrize(
    ("other", "codes"),
    [
        (replace(CHOICE, control=False), {"control"}),
        (replace(CHOICE, helpers=(r"R2\else",)), {"helper_missing", "helper_added"}),
        (replace(CHOICE, helpers=(GROUP, r"R2\more")), {"helper_added"}),
        (replace(CHOICE, session_logging=True), {"setting_added"}),
        (
            replace(CHOICE, generations=frozenset({Generation.XP})),
            {"firewall_missing", "firewall_added"},
        ),
        (replace(CHOICE, event_log=True), {"firewall_added"}),
        (replace(CHOICE, profiles=frozenset(Profile)), {"firewall_other"}),
    ],
)
def test_what_differs_is_named(other: KitChoice, codes: set[str]) -> None:
    values = kit_values(other)
    found = differences(CHOICE, read_remote_assistance(values), read_firewall(values))
    assert {item.code for item in found} == codes


def test_a_policy_that_says_nothing_differs_in_everything() -> None:
    found = differences(EVERYTHING, read_remote_assistance(()), read_firewall(()))
    codes = {item.code for item in found}
    assert codes == {
        *("offers", "control", "helper_missing", "earlier_helpers", "setting", "firewall_missing")
    }


def test_writing_what_was_read_gives_the_same_bytes(tmp_path: Path) -> None:
    policy = files_of(EVERYTHING)["Registry.pol"]
    assert write_registry_policy(parse_registry_policy(policy)) == policy
