"""Who experts, and the portal's own account, are at the computers of each domain. No queries."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import replace

from django.conf import settings

from assist.eligibility.facts import Caller, Memberships
from assist.eligibility.gathering import account_reference
from assist.eligibility.many.pictures import Pictures
from assist.eligibility.membership_facts import At, memberships_by
from directory.token_graph import AboveInGraph
from directory.trusts import Cause, TrustWay, way
from directory.trusts.selective import Entries, may_authenticate

HELD = "held"
KINDS = (HELD, *Cause)  # what a helper list is compared with


class Standing:
    """Memberships by expert and domain, worked out the first time they are asked for."""

    def __init__(self, pictures: Pictures) -> None:
        self._pictures = pictures
        self._ways: dict[tuple[uuid.UUID, uuid.UUID], TrustWay] = {}
        self._memberships: dict[tuple[int, uuid.UUID], Memberships] = {}
        self._sids: dict[tuple[int, uuid.UUID], frozenset[str]] = {}
        self._holders: dict[uuid.UUID, Mapping[tuple[str, str], int]] = {}
        self._asked = _asked(pictures)

    def way(self, domain_id: uuid.UUID, home: uuid.UUID) -> TrustWay:
        """From the computers' domain to the accounts'."""
        found = self._ways.get((domain_id, home))
        if found is None:
            found = way(self._pictures.trusts, domain_id, home)
            self._ways[domain_id, home] = found
        return found

    def of(self, number: int, domain_id: uuid.UUID) -> Memberships:
        """Of an expert, by her place in ``Pictures.people``; selective authentication apart."""
        found = self._memberships.get((number, domain_id))
        if found is None:
            found = self._at(self._pictures.people[number].above, domain_id, None)
            self._memberships[number, domain_id] = found
        return found

    def sids(self, number: int, domain_id: uuid.UUID) -> frozenset[str]:
        """An expert's token."""
        found = self._sids.get((number, domain_id))
        if found is None:
            above, trusts = self._pictures.people[number].above, self._pictures.trusts
            between = self.way(domain_id, above.account.domain_id)
            forest = trusts.domains_of_forest(between.expert_domain.forest)
            found = above.token(domain_id, between, forest).sids
            self._sids[number, domain_id] = found
        return found

    def authenticated(self, number: int, domain_id: uuid.UUID, entries: Entries) -> Memberships:
        """The same with what a computer says of selective authentication."""
        answer = may_authenticate(entries, self.sids(number, domain_id))
        return replace(self.of(number, domain_id), authentication=answer)

    def caller(self, domain_id: uuid.UUID, entries: Entries) -> Caller:
        """Who the portal's own account is at a computer."""
        above = self._pictures.caller
        if above is None:
            return Caller(None, settings.SERVICE_PRINCIPAL, None)
        return Caller(
            account_reference(above.account),
            settings.SERVICE_PRINCIPAL,
            self._at(above, domain_id, entries),
        )

    def is_caller_asked_for_permission(self, domain_id: uuid.UUID) -> bool:
        """Whether what computers of a domain say of selective authentication concerns it."""
        above = self._pictures.caller
        return above is not None and self.way(domain_id, above.account.domain_id).is_selective

    def holders(self, domain_id: uuid.UUID) -> Mapping[tuple[str, str], int]:
        """Experts as bits, by what they hold, or do not hold for a cause, and its SID."""
        found = self._holders.get(domain_id)
        if found is None:
            found = self._find_holders(domain_id)
            self._holders[domain_id] = found
        return found

    def _find_holders(self, domain_id: uuid.UUID) -> Mapping[tuple[str, str], int]:
        found = defaultdict[tuple[str, str], int](int)
        for number, person in enumerate(self._pictures.people):
            for name in _standing(person.sid, self.of(number, domain_id)):
                found[name] |= 1 << number
        return found

    def _at(self, above: AboveInGraph, domain_id: uuid.UUID, entries: Entries) -> Memberships:
        at = At(domain_id, entries, self._pictures.trusts, self._asked)
        return memberships_by(above, at, self.way(domain_id, above.account.domain_id))


def _standing(sid: str, memberships: Memberships) -> Iterator[tuple[str, str]]:
    for held in {sid, *memberships.paths, *memberships.past}:
        yield HELD, held
    for lost, why in memberships.lost.items():
        yield why.cause, lost


def _asked(pictures: Pictures) -> frozenset[str]:
    """The SIDs of the helpers that any policy names."""
    by_places = pictures.policy.links.values()
    links = (link for by_place in by_places for found in by_place.values() for link in found)
    policies = {link.policy.guid: link.policy for link in links if link.policy}
    lines = (line for policy in policies.values() for line in policy.helpers)
    return frozenset(who.sid for line in lines for who in (line.principal, *line.either) if who)
