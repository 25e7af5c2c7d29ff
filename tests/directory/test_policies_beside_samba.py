"""Which policies reach a computer, beside ``samba-tool gpo list`` on the same live tree.

The tool goes by links, blocked inheritance, enforced and disabled links, disabled halves and the
right to read, as Windows does. It knows no sites, looks at no right to apply and puts nothing in
order, so only what reaches the computer is compared, not who wins.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from directory import synchronisation
from directory.configuration import domain_configuration
from directory.models import Domain, GroupPolicy, SyncRun
from directory.names import find_computer
from directory.policies import policy_picture, resultant_policy
from lab import world
from tests.conftest import Lab
from tests.directory.administrator import Administrator, administrator
from tests.environment import DOMAIN
from tests.lab.commands import Domain as LabDomain

pytestmark = [pytest.mark.lab, pytest.mark.django_db]

SEED = 20261123
POLICIES = ("WinnipegGPO", "BrandonGPO", "SelkirkGPO", "FlinFlonGPO", "ChurchillGPO")
# The tool goes on with policies that Windows passes over, and with those that it may not apply.
REACHES = ("applied", "unknown", "filtered", "skipped")


@pytest.fixture
def admin(lab_domain: Lab, synced_directory: Domain) -> Iterator[Administrator]:
    with administrator(lab_domain.env["DIRECTORY_CA_FILE"]) as admin:
        yield admin


def plant(admin: Administrator, chance: random.Random) -> list[str]:
    """A tree of units with links by chance, a computer in each; returns the computers' names."""
    names = dict(
        GroupPolicy.objects.filter(display_name__in=POLICIES).values_list(
            "display_name", "distinguished_name"
        )
    )
    units, computers = [admin.unit], []
    for number in range(9):
        unit = admin.add_unit(f"Tree {number}", parent=chance.choice(units[-3:]))
        units.append(unit)
        linked = chance.sample(POLICIES, chance.randint(0, 3))
        if linked:
            options = [chance.choice((0, 0, 0, 1, 2, 2, 3)) for _ in linked]
            text = "".join(
                f"[LDAP://{names[policy]};{option}]"
                for policy, option in zip(linked, options, strict=True)
            )
            admin.set(unit, gPLink=text)
        if chance.random() < 0.3:
            admin.set(unit, gPOptions="1")
        admin.add_computer(f"TREE-{number}", unit)
        computers.append(f"TREE-{number}")
    return computers


def listed_by_samba(domain: LabDomain, computer: str) -> list[str]:
    done = domain.in_controller(
        *("samba-tool", "gpo", "list", f"{computer}$"),
        *("-H", f"ldap://{domain.described.controller_host}"),
        *("-U", f"Administrator%{world.ADMINISTRATOR_PASSWORD}"),
    )
    assert done.returncode == 0, done.stdout + done.stderr
    lines = [line for line in done.stdout.splitlines() if line.startswith("    ")]
    return sorted(line.strip().rpartition(" {")[0] for line in lines)


def test_what_reaches_a_computer_is_what_samba_lists(
    admin: Administrator, lab_domain: Lab, tmp_path: Path
) -> None:
    domain = LabDomain(lab_domain.directory, tmp_path)
    computers = plant(admin, random.Random(SEED))
    synchronisation.run(domain_configuration(DOMAIN), kind=SyncRun.Kind.INCREMENTAL)
    picture = policy_picture()
    reached = 0
    for name in [*computers, "XP191", "ISO-W11-01", "SLK-W11-01"]:
        computer = find_computer(name)
        result = resultant_policy(computer)
        ours = sorted(
            item.link.policy_name
            for item in result.considered
            if item.effect in REACHES and item.link.container_kind != "site"
        )
        assert ours == listed_by_samba(domain, name), name
        assert [str(link) for link in picture.of(computer).applied] == [
            str(link) for link in result.applied
        ]
        reached += len(ours)
    assert reached > len(computers), "the tree was worth comparing"
