"""Registry.pol files: literal ones, broken ones, and what they say of Remote Assistance."""

from __future__ import annotations

import contextlib
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from directory.grouppolicy.registry_pol import (
    REG_DWORD,
    REG_SZ,
    MalformedRegistryPolicy,
    RegistryPolicyEntry,
    parse_registry_policy,
)
from directory.grouppolicy.remote_assistance import ListedHelper, read_remote_assistance

KEY = r"Software\policies\Microsoft\Windows NT\Terminal Services"
HELPERS = KEY + r"\RAUnsolicit"
HEADER = b"PReg\x01\x00\x00\x00"
# [k;v;REG_DWORD;4;1], byte for byte as [MS-GPREG] 2.2.1 lays it out.
ONE_ENTRY = HEADER + bytes.fromhex(
    "5b00 6b00 0000 3b00 7600 0000 3b00 04000000 3b00 04000000 3b00 01000000 5d00"
)


def dword(name: str, value: int, key: str = KEY) -> RegistryPolicyEntry:
    return RegistryPolicyEntry(key, name, REG_DWORD, struct.pack("<I", value))


def text(name: str, value: str, key: str = HELPERS) -> RegistryPolicyEntry:
    return RegistryPolicyEntry(key, name, REG_SZ, (value + "\x00").encode("utf-16-le"))


def pack(entries: list[RegistryPolicyEntry]) -> bytes:
    def wide(value: str) -> bytes:
        return value.encode("utf-16-le")

    raw = HEADER
    for entry in entries:
        raw += wide("[") + wide(entry.key + "\x00") + wide(";") + wide(entry.name + "\x00")
        raw += wide(";") + struct.pack("<I", entry.type) + wide(";")
        raw += struct.pack("<I", len(entry.data)) + wide(";") + entry.data + wide("]")
    return raw


def test_an_entry_is_read_byte_for_byte() -> None:
    (entry,) = parse_registry_policy(ONE_ENTRY)
    assert entry == RegistryPolicyEntry("k", "v", REG_DWORD, b"\x01\x00\x00\x00")
    assert entry.dword == 1


def test_a_policy_without_settings_is_a_header_alone() -> None:
    assert parse_registry_policy(HEADER) == ()


@pytest.mark.parametrize("cut", [n for n in range(len(ONE_ENTRY)) if n != len(HEADER)])
def test_a_file_cut_short_anywhere_is_refused(cut: int) -> None:
    with pytest.raises(MalformedRegistryPolicy):
        parse_registry_policy(ONE_ENTRY[:cut])


def test_a_size_beyond_the_file_is_refused() -> None:
    raw = ONE_ENTRY.replace(b"\x04\x00\x00\x00;\x00\x01", b"\xff\xff\xff\xff;\x00\x01")
    with pytest.raises(MalformedRegistryPolicy):
        parse_registry_policy(raw)


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    with contextlib.suppress(MalformedRegistryPolicy):
        parse_registry_policy(HEADER + raw)


@given(
    st.lists(
        st.builds(
            RegistryPolicyEntry,
            st.text(st.characters(exclude_characters="\x00", exclude_categories=("Cs",))),
            st.text(st.characters(exclude_characters="\x00", exclude_categories=("Cs",))),
            st.integers(0, 2**32 - 1),
            st.binary(max_size=40),
        ),
        max_size=5,
    )
)
def test_whatever_is_written_is_read_back(entries: list[RegistryPolicyEntry]) -> None:
    assert list(parse_registry_policy(pack(entries))) == entries


def test_a_policy_that_allows_offers_with_control_and_lists_helpers() -> None:
    policy = read_remote_assistance(
        [
            dword("fAllowUnsolicited", 1),
            dword("fAllowUnsolicitedFullControl", 1),
            text("**delvals.", " "),
            text(r"R2\Helpdesk", r"R2\Helpdesk"),
            text(r"r2.local\mjones", r"r2.local\mjones"),
        ]
    )
    assert policy.offers_allowed is True
    assert policy.control_allowed is True
    assert policy.replaces_helpers
    assert [helper.data for helper in policy.helpers] == [r"R2\Helpdesk", r"r2.local\mjones"]


def test_keys_and_names_are_compared_without_case() -> None:
    policy = read_remote_assistance([dword("FALLOWUNSOLICITED", 1, KEY.upper())])
    assert policy.offers_allowed is True


def test_a_disabled_policy_removes_the_control_value() -> None:
    policy = read_remote_assistance(
        [dword("fAllowUnsolicited", 0), text("**del.fAllowUnsolicitedFullControl", " ", KEY)]
    )
    assert policy.offers_allowed is False
    assert policy.control_allowed is None
    assert policy.control_removed


@pytest.mark.parametrize(
    "entry",
    [
        dword("fAllowUnsolicited", 2),
        RegistryPolicyEntry(KEY, "fAllowUnsolicited", REG_SZ, "1\x00".encode("utf-16-le")),
        RegistryPolicyEntry(KEY, "fAllowUnsolicited", REG_DWORD, b"\x01"),
    ],
)
def test_anything_but_the_number_one_does_not_allow(entry: RegistryPolicyEntry) -> None:
    assert read_remote_assistance([entry]).offers_allowed is False


def test_a_policy_about_something_else_says_nothing() -> None:
    policy = read_remote_assistance([dword("fDenyTSConnections", 1)])
    assert policy.offers_allowed is None
    assert not policy.helpers


def test_helpers_before_the_removal_of_all_are_gone() -> None:
    policy = read_remote_assistance(
        [text("R2\\old", "R2\\old"), text("**DelVals.", " "), text("R2\\new", "R2\\new")]
    )
    assert [helper.name for helper in policy.helpers] == ["R2\\new"]


def test_one_helper_can_be_taken_from_earlier_lists() -> None:
    policy = read_remote_assistance([text(r"**del.R2\Old", " ")])
    assert policy.removed_helpers == (r"r2\old",)
    assert not policy.replaces_helpers


def test_a_whole_key_can_be_removed() -> None:
    policy = read_remote_assistance(
        [text("R2\\a", "R2\\a"), text("**DeleteKeys", "RAUnsolicit", KEY)]
    )
    assert policy.replaces_helpers
    assert not policy.helpers


def test_a_helper_whose_data_differs_from_its_name_is_marked() -> None:
    assert not ListedHelper("R2\\a", "R2\\b").is_consistent
    assert ListedHelper("R2\\a", "r2\\A").is_consistent


def test_a_soft_value_is_not_taken_for_a_setting() -> None:
    policy = read_remote_assistance([dword("**soft.fAllowUnsolicited", 1)])
    assert policy.offers_allowed is None
    assert policy.has_soft_values


def test_a_soft_value_of_something_else_in_the_key_does_not_matter() -> None:
    assert not read_remote_assistance([dword("**soft.fDenyTSConnections", 1)]).has_soft_values


def test_a_value_that_is_removed_is_stated_as_such() -> None:
    policy = read_remote_assistance(
        [dword("LoggingEnabled", 1), text("**del.LoggingEnabled", " ", KEY)]
    )
    assert policy.other == {"LoggingEnabled": None}
    policy = read_remote_assistance([text("**delvals.", " ", KEY), dword("fAllowToGetHelp", 1)])
    assert policy.other["fAllowToGetHelp"] == 1
    assert policy.other["MaxTicketExpiry"] is None
    assert policy.offers_removed
