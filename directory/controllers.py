"""Which domain controllers there are, and where."""

from __future__ import annotations

from directory.dns import DomainResolver
from directory.ldap import DirectoryConnectionSettings
from directory.ldap.connection import ServerAddress
from directory.ldap.errors import DirectoryUnavailable


def controller_addresses(domain: DirectoryConnectionSettings) -> tuple[ServerAddress, ...]:
    """The domain controllers to try, in order, with the addresses the domain's DNS gives them.

    Raises:
        DirectoryUnavailable: None has an address.
        NameServiceUnavailable: No DNS server of the domain answered.
    """
    resolver = DomainResolver(domain.dns_servers, domain.connect_timeout_seconds)
    names = domain.servers or resolver.domain_controllers_of(domain.domain)
    found = tuple(
        ServerAddress(name, str(address))
        for name in names
        for address in resolver.addresses_of(name)
    )
    if not found:
        raise DirectoryUnavailable(
            f"The domain's DNS servers know no domain controller of {domain.domain}.",
            remedy="Check DIRECTORY_SERVERS and DIRECTORY_DNS_SERVERS.",
        )
    return found
