"""What a change would give and take: as if it had been made, and nothing is written."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from assist.eligibility.many import Matrix, load_pictures
from assist.eligibility.many.changes import Change
from assist.eligibility.many.computers import alike_of, all_computers
from assist.eligibility.many.naming import (
    helper_added,
    helper_removed,
    inheritance_blocked,
    member_added,
    policy_enforced,
    policy_linked,
    policy_unlinked,
    trust_one_way,
    trust_removed,
)
from assist.eligibility.many.what_if import what_if
from assist.lifecycle import Mode
from directory.errors import PortalError
from directory.models import (
    CrossRef,
    Group,
    GroupPolicy,
    GroupPolicyLink,
    OrganizationalUnit,
    Trust,
)
from tests.assist.cast import NOW, Cast, make_domain, make_policy
from tests.assist.test_commands import Run
from tests.directory.descriptors import applies_to

pytestmark = pytest.mark.usefixtures("clock")
BRANCH = "OU=Branch,OU=Winnipeg,DC=r2,DC=local"


@pytest.fixture
def world(cast: Cast) -> Cast:
    """A branch below Winnipeg, a policy that is not linked, a group that it is filtered to."""
    unit = OrganizationalUnit.objects.create(
        guid=uuid.uuid4(),
        distinguished_name=BRANCH,
        domain=cast.domain,
        parent=cast.unit,
        name="Branch",
    )
    cast.add_computer("PC2", ou=unit)
    tablets = cast.add_group("Tablets")
    policy = make_policy(
        cast.domain,
        "NoControl",
        control_allowed=False,
        is_security_filtered=True,
        security_descriptor=applies_to(tablets.sid),
    )
    link(cast, policy, unit)
    make_policy(cast.domain, "Forbidden", offers_allowed=False)
    return cast


def link(cast: Cast, policy: GroupPolicy, unit: OrganizationalUnit) -> None:
    GroupPolicyLink.objects.create(
        domain=cast.domain,
        ou=unit,
        policy=policy,
        policy_distinguished_name=policy.distinguished_name,
        order=1,
    )


def trusting_domains(cast: Cast) -> None:
    """A child domain with an expert of its own, who is a helper in Winnipeg."""
    child = make_domain("emea.r2.local", "EMEA", "S-1-5-21-7-7-7")
    child.forest_dns_name = "r2.local"
    child.save()
    guids = {"r2.local": uuid.uuid4(), "emea.r2.local": uuid.uuid4()}
    for domain, parent in ((cast.domain, None), (child, guids["r2.local"])):
        CrossRef.objects.create(
            guid=guids[domain.dns_name],
            distinguished_name=f"CN={domain.netbios_name},CN=Partitions",
            forest_dns_name="r2.local",
            name=domain.netbios_name,
            naming_context=domain.distinguished_name,
            dns_root=domain.dns_name,
            netbios_name=domain.netbios_name,
            system_flags=3,
            trust_parent_guid=parent,
        )
    for owner, partner in ((cast.domain, child), (child, cast.domain)):
        Trust.objects.create(
            guid=uuid.uuid4(),
            distinguished_name=f"CN={partner.dns_name},CN=System,{owner.distinguished_name}",
            domain=owner,
            partner_dns_name=partner.dns_name,
            partner_netbios_name=partner.netbios_name,
            partner_sid=partner.sid,
            direction=3,
            type=2,
            attributes=0x20,
        )
    cast.cwong.domain, cast.cwong.sid = child, f"{child.sid}-1105"
    cast.cwong.save()
    for name in ("Helpdesk Winnipeg", "Remote Assistance Experts"):
        group = cast.groups[name]
        group.scope = Group.Scope.UNIVERSAL
        group.save()
        cast.join(group, cast.cwong)


def answers(pictures: Any) -> dict[tuple[str, str], tuple[str, str]]:
    matrix = Matrix(pictures)
    return {
        (person.name, str(row[1])): (share.view, share.control)
        for alike in alike_of(all_computers(), pictures.policy)
        for some, shares in matrix.shares(alike)
        for share in shares
        for person in matrix.experts_in(share.experts)
        for row in some
    }


Make = Callable[[Cast], None]


def _add_helper(cast: Cast) -> None:
    cast.add_helper(r"R2\eadams", cast.eadams)


def _block(cast: Cast) -> None:
    OrganizationalUnit.objects.filter(distinguished_name=BRANCH).update(gp_options=1)


def _unlink(cast: Cast) -> None:
    GroupPolicyLink.objects.filter(policy=cast.policy).delete()


def _link(cast: Cast) -> None:
    branch = OrganizationalUnit.objects.get(distinguished_name=BRANCH)
    link(cast, GroupPolicy.objects.get(display_name="Forbidden"), branch)


def _join_expert(cast: Cast) -> None:
    cast.join(cast.groups["Helpdesk Night"], cast.eadams)


def _join_new_expert(cast: Cast) -> None:
    cast.join(cast.groups["Remote Assistance Experts"], cast.ovega)


def _nest(cast: Cast) -> None:
    cast.join(cast.groups["Helpdesk Night"], cast.groups["Remote Assistance Experts"])


def _join_computer(cast: Cast) -> None:
    cast.join(cast.groups["Tablets"], cast.computers["PC2"])


def _one_way(cast: Cast) -> None:
    Trust.objects.filter(domain=cast.domain).update(direction=1)
    Trust.objects.exclude(domain=cast.domain).update(direction=2)


def _remove_helper(cast: Cast) -> None:
    cast.policy.helpers.filter(group=cast.groups["Helpdesk Winnipeg"]).delete()


def _remove_trust(cast: Cast) -> None:
    Trust.objects.all().delete()


CHANGES: list[tuple[Callable[[], Change], Make]] = [
    (lambda: helper_added("WinnipegGPO", r"R2\eadams"), _add_helper),
    (lambda: helper_removed("WinnipegGPO", r"R2\Helpdesk Winnipeg"), _remove_helper),
    (lambda: inheritance_blocked(BRANCH), _block),
    (lambda: policy_unlinked("winnipeggpo", "OU=Winnipeg,DC=r2,DC=local"), _unlink),
    (lambda: policy_linked("Forbidden", BRANCH), _link),
    (lambda: member_added("Helpdesk Night", "eadams"), _join_expert),
    (lambda: member_added("Remote Assistance Experts", "ovega"), _join_new_expert),
    (lambda: member_added("Helpdesk Night", "Remote Assistance Experts"), _nest),
    (lambda: member_added("Tablets", "PC2"), _join_computer),
    (lambda: trust_one_way("emea.r2.local", "r2.local"), _one_way),
    (lambda: trust_removed("EMEA", "R2.local"), _remove_trust),
]


@pytest.mark.parametrize(("describe", "make"), CHANGES)
def test_the_answers_are_those_after_the_change(
    world: Cast, describe: Callable[[], Change], make: Make
) -> None:
    trusting_domains(world)
    change = describe()
    before = load_pictures(NOW, also=change.further_experts())
    now, foretold = answers(before), answers(change.apply(before))
    make(world)
    made = answers(load_pictures(NOW, also=change.further_experts()))
    assert foretold == made
    assert foretold != now, "the change does something"


def test_gains_are_counted_with_their_names(world: Cast) -> None:
    found = what_if([helper_added("WinnipegGPO", "eadams")], now=NOW).to_json()
    assert found["changes"] == [r"R2\eadams is added to the helper list of WinnipegGPO"]
    assert found["gained"]["control"] == {
        "pairs": 2,
        "computers": 2,
        "experts": 1,
        "first_computers": ["PC2", "XP191"],
        "first_experts": [{"name": r"R2\eadams", "computers": 2}],
        "reasons": {"helper.not_listed": 2},
        "examples": [
            {"expert": r"R2\eadams", "computer": name, "reason": "helper.not_listed"}
            for name in ("XP191", "PC2")
        ],
    }
    assert (found["experts"], found["computers"], found["stale"]) == (5, 2, [])
    assert found["lost"]["control"]["pairs"] == found["lost"]["view"]["pairs"] == 0


def test_units_are_told_apart_those_with_the_most_pairs_first(world: Cast) -> None:
    world.add_computer("PC3")
    found = what_if([helper_added("WinnipegGPO", "eadams")], now=NOW).to_json()
    control = [(unit["unit"], unit["gained"]["control"]) for unit in found["units"]]
    assert control == [
        ("OU=Winnipeg,DC=r2,DC=local", {"computers": 2, "pairs": 2}),
        (BRANCH, {"computers": 1, "pairs": 1}),
    ]
    assert found["more_units"] == 0


def test_a_domain_too_old_for_any_offer_is_named(world: Cast) -> None:
    world.domain.synced_at = NOW - timedelta(days=9)
    world.domain.save()
    found = what_if([helper_added("WinnipegGPO", "eadams")], now=NOW)
    assert found.stale == ("r2.local",)
    assert found.gained[Mode.VIEW].pairs == 0


def test_what_is_not_on_the_list_is_said_with_what_is(world: Cast) -> None:
    with pytest.raises(PortalError) as refused:
        helper_removed("WinnipegGPO", "eadams")
    assert refused.value.field == "who"
    assert r"R2\Helpdesk Winnipeg" in refused.value.remedy


def test_losses_are_counted_by_mode_with_what_would_refuse(world: Cast) -> None:
    found = what_if([member_added("Tablets", "PC2")], now=NOW)
    assert found.lost[Mode.VIEW].pairs == 0
    lost = found.lost[Mode.CONTROL]
    assert (lost.pairs, lost.computers, lost.reasons) == (3, ["PC2"], {"mode.view_only": 3})


def test_several_changes_are_taken_together(world: Cast) -> None:
    changes = [helper_added("WinnipegGPO", "eadams"), inheritance_blocked(BRANCH)]
    found = what_if(changes, now=NOW)
    assert found.gained[Mode.CONTROL].computers == ["XP191"]
    assert found.lost[Mode.CONTROL].computers == ["PC2"]


def test_the_command_says_what_would_be_lost(world: Cast) -> None:
    run = Run("what_if", "--block-inheritance", BRANCH, "--json")
    assert run.code == 0
    assert run.json["lost"]["view"]["first_computers"] == ["PC2"]
    text = Run("what_if", "--block-inheritance", BRANCH, "--add-helper", "WinnipegGPO", "eadams")
    assert "If OU=Branch blocks inheritance:" in text.output
    assert "control lost: 3 pairs, 3 experts, 1 computers" in text.output
    assert not OrganizationalUnit.objects.filter(gp_options=1).exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ("--block-inheritance", "OU=Nowhere"),
        ("--add-helper", "NoSuchPolicy", "eadams"),
        ("--add-helper", "WinnipegGPO", "nobody"),
        ("--add-member", "Helpdesk Night", "nobody"),
        ("--link", "WinnipegGPO", "nowhere.test"),
        ("--unlink", "Forbidden", "r2.local"),
        ("--one-way", "r2.local", "nowhere.test"),
        ("--remove-trust", "r2.local", "nowhere.test"),
        ("--remove-helper", "WinnipegGPO", "eadams"),
    ],
)
def test_the_command_exits_2_for_what_is_not_there(world: Cast, arguments: tuple[str, ...]) -> None:
    run = Run("what_if", *arguments, "--json")
    assert run.code == 2
    assert run.json["error"]["code"] == "unknown_name"


def test_an_enforced_link_passes_blocked_inheritance(world: Cast) -> None:
    changes = [inheritance_blocked(BRANCH), policy_enforced("WinnipegGPO", "r2.local")]
    found = what_if(changes, now=NOW)
    assert found.lost[Mode.VIEW].pairs == 0
    without = what_if([inheritance_blocked(BRANCH), policy_linked("WinnipegGPO", "r2")], now=NOW)
    assert without.lost[Mode.VIEW].pairs == 3


def test_a_policy_of_which_there_are_two_is_named_by_its_guid(world: Cast) -> None:
    other = make_policy(world.domain, "WinnipegGPO")
    with pytest.raises(PortalError) as refused:
        helper_added("WinnipegGPO", "eadams")
    assert refused.value.code == "ambiguous_name"
    assert helper_added(str(other.policy_guid), "eadams").policy_guid == other.guid
