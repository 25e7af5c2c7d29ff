"""The names of a trusted forest: msDS-TrustForestTrustInfo ([MS-ADTS] 6.1.6.9.3)."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from directory.ldap.values import MalformedValue, parse_sid

TOP_LEVEL_NAME = 0
TOP_LEVEL_NAME_EXCLUSION = 1
DOMAIN_INFO = 2
VERSION = 1


@dataclass(frozen=True)
class ForestName:
    """One record of a forest trust.

    Attributes:
        kind: 0 a name whose subtree the forest claims, 1 one left out of it, 2 a domain of it;
            others are kept as they are.
        flags: Which parts are disabled, and by whom ([MS-ADTS] 6.1.6.9.3.1).
        dns_name: The name.
        netbios_name: Of a domain.
        sid: Of a domain.
    """

    kind: int
    flags: int
    dns_name: str = ""
    netbios_name: str = ""
    sid: str = ""


def parse_forest_trust(raw: bytes) -> tuple[ForestName, ...]:
    """The records of a forest trust ([MS-ADTS] 6.1.6.9.3.2).

    Raises:
        MalformedValue: It is of another version, or does not keep to its own lengths.
    """
    version, position = _number(raw, 0)
    if version != VERSION:
        raise MalformedValue(f"The forest trust information is of version {version}.")
    count, position = _number(raw, position)
    records = []
    for _ in range(count):
        length, position = _number(raw, position)
        record, position = _slice(raw, position, length)
        records.append(_record(record))
    return tuple(records)


def _record(raw: bytes) -> ForestName:
    if len(raw) < 13:
        raise MalformedValue("A record of the forest trust information is too short.")
    flags, kind = struct.unpack_from("<I", raw)[0], raw[12]
    if kind in (TOP_LEVEL_NAME, TOP_LEVEL_NAME_EXCLUSION):
        name, _ = _counted(raw, 13)
        return ForestName(kind, flags, dns_name=_text(name))
    if kind == DOMAIN_INFO:
        sid, position = _counted(raw, 13)
        dns_name, position = _counted(raw, position)
        netbios_name, _ = _counted(raw, position)
        return ForestName(
            kind,
            flags,
            dns_name=_text(dns_name),
            netbios_name=_text(netbios_name),
            sid=parse_sid(sid) if sid else "",
        )
    return ForestName(kind, flags)


def _number(raw: bytes, position: int) -> tuple[int, int]:
    if position + 4 > len(raw):
        raise MalformedValue("The forest trust information is cut off.")
    return struct.unpack_from("<I", raw, position)[0], position + 4


def _slice(raw: bytes, position: int, length: int) -> tuple[bytes, int]:
    if position + length > len(raw):
        raise MalformedValue("The forest trust information is cut off.")
    return raw[position : position + length], position + length


def _counted(raw: bytes, position: int) -> tuple[bytes, int]:
    length, position = _number(raw, position)
    return _slice(raw, position, length)


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")
