"""``r2.local``: the forest in which the lab's story happens."""

from __future__ import annotations

from lab.world import rules
from lab.world.description import (
    DEFAULT_SITE,
    DIRECTORY_ACCOUNT,
    PORTAL_ACCOUNT,
    WEB_ACCOUNT,
    Computer,
    Controller,
    Domain,
    LoggedOn,
    Person,
    Policy,
    PolicyLink,
    SecurityGroup,
    Site,
    Trust,
    Unit,
)

PORTAL_HOST = "portal.r2.local"  # the name by which browsers of the domain know the portal
NORTHERN = "Northern"  # a site behind a slow line, with a unit of the same name

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
    Unit(NORTHERN),
    Unit("Service Accounts"),
    *rules.UNITS,
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
    Person("swhite", "Sam", "White", "Vancouver", "Helper, may not be delegated", sensitive=True),
    Person("pnovak", "Petra", "Novak", "Vancouver", "Helper, in Protected Users"),
    Person("tmanager", "Tina", "Morgan", "Vancouver", "Helpdesk manager"),
    Person("aauditor", "Alan", "Ortiz", "Vancouver", "Auditor"),
    Person("ooperator", "Olga", "Petrov", "Vancouver", "Operator of the portal"),
    Person("bsmith", "Bob", "Smith", "Winnipeg", "Novice"),
    Person("cwong", "Carol", "Wong", "Winnipeg", "Novice"),
    Person("dbrown", "Derek", "Brown", "Brandon", "Novice"),
    Person(DIRECTORY_ACCOUNT, "Directory", "Reader", "Service Accounts", "", service=True),
    Person(PORTAL_ACCOUNT, "Remote Assistance", "Portal", "Service Accounts", "", service=True),
    Person(
        WEB_ACCOUNT,
        "Remote Assistance",
        "Web",
        "Service Accounts",
        "",
        service=True,
        services=(f"HTTP/{PORTAL_HOST}",),
        delegates=True,
    ),
)

GROUPS = (
    SecurityGroup(
        "Helpdesk Winnipeg",
        (
            "mjones",
            "dcarter",
            "xlee",
            "ovega",
            "swhite",
            "pnovak",
            "Helpdesk Night",
            "Helpdesk News",
        ),
    ),
    SecurityGroup("Helpdesk Night", ("nkhan", "Helpdesk Weekend")),
    SecurityGroup("Helpdesk Weekend", ("Helpdesk Night",)),  # a nesting loop, as directories have
    SecurityGroup("Helpdesk News", ("pwright",), distribution=True),
    SecurityGroup("Helpdesk Brandon", ("mjones", "nkhan")),
    # Domain local on top of universal on top of global, with a loop further down.
    SecurityGroup("Manitoba Resources", ("Staff Canada",), scope="domain local"),
    SecurityGroup("Staff Canada", ("Staff West",), scope="universal"),
    SecurityGroup("Staff West", ("Staff Prairies",), scope="universal"),
    SecurityGroup("Staff Prairies", ("Staff Winnipeg", "Staff Canada"), scope="universal"),
    SecurityGroup("Staff Winnipeg", ("Staff Portage Avenue",)),
    SecurityGroup("Staff Portage Avenue", ("Staff Second Floor",)),
    SecurityGroup("Staff Second Floor", ("bsmith", "cwong")),
    SecurityGroup(
        "Partner Helpers",
        ("Helpdesk Brandon",),
        scope="domain local",
        foreign_members=(r"CONTOSO\alee", r"CONTOSO\Field Support Nights"),
    ),
    SecurityGroup("Remote Assistance Portal", (PORTAL_ACCOUNT,)),
    SecurityGroup(
        "Remote Assistance Experts",
        ("mjones", "nkhan", "radmin", "eadams", "dcarter", "xlee", "pwright", "swhite", "pnovak"),
    ),
    SecurityGroup("Remote Assistance Managers", ("tmanager",)),
    SecurityGroup("Remote Assistance Auditors", ("aauditor",)),
    SecurityGroup("Remote Assistance Operators", ("ooperator",)),
    SecurityGroup("Pilot Computers", ("FLF-W11-01",)),
    SecurityGroup("Domain Admins", ("radmin",), builtin=True),
    SecurityGroup("Protected Users", ("pnovak",), builtin=True),
    *rules.GROUPS,
)

PORTAL_HELPER = rules.PORTAL_HELPER

POLICIES = (
    Policy(
        "WinnipegGPO",
        (PolicyLink("Winnipeg"),),
        offers=True,
        control=True,
        helpers=(r"R2\Helpdesk Winnipeg", r"r2.local\mjones", PORTAL_HELPER),
        firewall=True,
    ),
    Policy(
        "BrandonGPO",
        (PolicyLink("Brandon"),),
        offers=True,
        control=False,
        helpers=(r"R2\Helpdesk Brandon", r"CONTOSO\Field Support", PORTAL_HELPER),
        firewall=True,
    ),
    Policy("SelkirkGPO", (PolicyLink("Selkirk"),), offers=False),
    Policy(
        "FlinFlonGPO",
        (PolicyLink("Flin Flon"),),
        offers=True,
        control=True,
        helpers=(r"R2\Helpdesk Winnipeg", PORTAL_HELPER),
        applies_to_group="Pilot Computers",
    ),
    Policy(
        "ChurchillGPO",
        (PolicyLink("Churchill"),),
        offers=True,
        control=True,
        helpers=(r"R2\Helpdesk Winnipeg", PORTAL_HELPER),
        wmi_filter="Only notebooks",
    ),
    Policy(
        "ThompsonGPO",
        (PolicyLink("Thompson"),),
        offers=True,
        control=True,
        helpers=(r"R2\Helpdesk Winipeg", r"OLDDOMAIN\Helpdesk", PORTAL_HELPER),
        firewall=True,
    ),
    # Says nothing of offers: which site a computer is in decides of the firewall alone.
    Policy("NorthernSiteGPO", (PolicyLink(site=NORTHERN),), firewall=True),
    Policy(
        "NorthernGPO",
        (PolicyLink(NORTHERN),),
        offers=True,
        control=True,
        helpers=(r"R2\Partner Helpers", PORTAL_HELPER),
    ),
    *rules.POLICIES,
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
    Computer(
        "NTH-W11-01",
        NORTHERN,
        "Windows 11 Enterprise",
        "10.0 (22631)",
        1,
        network="127.0.12.",
    ),
    *rules.COMPUTERS,
)

R2 = Domain(
    dns_name="r2.local",
    netbios_name="R2",
    controller=Controller("dc1", "127.0.10.1"),
    folder="",
    directory_account_password="Lab-Directory-2026!",
    portal_account_password="Lab-Portal-2026!",
    web_account_password="Lab-Web-2026!",
    groups_unit="Vancouver",
    units=UNITS,
    people=PEOPLE,
    groups=GROUPS,
    policies=POLICIES,
    computers=COMPUTERS,
    sites=(
        Site(DEFAULT_SITE, ("127.0.10.0/24", "127.0.11.0/24")),
        Site(NORTHERN, ("127.0.12.0/24",)),
    ),
    trusts=(
        Trust("contoso.test", "CONTOSO", direction=3, attributes=8),
        # A row that can be read and leads nowhere: fabrikam.test trusts this domain, one way.
        Trust(
            "fabrikam.test",
            "FABRIKAM",
            direction=1,
            attributes=4,
            sid="S-1-5-21-1004336348-1177238915-682003330",
        ),
    ),
    reads_deleted_objects=True,
)
