"""Policies, links and permissions that are broken: told of, and never good for an allow."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.db import transaction
from hypothesis import given
from hypothesis import strategies as st

from directory.grouppolicy.links import MalformedLinks, parse_links
from directory.ldap.entries import Entry
from directory.ldap.security_descriptor import parse_dacl
from directory.ldap.values import MalformedValue
from directory.models import Computer, Domain, HelperEntry, OrganizationalUnit
from directory.policies import ResultantPolicy, resultant_policy
from directory.policies.filtering import may_apply, named_sids
from directory.synchronisation.batches import Problem, link_problem, permissions_problem
from directory.synchronisation.helper_entries import store_helper_entries
from directory.synchronisation.links import store_links
from directory.synchronisation.policy_rows import has_registry_extension, read_policy_files
from tests.directory import world
from tests.directory.descriptors import (
    DENY_IF,
    ace,
    applies_to,
    descriptor,
    may_not_apply,
    may_read,
)
from tests.directory.descriptors import (
    may_apply as entry_to_apply,
)

pytestmark = pytest.mark.django_db

TOKEN = frozenset({"S-1-5-11", "S-1-5-21-1-2-3-1001"})
DENYING = descriptor(may_not_apply("S-1-5-21-1-2-3-1001"), may_read(), entry_to_apply("S-1-5-11"))
ALLOW: dict[str, Any] = {"offers_allowed": True, "control_allowed": True}
Place = tuple[Domain, OrganizationalUnit, Computer]

# Pieces of gPLink values: well formed, nearly so, and not at all.
pieces = st.sampled_from(
    ["[LDAP://{dn};0]", "[LDAP://{dn};2]", "[ldap://{dn};1]", "[LDAP://cn=x;0]"]
    + ["[LDAP://{dn};", "[{dn};0]", "[LDAP://{dn};-1]", "[LDAP://{dn};99999999999]", "]", " ", "\0"]
)
links = st.one_of(st.text(max_size=60), st.lists(pieces, max_size=5).map("".join))


@pytest.fixture
def place(db: None) -> Place:
    """A unit that allows offers, below a head that may forbid them."""
    home = world.domain()
    unit = world.unit(home, "Winnipeg")
    return home, unit, world.computer(home, "PC", unit)


def is_allowed_for_certain(result: ResultantPolicy) -> bool:
    return result.is_certain("offers") and result.offers_allowed is True


@given(text=links)
def test_any_gplink_is_read_or_reported_and_stops_nothing(place: Place, text: str) -> None:
    home, unit, pc = place
    with transaction.atomic():
        forbids = world.policy(home, "Forbids", offers_allowed=False)
        allows = world.policy(home, "Allows", **ALLOW)
        type(forbids).objects.filter(pk=forbids.pk).update(
            distinguished_name=f"CN={{{forbids.policy_guid}}},CN=x"
        )
        home.gp_link = text.replace("{dn}", f"CN={{{forbids.policy_guid}}},CN=x")
        type(allows).objects.filter(pk=allows.pk).update(
            distinguished_name=f"CN={{{allows.policy_guid}}},CN=x"
        )
        unit.gp_link = f"[LDAP://CN={{{allows.policy_guid}}},CN=x;0]"
        stored = home.gp_link.replace("\0", "")  # which is never stored
        home.gp_link = stored
        home.save()
        unit.save()
        store_links(home)
        result = resultant_policy(pc)
        try:
            parsed = parse_links(stored)
        except MalformedLinks:
            assert not result.is_certain("offers")
            assert [item.code for item in result.unknowns] == ["link_malformed"]
            assert link_problem("domains", entry(stored)) is not None
        else:
            assert link_problem("domains", entry(stored)) is None
            forbidden = any(link.is_enforced and not link.is_disabled for link in parsed)
            assert not (forbidden and is_allowed_for_certain(result))
        transaction.set_rollback(True)


def entry(gp_link: str) -> Entry:
    return Entry(
        "DC=r2,DC=local",
        {"gplink": (gp_link.encode(),), "objectguid": (uuid.uuid4().bytes_le,)},
    )


@given(cut=st.integers(0, len(DENYING) - 1))
def test_permissions_cut_short_never_let_a_policy_apply(place: Place, cut: int) -> None:
    home, unit, pc = place
    with transaction.atomic():
        raw = DENYING[:cut]
        values = {"security_descriptor": raw, "is_security_filtered": None}
        world.link(world.policy(home, "P", **ALLOW, **values), unit)
        result = resultant_policy(pc)
        assert not is_allowed_for_certain(result)
        assert [item.code for item in result.unknowns] == ["security_descriptor_unreadable"]
        transaction.set_rollback(True)


def test_broken_permissions_are_reported_on_their_policy() -> None:
    def reported(raw: bytes) -> Problem | None:
        guid = (uuid.uuid4().bytes_le,)
        found = Entry("CN={X}", {"ntsecuritydescriptor": (raw,), "objectguid": guid})
        return permissions_problem("policies", found)

    assert reported(DENYING) is None
    problem = reported(DENYING[:-3])
    assert problem is not None
    assert (problem.distinguished_name, problem.keeps) == ("CN={X}", False)


@given(raw=st.binary(max_size=200) | st.tuples(st.integers(20, 119), st.binary(max_size=8)))
def test_any_permissions_are_read_or_refused(raw: bytes | tuple[int, bytes]) -> None:
    if isinstance(raw, tuple):  # a good descriptor with some bytes overwritten
        position, patch = raw
        raw = DENYING[:position] + patch + DENYING[position + len(patch) :]
    try:
        entries = parse_dacl(raw, with_conditional=True)
    except MalformedValue as error:
        assert error.sentence
        return
    access = may_apply(entries, TOKEN, frozenset())
    assert access.is_granted in (True, False, None)
    assert access.depends_on <= named_sids(entries)


def test_a_deny_with_a_condition_is_no_allow(place: Place) -> None:
    home, unit, pc = place
    raw = descriptor(ace(DENY_IF, 0x100, "S-1-5-11"), may_read(), entry_to_apply("S-1-5-11"))
    world.link(world.policy(home, "P", security_descriptor=raw, **ALLOW), unit)
    result = resultant_policy(pc)
    assert [item.code for item in result.unknowns] == ["security_filter"]


class Sysvol:
    """A share with the files of one policy."""

    def __init__(self, registry: bytes | None, information: bytes | None) -> None:
        self._files = {"Registry.pol": registry, "GPT.INI": information}

    def read(self, path: str) -> bytes | None:
        return self._files.get(path.rpartition("\\")[2])


def read(registry: bytes | None, information: bytes | None = b"[General]\r\nVersion=7\r\n") -> Any:
    name = "{31B2F340-016D-11D2-945F-00C04FB984F9}"
    policy = Entry(
        f"CN={name},CN=Policies,CN=System,DC=r2,DC=local",
        {"gpcfilesyspath": (rf"\\r2.local\sysvol\r2.local\Policies\{name}".encode(),)},
    )
    return read_policy_files(policy, lambda: Sysvol(registry, information), "r2.local")


@given(
    registry=st.binary(max_size=120) | st.binary(max_size=80).map(lambda raw: b"PReg\1\0\0\0" + raw)
)
def test_any_registry_file_is_read_or_makes_a_problem_of_its_policy(registry: bytes) -> None:
    files = read(registry)
    if files.problem:
        assert files.remote_assistance.offers_allowed is None
        assert not files.remote_assistance.helpers


def test_a_policy_without_gpt_ini_is_not_taken_at_its_word() -> None:
    assert read(b"PReg\1\0\0\0").problem == ""
    assert "GPT.INI" in read(b"PReg\1\0\0\0", None).problem
    assert read(None).problem == "", "a policy without settings for computers has no such file"


@pytest.mark.parametrize(
    ("extensions", "expected"),
    [
        ("[{35378EAC-683F-11D2-A89A-00C04FBBCFA2}{0F6B957D-509E-11D1-A7CC-0000F87571E3}]", True),
        (
            "[{00000000-0000-0000-0000-000000000000}{x}][{35378eac-683f-11d2-a89a-00c04fbbcfa2}]",
            True,
        ),
        ("[{827D319E-6EAC-11D2-A4EA-00C04F79F83A}{35378EAC-683F-11D2-A89A-00C04FBBCFA2}]", False),
        ("", False),
        ("[[[", False),
    ],
)
def test_the_registry_extension_is_looked_for_where_it_counts(
    extensions: str, expected: bool
) -> None:
    assert has_registry_extension(extensions) is expected


@given(line=st.tuples(st.text(max_size=40), st.text(max_size=40)))
def test_any_line_of_a_helper_list_is_stored_with_its_problem(
    place: Place, line: tuple[str, str]
) -> None:
    home, _, _ = place
    pair = [text.replace("\0", "").encode("utf-8", "replace").decode() for text in line]
    with transaction.atomic():
        world.policy(home, "P", listed_helpers=[pair])
        store_helper_entries()
        (stored,) = HelperEntry.objects.all()
        assert stored.problem
        transaction.set_rollback(True)


def test_a_filter_by_everybody_is_what_it_seems(place: Place) -> None:
    home, unit, pc = place
    world.link(world.policy(home, "P", security_descriptor=applies_to("S-1-5-11"), **ALLOW), unit)
    assert is_allowed_for_certain(resultant_policy(pc))
