"""From names as people write them to changes of the directory."""

from __future__ import annotations

import uuid

from assist.eligibility.many.changes import (
    HelperAdded,
    InheritanceBlocked,
    MemberAdded,
    PolicyLinked,
    PolicyUnlinked,
    TrustOneWay,
)
from directory.comparison import fold_name
from directory.errors import PortalError
from directory.models import Account, Computer, Domain, Group, OrganizationalUnit, Trust
from directory.names import (
    UnknownName,
    find_account,
    find_computer,
    find_group,
    find_policy,
    find_unit,
)
from directory.policies import Principal
from directory.policies.shapes import ContainerKind
from directory.trusts.hops import BOTH


def helper_added(policy: str, who: str) -> HelperAdded:
    """An account or a group more on a policy's helper list."""
    listed, found = find_policy(policy), _account_or_group(who)
    kind = Principal(
        "account" if isinstance(found, Account) else "group", found.pk, found.sid, str(found)
    )
    return HelperAdded(listed.pk, str(listed), kind)


def member_added(group: str, who: str) -> MemberAdded:
    """An account, a group or a computer more in a group."""
    holder = find_group(group)
    member: Account | Group | Computer
    try:
        member = _account_or_group(who)
    except UnknownName:
        member = find_computer(who, field="member")
    return MemberAdded(holder.sid, str(holder), member.sid, str(member))


def inheritance_blocked(unit: str) -> InheritanceBlocked:
    """A unit, by its distinguished name, that blocks inheritance."""
    found = find_unit(unit)
    return InheritanceBlocked(found.pk, str(found))


def trust_one_way(trusting: str, trusted: str) -> TrustOneWay:
    """Of a trust in both directions the one by which ``trusting`` trusts ``trusted``.

    Raises:
        UnknownName: There is no such trust in both directions.
    """
    ends = _domain(trusting).dns_name, fold_name(trusted.strip())
    for trust in Trust.objects.filter(is_present=True, direction=BOTH).select_related("domain"):
        names = {trust.domain.dns_name_folded, fold_name(trust.partner_dns_name)}
        if names == {fold_name(ends[0]), ends[1]}:
            return TrustOneWay(*ends)
    raise UnknownName(
        f"The directory knows no trust in both directions between {ends[0]} and {trusted}.",
        remedy="Write the DNS names of both domains.",
        field="trusted",
    )


def policy_linked(policy: str, container: str, *, is_enforced: bool = False) -> PolicyLinked:
    """A policy linked to a unit or a domain, in the last place of its link order."""
    linked, (domain, place) = find_policy(policy), _container(container)
    kind: ContainerKind = "unit" if isinstance(place, OrganizationalUnit) else "domain"
    return PolicyLinked(linked.pk, str(linked), domain, kind, place.pk, str(place), is_enforced)


def policy_enforced(policy: str, container: str) -> PolicyLinked:
    """The same with a link that is enforced."""
    return policy_linked(policy, container, is_enforced=True)


def policy_unlinked(policy: str, container: str) -> PolicyUnlinked:
    """A policy no longer linked to a unit or a domain.

    Raises:
        UnknownName: It is not linked there.
    """
    linked, (domain, place) = find_policy(policy), _container(container)
    there = place.links.filter(policy=linked)
    if isinstance(place, Domain):
        there = there.filter(ou=None, site=None)
    if not there.exists():
        raise UnknownName(
            f"{linked} is not linked to {place}.",
            remedy="Name the unit or domain where it is linked.",
            field="container",
        )
    return PolicyUnlinked(linked.pk, str(linked), domain, place.pk, str(place))


def _account_or_group(name: str) -> Account | Group:
    try:
        return find_account(name, field="who")
    except UnknownName:
        return find_group(name, field="who")


def _container(name: str) -> tuple[uuid.UUID, OrganizationalUnit | Domain]:
    try:
        unit = find_unit(name, field="container")
        return unit.domain_id, unit
    except UnknownName as error:
        try:
            domain = _domain(name)
        except PortalError:
            raise error from None
        return domain.pk, domain


def _domain(name: str) -> Domain:
    wanted = fold_name(name.strip())
    for domain in Domain.objects.filter(is_present=True):
        names = (domain.dns_name, domain.netbios_name, domain.distinguished_name)
        if wanted in map(fold_name, names):
            return domain
    raise UnknownName(
        f"The directory knows no domain {name.strip()}.",
        remedy="Write its DNS name.",
        field="domain",
    )
