"""The lab's world: every person, group, unit, policy and computer of ``r2.local``.

One description that the domain controller is filled from and the simulated computers act by.
Pure data: it is read by this project's interpreter and by Debian's, where python3-samba lives.
"""

from __future__ import annotations

from dataclasses import dataclass, field

DNS_NAME = "r2.local"
NETBIOS_NAME = "R2"
REALM = "R2.LOCAL"
BASE_DN = "DC=r2,DC=local"
CONTROLLER_NAME = "dc1"
CONTROLLER_ADDRESS = "127.0.10.1"
COMPUTER_NETWORK = "127.0.11."

ADMINISTRATOR_PASSWORD = "Lab-Admin-2026!"
PERSON_PASSWORD = "Lab-Pass-2026!"
DIRECTORY_ACCOUNT_PASSWORD = "Lab-Directory-2026!"
PORTAL_ACCOUNT_PASSWORD = "Lab-Portal-2026!"

DIRECTORY_ACCOUNT = "svc-ra-directory"  # reads LDAP and SYSVOL, nothing else
PORTAL_ACCOUNT = "svc-ra-portal"  # the authority *service*: on the helper lists, no other right


@dataclass(frozen=True)
class Person:
    """An account; ``expired`` sets accountExpires in the past."""

    name: str
    given_name: str
    surname: str
    unit: str
    title: str
    disabled: bool = False
    expired: bool = False
    service: bool = False

    @property
    def display_name(self) -> str:
        return f"{self.given_name} {self.surname}".strip()


@dataclass(frozen=True)
class SecurityGroup:
    """A global group; ``distribution`` makes it one that grants nothing."""

    name: str
    members: tuple[str, ...]
    distribution: bool = False
    builtin: bool = False


@dataclass(frozen=True)
class Unit:
    """An organizational unit, by its path below the domain (``Child/Parent`` order as in a DN)."""

    name: str
    parent: str = ""
    blocks_inheritance: bool = False

    @property
    def distinguished_name(self) -> str:
        above = f"OU={self.parent}," if self.parent else ""
        return f"OU={self.name},{above}{BASE_DN}"


@dataclass(frozen=True)
class PolicyLink:
    unit: str  # "" is the domain head
    enforced: bool = False
    disabled: bool = False


@dataclass(frozen=True)
class Policy:
    """A Group Policy Object. ``offers`` None leaves Offer Remote Assistance not configured."""

    name: str
    links: tuple[PolicyLink, ...]
    offers: bool | None = None
    control: bool | None = None
    helpers: tuple[str, ...] = ()
    firewall: bool = False
    applies_to_group: str = ""  # security filtering: only this group may apply it
    wmi_filter: str = ""  # name of a WMI filter to link


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

    @property
    def address(self) -> str:
        return f"{COMPUTER_NETWORK}{self.last_octet}"

    @property
    def dns_name(self) -> str:
        return f"{self.name.lower()}.{DNS_NAME}"


UNITS = (
    Unit("Vancouver"),
    Unit("Winnipeg"),
    Unit("Brandon"),
    Unit("Gimli"),
    Unit("Flin Flon"),
    Unit("Churchill"),
    Unit("Thompson"),
    Unit("Selkirk"),
    Unit("Isolated", parent="Winnipeg", blocks_inheritance=True),
    Unit("Service Accounts"),
)

PEOPLE = (
    Person("mjones", "Mary", "Jones", "Vancouver", "Helpdesk expert"),
    Person("nkhan", "Nadia", "Khan", "Vancouver", "Helpdesk expert, night shift (nested group)"),
    Person("radmin", "Ruth", "Admin", "Vancouver", "Domain administrator"),
    Person("eadams", "Eve", "Adams", "Vancouver", "On no helper list"),
    Person("dcarter", "Dan", "Carter", "Vancouver", "Helper, account disabled", disabled=True),
    Person("xlee", "Xavier", "Lee", "Vancouver", "Helper, account expired", expired=True),
    Person("pwright", "Paula", "Wright", "Vancouver", "Only in a distribution group"),
    Person("ovega", "Oscar", "Vega", "Vancouver", "Helper by policy, no role in the portal"),
    Person("tmanager", "Tina", "Morgan", "Vancouver", "Helpdesk manager"),
    Person("aauditor", "Alan", "Ortiz", "Vancouver", "Auditor"),
    Person("ooperator", "Olga", "Petrov", "Vancouver", "Operator of the portal"),
    Person("bsmith", "Bob", "Smith", "Winnipeg", "Novice"),
    Person("cwong", "Carol", "Wong", "Winnipeg", "Novice"),
    Person("dbrown", "Derek", "Brown", "Brandon", "Novice"),
    Person(DIRECTORY_ACCOUNT, "Directory", "Reader", "Service Accounts", "", service=True),
    Person(PORTAL_ACCOUNT, "Remote Assistance", "Portal", "Service Accounts", "", service=True),
)

GROUPS = (
    SecurityGroup(
        "Helpdesk Winnipeg",
        ("mjones", "dcarter", "xlee", "ovega", "Helpdesk Night", "Helpdesk News"),
    ),
    SecurityGroup("Helpdesk Night", ("nkhan", "Helpdesk Weekend")),
    SecurityGroup("Helpdesk Weekend", ("Helpdesk Night",)),  # a nesting loop, as directories have
    SecurityGroup("Helpdesk News", ("pwright",), distribution=True),
    SecurityGroup("Helpdesk Brandon", ("mjones", "nkhan")),
    SecurityGroup("Remote Assistance Portal", (PORTAL_ACCOUNT,)),
    SecurityGroup(
        "Remote Assistance Experts",
        ("mjones", "nkhan", "radmin", "eadams", "dcarter", "xlee", "pwright"),
    ),
    SecurityGroup("Remote Assistance Managers", ("tmanager",)),
    SecurityGroup("Remote Assistance Auditors", ("aauditor",)),
    SecurityGroup("Remote Assistance Operators", ("ooperator",)),
    SecurityGroup("Pilot Computers", ("FLF-W11-01",)),
    SecurityGroup("Domain Admins", ("radmin",), builtin=True),
)

PORTAL_HELPER = rf"{NETBIOS_NAME}\Remote Assistance Portal"

POLICIES = (
    Policy(
        "WinnipegGPO",
        (PolicyLink("Winnipeg"),),
        offers=True,
        control=True,
        helpers=(rf"{NETBIOS_NAME}\Helpdesk Winnipeg", rf"{DNS_NAME}\mjones", PORTAL_HELPER),
        firewall=True,
    ),
    Policy(
        "BrandonGPO",
        (PolicyLink("Brandon"),),
        offers=True,
        control=False,
        helpers=(rf"{NETBIOS_NAME}\Helpdesk Brandon", PORTAL_HELPER),
        firewall=True,
    ),
    Policy("SelkirkGPO", (PolicyLink("Selkirk"),), offers=False),
    Policy(
        "FlinFlonGPO",
        (PolicyLink("Flin Flon"),),
        offers=True,
        control=True,
        helpers=(rf"{NETBIOS_NAME}\Helpdesk Winnipeg", PORTAL_HELPER),
        applies_to_group="Pilot Computers",
    ),
    Policy(
        "ChurchillGPO",
        (PolicyLink("Churchill"),),
        offers=True,
        control=True,
        helpers=(rf"{NETBIOS_NAME}\Helpdesk Winnipeg", PORTAL_HELPER),
        wmi_filter="Only notebooks",
    ),
    Policy(
        "ThompsonGPO",
        (PolicyLink("Thompson"),),
        offers=True,
        control=True,
        helpers=(rf"{NETBIOS_NAME}\Helpdesk Winipeg", r"OLDDOMAIN\Helpdesk", PORTAL_HELPER),
        firewall=True,
    ),
)

BOB = (LoggedOn("bsmith", 1),)

COMPUTERS = (
    # Its name is older than its Windows: XP191 was reinstalled twice and never renamed.
    Computer(
        "XP191",
        "Winnipeg",
        "Windows 10 Enterprise",
        "10.0 (19045)",
        191,
        "normal",
        logged_on=BOB,
        desktop=True,
    ),
    Computer(
        "WPG-W11-02",
        "Winnipeg",
        "Windows 11 Enterprise",
        "10.0 (22631)",
        2,
        "normal",
        logged_on=(
            LoggedOn("bsmith", 2),
            LoggedOn("cwong", 3),
            LoggedOn("dbrown", 4, "disconnected"),
        ),
    ),
    Computer("WPG-W10-03", "Winnipeg", "Windows 10 Pro", "10.0 (19045)", 3, "normal"),
    Computer(
        "WPG-W7-04", "Winnipeg", "Windows 7 Enterprise", "6.1 (7601)", 4, "busy", logged_on=BOB
    ),
    Computer(
        "WPG-W81-05",
        "Winnipeg",
        "Windows 8.1 Pro",
        "6.3 (9600)",
        5,
        "normal",
        "ignore",
        logged_on=BOB,
    ),
    Computer(
        "WPG-XP-06", "Winnipeg", "Windows XP Professional", "5.1 (2600)", 6, "legacy", logged_on=BOB
    ),
    Computer("WPG-HOME-07", "Winnipeg", "Windows 10 Home", "10.0 (19045)", 7),
    Computer("WPG-OLD-08", "Winnipeg", "Windows 10 Enterprise", "10.0 (19045)", 8, disabled=True),
    Computer("WPG-OFF-09", "Winnipeg", "Windows 11 Enterprise", "10.0 (22631)", 9),
    Computer(
        "WPG-MUTE-10",
        "Winnipeg",
        "Windows 11 Enterprise",
        "10.0 (22631)",
        10,
        "silent",
        logged_on=BOB,
    ),
    Computer(
        "WPG-W11-11",
        "Winnipeg",
        "Windows 11 Enterprise",
        "10.0 (22631)",
        11,
        "normal",
        "decline",
        logged_on=BOB,
    ),
    Computer(
        "WPG-BAD-12",
        "Winnipeg",
        "Windows 11 Enterprise",
        "10.0 (22631)",
        12,
        "garbage",
        logged_on=BOB,
    ),
    Computer(
        "WPG-W11-13",
        "Winnipeg",
        "Windows 11 Enterprise",
        "10.0 (22631)",
        13,
        "normal",
        "accept-control",
        logged_on=BOB,
    ),
    Computer(
        "WPG-SRV-14",
        "Winnipeg",
        "Windows Server 2022 Standard",
        "10.0 (20348)",
        14,
        "normal",
        logged_on=BOB,
    ),
    Computer("WPG-NODNS-15", "Winnipeg", "Windows 11 Enterprise", "10.0 (22631)", 15, in_dns=False),
    Computer("WPG-LINUX-16", "Winnipeg", "Samba", "4.17.12", 16),
    Computer(
        "BDN-W10-01",
        "Brandon",
        "Windows 10 Enterprise",
        "10.0 (19045)",
        31,
        "normal",
        logged_on=(LoggedOn("dbrown", 1),),
    ),
    Computer(
        "GIM-W11-01", "Gimli", "Windows 11 Enterprise", "10.0 (22631)", 41, "normal", logged_on=BOB
    ),
    Computer(
        "SLK-W11-01",
        "Selkirk",
        "Windows 11 Enterprise",
        "10.0 (22631)",
        51,
        "normal",
        logged_on=BOB,
    ),
    Computer(
        "FLF-W11-01",
        "Flin Flon",
        "Windows 11 Enterprise",
        "10.0 (22631)",
        61,
        "normal",
        logged_on=BOB,
    ),
    Computer(
        "CHU-W11-01",
        "Churchill",
        "Windows 11 Enterprise",
        "10.0 (22631)",
        71,
        "normal",
        logged_on=BOB,
    ),
    Computer(
        "TMP-W11-01",
        "Thompson",
        "Windows 11 Enterprise",
        "10.0 (22631)",
        81,
        "normal",
        logged_on=BOB,
    ),
    Computer(
        "ISO-W11-01",
        "Isolated",
        "Windows 11 Enterprise",
        "10.0 (22631)",
        91,
        "normal",
        logged_on=BOB,
    ),
)


def computer(name: str) -> Computer:
    """The computer of that name, in any case; raises KeyError when the lab has none."""
    for candidate in COMPUTERS:
        if candidate.name.lower() == name.lower():
            return candidate
    raise KeyError(name)
