"""Who may offer help where, and for which reason not: one test a reason."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.conf import settings
from django.db import connection
from django.test.utils import CaptureQueriesContext

from assist.eligibility import Decision, Effect, explain
from assist.eligibility.rules import REQUIRED
from assist.lifecycle import Mode
from directory.ldap.values import AUTHENTICATED_USERS
from directory.models import GroupPolicyLink, OrganizationalUnit
from tests.assist.cast import NOW, Cast, make_domain, make_policy
from tests.directory.descriptors import applies_to


def decide(cast: Cast, expert: str = "mjones", mode: Mode = Mode.CONTROL) -> Decision:
    return explain(cast.accounts[expert], cast.xp191, mode, now=NOW)


def rules(decision: Decision, effect: Effect) -> list[str]:
    return [finding.rule for finding in decision.findings if finding.effect is effect]


def require_refusal(decision: Decision, rule: str, *words: str) -> None:
    """Refused, and this rule leads; the sentence and the remedy are there for a person."""
    assert not decision.is_allowed
    decisive = decision.decisive
    assert decisive is not None
    assert decisive.rule == rule, decision.sentence
    assert decision.sentence == decisive.sentence
    assert decisive.remedy
    assert decisive.evidence
    for word in words:
        assert word in decision.sentence


def test_mary_may_help_at_xp191_through_her_group(cast: Cast) -> None:
    decision = decide(cast)
    assert decision.is_allowed
    assert decision.sentence == (
        r"R2\mjones may offer help on XP191 in control mode, because R2\mjones is a member of "
        r"R2\Helpdesk Winnipeg, which WinnipegGPO (linked to OU=Winnipeg) lists as helper "
        r"(line R2\Helpdesk Winnipeg)."
    )
    assert set(rules(decision, Effect.ALLOW)) == REQUIRED | {"domain.same"}
    listed = next(finding for finding in decision.findings if finding.rule == "helper.listed")
    assert [(item.kind, item.id) for item in listed.evidence] == [
        ("account", cast.mjones.sid),
        ("group", cast.groups["Helpdesk Winnipeg"].sid),
        ("policy", str(cast.policy.guid)),
        ("unit", str(cast.unit.guid)),
    ]


def test_a_direct_line_is_named_as_such(cast: Cast) -> None:
    cast.add_helper(r"r2.local\eadams", cast.eadams)
    decision = decide(cast, "eadams")
    assert decision.is_allowed
    assert r"lists R2\eadams itself as helper (line r2.local\eadams)" in decision.sentence


def test_nested_groups_are_named_with_the_whole_path(cast: Cast) -> None:
    decision = decide(cast, "nkhan")
    assert decision.is_allowed
    assert (
        r"is a member of R2\Helpdesk Night, itself a member of R2\Helpdesk Winnipeg"
        in decision.sentence
    )


def test_a_domain_administrator_may_by_default_with_the_mark_of_inference(cast: Cast) -> None:
    decision = decide(cast, "radmin")
    assert decision.is_allowed
    assert r"R2\Domain Admins" in decision.sentence
    assert "helper.administrator" in rules(decision, Effect.WARN)


def _disable(cast: Cast) -> None:
    cast.mjones.is_enabled = False


def _expire(cast: Cast) -> None:
    cast.mjones.expires_at = NOW


def _lock(cast: Cast) -> None:
    cast.mjones.locked_at = NOW


def _remove(cast: Cast) -> None:
    cast.mjones.is_present = False


@pytest.mark.parametrize(
    ("change", "rule", "word"),
    [
        (_disable, "account.disabled", "disabled"),
        (_expire, "account.expired", "expired on 2026-11-23"),
        (_lock, "account.locked", "locked"),
        (_remove, "account.gone", "not in the directory"),
    ],
)
def test_an_account_that_cannot_be_used_is_refused(
    cast: Cast, change: Callable[[Cast], None], rule: str, word: str
) -> None:
    change(cast)
    cast.mjones.save()
    require_refusal(decide(cast), rule, r"R2\mjones", word)


def test_an_account_that_expires_later_is_usable(cast: Cast) -> None:
    cast.mjones.expires_at = NOW + timedelta(seconds=1)
    cast.mjones.save()
    assert decide(cast).is_allowed


def test_the_account_in_hand_does_not_outlive_the_directory(cast: Cast) -> None:
    """A session keeps an account object; the decision goes by the row."""
    stale = cast.mjones
    type(stale).objects.filter(pk=stale.pk).update(is_enabled=False)
    require_refusal(decide(cast), "account.disabled")


def test_a_helper_without_the_portals_role_is_refused(cast: Cast) -> None:
    require_refusal(decide(cast, "ovega"), "role.missing", r"R2\ovega")


def test_an_expert_on_no_list_is_refused(cast: Cast) -> None:
    require_refusal(decide(cast, "eadams"), "helper.not_listed", r"R2\eadams", "WinnipegGPO")


def test_a_distribution_group_grants_nothing_and_is_named(cast: Cast) -> None:
    require_refusal(
        decide(cast, "pwright"), "helper.distribution_group", r"R2\Helpdesk News", "distribution"
    )


def test_all_reasons_are_shown_and_the_first_leads(cast: Cast) -> None:
    cast.eadams.is_enabled = False
    cast.eadams.save()
    decision = decide(cast, "eadams")
    require_refusal(decision, "account.disabled")
    assert rules(decision, Effect.DENY) == ["account.disabled", "helper.not_listed"]


@pytest.mark.parametrize(
    ("system", "version", "rule"),
    [
        ("Windows 2000 Professional", "5.0 (2195)", "computer.too_old"),
        ("Windows 2000 Server", "", "computer.too_old"),
        ("Windows 10 Home", "10.0 (19045)", "computer.home_edition"),
        ("Windows 7 Starter", "6.1 (7601)", "computer.home_edition"),
        ("Samba", "4.17.12", "computer.not_windows"),
        ("Mac OS X", "10.15", "computer.not_windows"),
        ("", "", "computer.operating_system_unknown"),
    ],
)
def test_an_operating_system_that_takes_no_offers_is_refused(
    cast: Cast, system: str, version: str, rule: str
) -> None:
    cast.xp191.operating_system, cast.xp191.operating_system_version = system, version
    cast.xp191.save()
    require_refusal(decide(cast), rule, "XP191")


@pytest.mark.parametrize(
    "system",
    [
        "Windows XP Professional",
        "Windows Vista Business",
        "Windows 7 Enterprise",
        "Windows 8.1 Pro",
        "Windows 11 Pro",
    ]
    + ["Windows Server 2022 Standard", "Windows\N{REGISTERED SIGN} 10 Education"],
)
def test_windows_since_vista_can_receive_offers(cast: Cast, system: str) -> None:
    cast.xp191.operating_system, cast.xp191.operating_system_version = system, "6.0 (6002)"
    cast.xp191.save()
    assert decide(cast).is_allowed


def test_a_disabled_computer_is_refused(cast: Cast) -> None:
    cast.xp191.is_enabled = False
    cast.xp191.save()
    require_refusal(decide(cast), "computer.disabled", "XP191")


def test_a_computer_that_left_the_directory_is_refused(cast: Cast) -> None:
    cast.xp191.is_present = False
    cast.xp191.save()
    require_refusal(decide(cast), "computer.gone", "XP191")


def test_an_expert_of_a_domain_that_is_not_trusted_is_refused(cast: Cast) -> None:
    other = make_domain("seen.example", "SEEN", "S-1-5-21-7-8-9")
    cast.mjones.domain = other
    cast.mjones.save()
    require_refusal(decide(cast), "trust.none", "seen.example", "r2.local")


def test_offers_that_policy_forbids_are_refused(cast: Cast) -> None:
    cast.policy.offers_allowed = False
    cast.policy.save()
    require_refusal(decide(cast), "policy.offers_disabled", "WinnipegGPO", "OU=Winnipeg")


def test_offers_that_policy_does_not_speak_of_are_refused(cast: Cast) -> None:
    GroupPolicyLink.objects.all().delete()
    decision = decide(cast)
    require_refusal(decision, "policy.offers_not_configured", "XP191", "not configured")
    assert "helper.no_list" in rules(decision, Effect.DENY)


def test_control_where_policy_allows_to_view_is_refused_with_that_remedy(cast: Cast) -> None:
    cast.policy.control_allowed = False
    cast.policy.save()
    decision = decide(cast)
    require_refusal(decision, "mode.view_only", "WinnipegGPO", "XP191")
    assert decision.decisive
    assert decision.decisive.remedy == "Ask for view."
    assert decide(cast, mode=Mode.VIEW).is_allowed


def test_view_where_policy_allows_control_is_said_to_be_watched_only(cast: Cast) -> None:
    decision = decide(cast, mode=Mode.VIEW)
    assert decision.is_allowed
    assert "mode.view_not_enforced" in rules(decision, Effect.WARN)


def _wmi(cast: Cast) -> None:
    cast.policy.wmi_filter = "Only notebooks"


def _unreadable(cast: Cast) -> None:
    cast.policy.read_error = "access denied"


def _lock_permissions(cast: Cast) -> None:
    cast.policy.is_security_filtered = None


def _mangle_permissions(cast: Cast) -> None:
    cast.policy.security_descriptor = applies_to(AUTHENTICATED_USERS)[:-3]


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        (_lock_permissions, "policy.security_descriptor_unreadable"),
        (_mangle_permissions, "policy.security_descriptor_unreadable"),
        (_wmi, "policy.wmi_filter"),
        (_unreadable, "policy.policy_unreadable"),
    ],
)
def test_what_cannot_be_told_of_policy_is_unknown_and_never_allowed(
    cast: Cast, change: Callable[[Cast], None], rule: str
) -> None:
    change(cast)
    cast.policy.save()
    decision = decide(cast)
    require_refusal(decision, rule, "WinnipegGPO")
    assert decision.decisive
    assert decision.decisive.effect is Effect.UNKNOWN
    assert rules(decision, Effect.DENY) == []


def test_a_block_of_inheritance_is_named_where_it_shuts_the_policy_out(cast: Cast) -> None:
    isolated = OrganizationalUnit.objects.create(
        guid=uuid.uuid4(),
        distinguished_name="OU=Isolated,OU=Winnipeg,DC=r2,DC=local",
        domain=cast.domain,
        parent=cast.unit,
        name="Isolated",
        gp_options=1,
    )
    cast.xp191.ou = isolated
    cast.xp191.save()
    require_refusal(
        decide(cast),
        "policy.offers_not_configured",
        "WinnipegGPO (linked to OU=Winnipeg) would allow them and does not apply",
        "OU=Isolated blocks inheritance",
    )
    GroupPolicyLink.objects.update(is_enforced=True)
    assert decide(cast).is_allowed


def test_a_policy_for_some_computers_only_asks_for_the_computers_groups(cast: Cast) -> None:
    pilots = cast.add_group("Pilot Computers")
    cast.policy.is_security_filtered = True
    cast.policy.security_descriptor = applies_to(pilots.sid)
    cast.policy.save()
    require_refusal(
        decide(cast), "policy.offers_not_configured", "Its permissions leave the computer out"
    )
    cast.join(pilots, cast.xp191)
    assert decide(cast).is_allowed


def test_a_filter_by_a_group_that_nobody_read_is_unknown(cast: Cast) -> None:
    cast.policy.security_descriptor = applies_to("S-1-5-21-7-7-7-1105")
    cast.policy.save()
    require_refusal(decide(cast), "policy.security_filter", "WinnipegGPO", "S-1-5-21-7-7-7-1105")


def test_the_policies_that_were_overridden_are_named(cast: Cast) -> None:
    head = make_policy(cast.domain, "HeadGPO", offers_allowed=False, control_allowed=False)
    GroupPolicyLink.objects.create(
        domain=cast.domain, policy=head, policy_distinguished_name="x", order=1
    )
    found = {finding.rule: finding for finding in decide(cast).findings}
    for rule in ("policy.offers", "mode.permitted"):
        assert found[rule].sentence.endswith(", over HeadGPO (linked to r2.local).")
        assert found[rule].evidence[-1].id == str(head.guid)


def test_a_doubt_about_a_list_that_cannot_name_her_does_not_save_a_stranger(cast: Cast) -> None:
    """Whether or not the other policy applies, no line names Eve; Mary is listed either way."""
    other = make_policy(cast.domain, "OtherGPO", replaces_helpers=True, wmi_filter="x")
    other.helpers.create(
        position=1, text=r"R2\Helpdesk Winnipeg", group=cast.groups["Helpdesk Winnipeg"]
    )
    other.helpers.create(
        position=2,
        text=r"R2\Remote Assistance Portal",
        group=cast.groups["Remote Assistance Portal"],
    )
    GroupPolicyLink.objects.create(
        domain=cast.domain, ou=cast.unit, policy=other, policy_distinguished_name="x", order=0
    )
    assert decide(cast).is_allowed
    require_refusal(decide(cast, "eadams"), "helper.not_listed")
    other.helpers.all().delete()
    require_refusal(decide(cast), "policy.wmi_filter", "OtherGPO")


def test_versions_that_differ_are_warned_of(cast: Cast) -> None:
    cast.policy.version, cast.policy.file_version = 0x10007, 0x20006
    cast.policy.save()
    decision = decide(cast)
    assert decision.is_allowed
    assert "policy.version_mismatch" in rules(decision, Effect.WARN)
    cast.policy.file_version = 0x20007  # the halves for users do not matter
    cast.policy.save()
    assert "policy.version_mismatch" not in rules(decide(cast), Effect.WARN)


@pytest.mark.parametrize(
    ("version", "is_warned"), [("5.1 (2600)", True), ("5.2 (3790)", True), ("6.1 (7601)", False)]
)
def test_where_users_may_not_ask_only_the_oldest_systems_are_warned_of(
    cast: Cast, version: str, is_warned: bool
) -> None:
    cast.xp191.operating_system_version = version
    cast.xp191.save()
    cast.policy.other_settings = {"fAllowToGetHelp": 0}
    cast.policy.save()
    warned = rules(decide(cast), Effect.WARN)
    assert ("policy.solicited_disabled" in warned) is is_warned


def test_a_certain_refusal_leads_before_what_cannot_be_told(cast: Cast) -> None:
    _wmi(cast)
    cast.policy.save()
    _disable(cast)
    cast.mjones.save()
    require_refusal(decide(cast), "account.disabled")


def test_a_policy_that_cannot_change_the_answer_is_no_obstacle(cast: Cast) -> None:
    """Filtered, but above one that settles everything it speaks of."""
    head = make_policy(
        cast.domain, "HeadGPO", offers_allowed=False, control_allowed=False, wmi_filter="x"
    )
    GroupPolicyLink.objects.create(
        domain=cast.domain, policy=head, policy_distinguished_name="x", order=1
    )
    assert decide(cast).is_allowed


def test_lines_that_name_nobody_are_shown(cast: Cast) -> None:
    cast.add_helper(r"R2\Helpdesk Winipeg", None, problem="no such group")
    decision = decide(cast)
    assert decision.is_allowed
    warning = next(finding for finding in decision.findings if finding.rule == "helper.unresolved")
    assert r"R2\Helpdesk Winipeg" in warning.sentence


def test_a_line_that_may_mean_her_is_unknown_and_nobody_elses_business(cast: Cast) -> None:
    eve, nadia = cast.eadams, cast.nkhan
    entry = cast.add_helper(eve.sid, None, problem="no document says that Windows takes a SID")
    entry.either = [["account", str(eve.guid), eve.sid, str(eve)]]
    entry.save()
    require_refusal(decide(cast, "eadams"), "helper.line_uncertain", eve.sid, str(eve))
    assert decide(cast).is_allowed
    cast.groups["Helpdesk Winnipeg"].memberships.all().delete()
    require_refusal(decide(cast), "helper.not_listed")
    assert "helper.unresolved" in rules(decide(cast), Effect.WARN)
    cast.add_helper(r"R2\nkhan", nadia, problem="The account is disabled.")
    assert "helper.flagged" in rules(decide(cast, "nkhan"), Effect.WARN)
    assert decide(cast, "nkhan").is_allowed


def test_who_is_refused_hears_of_the_group_that_cannot_be_seen(cast: Cast) -> None:
    decision = decide(cast, "eadams")
    assert decision.decisive
    assert "Configuration Manager" in decision.decisive.remedy


def test_the_portals_own_account_must_be_listed_too(cast: Cast) -> None:
    cast.policy.helpers.filter(text__contains="Portal").delete()
    require_refusal(decide(cast), "authority.not_listed", r"R2\svc-ra-portal", "helper list")


def test_the_portals_own_account_must_be_known(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "SERVICE_PRINCIPAL", "nobody@R2.LOCAL")
    require_refusal(decide(cast), "authority.unknown_account", "nobody@R2.LOCAL")


def test_one_offer_at_a_time_to_a_computer(cast: Cast) -> None:
    first = cast.request(actor=cast.actor("nkhan"))
    require_refusal(decide(cast), "portal.active_offer", r"R2\nkhan")
    assert explain(cast.nkhan, cast.xp191, Mode.CONTROL, now=NOW, offer_id=first.pk).is_allowed, (
        "an offer does not stand in its own way"
    )


def test_an_expert_makes_only_so_many_offers_an_hour(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "OFFERS_PER_EXPERT_PER_HOUR", 1)
    offer = cast.request()
    type(offer).objects.update(state="declined")
    require_refusal(decide(cast), "portal.rate_limit", "1 of at most 1")
    type(offer).objects.update(let_through_at=NOW - timedelta(hours=1))
    assert decide(cast).is_allowed


def test_refused_offers_do_not_use_up_the_limit(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "OFFERS_PER_EXPERT_PER_HOUR", 1)
    offer = cast.request()
    type(offer).objects.update(state="refused")
    assert decide(cast).is_allowed


def test_a_policy_changed_lately_and_an_old_directory_are_warned_of(cast: Cast) -> None:
    cast.policy.changed_at = NOW - timedelta(minutes=10)
    cast.policy.save()
    cast.domain.synced_at = NOW - timedelta(hours=7)
    cast.domain.save()
    decision = decide(cast)
    assert decision.is_allowed
    assert {"policy.recent", "directory.age"} <= set(rules(decision, Effect.WARN))


@pytest.mark.parametrize("synced_at", [NOW - timedelta(hours=25), None])
def test_a_directory_that_is_too_old_is_not_gone_by(cast: Cast, synced_at: datetime | None) -> None:
    cast.domain.synced_at = synced_at
    cast.domain.save()
    decision = decide(cast)
    assert not decision.is_allowed
    assert rules(decision, Effect.DENY) == ["directory.stale"]


def test_the_older_of_two_domains_counts(cast: Cast) -> None:
    other = make_domain("contoso.test", "CONTOSO", "S-1-5-21-9-9-9")
    other.synced_at = NOW - timedelta(days=3)
    other.save()
    cast.mjones.domain = other
    cast.mjones.save()
    stale = [finding for finding in decide(cast).findings if finding.rule == "directory.stale"]
    assert [finding.evidence[0].name for finding in stale] == ["contoso.test"]


def test_a_decision_survives_being_written_down(cast: Cast) -> None:
    decision = decide(cast)
    assert Decision.from_json(json.loads(json.dumps(decision.to_json()))) == decision


def test_the_facts_take_a_fixed_number_of_queries(cast: Cast) -> None:
    with CaptureQueriesContext(
        connection,
    ) as few:
        decide(cast)
    for number in range(30):
        group = cast.add_group(f"More {number}")
        cast.join(group, cast.mjones)
        cast.add_helper(rf"R2\More {number}", group)
    with CaptureQueriesContext(connection) as many:
        assert decide(cast).is_allowed
    assert len(many) == len(few)
