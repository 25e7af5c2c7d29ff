"""The values of Active Directory's attributes: SIDs, GUIDs, times and flags.

Each parser checks the length before it looks at a byte and raises :class:`MalformedValue`.
"""

from __future__ import annotations

import struct
import uuid
from datetime import UTC, datetime, timedelta
from enum import IntFlag
from functools import lru_cache

from directory.errors import PortalError

FILETIME_EPOCH = datetime(1601, 1, 1, tzinfo=UTC)
FILETIME_NEVER = 0x7FFFFFFFFFFFFFFF
MAXIMUM_SUB_AUTHORITIES = 15  # [MS-DTYP] 2.4.2.2

AUTHENTICATED_USERS = "S-1-5-11"
EVERYONE = "S-1-1-0"
BUILTIN_PREFIX = "S-1-5-32-"


class MalformedValue(PortalError):
    """The directory sent a value that is not of its attribute's form."""

    code = "malformed_value"
    status = 502


class UserAccountControl(IntFlag):
    """Flags of userAccountControl, [MS-ADTS] 2.2.16, as far as they matter here."""

    ACCOUNT_DISABLED = 0x00000002
    LOCKED_OUT = 0x00000010
    ENCRYPTED_TEXT_PASSWORD_ALLOWED = 0x00000080
    NORMAL_ACCOUNT = 0x00000200
    INTERDOMAIN_TRUST_ACCOUNT = 0x00000800
    WORKSTATION_TRUST_ACCOUNT = 0x00001000
    SERVER_TRUST_ACCOUNT = 0x00002000
    DONT_EXPIRE_PASSWORD = 0x00010000
    TRUSTED_FOR_DELEGATION = 0x00080000
    NOT_DELEGATED = 0x00100000
    USE_DES_KEY_ONLY = 0x00200000
    DONT_REQUIRE_PREAUTH = 0x00400000
    TRUSTED_TO_AUTH_FOR_DELEGATION = 0x01000000
    PARTIAL_SECRETS_ACCOUNT = 0x04000000  # a read-only domain controller


class GroupType(IntFlag):
    """Flags of groupType, [MS-ADTS] 2.2.12."""

    BUILTIN_LOCAL = 0x00000001
    GLOBAL = 0x00000002
    DOMAIN_LOCAL = 0x00000004
    UNIVERSAL = 0x00000008
    SECURITY_ENABLED = 0x80000000


class TrustAttributes(IntFlag):
    """Flags of trustAttributes, [MS-ADTS] 6.1.6.7.9."""

    NON_TRANSITIVE = 0x00000001
    UPLEVEL_ONLY = 0x00000002
    QUARANTINED_DOMAIN = 0x00000004
    FOREST_TRANSITIVE = 0x00000008
    CROSS_ORGANIZATION = 0x00000010  # selective authentication
    WITHIN_FOREST = 0x00000020
    TREAT_AS_EXTERNAL = 0x00000040


def parse_sid(raw: bytes) -> str:
    """The text form of a SID packet ([MS-DTYP] 2.4.2.2).

    Args:
        raw: The whole value of an attribute such as objectSid.

    Returns:
        Such as ``S-1-5-21-1-2-3-1104``. Authorities of 2**32 and above are written in hexadecimal.

    Raises:
        MalformedValue: Wrong revision, count or length.
    """
    if len(raw) < 8 or raw[0] != 1:
        raise MalformedValue("A SID from the directory is malformed.")
    count = raw[1]
    if count > MAXIMUM_SUB_AUTHORITIES or len(raw) != 8 + 4 * count:
        raise MalformedValue("A SID from the directory has the wrong length.")
    if count == 0:
        return _all_but_rid(bytes(raw))
    return f"{_all_but_rid(bytes(raw[:-4]))}-{int.from_bytes(raw[-4:], 'little')}"


@lru_cache(maxsize=1024)
def _all_but_rid(raw: bytes) -> str:
    """A SID without its last part: the same for all objects of a domain."""
    authority = int.from_bytes(raw[2:8], "big")
    shown = str(authority) if authority < 2**32 else f"0x{authority:012X}"
    parts = struct.unpack(f"<{len(raw) // 4 - 2}I", raw[8:])
    return "-".join(["S-1", shown, *map(str, parts)])


def pack_sid(text: str) -> bytes:
    """The packet of a SID written as text: the inverse of :func:`parse_sid`.

    Raises:
        MalformedValue: It is not a SID.
    """
    fields = text.upper().split("-")
    try:
        if len(fields) < 3 or fields[:2] != ["S", "1"]:
            raise ValueError(text)
        authority = int(fields[2], 16 if fields[2].startswith("0X") else 10)
        parts = [int(field) for field in fields[3:]]
        if len(parts) > MAXIMUM_SUB_AUTHORITIES:
            raise ValueError(text)
        return (
            bytes((1, len(parts)))
            + authority.to_bytes(6, "big")
            + struct.pack(f"<{len(parts)}I", *parts)
        )
    except (ValueError, OverflowError, struct.error) as error:
        raise MalformedValue("That is not a SID.") from error


def domain_of_sid(sid: str) -> str:
    """The SID without its last part (the RID): for an account, its domain's SID."""
    return sid.rpartition("-")[0]


def parse_guid(raw: bytes) -> uuid.UUID:
    """A GUID packet, its first three fields little-endian ([MS-DTYP] 2.3.4.2).

    Raises:
        MalformedValue: It is not 16 bytes long.
    """
    if len(raw) != 16:
        raise MalformedValue("A GUID from the directory has the wrong length.")
    return uuid.UUID(bytes_le=bytes(raw))


def parse_integer(raw: bytes) -> int:
    """An Integer or LargeInteger in LDAP's text form.

    Raises:
        MalformedValue: It is not a decimal number of at most 64 bits.
    """
    try:
        value = int(raw.decode("ascii"))
    except (UnicodeDecodeError, ValueError) as error:
        raise MalformedValue("A number from the directory is malformed.") from error
    if not -(2**63) <= value < 2**63:
        raise MalformedValue("A number from the directory is out of range.")
    return value


def parse_filetime(raw: bytes) -> datetime | None:
    """A FILETIME: 100-nanosecond ticks since 1601, as accountExpires or lastLogonTimestamp.

    Returns:
        An aware time in UTC; None for 0 and the largest value, which mean never, and for times
        beyond the year 9999.
    """
    ticks = parse_integer(raw)
    if ticks <= 0 or ticks == FILETIME_NEVER:
        return None
    try:
        return FILETIME_EPOCH + timedelta(microseconds=ticks // 10)
    except OverflowError:
        return None


def parse_generalized_time(raw: bytes) -> datetime:
    """A GeneralizedTime as Active Directory writes it: ``20261123070000.0Z``.

    Raises:
        MalformedValue: It has another form.
    """
    try:
        text = raw.decode("ascii")
        stamp, separator, zone = text.partition(".")
        if separator and zone != "0Z":
            raise ValueError(text)
        return datetime.strptime(stamp.removesuffix("Z"), "%Y%m%d%H%M%S").replace(tzinfo=UTC)
    except (UnicodeDecodeError, ValueError) as error:
        raise MalformedValue("A time from the directory is malformed.") from error


def unsigned(value: int) -> int:
    """A 32-bit flags attribute, which LDAP writes as a signed number, without its sign."""
    return value & 0xFFFFFFFF


def domain_dns_name(distinguished_name: str) -> str:
    """``DC=r2,DC=local`` to ``r2.local``."""
    parts = [part.strip() for part in distinguished_name.split(",")]
    return ".".join(part[3:] for part in parts if part[:3].upper() == "DC=").lower()


def parent_dn(distinguished_name: str) -> str:
    """The distinguished name one level up; empty at the top. Escaped commas do not separate."""
    first, _, rest = distinguished_name.partition(",")
    if "\\" not in first:
        return rest
    escaped = False
    for position, character in enumerate(distinguished_name):
        if escaped:
            escaped = False
        elif character == "\\":
            escaped = True
        elif character == ",":
            return distinguished_name[position + 1 :]
    return ""
