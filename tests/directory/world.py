"""A small directory in the database, for what needs no domain controller."""

from __future__ import annotations

import uuid
from itertools import count
from typing import Any

from directory.comparison import fold_name
from directory.models import (
    Account,
    Computer,
    DnsAddress,
    DnsNode,
    Domain,
    Group,
    GroupPolicy,
    GroupPolicyLink,
    HelperEntry,
    Membership,
    OrganizationalUnit,
    Site,
    Subnet,
    WmiFilter,
)

GONE = "CN={00000000-0000-0000-0000-00000000DEAD},CN=Policies,CN=System,DC=r2,DC=local"
_rids = count(1000)


def domain(dns_name: str = "r2.local", netbios_name: str = "R2", number: int = 1) -> Domain:
    return Domain.objects.create(
        guid=uuid.uuid4(),
        distinguished_name=",".join(f"DC={label}" for label in dns_name.split(".")),
        dns_name=dns_name,
        dns_name_folded=fold_name(dns_name),
        netbios_name=netbios_name,
        netbios_name_folded=fold_name(netbios_name),
        sid=f"S-1-5-21-{number}-2-3",
        forest_dns_name=dns_name,
    )


def _principal(home: Domain, name: str) -> dict[str, Any]:
    return {
        "guid": uuid.uuid4(),
        "distinguished_name": f"CN={name},{home.distinguished_name}",
        "domain": home,
        "sid": f"{home.sid}-{next(_rids)}",
        "sam_account_name": name,
        "sam_account_name_folded": fold_name(name),
    }


def account(home: Domain, name: str, **values: Any) -> Account:
    if "user_principal_name" in values:
        values["user_principal_name_folded"] = fold_name(values["user_principal_name"])
    return Account.objects.create(**_principal(home, name), **values)


def group(
    home: Domain, name: str, *, is_security: bool = True, scope: str = Group.Scope.GLOBAL
) -> Group:
    return Group.objects.create(**_principal(home, name), is_security=is_security, scope=scope)


def member(of: Group, who: Account | Computer | Group) -> Membership:
    return Membership.objects.create(group=of, member_guid=who.guid, member_sid=who.sid)


def site(home: Domain, name: str) -> Site:
    return Site.objects.create(
        guid=uuid.uuid4(),
        distinguished_name=f"CN={name},CN=Sites,CN=Configuration,{home.distinguished_name}",
        forest_dns_name=home.forest_dns_name,
        name=name,
        name_folded=fold_name(name),
    )


def subnet(home: Domain, name: str, of: Site | None) -> Subnet:
    return Subnet.objects.create(
        guid=uuid.uuid4(),
        distinguished_name=f"CN={name}",
        forest_dns_name=home.forest_dns_name,
        name=name,
        site_guid=of.guid if of else None,
    )


def address(of: Computer, *ips: str) -> None:
    """What the zones of the computer's domain say of its name."""
    node = DnsNode.objects.create(
        guid=uuid.uuid4(),
        distinguished_name=f"DC={of.dns_name}",
        domain=of.domain,
        name=of.dns_name,
        name_folded=of.dns_name_folded,
    )
    for ip in ips:
        DnsAddress.objects.create(node=node, address=ip)


def wmi_filter(home: Domain, filter_id: str, name: str, query: str) -> WmiFilter:
    return WmiFilter.objects.create(
        guid=uuid.uuid4(),
        distinguished_name=f"CN={filter_id}",
        domain=home,
        filter_id=filter_id,
        name=name,
        query=query,
    )


def unit(
    home: Domain, name: str, parent: OrganizationalUnit | None = None, *, blocks: bool = False
) -> OrganizationalUnit:
    above = parent.distinguished_name if parent else home.distinguished_name
    return OrganizationalUnit.objects.create(
        guid=uuid.uuid4(),
        distinguished_name=f"OU={name},{above}",
        domain=home,
        parent=parent,
        name=name,
        gp_options=int(blocks),
    )


def computer(home: Domain, name: str, ou: OrganizationalUnit | None = None) -> Computer:
    dns_name = f"{name}.{home.dns_name}".lower()
    return Computer.objects.create(
        **_principal(home, f"{name}$"),
        name=name,
        name_folded=fold_name(name),
        dns_name=dns_name,
        dns_name_folded=dns_name,
        ou=ou,
    )


def policy(home: Domain, name: str, helpers: tuple[str, ...] = (), **values: Any) -> GroupPolicy:
    values.setdefault("is_security_filtered", False)
    made = GroupPolicy.objects.create(
        guid=uuid.uuid4(),
        policy_guid=uuid.uuid4(),
        distinguished_name=f"CN={name}",
        domain=home,
        display_name=name,
        replaces_helpers=values.pop("replaces_helpers", bool(helpers)),
        **values,
    )
    for position, text in enumerate(helpers, start=1):
        HelperEntry.objects.create(policy=made, position=position, text=text)
    return made


def link(
    what: GroupPolicy | None, at: OrganizationalUnit | Domain, order: int = 1, **values: Any
) -> GroupPolicyLink:
    is_unit = isinstance(at, OrganizationalUnit)
    return GroupPolicyLink.objects.create(
        domain=at.domain if isinstance(at, OrganizationalUnit) else at,
        ou=at if is_unit else None,
        policy=what,
        policy_distinguished_name=what.distinguished_name if what else GONE,
        order=order,
        **values,
    )
