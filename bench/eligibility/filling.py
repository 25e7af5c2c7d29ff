"""Fills PostgreSQL with a made-up directory, the same for the same seed."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import datetime, timedelta
from random import Random
from typing import Any

from bench.eligibility.shape import Shape
from bench.membership.loading import copy_rows
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
    Trust,
)
from tests.directory.descriptors import applies_to

FOREST = "r2.local"
SYSTEMS = (
    *[("Windows 11 Enterprise", "10.0 (22631)")] * 6,
    *[("Windows 10 Enterprise", "10.0 (19045)")] * 9,
    *[("Windows 7 Professional", "6.1 (7601)")] * 2,
    ("Windows Server 2022 Standard", "10.0 (20348)"),
    ("Windows 11 Home", "10.0 (22631)"),
    ("", ""),
)
WITHIN_FOREST, BOTH_WAYS, UPLEVEL = 0x20, 3, 2


class Directory:
    """Everything is drawn from one source of chance, and written by COPY where it is much."""

    def __init__(self, shape: Shape, seed: int, now: datetime) -> None:
        self.shape, self.random, self.now = shape, Random(seed), now
        self._rids = iter(range(2000, 10_000_000))
        self.domains = [self._domain("r2.local", "R2", 1), self._domain("emea.r2.local", "EMEA", 2)]
        self.groups: list[Group] = []
        self.experts: list[Account] = []
        self.units: dict[uuid.UUID, list[OrganizationalUnit]] = {}

    def fill(self) -> None:
        self._join_domains()
        self._fill_units()
        self._fill_groups()
        self._fill_accounts()
        self._fill_computers()
        self._fill_policies()

    def guid(self) -> uuid.UUID:
        return uuid.UUID(int=self.random.getrandbits(128), version=4)

    def any_domain(self) -> Domain:
        return self.domains[self.random.random() < 0.3]

    def _domain(self, dns_name: str, netbios_name: str, number: int) -> Domain:
        return Domain.objects.create(
            guid=self.guid(),
            distinguished_name=",".join(f"DC={label}" for label in dns_name.split(".")),
            dns_name=dns_name,
            dns_name_folded=dns_name,
            netbios_name=netbios_name,
            netbios_name_folded=netbios_name.lower(),
            sid=f"S-1-5-21-{number}-2-3",
            forest_dns_name=FOREST,
            synced_at=self.now - timedelta(minutes=5),
        )

    def _join_domains(self) -> None:
        """Parent and child, each with its object of the trust between them."""
        root, child = self.domains
        guids = {domain.pk: self.guid() for domain in self.domains}
        for domain in self.domains:
            CrossRef.objects.create(
                guid=guids[domain.pk],
                distinguished_name=f"CN={domain.netbios_name},CN=Partitions",
                forest_dns_name=FOREST,
                name=domain.netbios_name,
                naming_context=domain.distinguished_name,
                dns_root=domain.dns_name,
                netbios_name=domain.netbios_name,
                system_flags=3,
                trust_parent_guid=guids[root.pk] if domain is child else None,
            )
        for owner, partner in ((root, child), (child, root)):
            Trust.objects.create(
                guid=self.guid(),
                distinguished_name=f"CN={partner.dns_name},CN=System,{owner.distinguished_name}",
                domain=owner,
                partner_dns_name=partner.dns_name,
                partner_netbios_name=partner.netbios_name,
                partner_sid=partner.sid,
                direction=BOTH_WAYS,
                type=UPLEVEL,
                attributes=WITHIN_FOREST,
            )

    def _principal(self, domain: Domain, name: str) -> dict[str, Any]:
        return {
            "guid": self.guid(),
            "distinguished_name": f"CN={name},{domain.distinguished_name}",
            "domain": domain,
            "sid": f"{domain.sid}-{next(self._rids)}",
            "sam_account_name": name,
            "sam_account_name_folded": name.lower(),
        }

    def _fill_units(self) -> None:
        self.units = {domain.pk: [] for domain in self.domains}
        depths: dict[uuid.UUID, int] = {}
        for number in range(self.shape.units):
            domain = self.any_domain()
            above = [unit for unit in self.units[domain.pk][-400:] if depths[unit.pk] < 5]
            parent = self.random.choice(above) if above and self.random.random() < 0.9 else None
            place = parent.distinguished_name if parent else domain.distinguished_name
            unit = OrganizationalUnit(
                guid=self.guid(),
                distinguished_name=f"OU=Unit{number},{place}",
                domain=domain,
                parent=parent,
                name=f"Unit{number}",
                gp_options=int(self.random.random() < 0.03),
            )
            depths[unit.pk] = depths[parent.pk] + 1 if parent else 1
            self.units[domain.pk].append(unit)
        for units in self.units.values():
            OrganizationalUnit.objects.bulk_create(units)

    def _fill_groups(self) -> None:
        """A group may be in groups with a higher number; local ones lead nowhere else."""
        scopes = [Group.Scope.GLOBAL] * 5 + [Group.Scope.UNIVERSAL] * 3
        scopes += [Group.Scope.DOMAIN_LOCAL] * 2
        for number in range(self.shape.groups):
            self.groups.append(
                Group(
                    **self._principal(self.any_domain(), f"Group{number}"),
                    is_security=self.random.random() < 0.95,
                    scope=self.random.choice(scopes),
                )
            )
        home = self.domains[0]
        self.role = Group(
            **self._principal(home, "Remote Assistance Experts"),
            is_security=True,
            scope=Group.Scope.UNIVERSAL,
        )
        self.portal = Group(
            **self._principal(home, "Remote Assistance Portal"),
            is_security=True,
            scope=Group.Scope.UNIVERSAL,
        )
        Group.objects.bulk_create([*self.groups, self.role, self.portal])
        edges = {
            (self.random.randrange(number + 1, len(self.groups)), number)
            for number in range(len(self.groups) - 1)
            for _ in range(self.random.choice((1, 1, 2)))
        }
        self._join((self.groups[above], self.groups[below]) for above, below in sorted(edges))

    def _join(self, edges: Iterator[tuple[Group, Account | Group | Computer]]) -> None:
        copy_rows(
            Membership,
            (
                Membership(group=group, member_guid=member.guid, member_sid=member.sid)
                for group, member in edges
            ),
        )

    def _account(self, name: str, domain: Domain, **columns: Any) -> Account:
        return Account(
            **self._principal(domain, name), primary_group_sid=f"{domain.sid}-513", **columns
        )

    def _fill_accounts(self) -> None:
        for number in range(self.shape.experts):
            is_enabled = self.random.random() > 0.02
            self.experts.append(
                self._account(f"expert{number}", self.any_domain(), is_enabled=is_enabled)
            )
        others = [
            self._account(f"user{number}", self.any_domain())
            for number in range(self.shape.accounts)
        ]
        name = "svc-ra-portal"
        caller = self._account(
            name,
            self.domains[0],
            user_principal_name=f"{name}@R2.LOCAL",
            user_principal_name_folded=f"{name}@r2.local",
        )
        copy_rows(Account, [*self.experts, *others, caller])
        self._join((self.role, expert) for expert in self.experts)
        self._join((self.portal, each) for each in [caller])
        self._join(
            (group, account)
            for account in [*self.experts, *others]
            for group in self.random.sample(self.groups, 4)
        )

    def _fill_computers(self) -> None:
        computers = []
        for number in range(self.shape.computers):
            domain = self.any_domain()
            name = f"PC{number:06}"
            system, version = self.random.choice(SYSTEMS)
            computers.append(
                Computer(
                    **self._principal(domain, f"{name}$"),
                    name=name,
                    name_folded=name.lower(),
                    dns_name=f"{name}.{domain.dns_name}".lower(),
                    dns_name_folded=f"{name}.{domain.dns_name}".lower(),
                    operating_system=system,
                    operating_system_version=version,
                    primary_group_sid=f"{domain.sid}-515",
                    ou=self.random.choice(self.units[domain.pk]),
                    is_enabled=self.random.random() > 0.03,
                )
            )
        copy_rows(Computer, computers)
        some = self.random.sample(computers, len(computers) // 5)
        self._join((self.random.choice(self.groups[:100]), computer) for computer in some)

    def _fill_policies(self) -> None:
        """A fifth filtered to a group, some by WMI; both heads list groups and the portal."""
        policies = [self._policy(number) for number in range(self.shape.policies)]
        lists = [policy for policy in policies if policy.offers_allowed]
        GroupPolicy.objects.bulk_create(policies)
        helpers = [helper for policy in lists for helper in self._helpers(policy)]
        links = [self._link(policies) for _ in range(self.shape.links)]
        for domain in self.domains:
            policy = self._head(domain)
            helpers.append(self._line(policy, self.portal, 1))
            helpers += [
                self._line(policy, group, position)
                for position, group in enumerate(self.groups[-3:], start=2)
            ]
            name = policy.distinguished_name
            links.append(
                GroupPolicyLink(
                    domain=domain,
                    policy=policy,
                    policy_distinguished_name=name,
                    order=1,
                    is_enforced=True,
                )
            )
        HelperEntry.objects.bulk_create(helpers)
        GroupPolicyLink.objects.bulk_create(links)

    def _policy(self, number: int) -> GroupPolicy:
        is_ours, random = number % 2 == 0, self.random
        is_filtered = random.random() < 0.2
        return GroupPolicy(
            **self._policy_columns(self.any_domain(), f"Policy{number}"),
            offers_allowed=random.random() < 0.95 if is_ours else None,
            control_allowed=random.random() < 0.7 if is_ours else None,
            replaces_helpers=is_ours and random.random() < 0.4,
            wmi_filter="Laptops" if random.random() < 0.03 else "",
            is_security_filtered=is_filtered,
            security_descriptor=applies_to(random.choice(self.groups[:100]).sid)
            if is_filtered
            else None,
        )

    def _policy_columns(self, domain: Domain, name: str) -> dict[str, Any]:
        return {
            "guid": self.guid(),
            "distinguished_name": f"CN={name},CN=Policies,{domain.distinguished_name}",
            "domain": domain,
            "policy_guid": self.guid(),
            "display_name": name,
            "version": 3,
            "file_version": 3,
            "changed_at": self.now - timedelta(days=30),
        }

    def _head(self, domain: Domain) -> GroupPolicy:
        columns = self._policy_columns(domain, f"Head of {domain.dns_name}")
        return GroupPolicy.objects.create(
            **columns, offers_allowed=True, is_security_filtered=False
        )

    def _helpers(self, policy: GroupPolicy) -> Iterator[HelperEntry]:
        for position in range(1, self.random.randrange(2, 6)):
            is_person = self.random.random() < 0.1
            who: Account | Group = (
                self.random.choice(self.experts) if is_person else self.random.choice(self.groups)
            )
            yield self._line(policy, who, position)

    def _line(self, policy: GroupPolicy, who: Account | Group, position: int) -> HelperEntry:
        text = f"{who.domain.netbios_name}\\{who.sam_account_name}"
        return HelperEntry(
            policy=policy,
            position=position,
            text=text,
            account=who if isinstance(who, Account) else None,
            group=who if isinstance(who, Group) else None,
        )

    def _link(self, policies: list[GroupPolicy]) -> GroupPolicyLink:
        policy = self.random.choice(policies)
        return GroupPolicyLink(
            domain=policy.domain,
            ou=self.random.choice(self.units[policy.domain.pk]),
            policy=policy,
            policy_distinguished_name=policy.distinguished_name,
            order=self.random.randrange(1, 4),
            is_enforced=self.random.random() < 0.05,
            is_disabled=self.random.random() < 0.05,
        )
