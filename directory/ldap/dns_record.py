"""Records of the zones that Active Directory keeps: the dnsRecord attribute."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import IPv4Address, IPv6Address

from directory.ldap.values import FILETIME_EPOCH, MalformedValue

HEADER = struct.Struct("<HHBBHI")  # [MS-DNSP] 2.3.2.2, as far as it is little-endian
TTL = struct.Struct(">I")
REST = struct.Struct("<II")  # reserved, and the timestamp
HEADER_BYTES = HEADER.size + TTL.size + REST.size
VERSION = 5
ZERO, A, AAAA = 0, 1, 28  # [MS-DNSP] 2.2.2.1.1


@dataclass(frozen=True)
class DnsRecord:
    """One record.

    Attributes:
        kind: Its type, as DNS numbers them; 0 is what is left of a deleted name.
        data: As stored.
        ttl_seconds: How long others may keep it.
        serial: Of the zone when it was written.
        refreshed_at: When the computer last registered it, to the hour; None for records that an
            administrator wrote, which do not age.
    """

    kind: int
    data: bytes
    ttl_seconds: int = 0
    serial: int = 0
    refreshed_at: datetime | None = None

    @property
    def is_tombstone(self) -> bool:
        """Whether the name was deleted ([MS-DNSP] 2.2.2.2.4.23, DNS_RPC_RECORD_TS)."""
        return self.kind == ZERO

    @property
    def deleted_at(self) -> datetime | None:
        """When the name was deleted; None where it was not.

        Raises:
            MalformedValue: It is no FILETIME.
        """
        if not self.is_tombstone:
            return None
        if len(self.data) != 8:
            raise MalformedValue("A deleted DNS record has the wrong length.")
        return _since_1601(microseconds=int.from_bytes(self.data, "little") // 10)

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
        MalformedValue: It is shorter than it says, or of another version.
    """
    if len(raw) < HEADER_BYTES:
        raise MalformedValue("A DNS record from the directory is too short.")
    length, kind, version, _rank, _flags, serial = HEADER.unpack_from(raw)
    (ttl_seconds,) = TTL.unpack_from(raw, HEADER.size)
    _reserved, hours = REST.unpack_from(raw, HEADER.size + TTL.size)
    if version != VERSION:
        raise MalformedValue(f"A DNS record from the directory is of version {version}.")
    if len(raw) < HEADER_BYTES + length:
        raise MalformedValue("A DNS record from the directory is cut off.")
    return DnsRecord(
        kind=kind,
        data=bytes(raw[HEADER_BYTES : HEADER_BYTES + length]),
        ttl_seconds=ttl_seconds,
        serial=serial,
        refreshed_at=_since_1601(hours=hours) if hours else None,
    )


def _since_1601(*, hours: int = 0, microseconds: int = 0) -> datetime:
    try:
        return FILETIME_EPOCH + timedelta(hours=hours, microseconds=microseconds)
    except OverflowError as error:
        raise MalformedValue("A time in DNS is beyond the year 9999.") from error
