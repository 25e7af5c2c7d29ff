"""The kit's policy in a Samba domain: loaded, linked, read back, and in force."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from assist.group_policy_kit import drift
from directory import synchronisation
from directory.configuration import domain_configuration
from directory.grouppolicy.kit import Generation, KitChoice, kit_files, kit_values
from directory.grouppolicy.kit.backup import VERSION, machine_extensions
from directory.models import Computer, Domain, GroupPolicy, SyncRun
from directory.policies import resultant_policy
from lab import world
from lab.paths import LabPaths
from tests.conftest import Lab
from tests.directory.administrator import Administrator, administrator
from tests.environment import DOMAIN

pytestmark = [pytest.mark.lab, pytest.mark.django_db]

CHOICE = KitChoice(
    name="Kit",
    control=False,
    helpers=(r"R2\Helpdesk Winnipeg", r"R2\mjones"),
    generations=frozenset(Generation),
    session_logging=True,
    event_log=True,
)


@pytest.fixture
def admin(lab_domain: Lab, synced_directory: Domain) -> Iterator[Administrator]:
    with administrator(lab_domain.env["DIRECTORY_CA_FILE"]) as admin:
        yield admin


def load(admin: Administrator, paths: LabPaths, files: dict[str, bytes]) -> str:
    """A Group Policy object with the kit's folder for SYSVOL, as an import leaves it; its name."""
    guid = f"{{{uuid.uuid4()}}}".upper()
    folder = paths.of_controller(world.R2.controller).sysvol / DOMAIN / "Policies" / guid
    (folder / "Machine").mkdir(parents=True)
    for name in ("GPT.INI", "Machine/Registry.pol"):
        (folder / name).write_bytes(files[f"sysvol/{name}"])
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    return admin.add(
        f"CN={guid},CN=Policies,CN=System,{world.BASE_DN}",
        "groupPolicyContainer",
        {
            "displayName": CHOICE.name,
            "flags": "0",
            "versionNumber": str(VERSION),
            "gPCFunctionalityVersion": "2",
            "gPCFileSysPath": rf"\\{DOMAIN}\sysvol\{DOMAIN}\Policies\{guid}",
            "gPCMachineExtensionNames": machine_extensions(kit_values(CHOICE)),
        },
    )


def test_what_was_chosen_is_in_force(admin: Administrator, lab_domain: Lab) -> None:
    files = kit_files(CHOICE, backup_id=uuid.uuid4(), now=datetime.now(UTC))
    policy = load(admin, LabPaths(lab_domain.directory), files)
    try:
        admin.set(admin.unit, gPLink=f"[LDAP://{policy};0]")
        admin.add_computer("F-KIT-01")
        synchronisation.run(domain_configuration(DOMAIN), kind=SyncRun.Kind.INCREMENTAL)
        computer = Computer.objects.select_related("domain", "ou").get(name="F-KIT-01")
        in_force = resultant_policy(computer)
        assert in_force.offers_allowed is True
        assert in_force.control_allowed is False
        listed = {line.line.text for line in in_force.helpers}
        assert listed == set(CHOICE.helpers)
        stored = GroupPolicy.objects.get(display_name=CHOICE.name, is_present=True)
        assert stored.listed_helpers == [[name, name] for name in CHOICE.helpers]
        assert drift(CHOICE, stored) == ()
    finally:
        admin.delete(policy, with_content=True)
