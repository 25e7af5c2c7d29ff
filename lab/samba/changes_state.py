"""What random changes are made to: the objects that are theirs, and ways to touch them.

Theirs is what lies below OU=Bulk, and elsewhere what bears a name that a change gave it. The
story of the lab stays as it is.
"""

from __future__ import annotations

import random
import re
import sys
import uuid
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import ldb
from samba.dcerpc import security
from samba.ndr import ndr_unpack
from samba.samdb import SamDB

from lab import world
from lab.population import UNIT_DN

OWN = re.compile(r"chg(\d{5})", re.IGNORECASE)
SHOW_DELETED = "show_deleted:1"
# What directories hold that programs stumble over: LDAP's and its filters' metacharacters, spaces
# at the edges, letters of other alphabets, quotes for SQL and HTML.
ODD_ENDINGS = ("", "", "", ", Inc. (old)", " *", r" \5c", " é漢字", " <b>'\"", " #1+2=3;", " Żółć")
CONFIGURATION_DN = f"CN=Configuration,{world.BASE_DN}"

Values = str | bytes | Sequence[str] | Sequence[bytes]


@dataclass(eq=False)
class Item:
    """An object by its GUID, which stays when everything else changes.

    Attributes:
        guid: As text; DNs of the form <GUID=...> lead to the object.
        label: Names it in the plan; the same wherever the same seed meets the same state.
    """

    guid: str
    label: str

    @property
    def reference(self) -> str:
        return f"<GUID={self.guid}>"


@dataclass
class State:
    """The objects that changes may touch, and the chance that chooses among them."""

    samdb: SamDB
    sysvol: Path
    chance: random.Random
    computers: list[Item] = field(default_factory=list)
    accounts: list[Item] = field(default_factory=list)
    groups: list[Item] = field(default_factory=list)
    units: list[Item] = field(default_factory=list)
    policies: list[Item] = field(default_factory=list)
    wmi_filters: list[Item] = field(default_factory=list)
    sites: list[Item] = field(default_factory=list)
    subnets: list[Item] = field(default_factory=list)
    site_links: list[Item] = field(default_factory=list)
    dns_nodes: list[Item] = field(default_factory=list)
    trusts: list[Item] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    last_number: int = 0

    @property
    def lists(self) -> tuple[list[Item], ...]:
        return (
            *(self.computers, self.accounts, self.groups, self.units, self.policies),
            *(self.wmi_filters, self.sites, self.subnets, self.site_links, self.dns_nodes),
            self.trusts,
        )

    def load(self) -> None:
        """Looks for what there is. In the order of names: search results come in any order."""
        if not self.samdb.search(world.BASE_DN, expression="(name=Bulk)", attrs=["1.1"]):
            sys.exit("There is nothing to change: bring the lab up with --objects.")
        self.computers = self._find(UNIT_DN, "(objectClass=computer)")
        people = "(&(objectClass=user)(!(objectClass=computer)))"
        self.accounts = self._find(UNIT_DN, people)
        self.groups = self._find(UNIT_DN, "(objectClass=group)")
        inside = "(&(objectClass=organizationalUnit)(!(name=Bulk)))"
        self.units = self._find(UNIT_DN, inside, "name")
        system = f"CN=System,{world.BASE_DN}"
        self.policies = self._find(system, "(objectClass=groupPolicyContainer)", "displayName")
        self.wmi_filters = self._find(system, "(objectClass=msWMI-Som)", "msWMI-Name")
        self.trusts = self._find(system, "(objectClass=trustedDomain)", "name")
        sites = f"CN=Sites,{CONFIGURATION_DN}"
        self.sites = self._find(sites, "(objectClass=site)", "name")
        self.site_links = self._find(sites, "(objectClass=siteLink)", "name")
        self.subnets = [
            item
            for item in self._find(sites, "(objectClass=subnet)", "name", only_own=False)
            if item.label.startswith("10.")
        ]
        self.dns_nodes = self._find(self.dns_zone, "(objectClass=dnsNode)", "name")
        own = [OWN.search(item.label) for items in self.lists for item in items]
        self.last_number = max((int(match[1]) for match in own if match), default=0)

    def _find(
        self, base: str, filter_text: str, name: str = "sAMAccountName", *, only_own: bool = True
    ) -> list[Item]:
        found = self.samdb.search(
            base, scope=ldb.SCOPE_SUBTREE, expression=filter_text, attrs=["objectGUID", name]
        )
        items = [
            Item(guid_of(message), str(message[name][0]))
            for message in sorted(found, key=lambda message: str(message.dn))
            if name in message
        ]
        if only_own and not base.endswith(UNIT_DN):
            items = [item for item in items if OWN.search(item.label)]
        return items

    @property
    def dns_zone(self) -> str:
        return f"DC={world.DNS_NAME},CN=MicrosoftDNS,DC=DomainDnsZones,{world.BASE_DN}"

    def new_name(self) -> str:
        """A name that nothing has had."""
        self.last_number += 1
        return f"chg{self.last_number:05d}"

    def new_relative_name(self, name: str) -> str:
        """The name with an ending that is harder to handle, now and then."""
        return name + self.chance.choice(ODD_ENDINGS)

    def some_unit(self) -> Item:
        """Where to put something: as often as not one of the units that changes made."""
        own = [unit for unit in self.units if OWN.search(unit.label)]
        return self.chance.choice(own if own and self.chance.random() < 0.5 else self.units)

    def some_text(self) -> str:
        return f"text {self.chance.randrange(10**6)}{self.chance.choice(ODD_ENDINGS)}"

    def some_member(self) -> Item:
        return self.chance.choice(
            self.chance.choice([self.accounts, self.accounts, self.computers, self.groups])
        )

    def get(self, item: Item, *attributes: str) -> ldb.Message:
        """The object as it is now, its DN included."""
        found = self.samdb.search(
            item.reference, scope=ldb.SCOPE_BASE, attrs=list(attributes) or ["name"]
        )
        return found[0]

    def dn(self, item: Item) -> ldb.Dn:
        return self.get(item).dn

    def texts(self, item: Item, attribute: str) -> list[str]:
        message = self.get(item, attribute)
        return [str(value) for value in message[attribute]] if attribute in message else []

    def number(self, item: Item, attribute: str, default: int = 0) -> int:
        values = self.texts(item, attribute)
        return int(values[0]) if values else default

    def sid(self, item: Item) -> security.dom_sid:
        return ndr_unpack(security.dom_sid, self.get(item, "objectSid")["objectSid"][0])

    def child(self, parent: ldb.Dn | str, attribute: str, name: str) -> ldb.Dn:
        """A DN below another, whatever characters the name has."""
        dn = ldb.Dn(self.samdb, f"{attribute}=x")
        dn.set_component(0, attribute, name)
        dn.add_base(parent if isinstance(parent, ldb.Dn) else ldb.Dn(self.samdb, parent))
        return dn

    def add(
        self,
        items: list[Item],
        dn: ldb.Dn | str,
        values: Mapping[str, Values],
        *,
        label: str,
        controls: Iterable[str] = (),
    ) -> Item:
        self.samdb.add({"dn": dn, **values}, list(controls))
        return self.take(items, dn, label)

    def take(self, items: list[Item], dn: ldb.Dn | str, label: str) -> Item:
        """Adds an object that is there to the list of its kind."""
        found = self.samdb.search(dn, scope=ldb.SCOPE_BASE, attrs=["objectGUID"])
        item = Item(guid_of(found[0]), label)
        items.append(item)
        return item

    def change(
        self, item: Item | str | ldb.Dn, how: int = ldb.FLAG_MOD_REPLACE, **values: Values
    ) -> None:
        """Replaces attributes (or adds to, or deletes from them); ``_`` in a name stands for -."""
        where = item.reference if isinstance(item, Item) else item
        message = ldb.Message(where if isinstance(where, ldb.Dn) else ldb.Dn(self.samdb, where))
        for key, value in values.items():
            attribute = key.replace("_", "-")
            several = [value] if isinstance(value, str | bytes) else list(value)
            message[attribute] = ldb.MessageElement(several, how, attribute)
        self.samdb.modify(message)

    def rename(self, item: Item, new: ldb.Dn) -> None:
        self.samdb.rename(self.dn(item), new)

    def delete(self, item: Item) -> None:
        """Deletes an object with all below it, and forgets what was known of these."""
        dn = self.dn(item)
        gone = {item.guid}
        if self.samdb.search(dn, scope=ldb.SCOPE_ONELEVEL, attrs=["1.1"]):
            below = self.samdb.search(dn, scope=ldb.SCOPE_SUBTREE, attrs=["objectGUID"])
            gone |= {guid_of(message) for message in below}
        self.samdb.delete(dn, ["tree_delete:1"])
        for items in self.lists:
            items[:] = [known for known in items if known.guid not in gone]

    def size(self, item: Item) -> int:
        """How many objects there are in a container, itself included."""
        return len(self.samdb.search(item.reference, scope=ldb.SCOPE_SUBTREE, attrs=["1.1"]))


def guid_of(message: ldb.Message) -> str:
    return str(uuid.UUID(bytes_le=bytes(message["objectGUID"][0])))
