"""Looking into the picture of the directory, and at an object as the directory has it now."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import IntFlag
from functools import partial
from typing import Any

from django.db.models import Q, QuerySet

from directory.comparison import fold_name
from directory.configuration import DomainConfiguration, configured_domains
from directory.controllers import first_answer
from directory.errors import PortalError
from directory.ldap.connection import ServerAddress, close_connection, open_connection
from directory.ldap.entries import Entry
from directory.ldap.search import search_by_guid
from directory.ldap.values import (
    GroupType,
    MalformedValue,
    TrustAttributes,
    UserAccountControl,
    parse_filetime,
    parse_generalized_time,
    parse_guid,
    parse_integer,
    parse_sid,
    unsigned,
)
from directory.models import (
    Account,
    Computer,
    CrossRef,
    DirectoryObject,
    DnsNode,
    Domain,
    ForeignSecurityPrincipal,
    Group,
    GroupPolicy,
    OrganizationalUnit,
    Site,
    Subnet,
    Trust,
    WmiFilter,
)

MODELS: dict[str, type[DirectoryObject]] = {
    "account": Account,
    "group": Group,
    "computer": Computer,
    "organizational unit": OrganizationalUnit,
    "policy": GroupPolicy,
    "domain": Domain,
    "trust": Trust,
    "site": Site,
    "subnet": Subnet,
    "cross-reference": CrossRef,
    "foreign security principal": ForeignSecurityPrincipal,
    "WMI filter": WmiFilter,
    "DNS name": DnsNode,
}
# The columns that a text is looked for in, by the start of the folded ones.
NAME_COLUMNS: dict[str, tuple[str, ...]] = {
    "account": (
        "sam_account_name_folded__startswith",
        "user_principal_name_folded__startswith",
        "display_name__icontains",
        "mail__iexact",
    ),
    "group": ("sam_account_name_folded__contains",),
    "computer": ("name_folded__startswith", "dns_name_folded__startswith"),
    "organizational unit": ("name__icontains",),
    "policy": ("display_name__icontains",),
    "domain": ("dns_name_folded__startswith", "netbios_name_folded__startswith"),
    "trust": ("partner_dns_name__istartswith", "partner_netbios_name__istartswith"),
    "site": ("name_folded__startswith",),
    "subnet": ("name__startswith",),
    "cross-reference": ("name__istartswith", "dns_root__istartswith"),
    "foreign security principal": ("sid__startswith",),
    "WMI filter": ("name__icontains",),
    "DNS name": ("name_folded__startswith", "addresses__address"),
}
# Directories give most of these to nobody; none belongs on a page.
SECRETS = frozenset(
    name.lower()
    for name in (
        "unicodePwd",
        "dBCSPwd",
        "ntPwdHistory",
        "lmPwdHistory",
        "supplementalCredentials",
        "userPassword",
        "unixUserPassword",
        "ms-Mcs-AdmPwd",
        "msLAPS-Password",
        "msLAPS-EncryptedPassword",
        "msLAPS-EncryptedPasswordHistory",
        "msLAPS-EncryptedDSRMPassword",
        "msLAPS-EncryptedDSRMPasswordHistory",
        "msDS-ManagedPassword",
        "msFVE-RecoveryPassword",
        "msFVE-KeyPackage",
        "trustAuthIncoming",
        "trustAuthOutgoing",
        "msPKIAccountCredentials",
        "msPKIDPAPIMasterKeys",
        "initialAuthIncoming",
        "initialAuthOutgoing",
    )
)
SID_ATTRIBUTES = frozenset({"objectsid", "sidhistory", "securityidentifier"})
GUID_ATTRIBUTES = frozenset({"objectguid", "invocationid", "schemaidguid"})
FILETIME_ATTRIBUTES = frozenset(
    {
        "accountexpires",
        "badpasswordtime",
        "lastlogon",
        "lastlogontimestamp",
        "lockouttime",
        "pwdlastset",
    }
)
TIME_ATTRIBUTES = frozenset({"whencreated", "whenchanged", "dscorepropagationdata"})
FLAG_ATTRIBUTES: dict[str, type[IntFlag]] = {
    "useraccountcontrol": UserAccountControl,
    "grouptype": GroupType,
    "trustattributes": TrustAttributes,
}
FLAG_COLUMNS: dict[str, type[IntFlag]] = {
    "user_account_control": UserAccountControl,
    "attributes": TrustAttributes,
}
MOST_VALUES = 100
MOST_CHARACTERS = 500


class ObjectNotThere(PortalError):
    """The directory has no object of this GUID, or does not show it."""

    code = "object_not_there"
    status = 404


@dataclass(frozen=True)
class Found:
    """An object of the picture, with the word for its kind."""

    kind: str
    item: Any

    @property
    def name(self) -> str:
        return str(self.item)


@dataclass(frozen=True)
class LiveValue:
    """One value: as the directory sent it, and what it means."""

    raw: str
    decoded: str


@dataclass(frozen=True)
class LiveAttribute:
    """One attribute as the directory has it now.

    Attributes:
        name: In lower case.
        values: The first of them.
        more: How many there are beyond those.
    """

    name: str
    values: tuple[LiveValue, ...]
    more: int = 0


def search_objects(text: str, *, limit: int = 50) -> list[Found]:
    """Objects of every kind by name, SID, GUID, part of the distinguished name or IP address.

    Args:
        text: Anything; what is no text gives nothing.
        limit: The most of one kind.
    """
    wanted = text.strip().replace("\x00", "")
    if not wanted:
        return []
    found = []
    for kind, model in MODELS.items():
        query = _query(kind, wanted)
        objects = _with_domain(model).filter(query).distinct().order_by("-is_present", "pk")
        found += [Found(kind, item) for item in objects[:limit]]
    return found


def _with_domain(model: type[DirectoryObject]) -> QuerySet[Any]:
    """Objects with their domain loaded, by which most of them are named."""
    objects: QuerySet[Any] = model._default_manager.all()
    return objects.select_related("domain") if hasattr(model, "domain") else objects


def _query(kind: str, wanted: str) -> Q:
    folded = fold_name(wanted.rpartition("\\")[2] or wanted)
    query = Q()
    for column in NAME_COLUMNS[kind]:
        query |= Q(**{column: folded if "folded" in column else wanted})
    if "=" in wanted:
        query |= Q(distinguished_name__icontains=wanted)
    if wanted.upper().startswith("S-1-") and kind in ("account", "group", "computer", "domain"):
        query |= Q(sid=wanted.upper())
    try:
        query |= Q(pk=uuid.UUID(wanted.strip("{}")))
    except ValueError:
        return query
    return query


def find_object(guid: uuid.UUID) -> Found | None:
    """The object of the picture with this GUID; None when there is none."""
    for kind, model in MODELS.items():
        item = _with_domain(model).filter(pk=guid).first()
        if item is not None:
            return Found(kind, item)
    return None


def columns_of(found: Found) -> Iterator[tuple[str, str]]:
    """The columns of an object, each with its value for a person; empty ones are left out."""
    for column in found.item._meta.concrete_fields:
        if column.name in ("guid", "recorded_at", "recorded_run") or "folded" in column.name:
            continue
        value = getattr(found.item, column.attname)
        if value in (None, "", [], {}):
            continue
        if column.is_relation:
            value = _named(column.related_model, value)
        elif isinstance(value, datetime):
            value = f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
        elif isinstance(value, bytes | memoryview):
            value = f"{len(value)} bytes"
        elif isinstance(value, bool):
            value = "yes" if value else "no"
        elif column.name in FLAG_COLUMNS:
            value = f"{value} ({_flags(FLAG_COLUMNS[column.name], value)})"
        elif isinstance(value, list):
            value = "\n".join(map(str, value))
        yield column.verbose_name, str(value)


def _flags(flags: type[IntFlag], value: int) -> str:
    """The names of the flags that are set, as far as they have one here."""
    names = [str(flag.name).lower().replace("_", " ") for flag in flags if value & flag]
    return ", ".join(names) or "none with a name"


def _named(model: Any, guid: uuid.UUID) -> str:
    related = model._default_manager.filter(pk=guid).first()
    return str(related) if related is not None else str(guid)


def read_live(found: Found) -> list[LiveAttribute]:
    """The attributes of an object as a domain controller has them now, by name.

    Args:
        found: An object of a configured domain or its forest.

    Raises:
        ObjectNotThere: Not there any more, or not to be seen by the reading account.
        DirectoryUnavailable, CertificateRefused, CredentialsRefused: No controller answers.
    """
    entry = live_entry(found.item, found.name)
    return [_attribute(name, values) for name, values in sorted(entry.values.items())]


def live_entry(item: DirectoryObject, name: str) -> Entry:
    """An object as a domain controller has it now; raises as :func:`read_live`.

    Args:
        item: An object of a configured domain or its forest.
        name: Its name, for errors.
    """
    for configuration in _configurations(item):
        entry = first_answer(configuration, partial(_read, configuration, item))
        if entry is not None:
            return entry
    raise ObjectNotThere(
        f"The directory does not show {name} any more.",
        remedy="It was deleted, or closed to the reading account, since it was last read.",
    )


def _configurations(item: DirectoryObject) -> list[DomainConfiguration]:
    """The domains to ask: its own, or those of its forest."""
    home = item if isinstance(item, Domain) else getattr(item, "domain", None)
    names = (
        {home.dns_name_folded}
        if home is not None
        else set(
            Domain.objects.filter(forest_dns_name=getattr(item, "forest_dns_name", "")).values_list(
                "dns_name_folded", flat=True
            )
        )
    )
    return [each for each in configured_domains() if each.dns_name in names]


def _read(
    configuration: DomainConfiguration, item: DirectoryObject, address: ServerAddress
) -> Entry | None:
    connection = open_connection(configuration.connection, [address])
    try:
        for entry in search_by_guid(connection, item.distinguished_name, [item.guid], ("*",)):
            return entry
        base = configuration.connection.base_dn
        for entry in search_by_guid(connection, base, [item.guid], ("*",)):
            return entry
        return None
    finally:
        close_connection(connection)


def _attribute(name: str, values: Sequence[bytes]) -> LiveAttribute:
    if name.partition(";")[0] in SECRETS:
        return LiveAttribute(name, (LiveValue("not shown", ""),))
    shown = tuple(_value(name, bytes(raw)) for raw in values[:MOST_VALUES])
    return LiveAttribute(name, shown, max(0, len(values) - MOST_VALUES))


def _value(name: str, raw: bytes) -> LiveValue:
    try:
        text = raw.decode("utf-8")
        is_text = all(character.isprintable() or character in "\r\n\t" for character in text)
    except UnicodeDecodeError:
        text, is_text = "", False
    shown = text if is_text else raw.hex()
    if len(shown) > MOST_CHARACTERS:
        shown = f"{shown[:MOST_CHARACTERS]}... ({len(raw)} bytes)"
    return LiveValue(shown, _decoded(name, raw))


def _decoded(name: str, raw: bytes) -> str:
    """What a value means, where that is not plain from the value; else nothing."""
    try:
        if name in SID_ATTRIBUTES:
            return parse_sid(raw)
        if name in GUID_ATTRIBUTES:
            return str(parse_guid(raw))
        if name in FILETIME_ATTRIBUTES:
            moment = parse_filetime(raw)
            return f"{moment:%Y-%m-%d %H:%M:%S} UTC" if moment else "never"
        if name in FLAG_ATTRIBUTES:
            return _flags(FLAG_ATTRIBUTES[name], unsigned(parse_integer(raw)))
        if name in TIME_ATTRIBUTES:
            return f"{parse_generalized_time(raw):%Y-%m-%d %H:%M:%S} UTC"
    except MalformedValue as error:
        return error.sentence
    return ""
