"""Whether the portal's account may be delegated to a computer, and how the page says so."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from assist.readiness.facts import ReadinessFacts
from assist.readiness.gathering import background, facts_of, surroundings
from assist.readiness.judging import FUNCTIONS
from assist.readiness.results import Answer, State
from directory.ldap.values import AUTHENTICATED_USERS
from directory.models import Computer, Group
from tests.assist.cast import NOW, Cast
from tests.assist.test_readiness_checks import GOOD_EXPORTER, GOOD_NAMES, NAME

pytestmark = pytest.mark.django_db

READY, NOT_READY, WARNING, UNKNOWN = State.READY, State.NOT_READY, State.WARNING, State.UNKNOWN
STRANGER = "S-1-5-21-1-2-3-4999"


@pytest.fixture(autouse=True)
def as_the_expert(settings: Any) -> None:
    settings.OFFER_AUTHORITIES = ["delegated"]


def gathered(cast: Cast) -> ReadinessFacts:
    computer = Computer.objects.select_related("domain", "ou").get(pk=cast.xp191.pk)
    around, behind = surroundings([computer], NOW), background(with_picture=False)
    return facts_of(computer, around, behind, GOOD_NAMES, GOOD_EXPORTER, None, NOW)


def say(
    cast: Cast, *, names: list[str] | None = None, entries: list[list[str]] | str | None
) -> Answer:
    """The check's answer, by the list of the account and the attribute of the computer."""
    caller = cast.accounts["svc-ra-portal"]
    caller.delegates_to = names or []
    caller.save()
    Computer.objects.filter(pk=cast.xp191.pk).update(allowed_to_act=entries)
    return FUNCTIONS["kerberos.delegation"](gathered(cast))


def sid_of(cast: Cast, who: str) -> str:
    """The SID of the portal's account, or of a group that it is made a member of."""
    caller = cast.accounts["svc-ra-portal"]
    if who == "itself":
        return str(caller.sid)
    if who in ("nobody here", "everybody"):
        return STRANGER if who == "nobody here" else AUTHENTICATED_USERS
    group = cast.add_group("Delegates")
    if who == "its domain local group":
        group.scope = Group.Scope.DOMAIN_LOCAL
        group.save()
    cast.join(group, caller)
    return str(group.sid)


@pytest.mark.parametrize(
    ("names", "state", "words"),
    [
        ([f"HOST/{NAME}"], READY, "may be delegated to xp191.r2.local (msDS-AllowedToDelegateTo)"),
        ([f"rpcss/{NAME}:135"], READY, "may be delegated"),
        (["host/XP191"], READY, "may be delegated"),
        ([f"cifs/{NAME}"], NOT_READY, "may not be delegated"),
        ([], NOT_READY, "may not be delegated"),
        ([f"HOST/{NAME}", *(f"HOST/x{n}" for n in range(1100))], WARNING, "1101 of about 1200"),
        ([f"HOST/x{n}" for n in range(1200)], NOT_READY, "list is full"),
    ],
)
def test_by_the_list_of_the_account(cast: Cast, names: list[str], state: State, words: str) -> None:
    answer = say(cast, names=names, entries=[])
    assert (answer.state, words in answer.sentence) == (state, True), answer
    assert bool(answer.remedy) == (state is not READY)


@pytest.mark.parametrize(
    ("kind", "who", "state", "words"),
    [
        ("allow", "itself", READY, "may be delegated"),
        ("allow", "its group", READY, "by the entry of Delegates"),
        ("allow", "everybody", READY, "by the entry of Authenticated Users"),
        ("allow", "nobody here", NOT_READY, "lets others, and not this account"),
        ("deny", "its group", NOT_READY, "denies it to Delegates"),
        ("allow", "its domain local group", UNKNOWN, "not documented"),
        ("allow if", "itself", UNKNOWN, "condition"),
    ],
)
def test_by_the_attribute_of_the_computer(
    cast: Cast, kind: str, who: str, state: State, words: str
) -> None:
    sid = sid_of(cast, who)
    answer = say(cast, entries=[[kind, sid]])
    assert (answer.state, words in answer.sentence) == (state, True), answer
    assert "msDS-AllowedToActOnBehalfOfOtherIdentity" in answer.sentence
    assert bool(answer.remedy) == (state is not READY)
    if state is not NOT_READY or kind == "deny":
        assert sid in {item.id for item in answer.evidence}


@pytest.mark.parametrize(
    ("entries", "words"),
    [
        (None, "have not been read"),
        ("An access control entry has the wrong length.", "has the wrong length."),
    ],
)
def test_what_cannot_be_read_is_unknown_unless_the_list_is_enough(
    cast: Cast, entries: str | None, words: str
) -> None:
    answer = say(cast, entries=entries)
    assert (answer.state, answer.sentence.endswith((words, f"{words}."))) == (UNKNOWN, True), answer
    assert ".." not in answer.sentence
    assert say(cast, names=[f"HOST/{NAME}"], entries=entries).state is READY


def test_a_denial_by_the_attribute_takes_nothing_from_the_list(cast: Cast) -> None:
    sid = sid_of(cast, "itself")
    assert say(cast, names=[f"HOST/{NAME}"], entries=[["deny", sid]]).state is READY


def test_the_list_counts_in_the_domain_of_the_account_alone(cast: Cast) -> None:
    elsewhere = cast.domain
    elsewhere.pk, elsewhere.dns_name = uuid.uuid4(), "child.r2.local"
    elsewhere.dns_name_folded, elsewhere.netbios_name = "child.r2.local", "CHILD"
    elsewhere.sid = "S-1-5-21-9-9-9"
    elsewhere.distinguished_name = "DC=child,DC=r2,DC=local"
    elsewhere.save(force_insert=True)
    cast.xp191.domain = elsewhere
    cast.xp191.save()
    answer = say(cast, names=[f"HOST/{NAME}"], entries=[])
    assert (answer.state, "own domain only" in answer.sentence) == (NOT_READY, True), answer
    assert "account's list" not in answer.remedy


def test_without_the_portals_account_nothing_is_known(cast: Cast, settings: Any) -> None:
    settings.SERVICE_PRINCIPAL = "nobody@R2.LOCAL"
    assert say(cast, entries=[]).state is UNKNOWN
    assert say(cast, entries=[["allow", STRANGER]]).state is UNKNOWN


@pytest.mark.parametrize("entries", [[], [["allow", STRANGER]], "broken.", None])
def test_where_the_portal_calls_as_its_own_account_nothing_stands_in_the_way(
    cast: Cast, settings: Any, entries: Any
) -> None:
    needed = say(cast, entries=entries)
    settings.OFFER_AUTHORITIES = ["service"]
    answer = say(cast, entries=entries)
    assert needed.state is not READY
    assert (answer.state, answer.remedy) == (READY, "")
    assert answer.sentence.startswith("Not needed")
    assert answer.sentence.endswith(needed.sentence)
