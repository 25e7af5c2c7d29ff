"""From trustedDomain objects to the rows that hold them. Nothing here reads or writes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict

from directory.ldap.entries import Entry
from directory.ldap.forest_trust import parse_forest_trust
from directory.ldap.values import MalformedValue
from directory.synchronisation.rows import (
    NO_ITEMS,
    Row,
    Surroundings,
    Value,
    as_json,
    int32,
    key_text,
    optional_flags,
    required_flags,
    required_text,
)

TRUST_COLUMNS = (
    "domain_id",
    "partner_dns_name",
    "partner_netbios_name",
    "partner_sid",
    "direction",
    "type",
    "attributes",
    "encryption_types",
    "forest_names",
    "forest_names_error",
)


# What no trust has. A trust that is broken must not stay as it was known: it might have let in.
NO_NUMBER, NO_FLAGS, NO_SID = -1, 1 << 32, "?"


def trust_row(entry: Entry, around: Surroundings) -> Row:
    """A trust; of what is missing or malformed in it, values that nobody can go by."""
    names, problem = _forest_names(entry)
    return (
        around.domain_guid,
        required_text(entry, "trustPartner", 255),
        key_text(entry, "flatName", 255),
        _readable(lambda: entry.sid("securityIdentifier"), NO_SID),
        _readable(lambda: _required_number(entry, "trustDirection"), NO_NUMBER),
        _readable(lambda: _required_number(entry, "trustType"), NO_NUMBER),
        _readable(lambda: required_flags(entry, "trustAttributes"), NO_FLAGS),
        optional_flags(entry, "msDS-SupportedEncryptionTypes"),
        names,
        problem,
    )


def _required_number(entry: Entry, attribute: str) -> int:
    if entry.first(attribute) is None:
        raise MalformedValue(f"Its {attribute} is missing.")
    return int32(entry, attribute)


def _readable(read: Callable[[], Value], otherwise: Value) -> Value:
    try:
        return read()
    except MalformedValue:
        return otherwise


def _forest_names(entry: Entry) -> tuple[str, str]:
    """The names of the partner's forest, and why they could not be read."""
    raw = entry.first("msDS-TrustForestTrustInfo")
    if raw is None:
        return NO_ITEMS, ""
    try:
        return as_json(asdict(name) for name in parse_forest_trust(raw)), ""
    except MalformedValue as error:
        return NO_ITEMS, error.sentence
