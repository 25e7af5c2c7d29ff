"""The answers for many against single decisions, for every pair of directories drawn at random."""

from __future__ import annotations

from collections import Counter

import pytest

from assist.models import ProtectionRule
from directory.models import Account, Computer, CrossRef, Domain, Site, Subnet
from tests.assist.cast import NOW
from tests.assist.many_pairs import answers_of_the_matrix, answers_one_by_one
from tests.assist.random_worlds import RandomWorld
from tests.environment import sample_size

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]
SEEDS = range(sample_size(8, soak=200))


@pytest.mark.parametrize("seed", SEEDS)
def test_every_pair_is_answered_alike(seed: int) -> None:
    RandomWorld(seed)
    experts = Account.objects.select_related("domain").order_by("sid")
    computers = Computer.objects.order_by("sid")
    one_by_one = answers_one_by_one(experts, computers, NOW)
    assert answers_of_the_matrix(experts, computers, NOW) == one_by_one


def test_the_worlds_are_of_many_sorts() -> None:
    codes = Counter[str]()
    for seed in range(6):
        RandomWorld(seed)
        experts = Account.objects.select_related("domain").filter(sam_account_name__contains="pers")
        computers = Computer.objects.all()
        for view, control in answers_of_the_matrix(experts, computers, NOW).values():
            codes.update((view, control))
        for model in (Domain, Site, Subnet, CrossRef, ProtectionRule):
            model.objects.all().delete()
    assert codes[""] > 0, "something is allowed"
    assert len(codes) > 8, codes
    assert codes["protection.outside_hours"] > 0
