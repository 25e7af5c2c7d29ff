"""Directories drawn at random: two forests, their trusts, groups, policies, people, computers."""

from __future__ import annotations

import uuid
from datetime import timedelta
from random import Random
from typing import Any

from assist.models import ProtectionRule
from directory.models import (
    Account,
    Computer,
    CrossRef,
    Domain,
    Group,
    GroupPolicy,
    GroupPolicyLink,
    HelperEntry,
    Membership,
    OrganizationalUnit,
    Site,
    Subnet,
    Trust,
)
from directory.models.dns import DnsAddress, DnsNode
from tests.assist.cast import NOW, make_domain
from tests.directory.descriptors import applies_to, descriptor, may_apply, may_not_apply, may_read

SYSTEMS = [
    *[("Windows 11 Enterprise", "10.0 (22631)")] * 4,
    ("Windows 10 Home", "10.0 (19045)"),
    ("Windows XP Professional", "5.1 (2600)"),
    ("Windows Server 2022 Standard", "10.0 (20348)"),
    ("", ""),
    ("Ubuntu", "24.04"),
]


class RandomWorld:
    """Rows for one seed; small enough that all pairs can be decided one by one."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self._rids = iter(range(1100, 100_000))
        self.domains = [
            self._domain("r2.local", "R2", 1, "r2.local"),
            self._domain("emea.r2.local", "EMEA", 2, "r2.local"),
            self._domain("lab.test", "LAB", 3, "lab.test"),
        ]
        self._join_domains()
        self.groups = [self._group(f"Group{number}") for number in range(12)]
        self.role = self._add_group(self.domains[0], "Remote Assistance Experts", "universal")
        self.accounts = [self._account(f"person{number}") for number in range(6)]
        self._account("svc-ra-portal", self.domains[0])
        self._nest()
        self.units = [self._unit(number) for number in range(6)]
        self._sites()
        self.computers = [self._computer(f"PC{number}") for number in range(8)]
        self.policies = [self._policy(number) for number in range(8)]
        self._links()
        self._protect()

    def chance(self, of: float) -> bool:
        return self.random.random() < of

    def any_domain(self) -> Domain:
        return self.random.choice([self.domains[0], *self.domains])

    def _domain(self, dns_name: str, netbios_name: str, number: int, forest: str) -> Domain:
        domain = make_domain(dns_name, netbios_name, f"S-1-5-21-{number}-2-3")
        domain.forest_dns_name, domain.gp_options = forest, int(self.chance(0.05))
        domain.synced_at = NOW - timedelta(minutes=5, days=30 * self.chance(0.05))
        domain.save()
        return domain

    def _join_domains(self) -> None:
        root, child, other = self.domains
        guids = {domain.pk: uuid.uuid4() for domain in self.domains}
        for domain in self.domains:
            CrossRef.objects.create(
                guid=guids[domain.pk],
                distinguished_name=f"CN={domain.netbios_name},CN=Partitions",
                forest_dns_name=domain.forest_dns_name,
                name=domain.netbios_name,
                naming_context=domain.distinguished_name,
                dns_root=domain.dns_name,
                netbios_name=domain.netbios_name,
                system_flags=3,
                trust_parent_guid=guids[root.pk] if domain is child else None,
            )
        self._trust(root, child, 0x20)
        external = self.random.choice((0, 0x4)) | self.random.choice((0, 0, 0x10))
        self._trust(self.random.choice((root, child)), other, external)

    def _trust(self, one: Domain, two: Domain, attributes: int) -> None:
        direction = self.random.choice((3, 3, 3, 2, 1, 0))
        opposite = {1: 2, 2: 1}.get(direction, direction)
        for owner, partner, way in ((one, two, direction), (two, one, opposite)):
            Trust.objects.create(
                guid=uuid.uuid4(),
                distinguished_name=f"CN={partner.dns_name},CN=System,{owner.distinguished_name}",
                domain=owner,
                partner_dns_name=partner.dns_name,
                partner_netbios_name=partner.netbios_name,
                partner_sid=partner.sid,
                direction=way,
                type=2,
                attributes=attributes,
            )

    def _principal(self, domain: Domain, name: str) -> dict[str, Any]:
        return {
            "guid": uuid.uuid4(),
            "distinguished_name": f"CN={name},{domain.distinguished_name}",
            "domain": domain,
            "sid": f"{domain.sid}-{next(self._rids)}",
            "sam_account_name": name,
            "sam_account_name_folded": name.lower(),
        }

    def _add_group(self, domain: Domain, name: str, scope: str, **columns: Any) -> Group:
        return Group.objects.create(
            **self._principal(domain, name), scope=scope, **({"is_security": True} | columns)
        )

    def _group(self, name: str) -> Group:
        past = [f"S-1-5-21-9-9-9-{self.random.randrange(5)}"] if self.chance(0.1) else []
        return self._add_group(
            self.any_domain(),
            name,
            self.random.choice(("global", "universal", "domain_local")),
            is_security=self.chance(0.85),
            is_present=self.chance(0.95),
            sid_history=past,
        )

    def _account(self, name: str, domain: Domain | None = None) -> Account:
        domain = domain or self.any_domain()
        account = Account.objects.create(
            **self._principal(domain, name),
            user_principal_name=f"{name}@{domain.dns_name}",
            user_principal_name_folded=f"{name}@{domain.dns_name}",
            is_enabled=self.chance(0.95),
            locked_at=NOW if self.chance(0.05) else None,
            expires_at=NOW - timedelta(days=1) if self.chance(0.05) else None,
            primary_group_sid=self.random.choice(self.groups).sid if self.chance(0.3) else "",
            sid_history=[self.random.choice(self.groups).sid] if self.chance(0.1) else [],
        )
        if self.chance(0.9):
            self._join(self.role, account)
        return account

    def _join(self, group: Group, member: Account | Group | Computer) -> None:
        Membership.objects.get_or_create(
            group=group, member_guid=member.guid, defaults={"member_sid": member.sid}
        )

    def _nest(self) -> None:
        members = [*self.groups, *Account.objects.all()]
        for _ in range(24):
            self._join(self.random.choice(self.groups), self.random.choice(members))

    def _unit(self, number: int) -> OrganizationalUnit:
        domain = self.any_domain()
        above = list(OrganizationalUnit.objects.filter(domain=domain))
        parent = self.random.choice(above) if above and self.chance(0.7) else None
        place = parent.distinguished_name if parent else domain.distinguished_name
        return OrganizationalUnit.objects.create(
            guid=uuid.uuid4(),
            distinguished_name=f"OU=Unit{number},{place}",
            domain=domain,
            parent=parent,
            name=f"Unit{number}",
            gp_options=int(self.chance(0.15)),
        )

    def _sites(self) -> None:
        self.sites = []
        for number, network in enumerate(("10.1.0.0/16", "10.2.0.0/16")):
            place = "CN=Sites,CN=Configuration,DC=r2,DC=local"
            site = Site.objects.create(
                guid=uuid.uuid4(),
                distinguished_name=f"CN=Site{number},{place}",
                forest_dns_name="r2.local",
                name=f"Site{number}",
                name_folded=f"site{number}",
            )
            Subnet.objects.create(
                guid=uuid.uuid4(),
                distinguished_name=f"CN={network},CN=Subnets,{place}",
                forest_dns_name="r2.local",
                name=network,
                site_guid=site.guid,
            )
            self.sites.append(site)

    def _computer(self, name: str) -> Computer:
        unit = self.random.choice(self.units) if self.chance(0.9) else None
        domain = unit.domain if unit else self.any_domain()
        system, version = self.random.choice(SYSTEMS)
        dns_name = f"{name.lower()}.{domain.dns_name}"
        entries: Any = [
            [self.random.choice(("allow", "deny")), self.random.choice(self._sids())]
            for _ in range(self.random.randrange(3))
        ]
        computer = Computer.objects.create(
            **self._principal(domain, f"{name}$"),
            name=name,
            name_folded=name.lower(),
            dns_name=dns_name,
            dns_name_folded=dns_name,
            operating_system=system,
            operating_system_version=version,
            ou=unit,
            is_enabled=self.chance(0.95),
            is_domain_controller=self.chance(0.05),
            primary_group_sid=f"{domain.sid}-515",
            allowed_to_authenticate=self.random.choice((None, "unreadable", entries, entries)),
        )
        if self.chance(0.7):
            node = DnsNode.objects.create(
                guid=uuid.uuid4(),
                distinguished_name=f"DC={name},DC={domain.dns_name},CN=MicrosoftDNS",
                domain=domain,
                name=dns_name,
                name_folded=dns_name,
            )
            address = f"10.{self.random.randrange(1, 4)}.0.{self.random.randrange(1, 250)}"
            DnsAddress.objects.create(node=node, address=address)
        if self.chance(0.5):
            self._join(self.random.choice(self.groups), computer)
        return computer

    def _sids(self) -> list[str]:
        return [*(group.sid for group in self.groups), *(each.sid for each in self.accounts)]

    def _policy(self, number: int) -> GroupPolicy:
        domain, group = self.any_domain(), self.random.choice(self.groups)
        permissions = self.random.choice(
            (
                *[None] * 5,
                applies_to(group.sid),
                descriptor(may_not_apply(group.sid), may_read(), may_apply()),
                b"nonsense",
            )
        )
        policy = GroupPolicy.objects.create(
            guid=uuid.uuid4(),
            distinguished_name=f"CN=Policy{number},CN=Policies,{domain.distinguished_name}",
            domain=domain,
            policy_guid=uuid.uuid4(),
            display_name=f"Policy{number}",
            offers_allowed=self.random.choice((True, True, True, False, None)),
            control_allowed=self.random.choice((True, True, False, None)),
            offers_removed=self.chance(0.05),
            replaces_helpers=self.chance(0.2),
            has_soft_values=self.chance(0.05),
            wmi_filter="Laptops" if self.chance(0.08) else "",
            read_error="closed" if self.chance(0.05) else "",
            flags=2 if self.chance(0.05) else 0,
            is_security_filtered=None if permissions else False,
            security_descriptor=permissions,
            listed_helpers=[[f"line{n}", f"line{n}"] for n in range(1, 5)],
        )
        self._helpers(policy)
        return policy

    def _helpers(self, policy: GroupPolicy) -> None:
        caller = Account.objects.get(sam_account_name="svc-ra-portal")
        for position in range(1, 5):
            who = self.random.choice([*self.groups, *self.groups, *self.accounts])
            if position == 1 and self.chance(0.8):
                who = caller
            either = [["group", str(who.guid), who.sid, str(who)]] if self.chance(0.08) else []
            named = None if either or self.chance(0.05) else who
            HelperEntry.objects.create(
                policy=policy,
                position=position,
                text=str(who),
                account=named if isinstance(named, Account) else None,
                group=named if isinstance(named, Group) else None,
                either=either,
                problem="" if named else "It names nobody for certain.",
            )

    def _links(self) -> None:
        for number in range(14):
            policy = self.random.choice(self.policies) if self.chance(0.95) else None
            kind = self.random.choice(("unit", "unit", "unit", "domain", "site"))
            unit = self.random.choice(self.units) if kind == "unit" else None
            site = self.random.choice(self.sites) if kind == "site" else None
            name = policy.distinguished_name if policy else "CN=gone,CN=Policies"
            GroupPolicyLink.objects.create(
                domain=unit.domain if unit else self.domains[0] if site else self.any_domain(),
                ou=unit,
                site=site,
                policy=policy,
                policy_distinguished_name=name,
                order=number,
                is_enforced=self.chance(0.15),
                is_disabled=self.chance(0.1),
            )

    def _protect(self) -> None:
        """Rules of the portal: some are open at NOW (a Monday, 09:00 UTC) and some are not."""
        for number in range(self.random.randrange(4)):
            kind = self.random.choice(("all", "all", "unit", "unit", "group", "group"))
            unit, group = self.random.choice(self.units), self.random.choice(self.groups)
            ProtectionRule.objects.create(
                name=f"Rule{number}",
                is_enabled=self.chance(0.9),
                scope_kind=kind,
                scope_id={"unit": str(unit.guid), "group": group.sid}.get(kind, ""),
                hours=self.random.choice(
                    ("", "Mon 08:00-10:00", "Mon 10:00-12:00", "Tue 21:00-10:00")
                ),
                time_zone="UTC",
                needs_ticket=self.chance(0.3),
                needs_approval=self.chance(0.3),
                changed_at=NOW - timedelta(days=1),
                changed_by="somebody",
            )
