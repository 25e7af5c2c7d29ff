"""What was foretold is what comes when an administrator changes the lab's live domain."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from django.utils import timezone

from assist.eligibility.many import load_pictures
from assist.eligibility.many.changes import Change
from assist.eligibility.many.naming import (
    inheritance_blocked,
    member_added,
    policy_linked,
    policy_unlinked,
)
from directory import synchronisation
from directory.configuration import domain_configuration
from directory.models import Domain, SyncRun
from directory.names import find_account, find_group, find_policy
from tests.assist.test_what_if import answers
from tests.conftest import Lab
from tests.directory.administrator import Administrator, administrator
from tests.environment import DOMAIN

pytestmark = pytest.mark.lab
WINDOWS_11 = {"operatingSystem": "Windows 11 Enterprise", "operatingSystemVersion": "10.0 (22631)"}


@dataclass
class Branch:
    """A unit with WinnipegGPO, a unit below it with a computer, a group that is a helper."""

    admin: Administrator
    lower: str
    group: str

    def link_to(self, unit: str, *policies: str) -> None:
        linked = "".join(f"[LDAP://{find_policy(name).distinguished_name};0]" for name in policies)
        self.admin.set(unit, gPLink=linked or [])


@pytest.fixture
def branch(lab_domain: Lab, synced_directory: Domain) -> Iterator[Branch]:
    with administrator(lab_domain.env["DIRECTORY_CA_FILE"]) as admin:
        lower = admin.add_unit("Lower")
        computer = admin.add_computer("WHATIF-1", lower)
        admin.set(computer, **WINDOWS_11)
        group = admin.add_group("What If Helpers")
        admin.join(find_group("Helpdesk Night").distinguished_name, group)
        branch = Branch(admin, lower, group)
        branch.link_to(admin.unit, "WinnipegGPO")
        read()
        yield branch


def read() -> None:
    synchronisation.run(domain_configuration(DOMAIN), kind=SyncRun.Kind.INCREMENTAL)


CHANGES: dict[str, tuple[Callable[[Branch], Change], Callable[[Branch], None]]] = {
    "a link is removed": (
        lambda branch: policy_unlinked("WinnipegGPO", branch.admin.unit),
        lambda branch: branch.link_to(branch.admin.unit),
    ),
    "a policy is linked": (
        lambda branch: policy_linked("SelkirkGPO", branch.lower),
        lambda branch: branch.link_to(branch.lower, "SelkirkGPO"),
    ),
    "inheritance is blocked": (
        lambda branch: inheritance_blocked(branch.lower),
        lambda branch: branch.admin.set(branch.lower, gPOptions="1"),
    ),
    "a member is added": (
        lambda branch: member_added("What If Helpers", "eadams"),
        lambda branch: branch.admin.join(branch.group, find_account("eadams").distinguished_name),
    ),
}


@pytest.mark.parametrize("name", CHANGES)
def test_the_answers_foretold_are_those_after_the_live_change(branch: Branch, name: str) -> None:
    describe, make = CHANGES[name]
    change = describe(branch)
    before = load_pictures(timezone.now(), also=change.further_experts())
    now, foretold = answers(before), answers(change.apply(before))
    differing = {pair for pair in now if now[pair] != foretold[pair]}
    assert "WHATIF-1" in {computer for _, computer in differing}
    make(branch)
    read()
    made = answers(load_pictures(timezone.now(), also=change.further_experts()))
    assert foretold == made
