"""The lab's world: every person, group, unit, policy and computer of its two forests.

One description that the domain controllers are filled from and the simulated computers act by.
Pure data: it is read by this project's interpreter and by Debian's, where python3-samba lives.
What has no domain in its name is that of ``r2.local``, where the lab's story happens.
"""

from __future__ import annotations

from lab.world.contoso import CONTOSO
from lab.world.description import (
    ADMINISTRATOR_PASSWORD,
    DEFAULT_SITE,
    DIRECTORY_ACCOUNT,
    PERSON_PASSWORD,
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
from lab.world.r2 import PORTAL_HELPER, PORTAL_HOST, R2

__all__ = [
    "ADMINISTRATOR_PASSWORD",
    "CONTOSO",
    "DEFAULT_SITE",
    "DIRECTORY_ACCOUNT",
    "DOMAINS",
    "PERSON_PASSWORD",
    "PORTAL_ACCOUNT",
    "PORTAL_HELPER",
    "PORTAL_HOST",
    "R2",
    "WEB_ACCOUNT",
    "Computer",
    "Controller",
    "Domain",
    "LoggedOn",
    "Person",
    "Policy",
    "PolicyLink",
    "SecurityGroup",
    "Site",
    "Trust",
    "Unit",
    "computer",
    "domain",
]

DOMAINS = (R2, CONTOSO)
NAME_SERVER_ADDRESS = "127.0.9.1"  # knows both forests; only the domain controllers ask it

DNS_NAME = R2.dns_name
NETBIOS_NAME = R2.netbios_name
REALM = R2.realm
BASE_DN = R2.base_dn
CONTROLLER_NAME = R2.controller.name
CONTROLLER_ADDRESS = R2.controller.address
COMPUTER_NETWORK = "127.0.11."  # where the simulated computers are
DIRECTORY_ACCOUNT_PASSWORD = R2.directory_account_password
PORTAL_ACCOUNT_PASSWORD = R2.portal_account_password
UNITS = R2.units
PEOPLE = R2.people
GROUPS = R2.groups
POLICIES = R2.policies
COMPUTERS = R2.computers

# Both sides of the trust between the two forests are given it: Samba itself would draw one.
TRUST_PASSWORD = "Lab-Trust-between-r2-and-contoso-2026!"


def domain(dns_name: str) -> Domain:
    """The domain of that name; raises KeyError when the lab has none."""
    for candidate in DOMAINS:
        if candidate.dns_name == dns_name:
            return candidate
    raise KeyError(dns_name)


def computer(name: str) -> Computer:
    """The computer of that name, in any case; raises KeyError when the lab has none."""
    for one in DOMAINS:
        for candidate in one.computers:
            if candidate.name.lower() == name.lower():
                return candidate
    raise KeyError(name)
