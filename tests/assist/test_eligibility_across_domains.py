"""An expert of one domain at a computer of another: what is said of trusts, groups and SIDs."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from assist.eligibility import Decision, Effect, Finding, explain
from assist.lifecycle import Mode
from directory.ldap.security_descriptor import ALLOW, ALLOW_IF, DENY, DENY_IF
from directory.models import Account, Domain, Group, Membership, Trust
from tests.assist.cast import NOW, Cast, make_domain

FOREST, SELECTIVE = 0x8, 0x10
CONTOSO_SID = "S-1-5-21-7-8-9"


def names_of(domain: Domain) -> list[dict[str, Any]]:
    """What msDS-TrustForestTrustInfo says of a forest of one domain."""
    common = {"flags": 0, "dns_name": domain.dns_name}
    return [
        {**common, "kind": 0, "netbios_name": "", "sid": ""},
        {**common, "kind": 2, "netbios_name": domain.netbios_name, "sid": domain.sid},
    ]


def make_trust(holder: Domain, partner: Domain, direction: int = 3) -> Trust:
    return Trust.objects.create(
        guid=uuid.uuid4(),
        distinguished_name=f"CN={partner.dns_name},CN=System,{holder.distinguished_name}",
        domain=holder,
        partner_dns_name=partner.dns_name,
        partner_netbios_name=partner.netbios_name,
        partner_sid=partner.sid,
        direction=direction,
        type=Trust.Type.UPLEVEL,
        attributes=FOREST,
        forest_names=names_of(partner),
    )


class Contoso:
    """A second forest, which r2.local trusts and is trusted by, with an expert of its own."""

    def __init__(self, cast: Cast) -> None:
        self.cast = cast
        self.domain = make_domain("contoso.test", "CONTOSO", CONTOSO_SID)
        self.there = Cast(self.domain, cast.unit, cast.policy)
        self.amy = self.there.add_account("alee")
        self.field = self.there.add_group("Field Support")
        Group.objects.filter(pk=self.field.pk).update(scope=Group.Scope.UNIVERSAL)
        self.there.join(self.field, self.amy)
        self.there.join(cast.groups["Remote Assistance Experts"], self.amy)
        self.ours = make_trust(cast.domain, self.domain)
        self.theirs = make_trust(self.domain, cast.domain)

    def decide(self) -> Decision:
        return explain(self.amy, self.cast.xp191, Mode.CONTROL, now=NOW)

    def local_group(self, name: str, member: str) -> Group:
        """A domain local group of r2.local on the helper list, with a SID in it."""
        group = self.cast.add_group(name)
        Group.objects.filter(pk=group.pk).update(scope=Group.Scope.DOMAIN_LOCAL)
        Membership.objects.create(group=group, member_guid=uuid.uuid4(), member_sid=member)
        self.cast.add_helper(rf"R2\{name}", group)
        return group

    def ask_selectively(self, *entries: tuple[str, str]) -> None:
        Trust.objects.filter(pk=self.ours.pk).update(attributes=FOREST | SELECTIVE)
        self.cast.xp191.allowed_to_authenticate = [list(entry) for entry in entries]
        self.cast.xp191.save()


@pytest.fixture
def contoso(cast: Cast) -> Contoso:
    return Contoso(cast)


def finding(decision: Decision, rule: str) -> Finding:
    return next(each for each in decision.findings if each.rule == rule)


def require_refusal(decision: Decision, rule: str, *words: str) -> None:
    assert decision.decisive is not None
    assert decision.decisive.rule == rule, decision.sentence
    assert decision.decisive.remedy
    for word in words:
        assert word in decision.sentence


def test_amy_may_help_through_her_group_in_one_of_the_computers_domain(contoso: Contoso) -> None:
    contoso.local_group("Partners", contoso.field.sid)
    decision = contoso.decide()
    assert decision.is_allowed, decision.sentence
    assert (
        r"because CONTOSO\alee is a member of CONTOSO\Field Support, itself a member of "
        r"R2\Partners, which WinnipegGPO" in decision.sentence
    )
    trust = finding(decision, "trust.forest")
    assert trust.sentence == (
        "r2.local lets accounts of contoso.test in: r2.local trusts contoso.test (forest trust)."
    )
    assert [(item.kind, item.id) for item in trust.evidence] == [
        ("domain", str(contoso.cast.domain.guid)),
        ("domain", str(contoso.domain.guid)),
        ("trust", str(contoso.ours.guid)),
    ]


def test_without_a_trust_towards_her_she_is_refused(contoso: Contoso) -> None:
    contoso.local_group("Partners", contoso.field.sid)
    Trust.objects.filter(pk=contoso.ours.pk).update(direction=1)
    require_refusal(contoso.decide(), "trust.wrong_direction", "contoso.test trusts r2.local")


def test_a_trust_that_cannot_be_gone_by_is_unknown_and_refuses(contoso: Contoso) -> None:
    contoso.local_group("Partners", contoso.field.sid)
    Trust.objects.filter(pk=contoso.ours.pk).update(type=77)
    decision = contoso.decide()
    require_refusal(decision, "trust.unreadable", "77")
    assert finding(decision, "trust.unreadable").effect is Effect.UNKNOWN


@pytest.mark.parametrize(
    ("past", "rule", "word"),
    [
        ("S-1-5-21-1-2-3-4711", "trust.sid_filtered", "Old friends names a past SID"),
        ("", "helper.not_listed", ""),
    ],
)
def test_a_past_sid_that_the_trust_drops_is_named(
    contoso: Contoso, past: str, rule: str, word: str
) -> None:
    Account.objects.filter(pk=contoso.amy.pk).update(sid_history=[past] if past else [])
    contoso.local_group("Old friends", "S-1-5-21-1-2-3-4711")
    require_refusal(contoso.decide(), rule, word, r"CONTOSO\alee")


def test_a_past_sid_that_is_listed_itself_is_dropped_as_well(contoso: Contoso) -> None:
    listed = contoso.cast.groups["Helpdesk Winnipeg"].sid
    Account.objects.filter(pk=contoso.amy.pk).update(sid_history=[listed])
    require_refusal(
        contoso.decide(), "trust.sid_filtered", r"R2\Helpdesk Winnipeg by its SID history"
    )


def test_a_past_sid_counts_within_the_forest(contoso: Contoso) -> None:
    cast = contoso.cast
    Domain.objects.filter(pk=contoso.domain.pk).update(forest_dns_name=cast.domain.dns_name)
    Trust.objects.update(attributes=0x20, forest_names=[])
    listed = cast.groups["Helpdesk Winnipeg"].sid
    Account.objects.filter(pk=contoso.amy.pk).update(sid_history=[listed])
    decision = contoso.decide()
    assert decision.is_allowed, decision.sentence
    assert "has in its SID history the SID of R2\\Helpdesk Winnipeg" in decision.sentence
    assert finding(decision, "trust.within_forest").effect is Effect.ALLOW


def test_a_domain_local_group_of_her_own_domain_is_explained(contoso: Contoso) -> None:
    Group.objects.filter(pk=contoso.field.pk).update(scope=Group.Scope.DOMAIN_LOCAL)
    contoso.cast.add_helper(r"CONTOSO\Field Support", contoso.field)
    require_refusal(
        contoso.decide(), "helper.not_listed", r"CONTOSO\Field Support", "domain local group"
    )


def test_an_administrator_of_her_domain_is_none_here(contoso: Contoso) -> None:
    admins = contoso.there.add_group("Domain Admins", sid=f"{CONTOSO_SID}-512")
    contoso.there.join(admins, contoso.amy)
    require_refusal(contoso.decide(), "helper.not_listed")


def test_the_oldest_picture_on_the_way_counts(contoso: Contoso) -> None:
    contoso.local_group("Partners", contoso.field.sid)
    Domain.objects.filter(pk=contoso.domain.pk).update(synced_at=NOW - timedelta(days=30))
    require_refusal(contoso.decide(), "directory.stale", "contoso.test")


# --- selective authentication ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("entries", "rule"),
    [
        ([], "trust.selective_authentication_denied"),
        ([(ALLOW, CONTOSO_SID + "-4000")], "trust.selective_authentication_denied"),
        ([(ALLOW, "amy")], ""),
        ([(ALLOW, "field")], ""),
        ([(ALLOW, "S-1-5-1000")], ""),
        ([(ALLOW, "S-1-5-11")], ""),
        ([(ALLOW, "S-1-5-15")], "trust.selective_authentication_denied"),
        ([(DENY, "amy"), (ALLOW, "field")], "trust.selective_authentication_denied"),
        ([(ALLOW, "amy"), (DENY, "field")], ""),
        ([(DENY, "S-1-5-1000"), (ALLOW, "amy")], "trust.selective_authentication_denied"),
        ([(ALLOW_IF, "amy")], "trust.selective_authentication_unknown"),
        ([(ALLOW_IF, "amy"), (ALLOW, "field")], ""),
        ([(DENY_IF, "amy"), (ALLOW, "field")], "trust.selective_authentication_unknown"),
        ([(DENY_IF, "amy")], "trust.selective_authentication_denied"),
        ([("what", "amy")], "trust.selective_authentication_unknown"),
    ],
)
def test_the_computers_permissions_decide_entry_by_entry(
    contoso: Contoso, entries: list[tuple[str, str]], rule: str
) -> None:
    contoso.local_group("Partners", contoso.field.sid)
    sids = {"amy": contoso.amy.sid, "field": contoso.field.sid}
    contoso.ask_selectively(*((kind, sids.get(sid, sid)) for kind, sid in entries))
    decision = contoso.decide()
    if rule:
        require_refusal(decision, rule, "selective authentication", "XP191")
    else:
        assert decision.is_allowed, decision.sentence
        assert finding(decision, "trust.selective_authentication").effect is Effect.ALLOW


@pytest.mark.parametrize(
    ("kept", "word"),
    [(None, "have not been read"), ("A security descriptor is too short.", "too short")],
)
def test_permissions_that_are_not_known_leave_it_unknown(
    contoso: Contoso, kept: str | None, word: str
) -> None:
    contoso.local_group("Partners", contoso.field.sid)
    contoso.ask_selectively()
    contoso.cast.xp191.allowed_to_authenticate = kept
    contoso.cast.xp191.save()
    require_refusal(contoso.decide(), "trust.selective_authentication_unknown", word)


# --- the portal's own account ---------------------------------------------------------------------


def _one_way(contoso: Contoso) -> None:
    Trust.objects.filter(pk=contoso.ours.pk).update(direction=1)
    Trust.objects.filter(pk=contoso.theirs.pk).update(direction=2)


def _broken(contoso: Contoso) -> None:
    Trust.objects.filter(pk=contoso.ours.pk).update(direction=9)


def _selective(contoso: Contoso) -> None:
    contoso.ask_selectively((ALLOW, contoso.amy.sid))


def _unread(contoso: Contoso) -> None:
    contoso.ask_selectively()
    contoso.cast.xp191.allowed_to_authenticate = None
    contoso.cast.xp191.save()


@pytest.mark.parametrize(
    ("change", "rule", "effect"),
    [
        (_one_way, "authority.not_trusted", Effect.DENY),
        (_broken, "authority.trust_unknown", Effect.UNKNOWN),
        (_selective, "authority.not_trusted", Effect.DENY),
        (_unread, "authority.trust_unknown", Effect.UNKNOWN),
    ],
)
def test_the_portals_own_account_has_to_be_let_in_too(
    contoso: Contoso,
    settings: Settings,
    change: Callable[[Contoso], None],
    rule: str,
    effect: Effect,
) -> None:
    caller = contoso.there.add_account("svc-call")
    contoso.cast.add_helper(r"CONTOSO\svc-call", caller)
    settings.SERVICE_PRINCIPAL = r"CONTOSO\svc-call"
    mary = contoso.cast.mjones
    assert explain(mary, contoso.cast.xp191, Mode.VIEW, now=NOW).is_allowed
    change(contoso)
    decision = explain(mary, contoso.cast.xp191, Mode.VIEW, now=NOW)
    assert finding(decision, rule).effect is effect
    require_refusal(decision, rule, r"CONTOSO\svc-call")


def test_the_facts_take_a_fixed_number_of_queries_across_domains(contoso: Contoso) -> None:
    contoso.local_group("Partners", contoso.field.sid)
    with CaptureQueriesContext(connection) as few:
        assert contoso.decide().is_allowed
    for number in range(20):
        other = make_domain(f"d{number}.test", f"D{number}", f"S-1-5-21-{number}-5-5")
        make_trust(contoso.cast.domain, other)
        make_trust(other, contoso.cast.domain)
        group = contoso.there.add_group(f"More {number}")
        contoso.there.join(group, contoso.amy)
    with CaptureQueriesContext(connection) as many:
        assert contoso.decide().is_allowed
    assert len(many) == len(few)
