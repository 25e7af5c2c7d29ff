"""From the directory's entries to the rows that hold them. Nothing here reads or writes."""

from __future__ import annotations

import uuid
from collections.abc import Mapping

from directory.comparison import fold_name
from directory.ldap.entries import Entry
from directory.ldap.values import (
    GroupType,
    MalformedValue,
    UserAccountControl,
    parent_dn,
    unsigned,
)
from directory.models import (
    Account,
    Computer,
    Domain,
    Group,
    GroupPolicy,
    OrganizationalUnit,
    Trust,
)
from directory.synchronisation.reading import DomainContent, PolicyContent

UnitsByDn = Mapping[str, uuid.UUID]
DOMAIN_CONTROLLER = (
    UserAccountControl.SERVER_TRUST_ACCOUNT | UserAccountControl.PARTIAL_SECRETS_ACCOUNT
)


def domain_row(content: DomainContent, generation: int) -> Domain:
    return Domain(
        guid=content.head.guid,
        distinguished_name=content.head.distinguished_name,
        generation=generation,
        dns_name=content.dns_name,
        dns_name_folded=fold_name(content.dns_name),
        netbios_name=content.netbios_name,
        netbios_name_folded=fold_name(content.netbios_name),
        sid=content.head.sid(),
        forest_dns_name=content.forest_dns_name,
        gp_options=content.head.integer("gPOptions"),
    )


def trust_row(entry: Entry, domain: Domain, generation: int) -> Trust:
    return Trust(
        guid=entry.guid,
        distinguished_name=entry.distinguished_name,
        generation=generation,
        domain=domain,
        partner_dns_name=entry.text("trustPartner"),
        partner_netbios_name=entry.text("flatName"),
        partner_sid=entry.sid("securityIdentifier"),
        direction=entry.integer("trustDirection"),
        type=entry.integer("trustType"),
        attributes=entry.integer("trustAttributes"),
    )


def unit_row(entry: Entry, domain: Domain, generation: int, units: UnitsByDn) -> OrganizationalUnit:
    return OrganizationalUnit(
        guid=entry.guid,
        distinguished_name=entry.distinguished_name,
        generation=generation,
        domain=domain,
        parent_id=nearest_unit(parent_dn(entry.distinguished_name), units),
        name=entry.text("name"),
        gp_options=entry.integer("gPOptions"),
    )


def nearest_unit(distinguished_name: str, units: UnitsByDn) -> uuid.UUID | None:
    """The unit that a place is, or lies in however deep; None for containers of the domain."""
    place = fold_name(distinguished_name)
    while place:
        if place in units:
            return units[place]
        place = parent_dn(place)
    return None


def account_row(entry: Entry, domain: Domain, generation: int, units: UnitsByDn) -> Account:
    name, principal_name = entry.text("sAMAccountName"), entry.text("userPrincipalName")
    control = unsigned(entry.integer("userAccountControl"))
    computed = unsigned(entry.integer("msDS-User-Account-Control-Computed"))
    return Account(
        guid=entry.guid,
        distinguished_name=entry.distinguished_name,
        generation=generation,
        domain=domain,
        sid=entry.sid(),
        sam_account_name=name,
        sam_account_name_folded=fold_name(name),
        description=entry.text("description"),
        user_principal_name=principal_name,
        user_principal_name_folded=fold_name(principal_name),
        display_name=entry.text("displayName"),
        mail=entry.text("mail")[:320],
        title=entry.text("title")[:256],
        ou_id=nearest_unit(parent_dn(entry.distinguished_name), units),
        user_account_control=control,
        is_enabled=not control & UserAccountControl.ACCOUNT_DISABLED,
        is_locked=bool((control | computed) & UserAccountControl.LOCKED_OUT),
        expires_at=entry.filetime("accountExpires"),
        last_logon_at=entry.filetime("lastLogonTimestamp"),
    )


def group_row(entry: Entry, domain: Domain, generation: int) -> Group:
    name = entry.text("sAMAccountName")
    kind = unsigned(entry.integer("groupType"))
    return Group(
        guid=entry.guid,
        distinguished_name=entry.distinguished_name,
        generation=generation,
        domain=domain,
        sid=entry.sid(),
        sam_account_name=name,
        sam_account_name_folded=fold_name(name),
        description=entry.text("description"),
        is_security=bool(kind & GroupType.SECURITY_ENABLED),
        scope=_scope(kind),
    )


def _scope(kind: int) -> str:
    if kind & GroupType.BUILTIN_LOCAL:
        return Group.Scope.BUILTIN_LOCAL
    if kind & GroupType.UNIVERSAL:
        return Group.Scope.UNIVERSAL
    return Group.Scope.GLOBAL if kind & GroupType.GLOBAL else Group.Scope.DOMAIN_LOCAL


def computer_row(
    entry: Entry,
    domain: Domain,
    generation: int,
    units: UnitsByDn,
    accounts: Mapping[str, uuid.UUID],
) -> Computer:
    """A computer; ``accounts`` leads from a folded distinguished name to who manages it."""
    account_name, dns_name = entry.text("sAMAccountName"), entry.text("dNSHostName")
    name = account_name.removesuffix("$")
    control = unsigned(entry.integer("userAccountControl"))
    return Computer(
        guid=entry.guid,
        distinguished_name=entry.distinguished_name,
        generation=generation,
        domain=domain,
        sid=entry.sid(),
        sam_account_name=account_name,
        sam_account_name_folded=fold_name(account_name),
        description=entry.text("description"),
        name=name,
        name_folded=fold_name(name),
        dns_name=dns_name[:255],
        dns_name_folded=fold_name(dns_name[:255]),
        operating_system=entry.text("operatingSystem")[:256],
        operating_system_version=entry.text("operatingSystemVersion")[:256],
        ou_id=nearest_unit(parent_dn(entry.distinguished_name), units),
        managed_by_id=accounts.get(fold_name(entry.text("managedBy"))),
        user_account_control=control,
        is_enabled=not control & UserAccountControl.ACCOUNT_DISABLED,
        is_domain_controller=bool(control & DOMAIN_CONTROLLER),
        last_logon_at=entry.filetime("lastLogonTimestamp"),
    )


def policy_row(content: PolicyContent, domain: Domain, generation: int) -> GroupPolicy:
    entry, settings, firewall = content.entry, content.remote_assistance, content.firewall
    return GroupPolicy(
        guid=entry.guid,
        distinguished_name=entry.distinguished_name,
        generation=generation,
        domain=domain,
        policy_guid=policy_guid(entry.text("cn")),
        display_name=(entry.text("displayName") or entry.text("cn"))[:255],
        version=unsigned(entry.integer("versionNumber")),
        flags=entry.integer("flags"),
        file_system_path=entry.text("gPCFileSysPath"),
        changed_at=entry.time("whenChanged"),
        offers_allowed=settings.offers_allowed,
        offers_removed=settings.offers_removed,
        control_allowed=settings.control_allowed,
        control_removed=settings.control_removed,
        replaces_helpers=settings.replaces_helpers,
        removed_helpers=list(settings.removed_helpers),
        has_soft_values=settings.has_soft_values,
        other_settings=settings.other,
        firewall={
            "dcom": firewall.dcom,
            "msra": firewall.msra,
            "raserver": firewall.raserver,
            "blocks": list(firewall.blocks),
        }
        if firewall.is_stated
        else {},
        wmi_filter=content.wmi_filter,
        is_security_filtered=content.is_security_filtered,
        read_error=content.read_error,
    )


def policy_guid(name: str) -> uuid.UUID:
    """The GUID that is a policy's name, ``{31B2F340-016D-11D2-945F-00C04FB984F9}``.

    Raises:
        MalformedValue: The name is none.
    """
    try:
        return uuid.UUID(name.strip("{}"))
    except ValueError as error:
        raise MalformedValue(f"The Group Policy object {name!r} has no GUID for a name.") from error
