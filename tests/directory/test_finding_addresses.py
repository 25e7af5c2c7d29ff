"""From an address to a computer and back: the domain's DNS servers are asked, nobody else."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

import pytest
from pytest_django import Settings

from directory.addresses import (
    UnknownAddress,
    address_of,
    computer_at,
    is_in_novice_subnets,
)
from directory.dns import DomainResolver, NameServiceUnavailable
from directory.models import Computer, Domain
from directory.names import InvalidName, find_computer
from tests.fixtures_directory import Sockets

pytestmark = [pytest.mark.lab, pytest.mark.django_db]
XP191 = "127.0.11.191"


def network(sockets: Sockets) -> set[tuple[str, int]]:
    """Where packets went, the database's own connections left out."""
    addresses = [address for _, address in sockets.contacts if isinstance(address, tuple)]
    return {
        (str(address[0]), int(address[1])) for address in addresses if address[0] != "127.0.0.1"
    }


def test_an_address_leads_to_its_computer(synced_directory: Domain, sockets: Sockets) -> None:
    assert find_computer(XP191).name == "XP191"
    assert network(sockets) == {("127.0.10.1", 53)}


def test_a_computer_leads_to_its_address(synced_directory: Domain, sockets: Sockets) -> None:
    found = address_of(find_computer("XP191"))
    assert (found.dns_name, found.ip) == ("xp191.r2.local", XP191)
    assert network(sockets) == {("127.0.10.1", 53)}


@pytest.mark.parametrize("address", ["127.0.11.250", "127.0.11.15"])
def test_an_unknown_address_is_refused_after_asking_dns_alone(
    synced_directory: Domain, sockets: Sockets, address: str
) -> None:
    with pytest.raises(UnknownAddress) as refusal:
        computer_at(address)
    assert refusal.value.remedy
    assert refusal.value.field == "computer"
    assert network(sockets) == {("127.0.10.1", 53)}


def test_an_address_outside_the_novices_networks_is_refused_without_asking(
    synced_directory: Domain, sockets: Sockets
) -> None:
    with pytest.raises(UnknownAddress):
        computer_at("192.0.2.7")
    assert network(sockets) == set()


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "169.254.169.254", "::1", "::ffff:127.0.0.1", "fe80::1", "::", "240.0.0.1"],
)
def test_no_address_of_this_machine_or_link_is_a_computers_unless_a_network_says_so(
    settings: Settings, address: str
) -> None:
    settings.NOVICE_SUBNETS = []
    assert not is_in_novice_subnets(ip_address(address))
    assert is_in_novice_subnets(ip_address("10.20.30.40"))
    assert is_in_novice_subnets(ip_address("2001:db8::1"))
    settings.NOVICE_SUBNETS = [ip_network("127.0.11.0/24")]
    assert is_in_novice_subnets(ip_address("127.0.11.191"))
    assert not is_in_novice_subnets(ip_address(address))
    assert not is_in_novice_subnets(ip_address("10.20.30.40"))


def test_a_name_that_resolves_outside_is_refused_before_anything_is_sent_there(
    synced_directory: Domain, sockets: Sockets, monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    outside = (ip_address("192.0.2.7"),)
    monkeypatch.setattr(DomainResolver, "addresses_of", lambda self, name: outside)
    with pytest.raises(UnknownAddress, match="outside the networks"):
        address_of(find_computer("XP191"))
    settings.NOVICE_SUBNETS = []
    monkeypatch.setattr(
        DomainResolver, "addresses_of", lambda self, name: (ip_address("127.0.0.1"),)
    )
    with pytest.raises(UnknownAddress, match="outside the networks"):
        address_of(find_computer("XP191"))
    assert network(sockets) == set()


@pytest.mark.parametrize(
    "name", ["XP191; id", "xp191\u200b", "127.0.11", "a b", "::1%lo", "XP191\x00", "\\\\xp191"]
)
def test_odd_names_send_nothing(synced_directory: Domain, sockets: Sockets, name: str) -> None:
    with pytest.raises(InvalidName):
        find_computer(name)
    assert network(sockets) == set()


def test_a_name_that_does_not_lead_back_is_not_believed(synced_directory: Domain) -> None:
    Computer.objects.filter(name="XP191").update(
        dns_name="wpg-w11-02.r2.local", dns_name_folded="xp191.r2.local"
    )
    with pytest.raises(UnknownAddress, match="another address"):
        computer_at(XP191)


def test_a_name_of_no_computer_is_not_believed(synced_directory: Domain) -> None:
    Computer.objects.filter(name="XP191").update(is_present=False)
    with pytest.raises(UnknownAddress, match="not a computer of the directory"):
        computer_at(XP191)


def test_a_computer_without_dns_has_no_address(synced_directory: Domain) -> None:
    with pytest.raises(UnknownAddress, match="no address"):
        address_of(find_computer("WPG-NODNS-15"))


def test_an_address_of_a_computer_outside_the_networks_is_refused(
    synced_directory: Domain, settings: Settings
) -> None:
    settings.NOVICE_SUBNETS = ["10.0.0.0/8"]
    with pytest.raises(UnknownAddress, match="outside the networks"):
        address_of(find_computer("XP191"))


def test_a_hostile_dns_name_in_the_directory_sends_nothing(
    synced_directory: Domain, sockets: Sockets
) -> None:
    computer = find_computer("XP191")
    computer.dns_name = "evil\r\nname"
    with pytest.raises(InvalidName):
        address_of(computer)
    assert network(sockets) == set()


def test_without_name_servers_nobody_is_asked(sockets: Sockets) -> None:
    with pytest.raises(NameServiceUnavailable):
        DomainResolver(()).addresses_of("xp191.r2.local")
    assert network(sockets) == set()
