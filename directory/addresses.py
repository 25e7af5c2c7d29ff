"""From an IP address to a computer of the directory and back, by the domains' own DNS."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from ipaddress import ip_network

from django.conf import settings

from directory.comparison import fold_name
from directory.configuration import (
    UnknownDomain,
    configured_domains,
    domain_configuration,
    resolver,
)
from directory.dns import DomainResolver, NameServiceUnavailable
from directory.errors import PortalError
from directory.models import Computer, DnsNode
from directory.name_forms import IPAddress, parse_address

MOST_QUESTIONS_AT_ONCE = 8
MOST_ADDRESSES = 4  # of one computer that are tried; each may take the whole connect time


class UnknownAddress(PortalError):
    """The address belongs to no computer of the directory, or the computer has no address."""

    code = "unknown_address"
    status = 404


@dataclass(frozen=True)
class ComputerAddress:
    """Where a computer is reached: the name it is called by, and the address to connect to.

    Attributes:
        others: Its further addresses in NOVICE_SUBNETS, in the order of the DNS answer.
    """

    dns_name: str
    ip: str
    others: tuple[str, ...] = ()


def computer_at(ip: str, *, field: str = "computer") -> Computer:
    """The computer of the directory that has an address.

    Every domain's DNS servers are asked, and the zones that Active Directory keeps are looked at as
    they were read last, since many networks have no reverse zones. The name that either gives must
    be a computer's, and the DNS servers of that computer's own domain must lead back to the
    address: reverse zones alone are too easily wrong, or made to be. Where those servers are
    silent, the zones of the computer's own forest stand in.

    Args:
        ip: An IPv4 or IPv6 address.
        field: The name of the input, for errors.

    Raises:
        InvalidName: It is not an address. Nothing was sent.
        UnknownAddress: It belongs to no computer of the directory, or lies outside the networks
            of NOVICE_SUBNETS.
        NameServiceUnavailable: It was not found, and some domain's DNS servers do not answer.
    """
    address = parse_address(ip, field=field)
    if not is_in_novice_subnets(address):
        raise UnknownAddress(
            f"{address} is outside the networks where help may be offered.",
            remedy="Ask an administrator of the portal, who sets NOVICE_SUBNETS.",
            field=field,
        )
    names, silent = _names_of(address)
    names.update(
        DnsNode.objects.filter(is_present=True, addresses__address=str(address)).values_list(
            "name", flat=True
        )
    )
    computers = Computer.objects.filter(
        is_present=True, dns_name_folded__in=[fold_name(name) for name in names]
    ).select_related("domain", "ou")
    confirmed = [computer for computer in computers if _has_address(computer, address)]
    if silent is not None and not confirmed:
        raise silent
    if len(confirmed) != 1:
        raise UnknownAddress(
            _why_unknown(address, bool(names), len(computers), len(confirmed)),
            remedy="Type the computer's name, or have its DNS records corrected.",
            field=field,
        )
    return confirmed[0]


def _names_of(address: IPAddress) -> tuple[set[str], NameServiceUnavailable | None]:
    """The names that any domain's reverse zones give, and the error of one that did not answer."""
    resolvers = dict.fromkeys(resolver(domain) for domain in configured_domains())

    def ask(dns: DomainResolver) -> Iterable[str] | NameServiceUnavailable:
        try:
            return dns.names_of(address)
        except NameServiceUnavailable as error:
            return error

    # At once, so that one domain's silence is waited for only once.
    with ThreadPoolExecutor(max_workers=MOST_QUESTIONS_AT_ONCE) as pool:
        answers = list(pool.map(ask, resolvers))
    names: set[str] = set()
    silent = None
    for answer in answers:
        if isinstance(answer, NameServiceUnavailable):
            silent = answer
        else:
            names.update(answer)
    return names, silent


def _has_address(computer: Computer, address: IPAddress) -> bool:
    try:
        dns = resolver(domain_configuration(computer.domain.dns_name))
    except UnknownDomain:
        return False  # left from a domain that is configured no longer
    try:
        return address in dns.addresses_of(computer.dns_name)
    except NameServiceUnavailable:
        return DnsNode.objects.filter(
            is_present=True,
            domain__forest_dns_name=computer.domain.forest_dns_name,
            name_folded=computer.dns_name_folded,
            addresses__address=str(address),
        ).exists()


def _why_unknown(address: IPAddress, has_name: bool, computers: int, confirmed: int) -> str:
    if not has_name:
        return f"Neither the domains' DNS servers nor their zones know a name for {address}."
    if not computers:
        return f"The name that DNS gives {address} is not a computer of the directory."
    if not confirmed:
        return f"The computer that DNS names for {address} has another address."
    return f"Several computers claim the address {address}."


def address_of(computer: Computer) -> ComputerAddress:
    """Where a computer is reached, as its domain's DNS servers say now.

    Raises:
        UnknownAddress: It has no DNS name, no address, or none in NOVICE_SUBNETS.
        UnknownDomain: Its domain is configured no longer.
        InvalidName: The directory's dNSHostName is not a DNS name. Nothing was sent.
        NameServiceUnavailable: The domain's DNS servers do not answer.
    """
    if not computer.dns_name:
        raise UnknownAddress(
            f"{computer.name} has no DNS name in the directory.",
            remedy="A computer registers it when it starts in its domain.",
            field="computer",
        )
    dns = resolver(domain_configuration(computer.domain.dns_name))
    addresses = dns.addresses_of(computer.dns_name)
    if not addresses:
        raise UnknownAddress(
            f"The domain's DNS servers know no address for {computer.dns_name}.",
            remedy="Check that the computer is switched on and registered in DNS.",
            field="computer",
        )
    permitted = [str(address) for address in addresses if is_in_novice_subnets(address)]
    if permitted:
        return ComputerAddress(
            computer.dns_name.lower(), permitted[0], tuple(permitted[1:MOST_ADDRESSES])
        )
    raise UnknownAddress(
        f"{computer.dns_name} has the address {addresses[0]}, which is outside the networks where "
        "help may be offered.",
        remedy="Ask an administrator of the portal, who sets NOVICE_SUBNETS.",
        field="computer",
    )


def is_in_novice_subnets(address: IPAddress) -> bool:
    """Whether help may be offered at an address.

    Where no networks are set, none is a computer's that is this machine's own, of the link alone,
    or of a kind that no single computer has: a DNS record is easily made to name one.
    """
    if address.is_multicast or address.is_unspecified:
        return False
    networks = [ip_network(str(network)) for network in settings.NOVICE_SUBNETS]
    if networks:
        return any(address in network for network in networks)
    return not (address.is_loopback or address.is_link_local or address.is_reserved)
