"""Which site a computer is in, from its addresses. Pure but for the rows it is handed.

Windows asks a domain controller, which takes the smallest subnet that holds the computer's address
([MS-ADTS] 6.3.3.2, 6.1.1.2.2.2.1). The portal goes by the addresses that the domain's own zones
give.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Network = IPv4Network | IPv6Network
Networks = Mapping[Network, uuid.UUID | None]


def networks(subnets: Iterable[tuple[str, uuid.UUID | None]]) -> Networks:
    """The subnets of a forest and the site of each; names that are no networks are left out.

    Args:
        subnets: Name and site. A subnet may belong to no site.
    """
    found: dict[Network, uuid.UUID | None] = {}
    for name, site in subnets:
        try:
            found[ip_network(name.strip())] = site
        except ValueError:  # a conflict of replication, or a mistake
            continue
    return found


def site_of(address: IPv4Address | IPv6Address, known: Networks) -> uuid.UUID | None:
    """The site of the smallest subnet that holds an address; None when there is none."""
    for length in range(address.max_prefixlen, -1, -1):
        network = ip_network((address, length), strict=False)
        if network in known:
            return known[network]
    return None


def sites_of(addresses: Iterable[str], known: Networks) -> frozenset[uuid.UUID] | None:
    """The sites that a computer with these addresses may be in.

    Args:
        addresses: As the zones have them.
        known: From :func:`networks`.

    Returns:
        One site when all addresses lead to it, several when they lead to several, and None when
        there is no address or one leads to no site: then the computer may be in any, or in none.
    """
    found: set[uuid.UUID] = set()
    for text in addresses:
        try:
            site = site_of(ip_address(text), known)
        except ValueError:
            return None
        if site is None:
            return None
        found.add(site)
    return frozenset(found) if found else None
