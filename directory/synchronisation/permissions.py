"""Whether the permissions of a domain's computers are read: only where a trust is selective.

They are some kilobytes for each computer, and nothing else rests on them. What a computer inherits
from the unit that holds it is no change of the computer's own: it is read again with the unit.
"""

from __future__ import annotations

from directory.ldap.connection import LdapConnection
from directory.ldap.search import search
from directory.ldap.values import TrustAttributes
from directory.models import Computer, Domain, Trust

BIT_AND = "1.2.840.113556.1.4.803"  # LDAP_MATCHING_RULE_BIT_AND, [MS-ADTS] 3.1.1.3.4.4.1
SELECTIVE = int(TrustAttributes.CROSS_ORGANIZATION)
OUTBOUND = int(Trust.Direction.OUTBOUND)
SELECTIVE_TRUSTS = (
    f"(&(objectClass=trustedDomain)(trustAttributes:{BIT_AND}:={SELECTIVE})"
    f"(trustDirection:{BIT_AND}:={OUTBOUND}))"
)
NOW_NEEDED = (
    "A trust asks for selective authentication now, so the permissions of all computers are read."
)


def needs_permissions(connection: LdapConnection, base: str, forest_dns_name: str) -> bool:
    """Whether a trust of the domain, or of its forest as far as that is read, is selective.

    Args:
        connection: To the domain's controller.
        base: The domain's naming context.
        forest_dns_name: Its forest; a forest trust is held by the root domain.

    Raises:
        DirectoryUnavailable: The controller does not answer.
    """
    for _ in search(connection, f"CN=System,{base}", SELECTIVE_TRUSTS, ("1.1",)):
        return True
    known = Trust.objects.filter(domain__forest_dns_name=forest_dns_name, is_present=True)
    return any(
        attributes & SELECTIVE and direction & OUTBOUND
        for attributes, direction in known.exclude(domain__distinguished_name=base).values_list(
            "attributes", "direction"
        )
    )


def are_new(domain: Domain | None, *, needed: bool) -> bool:
    """Whether permissions are needed that the picture does not have."""
    return needed and (domain is None or not domain.reads_permissions)


def remember(domain: Domain, *, needed: bool) -> None:
    """Keep with the domain whether permissions are read; forget them when they are not any more."""
    if domain.reads_permissions == needed:
        return
    if not needed:
        Computer.objects.filter(domain=domain, allowed_to_authenticate__isnull=False).update(
            allowed_to_authenticate=None
        )
    Domain.objects.filter(pk=domain.pk).update(reads_permissions=needed)
