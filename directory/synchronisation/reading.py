"""Reading one domain: everything is fetched before anything is stored."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import ldap3

from directory.comparison import fold_name
from directory.controllers import controller_addresses
from directory.grouppolicy.firewall import FirewallExceptions, read_firewall
from directory.grouppolicy.registry_pol import MalformedRegistryPolicy, parse_registry_policy
from directory.grouppolicy.remote_assistance import RemoteAssistancePolicy, read_remote_assistance
from directory.grouppolicy.sysvol import Sysvol, SysvolUnavailable, policy_path
from directory.ldap import DirectoryConnectionSettings
from directory.ldap.connection import ServerAddress, close_connection, open_connection
from directory.ldap.entries import Entry
from directory.ldap.search import escape, read_one, search
from directory.ldap.security_descriptor import is_security_filtered
from directory.ldap.values import MalformedValue, domain_dns_name
from directory.synchronisation.errors import WrongDomain
from directory.synchronisation.progress import Progress, ReportProgress

# sAMAccountType ([MS-SAMR] 2.2.1.9). Trust accounts are 805306370 and never anybody's account.
ACCOUNTS = "(&(objectCategory=person)(sAMAccountType=805306368))"
COMPUTERS = "(&(objectCategory=computer)(sAMAccountType=805306369))"
GROUPS = "(objectCategory=group)"
UNITS = "(objectCategory=organizationalUnit)"
TRUSTS = "(objectClass=trustedDomain)"
FOREIGN = "(objectClass=foreignSecurityPrincipal)"
POLICIES = "(objectClass=groupPolicyContainer)"
WMI_FILTERS = "(objectClass=msWMI-Som)"
SITES = "(&(objectClass=site)(gPLink=*))"

COMMON = ("objectGUID", "objectSid", "sAMAccountName", "description")
LINKED = ("objectGUID", "gPLink", "gPOptions")
ACCOUNT_ATTRIBUTES = (
    *COMMON,
    "userPrincipalName",
    "displayName",
    "mail",
    "title",
    "userAccountControl",
    "msDS-User-Account-Control-Computed",
    "accountExpires",
    "primaryGroupID",
    "lastLogonTimestamp",
)
GROUP_ATTRIBUTES = (*COMMON, "groupType", "member")
COMPUTER_ATTRIBUTES = (
    *COMMON,
    "dNSHostName",
    "operatingSystem",
    "operatingSystemVersion",
    "userAccountControl",
    "primaryGroupID",
    "lastLogonTimestamp",
    "managedBy",
)
POLICY_ATTRIBUTES = (
    "objectGUID",
    "cn",
    "displayName",
    "versionNumber",
    "flags",
    "gPCFileSysPath",
    "gPCWQLFilter",
    "whenChanged",
    "nTSecurityDescriptor",
)
TRUST_ATTRIBUTES = (
    "objectGUID",
    "trustPartner",
    "flatName",
    "securityIdentifier",
    "trustDirection",
    "trustType",
    "trustAttributes",
)
PROGRESS_EVERY = 500


@dataclass(frozen=True)
class PolicyContent:
    """A policy with what its files in SYSVOL say; ``read_error`` tells why they could not."""

    entry: Entry
    remote_assistance: RemoteAssistancePolicy
    firewall: FirewallExceptions
    is_security_filtered: bool | None
    wmi_filter: str
    read_error: str


@dataclass(frozen=True)
class DomainContent:
    """Everything that was read of one domain."""

    head: Entry
    dns_name: str
    netbios_name: str
    forest_dns_name: str
    trusts: Sequence[Entry]
    units: Sequence[Entry]
    accounts: Sequence[Entry]
    groups: Sequence[Entry]
    foreign_principals: Sequence[Entry]
    computers: Sequence[Entry]
    policies: Sequence[PolicyContent]
    sites: Sequence[Entry]


def read_domain(domain: DirectoryConnectionSettings, report: ReportProgress) -> DomainContent:
    """Everything the portal needs to know of one domain.

    Args:
        domain: How to reach it.
        report: Told how far the reading is.

    Raises:
        DirectoryUnavailable, CertificateRefused, CredentialsRefused, NameServiceUnavailable,
        SysvolUnavailable: It cannot be reached or read.
        WrongDomain: The controller serves another domain.
    """
    report(Progress("connecting"))
    addresses = controller_addresses(domain)
    connection = open_connection(domain, addresses)
    try:
        return _Reader(domain, addresses, connection, report).read()
    finally:
        close_connection(connection)


class _Reader:
    """One connection's worth of reading."""

    def __init__(
        self,
        domain: DirectoryConnectionSettings,
        addresses: Sequence[ServerAddress],
        connection: ldap3.Connection,
        report: ReportProgress,
    ) -> None:
        self._domain = domain
        self._base = domain.base_dn
        self._connection = connection
        self._report = report
        # Files are read from the controller that answers LDAP, so that both halves of a policy
        # come from one replica.
        connected = str(connection.server.host)
        self._controller = next(address for address in addresses if address.ip == connected)

    def read(self) -> DomainContent:
        self._report(Progress("domain"))
        root = read_one(
            self._connection,
            "",
            ("defaultNamingContext", "configurationNamingContext", "rootDomainNamingContext"),
        )
        if fold_name(root.text("defaultNamingContext")) != fold_name(self._base):
            raise WrongDomain(
                f"{self._controller.dns_name} serves {root.text('defaultNamingContext')}, not "
                f"{self._domain.domain}.",
                remedy="Compare DIRECTORY_DOMAIN with DIRECTORY_SERVERS.",
            )
        configuration = root.text("configurationNamingContext")
        head = read_one(self._connection, self._base, ("objectSid", *LINKED))
        return DomainContent(
            head=head,
            dns_name=self._domain.domain,
            netbios_name=self._netbios_name(configuration),
            forest_dns_name=domain_dns_name(root.text("rootDomainNamingContext")),
            trusts=self._all(TRUSTS, TRUST_ATTRIBUTES, base=f"CN=System,{self._base}"),
            sites=self._all(SITES, ("name", *LINKED), base=f"CN=Sites,{configuration}"),
            units=self._all(UNITS, ("name", *LINKED), stage="organizational units"),
            accounts=self._all(ACCOUNTS, ACCOUNT_ATTRIBUTES, stage="accounts"),
            groups=self._all(GROUPS, GROUP_ATTRIBUTES, stage="groups"),
            foreign_principals=self._all(FOREIGN, ("objectGUID", "objectSid")),
            computers=self._all(COMPUTERS, COMPUTER_ATTRIBUTES, stage="computers"),
            policies=self._policies(),
        )

    def _netbios_name(self, configuration: str) -> str:
        wanted = f"(&(objectClass=crossRef)(nCName={escape(self._base)}))"
        for entry in self._all(wanted, ("nETBIOSName",), base=f"CN=Partitions,{configuration}"):
            return entry.text("nETBIOSName")
        raise WrongDomain(
            f"The forest of {self._domain.domain} does not list it among its partitions.",
            remedy="Let the reading account read CN=Partitions of the configuration.",
        )

    def _all(
        self, wanted: str, attributes: Iterable[str], *, base: str = "", stage: str = ""
    ) -> list[Entry]:
        found: list[Entry] = []
        if stage:
            self._report(Progress(stage))
        for entry in search(self._connection, base or self._base, wanted, tuple(attributes)):
            found.append(entry)
            if stage and len(found) % PROGRESS_EVERY == 0:
                self._report(Progress(stage, len(found)))
        return found

    def _policies(self) -> list[PolicyContent]:
        self._report(Progress("policies"))
        system = f"CN=System,{self._base}"
        filters = {
            fold_name(entry.text("msWMI-ID")): entry.text("msWMI-Name")
            for entry in self._all(
                WMI_FILTERS, ("msWMI-ID", "msWMI-Name"), base=f"CN=SOM,CN=WMIPolicy,{system}"
            )
        }
        entries = list(
            search(
                self._connection,
                f"CN=Policies,{system}",
                POLICIES,
                POLICY_ATTRIBUTES,
                with_security_descriptor=True,
            )
        )
        if not entries:
            return []
        with Sysvol(
            self._controller.dns_name,
            self._controller.ip,
            principal=self._domain.bind_principal,
            password=self._domain.bind_password,
            connect_timeout_seconds=self._domain.connect_timeout_seconds,
            read_timeout_seconds=self._domain.read_timeout_seconds,
        ) as sysvol:
            contents = []
            for number, entry in enumerate(entries, start=1):
                contents.append(self._policy(entry, sysvol, filters))
                self._report(Progress("policies", number))
            return contents

    def _policy(self, entry: Entry, sysvol: Sysvol, filters: dict[str, str]) -> PolicyContent:
        remote_assistance, firewall, problem = RemoteAssistancePolicy(), FirewallExceptions(), ""
        try:
            raw = self._registry_pol(entry, sysvol)
            entries = parse_registry_policy(raw) if raw is not None else ()
            remote_assistance, firewall = read_remote_assistance(entries), read_firewall(entries)
        except (SysvolUnavailable, MalformedRegistryPolicy, MalformedValue) as error:
            problem = error.sentence
        return PolicyContent(
            entry=entry,
            remote_assistance=remote_assistance,
            firewall=firewall,
            is_security_filtered=_filtered(entry),
            wmi_filter=_wmi_filter(entry.text("gPCWQLFilter"), filters),
            read_error=problem,
        )

    def _registry_pol(self, entry: Entry, sysvol: Sysvol) -> bytes | None:
        """The machine half's Registry.pol; None when the policy has no such settings."""
        folder = policy_path(entry.text("gPCFileSysPath"), self._domain.domain)
        raw = sysvol.read(rf"{folder}\Machine\Registry.pol")
        if raw is None and sysvol.read(rf"{folder}\GPT.INI") is None:
            raise SysvolUnavailable("Its folder in SYSVOL is missing or closed to the portal.")
        return raw


def _filtered(entry: Entry) -> bool | None:
    raw = entry.first("nTSecurityDescriptor")
    if raw is None:
        return None
    try:
        return is_security_filtered(raw)
    except MalformedValue:
        return None


def _wmi_filter(value: str, filters: dict[str, str]) -> str:
    """The linked WMI filter's name, or its id: ``[r2.local;{GUID};0]`` ([MS-GPOL] 2.2.4)."""
    fields = value.strip().strip("[]").split(";")
    if len(fields) < 2:
        return value.strip()
    return filters.get(fold_name(fields[1])) or fields[1]
