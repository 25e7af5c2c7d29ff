"""Whatever the directory holds, it is stored or reported; nothing of it ends the run."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from directory.ldap.entries import Entry
from directory.ldap.values import MalformedValue
from directory.models import Domain
from directory.synchronisation.errors import NotOfInterest
from directory.synchronisation.kinds import KINDS, POLICIES, Kind
from directory.synchronisation.policy_rows import (
    FirewallPolicy,
    PolicyFiles,
    RemoteAssistancePolicy,
    policy_row,
)
from directory.synchronisation.rows import Row, Surroundings
from directory.synchronisation.staging import Staging
from tests.directory import world

SID = bytes.fromhex("010500000000000515000000010000000200000003000000e8030000")
GUID = uuid.UUID(int=7)
NOTHING_READ = PolicyFiles(RemoteAssistancePolicy(), FirewallPolicy(), None, "")

hostile = st.one_of(
    st.binary(max_size=40),
    st.sampled_from(
        [
            b"",
            b"\x00",
            b"a\x00b",
            b"*)(objectClass=*",
            rb"\5c\2a,=+<>#;" + b'"',
            b"x" * 10_000,
            "ü\U0001f600\u202e".encode(),
            b"\xff\xfe\xed\xa0\x80",
            b"-2147483649",
            b"99999999999999999999",
            b"9223372036854775807",
            b"805306368",
            b"2",
            SID,
            SID[:-1],
            b"<GUID=zz>;<SID=>;CN=x",
            b"<GUID=07000000000000000000000000000000>;CN=x,DC=r2,DC=local",
            b"20261123070000.0Z",
            b"20261399070000.0Z",
            b"{31B2F340-016D-11D2-945F-00C04FB984F9}",
        ]
    ),
)


def build(kind: Kind, entry: Entry, around: Surroundings) -> Row:
    if kind.build is not None:
        return kind.build(entry, around)
    return policy_row(entry, NOTHING_READ, around)


@pytest.mark.django_db
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
@given(data=st.data())
def test_what_is_taken_over_can_be_stored(kind: Kind, data: st.DataObject) -> None:
    values = data.draw(
        st.fixed_dictionaries(
            {},
            optional={
                name.lower(): st.lists(hostile, min_size=1, max_size=3).map(tuple)
                for name in (*kind.attributes, "objectSid")
            },
        )
    )
    name = data.draw(st.sampled_from([f"CN=x,{'OU=' * 9}", "DC=a,DC=r2.local,CN=MicrosoftDNS,"]))
    entry = Entry(name, values | {"objectguid": (GUID.bytes_le,)})
    with transaction.atomic():
        domain = Domain.objects.first() or world.domain()
        around = Surroundings(domain.guid.hex, domain.sid, domain.dns_name, domain.dns_name)
        try:
            row = build(kind, entry, around)
            related = list(kind.relation.read(entry)) if kind.relation else []
        except (MalformedValue, NotOfInterest):
            return
        assert len(row) == len(kind.columns)
        staging = Staging()
        staging.add(kind, [(GUID.hex, name, *row)])
        if kind.relation:
            staging.add_relation(kind, kind.relation, [(GUID.hex, *each) for each in related])
        staging.prepare(kind)
        staging.merge(kind, run=1, now=timezone.now())
        (stored,) = kind.model._default_manager.filter(pk=GUID)
        assert str(stored) is not None
        staging.close()
        stored.delete()


@pytest.mark.parametrize(
    ("kind_name", "missing"),
    [
        ("accounts", "sAMAccountName"),
        ("accounts", "objectSid"),
        ("accounts", "userAccountControl"),
        ("groups", "groupType"),
        ("computers", "userAccountControl"),
        ("trusts", "trustPartner"),
        ("policies", "cn"),
        ("sites", "name"),
    ],
)
def test_an_object_without_what_all_of_its_kind_have_is_reported(
    kind_name: str, missing: str
) -> None:
    (kind,) = (kind for kind in KINDS if kind.name == kind_name)
    values: dict[str, Any] = {
        name.lower(): (b"1",) for name in ("sAMAccountName", "userAccountControl", "groupType")
    } | {"objectsid": (SID,), "trustpartner": (b"x",), "name": (b"x",), "cn": (b"x",)}
    del values[missing.lower()]
    around = Surroundings("0" * 32, "S-1-5-21-1-2-3", "r2.local", "r2.local")
    with pytest.raises(MalformedValue, match=f"{missing} is missing"):
        build(kind, Entry("CN=x", values), around)


def test_policies_are_built_apart_from_all_others() -> None:
    assert [kind for kind in KINDS if kind.build is None] == [POLICIES]
