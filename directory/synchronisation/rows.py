"""From the directory's entries to the rows that hold them. Nothing here reads or writes.

A row is a tuple of text, numbers and truth values in the order of the kind's columns, in forms
that both PostgreSQL and SQLite take as they are: a GUID as 32 hexadecimal digits, a time as UTC
without a zone, a list as JSON. Building model instances would cost more than the whole reading.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from directory.comparison import fold_name
from directory.ldap.entries import Entry
from directory.ldap.extended_names import parse_extended_name, parse_reference
from directory.ldap.security_descriptor import authentication_entries, delegation_entries
from directory.ldap.values import (
    GroupType,
    MalformedValue,
    UserAccountControl,
    parent_dn,
    parse_sid,
    unsigned,
)
from directory.models import Group

Value = str | int | bool | bytes | None
Row = tuple[Value, ...]

# Plain numbers: an operation on an IntFlag takes ten times as long as on these.
DOMAIN_CONTROLLER = int(
    UserAccountControl.SERVER_TRUST_ACCOUNT | UserAccountControl.PARTIAL_SECRETS_ACCOUNT
)
DISABLED = int(UserAccountControl.ACCOUNT_DISABLED)
NO_ITEMS = "[]"
ACTS_FOR_OTHERS = "msDS-AllowedToActOnBehalfOfOtherIdentity"


class Units:
    """The organizational units of a domain by distinguished name, to find what lies in which."""

    def __init__(self, guids: Mapping[str, uuid.UUID]) -> None:
        self._guids = {fold_name(name): guid.hex for name, guid in guids.items()}
        self._nearest: dict[str, str | None] = {}

    def nearest(self, distinguished_name: str) -> str | None:
        """The unit above an object, however far; None for those in containers of the domain."""
        parent = parent_dn(distinguished_name)
        if parent not in self._nearest:
            self._nearest[parent] = self._look_up(fold_name(parent))
        return self._nearest[parent]

    def _look_up(self, place: str) -> str | None:
        while place:
            if place in self._guids:
                return self._guids[place]
            place = parent_dn(place)
        return None


@dataclass(frozen=True)
class Surroundings:
    """What rows of one domain need to know beyond their own entry.

    ``reads_permissions``: a trust is selective, so the computers' permissions are read too.
    """

    domain_guid: str
    domain_sid: str
    domain_dns_name: str
    forest_dns_name: str
    units: Units = field(default_factory=lambda: Units({}))
    reads_permissions: bool = False


RowBuilder = Callable[[Entry, Surroundings], Row]


def key_text(entry: Entry, attribute: str, limit: int) -> str:
    """A value that objects are found by.

    Raises:
        MalformedValue: It is longer than the column. Cut off, it would be another name.
    """
    text = entry.text(attribute)
    if len(text) > limit:
        raise MalformedValue(f"Its {attribute} is longer than {limit} characters.")
    return text


def required_text(entry: Entry, attribute: str, limit: int) -> str:
    """Like :func:`key_text`, for an attribute that every object of its kind has."""
    text = key_text(entry, attribute, limit)
    if not text:
        raise MalformedValue(f"Its {attribute} is missing.")
    return text


def required_sid(entry: Entry) -> str:
    sid = entry.sid()
    if not sid:
        raise MalformedValue("Its objectSid is missing.")
    return sid


def required_flags(entry: Entry, attribute: str) -> int:
    if entry.first(attribute) is None:
        raise MalformedValue(f"Its {attribute} is missing.")
    return unsigned(entry.integer(attribute))


def as_text(moment: datetime | None) -> str | None:
    """A time in UTC as both databases store it."""
    return None if moment is None else str(moment).removesuffix("+00:00")


def as_json(items: Iterable[object]) -> str:
    found = list(items)
    return _dump(found) if found else NO_ITEMS


def texts_as_json(entry: Entry, attribute: str) -> str:
    """All values of an attribute, sorted: a directory gives no order to them."""
    texts = entry.texts(attribute)  # no NUL is left in them
    return f"[{', '.join(map(_quote, sorted(texts)))}]" if texts else NO_ITEMS


def as_object(values: Mapping[str, object]) -> str:
    return _dump(values)


_encode = json.JSONEncoder(sort_keys=True).encode
_quote = json.encoder.encode_basestring_ascii  # what _encode writes, in a tenth of the time


def _dump(value: object) -> str:
    text = _encode(value)
    # PostgreSQL's jsonb holds no NUL. Looking for it in the text is quicker than in every value.
    return _encode(_without_nul(value)) if r"\u0000" in text else text


def _without_nul(value: object) -> object:
    if isinstance(value, str):
        return value.replace("\x00", "\ufffd")
    if isinstance(value, Mapping):
        return {str(_without_nul(name)): _without_nul(item) for name, item in value.items()}
    if isinstance(value, Sequence):
        return [_without_nul(item) for item in value]
    return value


def int32(entry: Entry, attribute: str) -> int:
    """A number as the schema defines it: 32 bits with a sign; 0 when there is none."""
    value = entry.integer(attribute)
    if not -(2**31) <= value < 2**31:
        raise MalformedValue(f"Its {attribute} is out of range.")
    return value


def optional_flags(entry: Entry, attribute: str) -> int | None:
    return None if entry.first(attribute) is None else unsigned(entry.integer(attribute))


def sids(entry: Entry, attribute: str) -> str:
    raw = entry.all(attribute)
    return as_json(sorted(map(parse_sid, raw))) if raw else NO_ITEMS


def reference_guid(entry: Entry, attribute: str) -> str | None:
    """The GUID of the object that a DN-valued attribute names."""
    raw = entry.first(attribute)
    return None if raw is None else parse_reference(raw)[0] or None


UNIT_COLUMNS = ("domain_id", "parent_id", "name", "gp_options", "gp_link")


def unit_row(entry: Entry, around: Surroundings) -> Row:
    return (
        around.domain_guid,
        around.units.nearest(entry.distinguished_name),
        entry.text("name")[:255],
        int32(entry, "gPOptions"),
        entry.text("gPLink"),
    )


PRINCIPAL_COLUMNS = (
    "domain_id",
    "sid",
    "sam_account_name",
    "sam_account_name_folded",
    "description",
)


def _principal(entry: Entry, around: Surroundings) -> Row:
    name = required_text(entry, "sAMAccountName", 256)
    return (
        around.domain_guid,
        required_sid(entry),
        name,
        fold_name(name),
        entry.text("description"),
    )


ACCOUNT_COLUMNS = (
    *PRINCIPAL_COLUMNS,
    "user_principal_name",
    "user_principal_name_folded",
    "display_name",
    "mail",
    "department",
    "title",
    "ou_id",
    "user_account_control",
    "is_enabled",
    "locked_at",
    "expires_at",
    "last_logon_at",
    "primary_group_sid",
    "sid_history",
    "service_principal_names",
    "delegates_to",
)


def account_row(entry: Entry, around: Surroundings) -> Row:
    principal_name = key_text(entry, "userPrincipalName", 1024)
    control = required_flags(entry, "userAccountControl")
    return (
        *_principal(entry, around),
        principal_name,
        fold_name(principal_name),
        entry.text("displayName")[:256],
        entry.text("mail")[:320],
        entry.text("department")[:256],
        entry.text("title")[:256],
        around.units.nearest(entry.distinguished_name),
        control,
        not control & DISABLED,
        as_text(entry.filetime("lockoutTime")),
        as_text(entry.filetime("accountExpires")),
        as_text(entry.filetime("lastLogonTimestamp")),
        _primary_group(entry, around),
        sids(entry, "sIDHistory"),
        texts_as_json(entry, "servicePrincipalName"),
        texts_as_json(entry, "msDS-AllowedToDelegateTo"),
    )


def _primary_group(entry: Entry, around: Surroundings) -> str:
    raw = entry.first("primaryGroupID")
    return "" if raw is None else f"{around.domain_sid}-{entry.integer('primaryGroupID')}"


GROUP_COLUMNS = (*PRINCIPAL_COLUMNS, "is_security", "scope", "sid_history")


def group_row(entry: Entry, around: Surroundings) -> Row:
    kind = required_flags(entry, "groupType")
    return (
        *_principal(entry, around),
        bool(kind & GroupType.SECURITY_ENABLED),
        _scope(kind),
        sids(entry, "sIDHistory"),
    )


def _scope(kind: int) -> str:
    if kind & GroupType.BUILTIN_LOCAL:
        return Group.Scope.BUILTIN_LOCAL.value
    if kind & GroupType.UNIVERSAL:
        return Group.Scope.UNIVERSAL.value
    scope = Group.Scope.GLOBAL if kind & GroupType.GLOBAL else Group.Scope.DOMAIN_LOCAL
    return scope.value


COMPUTER_COLUMNS = (
    *PRINCIPAL_COLUMNS,
    "name",
    "name_folded",
    "dns_name",
    "dns_name_folded",
    "operating_system",
    "operating_system_version",
    "ou_id",
    "managed_by_id",
    "location",
    "service_principal_names",
    "user_account_control",
    "is_enabled",
    "is_domain_controller",
    "last_logon_at",
    "primary_group_sid",
    "encryption_types",
    "delegates_to",
    "allowed_to_act",
    "allowed_to_authenticate",
)


def computer_row(entry: Entry, around: Surroundings) -> Row:
    principal = _principal(entry, around)
    name = str(principal[2]).removesuffix("$")
    dns_name = key_text(entry, "dNSHostName", 255)
    control = required_flags(entry, "userAccountControl")
    return (
        *principal,
        name,
        fold_name(name),
        dns_name,
        fold_name(dns_name),
        entry.text("operatingSystem")[:256],
        entry.text("operatingSystemVersion")[:256],
        around.units.nearest(entry.distinguished_name),
        reference_guid(entry, "managedBy"),
        entry.text("location"),
        texts_as_json(entry, "servicePrincipalName"),
        control,
        not control & DISABLED,
        bool(control & DOMAIN_CONTROLLER),
        as_text(entry.filetime("lastLogonTimestamp")),
        _primary_group(entry, around),
        optional_flags(entry, "msDS-SupportedEncryptionTypes"),
        texts_as_json(entry, "msDS-AllowedToDelegateTo"),
        _acting(entry),
        _authentication(entry) if around.reads_permissions else None,
    )


def _acting(entry: Entry) -> str:
    """Who may act for others at a computer; where that cannot be read, the reason as text.

    It is in the property set of userAccountControl (User Account Restrictions, [MS-ADA2] 2.218,
    [MS-ADA3] 2.342), without which no row is made: where it is absent, nobody may.
    """
    raw = entry.first(ACTS_FOR_OTHERS)
    if raw is None:
        return NO_ITEMS
    try:
        return as_json(delegation_entries(raw))
    except MalformedValue as error:
        return _dump(error.sentence)


def _authentication(entry: Entry) -> str:
    """Who may authenticate to a computer; where that cannot be read, the reason as text."""
    raw = entry.first("nTSecurityDescriptor")
    if raw is None:
        return _dump("The directory does not show them to the reading account.")
    try:
        return as_json(authentication_entries(raw))
    except MalformedValue as error:
        return _dump(error.sentence)


FOREIGN_COLUMNS = ("domain_id", "sid")


def foreign_row(entry: Entry, around: Surroundings) -> Row:
    return around.domain_guid, required_sid(entry)


WMI_FILTER_COLUMNS = ("domain_id", "filter_id", "name", "query")


def wmi_filter_row(entry: Entry, around: Surroundings) -> Row:
    return (
        around.domain_guid,
        required_text(entry, "msWMI-ID", 255),
        entry.text("msWMI-Name"),
        entry.text("msWMI-Parm2"),
    )


CROSS_REF_COLUMNS = (
    "forest_dns_name",
    "name",
    "naming_context",
    "dns_root",
    "netbios_name",
    "system_flags",
    "trust_parent_guid",
    "root_trust_guid",
)


def cross_ref_row(entry: Entry, around: Surroundings) -> Row:
    raw = entry.first("nCName")
    return (
        around.forest_dns_name,
        entry.text("name")[:255],
        parse_extended_name(raw).distinguished_name if raw is not None else "",
        key_text(entry, "dnsRoot", 255),
        key_text(entry, "nETBIOSName", 255),
        unsigned(entry.integer("systemFlags")),
        reference_guid(entry, "trustParent"),
        reference_guid(entry, "rootTrust"),
    )


SITE_COLUMNS = ("forest_dns_name", "name", "name_folded", "gp_options", "gp_link")


def site_row(entry: Entry, around: Surroundings) -> Row:
    name = required_text(entry, "name", 255)
    return (
        around.forest_dns_name,
        name,
        fold_name(name),
        int32(entry, "gPOptions"),
        entry.text("gPLink"),
    )


SUBNET_COLUMNS = ("forest_dns_name", "name", "site_guid")


def subnet_row(entry: Entry, around: Surroundings) -> Row:
    return (
        around.forest_dns_name,
        required_text(entry, "name", 64),
        reference_guid(entry, "siteObject"),
    )
