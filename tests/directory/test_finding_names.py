"""Finding accounts and computers by the names people type."""

from __future__ import annotations

import pytest

from directory.models import Account, Domain
from directory.names import (
    AmbiguousName,
    InvalidName,
    UnknownName,
    find_account,
    find_computer,
    search_computers,
)
from tests.directory import world

pytestmark = pytest.mark.django_db


@pytest.fixture
def r2() -> Domain:
    return world.domain()


@pytest.fixture
def mary(r2: Domain) -> Account:
    return world.account(r2, "mjones", user_principal_name="Mary.Jones@corp.example")


@pytest.mark.parametrize(
    "name",
    [
        r"R2\mjones",
        r"r2\MJONES",
        r"r2.local\mjones",
        r"R2.LOCAL\MJones",
        "mjones@r2.local",
        "MJONES@R2.LOCAL",
        "mary.jones@CORP.example",
        "mjones",
        " MJones ",
    ],
)
def test_every_form_of_her_name_is_mary(mary: Account, name: str) -> None:
    assert find_account(name) == mary


def test_her_sid_is_mary(mary: Account) -> None:
    assert find_account(mary.sid.lower()) == mary


@pytest.mark.parametrize("name", [r"R2\nobody", r"OLD\mjones", "mjones@corp.example", "mjone"])
def test_another_name_is_nobody(mary: Account, name: str) -> None:
    with pytest.raises(UnknownName) as refusal:
        find_account(name, field="who")
    assert refusal.value.field == "who"
    assert refusal.value.remedy


def test_someone_who_is_gone_is_nobody(mary: Account) -> None:
    mary.is_present = False
    mary.save()
    with pytest.raises(UnknownName):
        find_account("mjones")


def test_a_bare_name_that_two_domains_have_is_ambiguous(r2: Domain, mary: Account) -> None:
    other = world.account(world.domain("contoso.test", "CONTOSO", 9), "mjones")
    with pytest.raises(AmbiguousName) as refusal:
        find_account("mjones")
    assert r"CONTOSO\mjones" in refusal.value.sentence
    assert find_account(r"contoso\mjones") == other


def test_a_principal_name_that_reads_as_another_account_is_ambiguous(
    r2: Domain, mary: Account
) -> None:
    world.account(r2, "eve", user_principal_name="mjones@r2.local")
    with pytest.raises(AmbiguousName):
        find_account("mjones@r2.local")


def test_names_beyond_ascii_are_found_in_any_case(r2: Domain) -> None:
    zoe = world.account(r2, "Zo\u00eb")
    assert find_account("ZO\u00cb") == zoe


@pytest.mark.parametrize("name", ["*", "a*", "(x)", "m%", "m_ones"])
def test_wildcards_are_names_of_nobody(mary: Account, name: str) -> None:
    with pytest.raises((InvalidName, UnknownName)):
        find_account(name)


@pytest.mark.parametrize(
    "name", ["XP191", "xp191", "xp191$", r"R2\XP191", "XP191.r2.local", "xp191.R2.LOCAL."]
)
def test_a_computer_is_found_by_its_names(r2: Domain, name: str) -> None:
    xp191 = world.computer(r2, "XP191")
    assert find_computer(name) == xp191


def test_an_unknown_computer_is_refused(r2: Domain) -> None:
    with pytest.raises(UnknownName):
        find_computer("XP999")


def test_a_search_gives_names_that_begin_so_first(r2: Domain) -> None:
    for name in ("B-XP1", "XP191", "XP1", "OTHER"):
        world.computer(r2, name)
    assert [found.name for found in search_computers("xp1")] == ["XP1", "XP191", "B-XP1"]
    assert [found.name for found in search_computers("xp1", limit=1)] == ["XP1"]


def test_a_search_by_its_managers_name_finds_a_computer(r2: Domain, mary: Account) -> None:
    xp191 = world.computer(r2, "XP191")
    xp191.managed_by = mary
    xp191.save()
    assert search_computers("mjones") == [xp191]
    assert search_computers(r"R2\mjones") == [xp191]


@pytest.mark.parametrize("text", ["", "  ", "\x00", "%", "'; drop table"])
def test_a_search_for_nothing_finds_nothing(r2: Domain, text: str) -> None:
    world.computer(r2, "XP191")
    assert search_computers(text) == []
