"""Names and addresses of the zones that Active Directory keeps ([MS-DNSP] 2.3)."""

from __future__ import annotations

import re
from collections.abc import Iterable

from directory.comparison import fold_name
from directory.ldap.dns_record import parse_dns_record
from directory.ldap.entries import Entry
from directory.ldap.values import MalformedValue
from directory.synchronisation.errors import NotOfInterest
from directory.synchronisation.rows import Row, Surroundings

DNS_COLUMNS = ("domain_id", "name", "name_folded")
# DC=xp191,DC=r2.local,CN=MicrosoftDNS,...
NODE = re.compile(r"^DC=(?P<name>(?:[^,\\]|\\.)+),DC=(?P<zone>[^,\\]+),CN=MicrosoftDNS,", re.I)
REVERSE = (".in-addr.arpa", ".ip6.arpa")


def dns_row(entry: Entry, around: Surroundings) -> Row:
    """A name that has addresses.

    Raises:
        NotOfInterest: It has none, or belongs to a reverse zone, the root hints or no zone.
        MalformedValue: A record cannot be read, or the name is too long to be one.
    """
    found = NODE.match(entry.distinguished_name)
    zone = found["zone"].lower() if found else ""
    if not found or zone.startswith(("rootdnsservers", "..")) or zone.endswith(REVERSE):
        raise NotOfInterest
    if not list(addresses_of(entry)):
        raise NotOfInterest
    name = zone if found["name"] == "@" else f"{found['name'].lower()}.{zone}"
    if len(name) > 255:
        raise MalformedValue("The name is longer than a DNS name can be.")
    return around.domain_guid, name, fold_name(name)


def addresses_of(entry: Entry) -> Iterable[Row]:
    """The IPv4 and IPv6 addresses of a name."""
    for raw in entry.all("dnsRecord"):
        address = parse_dns_record(raw).address
        if address is not None:
            yield (str(address),)
