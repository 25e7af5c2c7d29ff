"""What the lab's world is made of: the kinds of things that its domains are described by.

Pure data: it is read by this project's interpreter and by Debian's, where python3-samba lives.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

ADMINISTRATOR_PASSWORD = "Lab-Admin-2026!"
PERSON_PASSWORD = "Lab-Pass-2026!"

DIRECTORY_ACCOUNT = "svc-ra-directory"  # reads LDAP and SYSVOL, nothing else
PORTAL_ACCOUNT = "svc-ra-portal"  # the authority *service*: on the helper lists, no other right
WEB_ACCOUNT = "svc-ra-web"  # single sign-on and the authority *delegated*: on no helper list

DEFAULT_SITE = "Default-First-Site-Name"  # every forest begins with it


@dataclass(frozen=True)
class Person:
    """An account; ``expired`` sets accountExpires in the past.

    Attributes:
        was: Whose SID of the other domain it has in its sIDHistory, as ``R2\\mjones``.
        sensitive: *Account is sensitive and cannot be delegated*.
        services: Service principal names.
        delegates: It may act for others at every computer that is simulated (classic constrained
            delegation, without protocol transition).
    """

    name: str
    given_name: str
    surname: str
    unit: str
    title: str
    disabled: bool = False
    expired: bool = False
    service: bool = False
    was: str = ""
    sensitive: bool = False
    services: tuple[str, ...] = ()
    delegates: bool = False

    @property
    def display_name(self) -> str:
        return f"{self.given_name} {self.surname}".strip()


@dataclass(frozen=True)
class SecurityGroup:
    """A group; ``distribution`` makes it one that grants nothing.

    Attributes:
        foreign_members: Accounts and groups of the other forest, as ``CONTOSO\\alee``; they are
            members as foreign security principals, so the group has to be domain local.
    """

    name: str
    members: tuple[str, ...]
    distribution: bool = False
    builtin: bool = False
    scope: Literal["global", "universal", "domain local"] = "global"
    foreign_members: tuple[str, ...] = ()


@dataclass(frozen=True)
class Unit:
    """An organizational unit; ``parent`` is the unit above it, "" the domain."""

    name: str
    parent: str = ""
    blocks_inheritance: bool = False


@dataclass(frozen=True)
class PolicyLink:
    """Where a policy is linked: a unit, a site, or (both "") the domain head."""

    unit: str = ""
    enforced: bool = False
    disabled: bool = False
    site: str = ""


@dataclass(frozen=True)
class Policy:
    """A Group Policy Object. ``offers`` None leaves Offer Remote Assistance not configured.

    Attributes:
        applies_to_group: Security filtering: only this group may apply it.
        denied_to_group: This group is denied Apply Group Policy.
        wmi_filter: Name of a WMI filter to link.
        versions_behind: How many versions its files in SYSVOL are older than its object.
    """

    name: str
    links: tuple[PolicyLink, ...]
    offers: bool | None = None
    control: bool | None = None
    helpers: tuple[str, ...] = ()
    firewall: bool = False
    applies_to_group: str = ""
    wmi_filter: str = ""
    denied_to_group: str = ""
    computer_half_disabled: bool = False
    versions_behind: int = 0


@dataclass(frozen=True)
class LoggedOn:
    user: str
    session_id: int
    state: str = "active"  # active, idle, disconnected: Windows lists only active ones


@dataclass(frozen=True)
class Computer:
    """A computer object and, where ``behaviour`` is set, its simulated Windows.

    behaviour: "" no simulator (switched off), "normal", "busy" (0x80070052), "legacy" (only the
    XP interface: IRASrv is not registered), "silent" (accepts connections, never answers),
    "garbage" (answers with rubbish), "slow" (each answer takes two seconds).
    answer: what the novice does when asked: accept, accept-control, decline, ignore.
    may_authenticate: who of the other forest has Allowed to Authenticate, as ``CONTOSO\\alee``.
    """

    name: str
    unit: str
    operating_system: str
    operating_system_version: str
    last_octet: int
    behaviour: str = ""
    answer: str = "accept"
    logged_on: tuple[LoggedOn, ...] = ()
    desktop: bool = False
    disabled: bool = False
    answer_window_seconds: float = 3.0
    groups: tuple[str, ...] = field(default=())
    in_dns: bool = True
    domain: str = "r2.local"
    network: str = "127.0.11."
    may_authenticate: tuple[str, ...] = ()

    @property
    def address(self) -> str:
        return f"{self.network}{self.last_octet}"

    @property
    def dns_name(self) -> str:
        return f"{self.name.lower()}.{self.domain}"


@dataclass(frozen=True)
class Site:
    """A site and its subnets; the one that every forest begins with only gets the subnets."""

    name: str
    subnets: tuple[str, ...]


@dataclass(frozen=True)
class Trust:
    """A trust as this domain has it.

    Attributes:
        partner: DNS name of the other domain.
        sid: Of the other domain; "" for a domain of the lab, whose own is taken.
        direction: trustDirection ([MS-ADTS] 6.1.6.7.12): 1 the partner trusts this domain, 2 this
            domain trusts the partner, 3 both.
        attributes: trustAttributes (6.1.6.7.9): 4 quarantined (external), 8 forest transitive.
    """

    partner: str
    netbios_name: str
    direction: int
    attributes: int
    sid: str = ""

    @property
    def is_live(self) -> bool:
        """Whether the partner is there: a domain of the lab."""
        return not self.sid


@dataclass(frozen=True)
class Controller:
    """A domain controller: its name, in the lab too, and the loopback address it has alone."""

    name: str
    address: str


@dataclass(frozen=True)
class Domain:
    """A domain, which is a forest of its own.

    Attributes:
        folder: Below ``keytabs/`` and ``passwords/``, and what its other files begin with; "" for
            the domain whose files lie in these folders themselves.
        groups_unit: The unit that holds its groups.
        reads_deleted_objects: Whether the reading account may list what was deleted.
    """

    dns_name: str
    netbios_name: str
    controller: Controller
    folder: str
    directory_account_password: str
    groups_unit: str
    units: tuple[Unit, ...]
    people: tuple[Person, ...]
    groups: tuple[SecurityGroup, ...]
    policies: tuple[Policy, ...]
    computers: tuple[Computer, ...]
    trusts: tuple[Trust, ...]
    sites: tuple[Site, ...] = ()
    reads_deleted_objects: bool = False
    portal_account_password: str = ""
    web_account_password: str = ""

    @property
    def realm(self) -> str:
        return self.dns_name.upper()

    @property
    def base_dn(self) -> str:
        return ",".join(f"DC={label}" for label in self.dns_name.split("."))

    @property
    def controller_host(self) -> str:
        return f"{self.controller.name}.{self.dns_name}"

    @property
    def networks(self) -> tuple[str, ...]:
        """The first three octets of the computers' addresses, each network once."""
        return tuple(dict.fromkeys(computer.network.rstrip(".") for computer in self.computers))

    def unit_dn(self, name: str) -> str:
        """The distinguished name of a unit; raises StopIteration when there is none."""
        unit = next(unit for unit in self.units if unit.name == name)
        return f"OU={name},{self.unit_dn(unit.parent) if unit.parent else self.base_dn}"

    def site_dn(self, name: str) -> str:
        return f"CN={name},CN=Sites,CN=Configuration,{self.base_dn}"

    def password_of(self, person: Person) -> str:
        return {
            DIRECTORY_ACCOUNT: self.directory_account_password,
            PORTAL_ACCOUNT: self.portal_account_password,
            WEB_ACCOUNT: self.web_account_password,
        }.get(person.name, PERSON_PASSWORD)
