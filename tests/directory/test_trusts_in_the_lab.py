"""The lab's own trusts, and permissions of computers as its domain controller keeps them."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_django import Settings

from directory import synchronisation
from directory.configuration import configured_domains, domain_configuration
from directory.models import Computer, Domain, SyncRun, Trust
from directory.names import find_account, find_computer
from directory.tokens import Above, Token
from directory.trusts import Effect, TrustWay, way
from directory.trusts.loading import trust_map
from directory.trusts.selective import may_authenticate
from lab import world
from lab.paths import LabPaths
from tests.conftest import Lab
from tests.directory.administrator import administrator

pytestmark = [pytest.mark.lab, pytest.mark.django_db]

R2, CONTOSO = world.R2.dns_name, world.CONTOSO.dns_name
SET_TRUST = Path(__file__).parents[1] / "eligibility" / "samba_trust.py"
FOREST, SELECTIVE = 0x8, 0x10
ALLOWED_TO_AUTHENTICATE = "68b1d179-0d15-4d4f-ab71-46152e79a7bc"


@pytest.fixture(autouse=True)
def _both_read(lab_domain: Lab, settings: Settings) -> None:
    settings.DIRECTORY_CONFIGURATION_FILE = lab_domain.env["DIRECTORY_CONFIGURATION_FILE"]
    for configuration in configured_domains():
        synchronisation.run(domain_configuration(configuration.dns_name))


def between(computer: str, expert: str) -> TrustWay:
    guids = dict(Domain.objects.values_list("dns_name", "guid"))
    return way(trust_map(), guids[computer], guids[expert])


def token(name: str, computer: Computer) -> Token:
    account, trusts = find_account(name), trust_map()
    found = way(trusts, computer.domain_id, account.domain_id)
    forest = trusts.domains_of_forest(account.domain.forest_dns_name)
    return Above(account).token(computer.domain_id, found, forest)


def test_the_two_forests_let_each_other_in_over_one_hop() -> None:
    for computer, expert in ((R2, CONTOSO), (CONTOSO, R2)):
        found = between(computer, expert)
        assert (found.effect, found.code) == (Effect.ALLOW, "trust.forest"), found.sentence
        assert [str(hop) for hop in found.hops] == [f"{computer} trusts {expert} (forest trust)"]
        sids = {one.dns_name: one.sid for one in Domain.objects.all()}
        assert not found.dropped_by(f"{sids[expert]}-1104")
        assert found.dropped_by(f"{sids[computer]}-1104")


def test_a_trust_with_a_domain_that_is_not_there_leads_nowhere() -> None:
    dead = [trust for trust in world.R2.trusts if not trust.is_live]
    assert dead
    known = set(trust_map().domains)
    assert {trust.partner for trust in dead}.isdisjoint(known)
    assert Trust.objects.filter(partner_dns_name=dead[0].partner, is_present=True).exists()


def test_groups_of_the_computers_domain_are_added_and_local_ones_of_home_left_out() -> None:
    here, there = find_computer("XP191"), find_computer("SEA-W11-01")

    def names(computer: Computer) -> set[str]:
        return {path[-1].name for path in token(r"CONTOSO\alee", computer).paths.values()}

    assert {"Field Support", "Partner Helpers"} <= names(here)
    assert "Seattle Helpers" not in names(here)
    assert {"Field Support", "Seattle Helpers"} <= names(there)
    assert "Partner Helpers" not in names(there)


# --- selective authentication ---------------------------------------------------------------------


class Controller:
    """Changes what only the database of the controller lets itself be told."""

    def __init__(self, lab: Lab) -> None:
        self._smb_conf = LabPaths(lab.directory).of_controller(world.R2.controller).smb_conf
        self._database = LabPaths(lab.directory).of_controller(world.R2.controller).folder

    def ask_selectively(self, *, asks: bool) -> None:
        trust = f"CN={CONTOSO},CN=System,{world.BASE_DN}"
        attributes = str(FOREST | SELECTIVE if asks else FOREST)
        command = ["/usr/bin/python3", str(SET_TRUST), str(self._smb_conf), trust, attributes]
        subprocess.run(command, check=True)

    def let_authenticate(self, unit: str, sid: str) -> None:
        """An entry of a unit that the computers in it inherit."""
        entry = f"(OA;CIIO;CR;{ALLOWED_TO_AUTHENTICATE};;{sid})"
        (database,) = self._database.rglob("sam.ldb")
        subprocess.run(
            [
                *("samba-tool", "dsacl", "set", f"--objectdn={unit}", f"--sddl={entry}"),
                *("-H", str(database), f"--configfile={self._smb_conf}"),
            ],
            check=True,
            capture_output=True,
        )


@pytest.fixture
def controller(lab_domain: Lab) -> Iterator[Controller]:
    changing = Controller(lab_domain)
    try:
        yield changing
    finally:
        changing.ask_selectively(asks=False)


def look_for_changes() -> SyncRun:
    return synchronisation.run(domain_configuration(R2), kind=SyncRun.Kind.INCREMENTAL)


def effect(name: str, computer: str) -> Effect:
    found = find_computer(computer)
    return may_authenticate(found.allowed_to_authenticate, token(name, found).sids).effect


def test_permissions_are_read_as_soon_as_a_trust_asks_for_selective_authentication(
    controller: Controller,
    lab_domain: Lab,
) -> None:
    everyone = Computer.objects.filter(domain__dns_name=R2, is_present=True)
    assert not everyone.filter(allowed_to_authenticate__isnull=False).exists()
    controller.ask_selectively(asks=True)
    look_for_changes()
    assert between(R2, CONTOSO).is_selective
    assert not between(CONTOSO, R2).is_selective
    assert not everyone.filter(allowed_to_authenticate__isnull=True).exists()
    assert not Computer.objects.filter(
        domain__dns_name=CONTOSO, allowed_to_authenticate__isnull=False
    ).exists()
    assert effect(r"CONTOSO\kstone", "RUL-W11-09") is Effect.ALLOW
    assert effect(r"CONTOSO\alee", "RUL-W11-09") is Effect.DENY
    assert effect(r"CONTOSO\alee", "XP191") is Effect.DENY

    with administrator(str(lab_domain.directory / "ca.pem")) as admin:
        admin.add_computer("SEL-1")
        look_for_changes()
        assert effect(r"CONTOSO\alee", "SEL-1") is Effect.DENY
        controller.let_authenticate(admin.unit, find_account(r"CONTOSO\alee").sid)
        assert look_for_changes().kind == SyncRun.Kind.INCREMENTAL
        assert effect(r"CONTOSO\alee", "SEL-1") is Effect.ALLOW
        assert effect(r"CONTOSO\kstone", "SEL-1") is Effect.DENY

    controller.ask_selectively(asks=False)
    look_for_changes()
    assert not between(R2, CONTOSO).is_selective
    assert not everyone.filter(allowed_to_authenticate__isnull=False).exists()
