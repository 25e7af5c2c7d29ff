"""An incremental run finds what happened since the last one, and what that did to others."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator

import pytest
from django.db.models import F

from directory import synchronisation
from directory.configuration import domain_configuration
from directory.membership import group_paths
from directory.models import (
    Account,
    Computer,
    Domain,
    ForeignSecurityPrincipal,
    Group,
    GroupPolicy,
    OrganizationalUnit,
    ReplicationCursor,
    SyncRun,
)
from directory.names import find_account, find_computer
from directory.policies import resultant_policy
from tests.conftest import Lab
from tests.directory.administrator import Administrator, administrator
from tests.directory.picture import differences, picture
from tests.environment import DOMAIN

pytestmark = [pytest.mark.lab, pytest.mark.django_db]


@pytest.fixture
def admin(lab_domain: Lab, synced_directory: Domain) -> Iterator[Administrator]:
    with administrator(lab_domain.env["DIRECTORY_CA_FILE"]) as admin:
        read()
        yield admin


def read(kind: str = SyncRun.Kind.INCREMENTAL) -> SyncRun:
    run = synchronisation.run(domain_configuration(DOMAIN), kind=kind)
    assert run.kind == kind, run.reason
    return run


def require_equal_to_a_full_reading() -> None:
    """What was followed step by step is what reading everything gives."""
    followed = picture()
    read(SyncRun.Kind.FULL)
    assert differences(followed, picture()) == []


def groups_of(name: str) -> set[str]:
    return {path.group.sam_account_name for path in group_paths(find_account(name))}


@pytest.fixture
def no_files_behind(admin: Administrator) -> Iterator[None]:
    """Replication is complete: a policy whose files are older is read again by every run."""
    behind = GroupPolicy.objects.filter(version__gt=F("file_version")).first()
    assert behind is not None
    admin.set(behind.distinguished_name, versionNumber=str(behind.file_version))
    read()
    yield
    admin.set(behind.distinguished_name, versionNumber=str(behind.version))


@pytest.mark.usefixtures("no_files_behind")
def test_nothing_new_leaves_no_run_behind_but_the_time() -> None:
    before, runs = Domain.objects.get().synced_at, SyncRun.objects.count()
    assert read().counts == {}
    after = Domain.objects.get().synced_at
    assert before is not None
    assert after is not None
    assert after > before
    assert SyncRun.objects.count() == runs


def test_new_objects_appear(admin: Administrator) -> None:
    account = admin.add_account("f-anna")
    admin.add_computer("F-PC1")
    admin.add_group("f-helpers", account)
    counts = read().counts
    assert (counts["accounts"]["added"], counts["computers"]["added"]) == (1, 1)
    assert "f-helpers" in groups_of("f-anna")
    assert str(find_computer("F-PC1").ou).startswith("OU=Following")
    require_equal_to_a_full_reading()


def test_changed_values_are_followed(admin: Administrator) -> None:
    name = admin.add_computer("F-PC2")
    read()
    admin.set(name, operatingSystem="Windows 11 Pro", description="Front desk")
    assert read().counts["computers"]["changed"] == 1
    assert find_computer("F-PC2").operating_system == "Windows 11 Pro"
    admin.set(name, operatingSystem=[], userAccountControl=str(0x1002))
    read()
    found = find_computer("F-PC2")
    assert (found.operating_system, found.is_enabled) == ("", False)
    require_equal_to_a_full_reading()


def test_a_deleted_account_is_gone_and_leaves_its_groups(admin: Administrator) -> None:
    account = admin.add_account("f-leaver")
    admin.add_group("f-left", account)
    read()
    admin.delete(account)
    assert read().counts["accounts"]["removed"] == 1
    assert not Account.objects.get(sam_account_name="f-leaver").is_present
    assert not Group.objects.get(sam_account_name="f-left").memberships.exists()
    require_equal_to_a_full_reading()


def test_a_name_that_is_used_again_belongs_to_somebody_else(admin: Administrator) -> None:
    account = admin.add_account("f-twice")
    read()
    first = find_account("f-twice")
    admin.delete(account)
    admin.add_account("f-twice")
    read()
    second = find_account("f-twice")
    assert (first.guid, first.sid) != (second.guid, second.sid)
    require_equal_to_a_full_reading()


def test_a_restored_account_comes_back(admin: Administrator) -> None:
    name = admin.add_account("f-back")
    guid = admin.guid(name)
    read()
    admin.delete(name)
    read()
    assert not Account.objects.get(pk=guid).is_present
    admin.restore(guid, name)
    read()
    assert Account.objects.get(pk=guid).is_present
    require_equal_to_a_full_reading()


def test_renamed_and_moved_objects_keep_what_they_are(admin: Administrator) -> None:
    computer = admin.add_computer("F-PC3")
    group = admin.add_group("f-machines", computer)
    other = admin.add_unit("Elsewhere")
    read()
    before = find_computer("F-PC3")
    admin.rename(computer, "CN=F-PC3B", parent=other)
    admin.rename(group, "CN=f-machines-renamed")
    read()
    after = Computer.objects.get(pk=before.pk)
    assert after.distinguished_name == f"CN=F-PC3B,{other}"
    assert str(after.ou) == "OU=Elsewhere"
    require_equal_to_a_full_reading()


@pytest.mark.parametrize("make", [Administrator.add_unit, Administrator.add_container])
def test_what_lies_in_a_renamed_container_is_renamed_with_it(
    admin: Administrator, make: Callable[[Administrator, str], str]
) -> None:
    place = make(admin, "Before")
    admin.add_computer("F-PC4", place)
    account = admin.add_account("f-inside", place)
    admin.add_group("f-around", account, parent=place)
    if place.startswith("OU="):
        deeper = admin.add_unit("Deeper", place)
        admin.add_computer("F-PC5", deeper)
    read()
    admin.rename(place, f"{place[:3]}After")
    read()
    assert ",OU=After," in find_computer("F-PC4").distinguished_name.replace("CN=After", "OU=After")
    require_equal_to_a_full_reading()


def test_a_moved_unit_takes_its_policies_along(admin: Administrator) -> None:
    place = admin.add_unit("Moving")
    admin.add_computer("F-PC6", place)
    read()
    assert resultant_policy(find_computer("F-PC6")).offers_allowed is None
    winnipeg = OrganizationalUnit.objects.get(name="Winnipeg").distinguished_name
    moved = admin.rename(place, "OU=Moving", parent=winnipeg)
    try:
        read()
        assert resultant_policy(find_computer("F-PC6")).offers_allowed is True
        require_equal_to_a_full_reading()
    finally:
        admin.delete(moved, with_content=True)


def test_two_containers_that_swap_names(admin: Administrator) -> None:
    first, second = admin.add_container("First"), admin.add_container("Second")
    admin.add_computer("F-PC7", first)
    admin.add_computer("F-PC8", second)
    read()
    third = admin.rename(second, "CN=Third")
    admin.rename(first, "CN=Second")
    admin.rename(third, "CN=First")
    read()
    require_equal_to_a_full_reading()


def test_a_stranger_in_a_group_is_known_by_the_sid(admin: Administrator) -> None:
    sid = f"S-1-5-21-{uuid.uuid4().int % 2**31}-7-8-1105"
    admin.add_group("f-strangers", f"<SID={sid}>")
    read()
    (edge,) = Group.objects.get(sam_account_name="f-strangers").memberships.all()
    assert edge.member_sid == sid
    stranger = ForeignSecurityPrincipal.objects.get(sid=sid)
    assert stranger.pk == edge.member_guid
    require_equal_to_a_full_reading()
    admin.delete(stranger.distinguished_name)


def test_a_stranger_who_came_and_left_is_still_there(admin: Administrator) -> None:
    sid = "S-1-5-21-11-22-33-4712"
    group = admin.add_group("f-left-by-strangers", f"<SID={sid}>")
    admin.set(group, member=[])
    read()
    stranger = ForeignSecurityPrincipal.objects.get(sid=sid)
    require_equal_to_a_full_reading()
    admin.delete(stranger.distinguished_name)
    admin.set(group, description="the stranger is gone")
    read()
    assert not ForeignSecurityPrincipal.objects.get(sid=sid).is_present


def test_groups_that_contain_each_other(admin: Administrator) -> None:
    account = admin.add_account("f-round")
    one = admin.add_group("f-one", account)
    two = admin.add_group("f-two", one)
    admin.join(one, two)
    read()
    assert {"f-one", "f-two"} <= groups_of("f-round")
    admin.leave(two, one)
    read()
    assert "f-two" not in groups_of("f-round")
    require_equal_to_a_full_reading()


def test_a_link_of_a_policy_is_followed(admin: Administrator) -> None:
    place = admin.add_unit("Linked")
    admin.add_computer("F-PC9", place)
    read()
    winnipeg = OrganizationalUnit.objects.get(name="Winnipeg")
    admin.set(place, gPLink=winnipeg.gp_link)
    read()
    assert resultant_policy(find_computer("F-PC9")).offers_allowed is True
    admin.set(place, gPOptions="1")
    read()
    assert OrganizationalUnit.objects.get(name="Linked").blocks_inheritance
    require_equal_to_a_full_reading()


def test_a_helper_that_comes_to_exist_is_found(admin: Administrator) -> None:
    admin.add_group("Helpdesk Winipeg")  # ThompsonGPO lists it by mistake
    read()
    group = Group.objects.get(sam_account_name="Helpdesk Winipeg")
    assert group.helper_entries.count() == 1
    require_equal_to_a_full_reading()


def test_without_dirsync_update_numbers_are_followed(admin: Administrator) -> None:
    ReplicationCursor.objects.update(cookie=None)
    admin.add_account("f-numbers")
    read()
    assert find_account("f-numbers").is_present
    read()
    require_equal_to_a_full_reading()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"cookie": b"no cookie of anybody"}, "cookie"),
        ({"invocation_id": uuid.UUID(int=1)}, "restored from a backup"),
        ({"usn": 2**40}, "earlier state"),
    ],
)
def test_where_changes_cannot_be_told_everything_is_read(
    admin: Administrator, change: dict[str, object], reason: str
) -> None:
    ReplicationCursor.objects.update(**change)
    admin.add_account("f-told")
    run = synchronisation.run(domain_configuration(DOMAIN), kind=SyncRun.Kind.INCREMENTAL)
    assert run.kind == SyncRun.Kind.FULL
    assert reason in run.reason
    assert find_account("f-told").is_present
    assert read().state == SyncRun.State.SUCCEEDED


def test_a_sweep_finds_deletions_nobody_told_of_and_names_that_changed(
    admin: Administrator,
) -> None:
    account = admin.add_account("f-silent")
    computer = admin.add_computer("F-PC10")
    read()
    admin.delete(account)
    admin.rename(computer, "CN=F-PC10B")
    run = read(SyncRun.Kind.SWEEP)
    assert run.counts["accounts"]["removed"] == 1
    assert find_computer("F-PC10").distinguished_name.startswith("CN=F-PC10B,")
    require_equal_to_a_full_reading()
