"""What the directory says of delegation from the portal's account to a computer."""

from __future__ import annotations

from django.conf import settings

from assist.eligibility.decision import Reference
from assist.eligibility.gathering import account_reference
from assist.readiness.facts import DelegationFacts
from directory.delegation import Acting, may_act
from directory.ldap.values import AUTHENTICATED_USERS, EVERYONE
from directory.models import Computer, Group
from directory.tokens import Above, Token
from directory.trusts import Effect, TrustMap, way

WELL_KNOWN_NAMES = {AUTHENTICATED_USERS: "Authenticated Users", EVERYONE: "Everyone"}


def delegation_facts(computer: Computer, caller: Above | None, trusts: TrustMap) -> DelegationFacts:
    """The facts of one computer, without a query.

    Args:
        computer: Of the directory.
        caller: The account that calls as experts and the groups above it; None where it is not
            known.
        trusts: All domains and trusts.
    """
    is_needed = "delegated" in settings.OFFER_AUTHORITIES
    entries = computer.allowed_to_act
    if caller is None:
        acting = Acting(Effect.UNKNOWN, reason="the portal's account is not in the directory")
        return DelegationFacts(is_needed, None, True, None if entries == [] else acting)
    names, account = tuple(caller.account.delegates_to), account_reference(caller.account)
    is_same_domain = caller.account.domain_id == computer.domain_id
    if entries == []:
        return DelegationFacts(is_needed, names, is_same_domain, account=account)
    token = _token(computer, caller, trusts)
    held = {**token.past, **token.paths}
    local = {
        sid for sid, path in held.items() if path and path[-1].scope == Group.Scope.DOMAIN_LOCAL
    }
    acting = may_act(entries, token.sids - local, local)
    deciding = _reference(acting.sid, token, caller) if acting.sid else None
    return DelegationFacts(is_needed, names, is_same_domain, acting, deciding, account)


def _token(computer: Computer, caller: Above, trusts: TrustMap) -> Token:
    found = way(trusts, computer.domain_id, caller.account.domain_id)
    forest = trusts.domains_of_forest(found.expert_domain.forest)
    return caller.token(computer.domain_id, found, forest)


def _reference(sid: str, token: Token, caller: Above) -> Reference:
    """Whom an entry speaks of, by name where it is the account or a group that it is in."""
    if sid == caller.account.sid:
        return account_reference(caller.account)
    path = token.path_to(sid)
    return Reference("group", sid, path[-1].name if path else WELL_KNOWN_NAMES.get(sid, sid))
