"""Who somebody is at a computer: the way between the domains, the token there, what it lacks."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from assist.eligibility.decision import Reference
from assist.eligibility.facts import LostHelper, Memberships
from directory.tokens import Above, Path
from directory.trusts import Effect, TrustMap, TrustWay, way
from directory.trusts.selective import Authentication, Entries, may_authenticate


@dataclass(frozen=True)
class At:
    """Where somebody's token is asked for.

    Attributes:
        domain_id: GUID of the computer's domain.
        entries: What the computer's permissions say of Allowed to Authenticate.
        trusts: What is known of domains and trusts.
        asked: The SIDs of the helpers that policy names: why one is not in a token is of interest.
    """

    domain_id: uuid.UUID
    entries: Entries
    trusts: TrustMap
    asked: Collection[str]


def memberships(above: Above, at: At) -> Memberships:
    """What an account is at a computer; helpers are explained where none is in its token."""
    found = way(at.trusts, at.domain_id, above.account.domain_id)
    return _memberships(above, at, found, always_explains=False)


def memberships_by(above: Above, at: At, found: TrustWay) -> Memberships:
    """The same by a way between the domains that is known already; every helper is explained."""
    return _memberships(above, at, found, always_explains=True)


def _memberships(above: Above, at: At, found: TrustWay, *, always_explains: bool) -> Memberships:
    trusts = at.trusts
    token = above.token(at.domain_id, found, trusts.domains_of_forest(found.expert_domain.forest))
    is_helper = any(sid == token.sid or token.path_to(sid) is not None for sid in at.asked)
    asked = at.asked if always_explains or not is_helper else ()
    lost = {
        sid: LostHelper(loss.cause, references(loss.path, trusts), loss.reason)
        for sid in asked
        if token.path_to(sid) is None
        and (loss := above.why_not(sid, token, at.domain_id)) is not None
    }
    return Memberships(
        paths={sid: references(path, trusts) for sid, path in token.paths.items()},
        past={sid: references(path, trusts) for sid, path in token.past.items()},
        lost=lost,
        way=found,
        authentication=may_authenticate(at.entries, token.sids)
        if found.is_selective
        else Authentication(Effect.ALLOW),
    )


def references(path: Path, trusts: TrustMap) -> tuple[Reference, ...]:
    """The groups of a way, as evidence names them."""
    return tuple(
        Reference("group", group.sid, f"{_netbios_name(trusts, group.domain_id)}\\{group.name}")
        for group in path
    )


def names_of_groups(paths: Mapping[str, Path], trusts: TrustMap) -> frozenset[tuple[str, str]]:
    """Domain and name of the groups that some ways lead to, by both names of the domain."""
    names = set[tuple[str, str]]()
    for path in paths.values():
        name = trusts.names.get(path[-1].domain_id)
        if name is not None:
            domain = trusts.domains[name]
            names |= {(each, path[-1].name) for each in (domain.netbios_name, domain.dns_name)}
    return frozenset(names)


def _netbios_name(trusts: TrustMap, domain: uuid.UUID) -> str:
    name = trusts.names.get(domain)
    return trusts.domains[name].netbios_name if name is not None else "?"
