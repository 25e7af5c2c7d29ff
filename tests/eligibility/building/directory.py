"""The rows of one case, by the names that the case uses."""

from __future__ import annotations

import hashlib
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from directory.comparison import fold_name
from directory.models import Account, Computer, Domain, Group, OrganizationalUnit, Site
from tests.eligibility.vocabulary import Case, DomainLine, Name

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
PORTAL_ACCOUNT = "svc-ra-portal"
EXPERTS = "Portal Experts"
# Relative identifiers that these have in every domain, [MS-DTYP] 2.4.2.4.
WELL_KNOWN = {
    "Domain Admins": 512,
    "Domain Users": 513,
    "Domain Computers": 515,
    "Enterprise Admins": 519,
}
WELL_KNOWN_SIDS = {
    "Everyone": "S-1-1-0",
    "Authenticated Users": "S-1-5-11",
    r"BUILTIN\Administrators": "S-1-5-32-544",
}


@dataclass
class Directory:
    """What a case is built into.

    Attributes:
        domains: Those that the portal has a picture of, by NetBIOS name.
        lines: All that the case speaks of, by DNS name.
    """

    case: Case
    domains: dict[str, Domain] = field(default_factory=dict)
    lines: dict[str, DomainLine] = field(default_factory=dict)
    accounts: dict[str, Account] = field(default_factory=dict)
    groups: dict[str, Group] = field(default_factory=dict)
    units: dict[str, OrganizationalUnit] = field(default_factory=dict)
    sites: dict[str, Site] = field(default_factory=dict)
    computer: Computer = field(init=False)

    @property
    def home(self) -> Domain:
        """The computer's domain."""
        return self.domain_of(self.case.computer.domain)

    @property
    def expert(self) -> Account:
        return self.accounts[str(self.case.expert)]

    @property
    def caller(self) -> Name:
        """The portal's own account: of the computer's domain, unless the case says otherwise."""
        for line in self.case.portal:
            if line.startswith("the portal calls as "):
                return Name.read(line.removeprefix("the portal calls as "))
        return Name(self.home.netbios_name, PORTAL_ACCOUNT)

    def domain_of(self, dns_name: str) -> Domain:
        return self.domains[self.lines[dns_name].netbios_name]

    def is_read(self, dns_name: str) -> bool:
        return dns_name in self.lines and self.lines[dns_name].is_read

    def sid_of(self, text: str) -> str:
        r"""The SID of ``R2\mary``, ``R2\PC1$`` or ``Everyone``; also of what is not there."""
        if text.startswith("S-1-"):
            return text
        if text in WELL_KNOWN_SIDS:
            return WELL_KNOWN_SIDS[text]
        if text in self.groups:
            return self.groups[text].sid
        if text in self.accounts:
            return self.accounts[text].sid
        return self.new_sid(Name.read(text.removesuffix("$")))

    def new_sid(self, name: Name) -> str:
        """A SID that only the name decides: a past SID is then the one of whom it was."""
        if name.domain == "BUILTIN":
            return WELL_KNOWN_SIDS.get(str(name)) or f"S-1-5-32-{600 + _number(name.name) % 300}"
        relative = WELL_KNOWN.get(name.name) or 1100 + _number(str(name).lower()) % 10**6
        return f"{domain_sid(name.domain)}-{relative}"


def domain_sid(netbios_name: str) -> str:
    return f"S-1-5-21-{_number(netbios_name)}-{_number(netbios_name[::-1])}-1"


def _number(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big") % 10**9


def distinguished_name(dns_name: str) -> str:
    return ",".join(f"DC={label}" for label in dns_name.split("."))


def folded(**names: str) -> dict[str, str]:
    return names | {f"{column}_folded": fold_name(name) for column, name in names.items()}


def principal(directory: Directory, name: Name, account_name: str = "") -> dict[str, Any]:
    """The columns that accounts, groups and computers have in common."""
    domain = directory.domains[name.domain]
    return {
        "guid": uuid.uuid4(),
        "distinguished_name": f"CN={name.name},{domain.distinguished_name}",
        "domain": domain,
        "sid": directory.new_sid(name),
        **folded(sam_account_name=account_name or name.name),
    }
