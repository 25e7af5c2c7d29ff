"""``contoso.test``: a second forest, which trusts ``r2.local`` and is trusted by it."""

from __future__ import annotations

from lab.world.description import (
    DEFAULT_SITE,
    DIRECTORY_ACCOUNT,
    Computer,
    Controller,
    Domain,
    Person,
    Policy,
    PolicyLink,
    SecurityGroup,
    Site,
    Trust,
    Unit,
)

UNITS = (Unit("Seattle"), Unit("Tacoma", parent="Seattle"), Unit("Service Accounts"))

PEOPLE = (
    Person("alee", "Amy", "Lee", "Seattle", "Helpdesk expert, helper in r2.local as well"),
    Person("kstone", "Karl", "Stone", "Seattle", "Helpdesk expert (nested group)"),
    Person("fgreen", "Fay", "Green", "Seattle", "Helper, account disabled", disabled=True),
    Person("jdoe", "John", "Doe", "Seattle", "Novice"),
    # Moved here from r2.local: her old SID came with her.
    Person("mmoved", "Mary", "Moved", "Seattle", "Helpdesk expert", was=r"R2\mjones"),
    # Two forests have two people of one account name.
    Person("bsmith", "Beth", "Smith", "Tacoma", "Novice"),
    Person(DIRECTORY_ACCOUNT, "Directory", "Reader", "Service Accounts", "", service=True),
)

GROUPS = (
    SecurityGroup("Field Support", ("alee", "fgreen", "Field Support Nights"), scope="universal"),
    SecurityGroup("Field Support Nights", ("kstone",)),
    SecurityGroup(
        "Seattle Helpers",
        ("Field Support",),
        scope="domain local",
        foreign_members=(r"R2\mjones", r"R2\Helpdesk Winnipeg"),
    ),
    SecurityGroup("Contoso Experts", ("alee", "kstone", "fgreen", "mmoved")),
)

POLICIES = (
    Policy(
        "SeattleGPO",
        (PolicyLink("Seattle"),),
        offers=True,
        control=True,
        helpers=(r"CONTOSO\Seattle Helpers", r"R2\nkhan", r"R2\Remote Assistance Portal"),
        firewall=True,
    ),
)

COMPUTERS = (
    Computer(
        "SEA-W11-01",
        "Seattle",
        "Windows 11 Enterprise",
        "10.0 (22631)",
        1,
        domain="contoso.test",
        network="127.0.21.",
    ),
    Computer(
        "TAC-W10-02",
        "Tacoma",
        "Windows 10 Enterprise",
        "10.0 (19045)",
        2,
        domain="contoso.test",
        network="127.0.21.",
    ),
)

CONTOSO = Domain(
    dns_name="contoso.test",
    netbios_name="CONTOSO",
    controller=Controller("contoso-dc1", "127.0.20.1"),
    folder="contoso",
    directory_account_password="Contoso-Directory-2026!",
    groups_unit="Seattle",
    units=UNITS,
    people=PEOPLE,
    groups=GROUPS,
    policies=POLICIES,
    computers=COMPUTERS,
    sites=(Site(DEFAULT_SITE, ("127.0.20.0/24", "127.0.21.0/24")),),
    trusts=(Trust("r2.local", "R2", direction=3, attributes=8),),
)
