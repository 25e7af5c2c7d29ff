"""Each domain's DNS servers are asked, and a computer's own domain has the last word."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from pytest_django import Settings

from directory.addresses import UnknownAddress, address_of, computer_at
from directory.comparison import fold_name
from directory.configuration import UnknownDomain
from directory.dns import NameServiceUnavailable
from directory.models import Computer, DnsAddress, DnsNode, Domain
from tests.directory import world
from tests.directory.scripted_dns import Records, dns_server

# Name servers of the tests listen on port 53, as the lab's does.
pytestmark = [pytest.mark.lab, pytest.mark.django_db]
R2_SERVER, CONTOSO_SERVER, SILENT_SERVER = "127.0.10.53", "127.0.20.53", "127.0.20.54"


@dataclass
class Forests:
    """A computer in each of two forests, and what their DNS servers say and were asked."""

    near: Computer
    far: Computer
    r2: Records
    contoso: Records
    r2_asked: list[str]
    contoso_asked: list[str]


def point(records: Records, ip: str, name: str) -> None:
    reverse = ".".join(reversed(ip.split("."))) + ".in-addr.arpa"
    records[reverse, "PTR"] = [f"{name}."]


@pytest.fixture
def forests(settings: Settings, tmp_path: Path) -> Iterator[Forests]:
    settings.DIRECTORY_CONFIGURATION_FILE = str(tmp_path / "directory.toml")
    settings.DIRECTORY_DNS_SERVERS = [R2_SERVER]
    settings.DIRECTORY_CONNECT_TIMEOUT_SECONDS = 1
    settings.NOVICE_SUBNETS = ["10.0.0.0/8"]
    (tmp_path / "directory.toml").write_text(
        f'[domains."contoso.test"]\ndns_servers = ["{CONTOSO_SERVER}"]\n'
    )
    r2: Records = {("near.r2.local", "A"): ["10.1.0.1"]}
    contoso: Records = {("far.contoso.test", "A"): ["10.2.0.1"]}
    near = world.computer(world.domain(), "NEAR")
    far = world.computer(world.domain("contoso.test", "CONTOSO", 2), "FAR")
    point(r2, "10.1.0.1", "near.r2.local")
    point(contoso, "10.2.0.1", "far.contoso.test")
    with dns_server(R2_SERVER, r2) as r2_asked, dns_server(CONTOSO_SERVER, contoso) as asked:
        yield Forests(near, far, r2, contoso, r2_asked, asked)


def test_an_address_leads_to_the_computer_of_whichever_domain(forests: Forests) -> None:
    assert computer_at("10.1.0.1") == forests.near
    assert computer_at("10.2.0.1") == forests.far


def test_a_computer_is_looked_up_at_its_own_domain_alone(forests: Forests) -> None:
    forests.r2["far.contoso.test", "A"] = ["10.9.9.9"]
    assert address_of(forests.far).ip == "10.2.0.1"
    assert forests.r2_asked == []
    assert address_of(forests.near).ip == "10.1.0.1"


def test_another_domains_reverse_zone_may_name_a_computer_but_not_vouch_for_it(
    forests: Forests,
) -> None:
    point(forests.r2, "10.2.0.1", "far.contoso.test")
    forests.contoso.pop(("1.0.2.10.in-addr.arpa", "PTR"))
    assert computer_at("10.2.0.1") == forests.far
    point(forests.r2, "10.2.0.9", "far.contoso.test")
    forests.r2["far.contoso.test", "A"] = ["10.2.0.9"]
    with pytest.raises(UnknownAddress, match="another address"):
        computer_at("10.2.0.9")


def test_an_address_that_both_forests_use_is_not_guessed(forests: Forests) -> None:
    forests.contoso["far.contoso.test", "A"] = ["10.1.0.1"]
    point(forests.contoso, "10.1.0.1", "far.contoso.test")
    with pytest.raises(UnknownAddress, match="Several computers"):
        computer_at("10.1.0.1")


def test_a_silent_domain_does_not_hide_another_ones_computer(
    forests: Forests, settings: Settings
) -> None:
    Path(settings.DIRECTORY_CONFIGURATION_FILE).write_text(
        f'[domains."contoso.test"]\ndns_servers = ["{SILENT_SERVER}"]\n'
    )
    assert computer_at("10.1.0.1") == forests.near
    with pytest.raises(NameServiceUnavailable):
        computer_at("10.1.0.2")


def test_a_computer_of_a_domain_that_is_configured_no_longer_is_not_called(
    forests: Forests, settings: Settings
) -> None:
    point(forests.r2, "10.2.0.1", "far.contoso.test")
    forests.r2["far.contoso.test", "A"] = ["10.2.0.1"]
    settings.DIRECTORY_CONFIGURATION_FILE = ""
    with pytest.raises(UnknownAddress):
        computer_at("10.2.0.1")
    with pytest.raises(UnknownDomain):
        address_of(forests.far)


def keep_in_zone(home: Domain, name: str, ip: str) -> DnsNode:
    node = DnsNode.objects.create(
        guid=uuid.uuid4(),
        distinguished_name=f"DC={name}",
        domain=home,
        name=name,
        name_folded=fold_name(name),
    )
    DnsAddress.objects.create(node=node, address=ip)
    return node


def test_without_a_reverse_zone_the_directorys_own_zones_lead_to_the_computer(
    forests: Forests,
) -> None:
    forests.contoso.pop(("1.0.2.10.in-addr.arpa", "PTR"))
    keep_in_zone(forests.far.domain, "FAR.contoso.test", "10.2.0.1")
    assert computer_at("10.2.0.1") == forests.far
    DnsNode.objects.update(is_present=False)
    with pytest.raises(UnknownAddress):
        computer_at("10.2.0.1")


def test_a_zone_as_read_last_does_not_stand_against_dns_as_it_is_now(forests: Forests) -> None:
    keep_in_zone(forests.far.domain, "far.contoso.test", "10.2.0.7")
    with pytest.raises(UnknownAddress, match="another address"):
        computer_at("10.2.0.7")


def test_the_zones_of_its_own_forest_stand_in_for_silent_dns_servers(
    forests: Forests, settings: Settings
) -> None:
    Path(settings.DIRECTORY_CONFIGURATION_FILE).write_text(
        f'[domains."contoso.test"]\ndns_servers = ["{SILENT_SERVER}"]\n'
    )
    node = keep_in_zone(forests.far.domain, "far.contoso.test", "10.2.0.1")
    assert computer_at("10.2.0.1") == forests.far
    node.domain = forests.near.domain
    node.save()
    with pytest.raises(NameServiceUnavailable):
        computer_at("10.2.0.1")
