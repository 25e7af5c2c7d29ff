"""What a live policy says beyond the choice is listed, with what it does."""

from __future__ import annotations

import struct

import pytest

from directory.grouppolicy.firewall import read_firewall
from directory.grouppolicy.kit import Difference, KitChoice, differences, kit_values
from directory.grouppolicy.kit.values import FIREWALL, HELPERS, REMOTE_ASSISTANCE, RULES
from directory.grouppolicy.registry_pol import REG_DWORD, REG_SZ, RegistryPolicyEntry
from directory.grouppolicy.remote_assistance import read_remote_assistance

CHOICE = KitChoice(name="Offers", control=True, helpers=(r"R2\Helpdesk Winnipeg",))
DOMAIN = rf"{FIREWALL}\DomainProfile"
STANDARD = rf"{FIREWALL}\StandardProfile"


def entry(key: str, name: str, data: int | str) -> RegistryPolicyEntry:
    if isinstance(data, int):
        return RegistryPolicyEntry(key, name, REG_DWORD, struct.pack("<I", data))
    return RegistryPolicyEntry(key, name, REG_SZ, f"{data}\0".encode("utf-16-le"))


def found_in(*further: RegistryPolicyEntry) -> tuple[Difference, ...]:
    entries = (*kit_values(CHOICE), *further)
    return differences(CHOICE, read_remote_assistance(entries), read_firewall(entries))


@pytest.mark.parametrize(
    ("key", "name", "data", "code", "said"),
    [
        (REMOTE_ASSISTANCE, "fAllowToGetHelp", 0, "setting_added", "may not ask for help"),
        (REMOTE_ASSISTANCE, "fAllowToGetHelp", 1, "setting_added", "ask for help by invitations"),
        (REMOTE_ASSISTANCE, "MaxTicketExpiry", 6, "setting_added", "not for offers"),
        (REMOTE_ASSISTANCE, "ViewMessage", "Hello", "setting_added", "show their screen"),
        (REMOTE_ASSISTANCE, "OptimizeBandwidth", 2, "setting_added", "to 2, which was not chosen"),
        (REMOTE_ASSISTANCE, "**del.LoggingEnabled", " ", "setting_added", "takes LoggingEnabled"),
        (REMOTE_ASSISTANCE, "**soft.LoggingEnabled", 1, "soft", "only where nothing is set"),
        (HELPERS, r"R2\Bob", r"R2\Helpdesk Winnipeg", "helper_unclear", r"named R2\Bob"),
        (HELPERS, r"R2\Eve", r"R2\Eve", "helper_added", r"R2\Eve is on"),
        (
            RULES,
            "Any",
            "v2.10|Action=Allow|Active=TRUE|Dir=In|Protocol=6|LPort=135|",
            "firewall_added",
            "Any lets in more",
        ),
        (
            RULES,
            "No",
            "v2.10|Action=Block|Active=TRUE|Dir=In|Protocol=6|LPort=135|",
            "firewall_blocks",
            "No blocks",
        ),
        (RULES, "Bad", "v2.10|Action=Allow", "firewall_unreadable", "cannot be read"),
        (
            rf"{STANDARD}\GloballyOpenPorts\List",
            "135:TCP",
            "135:TCP:*:Enabled:x",
            "firewall_added",
            "opens the port 135:TCP:*",
        ),
        (
            rf"{DOMAIN}\GloballyOpenPorts\List",
            "135:TCP",
            "135:TCP:*:Disabled:x",
            "firewall_blocks",
            "closes the port",
        ),
        (
            rf"{DOMAIN}\AuthorizedApplications\List",
            "msra",
            r"%WINDIR%\system32\msra.exe:*:Enabled:x",
            "firewall_added",
            "opens the program",
        ),
        (DOMAIN, "EnableFirewall", 0, "firewall_added", "switched off in the domain's network"),
        (STANDARD, "DoNotAllowExceptions", 1, "firewall_added", "no exception through in other"),
        (rf"{DOMAIN}\RemoteAdminSettings", "Enabled", 1, "firewall_added", "more than offers need"),
        (rf"{DOMAIN}\Services\RemoteDesktop", "Enabled", 1, "firewall_added", "Remote Desktop"),
        (RULES, "**del.Theirs", " ", "firewall_removed", "takes theirs (firewallrules)"),
    ],
)
def test_what_was_not_chosen_is_listed(
    key: str, name: str, data: int | str, code: str, said: str
) -> None:
    (difference,) = found_in(entry(key, name, data))
    assert difference.code == code
    assert said in difference.sentence


@pytest.mark.parametrize(
    ("key", "name", "data"),
    [
        (RULES, "Idle", "v2.10|Action=Allow|Active=FALSE|Dir=In|Protocol=6|LPort=135|"),
        (RULES, "Web", "v2.10|Action=Allow|Active=TRUE|Dir=In|Protocol=6|LPort=443|"),
        (DOMAIN, "EnableFirewall", 1),
        (r"Software\Policies\Else", "Value", 1),
    ],
)
def test_what_opens_and_closes_nothing_for_offers_is_not(
    key: str, name: str, data: int | str
) -> None:
    assert found_in(entry(key, name, data)) == ()
