"""A small directory in rows: the fixed cast, their groups, one unit, one policy, one computer.

What a test needs otherwise it changes on the objects it is handed.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from assist.actors import Actor
from assist.lifecycle import Mode
from assist.models import Offer
from assist.offers import offer_request
from directory.comparison import fold_name
from directory.models import (
    Account,
    Computer,
    Domain,
    Group,
    GroupPolicy,
    GroupPolicyLink,
    HelperEntry,
    Membership,
    OrganizationalUnit,
)

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
_RIDS = iter(range(1100, 100_000))


def _folded(**names: str) -> dict[str, str]:
    return names | {f"{column}_folded": fold_name(name) for column, name in names.items()}


@dataclass
class Cast:
    """The directory's rows, by name."""

    domain: Domain
    unit: OrganizationalUnit
    policy: GroupPolicy
    accounts: dict[str, Account] = field(default_factory=dict)
    groups: dict[str, Group] = field(default_factory=dict)
    computers: dict[str, Computer] = field(default_factory=dict)

    def __getattr__(self, name: str) -> Account:
        try:
            return self.accounts[name]
        except KeyError:
            raise AttributeError(name) from None

    @property
    def xp191(self) -> Computer:
        return self.computers["XP191"]

    def actor(self, name: str = "mjones") -> Actor:
        return Actor.of_account(self.accounts[name], source_address="192.0.2.7", request_id="r-1")

    def add_account(self, name: str, **columns: Any) -> Account:
        account = Account.objects.create(
            **self._principal(name),
            **_folded(user_principal_name=f"{name}@{self.domain.dns_name}"),
            **columns,
        )
        return self.accounts.setdefault(name, account)

    def add_group(self, name: str, *, is_security: bool = True, sid: str = "") -> Group:
        principal = self._principal(name)
        if sid:
            principal["sid"] = sid
        group = Group.objects.create(**principal, is_security=is_security, scope=Group.Scope.GLOBAL)
        return self.groups.setdefault(name, group)

    def add_computer(self, name: str, **columns: Any) -> Computer:
        defaults: dict[str, Any] = {
            "operating_system": "Windows 10 Enterprise",
            "operating_system_version": "10.0 (19045)",
            "ou": self.unit,
        }
        computer = Computer.objects.create(
            **self._principal(f"{name}$"),
            **_folded(name=name, dns_name=f"{name.lower()}.{self.domain.dns_name}"),
            **(defaults | columns),
        )
        return self.computers.setdefault(name, computer)

    def add_helper(self, text: str, who: Account | Group | None, problem: str = "") -> HelperEntry:
        return HelperEntry.objects.create(
            policy=self.policy,
            position=self.policy.helpers.count(),
            text=text,
            account=who if isinstance(who, Account) else None,
            group=who if isinstance(who, Group) else None,
            problem=problem,
        )

    def join(self, group: Group, *members: Account | Computer | Group) -> None:
        for member in members:
            Membership.objects.create(
                group=group,
                member_guid=member.guid,
                member_sid=member.sid,
            )

    def request(self, **arguments: Any) -> Offer:
        """An offer by Mary to XP191, unless told otherwise."""
        defaults: dict[str, Any] = {
            "actor": self.actor(),
            "target": "XP191",
            "mode": Mode.CONTROL,
            "viewer": "freerdp",
            "door": "page",
            "now": NOW,
        }
        return offer_request(**(defaults | arguments))

    def _principal(self, name: str) -> dict[str, Any]:
        return {
            "guid": uuid.uuid4(),
            "distinguished_name": f"CN={name},{self.domain.distinguished_name}",
            "domain": self.domain,
            "sid": f"{self.domain.sid}-{next(_RIDS)}",
            **_folded(sam_account_name=name),
        }


def make_domain(dns_name: str, netbios_name: str, sid: str) -> Domain:
    return Domain.objects.create(
        guid=uuid.uuid4(),
        distinguished_name=",".join(f"DC={label}" for label in dns_name.split(".")),
        **_folded(dns_name=dns_name, netbios_name=netbios_name),
        sid=sid,
        forest_dns_name=dns_name,
        synced_at=NOW - timedelta(minutes=5),
    )


def make_policy(domain: Domain, name: str, **columns: Any) -> GroupPolicy:
    return GroupPolicy.objects.create(
        guid=uuid.uuid4(),
        distinguished_name=f"CN={name},{domain.distinguished_name}",
        domain=domain,
        policy_guid=uuid.uuid4(),
        display_name=name,
        changed_at=NOW - timedelta(days=30),
        **({"is_security_filtered": False} | columns),
    )


def make_cast() -> Cast:
    """Mary and her colleagues at XP191, as in the article the lab follows."""
    domain = make_domain("r2.local", "R2", "S-1-5-21-1-2-3")
    unit = OrganizationalUnit.objects.create(
        guid=uuid.uuid4(),
        distinguished_name="OU=Winnipeg,DC=r2,DC=local",
        domain=domain,
        name="Winnipeg",
    )
    policy = make_policy(
        domain, "WinnipegGPO", offers_allowed=True, control_allowed=True, replaces_helpers=True
    )
    link = {"policy": policy, "policy_distinguished_name": policy.distinguished_name, "order": 1}
    GroupPolicyLink.objects.create(domain=domain, ou=unit, **link)
    cast = Cast(domain, unit, policy)
    for name in (
        *("mjones", "nkhan", "radmin", "eadams", "pwright", "ovega"),
        *("tmanager", "aauditor", "ooperator", "bsmith", "cwong"),
    ):
        cast.add_account(name)
    caller = cast.add_account("svc-ra-portal")
    helpdesk = cast.add_group("Helpdesk Winnipeg")
    night = cast.add_group("Helpdesk Night")
    news = cast.add_group("Helpdesk News", is_security=False)
    portal = cast.add_group("Remote Assistance Portal")
    experts = cast.add_group("Remote Assistance Experts")
    admins = cast.add_group("Domain Admins", sid=f"{domain.sid}-512")
    cast.join(helpdesk, cast.mjones, cast.ovega, night, news)
    cast.join(night, cast.nkhan)
    cast.join(news, cast.pwright)
    cast.join(portal, caller)
    cast.join(admins, cast.radmin)
    cast.join(experts, cast.mjones, cast.nkhan, cast.radmin, cast.eadams, cast.pwright)
    cast.join(cast.add_group("Remote Assistance Managers"), cast.tmanager)
    cast.join(cast.add_group("Remote Assistance Auditors"), cast.aauditor)
    cast.join(cast.add_group("Remote Assistance Operators"), cast.accounts["ooperator"])
    cast.add_helper(r"R2\Helpdesk Winnipeg", helpdesk)
    cast.add_helper(r"R2\Remote Assistance Portal", portal)
    cast.add_computer("XP191")
    return cast
