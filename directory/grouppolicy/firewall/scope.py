"""Which remote addresses a firewall exception or rule is for.

Grammar: [MS-GPFAS] 2.2.2.9 to 2.2.2.13; the lists of Windows XP's firewall write the same things
separated by commas (Group Policy, *Windows Firewall: Define port exceptions*).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
ANY = "*"
# What they stand for only the computer knows: [MS-GPFAS] 2.2.2.13.
KEYWORDS = frozenset(
    {
        "localsubnet",
        "dns",
        "dhcp",
        "wins",
        "defaultgateway",
        "intranet",
        "internet",
        "ply2renders",
        "rmtintranet",
        "captiveportal",
    }
)


class Match(IntEnum):
    """Whether something applies to a packet; the smallest of several conditions decides."""

    NO = 0
    MAYBE = 1
    YES = 2


@dataclass(frozen=True)
class Range:
    """Addresses from the first to the last, both included and of one family."""

    first: Address
    last: Address

    def holds(self, address: Address) -> bool:
        return address.version == self.first.version and int(self.first) <= int(address) <= int(
            self.last
        )


@dataclass(frozen=True)
class Scope:
    """Remote addresses.

    Attributes:
        is_any: Every address.
        ranges: Addresses and subnets.
        keywords: Such as LocalSubnet, in small letters.
        unreadable: Parts that are none of these.
        texts: All parts as written, for people.
    """

    is_any: bool = False
    ranges: tuple[Range, ...] = ()
    keywords: frozenset[str] = frozenset()
    unreadable: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()

    def __str__(self) -> str:
        return ", ".join(self.texts) if self.texts else "any address"

    def match(self, address: Address | None) -> Match:
        """Whether an address is in it; MAYBE where only the computer knows.

        Args:
            address: The other side; None when it is not known.
        """
        if self.is_any:
            return Match.YES
        if address is None:
            return Match.MAYBE
        if any(part.holds(address) for part in self.ranges):
            return Match.YES
        return Match.MAYBE if self.keywords or self.unreadable else Match.NO


ANYWHERE = Scope(is_any=True)


def scope_of(parts: tuple[str, ...]) -> Scope:
    """The scope that several parts make together: an address is in it if it is in one of them."""
    ranges: list[Range] = []
    keywords: set[str] = set()
    unreadable: list[str] = []
    for part in parts:
        if part.lower() in KEYWORDS:
            keywords.add(part.lower())
        elif part != ANY:
            found = _range(part)
            if found is None:
                unreadable.append(part)
            else:
                ranges.append(found)
    return Scope(
        is_any=ANY in parts,
        ranges=tuple(ranges),
        keywords=frozenset(keywords),
        unreadable=tuple(unreadable),
        texts=parts,
    )


def parse_scope(text: str) -> Scope:
    """The scope of an exception in the lists: ``*``, or parts separated by commas."""
    return scope_of(tuple(text.split(",")))


def _range(text: str) -> Range | None:
    try:
        if "-" in text:
            first, last = (ip_address(part) for part in text.split("-", 1))
            is_range = first.version == last.version and int(first) <= int(last)
            return Range(first, last) if is_range else None
        network = _network(text)
        return Range(network[0], network[-1])
    except (ValueError, TypeError):
        return None


def _network(text: str) -> Network:
    network = ip_network(text, strict=False)
    mask = text.partition("/")[2]
    # Python also takes 0.0.0.255 for a mask, which Windows does not.
    if "." in mask and isinstance(network, IPv4Network) and str(network.netmask) != mask:
        raise ValueError("not a mask")
    return network
