"""gPLink, folders in SYSVOL and who may apply a policy."""

from __future__ import annotations

import contextlib
import struct
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from directory.grouppolicy.links import MalformedLinks, parse_links
from directory.grouppolicy.sysvol import UntrustedPolicyPath, policy_path
from directory.ldap.security_descriptor import APPLY_GROUP_POLICY, is_security_filtered
from directory.ldap.values import MalformedValue, pack_sid

FIRST = "31B2F340-016D-11D2-945F-00C04FB984F9"
SECOND = "6AC1786C-016F-11D2-945F-00C04fB984F9"


def link(guid: str, options: int) -> str:
    return f"[LDAP://cn={{{guid}}},cn=policies,cn=system,DC=r2,DC=local;{options}]"


def test_the_last_link_of_the_text_has_link_order_one() -> None:
    first, second = parse_links(link(FIRST, 0) + link(SECOND, 0))
    assert (first.policy_guid, first.order) == (uuid.UUID(SECOND), 1)
    assert (second.policy_guid, second.order) == (uuid.UUID(FIRST), 2)


@pytest.mark.parametrize(
    ("options", "is_disabled", "is_enforced"),
    [(0, False, False), (1, True, False), (2, False, True), (3, True, True)],
)
def test_a_link_can_be_disabled_and_enforced(
    options: int, is_disabled: bool, is_enforced: bool
) -> None:
    (found,) = parse_links(link(FIRST, options))
    assert (found.is_disabled, found.is_enforced) == (is_disabled, is_enforced)


@pytest.mark.parametrize("empty", ["", " "])
def test_a_container_may_have_no_links(empty: str) -> None:
    assert parse_links(empty) == ()


@pytest.mark.parametrize(
    "value", ["[LDAP://x;0", "rubbish", link(FIRST, 0) + "[x]", "[LDAP://a;z]"]
)
def test_links_out_of_form_are_refused(value: str) -> None:
    with pytest.raises(MalformedLinks):
        parse_links(value)


def test_a_policy_folder_is_taken_from_its_own_domain() -> None:
    folder = policy_path(rf"\\r2.local\SysVol\r2.local\Policies\{{{FIRST}}}", "R2.local")
    assert folder == rf"r2.local\Policies\{{{FIRST}}}"


@pytest.mark.parametrize(
    "path",
    [
        r"\\evil.example\sysvol\r2.local\Policies\{X}",
        r"\\r2.local\c$\windows",
        r"\\r2.local\sysvol\..\..\secret",
        r"\\r2.local\sysvol\a\..\b",
        r"\\r2.local\sysvol\r2.local/../x",
        "",
    ],
)
def test_a_policy_folder_elsewhere_is_refused(path: str) -> None:
    with pytest.raises(UntrustedPolicyPath):
        policy_path(path, "r2.local")


READ = 0x00020094
CONTROL = 0x00000100
USERS = "S-1-5-11"


def ace(kind: int, mask: int, sid: str, right: uuid.UUID | None = None, flags: int = 0) -> bytes:
    body = struct.pack("<I", mask)
    if kind in (5, 6):
        body += struct.pack("<I", 1 if right else 0) + (right.bytes_le if right else b"")
    body += pack_sid(sid)
    return struct.pack("<BBH", kind, flags, len(body) + 4) + body


def descriptor(*aces: bytes) -> bytes:
    body = b"".join(aces)
    acl = struct.pack("<BBHHH", 4, 0, 8 + len(body), len(aces), 0) + body
    return struct.pack("<BBHIIII", 1, 0, 0x8004, 0, 0, 0, 20) + acl


ALLOW_READ = ace(0, READ, USERS)
ALLOW_APPLY = ace(5, CONTROL, USERS, APPLY_GROUP_POLICY)


def test_a_policy_everyone_may_read_and_apply_is_not_filtered() -> None:
    assert not is_security_filtered(descriptor(ALLOW_READ, ALLOW_APPLY))


@pytest.mark.parametrize(
    "aces",
    [
        (ALLOW_READ,),
        (ALLOW_APPLY,),
        (ALLOW_READ, ace(5, CONTROL, "S-1-5-21-1-2-3-1105", APPLY_GROUP_POLICY)),
        (ALLOW_READ, ace(5, CONTROL, USERS, uuid.UUID(int=7))),
        (ALLOW_READ, ace(5, CONTROL, USERS, APPLY_GROUP_POLICY, flags=0x08)),
        (ALLOW_READ, ALLOW_APPLY, ace(6, CONTROL, "S-1-5-21-1-2-3-1105", APPLY_GROUP_POLICY)),
        (ALLOW_READ, ALLOW_APPLY, ace(1, CONTROL, USERS)),
        (),
    ],
)
def test_any_other_policy_is_filtered(aces: tuple[bytes, ...]) -> None:
    assert is_security_filtered(descriptor(*aces))


@pytest.mark.parametrize("cut", range(1, len(descriptor(ALLOW_READ, ALLOW_APPLY)), 5))
def test_a_security_descriptor_cut_short_is_refused(cut: int) -> None:
    with pytest.raises(MalformedValue):
        is_security_filtered(descriptor(ALLOW_READ, ALLOW_APPLY)[:cut])


@given(st.binary(max_size=120))
def test_any_bytes_for_a_security_descriptor_are_read_or_refused(raw: bytes) -> None:
    with contextlib.suppress(MalformedValue):
        is_security_filtered(raw)
