"""What policy says in every place: all that is not about single computers.

Computers that are in the same place - domain, unit, sites - and hold the same of the SIDs that
security filtering asks for have the same policy in force. It is resolved once for all of them.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from directory.kept import Kept
from directory.models import Domain
from directory.models.domain import BLOCK_INHERITANCE
from directory.policies.loading import (
    LinksByPlace,
    Sites,
    containers_of,
    known_networks,
    links_by_place,
    place_of_domain,
    policies_of,
    sids_asked_for,
)
from directory.policies.reading import LinkRow, PlaceRow, all_links, all_units
from directory.policies.resolution import resolve
from directory.policies.shapes import Policy, ResultantPolicy
from directory.policies.sites import Networks
from directory.policies.tokens import Token

MOST_DEPTH = 64  # of organizational units; a loop in the rows ends there
MOST_RESOLVED = 20_000  # places whose policy in force is kept


@dataclass(frozen=True, slots=True)
class Place:
    """All that the policy in force depends on: computers of one place have the same.

    Attributes:
        sites: Those that it may be in, as :func:`directory.policies.sites.sites_of` says.
    """

    domain_guid: uuid.UUID
    unit_guid: uuid.UUID | None
    sites: frozenset[uuid.UUID] | None
    token: Token


@dataclass(frozen=True)
class StandingPolicy:
    """What all policies, links and units of all domains say.

    Attributes:
        domains: By GUID.
        units: By GUID.
        links: By the GUID of their domain, then by that of their container.
        site_names: By the GUID of a domain, the sites of its forest that have links.
        networks: The subnets of the forests that have such sites, by the forest's name.
    """

    domains: Mapping[uuid.UUID, Domain]
    units: Mapping[uuid.UUID, PlaceRow]
    links: Mapping[uuid.UUID, LinksByPlace]
    site_names: Mapping[uuid.UUID, Mapping[uuid.UUID, str]]
    networks: Mapping[str, Networks]
    _resolved: dict[Place, ResultantPolicy] = field(default_factory=dict, repr=False)
    _nearest: dict[uuid.UUID, uuid.UUID | None] = field(default_factory=dict, repr=False)
    _above: dict[tuple[object, ...], tuple[Policy, ...]] = field(default_factory=dict, repr=False)
    _asked: dict[tuple[object, ...], frozenset[str]] = field(default_factory=dict, repr=False)

    def changed(
        self,
        *,
        links: Mapping[uuid.UUID, LinksByPlace] | None = None,
        units: Mapping[uuid.UUID, PlaceRow] | None = None,
    ) -> StandingPolicy:
        """The same with something else in it, and nothing worked out yet."""
        return replace(
            self,
            links=self.links if links is None else links,
            units=self.units if units is None else units,
            _resolved={},
            _nearest={},
            _above={},
            _asked={},
        )

    def essence(self, place: Place) -> Place:
        """The same place without what no policy there asks for: many places share it."""
        unit = self._nearest_unit(place.domain_guid, place.unit_guid)
        asked = self._sids_asked(place.domain_guid, unit, place.sites)
        token = Token(place.token.sids & asked, place.token.undetermined & asked)
        return Place(place.domain_guid, unit, place.sites, token)

    def at(self, place: Place) -> ResultantPolicy:
        """The policy in force in a place, worked out the first time for what is essential of it."""
        place = self.essence(place)
        found = self._resolved.get(place)
        if found is None:
            found = self._resolve(place)
            if len(self._resolved) >= MOST_RESOLVED:
                self._resolved.clear()
            self._resolved[place] = found
        return found

    def policies_above(
        self, domain: uuid.UUID, unit: uuid.UUID | None, sites: Sites
    ) -> tuple[Policy, ...]:
        """The policies that are linked to a unit, above it, and to the sites."""
        unit = self._nearest_unit(domain, unit)
        key = (domain, unit, sites)
        if key not in self._above:
            by_place = self.links.get(domain, {})
            above = {domain, *(each.guid for each in self._chain(unit))}
            above |= {
                each for each in self.site_names.get(domain, {}) if sites is None or each in sites
            }
            links = (link for guid in above for link in by_place.get(guid, ()))
            self._above[key] = tuple(link.policy for link in links if link.policy)
        return self._above[key]

    def _resolve(self, place: Place) -> ResultantPolicy:
        containers = containers_of(
            [place_of_domain(self.domains[place.domain_guid]), *self._chain(place.unit_guid)],
            place.sites,
            self.links.get(place.domain_guid, {}),
            self.site_names.get(place.domain_guid, {}),
        )
        return resolve(containers, place.token.sids, place.token.undetermined)

    def _nearest_unit(self, domain: uuid.UUID, guid: uuid.UUID | None) -> uuid.UUID | None:
        """The nearest unit that has links or blocks inheritance; others change nothing."""
        if guid is None:
            return None
        if guid not in self._nearest:
            links, chain = self.links.get(domain, {}), self._chain(guid)
            self._nearest[guid] = next(
                (
                    unit.guid
                    for unit in reversed(chain)
                    if unit.guid in links or unit.gp_options & BLOCK_INHERITANCE
                ),
                None,
            )
        return self._nearest[guid]

    def _sids_asked(
        self, domain: uuid.UUID, unit: uuid.UUID | None, sites: Sites
    ) -> frozenset[str]:
        """The SIDs that the permissions of policies linked above a unit name."""
        key = (domain, unit, sites)
        if key not in self._asked:
            self._asked[key] = sids_asked_for(self.policies_above(domain, unit, sites))
        return self._asked[key]

    def _chain(self, guid: uuid.UUID | None) -> list[PlaceRow]:
        chain: list[PlaceRow] = []
        while guid is not None and guid in self.units and len(chain) <= MOST_DEPTH:
            chain.append(self.units[guid])
            guid = self.units[guid].parent_guid
        return chain[::-1]


def _load() -> StandingPolicy:
    rows = all_links()
    policies = policies_of(rows)
    rows_of = defaultdict[uuid.UUID, list[LinkRow]](list)
    site_names = defaultdict[uuid.UUID, dict[uuid.UUID, str]](dict)
    for row in rows:
        rows_of[row.domain_guid].append(row)
        if row.kind == "site":
            site_names[row.domain_guid][row.container_guid] = row.container_name
    domains = {domain.guid: domain for domain in Domain.objects.all()}
    forests = {domains[guid].forest_dns_name for guid in site_names}
    return StandingPolicy(
        domains=domains,
        units=all_units(),
        links={guid: links_by_place(found, policies) for guid, found in rows_of.items()},
        site_names=dict(site_names),
        networks={forest: known_networks(forest) for forest in forests},
    )


STANDING_POLICY = Kept(_load)
