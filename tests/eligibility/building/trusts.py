"""Trusts: the trustedDomain objects of both sides ([MS-ADTS] 6.1.6.7)."""

from __future__ import annotations

import re
import uuid
from typing import Any

from directory.models import Trust
from tests.eligibility.building.directory import Directory, distinguished_name, domain_sid
from tests.eligibility.building.domains import parent_of
from tests.eligibility.vocabulary import DomainLine, TrustLine, UnreadableCase

UPLEVEL = 2
# trustType where it is another one, 6.1.6.7.15.
TYPES = {"downlevel": 1, "realm": 3, "dce": 4, "azure": 5}
# trustAttributes as Windows sets them when it makes such a trust, 6.1.6.7.9: an external trust is
# quarantined and a realm trust not transitive unless somebody changes that.
ATTRIBUTES = {
    **dict.fromkeys(("parent-child", "tree-root", "shortcut"), 0x20),
    **dict.fromkeys(("external", "downlevel"), 0x4),
    **dict.fromkeys(("dce", "azure"), 0),
    "forest": 0x8,
    "realm": 0x1,
}
SET = {
    "not transitive": 0x1,
    "quarantined": 0x4,
    "selective authentication": 0x10,
    "SID history allowed": 0x40,
}
CLEARED = {"not quarantined": 0x4, "transitive": 0x1}
NAME_OPTION = re.compile(r"(name|domain) (\S+) (disabled|left out|excluded)")
OTHER_OPTIONS = frozenset({"disabled", "names unreadable"})

TOP_LEVEL_NAME, EXCLUDED_NAME, DOMAIN_NAME = 0, 1, 2  # 6.1.6.9.3.2
NAME_DISABLED = 0x2  # by an administrator, 6.1.6.9.3.1
DOMAIN_DISABLED = 0x1 | 0x4  # its SID and its NetBIOS name, both by an administrator


def add_trusts(directory: Directory) -> None:
    for line in directory.case.trusts:
        _require_known_options(line)
        for owner, partner, direction in (
            (line.trusting, line.trusted, 2),
            (line.trusted, line.trusting, 1),
        ):
            if directory.is_read(owner):
                _add_object(directory, line, owner, partner, 3 if line.is_mutual else direction)


def _require_known_options(line: TrustLine) -> None:
    for option in line.options:
        name = option.partition(" at ")[0]
        known = name in SET or name in CLEARED or name in OTHER_OPTIONS
        if not known and not NAME_OPTION.fullmatch(name):
            raise UnreadableCase(f"{option!r} is not said of a trust.")


def _add_object(
    directory: Directory, line: TrustLine, owner: str, partner: str, direction: int
) -> None:
    said = {
        name
        for name, _, place in (option.partition(" at ") for option in line.options)
        if place in ("", owner)
    }
    attributes = ATTRIBUTES[line.kind]
    for option in said:
        attributes = (attributes | SET.get(option, 0)) & ~CLEARED.get(option, 0)
    netbios_name = partner.partition(".")[0].upper()
    is_readable = "names unreadable" not in said
    Trust.objects.create(
        guid=uuid.uuid4(),
        distinguished_name=f"CN={partner},CN=System,{distinguished_name(owner)}",
        domain=directory.domain_of(owner),
        partner_dns_name=partner,
        partner_netbios_name=netbios_name,
        partner_sid="" if line.kind in ("realm", "dce", "azure") else domain_sid(netbios_name),
        direction=0 if "disabled" in said else direction,
        type=TYPES.get(line.kind, UPLEVEL),
        attributes=attributes,
        forest_names=(
            _forest_names(directory, said, partner) if line.kind == "forest" and is_readable else []
        ),
        forest_names_error="" if is_readable else "The forest trust information is cut off.",
    )


def _forest_names(directory: Directory, said: set[str], partner: str) -> list[dict[str, Any]]:
    """msDS-TrustForestTrustInfo: every tree and every domain of the partner's forest."""
    words: dict[tuple[str, str], str] = {}
    for found in filter(None, (NAME_OPTION.fullmatch(option) for option in said)):
        words[found[1], found[2]] = found[3]
    forest = [line for line in directory.lines.values() if line.forest == partner]
    forest = forest or [DomainLine(partner, partner, is_read=False)]
    names = []
    for line in forest:
        word = words.get(("name", line.dns_name))
        if parent_of(directory, line) is None and word != "left out":
            flags = NAME_DISABLED if word == "disabled" else 0
            names.append(_record(TOP_LEVEL_NAME, flags, line.dns_name))
    for (_, name), word in words.items():
        if word == "excluded":
            names.append(_record(EXCLUDED_NAME, 0, name))
    for line in forest:
        word = words.get(("domain", line.dns_name))
        if word != "left out":
            flags = DOMAIN_DISABLED if word == "disabled" else 0
            sid = domain_sid(line.netbios_name)
            names.append(_record(DOMAIN_NAME, flags, line.dns_name, line.netbios_name, sid))
    return names


def _record(
    kind: int, flags: int, dns_name: str, netbios_name: str = "", sid: str = ""
) -> dict[str, Any]:
    return {
        "kind": kind,
        "flags": flags,
        "dns_name": dns_name,
        "netbios_name": netbios_name,
        "sid": sid,
    }
