"""A directory at size: computers, accounts and nested groups below ``OU=Bulk``, by a seed.

Pure data, as ``lab/world``: read by this project's interpreter and by Debian's. The same size
and seed give the same names, attributes and memberships, whenever and wherever they are made.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

from lab import world

UNIT_DN = f"OU=Bulk,{world.BASE_DN}"
COMPUTERS_PER_PLACE = 2_500
TOWER = 25  # groups that are nested into each other together
DEPTH = 20  # of them, the longest chain
MEMBERSHIPS = (2, 3, 4, 4, 5, 6)  # of one account, each as likely: four on average
COMPUTERS_IN_GROUPS = 0.2
NEWEST_LOGON_AT = 134_116_128_000_000_000  # 2026-01-01 as FILETIME
DAY = 864_000_000_000  # FILETIME counts 100 ns
NEVER = 9_223_372_036_854_775_807

ACCOUNT_DISABLED = 0x2
NORMAL_ACCOUNT = 0x200
WORKSTATION_TRUST = 0x1000
PASSWORD_NEVER_EXPIRES = 0x10000
GLOBAL, DOMAIN_LOCAL, UNIVERSAL = 0x2, 0x4, 0x8
SECURITY = -0x80000000

Value = str | list[str]


@dataclass(frozen=True)
class Record:
    """An object to add: its distinguished name and its attributes as LDAP takes them."""

    dn: str
    values: dict[str, Value]


PLACES = (
    *(("Toronto", "TOR"), ("Montréal", "MTL"), ("Calgary", "CGY"), ("Ottawa", "OTT")),
    *(("Edmonton", "EDM"), ("Québec", "QBC"), ("Hamilton", "HAM"), ("Kitchener", "KIT")),
    *(("London", "LON"), ("Halifax", "HFX"), ("Oshawa", "OSH"), ("Victoria", "VIC")),
    *(("Windsor", "WIN"), ("Saskatoon", "SKN"), ("Regina", "REG"), ("Sherbrooke", "SHB")),
    *(("Barrie", "BAR"), ("Kelowna", "KEL"), ("Abbotsford", "ABB"), ("Kingston", "KGN")),
    *(("Trois-Rivières", "TRV"), ("Guelph", "GUE"), ("Moncton", "MON"), ("Brantford", "BRA")),
    *(("Saint John", "STJ"), ("Thunder Bay", "THB"), ("Nanaimo", "NAN"), ("Sudbury", "SUD")),
    *(("Lethbridge", "LET"), ("Red Deer", "RED"), ("Kamloops", "KAM"), ("Chilliwack", "CHL")),
    *(("Fredericton", "FRE"), ("Medicine Hat", "MED"), ("Whitehorse", "WHI"), ("Iqaluit", "IQA")),
    *(("Yellowknife", "YEL"), ("Charlottetown", "CHA"), ("Gander", "GAN"), ("Gaspé", "GAS")),
)
GIVEN_NAMES = (
    *("Anna", "Noah", "Chloé", "Liam", "Zoë", "Lucas", "Maria", "Émile", "Olivia", "Łukasz"),
    *("Sofía", "Ethan", "Amélie", "Jack", "Nora", "Søren", "Grace", "Daniel", "Aisha", "Peter"),
    *("Mei", "Omar", "Ingrid", "Raj", "Hannah", "José", "Fatima", "Owen", "Yuki", "Marta"),
)
SURNAMES = (
    *("Tremblay", "Smith", "Gagnon", "Brown", "Roy", "Singh", "Côté", "Wilson", "Bouchard", "Li"),
    *("Gauthier", "Martin", "Morin", "Campbell", "Lavoie", "Wong", "Fortin", "Macdonald", "Gill"),
    *("Pelletier", "Nguyen", "Bélanger", "Taylor", "Lévesque", "Patel", "Bergeron", "Müller"),
    *("Leblanc", "Anderson", "O'Brien", "Paquette", "Chen", "Girard", "Kowalski", "Simard"),
)
DEPARTMENTS = ("Sales", "Finance", "Engineering", "Nursing", "Logistics", "Legal", "Research", "IT")
TITLES = ("Clerk", "Analyst", "Manager", "Engineer", "Assistant", "Director", "Technician")
SYSTEMS = (
    ("Windows 11 Enterprise", "10.0 (22631)", "W11", 50),
    ("Windows 10 Enterprise", "10.0 (19045)", "W10", 35),
    ("Windows 10 Pro", "10.0 (19044)", "W10", 8),
    ("Windows Server 2022 Standard", "10.0 (20348)", "SRV", 4),
    ("Windows 7 Enterprise", "6.1 (7601)", "WN7", 2),
    ("Windows 8.1 Pro", "6.3 (9600)", "W81", 1),
)


@dataclass(frozen=True)
class Population:
    """So many computers, a fifth as many accounts, and one group for 200 computers (50 at least).

    Attributes:
        computers: How many; the option ``--objects`` of the lab.
        seed: What the names, attributes and memberships depend on.
    """

    computers: int
    seed: int = 1

    @property
    def accounts(self) -> int:
        return self.computers // 5

    @property
    def groups(self) -> int:
        return max(50, self.computers // 200)

    @property
    def places(self) -> int:
        return min(len(PLACES), 4 + self.computers // COMPUTERS_PER_PLACE)

    @property
    def count(self) -> int:
        """All the objects that are added, the units included."""
        return self.computers + self.accounts + self.groups + len(list(self.unit_records()))

    def unit_records(self) -> Iterator[Record]:
        """``OU=Bulk``, its groups' unit, and a unit of two for every place; parents first."""
        names = [UNIT_DN, f"OU=Groups,{UNIT_DN}"]
        for place, _ in PLACES[: self.places]:
            above = f"OU={place},{UNIT_DN}"
            names += [above, f"OU=Computers,{above}", f"OU=People,{above}"]
        for dn in names:
            yield Record(dn, {"objectClass": "organizationalUnit"})

    def account_records(self) -> Iterator[Record]:
        chance = random.Random(f"accounts {self.seed}")
        for number in range(self.accounts):
            yield self._account(number, chance)

    def computer_records(self) -> Iterator[Record]:
        """Needs the accounts, which manage most of the computers."""
        chance = random.Random(f"computers {self.seed}")
        managers = [record.dn for record in self.account_records()]
        for number in range(self.computers):
            yield self._computer(number, chance, managers)

    def group_records(self) -> Iterator[Record]:
        """The groups with their accounts and computers; who holds whom is added after."""
        members = self._members()
        for number in range(self.groups):
            yield Record(
                self.group_dn(number),
                {
                    "objectClass": "group",
                    "sAMAccountName": _group_name(number),
                    "groupType": str(_group_type(number)),
                    "description": f"Group {number} of {self.groups}",
                    **({"member": members[number]} if members[number] else {}),
                },
            )

    def nesting(self) -> Iterator[tuple[str, str]]:
        """Pairs (group, group that is its member).

        Every tower of groups is a chain 20 deep with five groups held somewhere along it, two of
        which hold each other; every second chain is closed to a loop.
        """
        for number in range(self.groups):
            first, level = number - number % TOWER, number % TOWER
            if level and level < DEPTH:
                yield self.group_dn(number - 1), self.group_dn(number)
            elif level:
                yield self.group_dn(first + 4 * (level - DEPTH)), self.group_dn(number)
            if level == DEPTH + 2:
                yield self.group_dn(number), self.group_dn(number - 1)
                yield self.group_dn(number - 1), self.group_dn(number)
            if level == DEPTH - 1 and _is_closed(number):
                yield self.group_dn(number), self.group_dn(first)

    def group_dn(self, number: int) -> str:
        return f"CN={_group_name(number)},OU=Groups,{UNIT_DN}"

    def _account(self, number: int, chance: random.Random) -> Record:
        place, _ = PLACES[number % self.places]
        given, surname = chance.choice(GIVEN_NAMES), chance.choice(SURNAMES)
        letters = "".join(c for c in (given[0] + surname).lower() if c.isascii() and c.isalpha())
        name = f"{letters[:12]}{number:06d}"
        flags = NORMAL_ACCOUNT | PASSWORD_NEVER_EXPIRES
        if chance.random() < 0.03:
            flags |= ACCOUNT_DISABLED
        ended = NEWEST_LOGON_AT - chance.randrange(500) * DAY
        return Record(
            f"CN={given} {surname} {number:06d},OU=People,OU={place},{UNIT_DN}",
            {
                "objectClass": "user",
                "sAMAccountName": name,
                "userPrincipalName": f"{name}@{world.DNS_NAME}",
                "givenName": given,
                "sn": surname,
                "displayName": f"{given} {surname}",
                "mail": f"{name}@{world.DNS_NAME}",
                "department": chance.choice(DEPARTMENTS),
                "title": chance.choice(TITLES),
                "description": f"{place}, desk {number}",
                "userAccountControl": str(flags),
                "accountExpires": str(ended if chance.random() < 0.02 else NEVER),
                "lastLogonTimestamp": str(NEWEST_LOGON_AT - chance.randrange(120 * DAY)),
            },
        )

    def _computer(self, number: int, chance: random.Random, managers: list[str]) -> Record:
        place, code = PLACES[number % self.places]
        weights = [weight for *_, weight in SYSTEMS]
        system, version, kind, _ = chance.choices(SYSTEMS, weights)[0]
        name = f"{code}-{kind}-{number:06d}"
        dns_name = f"{name.lower()}.{world.DNS_NAME}"
        flags = WORKSTATION_TRUST | (ACCOUNT_DISABLED if chance.random() < 0.03 else 0)
        values: dict[str, Value] = {
            "objectClass": "computer",
            "sAMAccountName": f"{name}$",
            "dNSHostName": dns_name,
            "operatingSystem": system,
            "operatingSystemVersion": version,
            "servicePrincipalName": [
                *[f"HOST/{name}", f"HOST/{dns_name}"],
                *[f"RestrictedKrbHost/{name}", f"RestrictedKrbHost/{dns_name}"],
            ],
            "location": f"{place}/floor {number % 9}",
            "description": f"{system}, installed by script",
            "userAccountControl": str(flags),
            "lastLogonTimestamp": str(NEWEST_LOGON_AT - chance.randrange(120 * DAY)),
        }
        if managers and chance.random() < 0.9:
            values["managedBy"] = chance.choice(managers)
        return Record(f"CN={name},OU=Computers,OU={place},{UNIT_DN}", values)

    def _members(self) -> list[list[str]]:
        """Accounts and computers of each group. The first groups hold thousands, the last few."""
        chance = random.Random(f"members {self.seed}")
        members: list[list[str]] = [[] for _ in range(self.groups)]
        for account in self.account_records():
            for number in self._some(chance, chance.choice(MEMBERSHIPS)):
                members[number].append(account.dn)
        for computer in self.computer_records():
            if chance.random() < COMPUTERS_IN_GROUPS:
                (number,) = self._some(chance, 1)
                members[number].append(computer.dn)
        return members

    def _some(self, chance: random.Random, count: int) -> set[int]:
        found: set[int] = set()
        while len(found) < count:
            found.add(int(self.groups * chance.random() ** 2))
        return found


def _group_name(number: int) -> str:
    return f"Bulk Group {number:05d}"


def _is_closed(number: int) -> bool:
    """Whether the tower of this group is a loop."""
    return bool(number // TOWER % 2)


def _group_type(number: int) -> int:
    """As their nesting needs: a domain local group on top, universal ones, global ones aside."""
    level = number % TOWER
    if level == 0 and not _is_closed(number):
        return DOMAIN_LOCAL | SECURITY
    if level < DEPTH:
        return UNIVERSAL | SECURITY
    return GLOBAL | (0 if level == TOWER - 1 else SECURITY)
