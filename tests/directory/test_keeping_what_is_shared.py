"""What a process keeps in memory of policies and trusts is never older than the rows."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.apps import apps
from django.db import connection, transaction
from django.utils import timezone

from directory import kept
from directory.kept import Kept, put_together, shared_version
from directory.models import (
    Account,
    Computer,
    Domain,
    GroupPolicy,
    GroupPolicyLink,
    HelperEntry,
    OrganizationalUnit,
    SharedChange,
    Site,
    Subnet,
    Trust,
    WmiFilter,
)
from directory.policies import resultant_policy
from directory.trusts.loading import trust_map
from tests.directory import world

pytestmark = pytest.mark.django_db

LOADED_FROM = (
    *("organizationalunit", "site", "subnet", "grouppolicy", "grouppolicylink", "helperentry"),
    *("wmifilter", "trust", "crossref"),
)


@pytest.fixture
def pc() -> Computer:
    r2 = world.domain()
    winnipeg = world.unit(r2, "Winnipeg")
    mary = world.account(r2, "mjones")
    policy = world.policy(r2, "WinnipegGPO", ("R2\\mjones",), offers_allowed=True)
    HelperEntry.objects.filter(policy=policy).update(account=mary)
    world.link(policy, winnipeg)
    world.wmi_filter(r2, "{1}", "Windows 10", "")
    world.subnet(r2, "10.1.0.0/16", world.site(r2, "North"))
    world.unit(r2, "Empty")
    Trust.objects.create(
        guid=uuid.uuid4(),
        distinguished_name="CN=t",
        domain=r2,
        partner_dns_name="contoso.test",
        direction=3,
        type=2,
        attributes=8,
    )
    return world.computer(r2, "PC", winnipeg)


def helper(computer: Computer) -> str:
    (line,) = resultant_policy(computer).helpers
    assert line.line.principal is not None
    return line.line.principal.name


CHANGES: dict[str, Callable[[], Any]] = {
    "a policy says something else": lambda: GroupPolicy.objects.update(control_allowed=True),
    "a policy is gone": lambda: GroupPolicy.objects.update(is_present=False),
    "a link is disabled": lambda: GroupPolicyLink.objects.update(is_disabled=True),
    "a link is gone": lambda: GroupPolicyLink.objects.all().delete(),
    "a unit blocks inheritance": lambda: OrganizationalUnit.objects.update(gp_options=1),
    "a unit is gone": lambda: OrganizationalUnit.objects.filter(name="Empty").delete(),
    "a helper is gone": lambda: HelperEntry.objects.all().delete(),
    "a helper is called otherwise": lambda: Account.objects.update(sam_account_name="mary"),
    "a helper is another account": lambda: Account.objects.all().delete(),
    "a filter asks otherwise": lambda: WmiFilter.objects.update(query="SELECT 1"),
    "a site is renamed": lambda: Site.objects.update(name="South"),
    "a subnet is of no site": lambda: Subnet.objects.update(site_guid=None),
    "a trust becomes one-way": lambda: Trust.objects.update(direction=1),
    "a domain blocks inheritance": lambda: Domain.objects.update(gp_options=1),
    "a domain is called otherwise": lambda: Domain.objects.update(netbios_name="R3"),
    "a domain is new": lambda: world.domain("contoso.test", "CONTOSO", number=2),
}


def on_postgresql() -> None:
    if connection.vendor != "postgresql":
        pytest.skip("nothing is kept on SQLite")


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_every_change_of_what_is_shared_is_another_version(
    pc: Computer, change: Callable[[], Any]
) -> None:
    on_postgresql()
    before = shared_version()
    change()
    assert shared_version() != before


def test_what_is_not_shared_leaves_the_version(pc: Computer) -> None:
    before = shared_version()
    Domain.objects.update(synced_at=timezone.now())
    Account.objects.update(is_enabled=False, recorded_run=7)
    Computer.objects.update(operating_system="Windows 11 Pro")
    world.member(world.group(Domain.objects.get(), "Helpdesk"), Account.objects.get())
    assert shared_version() == before


def test_a_change_that_is_taken_back_is_the_version_of_before(pc: Computer) -> None:
    before, within = shared_version(), None
    with transaction.atomic():
        GroupPolicy.objects.update(offers_allowed=False)
        within = shared_version()
        assert resultant_policy(pc).offers_allowed is False
        transaction.set_rollback(True)
    assert shared_version() == before
    assert within is None or within != before
    assert resultant_policy(pc).offers_allowed is True


def test_the_next_decision_sees_every_change(pc: Computer) -> None:
    assert helper(pc) == "R2\\mjones"
    Account.objects.update(sam_account_name="mary")
    assert helper(pc) == "R2\\mary"
    with connection.cursor() as cursor:
        cursor.execute("UPDATE directory_grouppolicy SET offers_allowed = NULL")
    assert resultant_policy(pc).offers_allowed is None
    Trust.objects.update(direction=1)
    (trust,) = trust_map().trusts["r2.local"]["contoso.test"]
    assert trust.direction == 1


def test_what_is_kept_is_loaded_once_for_a_version(pc: Computer) -> None:
    on_postgresql()
    loads: list[int] = []
    held = Kept(lambda: loads.append(1))
    held.at(shared_version())
    held.at(shared_version())
    assert len(loads) == 1
    GroupPolicy.objects.update(offers_allowed=False)
    held.at(shared_version())
    assert len(loads) == 2


def test_many_changes_are_put_together_to_a_version_of_their_own(
    pc: Computer, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_postgresql()
    monkeypatch.setattr(kept, "MOST_CHANGES", 3)
    before = shared_version()
    assert SharedChange.objects.count() > 3
    put_together()
    assert SharedChange.objects.count() == 1
    assert shared_version() != before
    again = shared_version()
    put_together()
    assert shared_version() == again


@pytest.mark.parametrize("name", LOADED_FROM)
def test_a_table_that_is_emptied_at_once_is_noticed(name: str) -> None:
    on_postgresql()
    before = shared_version()
    with connection.cursor() as cursor:
        cursor.execute(f"TRUNCATE {apps.get_model('directory', name)._meta.db_table} CASCADE")
    assert shared_version() != before
