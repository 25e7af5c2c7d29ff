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
from directory.grouppolicy.hardening import read_hardening
from directory.grouppolicy.registry_pol import REG_DWORD, REG_SZ, RegistryPolicyEntry
from directory.grouppolicy.security_template import (
    MAXIMUM_BYTES,
    REG_MULTI_SZ,
    SECURITY_EXTENSION,
    MalformedSecurityTemplate,
    parse_security_template,
)
from directory.grouppolicy.sysvol import SysvolUnavailable
from directory.ldap.entries import Entry
from directory.synchronisation.policy_rows import read_policy_files

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


LAUNCH = r"MACHINE\SOFTWARE\policies\Microsoft\windows NT\DCOM\MachineLaunchRestriction"
UAC = r"MACHINE\Software\Microsoft\Windows\CurrentVersion\Policies\System"
TEMPLATE = rf"""[Unicode]
Unicode=yes
[Version]
signature="$CHICAGO$"
Revision=1
[System Access]
MinimumPasswordLength = 7
[registry values]
{LAUNCH}=1,"O:BAG:BAD:(A;;CCDCLCSWRP;;;{HELPDESK})"
; {UAC}\PromptOnSecureDesktop=4,9
{UAC}\PromptOnSecureDesktop = 4 , 1
"{UAC}\ConsentPromptBehaviorUser"=4,0x3
{UAC}\EnableUIADesktopToggle=4
USER\Software\Microsoft\Windows\CurrentVersion\Policies\System\PromptOnSecureDesktop=4,0
MACHINE\Software\Microsoft\Rpc\Internet\Ports=7,5000-5100,"6000"
[Privilege Rights]
{UAC}\PromptOnSecureDesktop=4,0
"""


def encoded(template: str) -> bytes:
    return b"\xff\xfe" + template.replace("\n", "\r\n").encode("utf-16-le")


def test_a_security_template_says_the_same_as_a_registry_pol() -> None:
    expected = {
        "MachineLaunchRestriction": f"O:BAG:BAD:(A;;CCDCLCSWRP;;;{HELPDESK})",
        "PromptOnSecureDesktop": 1,
        "ConsentPromptBehaviorUser": 3,
        "EnableUIADesktopToggle": "?",
        "Ports": "5000-5100, 6000",
    }
    assert read_hardening(parse_security_template(encoded(TEMPLATE))) == expected
    assert read_hardening(parse_security_template(TEMPLATE.encode("ascii"))) == expected


@pytest.mark.parametrize(
    "raw",
    [b"\xff\xfe\x00", b"\xff\xfe\x00\xd8", b"\xfe\xff\x00[", b"\x80", b" " * (MAXIMUM_BYTES + 1)],
)
def test_what_is_no_security_template_is_refused(raw: bytes) -> None:
    with pytest.raises(MalformedSecurityTemplate):
        parse_security_template(raw)


@pytest.mark.parametrize(
    "setting", ["4,4294967296", "4,-1", "4,", "4", "x,1", "999,1", "1", "3,00"]
)
def test_a_setting_that_breaks_the_grammar_is_unreadable(setting: str) -> None:
    template = f"[Registry Values]\n{UAC}\\PromptOnSecureDesktop={setting}\n"
    found = read_hardening(parse_security_template(encoded(template)))
    assert found == {"PromptOnSecureDesktop": "?"}


@given(st.binary(max_size=200), st.text(max_size=100))
def test_any_security_template_is_read_or_refused(raw: bytes, inside: str) -> None:
    for data in (
        raw,
        encoded(f"[Registry Values]\n{LAUNCH}={inside}\n{inside}".replace("\ud800", "")),
    ):
        try:
            read_hardening(parse_security_template(data))
        except MalformedSecurityTemplate:
            continue


class Folder:
    """A policy's folder in SYSVOL."""

    def __init__(self, template: bytes | None, is_closed: bool = False) -> None:
        self.template, self.is_closed = template, is_closed
        self.asked: list[str] = []

    def read(self, path: str) -> bytes | None:
        self.asked.append(path.rpartition("}\\")[2])
        if path.endswith("GPT.INI"):
            return b"[General]\r\nVersion=3\r\n"
        if path.endswith("GptTmpl.inf"):
            if self.is_closed:
                raise SysvolUnavailable("It is closed.")
            return self.template
        return None


def hardened(folder: Folder, extensions: str) -> dict[str, object]:
    entry = Entry(
        "CN={31B2F340-016D-11D2-945F-00C04FB984F9}",
        {
            "gpcfilesyspath": [rb"\\r2.local\sysvol\r2.local\Policies\{31B2F340}"],
            "gpcmachineextensionnames": [extensions.encode()],
        },
    )
    files = read_policy_files(entry, lambda: folder, "r2.local")
    assert files.problem == ""
    return dict(files.hardening)


def test_the_template_is_read_where_the_policy_names_security_settings() -> None:
    folder = Folder(encoded(TEMPLATE))
    assert hardened(folder, f"[{SECURITY_EXTENSION.lower()}{{803E14A0}}]")["Ports"]
    assert folder.asked[-1] == r"Machine\Microsoft\Windows NT\SecEdit\GptTmpl.inf"
    assert hardened(folder, "[{35378EAC-683F-11D2-A89A-00C04FBBCFA2}]") == {}
    assert hardened(Folder(None), f"[{SECURITY_EXTENSION}]") == {}


@pytest.mark.parametrize("folder", [Folder(b"\x80"), Folder(None, is_closed=True)])
def test_a_template_that_cannot_be_read_leaves_the_policy_as_it_is(folder: Folder) -> None:
    assert hardened(folder, f"[{SECURITY_EXTENSION}]") == {"GptTmpl.inf": "?"}
