"""What the network says of a computer: DNS and port 135. No database here: many run at once."""

from __future__ import annotations

from ipaddress import ip_address

from django.conf import settings

from assist.readiness.facts import ExporterFacts, NameFacts
from assist.remote_assistance.exporter import ask_exporter
from directory.addresses import is_in_novice_subnets
from directory.configuration import domain_configuration, resolver
from directory.dns import DomainResolver, NameServiceUnavailable
from directory.errors import PortalError

MOST_REVERSE = 4  # addresses of one name that are looked up the other way round


def look_up(domain: str, dns_name: str) -> NameFacts:
    """What the domain's DNS servers say of a name and of its addresses.

    Args:
        domain: The domain's DNS name.
        dns_name: The computer's; empty where the directory has none, and then nothing is asked.
    """
    if not dns_name:
        return NameFacts("")
    try:
        dns = resolver(domain_configuration(domain))
        found = dns.addresses_of(dns_name)
    except PortalError as error:
        return NameFacts(dns_name, error=error.sentence)
    permitted = tuple(str(address) for address in found if is_in_novice_subnets(address))
    return NameFacts(
        dns_name,
        addresses=tuple(map(str, found)),
        permitted=permitted,
        reverse={address: _names_of(dns, address) for address in permitted[:MOST_REVERSE]},
    )


def call(names: NameFacts) -> ExporterFacts | None:
    """What port 135 answers at the first address that may be called; None where there is none."""
    if not names.permitted:
        return None
    address = names.permitted[0]
    answer = ask_exporter(address, seconds=settings.CONTACT_CONNECT_TIMEOUT_SECONDS)
    hosts = (*((answer.dns_name,) if answer.dns_name else ()), *answer.host_names)
    return ExporterFacts(
        address=address,
        is_connected=answer.is_connected,
        is_answering=answer.is_answering,
        sentence=answer.sentence,
        refusal=answer.refusal,
        host_names=tuple(dict.fromkeys(hosts)),
        clock_skew=answer.clock_skew,
    )


def _names_of(dns: DomainResolver, address: str) -> tuple[str, ...] | None:
    try:
        return dns.names_of(ip_address(address))
    except NameServiceUnavailable:
        return None
