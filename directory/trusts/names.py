"""Which names a forest trust routes ([MS-DRSR] 5.64.2, [MS-ADTS] 6.1.6.9.3). Pure."""

from __future__ import annotations

from collections.abc import Sequence

from directory.comparison import fold_name
from directory.ldap.forest_trust import (
    DOMAIN_INFO,
    TOP_LEVEL_NAME,
    TOP_LEVEL_NAME_EXCLUSION,
    ForestName,
)

# [MS-ADTS] 6.1.6.9.3.1
DISABLED_REASONS = 0x0000FFFF
TOP_LEVEL_NAME_REASONS = {
    0x1: "it is new and nobody enabled it",
    0x2: "an administrator disabled it",
    0x4: "it conflicts with another trust",
}
SID_DISABLED_BY_ADMINISTRATOR = 0x1
SID_DISABLED_BY_CONFLICT = 0x2
SID_DISABLED = SID_DISABLED_BY_ADMINISTRATOR | SID_DISABLED_BY_CONFLICT


def why_name_not_routed(names: Sequence[ForestName], dns_name: str) -> str:
    """Why a forest trust does not lead to a name; empty when it does.

    Args:
        names: The records of the trust.
        dns_name: Of a domain of the partner's forest.
    """
    for record in _of_kind(names, TOP_LEVEL_NAME_EXCLUSION):
        if is_within(dns_name, record.dns_name):
            return f"the name suffix {record.dns_name} is excluded"
    covering = [
        record for record in _of_kind(names, TOP_LEVEL_NAME) if is_within(dns_name, record.dns_name)
    ]
    if not covering:
        return f"no name suffix covers {dns_name}"
    if any(not record.flags & DISABLED_REASONS for record in covering):
        return ""
    record = covering[0]
    return f"the name suffix {record.dns_name} is disabled: {_reason(record.flags)}"


def why_domain_not_routed(names: Sequence[ForestName], dns_name: str, sid: str) -> str:
    """Why a forest trust does not let a domain's accounts in; empty when it does.

    Args:
        names: The records of the trust.
        dns_name: Of the domain.
        sid: Of the domain.
    """
    unnamed = why_name_not_routed(names, dns_name)
    if unnamed:
        return unnamed
    records = [
        record
        for record in _of_kind(names, DOMAIN_INFO)
        if fold_name(record.dns_name) == fold_name(dns_name)
    ]
    if not records:
        return f"the domain {dns_name} is not among those of the trusted forest"
    record = next((one for one in records if not one.flags & SID_DISABLED), records[0])
    if record.flags & SID_DISABLED_BY_ADMINISTRATOR:
        return f"an administrator disabled the domain {dns_name} in it"
    if record.flags & SID_DISABLED_BY_CONFLICT:
        return f"the SID of the domain {dns_name} conflicts with another trust"
    if record.sid != sid:
        return f"it has another SID for the domain {dns_name} than the domain itself"
    return ""


def domain_sids(names: Sequence[ForestName]) -> frozenset[str]:
    """The SIDs of the domains that a forest trust lets in ([MS-DRSR] 5.97)."""
    excluded = [record.dns_name for record in _of_kind(names, TOP_LEVEL_NAME_EXCLUSION)]
    return frozenset(
        record.sid
        for record in _of_kind(names, DOMAIN_INFO)
        if record.sid
        and not record.flags & SID_DISABLED
        and not any(is_within(record.dns_name, name) for name in excluded)
    )


def is_within(dns_name: str, suffix: str) -> bool:
    """Whether a name is a suffix itself or below it."""
    name, above = fold_name(dns_name), fold_name(suffix)
    return name == above or (bool(above) and name.endswith(f".{above}"))


def _of_kind(names: Sequence[ForestName], kind: int) -> list[ForestName]:
    return [record for record in names if record.kind == kind]


def _reason(flags: int) -> str:
    said = [text for flag, text in TOP_LEVEL_NAME_REASONS.items() if flags & flag]
    return ", ".join(said) or f"flags 0x{flags:X}"
