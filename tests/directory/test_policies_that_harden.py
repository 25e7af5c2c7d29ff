"""Settings beside the firewall that keep offers away: reading them, and DCOM's restrictions."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from directory.grouppolicy.dcom_restriction import (
    ACCESS_RIGHTS,
    LAUNCH_RIGHTS,
    MalformedRestriction,
    lets_in,
)
from directory.grouppolicy.hardening import REG_MULTI_SZ, read_hardening
from directory.grouppolicy.registry_pol import REG_DWORD, REG_SZ, RegistryPolicyEntry

DCOM = r"SOFTWARE\policies\Microsoft\windows NT\DCOM"
RPC = r"Software\Policies\Microsoft\Windows NT\Rpc"
SYSTEM = r"Software\Microsoft\Windows\CurrentVersion\Policies\System"
DOMAIN = "S-1-5-21-1-2-3"
MARY = f"{DOMAIN}-1104"
HELPDESK = f"{DOMAIN}-1201"
CALLER = frozenset({MARY, HELPDESK})


def number(key: str, name: str, data: int) -> RegistryPolicyEntry:
    return RegistryPolicyEntry(key, name, REG_DWORD, struct.pack("<I", data))


def text(key: str, name: str, data: str, kind: int = REG_SZ) -> RegistryPolicyEntry:
    return RegistryPolicyEntry(key, name, kind, (data + "\x00").encode("utf-16-le"))


def test_values_are_read_by_name_whatever_the_case() -> None:
    assert read_hardening(
        [
            text(DCOM, "machineaccessrestriction", "O:BAG:BAD:(A;;CCLC;;;AU)"),
            number(RPC, "RESTRICTREMOTECLIENTS", 2),
            text(r"Software\Microsoft\Rpc\Internet", "Ports", "5000-5100\x006000", REG_MULTI_SZ),
            number(SYSTEM, "PromptOnSecureDesktop", 1),
            number(SYSTEM, "Unrelated", 1),
        ]
    ) == {
        "MachineAccessRestriction": "O:BAG:BAD:(A;;CCLC;;;AU)",
        "RestrictRemoteClients": 2,
        "Ports": "5000-5100, 6000",
        "PromptOnSecureDesktop": 1,
    }


def test_removals_are_a_word_of_their_own() -> None:
    assert read_hardening([text(RPC, "**del.RestrictRemoteClients", " ")]) == {
        "RestrictRemoteClients": None
    }
    assert read_hardening(
        [number(RPC, "RestrictRemoteClients", 2), text(RPC, "**DelVals.", " ")]
    ) == {"RestrictRemoteClients": None}
    assert read_hardening([text(SYSTEM, "**DeleteValues", "PromptOnSecureDesktop;Other")]) == {
        "PromptOnSecureDesktop": None
    }


def test_another_type_is_marked_as_unreadable() -> None:
    assert read_hardening([text(RPC, "RestrictRemoteClients", "2")]) == {
        "RestrictRemoteClients": "?"
    }
    assert read_hardening([number(DCOM, "MachineLaunchRestriction", 2)]) == {
        "MachineLaunchRestriction": "?"
    }
    assert read_hardening([text(DCOM, "MachineLaunchRestriction", "x" * 5000)]) == {
        "MachineLaunchRestriction": "?"
    }


@pytest.mark.parametrize(
    ("sddl", "needed", "answer"),
    [
        (f"O:BAG:BAD:(A;;CCDCLC;;;{HELPDESK})", ACCESS_RIGHTS, True),
        (f"O:BAG:BAD:(A;;CCDC;;;{HELPDESK})", ACCESS_RIGHTS, False),
        ("O:BAG:BAD:(A;;CCDCLC;;;WD)", ACCESS_RIGHTS, True),
        ("D:(A;;CCDCLCSWRP;;;AU)", LAUNCH_RIGHTS, True),
        ("D:(A;;CCDCLCSW;;;AU)", LAUNCH_RIGHTS, False),
        (f"D:(A;;CCLC;;;{MARY})(A;;CCRP;;;{HELPDESK})", LAUNCH_RIGHTS, True),
        (f"D:(D;;CCLC;;;{MARY})(A;;CCDCLC;;;AU)", ACCESS_RIGHTS, False),
        (f"D:(A;;CCDCLC;;;{DOMAIN}-1999)", ACCESS_RIGHTS, False),
        ("D:(A;;CC;;;AU)", LAUNCH_RIGHTS, True),
        ("D:(A;;0x1f;;;AU)", LAUNCH_RIGHTS, True),
        ("D:(A;;GA;;;AU)", LAUNCH_RIGHTS, True),
        ("D:(A;;CCDCLC;;;BA)", ACCESS_RIGHTS, None),
        ("D:(A;;CCDCLC;;;CD)(A;;CCDCLC;;;AU)", ACCESS_RIGHTS, None),
        ("D:", ACCESS_RIGHTS, False),
        ("D:PAI(A;;CCDCLC;;;AU)S:(AU;SA;CC;;;WD)", ACCESS_RIGHTS, True),
    ],
)
def test_a_restriction_lets_in_whom_it_names(sddl: str, needed: int, answer: bool | None) -> None:
    assert lets_in(sddl, needed, CALLER, DOMAIN) is answer


def test_the_domains_groups_are_those_of_the_computers_domain() -> None:
    users = CALLER | {f"{DOMAIN}-513"}
    assert lets_in("D:(A;;CCDCLC;;;DU)", ACCESS_RIGHTS, users, DOMAIN) is True
    assert lets_in("D:(A;;CCDCLC;;;DU)", ACCESS_RIGHTS, users, "S-1-5-21-9-9-9") is False


@pytest.mark.parametrize(
    "sddl",
    [
        "",
        "nonsense",
        "D:(A;;CC;;;AU",
        "D:(A;;XX;;;AU)",
        "D:(A;;C;;;AU)",
        "D:(A;;CC;;;ZZ)",
        "D:(X;;CC;;;AU)",
        "D:(A;CC;AU)",
        "D:(A;;CC;;;AU)trailing",
    ],
)
def test_a_restriction_that_cannot_be_read_is_no_answer(sddl: str) -> None:
    with pytest.raises(MalformedRestriction):
        lets_in(sddl, ACCESS_RIGHTS, CALLER, DOMAIN)


@given(st.text(max_size=80), st.text(max_size=40))
def test_any_text_is_judged_or_refused(before: str, inside: str) -> None:
    for sddl in (before, f"D:({inside})", f"{before}D:(A;;{inside};;;AU)"):
        try:
            answer = lets_in(sddl, ACCESS_RIGHTS, CALLER, DOMAIN)
        except MalformedRestriction:
            continue
        assert answer in (True, False, None)
