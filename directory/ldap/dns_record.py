"""Records of the zones that Active Directory keeps: the dnsRecord attribute."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address

from directory.ldap.values import MalformedValue

HEADER = struct.Struct("<HHBBHIIII")  # [MS-DNSP] 2.3.2.2; TtlSeconds alone is big-endian
A, AAAA = 1, 28


@dataclass(frozen=True)
class DnsRecord:
    """One record.

    Attributes:
        kind: Its type, as DNS numbers them; 0 is what is left of a deleted name.
        data: As stored.
    """

    kind: int
    data: bytes

    @property
    def address(self) -> IPv4Address | IPv6Address | None:
        """The address of an A or AAAA record; None of others.

        Raises:
            MalformedValue: It is not of an address's length.
        """
        if self.kind not in (A, AAAA):
            return None
        if len(self.data) != (4 if self.kind == A else 16):
            raise MalformedValue("An address in DNS has the wrong length.")
        return IPv4Address(self.data) if self.kind == A else IPv6Address(self.data)


def parse_dns_record(raw: bytes) -> DnsRecord:
    """A dnsRecord value ([MS-DNSP] 2.3.2.2).

    Raises:
        MalformedValue: It is shorter than it says.
    """
    if len(raw) < HEADER.size:
        raise MalformedValue("A DNS record from the directory is too short.")
    length, kind, *_ = HEADER.unpack_from(raw)
    if len(raw) < HEADER.size + length:
        raise MalformedValue("A DNS record from the directory is cut off.")
    return DnsRecord(kind, bytes(raw[HEADER.size : HEADER.size + length]))
