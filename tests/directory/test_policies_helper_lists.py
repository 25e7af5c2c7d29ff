r"""Whom the lines of a helper list name: every form, every flaw."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from directory.models import Account, Domain, Group, GroupPolicy, HelperEntry, Trust
from directory.policies import resultant_policy
from directory.synchronisation.helper_entries import store_helper_entries
from tests.directory import world

WITHIN_FOREST = 0x20

pytestmark = pytest.mark.django_db


@pytest.fixture
def r2() -> Domain:
    return world.domain()


@pytest.fixture
def contoso(r2: Domain) -> Domain:
    return world.domain("contoso.test", "CONTOSO", number=9)


def trust(home: Domain, partner: Domain, direction: int, attributes: int = 4) -> None:
    Trust.objects.create(
        guid=world.uuid.uuid4(),
        distinguished_name=f"CN={partner.dns_name}",
        domain=home,
        partner_dns_name=partner.dns_name,
        partner_netbios_name=partner.netbios_name,
        partner_sid=partner.sid,
        direction=direction,
        type=2,
        attributes=attributes,
    )


def listed(home: Domain, *lines: str | tuple[str, str]) -> GroupPolicy:
    pairs = [[line, line] if isinstance(line, str) else list(line) for line in lines]
    return world.policy(home, "P", listed_helpers=pairs, replaces_helpers=True)


def look_up(home: Domain, *lines: str | tuple[str, str]) -> list[HelperEntry]:
    policy = listed(home, *lines)
    store_helper_entries()
    return list(policy.helpers.select_related("account__domain", "group__domain"))


def one(home: Domain, line: str | tuple[str, str]) -> tuple[str, str]:
    """Whom the line names, and its problem."""
    (entry,) = look_up(home, line)
    return str(entry.account or entry.group or ""), entry.problem


@pytest.mark.parametrize(
    "line",
    [r"R2\mjones", r"r2\MJones", r"r2.local\mjones", "mjones@r2.local", "mary@corp", "mjones"],
)
def test_a_person_is_named_in_every_form_that_windows_looks_up(r2: Domain, line: str) -> None:
    world.account(r2, "mjones", user_principal_name="mary@corp")
    assert one(r2, line) == (r"R2\mjones", "")


def test_an_explicit_principal_name_comes_before_account_and_domain(r2: Domain) -> None:
    world.account(r2, "mjones")
    world.account(r2, "other", user_principal_name="mjones@r2.local")
    assert one(r2, "mjones@r2.local") == (r"R2\other", "")


@pytest.mark.parametrize(
    "line",
    [r"BUILTIN\Users", r".\helpers", r"NT AUTHORITY\Authenticated Users", "Everyone"]
    + ["Administrators", "S-1-5-32-544", "S-1-1-0", r"XP191\helpers"],
)
def test_groups_of_the_computers_themselves_cannot_be_seen(r2: Domain, line: str) -> None:
    world.computer(r2, "XP191")
    builtin = world.group(r2, "Administrators", scope=Group.Scope.BUILTIN_LOCAL)
    Group.objects.filter(pk=builtin.pk).update(sid="S-1-5-32-544")
    named, problem = one(r2, line)
    assert named == ""
    assert "cannot be seen from outside" in problem


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (r"R2\nobody", "No account or group"),
        (r"OLD\mjones", "OLD is not known"),
        ("S-1-5-21-1-2-3-9999", "No account or group has that SID"),
        ("a/b", "not a name that Windows"),
        ("", "not a name that Windows"),
        (r"R2\Administrators", "No account or group"),
    ],
)
def test_a_line_that_names_nobody_says_why(r2: Domain, line: str, words: str) -> None:
    named, problem = one(r2, line)
    assert named == ""
    assert words in problem


def test_a_name_that_two_objects_have_names_neither(r2: Domain) -> None:
    world.account(r2, "twin")
    world.group(r2, "Twin")
    assert one(r2, r"R2\twin") == ("", "More than one account or group has that name.")


def test_a_sid_may_or_may_not_be_taken(r2: Domain) -> None:
    mary = world.account(r2, "mjones")
    (entry,) = look_up(r2, mary.sid)
    assert entry.account is None
    assert entry.either == [["account", str(mary.guid), mary.sid, r"R2\mjones"]]
    assert "no document says" in entry.problem


def test_name_and_data_that_differ_may_mean_either(r2: Domain) -> None:
    mary, eve = world.account(r2, "mjones"), world.account(r2, "eadams")
    (entry,) = look_up(r2, (r"R2\mjones", r"R2\eadams"))
    assert {found[2] for found in entry.either} == {mary.sid, eve.sid}
    assert entry.account is None
    assert one(r2, (r"R2\mjones", "mjones@r2.local")) == (r"R2\mjones", "")


def test_flaws_of_those_who_are_named_are_told(r2: Domain) -> None:
    world.account(r2, "gone", is_enabled=False)
    world.group(r2, "News", is_security=False)
    entries = look_up(r2, r"R2\gone", r"R2\News", "gone@r2.local")
    assert [str(entry.account or entry.group) for entry in entries] == [
        r"R2\gone",
        r"R2\News",
        r"R2\gone",
    ]
    assert "disabled" in entries[0].problem
    assert "distribution group" in entries[1].problem
    assert "the same as line 1" in entries[2].problem


def test_a_domain_that_is_not_trusted_gives_nobody(r2: Domain, contoso: Domain) -> None:
    world.account(contoso, "alee")
    named, problem = one(r2, r"CONTOSO\alee")
    assert named == ""
    assert "computers of r2.local do not find" in problem
    trust(r2, contoso, Trust.Direction.INBOUND)
    assert one(r2, r"CONTOSO\alee")[0] == ""


def test_a_domain_that_is_trusted_gives_its_accounts_also_by_bare_names(
    r2: Domain, contoso: Domain
) -> None:
    world.account(contoso, "alee")
    trust(r2, contoso, Trust.Direction.OUTBOUND)
    assert one(r2, r"CONTOSO\alee") == (r"CONTOSO\alee", "")
    assert one(r2, "alee") == (r"CONTOSO\alee", "")
    world.account(r2, "alee")
    assert one(r2, "alee") == (r"R2\alee", ""), "its own domain first"


def test_domains_of_one_forest_find_each_other(r2: Domain) -> None:
    child = world.domain("child.r2.local", "CHILD", number=8)
    child.forest_dns_name = "r2.local"
    child.save()
    for home, partner in ((r2, child), (child, r2)):
        trust(home, partner, Trust.Direction.BIDIRECTIONAL, WITHIN_FOREST)
    world.account(child, "kid")
    assert one(r2, r"CHILD\kid") == (r"CHILD\kid", "")


def test_a_bare_name_in_a_policy_of_another_domain_is_uncertain(r2: Domain) -> None:
    child = world.domain("child.r2.local", "CHILD", number=8)
    child.forest_dns_name = "r2.local"
    child.save()
    world.account(r2, "mjones")
    world.link(listed(r2, "mjones", r"R2\mjones"), child)
    store_helper_entries()
    bare, full = resultant_policy(world.computer(child, "PC")).helpers
    assert (bare.line.principal, full.line.principal is not None) == (None, True)
    assert [found.name for found in bare.line.either] == [r"R2\mjones"]
    assert "looks it up in its own domain" in bare.line.problem


def test_a_trusted_domain_that_is_not_read_is_named_as_such(r2: Domain, contoso: Domain) -> None:
    trust(r2, contoso, Trust.Direction.OUTBOUND)
    contoso.is_present = False
    contoso.save()
    assert "has a trust, but the portal does not read it" in one(r2, r"CONTOSO\alee")[1]


def test_a_renamed_object_is_told_of_and_stays_told_of(r2: Domain) -> None:
    group = world.group(r2, "Helpdesk")
    policy = listed(r2, r"R2\Helpdesk")
    store_helper_entries()
    Group.objects.filter(pk=group.pk).update(
        sam_account_name="Service Desk", sam_account_name_folded="service desk"
    )
    for _ in range(2):
        store_helper_entries()
        entry = policy.helpers.get()
        assert entry.group is None
        assert r"which is now R2\Service Desk" in entry.problem
    newcomer = world.group(r2, "Helpdesk")
    store_helper_entries()
    entry = policy.helpers.get()
    assert entry.group == newcomer
    assert r"named another object before, which is now R2\Service Desk" in entry.problem
    newcomer.delete()
    Group.objects.filter(pk=group.pk).update(sam_account_name_folded="helpdesk")
    store_helper_entries()
    assert policy.helpers.get().problem == ""


def test_lines_that_stay_the_same_keep_their_rows(r2: Domain) -> None:
    mary = world.account(r2, "mjones")
    policy = listed(r2, r"R2\mjones", mary.sid)
    store_helper_entries()
    rows = list(policy.helpers.values_list("pk", flat=True))
    store_helper_entries()
    assert list(policy.helpers.values_list("pk", flat=True)) == rows


def test_lines_are_looked_up_in_a_fixed_number_of_queries(r2: Domain) -> None:
    listed(r2, r"R2\a", r"PC1\b")
    with CaptureQueriesContext(connection) as few:
        store_helper_entries()
    listed(r2, *(rf"R2\h{number}" for number in range(20)), *(rf"PC{n}\x" for n in range(20)))
    with CaptureQueriesContext(connection) as many:
        store_helper_entries()
    assert len(many) <= len(few)


def test_what_a_line_may_mean_reaches_the_policy_in_force(r2: Domain) -> None:
    mary = world.account(r2, "mjones")
    world.link(listed(r2, mary.sid), r2)
    store_helper_entries()
    (helper,) = resultant_policy(world.computer(r2, "PC")).helpers
    assert [found.name for found in helper.line.either] == [r"R2\mjones"]
    assert Account.objects.get().sid == helper.line.either[0].sid
