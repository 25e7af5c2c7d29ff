"""Two forests that trust each other, each read with its own account, and what joins them."""

from __future__ import annotations

import pytest
from pytest_django import Settings

from directory import synchronisation
from directory.configuration import configured_domains, domain_configuration
from directory.membership import group_paths
from directory.models import Account, Domain, HelperEntry, SyncRun, Trust
from directory.names import find_account, find_computer
from lab import world
from tests.conftest import Lab
from tests.directory.administrator import administrator

pytestmark = [pytest.mark.lab, pytest.mark.django_db]

R2, CONTOSO = world.R2.dns_name, world.CONTOSO.dns_name


@pytest.fixture(autouse=True)
def _both_configured(lab_domain: Lab, settings: Settings) -> None:
    settings.DIRECTORY_CONFIGURATION_FILE = lab_domain.env["DIRECTORY_CONFIGURATION_FILE"]


def read(domain: str, kind: str = SyncRun.Kind.FULL) -> SyncRun:
    run = synchronisation.run(domain_configuration(domain), kind=kind)
    assert run.kind == kind, run.reason
    return run


def test_each_domain_has_a_picture_of_its_own() -> None:
    for configuration in configured_domains():
        read(configuration.dns_name)
    assert [domain.dns_name for domain in Domain.objects.all()] == [CONTOSO, R2]
    assert {domain.forest_dns_name for domain in Domain.objects.all()} == {CONTOSO, R2}
    people = {str(find_account(rf"{one.netbios_name}\bsmith")) for one in world.DOMAINS}
    assert people == {r"CONTOSO\bsmith", r"R2\bsmith"}
    assert find_computer("SEA-W11-01").domain.dns_name == CONTOSO
    run = read(R2)
    assert {kind for kind, numbers in run.counts.items() if numbers["removed"]} == set()


def test_the_trust_is_known_at_both_ends_with_the_names_of_its_forest() -> None:
    for one, other in ((R2, CONTOSO), (CONTOSO, R2)):
        read(one)
        trust = Trust.objects.get(domain__dns_name=one, partner_dns_name=other, is_present=True)
        assert (trust.direction, trust.attributes) == (Trust.Direction.BIDIRECTIONAL, 8)
        assert trust.forest_names_error == ""
        assert other in {name["dns_name"] for name in trust.forest_names}


def test_an_expert_of_one_forest_is_in_groups_of_the_other() -> None:
    read(R2)
    read(CONTOSO)
    amy = {str(path.group): path.is_direct for path in group_paths(find_account(r"CONTOSO\alee"))}
    foreign = [name for name in amy if name.startswith("R2\\")]
    assert foreign, amy
    karl = {str(path.group) for path in group_paths(find_account(r"CONTOSO\kstone"))}
    assert any(name.startswith("R2\\") for name in karl), karl
    mary = {str(path.group) for path in group_paths(find_account(r"R2\mjones"))}
    assert r"CONTOSO\Seattle Helpers" in mary


def test_a_helper_of_the_other_forest_is_found_once_that_is_read() -> None:
    read(R2)
    (line,) = HelperEntry.objects.filter(text=r"CONTOSO\Field Support")
    assert "CONTOSO has a trust, but the portal does not read it" in line.problem
    read(CONTOSO)
    (line,) = HelperEntry.objects.filter(text=r"CONTOSO\Field Support")
    assert (str(line.group), line.problem) == (r"CONTOSO\Field Support", "")


def test_a_deletion_that_the_account_may_not_see_is_found_by_a_sweep(lab_domain: Lab) -> None:
    authority = domain_configuration(CONTOSO).connection.ca_file
    with administrator(authority, world.CONTOSO) as admin:
        name = admin.add_account("f-unseen")
        read(CONTOSO)
        admin.delete(name)
        read(CONTOSO, SyncRun.Kind.INCREMENTAL)
        assert Account.objects.get(sam_account_name="f-unseen").is_present
        assert read(CONTOSO, SyncRun.Kind.SWEEP).counts["accounts"]["removed"] == 1


def test_a_keytab_binds_and_opens_sysvol_as_well(lab_domain: Lab, settings: Settings) -> None:
    settings.DIRECTORY_CONFIGURATION_FILE = ""
    settings.DIRECTORY_BIND_PASSWORD = ""
    settings.DIRECTORY_KEYTAB_FILE = str(
        lab_domain.directory / "keytabs" / f"{world.DIRECTORY_ACCOUNT}.keytab"
    )
    assert domain_configuration(R2).connection.bind_method == "kerberos"
    run = read(R2)
    assert (run.state, run.problem_count) == (SyncRun.State.SUCCEEDED, 0)
    assert run.counts["policies"]["added"] >= 8
