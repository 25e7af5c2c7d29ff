"""The policy in force on one computer."""

from __future__ import annotations

from collections.abc import Collection

from directory.kept import Version, shared_version
from directory.models import Computer
from directory.policies.filtering import may_apply
from directory.policies.loading import Sites, sids_asked_for
from directory.policies.shapes import Policy, ResultantPolicy
from directory.policies.sites import sites_of
from directory.policies.standing import STANDING_POLICY, Place, StandingPolicy
from directory.policies.tokens import NOBODYS, Token, own_sids, token_of
from directory.statements import rows

_ADDRESSES = """
SELECT address.address FROM directory_dnsaddress address
  JOIN directory_dnsnode node ON node.guid = address.node_id
  JOIN directory_domain domain ON domain.guid = node.domain_id
 WHERE node.is_present AND domain.forest_dns_name = %s AND node.name_folded = %s
"""


def resultant_policy(computer: Computer) -> ResultantPolicy:
    """The policy in force on a computer.

    Args:
        computer: Of the directory; its domain and unit are those of the last synchronisation.
    """
    return policy_in_force(computer, shared_version())


def policy_in_force(computer: Computer, version: Version) -> ResultantPolicy:
    """The same where the version of what is shared is known: in three queries at most.

    Args:
        computer: Of the directory.
        version: From :func:`directory.kept.shared_version`.
    """
    standing = STANDING_POLICY.at(version)
    sites = _sites(computer, standing)
    policies = standing.policies_above(computer.domain_id, computer.ou_id, sites)
    token = _token(computer, policies, standing)
    return standing.at(Place(computer.domain_id, computer.ou_id, sites, token))


def _sites(computer: Computer, standing: StandingPolicy) -> Sites:
    if not standing.site_names.get(computer.domain_id):
        return frozenset()
    # The site of a domain controller is where its server object is, which is not read.
    if computer.is_domain_controller or not computer.dns_name_folded:
        return None
    forest = standing.domains[computer.domain_id].forest_dns_name
    addresses = rows(_ADDRESSES, (forest, computer.dns_name_folded))
    return sites_of([str(address) for (address,) in addresses], standing.networks[forest])


def _token(computer: Computer, policies: Collection[Policy], standing: StandingPolicy) -> Token:
    """The computer's token; its groups are looked up only where they make a difference."""
    own = own_sids(computer)
    named = sids_asked_for(policies) - own - NOBODYS
    permissions = [policy.permissions for policy in policies]
    if all(may_apply(item.entries, own, named).is_granted is not None for item in permissions):
        return Token(own)
    read = frozenset(domain.sid for domain in standing.domains.values() if domain.is_present)
    return token_of(computer, named, read)
