"""From names as people write them to changes of the directory."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from django.db.models import QuerySet

from assist.eligibility.many.changes import (
    Change,
    HelperAdded,
    HelperRemoved,
    InheritanceBlocked,
    MemberAdded,
    PolicyLinked,
    PolicyUnlinked,
    TrustOneWay,
    TrustRemoved,
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

MOST_LINES = 10  # of a helper list, in a remedy


def helper_added(policy: str, who: str) -> HelperAdded:
    """An account or a group more on a policy's helper list."""
    listed, found = find_policy(policy), _account_or_group(who)
    kind = Principal(
        "account" if isinstance(found, Account) else "group", found.pk, found.sid, str(found)
    )
    return HelperAdded(listed.pk, str(listed), kind)


def helper_removed(policy: str, who: str) -> HelperRemoved:
    """An account or a group that is taken off a policy's helper list.

    Raises:
        UnknownName: The list does not name it.
    """
    listed, found = find_policy(policy), _account_or_group(who)
    lines = list(listed.helpers.all())
    ids = {key for line in lines for key in (line.account_id, line.group_id)}
    ids |= {uuid.UUID(each["guid"]) for line in lines for each in line.either}
    if found.pk not in ids:
        said = ", ".join(line.text for line in lines[:MOST_LINES])
        more = f" and {len(lines) - MOST_LINES} more" if len(lines) > MOST_LINES else ""
        raise UnknownName(
            f"The helper list of {listed} does not name {found}.",
            remedy=f"It names: {said}{more}." if lines else "It is empty.",
            field="who",
        )
    return HelperRemoved(listed.pk, str(listed), found.pk, str(found))


def member_added(group: str, who: str) -> MemberAdded:
    """An account, a group or a computer more in a group."""
    holder = find_group(group)
    member: Account | Group | Computer
    try:
        member = _account_or_group(who)
    except UnknownName:
        member = find_computer(who, field="who")
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
    ends = _domain(trusting, field="trusting").dns_name, fold_name(trusted.strip())
    if not _is_trust(ends, Trust.objects.filter(direction=BOTH)):
        raise UnknownName(
            f"The directory knows no trust in both directions between {ends[0]} and {trusted}.",
            remedy="Write the DNS names of both domains.",
            field="trusted",
        )
    return TrustOneWay(*ends)


def trust_removed(trusting: str, trusted: str) -> TrustRemoved:
    """Two domains between which no trust is left, whatever its direction.

    Raises:
        UnknownName: There is none between them.
    """
    ends = _domain(trusting, field="trusting").dns_name, fold_name(trusted.strip())
    if not _is_trust(ends, Trust.objects.all()):
        raise UnknownName(
            f"The directory knows no trust between {ends[0]} and {trusted}.",
            remedy="Write the DNS names of both domains.",
            field="trusted",
        )
    return TrustRemoved(*ends)


def _is_trust(ends: tuple[str, str], trusts: QuerySet[Trust]) -> bool:
    wanted = set(map(fold_name, ends))
    return any(
        wanted == {trust.domain.dns_name_folded, fold_name(trust.partner_dns_name)}
        for trust in trusts.filter(is_present=True).select_related("domain")
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
            domain = _domain(name, field="container")
        except PortalError:
            raise error from None
        return domain.pk, domain


def _domain(name: str, field: str) -> Domain:
    wanted = fold_name(name.strip())
    for domain in Domain.objects.filter(is_present=True):
        names = (domain.dns_name, domain.netbios_name, domain.distinguished_name)
        if wanted in map(fold_name, names):
            return domain
    raise UnknownName(
        f"The directory knows no domain {name.strip()}.",
        remedy="Write its DNS name.",
        field=field,
    )


@dataclass(frozen=True)
class Kind:
    """A kind of change that a person may name.

    Attributes:
        code: A stable name.
        words: What it is, for a person.
        fields: The names that it takes, in the order of ``make``.
        make: The change of them.
    """

    code: str
    words: str
    fields: tuple[str, ...]
    make: Callable[..., Change]


KINDS = (
    Kind("helper_added", "A helper is added to a policy", ("policy", "who"), helper_added),
    Kind("helper_removed", "A helper is taken off a policy", ("policy", "who"), helper_removed),
    Kind("member_added", "A member is added to a group", ("group", "who"), member_added),
    Kind("inheritance_blocked", "A unit blocks inheritance", ("unit",), inheritance_blocked),
    Kind("policy_linked", "A policy is linked", ("policy", "container"), policy_linked),
    Kind(
        "policy_enforced", "A policy is linked, enforced", ("policy", "container"), policy_enforced
    ),
    Kind("policy_unlinked", "A link is removed", ("policy", "container"), policy_unlinked),
    Kind("trust_one_way", "A trust becomes one-way", ("trusting", "trusted"), trust_one_way),
    Kind("trust_removed", "A trust is removed", ("trusting", "trusted"), trust_removed),
)
KINDS_BY_CODE = {kind.code: kind for kind in KINDS}


def change_named(kind: str, names: Mapping[str, str]) -> Change:
    """The change of a kind with the names that a person wrote.

    Args:
        kind: A code of :data:`KINDS`.
        names: By field; those of other kinds are passed over.

    Raises:
        PortalError: A name means nothing, or several things; ``field`` says which.
    """
    known = KINDS_BY_CODE[kind]
    return known.make(*(names[field] for field in known.fields))
