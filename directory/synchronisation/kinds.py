"""The kinds of objects that are read: where they are, what is asked of them, where they go.

A kind is all that full, incremental and sweeping runs need to know; they differ only in how they
find out which objects to read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum

from directory.ldap.entries import Entry
from directory.ldap.extended_names import parse_reference
from directory.models import (
    Account,
    Computer,
    CrossRef,
    DirectoryObject,
    DnsAddress,
    DnsNode,
    ForeignSecurityPrincipal,
    Group,
    GroupPolicy,
    Membership,
    OrganizationalUnit,
    Site,
    Subnet,
    Trust,
    WmiFilter,
)
from directory.synchronisation import rows
from directory.synchronisation.dns_rows import DNS_COLUMNS, addresses_of, dns_row
from directory.synchronisation.policy_rows import POLICY_COLUMNS
from directory.synchronisation.rows import Row, RowBuilder
from directory.synchronisation.trust_rows import TRUST_COLUMNS, trust_row


class Place(Enum):
    """The naming contexts that are read."""

    DOMAIN = "domain"
    CONFIGURATION = "configuration"
    DOMAIN_DNS = "DomainDnsZones"
    FOREST_DNS = "ForestDnsZones"


@dataclass(frozen=True)
class Relation:
    """Rows that belong to an object and are replaced with it: members, addresses.

    Attributes:
        model: Where they are kept.
        columns: The first is the column of the owner, the second tells rows of one owner apart.
        read: From the entry, rows without the owner's column.
    """

    model: type[Membership] | type[DnsAddress]
    columns: tuple[str, ...]
    read: Callable[[Entry], Iterable[Row]]


@dataclass(frozen=True)
class Kind:
    """One kind of object.

    Attributes:
        name: In the plural, for counts, progress and the removal limit.
        model: Where it is kept.
        places: In which naming contexts.
        below: The part of the naming context it is looked for in, as the start of a DN.
        search_filter: Finds all of them.
        attributes: What is read of each.
        columns: Of its row, without guid and distinguished_name.
        build: From the entry; None for policies, whose other half is in files.
        relation: What is kept beside the row.
        is_large: There may be so many that several connections share the reading.
    """

    name: str
    model: type[DirectoryObject]
    places: tuple[Place, ...]
    search_filter: str
    attributes: tuple[str, ...]
    columns: tuple[str, ...]
    build: RowBuilder | None
    below: str = ""
    relation: Relation | None = None
    with_security_descriptor: bool = False
    is_large: bool = False

    @property
    def scope_column(self) -> str:
        """The column that says whose it is: a domain's or a forest's."""
        return self.columns[0]

    def base(self, naming_context: str) -> str:
        return f"{self.below},{naming_context}" if self.below else naming_context


def _members(entry: Entry) -> Iterable[Row]:
    for raw in entry.all("member"):
        guid, sid = parse_reference(raw)
        # A member without a SID - a contact - can be no account, group or computer.
        if sid:
            yield guid, sid


DOMAIN_ONLY = (Place.DOMAIN,)
CONFIGURATION_ONLY = (Place.CONFIGURATION,)
PRINCIPAL = ("sAMAccountName", "description", "sIDHistory")
LINKED = ("name", "gPLink", "gPOptions")

UNITS = Kind(
    name="organizational units",
    model=OrganizationalUnit,
    places=DOMAIN_ONLY,
    search_filter="(objectCategory=organizationalUnit)",
    attributes=LINKED,
    columns=rows.UNIT_COLUMNS,
    build=rows.unit_row,
)
TRUSTS = Kind(
    name="trusts",
    model=Trust,
    places=DOMAIN_ONLY,
    below="CN=System",
    search_filter="(objectClass=trustedDomain)",
    attributes=(
        "trustPartner",
        "flatName",
        "securityIdentifier",
        "trustDirection",
        "trustType",
        "trustAttributes",
        "msDS-SupportedEncryptionTypes",
        "msDS-TrustForestTrustInfo",
    ),
    columns=TRUST_COLUMNS,
    build=trust_row,
)
# sAMAccountType ([MS-SAMR] 2.2.1.9). Trust accounts are 805306370 and never anybody's account.
ACCOUNTS = Kind(
    name="accounts",
    model=Account,
    places=DOMAIN_ONLY,
    search_filter="(&(objectCategory=person)(sAMAccountType=805306368))",
    attributes=(
        *PRINCIPAL,
        "userPrincipalName",
        "displayName",
        "mail",
        "department",
        "title",
        "userAccountControl",
        "lockoutTime",
        "accountExpires",
        "lastLogonTimestamp",
        "primaryGroupID",
        "servicePrincipalName",
        "msDS-AllowedToDelegateTo",
    ),
    columns=rows.ACCOUNT_COLUMNS,
    build=rows.account_row,
    is_large=True,
)
GROUPS = Kind(
    name="groups",
    model=Group,
    places=DOMAIN_ONLY,
    search_filter="(objectCategory=group)",
    attributes=(*PRINCIPAL, "groupType", "member"),
    columns=rows.GROUP_COLUMNS,
    build=rows.group_row,
    relation=Relation(Membership, ("group_id", "member_guid", "member_sid"), _members),
)
FOREIGN_PRINCIPALS = Kind(
    name="foreign security principals",
    model=ForeignSecurityPrincipal,
    places=DOMAIN_ONLY,
    search_filter="(objectClass=foreignSecurityPrincipal)",
    attributes=("objectSid",),
    columns=rows.FOREIGN_COLUMNS,
    build=rows.foreign_row,
)
COMPUTERS = Kind(
    name="computers",
    model=Computer,
    places=DOMAIN_ONLY,
    search_filter="(&(objectCategory=computer)(sAMAccountType=805306369))",
    attributes=(
        "sAMAccountName",
        "description",
        "dNSHostName",
        "operatingSystem",
        "operatingSystemVersion",
        "managedBy",
        "location",
        "servicePrincipalName",
        "userAccountControl",
        "lastLogonTimestamp",
        "primaryGroupID",
        "msDS-SupportedEncryptionTypes",
        "msDS-AllowedToDelegateTo",
        rows.ACTS_FOR_OTHERS,
    ),
    columns=rows.COMPUTER_COLUMNS,
    build=rows.computer_row,
    is_large=True,
)
WMI_FILTERS = Kind(
    name="WMI filters",
    model=WmiFilter,
    places=DOMAIN_ONLY,
    below="CN=SOM,CN=WMIPolicy,CN=System",
    search_filter="(objectClass=msWMI-Som)",
    attributes=("msWMI-ID", "msWMI-Name", "msWMI-Parm2"),
    columns=rows.WMI_FILTER_COLUMNS,
    build=rows.wmi_filter_row,
)
POLICIES = Kind(
    name="policies",
    model=GroupPolicy,
    places=DOMAIN_ONLY,
    below="CN=Policies,CN=System",
    search_filter="(objectClass=groupPolicyContainer)",
    attributes=(
        "cn",
        "displayName",
        "versionNumber",
        "flags",
        "gPCFunctionalityVersion",
        "gPCMachineExtensionNames",
        "gPCFileSysPath",
        "gPCWQLFilter",
        "whenChanged",
        "nTSecurityDescriptor",
    ),
    columns=POLICY_COLUMNS,
    build=None,
    with_security_descriptor=True,
)
CROSS_REFS = Kind(
    name="cross-references",
    model=CrossRef,
    places=CONFIGURATION_ONLY,
    below="CN=Partitions",
    search_filter="(objectClass=crossRef)",
    attributes=(
        "name",
        "nCName",
        "dnsRoot",
        "nETBIOSName",
        "systemFlags",
        "trustParent",
        "rootTrust",
    ),
    columns=rows.CROSS_REF_COLUMNS,
    build=rows.cross_ref_row,
)
SITES = Kind(
    name="sites",
    model=Site,
    places=CONFIGURATION_ONLY,
    below="CN=Sites",
    search_filter="(objectClass=site)",
    attributes=LINKED,
    columns=rows.SITE_COLUMNS,
    build=rows.site_row,
)
SUBNETS = Kind(
    name="subnets",
    model=Subnet,
    places=CONFIGURATION_ONLY,
    below="CN=Subnets,CN=Sites",
    search_filter="(objectClass=subnet)",
    attributes=("name", "siteObject"),
    columns=rows.SUBNET_COLUMNS,
    build=rows.subnet_row,
)
DNS_NODES = Kind(
    name="DNS names",
    model=DnsNode,
    places=(Place.DOMAIN_DNS, Place.FOREST_DNS, Place.DOMAIN),
    search_filter="(&(objectClass=dnsNode)(!(dNSTombstoned=TRUE)))",
    attributes=("dnsRecord",),
    columns=DNS_COLUMNS,
    build=dns_row,
    relation=Relation(DnsAddress, ("node_id", "address"), addresses_of),
)

# In the order of storing: what others refer to comes first.
KINDS = (
    UNITS,
    CROSS_REFS,
    SITES,
    SUBNETS,
    TRUSTS,
    ACCOUNTS,
    GROUPS,
    FOREIGN_PRINCIPALS,
    COMPUTERS,
    WMI_FILTERS,
    POLICIES,
    DNS_NODES,
)
