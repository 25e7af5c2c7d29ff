"""The policy in force on many computers: everything is loaded once, then no query is made."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from directory.kept import shared_version
from directory.models import DnsAddress, Domain
from directory.policies.loading import LinksByPlace, Sites, sids_asked_for
from directory.policies.reading import PlaceRow
from directory.policies.shapes import ResultantPolicy
from directory.policies.sites import sites_of
from directory.policies.standing import STANDING_POLICY, Place, StandingPolicy
from directory.policies.tokens import TokenHolder, TokenIndex, token_index


class Placed(TokenHolder, Protocol):
    """A computer, as far as the policy in force rests on it."""

    @property
    def ou_id(self) -> uuid.UUID | None: ...
    @property
    def dns_name_folded(self) -> str: ...


@dataclass(frozen=True)
class PolicyPicture:
    """Everything that policy says, of all domains, and where all computers are.

    Attributes:
        standing: What policy says in every place.
        addresses: Of computers, by forest and folded DNS name, where sites matter.
        tokens: The tokens of computers, as far as policies ask for them.
    """

    standing: StandingPolicy
    addresses: Mapping[tuple[str, str], Sequence[str]]
    tokens: TokenIndex

    @property
    def domains(self) -> Mapping[uuid.UUID, Domain]:
        return self.standing.domains

    @property
    def units(self) -> Mapping[uuid.UUID, PlaceRow]:
        return self.standing.units

    @property
    def links(self) -> Mapping[uuid.UUID, LinksByPlace]:
        return self.standing.links

    @property
    def site_names(self) -> Mapping[uuid.UUID, Mapping[uuid.UUID, str]]:
        return self.standing.site_names

    def place_of(self, computer: Placed) -> Place:
        """Where a computer stands, without a query."""
        return Place(
            computer.domain_id,
            computer.ou_id,
            self._sites(computer),
            self.tokens.token_of(computer),
        )

    def changed(
        self,
        *,
        links: Mapping[uuid.UUID, LinksByPlace] | None = None,
        units: Mapping[uuid.UUID, PlaceRow] | None = None,
        tokens: TokenIndex | None = None,
    ) -> PolicyPicture:
        """The same with something else in it, and nothing worked out yet."""
        return PolicyPicture(
            self.standing.changed(links=links, units=units),
            self.addresses,
            self.tokens if tokens is None else tokens,
        )

    def essence(self, place: Place) -> Place:
        """The same place without what no policy there asks for: many places share it."""
        return self.standing.essence(place)

    def at(self, place: Place) -> ResultantPolicy:
        """The policy in force in a place."""
        return self.standing.at(place)

    def of(self, computer: Placed) -> ResultantPolicy:
        """The policy in force on a computer, the same as ``resultant_policy`` gives."""
        return self.at(self.place_of(computer))

    def _sites(self, computer: Placed) -> Sites:
        if not self.site_names.get(computer.domain_id):
            return frozenset()
        if computer.is_domain_controller or not computer.dns_name_folded:
            return None
        forest = self.domains[computer.domain_id].forest_dns_name
        addresses = self.addresses.get((forest, computer.dns_name_folded), ())
        return sites_of(addresses, self.standing.networks[forest])


def policy_picture() -> PolicyPicture:
    """Loads the policy of all domains, in a number of queries that depends on the forests alone."""
    standing = STANDING_POLICY.at(shared_version())
    by_place = (found for links in standing.links.values() for found in links.values())
    policies = {
        link.policy.guid: link.policy for links in by_place for link in links if link.policy
    }
    return PolicyPicture(
        standing=standing,
        addresses=_addresses(standing.networks.keys()),
        tokens=token_index(sids_asked_for(policies.values())),
    )


def _addresses(forests: Collection[str]) -> Mapping[tuple[str, str], Sequence[str]]:
    """Addresses by forest and folded DNS name."""
    found = defaultdict[tuple[str, str], list[str]](list)
    if forests:
        rows = DnsAddress.objects.filter(
            node__is_present=True, node__domain__forest_dns_name__in=forests
        ).values_list("node__domain__forest_dns_name", "node__name_folded", "address")
        for forest, name, address in rows.iterator():
            found[forest, name].append(address)
    return found
