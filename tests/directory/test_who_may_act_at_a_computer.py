"""Resource-based delegation: what a computer's attribute says, and of whom."""

from __future__ import annotations

import contextlib
import subprocess
import uuid
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from directory import synchronisation
from directory.configuration import domain_configuration
from directory.delegation import LOCAL_GROUPS, may_act
from directory.ldap.entries import Entry
from directory.ldap.security_descriptor import delegation_entries
from directory.ldap.values import EVERYONE, MalformedValue, pack_sid
from directory.models import Computer, Domain, SyncRun
from directory.synchronisation.batches import delegation_problem
from directory.synchronisation.rows import (
    ACTS_FOR_OTHERS,
    COMPUTER_COLUMNS,
    Surroundings,
    computer_row,
)
from directory.trusts import Effect
from lab.controller import DEBIAN_PYTHON
from lab.paths import LabPaths
from tests.conftest import Lab
from tests.directory.administrator import administrator
from tests.directory.descriptors import (
    ALLOW,
    ALLOW_IF,
    ALLOW_OBJECT,
    CONTROL,
    DENY,
    DENY_IF,
    INHERIT_ONLY,
    READ,
    ace,
    descriptor,
)
from tests.environment import DOMAIN

SCRIPT = Path(__file__).with_name("samba_delegation.py")
ALL_RIGHTS = 0x000F01FF  # what Set-ADComputer writes
ME, GROUP, LOCAL, OTHER = (f"S-1-5-21-1-2-3-{rid}" for rid in (1100, 1101, 1102, 1199))
Entries = Sequence[Sequence[str]] | str | None


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (descriptor(ace(ALLOW, ALL_RIGHTS, ME)), (("allow", ME),)),
        (descriptor(ace(ALLOW, CONTROL, ME)), (("allow", ME),)),
        (descriptor(ace(ALLOW, READ, ME)), ()),
        (descriptor(ace(ALLOW, ALL_RIGHTS, ME, flags=INHERIT_ONLY)), ()),
        (
            descriptor(ace(DENY, ALL_RIGHTS, OTHER), ace(ALLOW, ALL_RIGHTS, GROUP)),
            (("deny", OTHER), ("allow", GROUP)),
        ),
        (descriptor(ace(ALLOW_IF, CONTROL, ME)), (("allow if", ME),)),
        (descriptor(ace(DENY_IF, CONTROL, ME)), (("deny if", ME),)),
        (descriptor(ace(ALLOW_OBJECT, CONTROL, ME, uuid.UUID(int=1))), (("allow if", ME),)),
        (descriptor(ace(ALLOW_OBJECT, CONTROL, ME)), (("allow", ME),)),
        (descriptor(), ()),
        (bytes.fromhex("01000080") + bytes(16), (("allow", EVERYONE),)),  # no DACL
    ],
)
def test_the_entries_of_an_attribute(raw: bytes, expected: tuple[tuple[str, str], ...]) -> None:
    assert delegation_entries(raw) == expected


@given(st.binary(max_size=120))
def test_any_bytes_are_entries_or_malformed(raw: bytes) -> None:
    with contextlib.suppress(MalformedValue):
        assert isinstance(delegation_entries(raw), tuple)


@pytest.mark.parametrize(
    ("entries", "effect"),
    [
        ([], Effect.DENY),
        ([["allow", ME]], Effect.ALLOW),
        ([["allow", GROUP]], Effect.ALLOW),
        ([["allow", OTHER]], Effect.DENY),
        ([["deny", GROUP], ["allow", ME]], Effect.DENY),
        ([["allow", ME], ["deny", GROUP]], Effect.ALLOW),
        ([["deny", OTHER], ["allow", ME]], Effect.ALLOW),
        ([["allow if", ME]], Effect.UNKNOWN),
        ([["deny if", ME], ["allow", ME]], Effect.UNKNOWN),
        ([["allow", LOCAL]], Effect.UNKNOWN),
        ([["deny", LOCAL], ["allow", ME]], Effect.UNKNOWN),
        ([["allow", ME], ["deny", LOCAL]], Effect.ALLOW),
        ([["strange", ME]], Effect.UNKNOWN),
        ("It is too short.", Effect.UNKNOWN),
        (None, Effect.UNKNOWN),
    ],
)
def test_who_may_act(entries: Entries, effect: Effect) -> None:
    found = may_act(entries, {ME, GROUP}, {LOCAL})
    assert found.effect is effect, found
    assert bool(found.reason) == (effect is Effect.UNKNOWN)
    if entries and LOCAL in str(entries) and effect is Effect.UNKNOWN:
        assert (found.sid in (ME, LOCAL), found.reason) == (True, LOCAL_GROUPS)


def entry(raw: bytes | None) -> Entry:
    values = {
        "objectguid": (uuid.UUID(int=7).bytes_le,),
        "objectsid": (pack_sid(ME),),
        "samaccountname": (b"PC$",),
        "useraccountcontrol": (b"4096",),
    }
    return Entry(
        "CN=PC,DC=r2,DC=local", values | ({ACTS_FOR_OTHERS.lower(): (raw,)} if raw else {})
    )


@pytest.mark.parametrize(
    ("raw", "kept", "is_reported"),
    [
        (None, "[]", False),
        (descriptor(ace(ALLOW, ALL_RIGHTS, GROUP)), f'[["allow", "{GROUP}"]]', False),
        (b"\x01", '"A security descriptor from the directory is too short."', True),
        (
            descriptor(ace(ALLOW, ALL_RIGHTS, GROUP))[:-1],
            '"An access control list is longer than its security descriptor."',
            True,
        ),
    ],
)
def test_a_malformed_attribute_is_reported_on_its_computer_and_the_rest_is_taken_over(
    raw: bytes | None, kept: str, is_reported: bool
) -> None:
    around = Surroundings("0" * 32, "S-1-5-21-1-2-3", "r2.local", "r2.local")
    row = dict(zip(COMPUTER_COLUMNS, computer_row(entry(raw), around), strict=True))
    assert (row["name"], row["allowed_to_act"]) == ("PC", kept)
    problem = delegation_problem("computers", entry(raw))
    assert (problem is not None) == is_reported
    if problem is not None:
        assert (problem.keeps, ACTS_FOR_OTHERS in problem.reason) == (False, True)


@pytest.mark.lab
@pytest.mark.django_db
def test_changes_of_the_attribute_are_followed(lab_domain: Lab, synced_directory: Domain) -> None:
    smb_conf = LabPaths(lab_domain.directory).smb_conf

    def act(name: str, *sddl: str) -> Entries:
        """Has Samba write the attribute and the portal read what changed."""
        subprocess.run([DEBIAN_PYTHON, str(SCRIPT), str(smb_conf), name, *sddl], check=True)
        kind = SyncRun.Kind.INCREMENTAL
        synchronisation.run(domain_configuration(DOMAIN), kind=kind)
        found: Entries = Computer.objects.get(name="DELEGATED").allowed_to_act
        return found

    all_rights = "CCDCLCSWRPWPDTLOCRSDRCWDWO"  # as Set-ADComputer writes them
    with administrator(lab_domain.env["DIRECTORY_CA_FILE"]) as admin:
        name = admin.add_computer("DELEGATED")
        assert act(name) == []
        both = f"O:BAD:(D;;{all_rights};;;{OTHER})(A;;{all_rights};;;{ME})"
        assert act(name, both) == [["deny", OTHER], ["allow", ME]]
        assert act(name) == []
